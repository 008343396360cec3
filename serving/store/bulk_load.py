"""Frames into tables, a million rows at a time: COPY on PostgreSQL, large batches on SQLite.

A frame becomes an Arrow table of the database's types, by columns and not by cells. Whatever is
missing (None, NaN, NaT) becomes NULL, and a double comes back to the last bit: Arrow writes the
shortest decimal that is it. (SQLite alone keeps no sign of a zero.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from sqlalchemy import exc

BATCH = 20_000
"""Rows of one statement on SQLite, and of one piece of a COPY."""


def load(
    connection: sa.Connection,
    table: sa.Table,
    frame: pd.DataFrame,
    columns: Sequence[str],
    **constants: str,
) -> None:
    """Appends the `columns` of a frame to a table, with `constants` in the columns of these names.

    Runs within the transaction of `connection`. Raises KeyError where the frame lacks a column,
    sqlalchemy.exc.IntegrityError where a constraint forbids a row.
    """
    if frame.empty:
        return
    names = [*constants, *columns]
    arrow = as_arrow(frame, table, columns)
    for name, value in reversed(constants.items()):
        arrow = arrow.add_column(0, name, pa.repeat(pa.scalar(value), len(frame)))
    if connection.dialect.name == "postgresql":
        _copy(connection, table, names, arrow)
    else:
        _insert(connection, table, names, arrow)


def as_arrow(frame: pd.DataFrame, table: sa.Table, columns: Sequence[str]) -> pa.Table:
    """The columns of a frame in Arrow's types of the table's columns; missing is null."""
    return pa.table(
        {
            name: pa.array(_plain(frame[name]), type=_type(table.c[name]), from_pandas=True)
            for name in columns
        }
    )


def _plain(column: pd.Series) -> pd.Series:
    """Extension types (strings, categories) as objects, which Arrow casts to what is asked for."""
    return column if column.dtype.kind in "biufM" else column.astype(object)


def _type(column: sa.Column[Any]) -> pa.DataType:
    for kind, type_ in (
        (sa.Boolean, pa.bool_()),
        (sa.Integer, pa.int64()),
        (sa.Float, pa.float64()),  # sa.Double is one
        (sa.Date, pa.date32()),
        (sa.String, pa.string()),  # sa.Text is one
    ):
        if isinstance(column.type, kind):
            return type_
    raise TypeError(f"no frame is loaded into a column of {column.type}")


def _insert(
    connection: sa.Connection, table: sa.Table, names: Sequence[str], arrow: pa.Table
) -> None:
    """SQLite holds days as texts and flags as numbers."""
    held = {pa.date32(): pa.string(), pa.bool_(): pa.int64()}
    cast = [column.cast(held.get(column.type, column.type)) for column in arrow.columns]
    places = ", ".join("?" * len(names))
    statement = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({places})"
    for start in range(0, len(arrow), BATCH):
        cells = [column.slice(start, BATCH).to_pylist() for column in cast]
        connection.exec_driver_sql(statement, list(zip(*cells, strict=True)))


def _copy(
    connection: sa.Connection, table: sa.Table, names: Sequence[str], arrow: pa.Table
) -> None:
    import psycopg

    statement = f"COPY {table.name} ({', '.join(names)}) FROM STDIN"
    raw: Any = connection.connection
    try:
        with raw.cursor() as cursor:
            with cursor.copy(statement) as copy:
                for part in arrow.to_batches(max_chunksize=BATCH):
                    copy.write(copied(part))
            cursor.execute(f"ANALYZE {table.name}")  # or a large night is read as if it were small
    except psycopg.Error as error:
        raise exc.DBAPIError.instance(
            statement, None, error, psycopg.Error, hide_parameters=True
        ) from None


_ESCAPES = (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"))
_TEXT = pa.large_string()


def copied(part: pa.RecordBatch) -> memoryview:
    r"""Rows in the text format of COPY: cells apart by tabs, a line a row, \N for null."""
    cells = []
    for column in part.columns:
        text = column.cast(_TEXT)
        if column.type == pa.string():
            for special, escaped in _ESCAPES:
                replacing = pc.ReplaceSubstringOptions(special, escaped)
                text = pc.call_function("replace_substring", [text], replacing)
        cells.append(pc.fill_null(text, "\\N"))
    cells[-1] = _joined([cells[-1], pa.scalar("\n", _TEXT)], between="")
    lines = _joined(cells, between="\t")
    _, offsets, values = lines.buffers()
    ends = memoryview(offsets).cast("q")  # of a large string: 64 bits
    return memoryview(values)[ends[lines.offset] : ends[lines.offset + len(lines)]]


def _joined(texts: list[Any], between: str) -> Any:
    """The texts of each row as one, with `between` between them."""
    return pc.call_function("binary_join_element_wise", [*texts, pa.scalar(between, _TEXT)])
