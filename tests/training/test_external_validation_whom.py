"""Whom a champion is judged on in another home, and by which question."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data import intake
from data.errors import RefusalError
from data.generation import Taken
from data.home import Home
from data.synthesise import synthesise
from serving.model import RiskModel
from tests.training.small import NO_LAB, table_of
from training.cohorts.people_in_both import people_in_both
from training.examine import examine
from training.external_validation import Validation, _asked_of, validate
from training.fitting.prepared import cohort_of
from training.release.registry import MODEL_VERSION, move_champion, record
from training.settings.tasks import HIGH_COST, READMISSION, Task, flat, task_file

FEW = replace(READMISSION.evaluation, replicates=10, judgeable_events=30)
QUICK = replace(READMISSION, lab=NO_LAB, evaluation=FEW)
COST = replace(HIGH_COST, lab=NO_LAB, months_between=6, evaluation=FEW)


def file_of(folder: Path, task: Task) -> str:
    path = folder / f"{task.name}.toml"
    path.write_text(task_file(task))
    return str(path)


def number_of(patient: str) -> int:
    return int(patient.removeprefix("P"))


def only_tests(patient: str) -> bool:
    """By the split of the champion, counted slowly."""
    digest = hashlib.sha256(f"{QUICK.split.salt}/{patient}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 < QUICK.split.test_share


def home_of(folder: Path, parts: list[tuple[Home, Callable[[str], bool]]]) -> Home:
    """A home of those people of each home whose id is taken; nobody knows the truth of them."""
    home = Home(folder / "home")
    home.invented.mkdir(parents=True)
    for path in parts[0][0].invented.glob("*.parquet"):
        taken = []
        for of, takes in parts:
            table = pq.read_table(of.invented / path.name)
            taken.append(
                table.filter(pa.array([takes(p) for p in table["patient_id"].to_pylist()]))
            )
        pq.write_table(pa.concat_tables(taken), home.invented / path.name)
    shutil.copy(parts[0][0].invented / "source.json", home.invented)
    intake.take_in(home, "canonical", home.invented)
    return home


@pytest.fixture(scope="module")
def half(small_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Of each even number the person of the champion's home, of each odd one somebody else."""
    folder = tmp_path_factory.mktemp("half")
    others = Home(folder / "others")
    synthesise(others.invented, 2000, years=4, seed=77)
    return home_of(folder, [(small_home, lambda p: number_of(p) % 2 == 0),
                            (others, lambda p: number_of(p) % 2 == 1)])  # fmt: skip


@pytest.fixture(scope="module")
def found(small_home: Home, half: Home, tmp_path_factory: pytest.TempPathFactory) -> Validation:
    return validate(small_home, file_of(tmp_path_factory.mktemp("task"), QUICK), half)


def born(home: Home) -> dict[str, Any]:
    member = intake.current(home).read("member", ["patient_id", "birth_on"])
    return dict(zip(*(member[name].to_pylist() for name in member.column_names), strict=True))


def test_whoever_the_champion_may_have_learned_from_is_not_judged(
    small_home: Home, half: Home, found: Validation
) -> None:
    ours, theirs = born(small_home), born(half)
    both = {patient for patient, day in theirs.items() if ours.get(patient) == day}
    even = {patient for patient in theirs if number_of(patient) % 2 == 0}
    assert even <= both
    assert len(both) <= len(even) + 1, "an id alone is another person's"
    assert len(theirs) > len(both) + 900
    seen = {patient for patient in both if not only_tests(patient)}
    taken = intake.current(half)
    rows = cohort_of(taken.tables, taken.manifest, QUICK).rows
    judged = rows[~rows["patient_id"].isin(seen)]
    of_both = judged["patient_id"].isin(both)
    assert of_both.any(), "who only ever tests is judged"
    assert len(rows) > len(judged) > of_both.sum()
    told = found.examined.evaluation
    assert (told.rows, told.people) == (len(judged), judged["patient_id"].nunique())
    assert told.events == judged["outcome"].sum()
    tests = len(both) - len(seen)
    assert found.notes == (
        f"{len(both):,} people are in the home of the model too (the same id and day of birth): "
        f"{len(seen):,} of them are left out, because it may have learned from them, and {tests} "
        "only ever test",
    )
    assert found.remarks()[0] == found.notes[0]
    model = RiskModel.load(small_home.models / "readmission")
    everybody = examine(half, model, QUICK).evaluation
    assert everybody.rows == len(rows), "without the question whom it saw all are judged"


