"""cms_hwr as a clinician can read it: a person's stays, and what becomes of each discharge."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.training.small import EVERYTHING, Person, day, manifest, together
from training.cohort import ALREADY_BACK, Cohort, readmission_cohort
from training.tasks import READMISSION


def cohort(*people: Person, **changes) -> Cohort:
    return readmission_cohort(together(*people), manifest(**changes), READMISSION)


def verdicts(made: Cohort) -> dict[str, str]:
    """Each episode by its last stay: 1, 0, ? (not known), or why it does not count."""
    said = {}
    for row in made.every.to_dict("records"):
        answer = "?" if row["censored"] else str(row["outcome"])
        said[row["encounter_id"]] = row["excluded_by"] or answer
    return said


def test_an_unplanned_return_is_a_readmission_and_a_new_index_itself():
    anna = Person().stay("a", "2022-03-01", "2022-03-05").stay("b", "2022-04-04", "2022-04-08")
    #                                       discharge + 30 = 4 April
    assert verdicts(cohort(anna)) == {"a": "1", "b": "0"}


def test_day_31_is_too_late():
    anna = Person().stay("a", "2022-03-01", "2022-03-05").stay("b", "2022-04-05", "2022-04-08")
    assert verdicts(cohort(anna)) == {"a": "0", "b": "0"}


def test_the_reason_is_in_words():
    anna = Person().stay("a", "2022-03-01", "2022-03-05").stay("b", "2022-03-10", "2022-03-11")
    reasons = cohort(anna).every.set_index("encounter_id")["reason"]
    assert reasons["a"] == "unplanned acute admission on day 5"
    assert reasons["b"] == "no acute admission in 30 days"


# --- episodes -----------------------------------------------------------------------------------

JOINING = [
    # the second stay begins                         hospital  diagnosis  joins as
    ("the day of discharge, another hospital", "2022-03-05", "south", "J189", "transfer"),
    ("the day after, another hospital", "2022-03-06", "south", "J189", "transfer"),
    ("two days after, another hospital", "2022-03-07", "south", "J189", ""),
    ("the same day, same hospital, same thing", "2022-03-05", "north", "I509", "same_day_return"),
    ("the same day, same hospital, other thing", "2022-03-05", "north", "J189", ""),
    ("the day after, same hospital, same thing", "2022-03-06", "north", "I509", ""),
    ("before the discharge, same hospital", "2022-03-03", "north", "J189", "overlap"),
    ("the same day, hospital unknown, same thing", "2022-03-05", None, "I509", "same_day_return"),
    ("the day after, hospital unknown", "2022-03-06", None, "I509", ""),
]


@pytest.mark.parametrize(("case", "begins", "hospital", "thing", "joined"), JOINING,
                         ids=[row[0] for row in JOINING])  # fmt: skip
def test_stays_join_into_episodes(case, begins, hospital, thing, joined):
    anna = Person().stay("a", "2022-03-01", "2022-03-05")
    anna.stay("b", begins, "2022-03-20", facility=hospital, diagnosis=thing)
    every = cohort(anna).every
    assert len(every) == (1 if joined else 2)
    if joined:
        only = every.iloc[0]
        assert only["encounter_id"] == "b", "the outcome belongs to the last hospital"
        assert only["admitted_on"] == day("2022-03-01")
        assert only["discharged_on"] == day("2022-03-20")
        assert only["stays"] == 2


def test_a_transfer_disposition_joins_where_the_hospital_is_not_named():
    anna = Person().stay("a", "2022-03-01", "2022-03-05", facility=None,
                         disposition="acute_transfer")  # fmt: skip
    anna.stay("b", "2022-03-06", "2022-03-20", facility=None, diagnosis="J189")
    assert verdicts(cohort(anna)) == {"b": "0"}


def test_a_short_stay_within_a_long_one_leaves_the_long_ones_discharge():
    anna = Person().stay("a", "2022-03-01", "2022-03-20").stay("b", "2022-03-03", "2022-03-05")
    anna.stay("c", "2022-03-25", "2022-03-27")
    assert verdicts(cohort(anna)) == {"a": "1", "c": "0"}


def test_a_lost_discharge_does_not_swallow_later_stays():
    anna = Person().stay("a", "2022-03-01", None).stay("b", "2022-05-01", "2022-05-03")
    assert verdicts(cohort(anna)) == {
        "a": "not discharged as far as the data tell", "b": "0",
    }  # fmt: skip


# --- the first acute admission decides -----------------------------------------------------------

HIP, TRANSPLANT, FEVER = "0SR9019", "0TY00Z0", "R509"
DECIDING = [
    # the next stay: diagnosis, procedures                                  outcome, rule
    ("pneumonia", "J189", (), "1", "unplanned"),
    ("osteoarthritis, hip replaced", "M1611", (HIP,), "0",
     "potentially planned procedure, diagnosis not acute"),
    ("pneumonia, hip replaced", "J189", (HIP,), "1", "unplanned"),
    ("kidney transplanted, in pneumonia even", "J189", (TRANSPLANT,), "0",
     "always planned procedure"),
    ("chemotherapy", "Z5111", (), "0", "always planned diagnosis"),
]  # fmt: skip


@pytest.mark.parametrize(("case", "thing", "done", "outcome", "rule"), DECIDING,
                         ids=[row[0] for row in DECIDING])  # fmt: skip
def test_planned_admissions_are_negative(case, thing, done, outcome, rule):
    anna = Person().stay("a", "2022-03-01", "2022-03-05")
    anna.stay("b", "2022-03-15", "2022-03-20", diagnosis=thing, procedures=done)
    every = cohort(anna).every.set_index("encounter_id")
    assert str(every.loc["a", "outcome"]) == outcome
    assert every.loc["a", "next_rule"] == rule


def test_a_planned_admission_blocks_the_unplanned_one_after_it():
    anna = Person().stay("a", "2022-03-01", "2022-03-05")
    anna.stay("b", "2022-03-10", "2022-03-12", diagnosis="Z5111")
    anna.stay("c", "2022-03-20", "2022-03-22")
    assert verdicts(cohort(anna))["a"] == "0"


def test_a_rehabilitation_stay_is_looked_past_and_other_ccs_254_blocks():
    for thing, outcome in (("Z5189", "1"), ("Z440", "0")):
        anna = Person().stay("a", "2022-03-01", "2022-03-05")
        anna.stay("b", "2022-03-08", "2022-03-10", diagnosis=thing)
        anna.stay("c", "2022-03-20", "2022-03-22")
        found = verdicts(cohort(anna))["a"]
        assert found == outcome, thing


@pytest.mark.parametrize(
    ("sent", "returns", "outcome"),
    [("psychiatric", "2022-03-06", "0"), ("home", "2022-03-06", "1"),
     ("psychiatric", "2022-03-07", "1")],
)  # fmt: skip
def test_a_psychiatric_stay_is_skipped_only_at_once_after_discharge_to_psychiatry(
    sent, returns, outcome
):
    anna = Person().stay("a", "2022-03-01", "2022-03-05", disposition=sent)
    anna.stay("b", returns, "2022-03-20", diagnosis="F329")
    assert verdicts(cohort(anna))["a"] == outcome


@pytest.mark.parametrize("kind", ["psychiatric_inpatient", "rehabilitation_inpatient",
                                  "observation", "skilled_nursing", "emergency"])  # fmt: skip
def test_other_settings_neither_count_nor_block(kind):
    anna = Person().stay("a", "2022-03-01", "2022-03-05")
    anna.stay("b", "2022-03-10", "2022-03-12", kind=kind)
    assert verdicts(cohort(anna)) == {"a": "0"}
    anna.stay("c", "2022-03-20", "2022-03-22")
    assert verdicts(cohort(anna)) == {"a": "1", "c": "0"}


def test_death_without_readmission_is_negative_and_told_apart():
    anna = Person(death="2022-03-20").stay("a", "2022-03-01", "2022-03-05")
    row = cohort(anna).rows.iloc[0]
    assert (row["outcome"], row["died_within"]) == (0, True)
    assert row["reason"] == "died on day 15, not readmitted"


def test_death_after_a_readmission_is_a_readmission():
    anna = Person(death="2022-03-20").stay("a", "2022-03-01", "2022-03-05")
    anna.stay("b", "2022-03-15", "2022-03-20", disposition="died")
    rows = cohort(anna).rows
    assert rows[["encounter_id", "outcome", "died_within"]].values.tolist() == [["a", 1, False]]


# --- who counts ----------------------------------------------------------------------------------


def one(told: Person, **changes) -> str:
    return verdicts(cohort(told, **changes))["a"]


def index_stay(**about) -> Person:
    person = {k: about.pop(k) for k in ("birth", "covered", "death") if k in about}
    return Person(**person).stay("a", "2022-03-01", "2022-03-05", **about)


def test_age_is_that_at_admission():
    assert one(index_stay(birth="1957-03-01")) == "0"  # 65 on the day of admission
    assert one(index_stay(birth="1957-03-02")).startswith("younger than 65")


def test_enrolment_of_a_year_before_admission_tolerates_no_gap():
    assert one(index_stay(covered=("2021-03-01", None))) == "0"
    assert one(index_stay(covered=("2021-03-02", None))).startswith("not enrolled on each of the")
    two_spans = index_stay(covered=("2015-01-01", "2021-12-31"))
    two_spans.add("coverage", start_on="2022-01-01", end_on=None)
    assert one(two_spans) == "0"
    a_day_between = index_stay(covered=("2015-01-01", "2021-12-30"))
    a_day_between.add("coverage", start_on="2022-01-01", end_on=None)
    assert one(a_day_between).startswith("not enrolled on each of the")


def test_enrolment_after_discharge_or_death_within_30_days():
    assert one(index_stay(covered=("2015-01-01", "2022-04-04"))) == "0"
    assert one(index_stay(covered=("2015-01-01", "2022-04-03"))).startswith("not enrolled for 30")
    assert one(index_stay(covered=("2015-01-01", "2022-03-31"), death="2022-03-20")) == "0"


@pytest.mark.parametrize(
    ("about", "rule"),
    [
        ({"disposition": "died"}, "died in hospital"),
        ({"death": "2022-03-05"}, "died in hospital"),
        ({"disposition": "acute_transfer"},
         "transferred to another acute hospital that the data do not show"),
        ({"disposition": "left_against_advice"}, "left against medical advice"),
        ({"diagnosis": "F329"}, "psychiatric principal diagnosis"),
        ({"diagnosis": "Z5189"}, "rehabilitation"),
        ({"diagnosis": "C189"}, "medical treatment of cancer"),
        ({"disposition": "skilled_nursing"}, "0"),
        ({"diagnosis": "D122"}, "0"),
    ],
)  # fmt: skip
def test_exclusions_of_the_index_discharge(about, rule):
    assert one(index_stay(**about)) == rule


def test_the_outcome_is_known_when_its_window_and_the_run_out_are_over():
    # discharge 5 March + 30 days = 4 April; run-out 120 days: 2 August
    assert one(index_stay(), data_through="2022-08-02") == "0"
    assert one(index_stay(), data_through="2022-08-01").startswith("outcome not known yet")
    assert cohort(index_stay(), data_through="2022-08-01").every["outcome"].isna().all()


def test_whoever_is_back_on_the_day_of_discharge_is_not_predicted():
    anna = index_stay().stay("b", "2022-03-05", "2022-03-09", diagnosis="J189")
    every = cohort(anna).every.set_index("encounter_id")
    assert every.loc["a", "outcome"] == 1, "it is a readmission of the measure all the same"
    assert every.loc["a", "excluded_by"] == ALREADY_BACK


def test_a_discharge_is_asked_about_on_the_day_it_became_known():
    # discharged on 5 March, known on 9 March; the claim of 1 April says nothing new of the day
    late = index_stay(known_on="2022-03-09")
    every = cohort(late).every.set_index("encounter_id")
    assert every.loc["a", "as_of"] == day("2022-03-09")
    assert every.loc["a", "outcome_until"] == day("2022-04-04"), "the window is the discharge's"

    back = index_stay(known_on="2022-03-09").stay("b", "2022-03-08", "2022-03-10", diagnosis="J189")
    every = cohort(back).every.set_index("encounter_id")
    assert every.loc["a", "excluded_by"] == ALREADY_BACK

    lost = index_stay(known_on="2022-04-04")
    assert cohort(lost).every.set_index("encounter_id").loc["a", "excluded_by"] == ALREADY_BACK


# --- what the source does not carry --------------------------------------------------------------


@pytest.mark.parametrize(
    ("feed", "about", "rule"),
    [
        ("disposition", {"disposition": "left_against_advice"}, "left against medical advice"),
        ("principal_diagnosis", {"diagnosis": "F329"}, "psychiatric principal diagnosis"),
        ("coverage", {"covered": ("2022-01-01", None)},
         "not enrolled on each of the 365 days before admission"),
    ],
)  # fmt: skip
def test_a_rule_without_its_feed_is_not_evaluable_and_takes_nobody(feed, about, rule):
    carried = cohort(index_stay(**about))
    assert verdicts(carried)["a"] == rule
    lacking = cohort(index_stay(**about), carries=[c for c in EVERYTHING if c != feed])
    assert verdicts(lacking)["a"] == "0"
    table = lacking.attrition.set_index("rule")
    assert not table.loc[rule, "evaluable"]
    assert carried.attrition.set_index("rule").loc[rule, "evaluable"]


def test_the_attrition_table_counts_stays_people_and_outcomes():
    anna = Person().stay("a", "2022-03-01", "2022-03-05").stay("b", "2022-03-10", "2022-03-12")
    anna.stay("c", "2022-03-13", "2022-03-20", facility="south")
    bert = Person("bert", birth="1990-01-01").stay("d", "2022-03-01", "2022-03-05")
    table = cohort(anna, bert).attrition.set_index("rule")
    columns = ["rows_removed", "people_removed", "rows_left", "people_left", "outcomes_left"]
    assert table[columns].iloc[0].tolist()[:4] == [0, 0, 4, 2]
    assert table[columns].iloc[1].tolist() == [1, 0, 3, 2, 1]
    young = "younger than 65 at admission, or of unknown age"
    assert table.loc[young, columns].tolist() == [1, 1, 2, 1, 1]
    assert (table["rows_left"].diff().iloc[1:] == -table["rows_removed"].iloc[1:]).all()


def test_final_facts_count_the_last_version_and_leave_out_what_was_withdrawn():
    anna = index_stay()
    anna.add("encounter", record_id="a", kind="acute_inpatient", started_on="2022-03-01",
             ended_on="2022-03-06", facility_id="north", disposition="home",
             known_on="2022-06-01")  # fmt: skip
    anna.stay("b", "2022-03-10", "2022-03-12")
    withdrawn = anna.rows["encounter"][-1] | {"reversed": True, "known_on": "2022-07-01"}
    anna.rows["encounter"].append(withdrawn)
    made = cohort(anna)
    assert verdicts(made) == {"a": "0"}
    assert made.rows["discharged_on"].tolist() == [day("2022-03-06")]


def test_an_empty_source_has_an_empty_cohort():
    made = cohort(Person())
    assert made.rows.empty
    assert isinstance(made.attrition, pd.DataFrame)
