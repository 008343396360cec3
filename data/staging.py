"""The workbench of one intake: a DuckDB database on disk, in which files become checked rows.

Relations: `in_<kind>` (file, line, contract columns) holds the rows of one kind of file that keep
their contract; `rejected` and `repeated` hold what was taken out, and `read` which files there
were: `rows` is NULL for a file of earlier intakes of which the rows are read again. `file` is
everywhere a file's id, see `data.source_rows`.
DuckDB spills to the workbench's folder, so files may be larger than memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from itertools import islice
from pathlib import Path

import duckdb
import pyarrow as pa

from data.contract_check import checked, duckdb_type, named, quoted, reason
from data.duckdb_connection import MEMORY, THREADS, connect
from data.errors import InputError
from data.file_relations import csv_relation, parquet_relation
from data.physical_lines import copy_rows, raw_lines, read_header
from data.source_rows import row_id
from data.sources import Delivery, FileKind, SourceFile

_BATCH = 10_000
_REJECTION = pa.schema([("line", pa.int64()), ("reason", pa.string())])
_RAW = pa.schema([("line", pa.int64()), ("raw", pa.string())])


def open_workbench(folder: Path) -> duckdb.DuckDBPyConnection:
    """A new database in `folder`, which is created; it spills there and nowhere else.

    Memory and threads are stated, and no extension is fetched or loaded.
    """
    folder.mkdir(parents=True)
    connection = connect(folder / "spill", folder / "intake.duckdb", THREADS, MEMORY)
    connection.execute("""
        CREATE TABLE read (file VARCHAR, kind VARCHAR, rows BIGINT);
        CREATE TABLE rejected (kind VARCHAR, file VARCHAR, line BIGINT, "column" VARCHAR,
                               reason VARCHAR, rule VARCHAR);
        CREATE TABLE repeated (kind VARCHAR, file VARCHAR, line BIGINT);
    """)
    return connection


def create_kind(
    connection: duckdb.DuckDBPyConnection, kind: FileKind, earlier: Path | None
) -> None:
    """Create `in_<kind>`, empty but for the rows of earlier intakes that are read again."""
    columns = "".join(f", {named(c.name)} {duckdb_type(c)}" for c in kind.contract.columns)
    connection.execute(
        f"CREATE TABLE in_{kind.name} (file VARCHAR, line BIGINT, earlier BOOLEAN{columns})"
    )
    if earlier is not None and earlier.is_file():
        connection.execute(
            f"INSERT INTO in_{kind.name} BY NAME SELECT *, true AS earlier "
            f"FROM {parquet_relation(earlier)}"
        )
        connection.execute(
            f"INSERT INTO read SELECT DISTINCT file, {quoted(kind.name)}, NULL FROM in_{kind.name}"
        )


@contextmanager
def _reading_parquet(file: SourceFile) -> Iterator[None]:
    try:
        yield
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        raise InputError(
            f"{file.name} cannot be read as Parquet; write it again or leave it out"
        ) from error


def _rows_of_parquet(
    connection: duckdb.DuckDBPyConnection, file: SourceFile
) -> tuple[str, dict[str, str], int]:
    source = parquet_relation(file.path, numbered=True)
    columns = [f"{named(theirs)} AS {named(ours)}" for ours, theirs in file.columns.items()]
    query = f"SELECT {', '.join(['file_row_number + 1 AS line', *columns])} FROM {source}"
    described = connection.execute(f"DESCRIBE {query}").fetchall()
    rows = connection.execute(f"SELECT count(*) FROM {source}").fetchall()[0][0]
    return query, {row[0]: row[1] for row in described}, rows


def _rows_of_csv(
    connection: duckdb.DuckDBPyConnection, file: SourceFile, clean: Path
) -> tuple[str, dict[str, str], int]:
    header = read_header(file.path, file.name, file.kind.contract.names)
    batch: list[tuple[int, str]] = []

    def flush() -> None:
        lines, reasons = [line for line, _ in batch], [words for _, words in batch]
        connection.register("broken", pa.table([lines, reasons], schema=_REJECTION))
        connection.execute(
            "INSERT INTO rejected SELECT ?, ?, line, '', reason, "
            "regexp_replace(reason, '^the line has [0-9]+ fields.*', "
            "'the line has not as many fields as the header') FROM broken",
            [file.kind.name, file.id],
        )
        connection.unregister("broken")
        batch.clear()

    def reject(line: int, words: str) -> None:
        batch.append((line, words))
        if len(batch) == _BATCH:
            flush()

    with clean.open("wb") as target:
        rows = copy_rows(file.path, len(header), target, reject)
    if batch:
        flush()
    # columns go by their place, so that no name of the file's own can be in the way
    declared = ", ".join(f"'~{place}': 'VARCHAR'" for place in range(len(header)))
    columns = [
        f'"~{header.index(theirs)}" AS {named(ours)}' for ours, theirs in file.columns.items()
    ]
    source = csv_relation(
        clean,
        "header = false, auto_detect = false, delim = ',', quote = '\"', escape = '\"', "
        f"new_line = '\\n', strict_mode = true, columns = {{'line': 'BIGINT', {declared}}}",
    )
    query = f"SELECT {', '.join(['line', *columns])} FROM {source}"
    return query, dict.fromkeys(file.columns, "VARCHAR"), rows


def read_file(connection: duckdb.DuckDBPyConnection, file: SourceFile, work: Path) -> None:
    """Read one file into `in_<kind>`, its broken rows into `rejected`.

    Raises InputError where a file that is called Parquet is none, or is damaged.
    """
    kind, clean = file.kind, work / "clean.csv"
    is_parquet = file.path.suffix == ".parquet"
    if is_parquet:
        with _reading_parquet(file):
            query, types, rows = _rows_of_parquet(connection, file)
    else:
        query, types, rows = _rows_of_csv(connection, file, clean)
    connection.execute("INSERT INTO read VALUES (?, ?, ?)", [file.id, kind.name, rows])
    constants = [f"{quoted(value)} AS {named(ours)}" for ours, value in file.constants.items()]
    types.update(dict.fromkeys(file.constants, "VARCHAR"))
    relation = (
        f"(SELECT {', '.join([f'{quoted(file.id)} AS file', '*', *constants])} FROM ({query}))"
    )
    check = checked(kind.contract, relation, types, ["file", "line"])
    with _reading_parquet(file) if is_parquet else nullcontext():
        connection.execute(f"CREATE OR REPLACE TEMP TABLE this_file AS {check}")
    take_out_faults(connection, "this_file", kind.name)
    connection.execute(
        f"INSERT INTO in_{kind.name} BY NAME SELECT * EXCLUDE (fault), false AS earlier "
        "FROM this_file WHERE fault IS NULL"
    )
    connection.execute("DROP TABLE this_file")
    clean.unlink(missing_ok=True)


def take_out_faults(
    connection: duckdb.DuckDBPyConnection, relation: str, kind: str | None = None
) -> None:
    """Enter the rows of `relation` with a `fault` in `rejected`, under `kind` or their file's."""
    name = quoted(kind) if kind else "(SELECT any_value(kind) FROM read WHERE read.file = r.file)"
    connection.execute(
        f"INSERT INTO rejected SELECT {name}, file, line, fault.column, {reason()}, "
        f"fault.column || ': ' || fault.words FROM {relation} AS r WHERE fault IS NOT NULL"
    )


