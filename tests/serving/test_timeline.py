"""The timeline of one patient: what was known, in words, and nothing that may not be shown."""

from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from data.sensitive_matters import MATTERS
from data.tables import TABLES
from serving.sight import Sight
from serving.timeline import UNKNOWN_CODE, TimelineEntry, timeline

AS_OF, SINCE = date(2024, 12, 31), date(2024, 1, 1)
NOTHING, ALL = Sight(), Sight(frozenset(MATTERS))
_NUMBER = iter(range(10**9))


def row(table: str, happened: date, **told: Any) -> tuple[str, dict[str, Any]]:
    held: dict[str, Any] = dict.fromkeys(TABLES[table].schema.names)
    number = next(_NUMBER)
    day = "started_on" if table == "encounter" else "happened_on"
    held |= {
        "record_id": f"{table}{number}",
        "patient_id": "p",
        day: happened,
        "known_on": happened,
        "reversed": False,
        "source_row": f"{table}.csv@1:{number}",
    }
    return table, held | told  # fmt: skip


def diagnosis(happened: date, code: str, **told: Any) -> tuple[str, dict[str, Any]]:
    return row("diagnosis", happened, code_system="ICD10CM", code=code, **told)


def drug(happened: date, code: str, system: str = "ATC") -> tuple[str, dict[str, Any]]:
    return row("drug_fill", happened, code_system=system, code=code)


def visit(happened: date, record: str, kind: str = "office", **told: Any):
    return row("encounter", happened, record_id=record, kind=kind, ended_on=happened, **told)


def cost(happened: date, kind: str, **told: Any) -> tuple[str, dict[str, Any]]:
    return row("cost", happened, kind=kind, covers="claim", allowed_cents=1000, **told)


def told(sight: Sight, *rows: tuple[str, dict[str, Any]], as_of=AS_OF) -> list[TimelineEntry]:
    tables = {
        name: pa.Table.from_pylist([held for of, held in rows if of == name], schema=t.schema)
        for name, t in TABLES.items()
    }
    return timeline(tables, as_of, SINCE, sight)


def words(entries: list[TimelineEntry]) -> list[str]:
    return [entry.words for entry in entries]


def test_the_newest_comes_first_with_words_and_source_row() -> None:
    stay = row(
        "encounter",
        date(2024, 3, 1),
        record_id="s",
        kind="acute_inpatient",
        ended_on=date(2024, 3, 5),
        disposition="home_health",
        facility_id="H1",
    )
    cause = diagnosis(date(2024, 3, 1), "I509", encounter_id="s")
    found = told(
        NOTHING, stay, cause, drug(date(2024, 3, 6), "C09AA05"), cost(date(2024, 3, 1), "inpatient")
    )
    assert words(found) == [
        "ACE inhibitors", "acute inpatient; left: home health", "Heart failure, unspecified",
        "inpatient",
    ]  # fmt: skip
    first = found[1]
    assert (first.kind, first.facility, first.ended_on) == ("stay", "H1", date(2024, 3, 5))
    assert found[3].cents == 1000
    assert all(entry.source_row for entry in found)


def test_only_what_was_known_on_the_day_in_its_version_of_that_day_is_told() -> None:
    day = date(2024, 5, 1)
    first = diagnosis(day, "I509", record_id="d")
    second = diagnosis(day, "I10", record_id="d", known_on=date(2024, 6, 1))
    gone = diagnosis(day, "I10", record_id="d", known_on=date(2024, 7, 1), reversed=True)
    said = "Heart failure, unspecified"
    for as_of, expected in (
        (date(2024, 4, 30), []), (day, [said]), (date(2024, 5, 31), [said]),
        (date(2024, 6, 1), ["Essential (primary) hypertension"]), (date(2024, 7, 1), []),
    ):  # fmt: skip
        assert words(told(NOTHING, first, second, gone, as_of=as_of)) == expected
    early = diagnosis(SINCE, "I10")
    assert told(NOTHING, early) == []


