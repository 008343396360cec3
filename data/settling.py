"""From checked source rows to canonical rows, each settled against what is already there.

Relations: `have_<table>` are the rows of the valid generation, `new_<table>` those of this intake
(canonical columns, `file` and `line`), `dropped` the new rows that were there already.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import duckdb

from data.contract_check import checked, duckdb_type, in_code_form, named
from data.file_relations import parquet_relation
from data.generation import columns_held
from data.intake_report import FileCount, RejectionCount
from data.source_rows import file_of, line_of, name_and_digest, row_id
from data.sources import Delivery
from data.staging import take_out_faults
from data.tables import KEY, TABLES, Table


def _columns(table: Table) -> str:
    return ", ".join(named(name) for name in table.names)


def show_what_is_there(
    connection: duckdb.DuckDBPyConnection, table: Table, parquet: Path | None, reread: Iterable[str]
) -> None:
    """Create `have_<table>`, without the rows of files whose kind is in `reread`.

    A table or column that was not declared yet when the generation was written is there, empty.
    """
    written = parquet if parquet is not None and parquet.is_file() else None
    held = columns_held(written) if written else frozenset()
    columns = ", ".join(
        named(c.name) if c.name in held else f"NULL::{duckdb_type(c)} AS {named(c.name)}"
        for c in table.columns
    )
    if written is None:
        query = f"SELECT {columns} WHERE false"
    else:
        files = " UNION ALL ".join(f"SELECT file FROM in_{kind} WHERE earlier" for kind in reread)
        again = f" WHERE {file_of('source_row')} NOT IN ({files})" if files else ""
        query = f"SELECT {columns} FROM {parquet_relation(written)}{again}"
    connection.execute(f"CREATE VIEW have_{table.name} AS {query}")


def derive(connection: duckdb.DuckDBPyConnection, delivery: Delivery) -> None:
    """Fill `new_<table>` for every canonical table, and reject source rows that yield broken ones.

    A source row that yields one row that breaks the canonical contract yields none at all.
    """
    connection.execute("CREATE TABLE dropped (file VARCHAR, line BIGINT, elsewhere BOOLEAN)")
    for table in TABLES.values():
        body = ", ".join(
            f"{named(c.name)} {duckdb_type(c)}" for c in table.columns if c.name != "source_row"
        )
        connection.execute(
            f"CREATE TABLE new_{table.name} ({body}, file VARCHAR, line BIGINT, source_row VARCHAR)"
        )
    for derived in delivery.derived:
        rows = derived.sql if delivery.one_to_one else _in_form(TABLES[derived.table], derived.sql)
        connection.execute(
            f"INSERT INTO new_{derived.table} BY NAME "
            f"SELECT *, {row_id('file', 'line')} AS source_row FROM ({rows})"
        )
    if delivery.one_to_one:
        return
    for table in _filled(connection):
        types = {column.name: duckdb_type(column) for column in table.columns}
        check = checked(table, f"new_{table.name}", types, ["file", "line"])
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE faults AS SELECT file, line, fault FROM ({check}) "
            "WHERE fault IS NOT NULL"
        )
        take_out_faults(connection, "faults")
    _take_out_rejected(connection)


def _in_form(table: Table, rows: str) -> str:
    """SQL: `rows` with the table's codes in their form; a column that they lack is empty."""
    coded = {column.name: in_code_form(table, column, named(column.name), "code_system")
             for column in table.columns}  # fmt: skip
    forms = [f"{form} AS {named(name)}" for name, form in coded.items() if form]
    if not forms:
        return rows
    empty = ", ".join(f"NULL::VARCHAR AS {named(name)}" for name, form in coded.items() if form)
    return (
        f"SELECT * REPLACE ({', '.join(forms)}) FROM ("
        f"SELECT * FROM ({rows}) UNION ALL BY NAME SELECT {empty} WHERE false)"
    )


def _filled(connection: duckdb.DuckDBPyConnection) -> list[Table]:
    """The canonical tables to which this intake brings rows."""
    return [
        table
        for table in TABLES.values()
        if connection.execute(f"SELECT 1 FROM new_{table.name} LIMIT 1").fetchall()
    ]


def _take_out_rejected(connection: duckdb.DuckDBPyConnection) -> None:
    for table in _filled(connection):
        connection.execute(
            f"DELETE FROM new_{table.name} AS n USING (SELECT DISTINCT file, line FROM rejected) "
            "AS bad WHERE n.file = bad.file AND n.line = bad.line"
        )


