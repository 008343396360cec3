"""A real `bentoml build`: what goes into the Bento is what is allowed in, and nothing else."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pandas as pd
import pytest

from tests.serving.test_api import patient, request
from tests.serving.test_service_process import running

ROOT = Path(__file__).resolve().parents[2]
PATIENTS = "patient_id,birth_on\nPlanted-Patient-0815,1940-01-01\n"

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
        *ROOT.glob("serving/*.py"),
    ]  # fmt: skip
    return {f"src/{path.relative_to(ROOT).as_posix()}" for path in code} | MADE_BY_BENTOML


@pytest.fixture(scope="module")
def bento(tmp_path_factory):
    """The Bento of a copy of the project in which patient data were left lying about."""
    base = tmp_path_factory.mktemp("bento")
    tree = base / "tree"
    tree.mkdir()
    for room in ("data", "features", "serving", "training", "tests"):
        shutil.copytree(ROOT / room, tree / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("bentofile.yaml", "pyproject.toml"):
        shutil.copy(ROOT / name, tree / name)
    for planted in ("data/members.csv", "data/codelists/members.csv", "serving/list.csv",
                    "data/sources/extract.txt", ".firstcall/member.csv"):  # fmt: skip
        (tree / planted).parent.mkdir(exist_ok=True)
        (tree / planted).write_text(PATIENTS)
    frame = pd.DataFrame({"patient_id": ["Planted-Patient-0815"]})
    frame.to_parquet(tree / "data" / "member.parquet")
    frame.to_parquet(tree / "features" / "member.parquet")
    environment = os.environ | {
        "BENTOML_HOME": str(base / "store"), "BENTOML_DO_NOT_TRACK": "True",
        "FIRSTCALL_HOME": str(tree / ".firstcall"), "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    built = subprocess.run(
        [sys.executable, "-m", "bentoml", "build", "--version", "test", str(tree)],
        cwd=tree, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stdout + built.stderr
    return base / "store" / "bentos" / "firstcall" / "test"


def files(bento):
    return {p.relative_to(bento).as_posix(): p for p in bento.rglob("*") if p.is_file()}


def test_exactly_what_is_allowed_is_in(bento):
    assert set(files(bento)) == allowed()


def test_no_planted_patient_is_in(bento):
    for name, path in files(bento).items():
        assert b"Planted-Patient-0815" not in path.read_bytes(), name
    assert not (bento / "models").exists()


def test_it_carries_its_own_lock_without_an_index(bento):
    lock = (bento / "env/python/requirements.txt").read_text()
    pinned = {line.split("==")[0] for line in lock.splitlines() if "==" in line and line[0] != " "}
    assert {"bentoml", "lightgbm", "fastapi", "duckdb"} <= pinned
    assert not pinned & {"mlflow", "scikit-learn", "shap", "matplotlib"}
    assert "--hash=sha256:" in lock
    assert "index-url" not in lock


def test_the_service_loads_from_the_bento_alone(bento, tmp_path):
    code = (
        "import serving.service, sys, data, features;"
        "print(*(m.__file__ for m in (serving.service, data, features)), sep='\\n');"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'mlflow', 'sklearn', 'shap'}))"
    )
    loaded = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=tmp_path, capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(bento / "src"), "PYTHONDONTWRITEBYTECODE": "1",
                          "FIRSTCALL_HOME": str(tmp_path)},
        check=False,
    )  # fmt: skip
    assert loaded.returncode == 0, loaded.stderr
    *places, heavy = loaded.stdout.splitlines()
    assert all(place.startswith(str(bento / "src")) for place in places)
    assert heavy == "[]"


def contents(bento):
    return {name: path.read_bytes() for name, path in files(bento).items()}


def test_serving_from_the_bento_writes_nothing_into_it(bento, quick_home, tmp_path):
    home, before = tmp_path / "home", contents(bento)
    shutil.copytree(quick_home.root / "models", home / "models")
    with running(bento, home, tmp_path, cwd=tmp_path) as address:
        answer = httpx.post(f"{address}/score", json=request(patient()), timeout=60)
        assert answer.status_code == 200
        assert httpx.get(f"{address}/worklist").status_code == 404
    assert contents(bento) == before
    assert set(before) == allowed()
    database = home / "firstcall.db"
    assert database.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("named", "words"),
    [(None, "FIRSTCALL_HOME is not set"), ("", "FIRSTCALL_HOME is not set"),
     ("src/.firstcall", "lies within the Bento"), ("home", "lies within the Bento")],
)  # fmt: skip
def test_a_home_within_the_bento_or_none_is_refused(bento, tmp_path, named, words):
    before = contents(bento)
    environment = os.environ | {"BENTOML_HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("FIRSTCALL_HOME", None)
    if named is not None:
        environment["FIRSTCALL_HOME"] = str(bento / named) if named else ""
    refused = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "bentoml", "serve", str(bento), "--port", "0"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    assert refused.returncode == 2, refused.stderr
    [said] = [line for line in refused.stderr.splitlines() if line.startswith("firstcall: ")]
    assert words in said
    assert "Traceback" not in refused.stderr
    assert contents(bento) == before
