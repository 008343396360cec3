"""Counting codes that no list of ours knows. They are kept, counted and reported."""

from __future__ import annotations

from pathlib import Path

import duckdb

from data.codes import recognised
from data.file_relations import parquet_relation
from data.intake_report import UnknownCodes
from data.lab_units import is_lab_unit, is_unit

_CODED = {"diagnosis": "code", "procedure": "code", "drug_fill": "code", "lab_result": "loinc"}
LAB_UNIT = "LAB unit"
"""Stands for a code system in the counts of units that laboratories are not known to use."""
_NAMED = 5


def count_unknown_codes(connection: duckdb.DuckDBPyConnection, folder: Path) -> list[UnknownCodes]:
    """One count a table and code system, over the canonical files in `folder`; and one of the units
    of laboratory results, LAB_UNIT, over the results that come with a unit.

    The others are counted in `data.results_without_unit`.
    """
    counts: list[UnknownCodes] = []
    for table, column in _CODED.items():
        relation = parquet_relation(folder / f"{table}.parquet")
        system = "'LOINC'" if table == "lab_result" else "code_system"
        rows = connection.execute(
            f"SELECT {system} AS system, {column} AS code, count(*) AS n "
            f"FROM {relation} GROUP BY ALL ORDER BY system, n DESC, code"
        ).fetchall()
        for name in sorted({row[0] for row in rows}):
            codes = [(code, n) for system_, code, n in rows if system_ == name]
            known = recognised(name, [code for code, _ in codes]).tolist()
            counts.append(_counted(table, name, codes, known))
    written = connection.execute(
        f"SELECT unit, count(*) AS n FROM {parquet_relation(folder / 'lab_result.parquet')} "
        "GROUP BY ALL ORDER BY n DESC, unit"
    ).fetchall()
    units = [(unit, n) for unit, n in written if is_unit(unit)]
    if units:
        known = [is_lab_unit(unit) for unit, _ in units]
        counts.append(_counted("lab_result", LAB_UNIT, units, known))
    return counts


def _counted(
    table: str, system: str, codes: list[tuple[str, int]], known: list[bool]
) -> UnknownCodes:
    unknown = [pair for pair, is_known in zip(codes, known, strict=True) if not is_known]
    return UnknownCodes(
        table=table,
        system=system,
        rows=sum(n for _, n in codes),
        unknown_rows=sum(n for _, n in unknown),
        unknown_codes=len(unknown),
        most_frequent=tuple(unknown[:_NAMED]),
    )