def _take_out_shared(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Reject the new rows whose record_id another patient holds: the first row's, as in `settle`.

    Only the rows of record_ids that several patients share are looked at one by one.
    """
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE shared AS
        SELECT record_id FROM (
            SELECT record_id, patient_id FROM have_{table.name}
            UNION SELECT record_id, patient_id FROM new_{table.name}
        ) GROUP BY record_id HAVING count(*) > 1
    """)
    if not connection.execute("SELECT 1 FROM shared LIMIT 1").fetchall():
        return
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE foreigners AS
        WITH everything AS (
            SELECT 0 AS turn, 0 AS place, {file_of("source_row")} AS file,
                   {line_of("source_row")} AS line, record_id, patient_id, source_row
            FROM have_{table.name}
            UNION ALL BY NAME
            SELECT 1 AS turn, rowid AS place, file, line, record_id, patient_id, source_row
            FROM new_{table.name}
        ), ranked AS (
            SELECT turn, place, file, line, patient_id,
                   first_value(patient_id) OVER holder AS held_by,
                   first_value(source_row) OVER holder AS first_row
            FROM everything SEMI JOIN shared USING (record_id)
            WINDOW holder AS (PARTITION BY record_id ORDER BY turn, file, line, patient_id)
        )
        SELECT place, file, line, first_row FROM ranked WHERE turn = 1 AND patient_id <> held_by;
        INSERT INTO rejected SELECT
            (SELECT any_value(kind) FROM read WHERE read.file = foreigners.file), file, line,
            'record_id', 'record_id: contradicts ' || first_row
                || ', an earlier row of the same record_id and another patient',
            'record_id: contradicts an earlier row of the same record_id and another patient'
        FROM foreigners;
        DELETE FROM new_{table.name} WHERE rowid IN (SELECT place FROM foreigners);
        DROP TABLE foreigners;
    """)


def settle(connection: duckdb.DuckDBPyConnection) -> None:
    """Leave in `new_<table>` only rows that are new and contradict nothing.

    Rows with the same record_id and known_on are the same version of the same fact. The first
    stays: what was there before this intake, then by file and line. An equal row is dropped, a
    different one is rejected, and names the row that it contradicts. So is a row whose record_id
    stands for another patient in the first row of it.
    """
    key = ", ".join(KEY)
    for table in _filled(connection):
        _take_out_shared(connection, table)
        content = ", ".join(named(name) for name in table.names if name != "source_row")
        connection.execute(f"""
            CREATE OR REPLACE TEMP TABLE later AS
            WITH everything AS (
                SELECT 0 AS turn, 0 AS place, NULL AS file, 0 AS line, {_columns(table)}
                FROM have_{table.name}
                UNION ALL BY NAME
                SELECT 1 AS turn, rowid AS place, file, line, {_columns(table)}
                FROM new_{table.name}
            ), keyed AS (
                SELECT turn, place, file, line, source_row, {key}, row({content}) AS content
                FROM everything SEMI JOIN (
                    SELECT {key} FROM everything GROUP BY {key} HAVING count(*) > 1
                ) USING ({key})
            ), ranked AS (
                SELECT turn, place, file, line, source_row, content,
                       row_number() OVER versions AS version,
                       first_value(content) OVER versions AS first_content,
                       first_value(source_row) OVER versions AS first_row
                FROM keyed
                WINDOW versions AS (PARTITION BY {key} ORDER BY turn, file, line, content)
            )
            SELECT place, file, line, first_row, source_row <> first_row AS elsewhere,
                   content IS NOT DISTINCT FROM first_content AS same
            FROM ranked WHERE version > 1 AND turn = 1
        """)
        connection.execute(f"""
            INSERT INTO dropped SELECT file, line, elsewhere FROM later WHERE same;
            INSERT INTO rejected SELECT
                (SELECT any_value(kind) FROM read WHERE read.file = later.file), file, line,
                'record_id', 'record_id: contradicts ' || first_row
                    || ', an earlier row of the same record_id and known_on',
                'record_id: contradicts an earlier row of the same record_id and known_on'
            FROM later WHERE NOT same;
            DELETE FROM new_{table.name} WHERE rowid IN (SELECT place FROM later);
            DROP TABLE later;
        """)
    _take_out_rejected(connection)


def count_files(connection: duckdb.DuckDBPyConnection, delivery: Delivery) -> list[FileCount]:
    """What became of the rows of each file: read = taken in + duplicates + rejected."""
    yielded = " UNION ALL ".join(f"SELECT file, line FROM new_{table}" for table in TABLES)
    connection.execute(f"""
        CREATE TEMP TABLE repeats AS
        SELECT file, line FROM repeated
        UNION SELECT file, line FROM dropped WHERE elsewhere
        EXCEPT SELECT file, line FROM dropped WHERE NOT elsewhere
        EXCEPT SELECT file, line FROM rejected
        EXCEPT (SELECT file, line FROM ({yielded}) SEMI JOIN dropped USING (file, line));
    """)
    silent = "SELECT NULL AS file, NULL AS line WHERE false"
    if not delivery.one_to_one:
        rows = " UNION ALL ".join(
            f"SELECT file, line FROM in_{kind.name} WHERE NOT earlier" for kind in delivery.kinds
        )
        silent = (
            f"SELECT file, line FROM ({rows}) ANTI JOIN ({yielded}) USING (file, line) "
            "ANTI JOIN dropped USING (file, line) ANTI JOIN rejected USING (file, line)"
        )
    rows = connection.execute(f"""
        WITH rejections AS (SELECT file, count(DISTINCT line) AS n FROM rejected GROUP BY file),
        again AS (SELECT file, count(*) AS n FROM repeats GROUP BY file),
        merged AS (SELECT file, count(*) AS n FROM ({silent}) GROUP BY file)
        SELECT read.file, read.kind, read.rows, coalesce(rejections.n, 0), coalesce(again.n, 0),
               coalesce(merged.n, 0)
        FROM read LEFT JOIN rejections USING (file) LEFT JOIN again USING (file)
             LEFT JOIN merged USING (file)
        WHERE read.rows IS NOT NULL ORDER BY read.file
    """).fetchall()
    return [
        FileCount(
            *name_and_digest(file), kind, read, read - rejected - again, merged, again, rejected
        )
        for file, kind, read, rejected, again, merged in rows
    ]


def count_rejections(connection: duckdb.DuckDBPyConnection) -> list[RejectionCount]:
    """Rejected rows by the first rule that each broke, most frequent first."""
    rows = connection.execute("""
        SELECT kind, "column", rule, count(*) AS n FROM (
            SELECT DISTINCT ON (file, line) * FROM rejected ORDER BY file, line, rule
        ) GROUP BY ALL ORDER BY n DESC, kind, "column", rule
    """).fetchall()
    return [RejectionCount(*row) for row in rows]