def test_a_copy_of_the_home_is_refused(small_home: Home, tmp_path: Path) -> None:
    task = file_of(tmp_path, QUICK)
    copy = Home(tmp_path / "copy")
    shutil.copytree(small_home.root, copy.root, symlinks=True)
    wanted = "holds the very histories of the home of the champion, which learned from people there"
    with pytest.raises(RefusalError, match=wanted):
        validate(small_home, task, copy)
    shutil.rmtree(copy.histories)
    with pytest.raises(RefusalError, match=wanted):
        validate(small_home, task, copy)
    shutil.rmtree(copy.tables)  # the copy is the champion's now, and what it was made of is gone
    shutil.copytree(small_home.histories, copy.histories)
    with pytest.raises(RefusalError, match=wanted):
        validate(copy, task, small_home)


def test_a_home_of_those_alone_who_were_learned_from_is_refused(
    small_home: Home, tmp_path: Path
) -> None:
    learned = home_of(tmp_path, [(small_home, lambda p: not only_tests(p))])
    with pytest.raises(RefusalError, match="is in the home of the champion too") as error:
        validate(small_home, file_of(tmp_path, QUICK), learned)
    assert str(error.value).startswith("Everybody who counts for readmission in ")
    assert "P0" not in str(error.value)


def test_what_cannot_be_looked_at_is_said(small_home: Home, half: Home, tmp_path: Path) -> None:
    alone = Home(tmp_path / "alone")  # the files of the model, and nothing else
    shutil.copytree((small_home.models / "readmission").resolve(), alone.models / "readmission")
    made = validate(alone, file_of(tmp_path, QUICK), half)
    assert [words.split(":")[0] for words in made.notes] == [
        "the settings that the model was trained by are not kept in its home",
        "the people that the model was made of are not in its home",
    ]
    assert not alone.tracking_database.exists()
    taken = intake.current(half)
    rows = cohort_of(taken.tables, taken.manifest, QUICK).rows
    assert made.examined.evaluation.rows == len(rows)


