"""Counting codes that no list of ours knows. They are kept, counted, reported and listed.

Every coded column of the canonical tables is looked at, so that a new one is counted as soon as it
is declared. The count is of rows: all versions of all facts that are there after the intake.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from data.codes import NO_SUCH_CODE, recognised, why_unknown
from data.contract_check import named, quoted
from data.errors import InputError
from data.file_relations import parquet_relation
from data.generation import find_current
from data.home import Home
from data.intake_report import UnknownCodes
from data.lab_units import is_lab_unit, is_unit
from data.tables import TABLES, Column, Table

LAB_UNIT = "LAB unit"
"""Stands for a code system in the counts of units that laboratories are not known to use."""
OPEN_ORIGINS = ("invented", "public_synthetic")
"""Where rows are about nobody. A code of any other origin may be somebody's name or number, put
into the wrong column: few are printed of those (`data.printed`)."""
NAMED = 5
"""Unknown codes of a system that a report names."""
_NO_UNIT = "no unit of laboratories"
SCHEMA = pa.schema(
    [
        ("table", pa.string()), ("system", pa.string()), ("code", pa.string()),
        ("rows", pa.int64()), ("why", pa.string()), ("rows_of_system", pa.int64()),
    ]
)  # fmt: skip
"""One unknown code of one table and system: `rows` under it, `why` it is unknown
(`data.codes.why_unknown`), and all rows of that system in that table."""


@dataclass(frozen=True)
class KeptCodes:
    """Every unknown code (SCHEMA) that the last intake left, the most frequent of each system
    first; the file they lie in, and whether they may tell of a real person."""

    listed: pa.Table
    path: Path
    guarded: bool


def count_unknown_codes(
    connection: duckdb.DuckDBPyConnection, folder: Path
) -> tuple[list[UnknownCodes], pa.Table]:
    """One count a table and code system, over the canonical files in `folder`, and every unknown
    code (SCHEMA); and of the units of laboratory results, LAB_UNIT, that come with a unit.

    Results without one are counted in `data.results_without_unit`. Codes under which nothing
    stands (an empty optional column) are not counted.
    """
    counts: list[UnknownCodes] = []
    listed: list[dict[str, object]] = []
    for table in TABLES.values():
        relation = parquet_relation(folder / f"{table.name}.parquet")
        by_system: dict[str, list[tuple[str, int]]] = {}
        for column in table.columns:
            codes, system = _codes_of(table, column)
            if system is None:
                continue
            rows = connection.execute(
                f"SELECT system, code, count(*) AS n FROM (SELECT {system} AS system, {codes} AS "
                f"code FROM {relation}) WHERE code IS NOT NULL GROUP BY ALL "
                "ORDER BY system, n DESC, code"
            ).fetchall()
            for name, code, n in rows:
                by_system.setdefault(name, []).append((code, n))
        for name, pairs in sorted(by_system.items()):
            known = recognised(name, [code for code, _ in pairs]).tolist()
            unknown = [pair for pair, is_known in zip(pairs, known, strict=True) if not is_known]
            why = why_unknown(name, [code for code, _ in unknown])
            counts.append(_counted(table.name, name, pairs, unknown, why, listed))
    relation = parquet_relation(folder / "lab_result.parquet")
    written = connection.execute(
        f"SELECT unit, count(*) AS n FROM {relation} GROUP BY ALL ORDER BY n DESC, unit"
    ).fetchall()
    units = [(unit, n) for unit, n in written if is_unit(unit)]
    if units:
        unknown = [pair for pair in units if not is_lab_unit(pair[0])]
        why = [_NO_UNIT] * len(unknown)
        counts.append(_counted("lab_result", LAB_UNIT, units, unknown, why, listed))
    return counts, pa.Table.from_pylist(listed, schema=SCHEMA)


def keep_unknown_codes(home: Home, listed: pa.Table) -> None:
    """Put the list of every unknown code (SCHEMA) in the place of that of the intake before."""
    fresh = home.unknown_codes.with_name(f".{home.unknown_codes.name}.new")
    pq.write_table(listed, fresh)
    fresh.replace(home.unknown_codes)


def kept_unknown_codes(home: Home) -> KeptCodes:
    """The unknown codes of what the last intake left there. Raises InputError where no intake has
    kept a list."""
    if not home.unknown_codes.is_file():
        raise InputError(
            f"no list of unknown codes lies under {home.root}; run firstcall intake first"
        )
    taken = find_current(home)
    guarded = taken is None or taken.manifest.get("origin") not in OPEN_ORIGINS
    return KeptCodes(pq.read_table(home.unknown_codes, schema=SCHEMA), home.unknown_codes, guarded)


def _codes_of(table: Table, column: Column) -> tuple[str, str | None]:
    """SQL: the codes in a column, and their system; None for a column that holds no codes."""
    if column.code_system is not None:
        name = named(column.name)
        codes = f"unnest(string_split({name}, ' '))" if column.several else name
        return codes, quoted(column.code_system)
    own = column.name == "code" and "code_system" in table.names
    return named(column.name), "code_system" if own else None


def _counted(
    table: str,
    system: str,
    pairs: list[tuple[str, int]],
    unknown: list[tuple[str, int]],
    why: list[str],
    listed: list[dict[str, object]],
) -> UnknownCodes:
    """The count of one system; its unknown codes are added to `listed`."""
    rows = sum(n for _, n in pairs)
    listed += [
        {"table": table, "system": system, "code": code, "rows": n, "why": reason,
         "rows_of_system": rows}
        for (code, n), reason in zip(unknown, why, strict=True)
    ]  # fmt: skip
    malformed = (n for (_, n), reason in zip(unknown, why, strict=True) if reason == NO_SUCH_CODE)
    return UnknownCodes(
        table=table,
        system=system,
        rows=rows,
        unknown_rows=sum(n for _, n in unknown),
        unknown_codes=len(unknown),
        most_frequent=tuple(unknown[:NAMED]),
        malformed_rows=sum(malformed),
    )
