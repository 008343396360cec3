"""Score requests of any content, for hypothesis: rows of every canonical table, and what is wrong
with them."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import strategies as st

from data.tables import TABLES, Column, Table

DAYS = st.dates(date(1850, 1, 1), date(2199, 12, 31)) | st.dates(date(2023, 1, 1), date(2024, 6, 1))
IDS = st.sampled_from(["a", "b", "Ω", "'; DROP TABLE score; --", "<b>x</b>"])
CODES = st.sampled_from(["I50.9", "4280", "E119", "SP_CHF", "A10A", "99213", "718-7", "?", "Z590"])
JUNK = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)


def _values(column: Column) -> Any:
    if column.name in ("patient_id", "record_id", "encounter_id"):
        return IDS
    if column.name in ("code", "loinc"):
        return CODES
    return {
        "text": st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1,
                        max_size=10),
        "date": DAYS.map(date.isoformat),
        "integer": st.integers(1, 100),
        "cents": st.integers(-(10**13), 10**13),
        "number": st.floats(-1e14, 1e14),
        "flag": st.booleans(),
        "choice": st.sampled_from(column.choices or ("",)),
    }[column.type]  # fmt: skip


def row_of(table: Table) -> st.SearchStrategy[dict[str, Any]]:
    """A row in the table's form, half of the time with its days in order."""
    needed = {c.name: _values(c) for c in table.columns if c.required and c.name != "source_row"}
    needed.pop("reversed")
    more = {c.name: _values(c) for c in table.columns if not c.required}
    rows = st.fixed_dictionaries(needed, optional={**more, "reversed": st.booleans()})
    days = [c.name for c in table.columns if c.type == "date"]  # declared earlier to later

    def in_order(row: dict[str, Any]) -> dict[str, Any]:
        there = [name for name in days if name in row]
        return row | dict(zip(there, sorted(row[name] for name in there), strict=True))

    return rows.map(in_order) | rows


REQUESTS = st.fixed_dictionaries(
    {"as_of": st.just("2024-06-01") | DAYS.map(date.isoformat)},
    optional={name: st.lists(row_of(table), max_size=4) for name, table in TABLES.items()},
)