@pytest.fixture(scope="module")
def champion(small_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with a champion of the task "mine", of which MLflow keeps the settings."""
    home = Home(tmp_path_factory.mktemp("mine") / "home")
    held = home.models / "mine"
    shutil.copytree((small_home.models / "readmission").resolve(), held)
    told = json.loads((held / "model.json").read_text()) | {"task": "mine"}
    (held / "model.json").write_text(json.dumps(told))
    files = home.root / "files"
    shutil.copytree(held, files / "model")
    tags = {MODEL_VERSION: RiskModel.load(held).version}
    made = record(home, "mine", flat(replace(QUICK, name="mine")), {}, tags, files, {})
    move_champion(home, "mine", made.version)
    return home


@pytest.mark.parametrize(
    "changes",
    [{"lifted_exclusions": ("psychiatric",)}, {"all_payers": True}, {"allowed_gap_days": 45},
     {"outlier_stays": 9}, {"enrolled_before_days": 180}, {"minimum_age": 18}],
)  # fmt: skip
def test_other_settings_of_who_is_asked_and_what_a_case_is_are_refused(
    champion: Home, half: Home, tmp_path: Path, changes: dict[str, Any]
) -> None:
    task = file_of(tmp_path, replace(QUICK, name="mine", **changes))
    with pytest.raises(RefusalError) as error:
        validate(champion, task, half)
    [name] = changes
    assert f"for another question than the settings ask ({name}): train anew" in str(error.value)


def test_settings_of_how_it_is_learned_and_judged_may_differ(
    champion: Home, half: Home, tmp_path: Path
) -> None:
    other = replace(
        QUICK, name="mine", fit=replace(QUICK.fit, rounds=7), landmark_days=(0,), run_out_days=90
    )
    made = validate(champion, file_of(tmp_path, other), half)
    assert made.examined.evaluation.rows > 0
    assert len(made.notes) == 1, "its settings are known; its people are not"


def test_files_that_are_not_the_champions_are_refused(
    champion: Home, half: Home, tmp_path: Path
) -> None:
    home = Home(tmp_path / "home")
    shutil.copytree(champion.root, home.root)
    model = home.models / "mine" / "model.json"
    told = json.loads(model.read_text())
    model.write_text(json.dumps(told | {"data_through": "2001-01-01"}))
    with pytest.raises(RefusalError, match="are not those of version 1, which MLflow keeps as"):
        validate(home, file_of(tmp_path, replace(QUICK, name="mine")), half)


def test_the_high_cost_of_the_same_question_is_judged_and_that_of_another_is_refused(
    small_home: Home, half: Home, tmp_path: Path
) -> None:
    task = file_of(tmp_path, COST)
    judged = validate(small_home, task, half)
    assert "left out, because it may have learned from them" in judged.notes[0]
    model = RiskModel.load(small_home.models / "high-cost")
    taken = intake.current(half)
    cohort = cohort_of(taken.tables, taken.manifest, COST, model.metadata["threshold_cents"])
    nobody = np.array([], dtype=object)
    rows = _asked_of(half, model, COST, nobody)(cohort)
    pd.testing.assert_frame_equal(rows, cohort.rows)
    label = model.metadata["label"]
    assert label.startswith("Allowed medical and pharmacy cost of the next 365 days above $")
    for changes in (
        {"label": label.replace("medical and ", "")}, {"label": label.replace("Allowed", "Paid")},
        {"label": label.replace("above $", "above $1")}, {"asked_on": "31 December"},
    ):  # fmt: skip
        other = replace(model, metadata={**model.metadata, **changes})
        with pytest.raises(RefusalError) as error:
            _asked_of(half, other, COST, nobody)(cohort)
        said = str(error.value)
        assert said.startswith(f'The champion of high-cost tells "{other.metadata["label"]}"')
        assert f'is "{label}"' in said
    pharmacy = Home(tmp_path / "pharmacy")
    shutil.copytree((small_home.models / "high-cost").resolve(), pharmacy.models / "high-cost")
    path = pharmacy.models / "high-cost" / "model.json"
    told = json.loads(path.read_text())
    year = {"label": "Allowed pharmacy cost of the next calendar year above $900"}
    path.write_text(json.dumps(told | year | {"asked_on": "31 December"}))
    with pytest.raises(RefusalError, match="Allowed pharmacy cost of the next calendar year"):
        validate(pharmacy, task, half)


def test_one_is_the_same_person_by_id_and_day_of_birth_in_whichever_version(tmp_path: Path) -> None:
    def taken(name: str, people: list[tuple[str, str]]) -> Taken:
        told = {"sex": "female", "known_on": "2020-01-01"}
        rows = [
            told | {"record_id": f"{patient}-{birth}", "patient_id": patient, "birth_on": birth}
            for patient, birth in people
        ]
        path = tmp_path / f"{name}.parquet"
        pq.write_table(table_of("member", rows), path)
        return Taken(name, tmp_path, {"member": path}, {})

    ours = taken("ours", [("a", "1950-01-01"), ("b", "1951-01-01"), ("b", "1951-10-01"),
                          ("c", "1952-01-01"), ("e", "1954-01-01")])  # fmt: skip
    theirs = taken("theirs", [("e", "1954-01-01"), ("a", "1950-01-02"), ("b", "1951-10-01"),
                              ("b", "1951-01-01"), ("d", "1952-01-01")])  # fmt: skip
    assert people_in_both(ours, theirs).tolist() == ["b", "e"]
    assert people_in_both(theirs, ours).tolist() == ["b", "e"]
    assert people_in_both(ours, taken("nobody", [])).tolist() == []
