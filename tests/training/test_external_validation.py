"""A champion judged on the people of another home, by the command and in its files."""

from __future__ import annotations

import importlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from data.errors import InputError, RefusalError
from data.home import Home
from data.intake import take_in
from data.small_cells import Counts
from data.synthesise import synthesise
from tests.training.small import NO_LAB
from tests.training.test_evaluate import known_of_few
from training.evaluation.evaluate import OURS, evaluate
from training.examine import examine
from training.external_validation import FILES, Validation, _guarded, validate
from training.printed_validation import print_validation
from training.settings.tasks import READMISSION, task_file

QUICK = replace(
    READMISSION, lab=NO_LAB,
    evaluation=replace(READMISSION.evaluation, replicates=20, judgeable_events=30),
)  # fmt: skip
ASKED = ("AUROC (95 %)", "LACE", "prior admissions", "observed to expected", "By group", "women")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Other people: another seed. Their histories are not written yet."""
    home = Home(tmp_path_factory.mktemp("other") / "home")
    synthesise(home.invented, 2000, years=4, seed=77)
    take_in(home, "canonical", home.invented)
    return home


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("task") / "quick.toml"
    path.write_text(task_file(QUICK))
    return str(path)


@pytest.fixture(scope="module")
def found(small_home: Home, other: Home, quick: str) -> Validation:
    return validate(small_home, quick, other)


def contents(home: Home) -> dict[str, bytes]:
    # two levels are all: folders within are those of other processes that ask meanwhile
    tables = [*home.tables.glob("*"), *home.tables.glob("*/*")]
    kept = [home.tracking_database, *home.models.rglob("*"), *tables]
    return {str(path): path.read_bytes() for path in kept if path.is_file()}


def command(*arguments: str) -> None:
    importlib.import_module("firstcall").app(list(arguments), standalone_mode=False)


def of_real_people(found: Validation) -> Validation:
    return replace(found, origin="own")


def test_the_command_prints_every_score_and_writes_the_figures(
    small_home: Home, other: Home, quick: str, found: Validation, tmp_path: Path, capsys: Any
) -> None:
    before = contents(small_home), contents(other)
    out = tmp_path / "new" / "figures"
    command("--home", str(small_home.root), "validate", "--task", quick, "--on", str(other.root),
            "--out", str(out))  # fmt: skip
    assert (contents(small_home), contents(other)) == before, "neither registry is written to"
    assert not other.tracking_database.exists()
    assert not other.models.exists()
    told = capsys.readouterr().out
    for words in (*ASKED, *found.examined.evaluation.scores, *found.examined.equity.findings):
        assert words in told, words
    judged = found.examined.evaluation
    assert f"readmission: {judged.rows:,} rows of {judged.people:,} people" in told
    assert sorted(path.name for path in out.iterdir()) == sorted(FILES)
    held = json.loads((out / "validation.json").read_text())
    assert held == json.loads(json.dumps(found.to_json()).replace("NaN", "null"))
    assert held["evaluation"]["scores"][OURS]["auroc"] == list(judged.scores[OURS]["auroc"])
    scores = pd.read_csv(out / "scores.csv").query(
        "what == 'ours minus it' and score == 'LACE' and figure == 'auroc'"
    )
    [paired] = scores[["value", "low", "high"]].to_numpy()
    assert tuple(paired) == pytest.approx(judged.better_than["LACE"]["auroc"])
    groups = pd.read_csv(out / "subgroups.csv")
    assert groups["rows"].tolist() == found.examined.by_group["rows"].tolist()


def test_it_is_what_examine_finds_of_the_champion(
    small_home: Home, other: Home, found: Validation
) -> None:
    from serving.model import RiskModel

    model = RiskModel.load(small_home.models / "readmission")
    assert found.model_version == model.version
    again = examine(other, model, QUICK)
    assert again.evaluation.flat() == found.examined.evaluation.flat()
    assert again.equity.findings == found.examined.equity.findings


def test_of_real_people_neither_the_print_nor_a_file_tells_a_small_count(
    found: Validation, tmp_path: Path, capsys: Any
) -> None:
    real = of_real_people(found)
    few = found.examined.by_group.query("0 < events < 11")
    assert len(few), "a group of few, as any real home has one"
    print_validation(real)
    told = capsys.readouterr().out
    judged = found.examined.evaluation
    assert f"readmission: {Counts('own').count(judged.rows)} rows" in told
    assert "fewer than 11" in told
    assert "The model was made of people of origin invented" not in told
    assert "the model was made of people of origin invented" in told
    real.write(tmp_path)
    groups = pd.read_csv(tmp_path / "subgroups.csv").set_index(["grouping", "group"])
    for name in few.set_index(["grouping", "group"]).index:
        assert groups.loc[name, ["events", "base_rate", "mean_risk", "auroc"]].isna().all()
    for name in ("rows", "people", "events"):
        shown = groups[name].dropna()
        assert np.all((shown % 10 == 0) | (shown == 11))
        assert shown[(shown > 0) & (shown < 11)].empty
    capacities = pd.read_csv(tmp_path / "capacities.csv")
    exact = judged.capacities
    small = (exact["found"] < 11) | (exact["called"] - exact["found"] < 11)
    assert small.any()
    assert capacities.loc[small.to_numpy(), "ppv"].isna().all()
    whole = json.loads((tmp_path / "validation.json").read_text())
    assert whole["evaluation"]["rows"] == round(judged.rows, -1)
    assert set(whole["equity"]) == {"at_same_risk", "findings"}


#  rows, events, called, sensitivity, ppv → whether who is called is told
@pytest.mark.parametrize(
    ("called", "sensitivity", "ppv", "told"),
    [(0.1, 0.2, 0.4, True),     # 100 called, 40 of 200 cases among them
     (0.01, 0.02, 0.4, False),  # 10 called
     (0.1, 0.05, 0.1, False),   # 10 of 200 cases are called
     (0.1, 0.475, 0.95, False), # 95 of 100 called are cases, 5 are not
     (0.5, 0.96, 0.384, False)],  # all but 8 of 200 cases are called
)  # fmt: skip
def test_a_share_of_a_group_tells_no_few(
    called: float, sensitivity: float, ppv: float, told: bool
) -> None:
    line = {"group": "g", "rows": 1000, "people": 1000, "events": 200, "judgeable": True,
            "auroc": 0.7, "called": called, "called_low": called / 2, "sensitivity": sensitivity,
            "ppv": ppv}  # fmt: skip
    made = _guarded(line, Counts("own"))
    for name in ("called", "called_low", "sensitivity", "ppv"):
        assert (made[name] is not None) == told, name
    assert (made["auroc"], made["judgeable"], made["rows"]) == (0.7, True, 1000)
    assert made["called_low"] in (None, round(called / 2, 2))
    assert _guarded(line, Counts("invented")) == line
    assert _guarded(line | {"events": np.int64(8)}, Counts("own"))["auroc"] is None


def test_from_shares_of_several_groups_no_exact_count_can_be_rebuilt() -> None:
    # women, men and everybody: what is left are 37 people of no sex that is told, 4 of them cases
    rows, events = {"w": 1733, "m": 1291, "all": 3061}, {"w": 241, "m": 203, "all": 448}
    can_be: dict[str, set[int]] = {}
    for name, many in rows.items():
        share = events[name] / many
        line = {"rows": many, "events": events[name], "base_rate": share, "called": 0.1,
                "sensitivity": 60 / events[name], "ppv": 60 / round(many / 10)}  # fmt: skip
        told = _guarded(line, Counts("own"))
        exact = Fraction(events[name], many)
        assert Fraction(share).limit_denominator(told["rows"] + 5) == exact, "so it could be had"
        assert Fraction(told["base_rate"]).limit_denominator(told["rows"] + 5) != exact
        can_be[name] = {
            cases for of in range(told["rows"] - 5, told["rows"] + 6) for cases in range(of + 1)
            if round(cases / of, 2) == told["base_rate"] and Counts("own").drawn(cases)
            == told["events"]
        }  # fmt: skip
        assert {events[name]} < can_be[name]
    left = [all_ - w - m for all_ in can_be["all"] for w in can_be["w"] for m in can_be["m"]]
    assert {*range(12)} <= {*left}, "nobody, or fewer than 11, or more"


def figures(told: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """Every number that is not whole, with the name that it stands under."""
    if isinstance(told, dict):
        for key, value in told.items():
            yield from figures(value, key)
    elif isinstance(told, list):
        for value in told:
            yield from figures(value, name)
    elif isinstance(told, float) and np.isfinite(told):
        yield name, told


def test_of_real_people_a_figure_has_three_digits_and_a_share_two(
    found: Validation, tmp_path: Path
) -> None:
    few_digits = {True: [], False: []}
    for real, validation in ((True, of_real_people(found)), (False, found)):
        validation.write(tmp_path)
        told = list(figures(json.loads((tmp_path / FILES[0]).read_text())))
        for name in FILES[1:]:
            told += figures(pd.read_csv(tmp_path / name).to_dict("records"))
        named = {name for name, _ in told}
        assert {"base_rate", "ppv", "ppv_low", "sensitivity", "called_high", "auroc", "value",
                "brier", "mean_risk"} <= named  # fmt: skip
        shares = ("base_rate", "ppv", "sensitivity", "called")
        few_digits[real] = [
            round(value, 2 if name.startswith(shares) else 3) == value for name, value in told
        ]
    assert all(few_digits[True])
    assert np.mean(few_digits[False]) < 0.5, "of invented people they stay exact"


def test_of_real_people_a_score_that_is_known_of_few_is_in_no_file_and_not_printed(
    found: Validation, tmp_path: Path, capsys: Any
) -> None:
    judged = evaluate(known_of_few(3, 5), QUICK.evaluation, Counts("own"))
    few = replace(found, examined=replace(found.examined, evaluation=judged))
    said = "seldom: known of so few rows or cases that nothing can be told by it"
    for validation, told in ((few, True), (of_real_people(few), False)):
        validation.write(tmp_path)
        print_validation(validation)
        printed = capsys.readouterr().out.splitlines()
        beside = [line for line in printed if "seldom" in line and "seldom: known" not in line]
        assert bool(beside) == told
        held = json.loads((tmp_path / FILES[0]).read_text())["evaluation"]
        assert said in held["remarks"]
        for part in ("scores", "better_than"):
            assert ("seldom" in held[part]) == told
            assert "half" in held[part]
        for name in FILES[1:3]:
            assert ("seldom" in (tmp_path / name).read_text()) == told
            assert "half" in (tmp_path / name).read_text()


def test_too_few_cases_are_said_without_their_number(found: Validation) -> None:
    judged = found.examined.evaluation
    few = replace(judged, events=13, remarks=("13 cases are too few to judge (200 are wanted)",))
    real = replace(of_real_people(found), examined=replace(found.examined, evaluation=few))
    assert "11 to 14 cases are too few to judge (200 are wanted)" in real.remarks()
    assert not any(words.startswith("13") for words in real.remarks())


def refused(kind: type[Exception], home: Home, task: str, on: Home) -> str:
    with pytest.raises(kind) as error:
        validate(home, task, on)
    said = str(error.value)
    assert "\n" not in said
    return said


def test_what_cannot_be_judged_is_refused_in_a_sentence(
    small_home: Home, other: Home, tmp_path: Path
) -> None:
    none = Home(tmp_path / "none")
    assert refused(InputError, small_home, "readmission", none).startswith(
        f"nothing has been taken in under {none.root}"
    )
    assert refused(InputError, other, "readmission", small_home).startswith(
        f"There is no champion of readmission in {other.root}: "
    )
    assert "the home of the champion, which learned from people there" in refused(
        InputError, small_home, "readmission", Home(small_home.root)
    )
    assert refused(InputError, small_home, "mortality", other).startswith("There is no task")
    assert not none.root.exists()


def test_people_too_few_for_a_case_are_refused(small_home: Home, tmp_path: Path) -> None:
    few = Home(tmp_path / "few")
    synthesise(few.invented, 12, years=4, seed=5)
    take_in(few, "canonical", few.invented)
    said = refused(RefusalError, small_home, "readmission", few)
    assert said.startswith(f"Of those who count for readmission in {few.root} all are cases, or ")


@pytest.mark.parametrize(
    ("changes", "named"),
    [({"horizon_days": 60, "enrolled_after_days": 60}, "horizon_days, label"),
     ({"definition": "pcr_like"}, "label"), ({"minimum_age": 18}, "minimum_age")],
)  # fmt: skip
def test_the_champion_of_another_question_is_refused(
    small_home: Home, other: Home, tmp_path: Path, changes: dict[str, Any], named: str
) -> None:
    home = Home(tmp_path / "home")
    held = home.models / "mine"
    shutil.copytree((small_home.models / "readmission").resolve(), held)
    told = json.loads((held / "model.json").read_text()) | {"task": "mine"}
    (held / "model.json").write_text(json.dumps(told))
    path = tmp_path / "mine.toml"
    path.write_text(task_file(replace(READMISSION, name="mine", **changes)))
    said = refused(RefusalError, home, str(path), other)
    assert f"for another question than the settings ask ({named})" in said
    path.write_text(task_file(replace(READMISSION, name="other")))
    shutil.copytree(held, home.models / "other")
    assert "answers another question" in refused(RefusalError, home, str(path), other)


def test_a_file_in_the_place_of_the_folder_is_refused_before_anything_is_judged(
    small_home: Home, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(InputError, match=r"--out: .*file is not a folder"):
        command("--home", str(small_home.root), "validate", "--task", "readmission", "--on",
                str(tmp_path / "none"), "--out", str(file))  # fmt: skip
