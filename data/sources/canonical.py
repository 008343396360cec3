"""The canonical form itself: one file, or one folder of files, a table, as CSV or as Parquet.

`member.csv` or `member.parquet` or `member/*.csv|*.parquet`, and so for every table of
data/tables.py; member and coverage must be there at a first intake, the others may. Column names
are the tables' own, in any case and order. `source_row` is added here, `reversed` is false where
it is not given. An encounter whose `kind` is empty, or not a column, has the kind that its revenue
codes or its place of service tell (`data.encounter_kinds`); the report counts them.

`source.json` may stand beside them and declare these and no others, all of it optional:
  origin         "own" (default), "invented" or "public_synthetic"
  run_out_days   days until claims are complete, default 120
  data_through   last day that the extract is complete to, default the latest known_on
  carries        the feeds that the source carries, default those that its rows show
  cost_covers    "claim" or "year", default what the cost rows say
  delays         {"encounter": 30, ...}: days from a fact to its being known, for tables whose
                 files have no known_on. A stay is then known that long after its last day, a
                 death and an end of coverage likewise, while the person and the start of the
                 coverage are known from their first day.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.lib
import pyarrow.parquet as pq

from data.contract_check import duckdb_type, named
from data.encounter_kinds import kind_told, told_by
from data.errors import InputError
from data.feeds import CARRIES
from data.physical_lines import read_header, refuse_repeats
from data.sources import Check, Delivery, Derived, FileKind, SourceFile, own_file
from data.tables import ENCOUNTER, TABLES, Table

_DECLARABLE = ("origin", "run_out_days", "data_through", "carries", "cost_covers", "delays")
_NOTED = ("seed", "members", "years", "end_on")
"""What an invented population notes of its own making; it says nothing of the data."""
_ORIGINS = ("own", "invented", "public_synthetic")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_ ]{0,63}")
"""What looks like a column's name, and not like what stands in a column."""
_KIND, _TELLING = "kind", ("revenue_codes", "place_of_service")
_KIND_TOLD = Check(
    _KIND,
    f"{_KIND} IS NULL AND {kind_told()} IS NULL",
    "is missing, and neither revenue_codes nor place_of_service tells it",
)
_OPEN = {"member": ("birth_on", "death_on"), "coverage": ("start_on", "end_on")}
"""Tables of which the first day is known before the last: their (first, last) day."""


def deliver(from_dir: Path) -> Delivery:
    """What `from_dir` holds. Raises InputError for a missing column, or where there is no table."""
    declared = _declared(from_dir)
    delays: dict[str, int] = declared["delays"]
    kinds = {name: _kind(table, name in delays) for name, table in TABLES.items()}
    files = [
        _source_file(from_dir, path, kinds[name], name in delays)
        for name in TABLES
        for path in _paths(from_dir, name)
    ]
    if not files:
        raise InputError(
            f"{from_dir} holds no canonical table; put {', '.join(f'{t}.csv' for t in TABLES)} "
            "or the same as .parquet there"
        )
    return Delivery(
        source="canonical",
        origin=declared["origin"],
        kinds=tuple(kinds.values()),
        files=tuple(files),
        derived=tuple(derived for table in TABLES.values() for derived in _derived(table, delays)),
        run_out_days=declared["run_out_days"],
        one_to_one=True,
        cost_covers=declared["cost_covers"],
        data_through=declared["data_through"],
        carries=declared["carries"],
        kinds_told=(
            f"SELECT {kind_told()} AS told, {told_by()} AS told_by "
            f"FROM in_{ENCOUNTER.name} WHERE kind IS NULL AND NOT earlier"
        ),
        obligatory={
            table: f"{table}.csv (or {table}.parquet) is missing; a first intake needs it"
            for table in ("member", "coverage")
        },
        delays=delays,
    )


def _declared(from_dir: Path) -> dict[str, Any]:
    path = from_dir / "source.json"
    given: Any = {}
    if path.is_file():
        try:
            given = json.loads(own_file(from_dir, path).read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path} is not JSON; mend it or take it away") from error
    if not isinstance(given, dict):
        raise InputError(f'{path} must hold one object, such as {{"origin": "own"}}')
    if unknown := _shown(set(given) - {*_DECLARABLE, *_NOTED}):
        raise InputError(
            f"{path} declares {unknown}, which nothing reads; declare {', '.join(_DECLARABLE)} "
            "or leave it out"
        )
    origin = given.get("origin", "own")
    if origin not in _ORIGINS:
        raise InputError(f"origin in {path} is none of {', '.join(_ORIGINS)}; set one of them")
    covers = given.get("cost_covers")
    if covers not in (None, "claim", "year"):
        raise InputError(f"cost_covers in {path} is neither claim nor year; set one of them")
    run_out, delays = given.get("run_out_days", 120), given.get("delays", {})
    if not _is_days(run_out):
        raise InputError(f"run_out_days in {path} is not a number of days; set one, such as 120")
    if not isinstance(delays, dict) or not all(
        table in TABLES and _is_days(days) for table, days in delays.items()
    ):
        raise InputError(f'delays in {path} must give days for tables, such as {{"encounter": 30}}')
    through = given.get("data_through")
    try:
        through = None if through is None else date.fromisoformat(through)
    except (TypeError, ValueError) as error:
        raise InputError(f"data_through in {path} is not a date such as 2024-12-31") from error
    carries = given.get("carries")
    if carries is not None and not (
        isinstance(carries, list) and all(isinstance(feed, str) for feed in carries)
    ):
        raise InputError(f'carries in {path} must be a list of feeds, such as ["member"]')
    if unknown := _shown(set(carries or ()) - set(CARRIES)):
        raise InputError(
            f"carries in {path} names {unknown}, which is no feed; the feeds are "
            f"{', '.join(CARRIES)}"
        )
    return {
        "origin": origin, "run_out_days": run_out, "data_through": through, "delays": delays,
        "cost_covers": covers, "carries": None if carries is None else tuple(carries),
    }  # fmt: skip