SENSITIVE = {
    "mental health": [
        diagnosis(date(2024, 2, 1), "F329"), drug(date(2024, 2, 2), "N06AB06"),
        visit(date(2024, 2, 3), "v1", specialty="psychiatry"),
        visit(date(2024, 2, 4), "v2", place_of_service="53"),
        visit(date(2024, 2, 5), "v3", "outpatient", revenue_codes="0250 0914"),
        visit(date(2024, 2, 6), "v4", "psychiatric_inpatient"),
        diagnosis(date(2024, 2, 6), "I509", encounter_id="v4"),
        cost(date(2024, 2, 6), "inpatient", encounter_id="v4"),
    ],
    "substance use": [
        diagnosis(date(2024, 2, 1), "F1020"), drug(date(2024, 2, 2), "N07BB04"),
        visit(date(2024, 2, 4), "w2", place_of_service="57"),
        visit(date(2024, 2, 5), "w3", "outpatient", revenue_codes="0944"),
    ],
    "HIV": [diagnosis(date(2024, 2, 1), "B20"), drug(date(2024, 2, 2), "J05AF10")],
    "reproductive health": [
        diagnosis(date(2024, 2, 1), "Z640"), drug(date(2024, 2, 2), "G03AA07"),
        visit(date(2024, 2, 3), "x1", specialty="obstetrics and gynecology"),
    ],
    "violence": [row("screening", date(2024, 2, 1), need="violence", answer="need")],
}  # fmt: skip
PLAIN = [
    diagnosis(date(2024, 2, 7), "I509"), drug(date(2024, 2, 8), "C09AA05"),
    visit(date(2024, 2, 9), "p1", specialty="cardiology"),
]  # fmt: skip


@pytest.mark.parametrize("matter", MATTERS)
def test_a_matter_is_shown_to_those_who_may_see_it_and_to_nobody_else(matter: str) -> None:
    rows = [*SENSITIVE[matter], *PLAIN]
    others = Sight(frozenset(MATTERS) - {matter})
    assert words(told(NOTHING, *rows)) == words(told(others, *rows)) == words(told(ALL, *PLAIN))
    seen = told(Sight(frozenset({matter})), *rows)
    assert len(seen) == len(rows)


def test_whoever_sees_none_reads_the_same_as_if_there_were_none() -> None:
    """The answer of somebody who has all of it is that of somebody who has none of it."""
    every = [one for rows in SENSITIVE.values() for one in rows]
    assert told(NOTHING, *every, *PLAIN) == told(NOTHING, *PLAIN)


def test_the_place_of_a_stay_is_not_told_where_its_diagnosis_is_withheld() -> None:
    stay = row("encounter", date(2024, 3, 1), record_id="s", kind="acute_inpatient",
               ended_on=date(2024, 3, 5), disposition="psychiatric", facility_id="Clinic 7",
               specialty="internal medicine")  # fmt: skip
    cause = diagnosis(date(2024, 3, 1), "F1020", encounter_id="s", position=1)
    [shown] = told(NOTHING, stay, cause)
    assert (shown.words, shown.facility) == ("acute inpatient", None)
    [whole, _] = told(ALL, stay, cause)
    assert whole.facility == "Clinic 7"
    assert "left: psychiatric" in whole.words


def test_a_pharmacys_bill_does_not_tell_of_a_drug_that_is_withheld() -> None:
    rows = [drug(date(2024, 2, 2), "N06AB06"), cost(date(2024, 2, 2), "pharmacy"),
            cost(date(2024, 2, 3), "pharmacy")]  # fmt: skip
    assert [entry.happened_on for entry in told(NOTHING, *rows)] == [date(2024, 2, 3)]
    assert len(told(ALL, *rows)) == 3


@pytest.mark.parametrize(
    "unknown",
    [
        drug(date(2024, 2, 2), "00002321401", "NDC"),
        diagnosis(date(2024, 2, 2), "ZZTOP"),
        row("procedure", date(2024, 2, 2), code_system="HCPCS", code="99213"),
    ],
)
def test_a_code_that_no_list_explains_is_not_told_but_to_those_who_may_see_all(unknown) -> None:
    some = Sight(frozenset(MATTERS[:-1]))
    for sight in (NOTHING, some):
        [entry] = told(sight, unknown)
        assert (entry.words, entry.code, entry.code_system) == (UNKNOWN_CODE, None, None)
    [entry] = told(ALL, unknown)
    assert entry.code == unknown[1]["code"]


def test_tests_without_a_name_here_are_told_without_their_code() -> None:
    known = row("lab_result", date(2024, 2, 2), loinc="718-7", value=10.75, unit="g/dL")
    other = row("lab_result", date(2024, 2, 3), loinc="25836-8", value=50.0, unit="{copies}/mL")
    found = told(NOTHING, known, other)
    assert words(found) == ["a test that has no name here", "haemoglobin 10.75 g/dL"]
    assert (found[0].code, found[1].code) == (None, "718-7")


def test_the_programme_that_reached_out_is_not_told() -> None:
    step = row("outreach", date(2024, 2, 2), step="contacted", programme="Sober Living")
    assert words(told(NOTHING, step)) == ["care management: contacted"]
