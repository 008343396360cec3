"""pcr_like as a clinician can read it: a payer's readmissions, each rule with both its branches."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.training.readmission_answers import cohort, verdicts
from tests.training.small import EVERYTHING, Person, day
from training.cohort_files import readmission_task
from training.cohorts.cohort import Cohort
from training.cohorts.pcr_like import words_of

PCR_LIKE = readmission_task("readmission-pcr-like")


def counted(*people: Person, **changes) -> Cohort:
    return cohort(*people, task=changes.pop("task", PCR_LIKE), **changes)


def index_stay(**about) -> Person:
    """Discharged on 5 March 2022, aged 51, insured by her employer."""
    payer = about.pop("payer", "commercial")
    kept = ("birth", "covered", "death")
    person = {"birth": "1971-01-01"} | {k: about.pop(k) for k in kept if k in about}
    told = Person(**person).stay("a", about.pop("admitted", "2022-03-01"), "2022-03-05", **about)
    for span in told.rows["coverage"]:
        span["payer"] = payer
    return told


def one(told: Person, **changes) -> str:
    return verdicts(counted(told, **changes))["a"]


def test_the_documentation_says_that_it_is_not_the_certified_measure():
    assert "not that measure" in words_of(PCR_LIKE)[0]
    assert "licensed" in words_of(PCR_LIKE)[0]


@pytest.mark.parametrize(
    ("youngest", "words"),
    [(18, "of people of 18 to 64, and of 18 and over in Medicare"),
     (64, "of people of 64 to 64, and of 64 and over in Medicare"),
     (65, "of people of 65 and over in Medicare")],
)  # fmt: skip
def test_the_documentation_names_the_ages_of_the_task(youngest, words):
    assert words in words_of(replace(PCR_LIKE, minimum_age=youngest))[1]


# --- which stays, and which of them are one ------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "counts"),
    [("acute_inpatient", True), ("observation", True), ("psychiatric_inpatient", False),
     ("rehabilitation_inpatient", False), ("skilled_nursing", False), ("emergency", False)],
)  # fmt: skip
def test_acute_inpatient_and_observation_stays_count_as_index_and_as_return(kind, counts):
    assert verdicts(counted(index_stay(kind=kind))) == ({"a": "0"} if counts else {})
    back = index_stay().stay("b", "2022-03-15", "2022-03-17", kind=kind)
    assert verdicts(counted(back))["a"] == ("1" if counts else "0")


DISTINCT = [
    # the second stay begins                  hospital  diagnosis  how it joins
    ("before the discharge", "2022-03-03", "north", "J189", "overlap"),
    ("the same day, same hospital", "2022-03-05", "north", "J189", "adjacent"),
    ("the day after, same hospital", "2022-03-06", "north", "J189", "adjacent"),
    ("the day after, another hospital", "2022-03-06", "south", "J189", "transfer"),
    ("the day after, hospital unknown", "2022-03-06", None, "J189", "adjacent"),
    ("two calendar days after", "2022-03-07", "north", "I509", ""),
]


@pytest.mark.parametrize(("case", "begins", "hospital", "thing", "joined"), DISTINCT,
                         ids=[row[0] for row in DISTINCT])  # fmt: skip
def test_stays_two_calendar_days_apart_are_distinct(case, begins, hospital, thing, joined):
    anna = index_stay().stay("b", begins, "2022-03-20", facility=hospital, diagnosis=thing)
    made = counted(anna)
    assert verdicts(made) == ({"b": "0"} if joined else {"a": "1", "b": "0"})
    assert made.of_stays.stays.set_index("encounter_id").loc["b", "joined_by"] == joined


def test_a_stay_of_somebody_else_neither_joins_nor_counts():
    anna, bert = index_stay(), Person("bert", birth="1971-01-01")
    bert.stay("b", "2022-03-05", "2022-03-08")
    assert verdicts(counted(anna, bert)) == {"a": "0", "b": "0"}


# --- the outcome ---------------------------------------------------------------------------------

HIP = "0SR9019"
RETURNS = [
    # the returns, each: admitted, diagnosis, procedures                        outcome, decided by
    ("none", (), "0", ""),
    ("day 30", (("2022-04-04", "J189", ()),), "1", "r0"),
    ("day 31", (("2022-04-05", "J189", ()),), "0", ""),
    ("planned", (("2022-03-15", "M1611", (HIP,)),), "0", ""),
    ("for pregnancy", (("2022-03-15", "O1414", ()),), "0", ""),
    ("planned, then unplanned", (("2022-03-12", "M1611", (HIP,)), ("2022-03-20", "J189", ())),
     "1", "r1"),
    ("pregnancy, then unplanned", (("2022-03-12", "O1414", ()), ("2022-03-20", "J189", ())),
     "1", "r1"),
    ("rehabilitation", (("2022-03-12", "Z5189", ()),), "0", ""),
    ("rehabilitation, then unplanned", (("2022-03-12", "Z440", ()), ("2022-03-20", "J189", ())),
     "1", "r1"),
    ("planned, and on the day after into another hospital",
     (("2022-03-12", "M1611", (HIP,)), ("2022-03-14", "J189", ())), "0", ""),
    ("psychiatric", (("2022-03-15", "F329", ()),), "1", "r0"),
]  # fmt: skip


@pytest.mark.parametrize(("case", "returns", "outcome", "decided"), RETURNS,
                         ids=[row[0] for row in RETURNS])  # fmt: skip
def test_planned_returns_and_pregnancy_do_not_count_and_do_not_block(
    case, returns, outcome, decided
):
    anna = index_stay()
    for number, (admitted, thing, done) in enumerate(returns):
        left = admitted[:8] + f"{int(admitted[8:]) + 1:02}"
        anna.stay(f"r{number}", admitted, left, diagnosis=thing, procedures=done,
                  facility="south" if number else "north")  # fmt: skip
    made = counted(anna)
    row = made.every.set_index("encounter_id").loc["a"]
    assert (str(row["outcome"]), row["next_encounter_id"]) == (outcome, decided)


def test_the_reason_speaks_of_unplanned_admissions_alone():
    planned = index_stay().stay("b", "2022-03-15", "2022-03-17", diagnosis="M1611",
                                procedures=(HIP,))  # fmt: skip
    pneumonia = index_stay().stay("b", "2022-03-15", "2022-03-17", diagnosis="J189")
    for told, reason in ((index_stay(), "no unplanned admission in 30 days"),
                         (planned, "no unplanned admission in 30 days"),
                         (pneumonia, "unplanned acute admission on day 10")):  # fmt: skip
        every = counted(told).every.set_index("encounter_id")
        assert every.loc["a", "reason"] == reason


def test_psychiatric_stays_and_those_against_advice_and_for_cancer_count_here():
    for about in ({"diagnosis": "F329"}, {"disposition": "left_against_advice"},
                  {"diagnosis": "C189"}, {"diagnosis": "Z5189"}):  # fmt: skip
        assert one(index_stay(**about)) == "0", about


# --- who counts ----------------------------------------------------------------------------------

AGES = [
    # born          payer         age at discharge, 5 March 2022
    ("2004-03-05", "commercial", "0"),  # 18 on that day
    ("2004-03-06", "commercial", "younger than 18 at discharge, or of unknown age"),
    ("1957-03-06", "commercial", "0"),  # 64, 65 on the next day
    ("1957-03-05", "commercial", "older than 64 and not in Medicare on that day"),
    ("1957-03-05", "medicaid", "older than 64 and not in Medicare on that day"),
    ("1957-03-05", "medicare", "0"),
    ("1990-03-05", "medicare", "0"),
]


@pytest.mark.parametrize(("born", "payer", "verdict"), AGES)
def test_18_to_64_or_18_and_over_in_medicare(born, payer, verdict):
    assert one(index_stay(birth=born, payer=payer)) == verdict


def test_whoever_has_no_day_of_birth_does_not_count():
    unborn = index_stay()
    unborn.rows["member"].clear()
    assert one(unborn) == "younger than 18 at discharge, or of unknown age"


def test_where_no_payer_is_named_age_above_64_is_not_evaluable():
    rule = "older than 64 and not in Medicare on that day"
    made = counted(index_stay(birth="1950-01-01", payer=None))
    assert verdicts(made)["a"] == "0"
    assert not made.attrition.set_index("rule").loc[rule, "evaluable"]
    named = counted(index_stay(birth="1950-01-01", payer=None), Person("bert").stay(
        "b", "2022-03-01", "2022-03-05"), index_stay_of_carl())  # fmt: skip
    row = named.attrition.set_index("rule").loc[rule]
    assert row["evaluable"]
    assert row["rows_untried"] == 2, "anna and bert, whose payer is not known"


def index_stay_of_carl() -> Person:
    carl = Person("carl", birth="1980-01-01").stay("c", "2022-03-01", "2022-03-05")
    carl.rows["coverage"][0]["payer"] = "commercial"
    return carl


def covered(*spans: tuple[str, str | None]) -> Person:
    told = index_stay(covered=None)
    for first, last in spans:
        told.add("coverage", start_on=first, end_on=last, payer="commercial", known_on=first)
    return told


COVER = [
    # spans of cover; the year before discharge begins on 5 March 2021            counts
    ((("2021-03-05", None),), True),
    ((("2021-04-19", None),), True),  # the first 45 days are the one gap
    ((("2021-04-20", None),), False),  # 46 days
    ((("2015-01-01", "2021-12-31"), ("2022-02-15", None)), True),  # 45 days
    ((("2015-01-01", "2021-12-31"), ("2022-02-16", None)), False),  # 46 days
    ((("2015-01-01", "2021-06-30"), ("2021-07-02", "2021-12-31"), ("2022-01-02", None)), False),
    ((("2015-01-01", "2022-04-04"),), True),  # day 30
]


@pytest.mark.parametrize(("spans", "counts"), COVER)
def test_enrolment_in_the_year_before_discharge_allows_one_gap_of_45_days(spans, counts):
    verdict = "0" if counts else "not enrolled in the 365 days before discharge"
    assert one(covered(*spans)) == verdict


def test_enrolment_for_30_days_after_discharge_whoever_dies():
    rule = "not enrolled for 30 days after discharge"
    assert one(covered(("2015-01-01", "2022-04-03"))) == rule
    assert one(index_stay(death="2022-03-20")) == "0"
    assert one(index_stay(covered=("2015-01-01", "2022-03-20"), death="2022-03-20")) == rule
    # the year before allows its one gap, and ends on the day before discharge
    a_gap = ("2015-01-01", "2021-12-31")
    assert one(covered(a_gap, ("2022-02-15", "2022-03-04"))) == rule
    before = "not enrolled in the 365 days before discharge"
    assert one(covered(a_gap, ("2022-02-15", "2022-03-03"), ("2022-03-05", None))) == before


@pytest.mark.parametrize(
    ("about", "verdict"),
    [
        ({"admitted": "2022-03-05"}, "admitted and discharged on the same day"),
        ({"admitted": "2022-03-04"}, "0"),
        ({"disposition": "died"}, "died in hospital"),
        ({"death": "2022-03-05"}, "died in hospital"),
        ({"diagnosis": "O1414"}, "pregnancy or childbirth"),
        ({"diagnosis": "Z3009"}, "0"),  # contraception is no pregnancy
        ({"disposition": "hospice"}, "in hospice care"),
        ({"disposition": "skilled_nursing"}, "0"),
    ],
)  # fmt: skip
def test_exclusions_of_the_index_discharge(about, verdict):
    assert one(index_stay(**about)) == verdict


@pytest.mark.parametrize(
    ("begins", "ends", "verdict"),
    [("2021-02-01", "2021-03-04", "0"),  # ended 366 days before discharge
     ("2021-02-01", "2021-03-05", "in hospice care"), ("2021-02-01", None, "in hospice care"),
     ("2022-04-04", "2022-05-01", "in hospice care"), ("2022-04-05", "2022-05-01", "0")],
)  # fmt: skip
def test_hospice_care_at_any_time_from_a_year_before_to_30_days_after(begins, ends, verdict):
    anna = index_stay()
    anna.add("encounter", kind="hospice", started_on=begins, ended_on=ends, known_on="2022-06-01")
    assert one(anna) == verdict


def test_a_task_may_count_whom_the_definition_leaves_out():
    def verdict(person: Person, *lifted: str) -> str:
        return one(person, task=replace(PCR_LIKE, name="mine", lifted_exclusions=lifted))

    same_day = index_stay(admitted="2022-03-05")
    assert verdict(same_day) == "admitted and discharged on the same day"
    assert verdict(same_day, "same_day") == "0"
    born = index_stay(diagnosis="O1414")
    assert verdict(born) == "pregnancy or childbirth"
    assert verdict(born, "pregnancy") == "0"
    dying = index_stay(disposition="hospice")
    assert verdict(dying) == "in hospice care"
    assert verdict(dying, "hospice") == "0"
    often = index_stay()
    for month in ("2022-05", "2022-08", "2022-11"):
        often.stay(month, f"{month}-10", f"{month}-12")
    assert verdict(often).startswith("a person with 4 or more")
    assert verdict(often, "outlier") == "0"


def test_hospice_is_not_evaluable_where_nothing_would_tell_of_it():
    without = [feed for feed in EVERYTHING if feed != "disposition"]
    made = counted(index_stay(disposition=None), carries=without)
    assert not made.attrition.set_index("rule").loc["in hospice care", "evaluable"]
    assert counted(index_stay()).attrition.set_index("rule").loc["in hospice care", "evaluable"]


def test_people_with_four_index_stays_in_a_calendar_year_are_kept_apart():
    rule = "a person with 4 or more index stays in the calendar year"
    months = ["2022-01", "2022-04", "2022-07", "2022-10", "2023-02"]

    def stays(count: int) -> dict[str, str]:
        anna = Person(birth="1971-01-01")
        for month in months[:count]:
            anna.stay(month, f"{month}-10", f"{month}-12")
        return verdicts(counted(anna))

    assert set(stays(3).values()) == {"0"}
    assert stays(5) == dict.fromkeys(months[:4], rule) | {"2023-02": "0"}
    five = replace(PCR_LIKE, outlier_stays=5)
    anna = Person(birth="1971-01-01")
    for month in months[:4]:
        anna.stay(month, f"{month}-10", f"{month}-12")
    assert set(verdicts(counted(anna, task=five)).values()) == {"0"}


def test_a_stay_that_another_rule_takes_makes_nobody_an_outlier():
    anna = Person(birth="1971-01-01")
    for month in ("2022-01", "2022-04", "2022-07"):
        anna.stay(month, f"{month}-10", f"{month}-12")
    anna.stay("same day", "2022-10-10", "2022-10-10")
    assert verdicts(counted(anna))["2022-01"] == "0"


def test_an_outcome_that_is_not_known_is_censored_and_the_window_is_the_discharges():
    # discharge 5 March + 30 days = 4 April; run-out 120 days: 2 August
    assert one(index_stay(), data_through="2022-08-02") == "0"
    assert one(index_stay(), data_through="2022-08-01").startswith("outcome not known yet")
    assert counted(index_stay()).rows["outcome_until"].tolist() == [day("2022-04-04")]


def test_without_observation_stays_the_remarks_say_so():
    assert any("no observation stays" in said for said in counted(index_stay()).remarks)
    seen = counted(index_stay(kind="observation"))
    assert not any("no observation stays" in said for said in seen.remarks)


@pytest.mark.parametrize(
    ("feed", "about", "rule"),
    [
        ("coverage", {"covered": ("2022-01-01", None)},
         "not enrolled in the 365 days before discharge"),
        ("coverage", {"covered": ("2015-01-01", "2022-03-20")},
         "not enrolled for 30 days after discharge"),
        ("coverage", {"birth": "1950-01-01"}, "older than 64 and not in Medicare on that day"),
        ("principal_diagnosis", {"diagnosis": "O1414"}, "pregnancy or childbirth"),
    ],
)  # fmt: skip
def test_a_rule_without_its_feed_is_not_evaluable_and_takes_nobody(feed, about, rule):
    assert one(index_stay(**about)) == rule
    lacking = counted(index_stay(**about), carries=[c for c in EVERYTHING if c != feed])
    assert verdicts(lacking)["a"] == "0"
    assert not lacking.attrition.set_index("rule").loc[rule, "evaluable"]
