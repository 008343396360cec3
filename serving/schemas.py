"""What the service takes. The request is made from the canonical tables' declarations:
each row has the columns, types, choices and rules of `data.tables`, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from functools import lru_cache
from operator import attrgetter
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    StrictBool,
    StrictInt,
    create_model,
    model_validator,
)
from pydantic_core import PydanticCustomError

from data.code_forms import codes_in_form, in_form
from data.feeds import CARRIES
from data.tables import KEY, LONGEST_TEXT, TABLES, Column, OnYearEnd, Table
from features.definitions import FEATURES

MOST_PATIENTS = 1000
MOST_ROWS = 200_000
MOST_FIELDS = 50
"""Names in one row or beside the tables: above any table's columns, so that a mistake is named."""
FIRST_DAY, LAST_DAY = date(1850, 1, 1), date(2199, 12, 31)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
MOST_CENTS = 10**13
MOST_INTEGER = 10**9
LARGEST_NUMBER = 1e15
"""Bounds of what a column of cents, integers, numbers may hold where it has none of its own."""


def _day(value: object) -> date:
    """A day written as YYYY-MM-DD, and in no other way.

    >>> _day("2024-02-30")
    Traceback (most recent call last):
    pydantic_core._pydantic_core.PydanticCustomError: must be a day written as YYYY-MM-DD
    """
    if type(value) is date:
        return value
    if isinstance(value, str):
        return day_written(value)
    raise PydanticCustomError("day", "must be a day written as YYYY-MM-DD")


@lru_cache(maxsize=1 << 15)
def day_written(value: str) -> date:
    """The same of a text, of which one request holds many alike. Raises PydanticCustomError."""
    if _DAY.fullmatch(value):
        try:
            day = date.fromisoformat(value)
        except ValueError:
            day = None
        if day is not None:
            if FIRST_DAY <= day <= LAST_DAY:
                return day
            raise PydanticCustomError("day_range", "must lie between 1850-01-01 and 2199-12-31")
    raise PydanticCustomError("day", "must be a day written as YYYY-MM-DD")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise PydanticCustomError("text", "must be a text")
    if not value.strip():
        raise PydanticCustomError("text_empty", "must not be blank")
    if len(value) > LONGEST_TEXT:
        raise PydanticCustomError(
            "text_long", "must not be longer than {most} characters", {"most": LONGEST_TEXT}
        )
    if not value.isprintable():  # control characters and lone surrogates
        raise PydanticCustomError("text_unprintable", "must hold printable characters only")
    return value


LONGEST_NOTE = 2000


def _note(value: object) -> str:
    if not isinstance(value, str):
        raise PydanticCustomError("text", "must be a text")
    said = value.replace("\r\n", "\n").strip()
    if not said:
        raise PydanticCustomError("text_empty", "must not be blank")
    if len(said) > LONGEST_NOTE:
        raise PydanticCustomError(
            "text_long", "must not be longer than {most} characters", {"most": LONGEST_NOTE}
        )
    if any(not c.isprintable() and c not in "\n\t" for c in said):
        raise PydanticCustomError("text_unprintable", "must hold printable characters only")
    return said


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PydanticCustomError("number", "must be a number")
    if not abs(value) < LARGEST_NUMBER:  # also refuses NaN and infinities
        raise PydanticCustomError("number_finite", "must be a finite number of ordinary size")
    return float(value)


Day = Annotated[
    date, BeforeValidator(_day, json_schema_input_type=str), Field(examples=["2024-12-31"])
]
Text = Annotated[str, BeforeValidator(_text, json_schema_input_type=str)]
Note = Annotated[str, BeforeValidator(_note, json_schema_input_type=str)]
"""What a person wrote: several lines, up to LONGEST_NOTE characters."""
LowerText = Annotated[
    str, AfterValidator(str.lower), BeforeValidator(_text, json_schema_input_type=str)
]
Number = Annotated[float, BeforeValidator(_number, json_schema_input_type=float)]


FEEDS = frozenset((*CARRIES, *(declared.feed for declared in FEATURES)))


