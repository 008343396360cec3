"""Counting laboratory results that came without a unit. Their numbers are read as in our unit.

A laboratory that leaves its units out may use others than ours, and no number shows it: somebody
who knows the laboratory must be told. Every result has a number, for intake rejects one without.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import duckdb

from data.codes import recognised
from data.file_relations import parquet_relation
from data.intake_report import ResultsWithoutUnit
from data.lab_units import is_unit

_NAMED = 5


def count_results_without_unit(
    connection: duckdb.DuckDBPyConnection, folder: Path
) -> ResultsWithoutUnit:
    """Over all results in the canonical files in `folder` whose LOINC code is a known one.

    A code that is unknown names no test, and so no unit: its results are among the unknown codes.
    """
    found = connection.execute(
        f"SELECT loinc, unit, count(*) FROM {parquet_relation(folder / 'lab_result.parquet')} "
        "GROUP BY ALL"
    ).fetchall()
    loincs = sorted({loinc for loinc, _, _ in found})
    known = {
        loinc for loinc, is_known in zip(loincs, recognised("LOINC", loincs), strict=True)
        if is_known
    }  # fmt: skip
    without: Counter[str] = Counter()
    for loinc, unit, rows in found:
        if loinc in known and not is_unit(unit):
            without[loinc] += rows
    by_rows = sorted(without.items(), key=lambda pair: (-pair[1], pair[0]))
    return ResultsWithoutUnit(
        rows=sum(rows for loinc, _, rows in found if loinc in known),
        without_unit=without.total(),
        most_frequent=tuple(by_rows[:_NAMED]),
    )