def settle_repeats(connection: duckdb.DuckDBPyConnection, kind: FileKind) -> None:
    """Take rows that repeat an earlier row's key out of `in_<kind>`: duplicates, contradictions.

    What was read in an earlier intake comes first, then the order of file and line.
    """
    if not kind.key:
        return
    relation, key = f"in_{kind.name}", ", ".join(named(name) for name in kind.key)
    content = ", ".join(named(name) for name in kind.contract.names)
    words = f"contradicts an earlier row of the same {' and '.join(kind.key)}"
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE again AS
        WITH keyed AS (
            SELECT file, line, earlier, {key}, row({content}) AS content
            FROM {relation}
            WHERE ({key}) IN (SELECT ({key}) FROM {relation} GROUP BY {key} HAVING count(*) > 1)
        ), ranked AS (
            SELECT file, line, earlier, content, row_number() OVER first AS place,
                   first_value(content) OVER first AS first_content,
                   first_value(file) OVER first AS first_file,
                   first_value(line) OVER first AS first_line
            FROM keyed
            WINDOW first AS (PARTITION BY {key} ORDER BY NOT earlier, file, line)
        )
        SELECT *, content IS NOT DISTINCT FROM first_content AS same FROM ranked WHERE place > 1
    """)
    connection.execute(f"""
        INSERT INTO repeated SELECT {quoted(kind.name)}, file, line FROM again
        WHERE same AND (file, line) <> (first_file, first_line);
        INSERT INTO rejected SELECT {quoted(kind.name)}, file, line, {quoted(kind.key[0])},
            {quoted(kind.key[0])} || ': contradicts ' || {row_id("first_file", "first_line")}
                || ', an earlier row of the same {" and ".join(kind.key)}',
            {quoted(f"{kind.key[0]}: {words}")}
        FROM again WHERE NOT same;
        DELETE FROM {relation} USING again WHERE NOT {relation}.earlier
            AND {relation}.file = again.file AND {relation}.line = again.line;
        DROP TABLE again;
    """)


def make_checks(connection: duckdb.DuckDBPyConnection, kind: FileKind) -> None:
    """Reject the rows that break the kind's checks over all its rows."""
    for check in kind.checks:
        rule = quoted(f"{check.column}: {check.words}")
        connection.execute(f"""
            CREATE OR REPLACE TEMP TABLE broken_rows AS
            SELECT file, line FROM in_{kind.name} WHERE ({check.broken}) AND NOT earlier;
            INSERT INTO rejected SELECT {quoted(kind.name)}, file, line, {quoted(check.column)},
                {rule}, {rule} FROM broken_rows;
            DELETE FROM in_{kind.name} AS rows USING broken_rows WHERE NOT earlier
                AND rows.file = broken_rows.file AND rows.line = broken_rows.line;
            DROP TABLE broken_rows;
        """)


