"""A real Bento: what goes in is what is allowed in, and it is served from there alone."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pandas as pd
import pytest
import yaml

from data.home import Home
from tests.serving.models.pairs import promoted, version, versions
from tests.serving.served import bentoml, environment, refused, running, token_of
from tests.serving.test_api import patient, request

ROOT = Path(__file__).resolve().parents[2]
NAME = "firstcall-service"
PATIENTS = "patient_id,birth_on\nPlanted-Patient-0815,1940-01-01\n"
PLANTED = (
    "data/members.csv", "data/sources/extract.txt",
    "serving/list.csv", "serving/api/members.csv", "serving/store/firstcall.db",
    "serving/store/migrations/list.json", "serving/models/model.txt", "serving/models/model.json",
    "serving/ehr/patient.json", "serving/access/accounts.txt", "features/definitions/rows.csv",
    "serving/pages/templates/list.csv", "serving/pages/list.toml",
    ".firstcall/member.csv", ".firstcall/firstcall.db", "service.toml", "audit.key",
)  # fmt: skip
MADE_BY_BENTOML = {
    "README.md", "bento.yaml", "apis/openapi.yaml", "apis/schema.json",
    "env/docker/Dockerfile", "env/docker/entrypoint.sh",
    "env/python/requirements.in", "env/python/requirements.txt",
    "src/bentofile.yaml",
}  # fmt: skip


def allowed():
    code = [
        *ROOT.glob("data/*.py"), *ROOT.glob("data/sources/**/*.py"),
        *ROOT.glob("data/codelists/*.csv"), *ROOT.glob("features/**/*.py"),
        *ROOT.glob("serving/**/*.py"), ROOT / "serving/pages/words.toml",
        *ROOT.glob("serving/pages/templates/*.html"), *ROOT.glob("serving/pages/static/*.*"),
    ]  # fmt: skip
    return {f"src/{path.relative_to(ROOT).as_posix()}" for path in code} | MADE_BY_BENTOML


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the project in which patient data were left lying about."""
    tree = tmp_path_factory.mktemp("project") / "tree"
    tree.mkdir()
    for room in ("data", "features", "serving", "training", "tests"):
        shutil.copytree(ROOT / room, tree / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("bentofile.yaml", "pyproject.toml", "firstcall.py"):
        shutil.copy(ROOT / name, tree / name)
    for planted in PLANTED:
        (tree / planted).parent.mkdir(exist_ok=True)
        (tree / planted).write_text(PATIENTS)
    frame = pd.DataFrame({"patient_id": ["Planted-Patient-0815"]})
    for folder in ("data", "features", "serving/store"):
        frame.to_parquet(tree / folder / "member.parquet")
    return tree


def without_home(base, **more):
    around = environment(Path("nowhere"), base, **more)
    del around["FIRSTCALL_HOME"]
    return around


def build(tree, base, **more):
    """`bentoml build` by itself: the process that did it."""
    return subprocess.run(
        bentoml("build", "--output", "tag", tree), cwd=tree, env=without_home(base, **more),
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def built(done, base):
    """The folder of the Bento that was built."""
    assert done.returncode == 0, done.stdout + done.stderr
    (tag,) = [w for w in done.stdout.split() if w.startswith("__tag__:")]
    _, name, version = tag.split(":")
    assert name == NAME
    return base / "bentoml" / "bentos" / name / version


@pytest.fixture(scope="module")
def bento(tree, tmp_path_factory):
    """A Bento without any model, of a store that holds none."""
    base = tmp_path_factory.mktemp("bento")
    among_code_lists = tree / "data" / "codelists" / "members.csv"
    among_code_lists.write_text(PATIENTS)
    done = build(tree, base)
    among_code_lists.unlink()  # features have another meaning with another code list
    said = "firstcall: models in this Bento: none, it will read those of FIRSTCALL_HOME"
    assert said in done.stderr.splitlines()
    return built(done, base)


def files(folder):
    return {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}


def contents(folder):
    return {name: path.read_bytes() for name, path in files(folder).items()}


def test_exactly_what_is_allowed_is_in(bento):
    assert set(files(bento)) == allowed()


def test_no_planted_patient_is_in(bento):
    for name, content in contents(bento).items():
        assert b"Planted-Patient-0815" not in content, name
    assert not (bento / "models").exists()


def test_it_carries_its_own_lock_without_an_index(bento):
    lock = (bento / "env/python/requirements.txt").read_text()
    pinned = {line.split("==")[0] for line in lock.splitlines() if "==" in line and line[0] != " "}
    assert {"bentoml", "lightgbm", "fastapi", "duckdb", "httpx", "alembic"} <= pinned
    assert not pinned & {"mlflow", "scikit-learn", "shap", "matplotlib"}
    assert "--hash=sha256:" in lock
    assert "index-url" not in lock


def test_the_service_loads_from_the_bento_alone(bento, tmp_path):
    code = (
        "import serving.service, serving.app, serving.models.in_use, sys, data, features;"
        "print(*(m.__file__ for m in (serving.service, data, features)), sep='\\n');"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'mlflow', 'sklearn', 'shap'}))"
    )
    loaded = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=tmp_path, capture_output=True, text=True,
        env=environment(tmp_path, tmp_path, PYTHONPATH=str(bento / "src")), check=False,
    )  # fmt: skip
    assert loaded.returncode == 0, loaded.stderr
    *places, heavy = loaded.stdout.splitlines()
    assert all(place.startswith(str(bento / "src")) for place in places)
    assert heavy == "[]"


