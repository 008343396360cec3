"""Tasks as files: what ships, what a copy may change, and what is refused in which words."""

from __future__ import annotations

import importlib
import os
import re
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from data.errors import InputError
from data.home import Home
from training.settings.tasks import (
    HIGH_COST,
    READMISSION,
    EncounterTask,
    HighCostTask,
    ReadmissionTask,
    refuse_a_taken_name,
    shipped_tasks,
    task_called,
    task_file,
)
from training.train import train

FILES = Path(__file__).parents[2] / "training" / "settings" / "definitions"


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
        READMISSION, name="readmission-90", horizon_days=90, enrolled_after_days=90,
        run_out_days=60,
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


OK = 'kind = "encounter"\nname = "mine"\noutcome = "Visit"\nencounter_kinds = ["emergency"]\n'
BACK = 'kind = "readmission"\nname = "mine"\n'
WORDS = "1 to 80 printable characters are needed, the first of them a letter"
LONGER = "a number is too long, or an array too deep, for a setting"


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
        ('kind = "encounter"\nname = "mine"\noutcome = "V"\nencounter_kinds = ["emergncy"]',
         "encounter_kinds have to be some of acute_inpatient, psychiatric_inpatient, "
         "rehabilitation_inpatient, skilled_nursing, long_term_care, observation, emergency, "
         "outpatient, office, home_health, hospice, telehealth, other, missed_appointment, and "
         "'emergncy' is none."),
        ('kind = "readmission"\nlifted_exclusions = ["psychiatric", "hospice"]',
         "lifted_exclusions of cms_hwr can be against_advice, psychiatric, rehabilitation, "
         "medical_cancer, exempt_hospital, and 'hospice' is none."),
        ('kind = "encounter"', "name has to be given."),
        ('kind = "readmission"\nname = "../up"',
         "name: String should match pattern '^[a-z][a-z0-9-]{0,39}$', not '../up'."),
        ('kind = "death"',
         "kind has to be one of readmission, high-cost, encounter, not 'death'."),
        ('kind = ["readmission"]',
         "kind has to be one of readmission, high-cost, encounter, not ['readmission']."),
        ("[kind]", "kind has to be one of readmission, high-cost, encounter, not {}."),
        (f'kind = "{"x" * 100}"',
         f"kind has to be one of readmission, high-cost, encounter, not '{'x' * 39}…."),
        # --- what no number and no text can be
        (f"{OK}name2 = {'[' * 5000}{']' * 5000}", f"{LONGER}."),
        (f"{OK}[fit]\nseed = {'9' * 5000}", f"{LONGER}."),
        (f"{OK}[fit]\nseed = 0x{'f' * 5000}", f"{LONGER}."),
        (f"{OK}[fit]\nseed = {'9' * 400}",
         f"fit.seed: Input should be less than or equal to 2147483647, not {'9' * 40}…."),
        (f"{OK}{'x' * 100} = 1", f"'{'x' * 39}… is no setting."),
        (OK + '"\\u001b[2J" = 1', "'\\x1b[2J' is no setting."),
        (OK + "[fit]\nrounds = 99999999999",
         "fit.rounds: Input should be less than or equal to 100000, not 99999999999."),
        (OK + "[fit]\nthreads = 100000",
         "fit.threads: Input should be less than or equal to 256, not 100000."),
        (OK + "[fit]\nfolds = 100000",
         "fit.folds: Input should be less than or equal to 100, not 100000."),
        (OK + "[fit]\nlambda_l2 = inf", "fit.lambda_l2: Input should be a finite number, not inf."),
        (OK + "[fit]\nlambda_l2 = nan", "fit.lambda_l2: Input should be a finite number, not nan."),
        (OK + "[tiers]\nhigh = nan", "tiers.high: Input should be a finite number, not nan."),
        (OK + "[evaluation]\nreplicates = 99999999999",
         "evaluation.replicates: Input should be less than or equal to 10000, not 99999999999."),
        (f"{OK}[evaluation]\ncounts = {[1] * 21}",
         "evaluation.counts: Tuple should have at most 20 items after validation, not 21, "
         "not [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, …."),
        # --- what would stand in one column of a table
        (OK + "[evaluation]\nshares = [0.01, 0.05, 0.05]",
         "evaluation.shares: two of them would both be called 5%, and one is enough."),
        (OK + "[evaluation]\nshares = [0.0123456, 0.01234561]",
         "evaluation.shares: two of them would both be called 1.23456%, and one is enough."),
        (OK + "[evaluation]\ncounts = [50, 200, 50]",
         "evaluation.counts: two of them would both be called 50, and one is enough."),
        # --- limits of the gate that would stop nobody
        (OK + "[gate]\nauroc_margin = 1000000",
         "gate.auroc_margin: Input should be less than or equal to 0.2, not 1000000."),
        (OK + "[gate]\nauroc_margin = -0.01",
         "gate.auroc_margin: Input should be greater than or equal to 0, not -0.01."),
        *((f"{OK}[gate]\n{name} = 10.5",
           f"gate.{name}: Input should be less than or equal to 10, not 10.5.")
          for name in ("most_observed", "most_slope", "most_observed_in_group", "most_churn")),
        (OK + "[gate]\nleast_slope = -1",
         "gate.least_slope: Input should be greater than or equal to 0, not -1."),
        (OK + "[gate]\nleast_observed = 2\nmost_observed = 3",
         "gate: least_observed and most_observed hold 1, which is right, between them."),
        (f'{OK}[split]\nsalt = "{"a" * 100_000}"', f"split.salt: {WORDS}."),
        (OK.replace('"Visit"', '""'), f"outcome: {WORDS}."),
        (OK.replace('outcome = "Visit"\n', ""), "outcome has to be given."),
        (OK.replace("Visit", "=HYPERLINK(1)"), f"outcome: {WORDS}."),
        (OK.replace("Visit", "Visit\\u007f"), f"outcome: {WORDS}."),
        (OK.replace("Visit", "Visit\\nagain"), f"outcome: {WORDS}."),
        # --- cover is asked for as long as the outcome
        (BACK + "horizon_days = 90",
         "enrolled_after_days is at least horizon_days: whoever leaves cover before would count as "
         "not readmitted."),
        (BACK + "enrolled_after_days = 29",
         "enrolled_after_days is at least horizon_days: whoever leaves cover before would count as "
         "not readmitted."),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(InputError) as refused:
        task_called(str(path))
    assert str(refused.value) == f"{path}: {said}"


