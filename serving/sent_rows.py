"""The rows of a score request by column.

`serving.schemas.ScoreRequest` says what a request may hold, and what is wrong with one; it looks at
each value of each row in Python, and that costs more than the scoring does. Most requests are as
they should be: `in_order` reads those, by msgspec with the same types and bounds, and leaves every
other to the schema, whose word is the last (a test holds the two together).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from operator import attrgetter
from typing import Annotated, Any, Literal

import msgspec

from data.code_forms import codes_in_form, in_form
from data.tables import KEY, LONGEST_TEXT, TABLES, Column, OnYearEnd, Table
from serving.schemas import (
    FEEDS,
    FIRST_DAY,
    LARGEST_NUMBER,
    LAST_DAY,
    MOST_CENTS,
    MOST_INTEGER,
    MOST_PATIENTS,
    MOST_ROWS,
    CostCovers,
    Origin,
    ScoreRequest,
)

Columns = Mapping[str, Sequence[Any]]
"""A canonical table: the name of a column → its values, None where empty."""


@dataclass(frozen=True)
class SentRows:
    """One request: the question, and the rows sent with it (each canonical table, with all of its
    columns; source_row as the request numbers its rows). `asked_on` is the day on which it was
    asked, where it left as_of out."""

    as_of: date
    data_through: date | None
    cost_covers: str
    origin: str | None
    carries: tuple[str, ...] | None
    tables: Mapping[str, Columns]
    asked_on: date | None = None

    @classmethod
    def of(cls, request: ScoreRequest, today: date | None = None) -> SentRows:
        """`today`: the day on which it is asked, which bounds an as_of that is left out."""
        carries = None if request.carries is None else tuple(request.carries)
        tables = {name: _columns_of(request, name) for name in TABLES}
        as_of = _as_of(request.as_of, request.data_through, tables, today)
        covers = _cost_covers(request.cost_covers, tables)
        asked_on = today if request.as_of is None else None
        return cls(as_of, request.data_through, covers, request.origin, carries, tables, asked_on)

    @property
    def rows(self) -> int:
        return sum(len(columns["patient_id"]) for columns in self.tables.values())

    @property
    def patients(self) -> set[str]:
        return set().union(*(columns["patient_id"] for columns in self.tables.values()))


def _as_of(
    as_of: date | None, through: date | None, tables: Mapping[str, Columns], today: date | None
) -> date:
    """The day of the question: what was said, else how far the data reach, as far as known. What
    is said of a day to come is a slip, and moves nobody's question."""
    if as_of is not None:
        return as_of
    if through is not None and (today is None or through <= today):
        return through
    known = [day for each in tables.values() for day in each["known_on"]]
    if today is None:
        return max(known)
    return max((day for day in known if day <= today), default=today)


def _cost_covers(said: str | None, tables: Mapping[str, Columns]) -> str:
    """Which costs tell the year before: what was said, else by the rule of intake."""
    covers = tables["cost"]["covers"]
    return said or ("year" if covers and set(covers) == {"year"} else "claim")


def _columns_of(request: ScoreRequest, name: str) -> Columns:
    rows = [row.__dict__ for row in getattr(request, name)]
    columns = {c.name: tuple(row[c.name] for row in rows) for c in TABLES[name].columns}
    return columns | {"source_row": _numbered(name, columns["source_row"])}


def _numbered(name: str, sources: Sequence[str | None]) -> tuple[str, ...]:
    return tuple(source or f"request:{name}:{place}" for place, source in enumerate(sources))


class _UnsureError(Exception):
    """The schema has to say whether the request may be so."""