def _feed(value: object) -> str:
    if not isinstance(value, str) or value not in FEEDS:
        raise PydanticCustomError("feed", "names a feed that does not exist")
    return value


def _codes(system: str, form: Callable[[str, str], str]) -> Any:
    """A text that holds codes, in the form in which intake keeps them."""

    def formed(text: str) -> str:
        return form(system, text) or text

    return Annotated[
        str, AfterValidator(formed), BeforeValidator(_text, json_schema_input_type=str)
    ]


def _annotation(column: Column) -> Any:
    """The type of a column's values in a request, with their bounds."""
    bounds: dict[str, Any] = {}
    if column.minimum is not None:
        bounds["ge"] = column.minimum
    if column.maximum is not None:
        bounds["le"] = column.maximum
    match column.type:
        case "text" if column.code_system:
            return _codes(column.code_system, codes_in_form if column.several else in_form)
        case "text":
            return LowerText if column.lower_case else Text
        case "date":
            return Day
        case "choice":
            return Literal[column.choices]
        case "flag":
            return StrictBool
        case "cents":
            return Annotated[StrictInt, Field(ge=-MOST_CENTS, le=MOST_CENTS)]
        case "integer":
            bounds = {"ge": -MOST_INTEGER, "le": MOST_INTEGER} | bounds
            return Annotated[StrictInt, Field(**bounds)]
        case "number":
            return Annotated[Number, Field(**bounds)]


_TEXTS = {
    "record_id": "E0000123", "patient_id": "P0000017", "source_row": "encounter.csv@1a2b3c4d:17",
    "encounter_id": "E0000123", "race": "white", "region": "Cook, IL", "product": "HMO",
    "facility_id": "H071", "provider_id": "D1203", "specialty": "cardiology", "drg": "291",
    "place_of_service": "11", "revenue_codes": "0120 0450", "code": "I509",
    "prescriber_id": "D1203", "loinc": "718-7", "unit": "g/dL", "instrument": "AHC HRSN",
    "programme": "transitional care",
}  # fmt: skip


def _example(column: Column) -> Any:
    """A value that such a column may hold."""
    match column.type:
        case "text":
            return _TEXTS[column.name]
        case "date":
            return "1950-02-03" if column.name == "birth_on" else "2024-12-14"
        case "choice":
            return column.choices[0]
        case "flag":
            return False
        case "cents":
            return 125_000
        case "integer":
            return max(1, int(column.minimum or 1))
        case "number":
            return 11.2


