"""cms_hwr as a clinician can read it: a person's stays, and what becomes of each discharge."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from data.errors import InputError
from tests.training.readmission_answers import cohort, verdicts
from tests.training.small import EVERYTHING, Person, day
from training.cohorts.cohort import ALREADY_BACK, words_of
from training.settings.setting_types import EXCLUSIONS
from training.settings.tasks import READMISSION


def test_an_unplanned_return_is_a_readmission_and_a_new_index_itself():
    anna = Person().stay("a", "2022-03-01", "2022-03-05").stay("b", "2022-04-04", "2022-04-08")
    #                                       discharge + 30 = 4 April
    made = cohort(anna)
    assert verdicts(made) == {"a": "1", "b": "0"}
    assert made.rows["weight"].tolist() == [1, 1]


def test_day_31_is_too_late():
    anna = Person().stay("a", "2022-03-01", "2022-03-05").stay("b", "2022-04-05", "2022-04-08")
    assert verdicts(cohort(anna)) == {"a": "0", "b": "0"}


def test_the_reason_is_in_words():
    anna = Person().stay("a", "2022-03-01", "2022-03-05").stay("b", "2022-03-10", "2022-03-11")
    reasons = cohort(anna).every.set_index("encounter_id")["reason"]
    assert reasons["a"] == "unplanned acute admission on day 5"
    assert reasons["b"] == "no acute admission in 30 days"


# --- who counts ----------------------------------------------------------------------------------


def one(told: Person, **changes) -> str:
    return verdicts(cohort(told, **changes))["a"]


def index_stay(**about) -> Person:
    person = {k: about.pop(k) for k in ("birth", "covered", "death") if k in about}
    return Person(**person).stay("a", "2022-03-01", "2022-03-05", **about)


def test_age_is_that_at_admission():
    assert one(index_stay(birth="1957-03-01")) == "0"  # 65 on the day of admission
    assert one(index_stay(birth="1957-03-02")).startswith("younger than 65")


def test_whoever_has_no_day_of_birth_does_not_count():
    unborn = index_stay()
    unborn.rows["member"].clear()
    adults = replace(READMISSION, minimum_age=18)
    assert verdicts(cohort(index_stay(), task=adults)) == {"a": "0"}
    assert verdicts(cohort(unborn, task=adults))["a"].startswith("younger than 18 at admission, or")


def test_enrolment_of_a_year_before_admission_tolerates_no_gap():
    assert one(index_stay(covered=("2021-03-01", None))) == "0"
    assert one(index_stay(covered=("2021-03-02", None))).startswith("not enrolled on each of the")
    two_spans = index_stay(covered=("2015-01-01", "2021-12-31"))
    two_spans.add("coverage", start_on="2022-01-01", end_on=None)
    assert one(two_spans) == "0"
    a_day_between = index_stay(covered=("2015-01-01", "2021-12-30"))
    a_day_between.add("coverage", start_on="2022-01-01", end_on=None)
    assert one(a_day_between).startswith("not enrolled on each of the")


@pytest.mark.parametrize(
    ("covered_until", "death", "counts"),
    [
        # discharge 5 March + 30 days = 4 April
        ("2022-04-04", None, True),
        ("2022-04-03", None, False),
        ("2022-03-31", "2022-03-20", True),
        ("2022-03-31", "2022-04-04", True),
        ("2022-03-31", "2022-04-05", False),
    ],
)
def test_enrolment_after_discharge_or_death_within_30_days(covered_until, death, counts):
    said = one(index_stay(covered=("2015-01-01", covered_until), death=death))
    assert said == ("0" if counts else "not enrolled for 30 days after discharge, and not dead")


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


@pytest.mark.parametrize("name", EXCLUSIONS["cms_hwr"])
def test_a_task_may_count_whom_the_definition_leaves_out(name):
    left_out: dict[str, Person] = {
        "against_advice": index_stay(disposition="left_against_advice"),
        "psychiatric": index_stay(diagnosis="F329"),
        "rehabilitation": index_stay(diagnosis="Z5189"),
        "medical_cancer": index_stay(diagnosis="C189"),
        "exempt_hospital": index_stay(facility="330154"),
    }
    task = replace(READMISSION, name="all-stays", lifted_exclusions=(name,))
    counted = {other: one(person, task=task) == "0" for other, person in left_out.items()}
    assert counted == {other: other == name for other in left_out}
    made = cohort(left_out[name], task=task)
    line = made.attrition[made.attrition["note"].str.startswith("lifted")].iloc[0]
    assert (line["rows_removed"], line["evaluable"]) == (0, True)
    assert words_of(task)[-1].endswith(f"counts: {name.replace('_', ' ')}.")
    assert words_of(READMISSION) == words_of(task)[:-1]


HIP, COLECTOMY, CHEMOTHERAPY = "0SR9019", "0DTN0ZZ", "3E03305"


@pytest.mark.parametrize(
    ("done", "verdict"),
    [((COLECTOMY,), "0"), ((CHEMOTHERAPY,), "medical treatment of cancer"),
     ((CHEMOTHERAPY, COLECTOMY), "0"), ((), "medical treatment of cancer")],
)  # fmt: skip
def test_a_stay_for_cancer_counts_where_a_listed_operation_was_done(done, verdict):
    assert one(index_stay(diagnosis="C189", procedures=done)) == verdict


def test_without_procedures_the_exception_for_surgery_is_not_evaluable_and_that_is_said():
    made = cohort(index_stay(diagnosis="C189"), carries=[c for c in EVERYTHING if c != "procedure"])
    row = made.attrition.set_index("rule").loc["medical treatment of cancer"]
    assert "not evaluable" in row["note"]
    assert cohort(index_stay()).attrition.set_index("rule")["note"][row.name] == ""


def test_of_stays_coded_in_icd_9_the_exception_for_surgery_knows_less_and_that_is_said():
    old = Person(covered=("2010-01-01", None), birth="1935-05-05")
    old.stay("a", "2014-03-01", "2014-03-05", diagnosis="4280", system="ICD9")
    note = cohort(old).attrition.set_index("rule")["note"]["medical treatment of cancer"]
    assert note.endswith("of ICD-9 those of the planned categories alone")


@pytest.mark.parametrize(
    ("hospital", "verdict", "evaluable"),
    [("330154", "discharged from a cancer hospital exempt from prospective payment", True),
     ("330101", "0", True), ("north", "0", False)],
)  # fmt: skip
def test_cancer_hospitals_exempt_from_prospective_payment_are_known_by_their_number(
    hospital, verdict, evaluable
):
    made = cohort(index_stay(facility=hospital))
    assert verdicts(made)["a"] == verdict
    rule = "discharged from a cancer hospital exempt from prospective payment"
    row = made.attrition.set_index("rule").loc[rule]
    assert row["evaluable"] == evaluable
    unnamed = "no hospital is named by its CMS certification number"
    assert row["note"] == ("" if evaluable else unnamed)
    assert unnamed not in cohort(Person()).attrition["note"].tolist(), "where there are no stays"


def test_newborns_are_left_out_where_all_payers_count():
    everyone = replace(READMISSION, all_payers=True, minimum_age=0, enrolled_before_days=0)
    born = Person(birth="2022-03-01").stay("a", "2022-03-01", "2022-03-05", diagnosis="Z3800")
    child = Person(birth="2012-03-01").stay("a", "2022-03-01", "2022-03-05")
    told = Person(birth="2022-03-01").stay("a", "2022-03-01", "2022-03-05")
    told.rows["encounter"][0]["admission_type"] = "newborn"
    for person, verdict in ((born, "newborn"), (child, "0"), (told, "newborn")):
        assert verdicts(cohort(person, task=everyone))["a"] == verdict
    medicare = replace(everyone, all_payers=False)
    assert verdicts(cohort(born, task=medicare))["a"] == "0"
    by_type, by_diagnosis = "admission_type", "principal_diagnosis"
    for lacks, evaluable in (((by_type,), True), ((by_diagnosis,), True),
                             ((by_type, by_diagnosis), False)):  # fmt: skip
        carries = [feed for feed in EVERYTHING if feed not in lacks]
        made = cohort(born, task=everyone, carries=carries)
        assert made.attrition.set_index("rule").loc["newborn", "evaluable"] == evaluable


@pytest.mark.parametrize(
    ("all_payers", "back", "done", "outcome"),
    [(False, "O80", (), "1"), (True, "O80", (), "0"),  # CCS 196
     (False, "O82", ("10D00Z1",), "1"), (True, "O9989", ("10D00Z1",), "0")],  # CCS 134
)  # fmt: skip
def test_for_all_payers_childbirth_is_planned(all_payers, back, done, outcome):
    task = replace(READMISSION, all_payers=all_payers)
    anna = index_stay().stay("b", "2022-03-15", "2022-03-17", diagnosis=back, procedures=done)
    assert verdicts(cohort(anna, task=task))["a"] == outcome


PLANNED_BY_DATE = [
    # discharges of      codes    next stay                             outcome, codes of the date
    ("2014", "ICD9", "71535", ("8151",), "0", True),  # osteoarthritis of the hip, hip replaced
    ("2014", "ICD9", "486", ("8151",), "1", True),  # pneumonia, hip replaced
    ("2014", "ICD9", "V5811", (), "0", True),  # chemotherapy
    ("2022", "ICD10", "M1611", (HIP,), "0", True),
    ("2022", "ICD9", "71535", ("8151",), "0", False),
    ("2014", "ICD10", "M1611", (HIP,), "0", False),
]


@pytest.mark.parametrize(("year", "system", "thing", "done", "outcome", "of_date"), PLANNED_BY_DATE)
def test_planned_lists_go_by_the_date_of_discharge_and_so_by_its_codes(
    year, system, thing, done, outcome, of_date
):
    index = "4280" if system == "ICD9" else "I509"
    anna = Person(covered=("2010-01-01", None), birth="1935-05-05")
    anna.stay("a", f"{year}-03-01", f"{year}-03-05", diagnosis=index, system=system)
    anna.stay("b", f"{year}-03-15", f"{year}-03-20", diagnosis=thing, procedures=done,
              system=system)  # fmt: skip
    made = cohort(anna)
    assert verdicts(made)["a"] == outcome
    assert any("other edition of ICD" in said for said in made.remarks) != of_date


def test_the_outcome_is_known_when_its_window_and_the_run_out_are_over():
    # discharge 5 March + 30 days = 4 April; run-out 120 days: 2 August
    assert one(index_stay(), data_through="2022-08-02") == "0"
    assert one(index_stay(), data_through="2022-08-01").startswith("outcome not known yet")
    unknown = cohort(index_stay(), data_through="2022-08-01").every
    assert unknown["outcome"].isna().all()
    assert unknown["reason"].tolist() == ["not known yet: its days lie beyond what the data hold"]


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


def test_the_next_admission_is_known_from_a_day_of_its_own():
    # admitted on 8 March, which the claim tells on 12 March; c and bert's stay have none after them
    anna = index_stay().stay("b", "2022-03-08", "2022-03-10", known_on="2022-03-12")
    anna.stay("c", "2022-05-01", "2022-05-04")
    bert = Person("bert").stay("d", "2022-06-01", "2022-06-04")
    every = cohort(anna, bert).every.set_index("encounter_id")
    assert every["next_known_on"].dropna().to_dict() == {"a": day("2022-03-12"),
                                                         "b": day("2022-05-04")}  # fmt: skip


def test_people_whom_no_member_row_names_stay_apart():
    anna = index_stay()
    bert = Person("bert").stay("b", "2022-03-15", "2022-03-18")
    for person in (anna, bert):
        person.rows["member"].clear()
    assert cohort(anna, bert).every["outcome"].tolist() == [0, 0]


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


def test_without_dispositions_the_date_of_death_alone_tells_of_a_death_in_hospital():
    dead = index_stay(death="2022-03-05")
    lacking = cohort(dead, carries=[feed for feed in EVERYTHING if feed != "disposition"])
    for made, note in ((lacking, "by the date of death alone: no disposition is carried"),
                       (cohort(dead), "")):  # fmt: skip
        assert verdicts(made)["a"] == "died in hospital"
        assert made.attrition.set_index("rule").loc["died in hospital", "note"] == note


def test_a_code_that_the_map_does_not_know_is_counted():
    anna = index_stay(procedures=(HIP, "XXXXXXX")).stay("b", "2022-06-01", "2022-06-02",
                                                        diagnosis="U071")  # fmt: skip
    made = cohort(anna.stay("c", "2022-09-01", "2022-09-02"))
    said = " ".join(made.remarks)
    assert "1 of 2 procedures" in said
    assert "1 of 3 acute stays have a principal diagnosis that the map" in said
    counts = [numbers for _, numbers in made.of_stays.remarks]
    assert (1, 2) in counts, "told apart from their sentences as well"
    assert (1, 3) in counts


def test_of_real_people_no_remark_holds_a_small_count():
    anna = index_stay(procedures=(HIP, "XXXXXXX"), death="2022-03-20")
    invented, real = (" ".join(cohort(anna, origin=of).remarks) for of in ("invented", "own"))
    assert "1 of 2 procedures" in invented
    assert "1 of 1 index discharges were followed by death within 30 days" in invented
    assert "fewer than 11 of fewer than 11 procedures" in real
    assert "fewer than 11 of fewer than 11 index discharges were followed by death" in real


REMARKS = [
    # what the source does not carry, the index stay, what is said of it
    ("procedure", {}, "planned admissions by procedure: not evaluable"),
    ("principal_diagnosis", {}, "planned admissions by diagnosis: not evaluable"),
    ("", {"diagnosis": None, "procedures": (HIP,)},
     "1 stays with a potentially planned procedure lack a principal diagnosis"),
    ("", {"facility": None}, "transfers by hospital: not evaluable"),
    ("", {"death": "2022-03-20"}, "1 of 1 index discharges were followed by death within 30 days"),
]  # fmt: skip


@pytest.mark.parametrize(("lacks", "about", "sentence"), REMARKS)
def test_what_could_not_be_told_is_said(lacks, about, sentence):
    made = cohort(index_stay(**about), carries=[feed for feed in EVERYTHING if feed != lacks])
    assert sum(said.startswith(sentence) for said in made.remarks) == 1
    plain = " ".join(cohort(index_stay()).remarks)
    assert sentence not in plain
    assert "observation" not in plain, "which this definition does not look at"


def test_there_is_no_other_definition():
    with pytest.raises(InputError, match="choose cms_hwr or pcr_like"):
        cohort(task=replace(READMISSION, definition="nhs"))


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