@pytest.mark.parametrize(
    ("named", "words"),
    [(None, "FIRSTCALL_HOME is not set"), ("", "FIRSTCALL_HOME is not set"),
     ("src/.firstcall", "lies within the Bento"), ("home", "lies within the Bento")],
)  # fmt: skip
def test_a_home_within_the_bento_or_none_is_refused(bento, tmp_path, named, words):
    before = contents(bento)
    around = without_home(tmp_path)
    if named is not None:
        around["FIRSTCALL_HOME"] = str(bento / named) if named else ""
    done = subprocess.run(
        bentoml("serve", bento, "--port", "0"), cwd=tmp_path, env=around, capture_output=True,
        text=True, check=False, timeout=100,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    [said] = [line for line in done.stderr.splitlines() if line.startswith("firstcall: ")]
    assert words in said
    assert "Traceback" not in done.stderr
    assert contents(bento) == before


@pytest.fixture(scope="module")
def stored(tree, tmp_path_factory):
    """A home whose promoted models have label "promoted", the readmission one with a card, and a
    store that holds these and, put in later, others of label "newer": the folder of both."""
    base = tmp_path_factory.mktemp("stored")
    home = Home(base / "home")
    promoted(home, "promoted")
    (home.models / "readmission" / "card.md").write_text("# Card")
    for label in ("promoted", "newer"):
        promoted(Home(base / label), label)
    (base / "promoted" / "models" / "readmission" / "card.md").write_text("# Card")
    code = (
        "import sys; from pathlib import Path; from data.home import Home;"
        "from serving.models.bento_store import save;"
        "[save(Home(Path(folder))) for folder in sys.argv[1:]]"
    )
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(base / "promoted"), str(base / "newer")],
        cwd=tree, env=without_home(base), check=True,
    )  # fmt: skip
    return base


def tag(task, label):
    return f"firstcall-{task}:{version(task, label)}"


def tags_in(bento):
    told = yaml.safe_load((bento / "bento.yaml").read_text())
    return {m["tag"] for m in told["services"][0]["models"]}


