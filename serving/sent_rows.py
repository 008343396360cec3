"""The rows of a score request by column, checked a column at a time.

`serving.schemas.ScoreRequest` says what a request may hold; it looks at each value of each row, and
that costs more than the scoring does. Most requests are as they should be, and for those the same
is asked of whole columns: `in_order` answers them, and leaves every other to the schema, whose word
is the last (a test holds the two together).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import compress
from operator import itemgetter
from types import NoneType
from typing import Any, get_args

from pydantic_core import PydanticCustomError

from data.code_forms import codes_in_form, in_form
from data.tables import KEY, LONGEST_TEXT, TABLES, Column, OnYearEnd, Table
from serving.schemas import (
    FEEDS,
    LARGEST_NUMBER,
    MOST_CENTS,
    MOST_INTEGER,
    MOST_PATIENTS,
    MOST_ROWS,
    CostCovers,
    Origin,
    ScoreRequest,
    day_written,
)

Columns = dict[str, list[Any]]
"""A canonical table: the name of a column → its values, None where empty."""


@dataclass(frozen=True)
class SentRows:
    """One request: the question, and the rows sent with it (each canonical table, with all of its
    columns; source_row as the request numbers its rows)."""

    as_of: date
    data_through: date | None
    cost_covers: str
    origin: str | None
    carries: tuple[str, ...] | None
    tables: Mapping[str, Columns]

    @classmethod
    def of(cls, request: ScoreRequest) -> SentRows:
        carries = None if request.carries is None else tuple(request.carries)
        tables = {name: _columns_of(request, name) for name in TABLES}
        as_of = _asked_on(request.as_of, request.data_through, tables)
        covers = _cost_covers(request.cost_covers, tables)
        return cls(as_of, request.data_through, covers, request.origin, carries, tables)

    @property
    def rows(self) -> int:
        return sum(len(columns["patient_id"]) for columns in self.tables.values())

    @property
    def patients(self) -> set[str]:
        return set().union(*(columns["patient_id"] for columns in self.tables.values()))


def _asked_on(as_of: date | None, through: date | None, tables: Mapping[str, Columns]) -> date:
    """The day of the question: what was said, else how far the data reach, as far as known."""
    return as_of or through or max(day for each in tables.values() for day in each["known_on"])


def _cost_covers(said: str | None, tables: Mapping[str, Columns]) -> str:
    """Which costs tell the year before: what was said, else by the rule of intake."""
    covers = tables["cost"]["covers"]
    return said or ("year" if covers and set(covers) == {"year"} else "claim")


def _columns_of(request: ScoreRequest, name: str) -> Columns:
    rows = [row.__dict__ for row in getattr(request, name)]
    columns = {column.name: [row[column.name] for row in rows] for column in TABLES[name].columns}
    return _numbered(name, columns)


def _numbered(name: str, columns: Columns) -> Columns:
    columns["source_row"] = [
        source or f"request:{name}:{place}" for place, source in enumerate(columns["source_row"])
    ]
    return columns


class _UnsureError(Exception):
    """The schema has to say whether the request may be so."""


def in_order(sent: object) -> SentRows | None:
    """A body (as JSON was read) of which every column is as the schema wants it; None where one is
    not, or may not be."""
    try:
        return _in_order(sent)
    except (_UnsureError, PydanticCustomError, TypeError):  # TypeError: a value without a hash
        return None


def _in_order(sent: object) -> SentRows:
    _sure(type(sent) is dict)
    assert isinstance(sent, dict)
    _sure(sent.keys() <= _NAMES)
    as_of, through = sent.get("as_of"), sent.get("data_through")
    origin, carries, covers = (sent.get(name) for name in ("origin", "carries", "cost_covers"))
    _sure({type(as_of), type(through)} <= {str, NoneType})
    _sure(origin in _ORIGINS and covers in _COVERS)
    if carries is not None:
        _sure(type(carries) is list and set(carries) <= FEEDS and len(carries) <= len(FEEDS))
    tables = {name: _table(reader, sent.get(name, [])) for name, reader in _READERS.items()}
    said, whole = (None if day is None else day_written(day) for day in (as_of, through))
    _sure(any(columns["patient_id"] for columns in tables.values()))
    carried = None if carries is None else tuple(carries)
    found = SentRows(
        _asked_on(said, whole, tables), whole, _cost_covers(covers, tables), origin, carried, tables
    )
    _sure(found.rows <= MOST_ROWS and len(found.patients) <= MOST_PATIENTS)
    return found


def _sure(told: bool) -> None:
    if not told:
        raise _UnsureError


_Read = Callable[[list[Any]], list[Any]]


@dataclass(frozen=True)
class _Reader:
    """How the rows of one table are read."""

    table: Table
    names: frozenset[str]
    columns: tuple[tuple[str, Any, _Read], ...]
    """Name of the column, what it is where a row does not have it, and what reads its values."""


def _table(reader: _Reader, rows: object) -> Columns:
    _sure(type(rows) is list)
    assert isinstance(rows, list)
    if not rows:
        return {name: [] for name, _, _ in reader.columns}
    _sure(set(map(type, rows)) == {dict})
    named = set().union(*rows)
    _sure(named <= reader.names)
    columns = {
        name: read(_values(rows, name, default) if name in named else [default] * len(rows))
        for name, default, read in reader.columns
    }
    _sure(len(set(zip(*(columns[name] for name in KEY), strict=True))) == len(rows))
    for rule in reader.table.rules:
        both = zip(columns[rule.column], columns[rule.other], strict=True)
        if isinstance(rule, OnYearEnd):
            _sure(all(_on_year_end(day) for day, other in both if other == rule.value))
        else:
            _sure(not any(day < other for day, other in both if day and other))
    return _numbered(reader.table.name, columns)


def _values(rows: list[dict[str, Any]], name: str, default: Any) -> list[Any]:
    """One column; most are in every row or in none."""
    try:
        return [*map(itemgetter(name), rows)]
    except KeyError:
        return [row.get(name, default) for row in rows]


def _on_year_end(day: date | None) -> bool:
    return day is None or (day.month, day.day) == (12, 31)


def _read_column(column: Column) -> _Read:
    """What reads the values of one column, and raises _UnsureError or PydanticCustomError where one
    of them is not plainly right."""
    read = _reader_of_given(column)
    if column.name == "reversed" or (column.required and column.name != "source_row"):
        return read

    def read_given(values: list[Any]) -> list[Any]:
        if None not in values:
            return read(values)
        given = [value is not None for value in values]
        if any(given):
            of_given = iter(read(list(compress(values, given))))
            return [next(of_given) if one else None for one in given]
        return values

    return read_given


def _reader_of_given(column: Column) -> _Read:
    """The same of values none of which is None."""
    match column.type:
        case "text" if column.code_system:
            system, form = column.code_system, codes_in_form if column.several else in_form
            return _of_texts(lambda text: form(system, text) or text)
        case "text":
            return _of_texts(str.lower if column.lower_case else None)
        case "date":
            return _of_days
        case "choice":
            return _of_choices(frozenset(column.choices))
        case "flag":
            return _of_types(bool)
        case "cents":
            return _of_integers(-MOST_CENTS, MOST_CENTS)
        case "integer":
            return _of_integers(
                -MOST_INTEGER if column.minimum is None else column.minimum,
                MOST_INTEGER if column.maximum is None else column.maximum,
            )
        case "number":
            return _of_numbers(column.minimum, column.maximum)


def _only(types: Iterable[type], values: Sequence[Any]) -> None:
    _sure(set(map(type, values)) <= set(types))


def _of_types(*types: type) -> _Read:
    def read(values: list[Any]) -> list[Any]:
        _only(types, values)
        return values

    return read


def _of_texts(kept: Callable[[str], str] | None) -> _Read:
    def read(values: list[Any]) -> list[Any]:
        _only((str,), values)
        texts = set(values)
        _sure(all(map(str.strip, texts)) and "".join(texts).isprintable())
        _sure(max(map(len, texts)) <= LONGEST_TEXT)
        if kept is None:
            return values
        as_kept = {text: kept(text) for text in texts}
        return [as_kept[text] for text in values]

    return read


def _of_days(values: list[Any]) -> list[Any]:
    _only((str,), values)
    days = {text: day_written(text) for text in set(values)}
    return [days[text] for text in values]


def _of_choices(choices: frozenset[str]) -> _Read:
    def read(values: list[Any]) -> list[Any]:
        _sure(choices.issuperset(values))
        return values

    return read


def _of_integers(least: float, most: float) -> _Read:
    def read(values: list[Any]) -> list[Any]:
        _only((int,), values)
        _sure(least <= min(values) and max(values) <= most)
        return values

    return read


def _of_numbers(minimum: float | None, maximum: float | None) -> _Read:
    def read(values: list[Any]) -> list[Any]:
        _only((int, float), values)
        numbers = [float(value) for value in values if abs(value) < LARGEST_NUMBER]
        _sure(len(numbers) == len(values))  # neither NaN nor infinite
        _sure(minimum is None or minimum <= min(numbers))
        _sure(maximum is None or max(numbers) <= maximum)
        return numbers

    return read


_READERS = {
    name: _Reader(
        table,
        frozenset(column.name for column in table.columns),
        tuple(
            (column.name, False if column.name == "reversed" else None, _read_column(column))
            for column in table.columns
        ),
    )
    for name, table in TABLES.items()
}
_NAMES = frozenset(ScoreRequest.model_fields)
_ORIGINS = (None, *get_args(Origin))
_COVERS = (None, *get_args(CostCovers))
