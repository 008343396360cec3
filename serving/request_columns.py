"""The rows of score requests by column: what people, histories and warnings are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from data.tables import TABLES
from features.events import READ
from serving.known_codes import known_codes
from serving.sent_rows import Columns

_SCHEMAS = {name: table.schema for name, table in TABLES.items()}
_READ = {
    name: pa.schema([_SCHEMAS[name].field(column) for column in columns])
    for name, columns in READ.items()
}
_CODED = (("diagnosis", "diagnosis"), ("procedure", "procedure"), ("drug_fill", "drug"))


def event_tables(columns: Mapping[str, Columns]) -> dict[str, pa.Table]:
    """Columns of every canonical table as Arrow tables: of tables that have rows, what events are
    made of."""
    return {
        name: pa.table({column: columns[name][column] for column in schema.names}, schema=schema)
        for name, schema in _READ.items()
        if columns[name]["patient_id"]
    }


def unknown_codes(requests: Sequence[Mapping[str, Columns]]) -> list[list[str]]:
    """Of each request (its tables), how many codes of each table are in no code list: a warning
    each, never the codes."""
    said: list[list[str]] = [[] for _ in requests]
    for table, word in _CODED:
        sent = [
            list(zip(tables[table]["code_system"], tables[table]["code"], strict=True))
            for tables in requests
        ]
        known = known_codes(set().union(*sent))
        unknown = {coded for coded, is_known in known.items() if not is_known}
        for codes_sent, warnings in zip(sent, said, strict=True):
            lacking = sum(code in unknown for code in codes_sent) if unknown else 0
            if lacking:
                warnings.append(f"{lacking} of {len(codes_sent)} {word} codes are not known")
    return said


_DIGITS = 6


def beside_each_other(requests: Sequence[Mapping[str, Columns]]) -> dict[str, Columns]:
    """The rows of all requests. A number before each patient_id keeps their people apart, and in
    the order of requests and ids."""
    tables: dict[str, Columns] = {}
    for name, schema in _SCHEMAS.items():
        columns: dict[str, list[Any]] = {column: [] for column in schema.names}
        for number, sent in enumerate(requests):
            for column, values in sent[name].items():
                if column == "patient_id":
                    before = f"{number:0{_DIGITS}}"
                    columns[column] += [before + patient for patient in values]
                else:
                    columns[column] += values
        tables[name] = columns
    return tables


def told_apart(patient: str) -> tuple[int, str]:
    """The number of the request, and the patient_id that it sent."""
    return int(patient[:_DIGITS]), patient[_DIGITS:]
