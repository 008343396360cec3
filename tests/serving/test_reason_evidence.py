"""The facts behind a number: each of them, with its source row, or none where one is withheld."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from data.home import Home
from data.sensitive_matters import MATTERS
from data.tables import TABLES
from features.definitions import FEATURES, feature
from serving.reason_evidence import NumberTold, evidence_behind
from serving.reasons import matter_of_number
from serving.scoring import Models
from serving.sight import Sight
from serving.withheld_rows import WithheldRows
from tests.serving.quick import write_quick_model
from tests.serving.test_timeline import cost, diagnosis, drug, row, visit

AS_OF = date(2024, 12, 31)
NOTHING, MIND = Sight(), Sight(frozenset(("mental health",)))
DAY, LATER = date(2024, 11, 5), date(2024, 12, 2)
PSYCHIATRIC = visit(DAY, "e1", "psychiatric_inpatient")
OFFICE = visit(LATER, "e2")

Ask = Callable[..., dict[str, NumberTold]]


@pytest.fixture(scope="module")
def ask(tmp_path_factory) -> Ask:
    home = Home(tmp_path_factory.mktemp("quick") / "home")
    for task in ("readmission", "high-cost"):
        instead = ("haemoglobin_last", "charlson_2011_365")
        write_quick_model(home.models / task, task, instead)
    models = Models.load(home)

    def asked(concept: str, sight: Sight, *told: tuple[str, dict[str, Any]]):
        rows = [
            row("member", AS_OF, birth_on=date(1950, 1, 1), known_on=date(2020, 1, 1)),
            row("coverage", AS_OF, start_on=date(2020, 1, 1), known_on=date(2020, 1, 1)),
            *told,
        ]
        tables = {
            name: pa.Table.from_pylist(
                [{k: v for k, v in held.items() if k in t.schema.names} for of, held in rows
                 if of == name], schema=t.schema)
            for name, t in TABLES.items()
        }  # fmt: skip
        found = evidence_behind(
            models, tables, (*TABLES, "cost_claim"), AS_OF, "high-cost", concept, sight
        )
        return {one.feature: one for one in found}

    return asked


def facts(number: NumberTold) -> list[tuple[date, str]]:
    return [(fact.happened_on, fact.words) for fact in number.facts]


def test_each_fact_is_told_with_its_source_row_the_newest_first(ask: Ask) -> None:
    first, second = cost(DAY, "outpatient"), cost(LATER, "inpatient")
    number = ask("cost of care", NOTHING, OFFICE, first, second)["cost_total_365"]
    assert [fact.source_row for fact in number.facts] == [
        second[1]["source_row"], first[1]["source_row"],
    ]  # fmt: skip
    assert [day for day, _ in facts(number)] == [LATER, DAY]


def test_the_bill_of_a_withheld_stay_takes_all_facts_of_the_total_with_it(ask: Ask) -> None:
    rows = (
        PSYCHIATRIC, OFFICE, cost(DAY, "inpatient", encounter_id="e1"),
        cost(LATER, "professional", encounter_id="e2"),
    )  # fmt: skip
    blind = ask("cost of care", NOTHING, *rows)["cost_total_365"]
    seeing = ask("cost of care", MIND, *rows)["cost_total_365"]
    assert blind.words == seeing.words  # the total is told to everybody
    assert blind.facts == ()
    assert len(seeing.facts) == 2
    assert blind.is_above_zero  # there is something behind it
    assert not ask("cost of care", NOTHING, OFFICE)["cost_total_365"].is_above_zero


def test_the_bill_of_a_withheld_drug_is_withheld_and_others_are_not(ask: Ask) -> None:
    bill = cost(DAY, "pharmacy")
    plain = ask("cost of care", NOTHING, OFFICE, drug(DAY, "C09AA02"), bill)
    assert len(plain["cost_total_365"].facts) == 1
    methadone = ask("cost of care", NOTHING, OFFICE, drug(DAY, "N07BC02"), bill)
    assert methadone["cost_total_365"].facts == ()


def test_an_earlier_version_that_was_psychiatric_still_hides_its_bill(ask: Ask) -> None:
    corrected = visit(DAY, "e1", "acute_inpatient", known_on=LATER)
    rows = (PSYCHIATRIC, corrected, cost(DAY, "inpatient", encounter_id="e1"))
    assert ask("cost of care", NOTHING, *rows)["cost_total_365"].facts == ()


def test_a_sensitive_number_is_no_number_without_the_right(ask: Ask) -> None:
    assert ask("psychiatric stays", NOTHING, PSYCHIATRIC) == {}
    told = ask("psychiatric stays", MIND, PSYCHIATRIC)
    assert [len(number.facts) for number in told.values()] == [1]


@pytest.mark.parametrize("name", [one.name for one in FEATURES if one.how == "score"])
def test_a_sum_over_illnesses_is_for_whoever_may_see_all_of_them(name: str) -> None:
    """Four points of Charlson's index name HIV."""
    for value in (0.0, 4.0, float("nan")):
        matter = matter_of_number(feature(name), value)
        assert matter is not None
        assert not NOTHING.shows(matter)
        assert not MIND.shows(matter)
        assert Sight(frozenset(MATTERS)).shows(matter)


def test_points_of_charlson_are_no_evidence_without_every_right(ask: Ask) -> None:
    rows = (OFFICE, diagnosis(LATER, "B20", encounter_id="e2"))
    concept = feature("charlson_2011_365").concept
    assert ask(concept, NOTHING, *rows) == {}
    assert ask(concept, MIND, *rows) == {}
    assert ask(concept, Sight(frozenset(MATTERS)), *rows)


def test_nobody_and_no_such_concept_have_no_numbers(ask: Ask) -> None:
    assert ask("nothing of the kind", MIND, OFFICE) == {}


def held(rows: dict[str, list[dict[str, Any]]], sight: Sight) -> set[str]:
    return WithheldRows.of(rows, sight).source_rows(rows)


def test_what_a_withheld_row_was_read_from_tells_no_clinician_place_or_end_either() -> None:
    """Events of clinicians, facilities, prescribers and ends of stays carry no sensitive code."""
    told = [
        visit(DAY, "e1", "acute_inpatient", provider_id="D1", facility_id="H1"),
        diagnosis(DAY, "F1120", encounter_id="e1"),
        diagnosis(DAY, "I10", encounter_id="e1"),
        drug(LATER, "N07BC01"), drug(LATER, "C09AA02"),
        visit(LATER, "e2", "acute_inpatient", disposition="psychiatric"),
        visit(LATER, "e3", "acute_inpatient", disposition="home"),
    ]  # fmt: skip
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
    for table, row_ in told:
        rows[table].append(row_)
    places = [row_["source_row"] for _, row_ in told]
    stay, opioid, hypertension, methadone, lisinopril, moved, home = places
    assert held(rows, NOTHING) == {stay, opioid, methadone, moved}
    assert held(rows, Sight(frozenset(MATTERS))) == set()
    assert held(rows, Sight(frozenset(("substance use",)))) == {moved}
    assert not {hypertension, lisinopril, home} & held(rows, NOTHING)