def _shown(names: Iterable[str]) -> str:
    """The names in order, to stand in a sentence; what looks like no name is not repeated."""
    shown = {name if _NAME.fullmatch(name) else "something that is no name" for name in names}
    return ", ".join(sorted(shown))


def _is_days(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 3650


def _kind(table: Table, delayed: bool) -> FileKind:
    """The table's contract without what the reader adds."""
    added = {"source_row", *(("known_on",) if delayed else ())}
    filled = {"reversed", *((_KIND,) if table is ENCOUNTER else ())}
    columns = tuple(
        replace(column, required=False) if column.name in filled else column
        for column in table.columns
        if column.name not in added
    )
    may_lack = frozenset(column.name for column in columns if not column.required)
    checks = (_KIND_TOLD,) if table is ENCOUNTER else ()
    return FileKind(table.name, replace(table, columns=columns), may_lack=may_lack, checks=checks)


def _paths(from_dir: Path, table: str) -> list[Path]:
    found = [from_dir / f"{table}.{ending}" for ending in ("csv", "parquet")]
    parts = [
        path for ending in ("csv", "parquet") for path in (from_dir / table).glob(f"*.{ending}")
    ]
    return sorted(own_file(from_dir, path) for path in (*found, *parts) if path.is_file())


def _source_file(from_dir: Path, path: Path, kind: FileKind, delayed: bool) -> SourceFile:
    name = path.relative_to(from_dir).as_posix()
    if path.suffix == ".csv":
        header = read_header(path, name, kind.contract.names)
    else:
        try:
            header = pq.read_schema(path).names
        except (pyarrow.lib.ArrowException, OSError) as error:
            raise InputError(
                f"{name} cannot be read as Parquet; write it again or leave it out"
            ) from error
        refuse_repeats(header, name, kind.contract.names)
    spelled = {theirs.lower(): theirs for theirs in header}
    columns = {ours: spelled[ours] for ours in kind.contract.names if ours in spelled}
    for ours in kind.contract.names:
        if ours in columns or ours in kind.may_lack:
            continue
        if ours == "known_on":
            raise InputError(
                f"{name} has no column known_on; add it, or declare in source.json how many days "
                f'after a fact it is known, such as {{"delays": {{"{kind.name}": 30}}}}'
            )
        raise InputError(f"{name} has no column {ours}; add it, it must not be empty")
    if kind.name == ENCOUNTER.name and not columns.keys() & {_KIND, *_TELLING}:
        raise InputError(
            f"{name} has no column {_KIND}; add it, or {' or '.join(_TELLING)}, which tell it"
        )
    read = {*columns, "source_row", *(("known_on",) if delayed else ())}
    ignored = tuple(
        theirs if _NAME.fullmatch(theirs) else f"column {place}"
        for place, theirs in enumerate(header, start=1)
        if theirs.lower() not in read
    )
    return SourceFile(path, name, kind, columns, ignored=ignored)


def _derived(table: Table, delays: dict[str, int]) -> list[Derived]:
    added = {"reversed", "known_on", "source_row"}
    columns = {name: named(name) for name in table.names if name not in added}
    if table is ENCOUNTER:
        columns[_KIND] = f"coalesce({_KIND}, {kind_told()}) AS {_KIND}"
    body = ", ".join(["file", "line", "coalesce(reversed, false) AS reversed", *columns.values()])
    relation = f"in_{table.name}"
    if table.name not in delays:
        return [Derived(table.name, f"SELECT known_on, {body} FROM {relation}")]
    delay = delays[table.name]
    if table.name in _OPEN:
        first, last = _OPEN[table.name]
        kind = duckdb_type(table.column(last))
        return [
            Derived(
                table.name,
                f"SELECT {first} AS known_on, {body} FROM (SELECT * REPLACE (NULL::{kind} AS "
                f"{last}) FROM {relation})",
            ),
            Derived(
                table.name,
                f"SELECT {last} + {max(delay, 1)} AS known_on, {body} FROM {relation} "
                f"WHERE {last} IS NOT NULL",
            ),
        ]
    days = f"greatest({table.happened}, {'ended_on' if table.name == 'encounter' else 'NULL'})"
    return [Derived(table.name, f"SELECT {days} + {delay} AS known_on, {body} FROM {relation}")]