def add_raw_rows(connection: duckdb.DuckDBPyConnection, delivery: Delivery) -> None:
    """Create `rejected_raw`: each rejected row with the text that stands in its file."""
    connection.execute("""
        CREATE TABLE rejected_raw (kind VARCHAR, file VARCHAR, line BIGINT, "column" VARCHAR,
                                   reason VARCHAR, raw VARCHAR);
        CREATE TEMP TABLE raw_rows (line BIGINT, raw VARCHAR);
    """)
    for file in delivery.files:
        numbers = [
            row[0]
            for row in connection.execute(
                "SELECT DISTINCT line FROM rejected WHERE file = ? ORDER BY line", [file.id]
            ).fetchall()
        ]
        if not numbers:
            continue
        if file.path.suffix == ".parquet":
            source = parquet_relation(file.path, numbered=True)
            with _reading_parquet(file):
                connection.execute(
                    "INSERT INTO raw_rows SELECT file_row_number + 1, to_json(whole)::VARCHAR "
                    f"FROM {source} AS whole WHERE file_row_number + 1 IN "
                    f"(SELECT line FROM rejected WHERE file = {quoted(file.id)})"
                )
        lines = raw_lines(file.path, numbers) if file.path.suffix != ".parquet" else iter(())
        while batch := list(islice(lines, _BATCH)):
            texts = pa.table(list(zip(*batch, strict=True)), schema=_RAW)
            connection.register("texts", texts)
            connection.execute("INSERT INTO raw_rows SELECT * FROM texts")
            connection.unregister("texts")
        connection.execute(
            'INSERT INTO rejected_raw SELECT kind, file, line, "column", reason, raw '
            "FROM rejected JOIN raw_rows USING (line) WHERE file = ?",
            [file.id],
        )
        connection.execute("DELETE FROM raw_rows")