@pytest.fixture(scope="module")
def full(tree, stored):
    """The Bento that `firstcall bento` makes of that home."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "import firstcall; firstcall.main()",
         "--home", str(stored / "home"), "bento"],
        cwd=tree, env=without_home(stored), capture_output=True, text=True, check=False,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    first, second = done.stdout.splitlines()
    made = first.split()[1]
    assert first == (
        f"Built {made} with {tag('readmission', 'promoted')}, {tag('high-cost', 'promoted')}."
    )
    assert second == f"Serve it with: FIRSTCALL_HOME={stored / 'home'} bentoml serve {made}"
    return stored / "bentoml" / "bentos" / NAME / made.partition(":")[2]


def test_the_promoted_models_are_in_by_tag_with_their_plain_files_and_nothing_else(full, stored):
    assert tags_in(full) == {tag("readmission", "promoted"), tag("high-cost", "promoted")}
    assert set(files(full)) == allowed(), "the store holds the models until it is exported"
    store = stored / "bentoml" / "models"
    for task, card in (("readmission", {"card.md"}), ("high-cost", set())):
        folder = store / f"firstcall-{task}" / version(task, "promoted")
        assert set(files(folder)) == {"model.yaml", "model.json", "model.txt"} | card
        told = yaml.safe_load((folder / "model.yaml").read_text())
        assert told["labels"] == {"task": task, "origin": "invented"}
        home = stored / "home" / "models" / task
        for name in ("model.json", "model.txt", *card):
            assert (folder / name).read_bytes() == (home / name).read_bytes()


def test_bentoml_build_by_itself_takes_the_newest_models_of_the_store(tree, stored):
    done = build(tree, stored)
    newest = tag("readmission", "newer"), tag("high-cost", "newer")
    assert f"firstcall: models in this Bento: {', '.join(newest)}" in done.stderr.splitlines()
    assert tags_in(built(done, stored)) == set(newest)


def test_no_bento_is_built_with_models_that_cannot_be_had_or_asked(tree, stored, tmp_path):
    done = build(tree, tmp_path, FIRSTCALL_BENTO_MODELS="firstcall-readmission:none")
    assert (done.returncode, done.stderr.splitlines()) == (
        2, ["firstcall: FIRSTCALL_BENTO_MODELS: firstcall-readmission:none is not in BentoML's "
            "model store: firstcall bento."],
    )  # fmt: skip
    store = tmp_path / "bentoml" / "models"
    shutil.rmtree(tmp_path / "bentoml")
    shutil.copytree(stored / "bentoml" / "models", store)
    newest = tag("high-cost", "newer")
    misfit(store / newest.replace(":", "/"))
    done = build(tree, tmp_path)
    assert (done.returncode, done.stderr.splitlines()) == (3, [MISFIT.format(newest)])
    assert not list((tmp_path / "bentoml").glob("bentos/*/*/bento.yaml"))


MISFIT = (
    "firstcall: The model in bento {} was trained with other feature definitions: run `firstcall "
    "train --task high-cost`."
)


def misfit(folder):
    told = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(told | {"fingerprint": "0" * 64}))


@pytest.fixture(scope="module")
def elsewhere(full, stored, tmp_path_factory):
    """Another machine: the exported Bento imported into a store that was empty, and an empty folder
    to stand in."""
    base = tmp_path_factory.mktemp("elsewhere")
    packed, name = base / "packed.bento", f"{NAME}:{full.name}"
    for where, command in ((stored, ("export", name, packed)), (base, ("import", packed))):
        subprocess.run(
            bentoml(*command), cwd=base, env=without_home(where), check=True, capture_output=True
        )
    (base / "clean").mkdir()
    return base


OWN = "home's own"


def test_an_exported_bento_is_served_by_its_tag_with_its_models_and_nothing_is_written_into_it(
    full, elsewhere
):
    bento = elsewhere / "bentoml" / "bentos" / NAME / full.name
    before, models = contents(bento), contents(elsewhere / "bentoml" / "models")
    assert set(before) == allowed()
    home = Home(elsewhere / "home")
    promoted(home, OWN)  # those of the Bento count for more
    with (
        running(f"{NAME}:latest", home.root, elsewhere, elsewhere / "clean") as service,
        httpx.Client(base_url=service.address, timeout=60, headers=token_of(home)) as client,
    ):
        health = client.get("/health").json()
        assert health["models"] == versions("promoted")
        assert health["sources"] == {
            task: f"bento {tag(task, 'promoted')}" for task in versions("promoted")
        }
        assert health["remark"] == (
            f"FIRSTCALL_HOME holds other models (readmission {version('readmission', OWN)}, "
            f"high-cost {version('high-cost', OWN)}) than the Bento, whose own answer: `firstcall "
            "bento` packs them."
        )
        told = client.get("/v1/model").json()["models"]
        assert [(m["source"], m["card"]) for m in told] == [
            (f"bento {tag('readmission', 'promoted')}", "# Card"),
            (f"bento {tag('high-cost', 'promoted')}", None),
        ]
        answer = client.post("/v1/score", json=request(patient()) | {"origin": "invented"})
        assert answer.json()["models"] == versions("promoted")
        assert client.get("/v1/worklist").status_code == 404
    assert contents(bento) == before
    assert contents(elsewhere / "bentoml" / "models") == models
    assert list((elsewhere / "clean").iterdir()) == []
    assert any((home.root / "compiled").rglob("*.nbi"))
    assert home.store_database.stat().st_mode & 0o077 == 0, "for this account alone"


def test_a_bento_whose_models_do_not_fit_or_are_not_there_ends_with_one_sentence(
    full, stored, tmp_path
):
    store, home = tmp_path / "bentoml", tmp_path / "home"
    shutil.copytree(stored / "bentoml", store)
    inside = tag("high-cost", "promoted")
    folder = store / "models" / inside.replace(":", "/")
    name = f"{NAME}:{full.name}"
    misfit(folder)
    assert refused(name, home, tmp_path, tmp_path) == (3, [MISFIT.format(inside)])
    shutil.rmtree(folder.parent)
    assert refused(name, home, tmp_path, tmp_path) == (
        3, [f"firstcall: The Bento was built with the model {inside}, which is not in this model "
            "store: bring it with `bentoml export` and `bentoml import`."],
    )  # fmt: skip
    assert not (home / "firstcall.db").exists()
