"""`firstcall features` and `firstcall histories`, as they are typed."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from data.errors import InputError
from features.definitions import FEATURES
from features.feature_file import FeatureFile
from tests.features.agreement import CUTS
from tests.features.invented_rows import STRANGER
from tests.features.rows import AS_OF, ago
from tests.features.taken_in import IDS, WORLD, take_in

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command line on a home in which thirty people were taken in; what it printed."""
    app = importlib.import_module("firstcall").app
    home = take_in(tmp_path / "home", WORLD)

    def ran(*arguments: str) -> str:
        app(["--home", str(home.root), *arguments], standalone_mode=False)
        return capsys.readouterr().out

    return ran


def test_the_command_explains_a_patient(run: Run) -> None:
    out = run("features", "explain", IDS[0], "--as-of", str(AS_OF))
    assert out.startswith(f"Patient {IDS[0]} as of 2020-12-31\n")
    assert "Not shown: " in out
    out = run("features", "explain", IDS[0], "--as-of", str(AS_OF), "--feature", "ldl_last",
              "--feature", "age", "--all")  # fmt: skip
    assert [line.split(" = ")[0] for line in out.splitlines() if " = " in line] == [
        "age", "ldl_last",
    ]  # fmt: skip


def test_the_command_lists_what_no_feed_carries(run: Run, tmp_path: Path) -> None:
    asked = ("features", "explain", IDS[0], "--as-of", str(AS_OF), "--missing")
    manifest = tmp_path / "home" / "tables" / "current.json"
    told = json.loads(manifest.read_text())
    told["carries"].remove("lab_result")
    manifest.write_text(json.dumps(told))
    account, listed = run(*asked).split("Missing because the source does not carry their feed")
    assert "--missing" not in account
    assert "lab_result" in listed
    assert "haemoglobin_last" in listed
    assert "emergency_visits_count_90" not in listed


@pytest.mark.parametrize("task", ["readmission", "high-cost"])
def test_percentiles_are_told_by_the_model_of_a_task(
    run: Run, task: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[tuple[Path, str]] = []

    def load(folder: Path, of: str) -> SimpleNamespace:
        asked.append((folder, of))
        return SimpleNamespace(cuts=CUTS)

    monkeypatch.setattr("serving.model.RiskModel.load", load)
    (name,) = (f.name for f in FEATURES if f.of == "cost_total_365")
    command = ("features", "explain", IDS[0], "--as-of", str(AS_OF), "--feature", name)
    assert f"{name} = missing: no cut points are given" in run(*command)
    assert f"{name} = missing" not in run(*command, "--task", task)
    assert asked == [(tmp_path / "home" / "models" / task, task)]


def test_the_command_writes_the_features_of_everybody(run: Run, tmp_path: Path) -> None:
    out = run("features", "write", "--as-of", str(AS_OF), "--as-of", str(ago(100)),
              "--to", str(tmp_path / "matrix"), "--feature", "age")  # fmt: skip
    written = FeatureFile.open(tmp_path / "matrix")
    assert written.names == ["age"]
    assert f"{len(written.questions()):,} rows of 1 feature" in out
    assert "2020-09-22, 2020-12-31" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["explain", IDS[0], "--as-of", "yesterday"], "is not a day"),
        (["explain", STRANGER, "--as-of", "2020-12-31"], "no event of a patient of that id"),
        (["explain", IDS[0], "--as-of", "2020-12-31", "--feature", "mood"], "no feature called"),
        (["explain", IDS[0], "--as-of", "2020-12-31", "--task", "mood"], "There is no task"),
        (["explain", IDS[0], "--as-of", "2020-12-31", "--task", "high-cost"], "firstcall train"),
        (["write", "--as-of", "yesterday", "--to", "matrix"], "is not a day"),
    ],
)
def test_what_cannot_be_explained_is_one_sentence(
    run: Run, arguments: list[str], said: str
) -> None:
    with pytest.raises(InputError, match=said) as refused:
        run("features", *arguments)
    assert "\n" not in str(refused.value)


def test_each_command_of_a_group_explains_itself_with_an_example() -> None:
    app = importlib.import_module("typer.main").get_command(
        importlib.import_module("firstcall").app
    )
    for group in ("features", "histories"):
        for name, command in app.commands[group].commands.items():
            assert "Example: firstcall " + group in (command.help or ""), name


def test_an_intake_does_not_replace_imported_histories(run: Run, tmp_path: Path) -> None:
    run("histories", "export", "--to", str(tmp_path / "meds"))
    app = importlib.import_module("firstcall").app
    elsewhere = ["--home", str(tmp_path / "elsewhere")]
    app([*elsewhere, "histories", "import", "--from", str(tmp_path / "meds")],
        standalone_mode=False)  # fmt: skip
    told = (tmp_path / "elsewhere" / "histories" / "manifest.json").read_bytes()
    with pytest.raises(InputError, match="holds imported histories, which an intake would replace"):
        app([*elsewhere, "intake", "--source", "canonical", "--from", str(tmp_path)],
            standalone_mode=False)  # fmt: skip
    assert (tmp_path / "elsewhere" / "histories" / "manifest.json").read_bytes() == told
