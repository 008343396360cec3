"""Counting codes that no list of ours knows. They are kept, counted and reported."""

from __future__ import annotations

from pathlib import Path

import duckdb

from data.codes import recognised
from data.file_relations import parquet_relation
from data.intake_report import UnknownCodes

_CODED = {"diagnosis": "code", "procedure": "code", "drug_fill": "code", "lab_result": "loinc"}
_NAMED = 5


def count_unknown_codes(connection: duckdb.DuckDBPyConnection, folder: Path) -> list[UnknownCodes]:
    """One count a table and code system, over the canonical files in `folder`."""
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
            known = recognised(name, [code for code, _ in codes])
            unknown = [pair for pair, is_known in zip(codes, known, strict=True) if not is_known]
            counts.append(
                UnknownCodes(
                    table=table,
                    system=name,
                    rows=sum(n for _, n in codes),
                    unknown_rows=sum(n for _, n in unknown),
                    unknown_codes=len(unknown),
                    most_frequent=tuple(unknown[:_NAMED]),
                )
            )
    return counts
