"""Every stay of the data in one table: what each rule says of it, and what became of it."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from tests.training.readmission_answers import cohort
from tests.training.small import EVERYTHING, Person
from training.cohort_files import readmission_task
from training.cohorts.attrition import VERDICTS
from training.cohorts.stay_table import RULE, stay_table
from training.cohorts.stays import INPATIENT_KINDS
from training.settings.tasks import READMISSION

PCR_LIKE = readmission_task("readmission-pcr-like")
HIP = "0SR9019"


def told(*people: Person, task=READMISSION, **changes) -> dict[str, dict]:
    table = stay_table(cohort(*people, task=task, **changes))
    return {row["encounter_id"]: row for row in table.to_pylist()}


def anna() -> Person:
    """Moved from north to south, back for pneumonia on day 12, then a planned hip."""
    person = Person().stay("a", "2022-03-01", "2022-03-05")
    person.stay("b", "2022-03-06", "2022-03-08", facility="south", diagnosis="J189")
    person.stay("c", "2022-03-20", "2022-03-22", diagnosis="J189")
    return person.stay("d", "2022-04-01", "2022-04-04", diagnosis="M1611", procedures=(HIP,))


def test_a_stay_says_what_it_is_and_its_name():
    row = told(anna())["d"]
    assert [str(row[name]) for name in ("patient_id", "kind", "admitted_on", "discharged_on")] == [
        "anna", "acute_inpatient", "2022-04-01", "2022-04-04",
    ]  # fmt: skip
    assert row["days"] == 3
    assert (row["facility_id"], row["disposition"]) == ("north", "home")
    assert (row["principal_code"], row["principal_ccs"]) == ("M1611", 203)
    assert row["principal_name"] == "Osteoarthritis"


@pytest.mark.parametrize(
    ("thing", "done", "rule", "code"),
    [("M1611", (HIP,), "potentially planned procedure, diagnosis not acute", HIP),
     ("J189", (HIP, "0TY00Z0"), "always planned procedure", "0TY00Z0"),
     ("Z5111", (HIP,), "always planned diagnosis", "Z5111"),
     ("J189", (HIP,), "unplanned", ""),
     ("M1611", (HIP, "0SR9018", "XXXXXXX"), "potentially planned procedure, diagnosis not acute",
      "0SR9018")],
)  # fmt: skip
def test_the_planned_rule_that_fired_names_the_code_that_made_it_fire(thing, done, rule, code):
    row = told(Person().stay("a", "2022-03-01", "2022-03-05", diagnosis=thing, procedures=done))
    assert (row["a"]["planned_rule"], row["a"]["planned_code"]) == (rule, code)


def test_the_last_stay_of_an_episode_answers_for_its_chain():
    rows = told(anna())
    assert [rows[k]["chain"] for k in "abcd"] == ["a > b", "a > b", "c", "d"]
    assert [rows[k]["joined_by"] for k in "abcd"] == ["", "transfer", "", ""]
    assert [rows[k]["ends_episode"] for k in "abcd"] == [False, True, True, True]
    first = rows["a"]
    assert first["excluded_by"] == "joined: the episode's last stay answers"
    assert first["reason"] == "part of the episode that ends with b"
    assert (first["index"], first["outcome"], first["censored"]) == (None, None, None)
    assert {first[name] for name in first if name.startswith(RULE)} == {"not tried"}


def test_an_index_discharge_says_what_followed_and_which_admission_decided():
    rows = told(anna())
    moved, back, hip = rows["b"], rows["c"], rows["d"]
    answer = ("index", "outcome", "death_or_readmission", "days_to_next", "next_encounter_id",
              "next_rule", "reason")  # fmt: skip
    assert [moved[name] for name in answer] == [
        True, 1, 1, 12, "c", "unplanned", "counts; unplanned acute admission on day 12",
    ]  # fmt: skip
    planned = "potentially planned procedure, diagnosis not acute"
    assert [back[name] for name in answer] == [
        True, 0, 0, 10, "d", planned, f"counts; planned admission on day 10 ({planned}) decides",
    ]  # fmt: skip
    assert [hip[name] for name in answer] == [
        True, 0, 0, None, "", "", "counts; no acute admission in 30 days",
    ]  # fmt: skip


def test_each_rule_is_met_failed_not_tried_or_not_evaluable():
    person = Person(birth="1990-01-01").stay("a", "2022-03-01", "2022-03-05", diagnosis="F329")
    person.stay("b", "2022-06-01", "2022-06-03", diagnosis=None)
    rows = told(person, carries=[feed for feed in EVERYTHING if feed != "disposition"])
    said = {key: rows["a"][RULE + key] for key in
            ("age", "not_psychiatric", "alive", "not_against_advice")}  # fmt: skip
    assert said == {"age": "failed", "not_psychiatric": "failed", "alive": "met",
                    "not_against_advice": "not evaluable"}  # fmt: skip
    assert rows["a"]["excluded_by"].startswith("younger than 65"), "the first rule that took it"
    assert rows["a"]["reason"].startswith("does not count (younger than 65")
    assert rows["b"][RULE + "not_psychiatric"] == "not tried", "without a principal diagnosis"


def test_what_is_told_is_tried_also_where_nothing_comes_of_it():
    # the map does not know the code; of the hospitals one is named by its number
    person = Person().stay("a", "2022-03-01", "2022-03-05", diagnosis="U071", facility="330101")
    person.stay("b", "2022-06-01", "2022-06-03", diagnosis=None)
    rows = told(person)
    for key in ("not_psychiatric", "not_medical_cancer", "not_exempt_hospital"):
        assert [rows[stay][RULE + key] for stay in "ab"] == ["met", "not tried"]
    rows = told(person, task=PCR_LIKE)
    assert [rows[stay][RULE + "not_pregnancy"] for stay in "ab"] == ["met", "not tried"]


def test_who_dies_on_the_day_of_discharge_need_not_be_enrolled_after_it():
    person = Person(covered=("2015-01-01", "2022-03-05"), death="2022-03-05")
    row = told(person.stay("a", "2022-03-01", "2022-03-05"))["a"]
    assert (row[RULE + "alive"], row[RULE + "enrolled_after"]) == ("failed", "met")


RULES = [
    (READMISSION,
     "discharged alive not_transferred not_against_advice age enrolled_before not_psychiatric "
     "not_rehabilitation not_medical_cancer not_exempt_hospital outcome_known enrolled_after "
     "something_to_predict"),
    (replace(READMISSION, all_payers=True),
     "discharged alive not_transferred not_against_advice age not_newborn enrolled_before "
     "not_psychiatric not_rehabilitation not_medical_cancer not_exempt_hospital outcome_known "
     "enrolled_after something_to_predict"),
    (PCR_LIKE,
     "discharged alive not_same_day age age_or_medicare not_pregnancy not_hospice "
     "enrolled_before outcome_known enrolled_after not_outlier something_to_predict"),
]  # fmt: skip


@pytest.mark.parametrize(("task", "rules"), RULES)
def test_each_rule_has_a_column_in_the_order_in_which_it_is_asked(task, rules):
    names = stay_table(cohort(anna(), task=task)).column_names
    assert [name.removeprefix(RULE) for name in names if name.startswith(RULE)] == rules.split()


def test_an_open_stay_is_tried_on_nothing_but_its_discharge():
    row = told(Person(birth="1990-01-01").stay("a", "2022-03-01", None))["a"]
    assert row[RULE + "discharged"] == "failed"
    assert {row[k] for k in row if k.startswith(RULE)} <= {"failed", "not tried", "not evaluable"}
    assert row[RULE + "age"] == "not tried"
    assert (row["days"], row["outcome"], row["censored"]) == (None, None, True)
    assert row["reason"] == "does not count (not discharged as far as the data tell)"


@pytest.mark.parametrize("kind", INPATIENT_KINDS)
def test_stays_of_every_inpatient_kind_are_there(kind):
    person = Person().stay("a", "2022-03-01", "2022-03-05", kind=kind)
    for task, looked_at in ((READMISSION, {"acute_inpatient"}),
                            (PCR_LIKE, {"acute_inpatient", "observation"})):  # fmt: skip
        row = told(person, task=task)["a"]
        assert row["kind"] == kind
        assert (row["joined_by"] is None) == (kind not in looked_at)
        if kind not in looked_at:
            assert row["excluded_by"] == "not a kind of stay that the definition looks at"
            assert (row["chain"], row["index"]) == ("", None)


def test_visits_are_no_stays():
    person = Person().stay("a", "2022-03-01", "2022-03-01", kind="emergency")
    assert told(person) == {}


def test_censored_answers_are_empty_and_the_dead_have_their_day():
    person = Person(death="2022-03-20").stay("a", "2022-03-01", "2022-03-05")
    known = told(person)["a"]
    assert str(known["died_on"]) == "2022-03-20"
    assert (known["died_within"], known["outcome"], known["death_or_readmission"]) == (True, 0, 1)
    unknown = told(person, data_through="2022-08-01")["a"]
    assert [unknown[name] for name in ("died_within", "outcome", "death_or_readmission")] == [
        None, None, None,
    ]  # fmt: skip
    assert unknown["censored"]
    assert unknown["excluded_by"].startswith("outcome not known yet")


def test_whoever_is_back_at_once_is_an_index_of_the_measure_and_no_question():
    person = Person().stay("a", "2022-03-01", "2022-03-05")
    person.stay("b", "2022-03-05", "2022-03-09", diagnosis="J189")
    row = told(person)["a"]
    assert row["index"]
    assert row["reason"].startswith("counts, but was not asked about")


def test_the_table_has_the_same_columns_however_little_there_is():
    full, empty = stay_table(cohort(anna())), stay_table(cohort(Person()))
    assert (full.num_rows, empty.num_rows) == (4, 0)
    assert full.schema == empty.schema
    assert not any(pa.types.is_null(entry.type) for entry in full.schema)
    rules = [name for name in full.column_names if name.startswith(RULE)]
    assert len(rules) == 13
    assert full[rules[0]].chunk(0).dictionary.to_pylist() == list(VERDICTS)


def test_the_index_column_and_the_attrition_table_agree():
    bert = Person("bert", birth="1990-01-01").stay("x", "2022-03-01", "2022-03-05")
    made = cohort(anna(), bert)
    rows = stay_table(made).to_pylist()
    left = made.attrition.set_index("rule")["rows_left"]
    counted = sum(bool(row["index"]) for row in rows)
    assert counted == left.iloc[-2] == 3
    for rule, removed in zip(made.attrition["rule"], made.attrition["rows_removed"], strict=True):
        if removed and not rule.startswith("joined"):
            assert sum(row["excluded_by"] == rule for row in rows) == removed
