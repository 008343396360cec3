"""Tasks as files: what ships, what a copy may change, and what is refused in which words."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path

import pytest

from data.errors import InputError
from training.tasks import (
    HIGH_COST,
    READMISSION,
    EncounterTask,
    HighCostTask,
    ReadmissionTask,
    shipped_tasks,
    task_called,
    task_file,
)

FILES = Path(__file__).parents[2] / "training" / "definitions"


def test_two_tasks_ship_and_an_example() -> None:
    assert shipped_tasks() == ["ed-visit-90", "high-cost", "readmission", "readmission-pcr-like"]
    assert ReadmissionTask() == READMISSION
    assert HighCostTask() == HIGH_COST


@pytest.mark.parametrize("name", shipped_tasks())
def test_what_ships_is_what_the_declarations_print(name: str) -> None:
    """`firstcall task NAME --to FILE` writes it anew where a setting was added."""
    task = task_called(name)
    assert task.name == name
    assert (FILES / f"{name}.toml").read_text(encoding="utf-8") == task_file(task)


def test_each_setting_says_what_it_means() -> None:
    for name in shipped_tasks():
        for line in task_file(task_called(name)).splitlines():
            said = line.strip() and not line.startswith(("#", "kind", "name"))
            assert not said or "  # " in line, line


def test_a_changed_copy_is_read_back_whole(tmp_path: Path) -> None:
    mine = replace(
        READMISSION, name="readmission-90", horizon_days=90, run_out_days=60,
        fit=replace(READMISSION.fit, rounds=10),
    )  # fmt: skip
    path = tmp_path / "mine.toml"
    path.write_text(task_file(mine))
    assert task_called(str(path)) == mine


def test_what_a_file_leaves_out_is_as_declared(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('kind = "readmission"\nname = "short"\n[fit]\nrounds = 10\n')
    assert task_called(str(path)) == replace(
        READMISSION, name="short", fit=replace(READMISSION.fit, rounds=10)
    )


OK = 'kind = "encounter"\nname = "mine"\nencounter_kinds = ["emergency"]\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (OK + "horizon_dys = 3", "horizon_dys is no setting; did you mean horizon_days."),
        (OK + "[fit]\nrouns = 3", "fit.rouns is no setting; did you mean fit.rounds."),
        (OK + "horizon_days = 0",
         "horizon_days: Input should be greater than or equal to 1, not 0."),
        (OK + 'horizon_days = "30"', "horizon_days: Input should be a valid integer, not '30'."),
        (OK + "horizon_days = true", "horizon_days: Input should be a valid integer, not True."),
        (OK + "evaluation = 3", "evaluation: Input should be an object, not 3."),
        (OK + "[tiers]\nhigh = 0.5\nmoderate = 0.2",
         "tiers: moderate holds the high tier too, and has to be the larger share."),
        (OK + "[split]\ntest_share = 0.8",
         "split: the shares of test, calibration and validation leave nobody to train."),
        ('kind = "encounter"\nname = "mine"\nencounter_kinds = ["emergncy"]',
         "encounter_kinds have to be some of acute_inpatient, psychiatric_inpatient, "
         "rehabilitation_inpatient, skilled_nursing, long_term_care, observation, emergency, "
         "outpatient, office, home_health, hospice, telehealth, other, missed_appointment, and "
         "'emergncy' is none."),
        ('kind = "encounter"', "name has to be given."),
        ('kind = "readmission"\nname = "../up"',
         "name: String should match pattern '^[a-z][a-z0-9-]{0,39}$', not '../up'."),
        ('kind = "death"',
         "kind has to be one of readmission, high-cost, encounter, not 'death'."),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(InputError) as refused:
        task_called(str(path))
    assert str(refused.value) == f"{path}: {said}"


def test_what_is_no_file_of_settings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file of settings"):
        task_called(str(tmp_path / "none.toml"))
    (tmp_path / "text.toml").write_text("horizon days: 30")
    with pytest.raises(InputError, match="is no TOML file"):
        task_called(str(tmp_path / "text.toml"))
    with pytest.raises(InputError) as refused:
        task_called("mortality")
    assert str(refused.value) == (
        "There is no task 'mortality': choose ed-visit-90, high-cost, readmission, "
        "readmission-pcr-like, or a file of settings that ends in .toml."
    )


def test_the_command_prints_a_task_and_writes_it_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app = importlib.import_module("firstcall").app
    app(["task", "readmission"], standalone_mode=False)
    assert capsys.readouterr().out == task_file(READMISSION)
    path = tmp_path / "mine.toml"
    app(["task", "high-cost", "--to", str(path)], standalone_mode=False)
    assert task_called(str(path)) == HIGH_COST
    with pytest.raises(InputError, match="is there already"):
        app(["task", "readmission", "--to", str(path)], standalone_mode=False)


def test_the_example_has_no_code_of_its_own() -> None:
    assert isinstance(task_called("ed-visit-90"), EncounterTask)
    rooms = Path(__file__).parents[2]
    for room in ("data", "features", "serving", "training"):
        for path in (rooms / room).rglob("*.py"):
            assert "ed-visit" not in path.read_text(encoding="utf-8").replace(
                "ed-visit-90, high-cost", ""
            ), path
