"""Intake: source files in, a generation of canonical Parquet and the rejected rows out.

Every row of every file is taken in, a duplicate, or rejected with file, line, column and reason;
the three add up. Taking the same files in twice changes nothing, further files are merged with
what is there, and whatever fails leaves what was taken in before as it was.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from data.contract_check import named, quoted
from data.errors import InputError
from data.feeds import CARRIES, SHOWN_BY
from data.file_relations import parquet_relation
from data.generation import (
    REREAD,
    Taken,
    column_lacking,
    find_current,
    publish,
    workbench_folder,
    write_parquet,
    write_table,
)
from data.home import Home
from data.intake_report import (
    FileCount,
    IntakeReport,
    KindTold,
    RejectionCount,
    ResultsWithoutUnit,
    UnknownCodes,
)
from data.progress import stage
from data.results_without_unit import count_results_without_unit
from data.settling import count_files, count_rejections, derive, settle, show_what_is_there
from data.source_rows import bare_name
from data.sources import Delivery, FileKind, SourceFile, deliver
from data.staging import (
    add_raw_rows,
    create_kind,
    make_checks,
    open_workbench,
    read_file,
    settle_repeats,
)
from data.tables import TABLES
from data.unknown_codes import count_unknown_codes, keep_unknown_codes

__all__ = [
    "CARRIES",
    "FileCount",
    "IntakeReport",
    "KindTold",
    "RejectionCount",
    "ResultsWithoutUnit",
    "Taken",
    "UnknownCodes",
    "current",
    "take_in",
]

_REJECTED = pa.schema(
    [("file", pa.string()), ("line", pa.int64()), ("column", pa.string()), ("reason", pa.string()),
     ("raw", pa.string())]
)  # fmt: skip


def current(home: Home) -> Taken:
    """What was taken in. Raises InputError where nothing was, or by a firstcall with fewer columns.

    The next intake brings what an earlier firstcall took in to the present form.
    """
    taken = find_current(home)
    if taken is None:
        raise InputError(f"nothing has been taken in under {home.root}; run firstcall intake first")
    if lacking := column_lacking(taken):
        raise InputError(
            f"an earlier firstcall took in what is under {home.root}, without {lacking}; run "
            "firstcall intake again, on the same files or new ones, and it is added, empty"
        )
    return taken


def take_in(home: Home, source: str, from_dir: Path) -> IntakeReport:
    """Take in the files of `source` that lie in `from_dir`, and merge them with what is there.

    Raises InputError where a file or column is missing, where no row can be taken in, where a file
    changes while it is read, or where what is there came from another source; what was taken in
    before then stays as it was.
    """
    with workbench_folder(home) as work:
        delivery = deliver(source, from_dir)
        before = find_current(home)
        _must_fit(home, before, delivery, from_dir)
        connection = open_workbench(work / "database")
        try:
            return _take_in(home, before, delivery, connection, work)
        finally:
            connection.close()


def _must_fit(home: Home, before: Taken | None, delivery: Delivery, from_dir: Path) -> None:
    if before is None:
        brought = {file.kind.name for file in delivery.files}
        for kind, sentence in delivery.obligatory.items():
            if kind not in brought:
                raise InputError(f"{from_dir}: {sentence}")
        return
    for name, ours in (("source", delivery.source), ("origin", delivery.origin)):
        theirs = before.manifest[name]
        if theirs != ours:
            raise InputError(
                f"{home.root} holds data of {name} {theirs!r} and {from_dir} is {ours!r}; "
                "set FIRSTCALL_HOME to another folder, or remove the tables folder in it"
            )


def _take_in(
    home: Home,
    before: Taken | None,
    delivery: Delivery,
    connection: duckdb.DuckDBPyConnection,
    work: Path,
) -> IntakeReport:
    states = [_state(file) for file in delivery.files]
    for kind in delivery.kinds:
        kept = before.folder / REREAD / f"{kind.name}.parquet" if before else None
        create_kind(connection, kind, kept if kind.reread else None)
    for file in delivery.files:
        with stage(f"Reading {file.name}"):
            read_file(connection, file, work)
    with stage("Checking rows against each other"):
        for kind in delivery.kinds:
            settle_repeats(connection, kind)
            make_checks(connection, kind)
    reread = [kind.name for kind in delivery.kinds if kind.reread]
    with stage("Making canonical rows"):
        for table in TABLES.values():
            path = before.tables[table.name] if before else None
            show_what_is_there(connection, table, path, reread)
        derive(connection, delivery)
    with stage("Comparing with what is there"):
        settle(connection)
        add_raw_rows(connection, delivery)
        files = count_files(connection, delivery)
        rejections = count_rejections(connection)
        kinds_told = _count_kinds_told(connection, delivery)
        for file, state in zip(delivery.files, states, strict=True):
            if _state(file) != state:
                raise InputError(
                    f"{file.name} was changed while it was read; wait until it has come whole, "
                    "then run firstcall intake again"
                )
    with stage("Writing canonical tables"):
        folder = work / "generation"
        rows = {table: write_table(connection, table, folder) for table in TABLES}
        for kind in delivery.kinds:
            if kind.reread:
                _keep_for_rereading(connection, kind, folder)
        _write_rejected(home, connection)
    if not any(rows.values()):
        raise InputError(
            f"none of the {sum(file.read for file in files):,} rows could be taken in; "
            f"the reasons stand in {home.rejected}"
        )
    with stage("Counting unknown codes"):
        unknown, every_unknown = count_unknown_codes(connection, folder)
        without_unit = count_results_without_unit(connection, folder)
    manifest = _manifest(before, delivery, connection, folder, rows)
    name, changed = publish(home, folder, manifest)
    keep_unknown_codes(home, every_unknown)
    return IntakeReport(
        generation=name,
        changed=changed,
        source=delivery.source,
        origin=delivery.origin,
        data_through=date.fromisoformat(manifest["data_through"]),
        run_out_days=manifest["run_out_days"],
        cost_covers=manifest["cost_covers"],
        carries=tuple(manifest["carries"]),
        rows=rows,
        files=tuple(files),
        rejections=tuple(rejections),
        kinds_told=kinds_told,
        unknown_codes=tuple(unknown),
        results_without_unit=without_unit,
        ignored_columns={file.name: file.ignored for file in delivery.files if file.ignored},
    )


def _count_kinds_told(
    connection: duckdb.DuckDBPyConnection, delivery: Delivery
) -> tuple[KindTold, ...]:
    if delivery.kinds_told is None:
        return ()
    rows = connection.execute(
        f"SELECT told, told_by, count(*) AS n FROM ({delivery.kinds_told}) "
        "GROUP BY ALL ORDER BY n DESC, told, told_by"
    ).fetchall()
    return tuple(KindTold(*row) for row in rows)


def _state(file: SourceFile) -> tuple[int, int] | None:
    """Size and time of the last change, in ns since 1970; None where the file is gone."""
    try:
        found = file.path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def _keep_for_rereading(
    connection: duckdb.DuckDBPyConnection, kind: FileKind, folder: Path
) -> None:
    columns = kind.contract.columns
    schema = pa.schema(
        [("file", pa.string()), ("line", pa.int64()), *((c.name, c.arrow_type) for c in columns)]
    )
    names = ", ".join(named(name) for name in schema.names)
    order = ", ".join(["file", "line", *(named(name) for name in kind.key)])
    query = f"SELECT {names} FROM in_{kind.name} ORDER BY {order}"
    write_parquet(connection, query, schema, folder / REREAD / f"{kind.name}.parquet")


def _write_rejected(home: Home, connection: duckdb.DuckDBPyConnection) -> None:
    """Add this intake's rejected rows to those of earlier ones; the same row stands there once.

    A row that an earlier firstcall rejected, and named without its file's digest, gives way to the
    same text on the same line of a file of that name.
    """
    home.make()
    home.rejected.mkdir(exist_ok=True)
    kinds = connection.execute("SELECT DISTINCT kind FROM rejected_raw ORDER BY kind").fetchall()
    names = ", ".join(named(name) for name in _REJECTED.names)
    for (kind,) in kinds:
        path = home.rejected / f"{kind}.parquet"
        fresh = path.with_name(f".{path.name}.new")
        rows = f"SELECT {names} FROM rejected_raw WHERE kind = {quoted(kind)}"
        if path.is_file():
            rows += (
                f" UNION SELECT {names} FROM {parquet_relation(path)} AS earlier WHERE NOT EXISTS ("
                f"FROM rejected_raw AS again WHERE kind = {quoted(kind)} "
                f"AND earlier.file = {bare_name('again.file')} AND earlier.line = again.line "
                'AND earlier."column" = again."column" AND earlier.raw = again.raw)'
            )
        query = f"SELECT DISTINCT {names} FROM ({rows}) ORDER BY {names}"
        write_parquet(connection, query, _REJECTED, fresh)
        fresh.replace(path)


def _manifest(
    before: Taken | None,
    delivery: Delivery,
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    rows: dict[str, int],
) -> dict[str, Any]:
    def ask(query: str) -> Any:
        return connection.execute(query).fetchall()[0][0]

    def stored(table: str) -> str:
        return parquet_relation(folder / f"{table}.parquet")

    carries = delivery.carries
    if carries is None:
        shown = [table for table, count in rows.items() if count]
        shown += [
            feed
            for feed, (table, condition) in SHOWN_BY.items()
            if ask(f"SELECT count(*) > 0 FROM {stored(table)} WHERE {condition}")
        ]
        carries = tuple(shown)
    covers = delivery.cost_covers
    if covers is None:
        yearly = ask(f"SELECT count(*) > 0 AND bool_and(covers = 'year') FROM {stored('cost')}")
        covers = "year" if yearly else "claim"
    through = delivery.data_through
    if through is None:
        known = " UNION ALL ".join(f"SELECT known_on FROM {stored(table)}" for table in TABLES)
        through = ask(f"SELECT max(known_on) FROM ({known})")
    elif isinstance(through, str):
        through = ask(through)
    through = through.isoformat()
    if before is not None:
        through = max(through, before.manifest["data_through"])
        if delivery.carries is not None:
            carries = (*carries, *before.manifest["carries"])
    return {
        "source": delivery.source,
        "origin": delivery.origin,
        "carries": sorted(set(carries)),
        "data_through": through,
        "run_out_days": delivery.run_out_days,
        "cost_covers": covers,
        "delays": dict(sorted(delivery.delays.items())),
        "rows": rows,
    }
