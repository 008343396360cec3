"""A request's people by plain Python are those that the night finds by SQL, in every column."""

from __future__ import annotations

from dataclasses import fields
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.home import Home
from data.intake import current
from data.tables import DISPOSITIONS, TABLES
from serving.people import People
from serving.population import population
from serving.population_of_rows import population_of_rows

AS_OF = date(2024, 6, 30)
PATIENTS = ("p", "q", "é")

near = st.integers(-3, 6).map(lambda ago: AS_OF - timedelta(ago))
"""Days on which stays meet, most of them."""
at_bounds = st.sampled_from((28, 29, 30, 31, 59, 60, 61, 89, 90, 91, 179, 180, 181, 400)).map(
    lambda ago: AS_OF - timedelta(ago)
)
days = st.one_of(near, near, at_bounds)


def often(value: Any, other: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.just(value), st.just(value), other)


@st.composite
def stays(draw: st.DrawFn) -> dict[str, Any]:
    started = draw(days)
    long = draw(st.sampled_from((None, 0, 0, 1, 2, 3, 30, 100)))
    return {
        "record_id": draw(st.sampled_from("abcdef")),
        "kind": draw(often("acute_inpatient", st.sampled_from((
            "observation", "psychiatric_inpatient", "hospice", "emergency", "skilled_nursing",
            "long_term_care")))),
        "started_on": started,
        "ended_on": None if long is None else started + timedelta(long),
        "facility_id": draw(st.sampled_from(("A", "A", "B", None))),
        "disposition": draw(often("home", st.sampled_from((*DISPOSITIONS, None)))),
    }  # fmt: skip


diagnoses = st.fixed_dictionaries(
    {
        "record_id": st.sampled_from("ghij"),
        "encounter_id": st.sampled_from((*"abcdef", None)),
        "happened_on": days,
        "code_system": often("ICD10CM", st.sampled_from(("ICD9CM", "CCW"))),
        "code": st.sampled_from(("I500", "J189")),
        "position": often(1, st.sampled_from((2, None))),
    }
)
spans = st.fixed_dictionaries(
    {
        "record_id": st.sampled_from("uvwx"),
        "start_on": days,
        "end_on": st.one_of(st.none(), days),
    }
)
members = st.fixed_dictionaries(
    {
        "record_id": st.sampled_from("mn"),
        "birth_on": st.sampled_from((date(1940, 2, 29), date(1950, 1, 1))),
        "death_on": often(None, days),
    }
)
_WITHHELD: dict[str, Any] = {"happened_on": AS_OF, "code_system": "ATC", "code": "C03CA01"}
fills = st.fixed_dictionaries({"record_id": st.just("f")}).map(lambda row: row | _WITHHELD)
DRAWN = {
    "member": members, "coverage": spans, "encounter": stays(), "diagnosis": diagnoses,
    "drug_fill": fills,
}  # fmt: skip


@st.composite
def tables(draw: st.DrawFn) -> dict[str, pa.Table]:
    """Canonical tables in any order: several versions of a record, some withdrawn or known late."""
    made = {}
    for name, table in TABLES.items():
        rows = []
        if name in DRAWN:
            most = 12 if name == "encounter" else 6
            for number, row in enumerate(draw(st.lists(DRAWN[name], max_size=most))):
                version = {
                    "patient_id": draw(often("p", st.sampled_from(PATIENTS))),
                    "known_on": draw(days),
                    "reversed": draw(often(False, st.booleans())),
                    # a record's versions of one day have an order that is not the rows' own
                    "source_row": f"{draw(st.integers(0, 9))}:{number}",
                }
                rows.append(dict.fromkeys(table.names) | row | version)
        made[name] = pa.Table.from_pylist(rows, schema=table.schema)
    return made


def both(rows: dict[str, pa.Table], carries: list[str], as_of: date) -> tuple[People, People]:
    by_sql = People.of_frame(population(rows, carries, as_of))
    columns = {name: table.to_pydict() for name, table in rows.items()}
    return population_of_rows(columns, carries, as_of), by_sql


def assert_same(found: People, expected: People) -> None:
    for column in fields(People):
        ours, theirs = getattr(found, column.name), getattr(expected, column.name)
        assert ours.dtype == theirs.dtype, column.name
        if ours.dtype.kind == "M":
            ours, theirs = ours.astype(np.int64), theirs.astype(np.int64)  # NaT equals NaT
        assert ours.tolist() == theirs.tolist(), column.name


@settings(max_examples=200)
@given(tables(), st.booleans())
def test_generated_rows_tell_of_the_same_people(rows: dict[str, pa.Table], carried: bool) -> None:
    carries = sorted(TABLES) if carried else sorted(set(TABLES) - {"coverage"})
    assert_same(*both(rows, carries, AS_OF))


@pytest.mark.parametrize("as_of", [date(2024, 12, 31), date(2023, 3, 17)])
def test_a_whole_population_is_the_same(small_home: Home, as_of: date) -> None:
    taken_in = current(small_home)
    rows = {}
    for name, table in TABLES.items():
        read = pq.read_table(taken_in.tables[name])
        rows[name] = read.select([c for c in table.names if c in read.column_names])
    found, expected = both(rows, taken_in.manifest["carries"], as_of)
    assert_same(found, expected)
    discharged = ~np.isnat(found.discharged_on)
    assert discharged.sum() > 20
    assert (found.admitted_on[discharged] < found.discharged_on[discharged]).any()
    assert {"", "died", "not covered"} <= set(found.left_out)