def test_what_lies_at_the_borders_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        f"{OK.replace('Visit', 'É' + 'x' * 79)}[fit]\nthreads = 256\nseed = 2147483647\n",
        encoding="utf-8",
    )
    own = task_called(str(path))
    assert isinstance(own, EncounterTask)
    assert (len(own.outcome), own.fit.threads, own.fit.seed) == (80, 256, 2_147_483_647)
    path.write_text(OK + "[gate]\nauroc_margin = 0.2\nmost_slope = 10\nleast_observed = 0\n"
                    "[evaluation]\nshares = [0.01, 0.012]")  # fmt: skip
    own = task_called(str(path))
    assert (own.gate.auroc_margin, own.gate.most_slope, own.gate.least_observed) == (0.2, 10, 0)
    assert own.evaluation.shares == (0.01, 0.012)
    path.write_text(BACK + "horizon_days = 90\nenrolled_after_days = 90")
    assert task_called(str(path)).horizon_days == 90


def test_each_number_and_text_is_bounded_on_both_sides() -> None:
    def bare(declared: Any, path: str) -> list[str]:
        found = []
        for entry in fields(declared):
            if is_dataclass(entry.default):
                found += bare(entry.default, f"{path}{entry.name}.")
            elif re.fullmatch(r"(int|float|str|tuple\[.*)( \| None)?", str(entry.type)):
                found.append(path + entry.name)
        return found

    assert bare(ReadmissionTask, "") == bare(HighCostTask, "") == []
    assert bare(EncounterTask, "") == ["encounter_kinds"], "each of them one of the known kinds"


READMIT, COST, VISIT = (
    task_called(name) for name in ("readmission", "high-cost", "ed-visit-90")
)  # fmt: skip


@pytest.mark.parametrize(
    ("task", "said"),
    [
        (replace(VISIT, name="readmission"), "readmission {}, where kind is readmission and not "
         "encounter: {}"),
        (replace(COST, name="readmission"), "readmission {}, where kind is readmission and not "
         "high-cost: {}"),
        (replace(READMIT, horizon_days=90, enrolled_after_days=90),
         "readmission {}, where horizon_days is 30 and not 90: {}"),
        (replace(READMIT, minimum_age=18),
         "readmission {}, where minimum_age is 65 and not 18: {}"),
        (replace(READMIT, definition="pcr_like"),
         "readmission {}, where definition is cms_hwr and not pcr_like: {}"),
        (replace(COST, look_back_days=90),
         "high-cost {}, where look_back_days is 180 and not 90: {}"),
        (replace(VISIT, horizon_days=60),
         "ed-visit-90 {}, where horizon_days is 90 and not 60: {}"),
    ],
)  # fmt: skip
def test_the_name_of_a_shipped_task_stays_with_its_question(
    task: Any, said: str, tmp_path: Path
) -> None:
    whole = said.format("is a task that comes with firstcall", "give this one another name.")
    path = tmp_path / "mine.toml"
    path.write_text(task_file(task))
    with pytest.raises(InputError) as refused:
        task_called(str(path))
    assert str(refused.value) == f"{path}: {whole}"
    with pytest.raises(InputError) as refused:
        train(Home(tmp_path), task.name, task)
    assert str(refused.value) == whole
    refuse_a_taken_name(replace(task, name="mine"))


@pytest.mark.parametrize(
    "task",
    [
        replace(READMIT, fit=replace(READMIT.fit, rounds=10), run_out_days=60, landmark_days=(0,)),
        replace(READMIT, split=replace(READMIT.split, test_share=0.45)),
        replace(READMIT, tiers=replace(READMIT.tiers, high=0.10)),
        replace(COST, months_between=6, least_complete=0.5, other_shares=(0.02,)),
        replace(COST, fixed_threshold_cents=5_000_000, yearly_trend=0.04),
        replace(VISIT, most_learning_rows=1000),
    ],
)
def test_how_a_shipped_task_is_fitted_split_and_judged_may_differ(
    task: Any, tmp_path: Path
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(task_file(task))
    assert task_called(str(path)) == task


def test_neither_an_endless_file_nor_a_pipe_is_read(tmp_path: Path) -> None:
    large, pipe, folder = (tmp_path / f"{name}.toml" for name in ("large", "pipe", "folder"))
    large.write_text("#" * 1_000_001)
    with pytest.raises(InputError, match="is larger than 1 MB, and no file of settings"):
        task_called(str(large))
    os.mkfifo(pipe)
    folder.mkdir()
    for path in (pipe, folder):
        with pytest.raises(InputError, match="there is no such file of settings"):
            task_called(str(path))


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
            said = path.read_text(encoding="utf-8")
            for words in ("ed-visit-90, high-cost", "ed-visit-90 (an emergency"):  # help texts
                said = said.replace(words, "")
            assert "ed-visit" not in said, path