def in_order(body: bytes, today: date | None = None) -> SentRows | None:
    """A body of which every value is plainly as the schema wants it; None where one is not, or may
    not be. `today` as in `SentRows.of`."""
    try:
        return _in_order(_DECODER.decode(body), today)
    except (_UnsureError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _in_order(sent: Any, today: date | None) -> SentRows:
    tables = {name: _table(reader, getattr(sent, name)) for name, reader in _READERS.items()}
    for day in (sent.as_of, sent.data_through):
        _sure(day is None or FIRST_DAY <= day <= LAST_DAY)
    carries = None if sent.carries is None else tuple(sent.carries)
    _sure(not carries or (FEEDS.issuperset(carries) and len(carries) <= len(FEEDS)))
    _sure(any(columns["patient_id"] for columns in tables.values()))
    found = SentRows(
        _as_of(sent.as_of, sent.data_through, tables, today), sent.data_through,
        _cost_covers(sent.cost_covers, tables), sent.origin, carries, tables,
        today if sent.as_of is None else None,
    )  # fmt: skip
    _sure(found.rows <= MOST_ROWS and len(found.patients) <= MOST_PATIENTS)
    return found


def _sure(told: bool) -> None:
    if not told:
        raise _UnsureError


_Read = Callable[[tuple[Any, ...]], tuple[Any, ...]]


@dataclass(frozen=True)
class _Reader:
    """How the rows of one table are read: `values_of` has all columns of a row, and `more` asks of
    some columns what msgspec does not."""

    table: Table
    names: tuple[str, ...]
    values_of: Callable[[Any], tuple[Any, ...]]
    more: tuple[tuple[str, _Read], ...]


def _table(reader: _Reader, rows: Sequence[Any]) -> Columns:
    if not rows:
        return dict.fromkeys(reader.names, ())
    by_column = zip(*map(reader.values_of, rows), strict=True)
    columns: dict[str, tuple[Any, ...]] = dict(zip(reader.names, by_column, strict=True))
    for name, read in reader.more:
        columns[name] = read(columns[name])
    _sure(len(set(zip(*(columns[name] for name in KEY), strict=True))) == len(rows))
    for rule in reader.table.rules:
        both = zip(columns[rule.column], columns[rule.other], strict=True)
        if isinstance(rule, OnYearEnd):
            _sure(all(_on_year_end(day) for day, other in both if other == rule.value))
        else:
            _sure(not any(day < other for day, other in both if day and other))
    columns["source_row"] = _numbered(reader.table.name, columns["source_row"])
    return columns


def _on_year_end(day: date | None) -> bool:
    return day is None or (day.month, day.day) == (12, 31)


def _more_of(column: Column) -> _Read | None:
    """What reads a column further, and raises _UnsureError where a value is not plainly right; None
    where nothing is left to ask."""
    match column.type:
        case "text" if column.code_system:
            system, form = column.code_system, codes_in_form if column.several else in_form
            return _of_texts(lambda text: form(system, text) or text)
        case "text":
            return _of_texts(str.lower if column.lower_case else None)
        case "date":
            return _of_days
        case "number":
            return _of_numbers
        case _:
            return None


def _of_texts(kept: Callable[[str], str] | None) -> _Read:
    def read(values: tuple[str | None, ...]) -> tuple[str | None, ...]:
        together = "".join(filter(None, values))
        _sure(together.isprintable())
        if " " in together:  # of all blanks this one is printable
            _sure(all(map(str.strip, filter(None, values))))
        if kept is None or not together:
            return values
        as_kept = {text: kept(text) for text in set(values) if text is not None}
        return tuple(None if text is None else as_kept[text] for text in values)

    return read


def _of_days(values: tuple[date | None, ...]) -> tuple[date | None, ...]:
    given = set(values) - {None}
    _sure(not given or FIRST_DAY <= min(given) <= max(given) <= LAST_DAY)  # pyright: ignore
    return values


def _of_numbers(values: tuple[float | None, ...]) -> tuple[float | None, ...]:
    _sure(all(value is None or abs(value) < LARGEST_NUMBER for value in values))
    return values


def _type_of(column: Column) -> Any:
    """The type and bounds of one column's values, as msgspec is told them."""
    least, most = column.minimum, column.maximum
    match column.type:
        case "text":
            return Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_TEXT)]
        case "date":
            return date
        case "choice":
            return Literal[column.choices]
        case "flag":
            return bool
        case "cents":
            return Annotated[int, msgspec.Meta(ge=-MOST_CENTS, le=MOST_CENTS)]
        case "integer":
            least = -MOST_INTEGER if least is None else least
            most = MOST_INTEGER if most is None else most
            return Annotated[int, msgspec.Meta(ge=least, le=most)]
        case "number":
            return Annotated[float, msgspec.Meta(ge=least, le=most)]


def _row_of(table: Table) -> type[msgspec.Struct]:
    """What one row of a table is read into."""
    fields: list[Any] = []
    for column in table.columns:
        kind = _type_of(column)
        if column.name == "reversed":
            fields.append((column.name, kind, False))
        elif column.required and column.name != "source_row":
            fields.append((column.name, kind))
        else:
            fields.append((column.name, kind | None, None))
    return msgspec.defstruct(table.name, fields, kw_only=True, forbid_unknown_fields=True, gc=False)


def _reader_of(table: Table) -> _Reader:
    names = tuple(column.name for column in table.columns)
    more = ((column.name, _more_of(column)) for column in table.columns)
    read = tuple((name, one) for name, one in more if one is not None)
    return _Reader(table, names, attrgetter(*names), read)


_READERS = {name: _reader_of(table) for name, table in TABLES.items()}
_QUESTION: list[Any] = [
    ("as_of", date | None, None),
    ("data_through", date | None, None),
    ("origin", Origin | None, None),
    ("carries", list[str] | None, None),
    ("cost_covers", CostCovers | None, None),
]
_ROWS: list[Any] = [
    (name, list[_row_of(table)], msgspec.field(default_factory=list))
    for name, table in TABLES.items()
]
_DECODER = msgspec.json.Decoder(
    msgspec.defstruct("Request", [*_QUESTION, *_ROWS], kw_only=True, forbid_unknown_fields=True)
)
