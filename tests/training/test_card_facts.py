"""What a card says of a run is what the run's files tell, and no more: each sentence beside the
lines that it is made of."""

from __future__ import annotations

import pytest

from tests.training.made_run import EVALUATION, made_run
from training.report.groups_judged import Groups, by_group, compared
from training.report.input_register import register
from training.report.limits import limits_of
from training.report.model_facts import facts_of
from training.report.recalibrated import roles
from training.report.run_folder import RunFolder
from training.report.tripod import items

SUBGROUPS = (
    "grouping,group,rows,people,events,judgeable,observed_to_expected,observed_to_expected_low,"
    "observed_to_expected_high,calibration_slope,calibration_slope_low,calibration_slope_high\n"
)
FEW = SUBGROUPS + "age,people of 65 to 74,90,80,20,False,,,,,,\n"
ONE = FEW + "age,people of 75 to 84,900,800,240,True,0.9,0.83,0.98,1.1,0.95,1.3\n"
AUDIT_OF_NOBODY = {"at_same_risk": [
    {"grouping": "race or ethnicity", "group": group, "judgeable": False} for group in "ab"
]}  # fmt: skip
RECALIBRATED = {
    "version": "aaaabbbbccccdddd", "how": "base rate", "why": "moved", "rows": 210, "cases": 29,
    "first_as_of": "2022-10-16", "last_as_of": "2023-09-11",
}  # fmt: skip


def answer(run: RunFolder, number: str) -> str:
    """What the card answers to an item of TRIPOD+AI."""
    found = items(lambda name: f"given {name}", lambda name: f"see {name}", facts_of(run))
    return next(str(one.answer) for one in found if one.number == number)


def limits(run: RunFolder) -> str:
    return " | ".join(map(str, limits_of(run)))


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (None, "missing: this run did not look at it"),
        (FEW, "missing: too few to judge by age, in this run"),
        (ONE, "judged by group of age (too few: people of 65 to 74), in this run"),
    ],
)
def test_nobody_is_said_to_be_judged_of_whom_there_are_too_few(tmp_path, table, said):
    run = made_run(tmp_path, **({} if table is None else {"subgroups": table}))
    [row] = register(["age"], by_group(run), compared(run))
    assert str(row[4]) == said


def test_an_audit_that_compares_nobody_is_none(tmp_path):
    run = made_run(tmp_path, equity=AUDIT_OF_NOBODY)
    [row] = register(["cost_total_365"], by_group(run), compared(run))
    assert str(row[4]) == (
        "missing: too few for the equity audit by race or ethnicity, in this run"
    )
    assert answer(run, "14") == (
        "missing: audited, and no group has people enough to be compared in this run: see “Equity”"
    )
    third = {"grouping": "race or ethnicity", "group": "c", "judgeable": True}
    run = made_run(tmp_path, equity={"at_same_risk": [*AUDIT_OF_NOBODY["at_same_risk"], third]})
    [row] = register(["cost_total_365"], by_group(run), compared(run))
    assert str(row[4]) == (
        "equity audit of the list by race or ethnicity (too few: a, b), in this run"
    )
    assert answer(run, "14").startswith("nothing is adjusted; the list is audited by race")


def test_a_judged_grouping_and_one_of_too_few_stand_apart():
    judged = (Groups("payer", ("medicare",), ()), Groups("race or ethnicity", (), ("a",)))
    [row] = register(["coverage_medicaid_now"], judged, None)
    assert str(row[4]) == (
        "judged by group of payer; too few to judge by race or ethnicity, in this run"
    )


def test_each_input_stands_in_one_row_of_the_register():
    names = ["nursing_stays_count_365", "home_health_count_90", "last_stay_to_home",
             "emergency_visits_count_365", "office_visits_count_365", "acute_stays_count_365",
             "age_of_mars"]  # fmt: skip
    rows = {str(row[0]): str(row[1]) for row in register(names, None, None)}
    assert rows == {
        "visits that hang on access": "emergency visits, office visits",
        "care in nursing homes, at home and in hospice":
            "skilled nursing stays, home health episodes, where the last stay ended",
        "hospital stays and procedures": "1 features",
        "not declared any more": "age_of_mars",
    }  # fmt: skip


def test_the_gates_word_on_groups_says_where_it_ends(tmp_path):
    assert str(facts_of(made_run(tmp_path))["bias"]).endswith(
        "beyond limits (0.67 to 1.5); groups of fewer than 200 cases are not judged, so that "
        "passing it does not prove that all groups are right"
    )


