"""Requests that are answered in one call are answered as alone, to the last bit."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.home import Home
from data.intake import current
from data.patient_rows import patient_rows
from data.tables import TABLES
from serving.answers import Scorer
from serving.schemas import ScoreRequest
from serving.scoring import Models
from serving.sent_rows import SentRows
from tests.serving.test_nightly import rows_of
from tests.serving.test_one_patient_equals_night import NIGHT, discharges

PEOPLE = 40
Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def scorer(small_home: Home) -> Scorer:
    return Scorer(Models.load(small_home))


class Folk(list[Rows]):
    """People's rows, which nobody wants to see printed."""

    def __repr__(self) -> str:
        return f"{len(self)} people"


@pytest.fixture(scope="module")
def people(small_home: Home) -> Folk:
    """The canonical rows of some people, most of them recently discharged."""
    chosen = list(discharges(small_home))[:PEOPLE]
    sent: dict[str, Rows] = {patient: {name: [] for name in TABLES} for patient in chosen}
    for name, rows in rows_of(current(small_home), pa.array(chosen)).items():
        for row in rows:
            sent[row["patient_id"]][name].append(row)
    return Folk(sent.values())


def request(rows: list[Rows], as_of: date, **more: Any) -> SentRows:
    sent = {name: [row for each in rows for row in each[name]] for name in TABLES}
    return SentRows.of(ScoreRequest.model_validate({"as_of": as_of, **sent, **more}))


def named(rows: Rows, patient_id: str, every: int = 1) -> Rows:
    """Rows of somebody as those of `patient_id`, only each one of some."""

    def renamed(row: dict[str, Any], place: int) -> dict[str, Any]:
        changed = {"patient_id": patient_id, "source_row": None if place % 2 else "same"}
        for column in ("record_id", "encounter_id"):
            if row.get(column):
                changed[column] = patient_id + row[column]
        return row | changed

    return {
        name: [
            renamed(row, place)
            for place, row in enumerate(each)
            if name == "member" or place % every == 0
        ]
        for name, each in rows.items()
    }


def test_forty_people_are_answered_together_as_alone(scorer: Scorer, people: Folk) -> None:
    requests = [request([rows], NIGHT) for rows in people]
    alone = [scorer.answer(one).model_dump_json() for one in requests]
    together = [one.model_dump_json() for one in scorer.answer_together(requests)]
    assert together == alone
    whole = scorer.answer(request(people, NIGHT))
    by_id = {one.patient_id: one for one in whole.patients}
    assert len(by_id) == PEOPLE
    for one in scorer.answer_together(requests):
        [person] = one.patients
        assert person == by_id[person.patient_id]
    assert sum(one.readmission.risk is not None for one in whole.patients) > 5


@st.composite
def choices(draw: st.DrawFn) -> Any:
    """For each request: whose rows, under which name, each one of how many; how many days before
    the night it asks; whether it tells which feeds it carries."""
    person = st.tuples(
        st.integers(0, PEOPLE - 1), st.sampled_from(("p", "q", "000001p", "é")),
        st.sampled_from((1, 2, 3)),
    )  # fmt: skip
    one = st.tuples(
        st.lists(person, min_size=1, max_size=3, unique_by=lambda who: who[1]),
        st.sampled_from((0, 0, 0, 20)),
        st.booleans(),
    )
    return draw(st.lists(one, min_size=1, max_size=6))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(choices())
def test_requests_that_name_the_same_people_are_kept_apart(
    scorer: Scorer,
    people: Folk,
    chosen: list[tuple[list[tuple[int, str, int]], int, bool]],
) -> None:
    requests = [
        request(
            [named(people[place], name, every) for place, name, every in persons],
            NIGHT - timedelta(ago),
            **({"carries": ["encounter", "diagnosis"]} if told else {}),
        )
        for persons, ago, told in chosen
    ]
    together = scorer.answer_together(requests)
    for answer, one in zip(together, requests, strict=True):
        assert answer.model_dump_json() == scorer.answer(one).model_dump_json()
        assert one.patients == {p.patient_id for p in answer.patients}


def test_codes_that_are_not_known_are_counted_in_their_own_request(
    scorer: Scorer, people: Folk
) -> None:
    odd = named(people[0], "p")
    odd["diagnosis"] = [{
        "record_id": "d", "patient_id": "p", "happened_on": "2024-01-02", "known_on": "2024-01-03",
        "code_system": "ICD10CM", "code": "NOCODE",
    }]  # fmt: skip
    plain = named(people[0], "p")
    first, second = scorer.answer_together([request([odd], NIGHT), request([plain], NIGHT)])
    assert "1 of 1 diagnosis codes are not known" in first.warnings
    assert not any(said.startswith("1 of 1 diagnosis") for said in second.warnings)


def test_rows_as_they_were_taken_in_are_answered_as_rows_that_were_sent(
    scorer: Scorer, small_home: Home, people: Folk
) -> None:
    patient = people[0]["member"][0]["patient_id"]
    rows = patient_rows(current(small_home).tables, patient)
    sent = request([people[0]], NIGHT)
    assert scorer.answer_rows(rows, scorer.models.carries, NIGHT) == scorer.answer(sent)


def test_nothing_to_answer_is_no_answer(scorer: Scorer) -> None:
    assert scorer.answer_together([]) == []