class Row(BaseModel):
    """One row of a canonical table: the base of the models in `ROWS`."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _row_model(table: Table) -> type[Row]:
    fields: dict[str, Any] = {}
    for column in table.columns:
        about: dict[str, Any] = {
            "description": column.meaning + (f" ({column.unit})" if column.unit else ""),
            "examples": [_example(column)],
        }
        kind: Any = _annotation(column)
        if column.name == "reversed":
            fields[column.name] = (StrictBool, Field(False, **about))
        elif column.name == "source_row":
            about["description"] += "; request:<table>:<row> where it is left out"
            fields[column.name] = (kind | None, Field(None, **about))
        elif column.required:
            fields[column.name] = (kind, Field(**about))
        else:
            fields[column.name] = (kind | None, Field(None, **about))

    def follows_the_rules(self: Any) -> Any:
        row = self.__dict__  # two hundred rows a request: each look-up counts
        for rule in table.rules:
            told, other = row[rule.column], row[rule.other]
            if told is None or other is None:
                continue
            if isinstance(rule, OnYearEnd):
                if other == rule.value and (told.month, told.day) != (12, 31):
                    raise PydanticCustomError(
                        "on_year_end",
                        "{column} must be a 31 December where {other} is {value}",
                        {"column": rule.column, "other": rule.other, "value": rule.value},
                    )
            elif told < other:
                raise PydanticCustomError(
                    "not_before",
                    "{column} must not be earlier than {other}",
                    {"column": rule.column, "other": rule.other},
                )
        return self

    name = "".join(part.title() for part in table.name.split("_")) + "Row"
    make: Any = create_model
    return make(
        name,
        __base__=Row,
        __doc__=f"One row is {table.row}.",
        __validators__={"follows_the_rules": model_validator(mode="after")(follows_the_rules)},
        **fields,
    )


ROWS: dict[str, type[Row]] = {name: _row_model(table) for name, table in TABLES.items()}


_make: Any = create_model
_TableLists: Any = _make(
    "TableLists",
    __base__=BaseModel,
    **{
        # Every wrong row is as costly as it is useless to know of after the first.
        name: (
            Annotated[list[ROWS[name]], Field(max_length=MOST_ROWS), FailFast()],
            Field(default_factory=list, description=f"a row: {table.row}"),
        )
        for name, table in TABLES.items()
    },
)


def too_many_rows() -> PydanticCustomError:
    """What is said of a request of more than MOST_ROWS rows."""
    return PydanticCustomError(
        "many_rows", "at most {most} rows in one request", {"most": f"{MOST_ROWS:,}"}
    )


_key = attrgetter(*KEY)


def _facts(row: Row) -> dict[str, Any]:
    return row.model_dump(exclude={"source_row"})


Origin = Literal["own", "invented", "public_synthetic"]
CostCovers = Literal["claim", "year"]


class ScoreRequest(_TableLists):
    """Canonical rows of 1 to 1,000 patients: one list a table, in any order."""

    model_config = ConfigDict(extra="forbid")

    as_of: Annotated[
        Day | None,
        Field(description="the day at whose end the question is asked; later rows are unseen. "
              "Where it is left out, data_through, else the day on which the newest row was known, "
              "rows of days to come left aside",
              examples=["2024-12-31"]),
    ] = None  # fmt: skip
    data_through: Annotated[
        Day | None,
        Field(description="the last day through which these rows are whole: where it lies long "
              "before as_of, the answer says so", examples=["2024-12-31"]),
    ] = None  # fmt: skip
    cost_covers: Annotated[
        CostCovers | None,
        Field(description="which costs tell the year before, where both are sent: those of claims, "
              "or the totals of calendar years. Where it is left out, claims, unless all rows of "
              "cost are yearly", examples=["claim"]),
    ] = None  # fmt: skip
    origin: Annotated[
        Origin | None,
        Field(
            description="whose rows these are: of real people (own), or made up; where it is left "
            "out, as the data that were taken in, else of real people. A model that was trained on "
            "made-up people refuses real ones",
            examples=["own"],
        ),
    ] = None
    carries: Annotated[
        list[Annotated[str, BeforeValidator(_feed)]] | None,
        FailFast(),
        Field(
            description="the feeds that these rows come from, so that no row means none; "
            "where it is left out, the feeds that the models were trained on",
            max_length=len(FEEDS),
            examples=[["coverage", "encounter", "diagnosis"]],
        ),
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _is_not_too_much(cls, sent: object) -> object:
        """Before any row is looked at: a wrong row costs far more than the bytes that it was."""
        if not isinstance(sent, Mapping):
            return sent
        tables = [sent[name] for name in TABLES if isinstance(sent.get(name), list)]
        if sum(map(len, tables)) > MOST_ROWS:
            raise too_many_rows()
        if len(sent) > MOST_FIELDS or any(
            isinstance(row, (dict, Mapping)) and len(row) > MOST_FIELDS
            for rows in tables
            for row in rows
        ):
            raise PydanticCustomError("many_fields", "has too many fields")
        return sent

    @model_validator(mode="after")
    def _is_whole(self) -> ScoreRequest:
        patients: set[str] = set()
        for table in TABLES:
            versions: dict[tuple[Any, ...], Any] = {}
            for row in getattr(self, table):
                patients.add(row.patient_id)
                held = versions.setdefault(_key(row), row)
                if held is not row and _facts(held) != _facts(row):
                    raise PydanticCustomError(
                        "two_versions",
                        "{table}: two unlike rows share one record_id and one known_on",
                        {"table": table},
                    )
        if not patients:
            raise PydanticCustomError("no_rows", "at least one row is needed")
        if len(patients) > MOST_PATIENTS:
            raise PydanticCustomError(
                "many_patients",
                "at most {most} patients in one request",
                {"most": f"{MOST_PATIENTS:,}"},
            )
        return self