def test_a_recalibrated_model_says_of_which_version_on_whom_and_when(tmp_path):
    run = made_run(tmp_path, {"recalibrated": RECALIBRATED})
    did = (
        "recalibrated: the base rate of version aaaabbbbccccdddd was moved, on 210 questions "
        "(29 cases) asked from 2022-10-16 to 2023-09-11, by people whom no fit saw; nothing was "
        "learned anew"
    )
    assert answer(run, "12f") == did
    assert answer(run, "24") == "those of this card are of the model after it"
    assert answer(run, "5b") == (
        f"learned from those asked from 2022-01-04 to 2022-10-15; {did}; tested on those asked "
        "from 2024-02-08 on; data through 2024-12-31"
    )
    assert answer(run, "12a").startswith(
        "version aaaabbbbccccdddd learned from 206 questions about 150 people (40 cases), and was "
        "recalibrated"
    )
    assert [line["role"] for line in roles(run)] == [
        "train (not used: nothing was learned anew)",
        "validation (not used: nothing was learned anew)",
        "calibration (recalibrated on those asked since)", "test",
    ]  # fmt: skip


def test_a_trained_model_was_not_updated(tmp_path):
    run = made_run(tmp_path)
    assert answer(run, "12f") == "none: the test changed nothing"
    assert answer(run, "24") == "none was made"
    assert [line["role"] for line in roles(run)] == ["train", "validation", "calibration", "test"]


def test_missing_values_of_inputs_held_to_one_direction_are_told(tmp_path):
    # of age, stays (up) and days since the last (down) two are held
    run = made_run(tmp_path)
    held = "but for the 2 inputs that are held to one direction: there it is taken for none"
    for number in ("11", "12b", "27a"):
        assert held in answer(run, number)
    assert "1 inputs may only raise it as they grow, 1 may only lower it" in str(
        facts_of(run)["constraints"]
    )
    assert "may move up as well as down" in answer(run, "9a")
    free = made_run(tmp_path, settings="setting,value,meaning\nfit.monotone,False,x\n")
    assert "a missing value stays missing (no imputation)" in answer(free, "11")
    assert "may move up as well as down" not in answer(free, "9a")


def test_the_size_of_a_study_is_what_was_used_and_what_was_not(tmp_path):
    # 181 + 44 + 227 + 90 = 542 of 838, and 838 - 542 = 296
    assert answer(made_run(tmp_path), "10").startswith(
        "no size was calculated beforehand: of 838 eligible questions 542 are used, and the other "
        "296 have no role"
    )


def test_questions_that_are_asked_again_are_counted(tmp_path):
    treated = {"roles": [{"role": "train", "rows": 500}, {"role": "validation", "rows": 200},
                         {"role": "test", "rows": 300}]}  # fmt: skip
    assert (
        "(40 cases), each asked on the days 0, 2, 7, 14 after a discharge as long as nobody is "
        "back: 700 rows in all"
    ) in answer(made_run(tmp_path, treated=treated), "12a")
    treated["roles"][0]["rows"] = 6  # 6 + 200 = 206, each once
    assert "rows in all" not in answer(made_run(tmp_path, treated=treated), "12a")


def test_who_was_learned_from_is_told_by_group_or_is_missing(tmp_path):
    words = "of the rows learned from and of those asked about are women 55% and 56%"
    gate = {"criteria": [{"name": "who it learned from", "passed": True, "words": words}]}
    assert answer(made_run(tmp_path, gate=gate), "20c") == words
    (tmp_path / "gate.json").unlink()
    assert answer(made_run(tmp_path), "20c").startswith("missing: this run does not tell")
    assert answer(made_run(tmp_path), "20b").startswith("missing: ")


def test_the_limits_name_who_was_taken_out_and_who_could_not_be_told(tmp_path):
    said = limits(made_run(tmp_path))
    assert "Neither learned from nor tested: left against medical advice. Who lives" in said
    assert "Not told by the source, so that they are among the others: discharged from an" in said
    assert "on other people of the source that it was trained on" in said


def test_the_limits_name_each_interval_that_leaves_out_what_is_right(tmp_path):
    said = limits(made_run(tmp_path, subgroups=ONE))
    # 0.83 to 0.98 leaves out 1, and 0.95 to 1.30 holds it: two intervals are looked at
    assert (
        "By group its risks do not fit: observed : expected of age: people of 75 to 84 0.900 "
        "(0.830 to 0.980) (1 is right; of 2 such intervals"
    ) in said
    assert "Its risks do not fit those who tested it" not in said
    ours = EVALUATION["scores"]["firstcall"] | {"calibration_slope": [0.938, 0.9, 0.977]}
    said = limits(made_run(tmp_path, None, {"scores": {"firstcall": ours}, "better_than": {}}))
    assert (
        "Its risks do not fit those who tested it: calibration slope is 0.938 (0.900 to 0.977), "
        "and 1 is right."
    ) in said


def test_what_is_like_a_measure_is_not_that_measure(tmp_path):
    label = "Unplanned readmission within 30 days (pcr_like)"
    said = limits(made_run(tmp_path, {"label": label}))
    assert "is not that measure, which is licensed" in said
    assert "follows a published definition" not in said
    assert "follows a published definition" in limits(made_run(tmp_path))
