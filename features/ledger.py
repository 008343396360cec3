"""Collects events while rows are translated, and hands them back in the one total order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from features.columns import texts_of, whole
from features.versions import Facts

EVENT_SCHEMA = pa.schema(
    [
        pa.field("patient_id", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("happened_on", pa.int32(), nullable=False),
        pa.field("known_on", pa.int32(), nullable=False),
        pa.field("superseded_on", pa.int32(), nullable=False),
        pa.field("code", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("source_row", pa.string(), nullable=False),
    ]
)
"""One row is one event: what happened to a patient on a day, seen from known_on until before
superseded_on (days since 1970-01-01). `value` is NaN where the event has none."""

ORDER = ("patient_id", "happened_on", "known_on", "code", "source_row", "value", "superseded_on")
"""What events are sorted by; rows that are equal in all of it are equal altogether."""


class Ledger:
    """The events of some patients, in the making. `patients` is sorted and without repeats."""

    def __init__(self, patients: list[str]) -> None:
        self._patients = patients
        self._codes: dict[str, int] = {}
        self._parts: list[list[Any]] = []
        self._sources: dict[int, tuple[int, pa.Array, pa.Table]] = {}
        self._rows = 0

    def code(self, text: str) -> int:
        """The number of an event code in this ledger."""
        return self._codes.setdefault(text, len(self._codes))

    def codes(self, texts: list[str]) -> np.ndarray:
        """The numbers of event codes, as an array to look positions up in."""
        numbers = self._codes
        return np.array([numbers.setdefault(text, len(numbers)) for text in texts], dtype=np.int32)

    def enter(
        self,
        facts: Facts,
        code: np.ndarray | int,
        happened: np.ndarray,
        value: np.ndarray | None = None,
        where: np.ndarray | None = None,
    ) -> None:
        """One event a version of `facts`, or of those that the flags `where` choose.

        The arrays have one place a version; `code` may be one number for all of them.
        """
        chosen = None if where is None else np.flatnonzero(where)
        events = len(facts) if chosen is None else len(chosen)
        if events == 0:
            return
        told = [facts.patient, happened, facts.known, facts.superseded, code, value, facts.at]
        if chosen is not None:
            told = [array[chosen] if isinstance(array, np.ndarray) else array for array in told]
        if isinstance(code, int):
            told[4] = np.full(events, code, np.int32)
        if value is None:
            told[5] = np.full(events, np.nan)
        told[6] = told[6] + self._first_source(facts.rows)
        self._parts.append(told)

    def _first_source(self, rows: pa.Table) -> int:
        """Where the source rows of a table begin among all of them."""
        held = self._sources.get(id(rows))
        if held is None:
            column = whole(rows.column("source_row"))
            texts = column if column.type == pa.string() else column.cast(pa.string())
            # the table is kept so that no other one comes to have its id
            held = self._sources[id(rows)] = (self._rows, texts, rows)
            self._rows += len(texts)
        return held[0]

    def table(self) -> pa.Table:
        """Everything entered, one row an event (EVENT_SCHEMA), sorted by ORDER."""
        if not self._parts:
            return EVENT_SCHEMA.empty_table()
        patient, happened, known, superseded, code, value, source = (
            np.concatenate(arrays) for arrays in zip(*self._parts, strict=True)
        )
        vocabulary = sorted(self._codes)
        rank = np.empty(len(vocabulary), dtype=np.int32)
        rank[[self._codes[text] for text in vocabulary]] = np.arange(len(vocabulary))
        code = rank[code]
        sources = pa.concat_arrays([texts for _, texts, _ in self._sources.values()])
        person_day = (patient.astype(np.int64) << 32) + happened
        known_code = (known.astype(np.int64) << 32) + code
        order = np.lexsort((known_code, person_day))
        a, b = person_day[order], known_code[order]
        equal = (a[1:] == a[:-1]) & (b[1:] == b[:-1])
        if equal.any():
            order = _untied(order, equal, value, superseded, sources, source)
        code = code[order]
        used = np.flatnonzero(np.bincount(code, minlength=len(vocabulary)))
        place = np.empty(len(vocabulary), np.int32)
        place[used] = np.arange(len(used))
        return pa.Table.from_arrays(
            [
                pa.DictionaryArray.from_arrays(
                    patient[order], pa.array(self._patients, pa.string())
                ),
                happened[order],
                known[order],
                superseded[order],
                pa.DictionaryArray.from_arrays(
                    place[code], pa.array([vocabulary[i] for i in used], pa.string())
                ),
                value[order],
                sources.take(pa.array(source[order])),
            ],
            schema=EVENT_SCHEMA,
        )


def _untied(
    order: np.ndarray,
    equal: np.ndarray,
    value: np.ndarray,
    superseded: np.ndarray,
    sources: pa.Array,
    source: np.ndarray,
) -> np.ndarray:
    """`order`, with runs that are equal so far put in order of source_row, value, superseded_on."""
    places = np.flatnonzero(np.concatenate((equal, [False])) | np.concatenate(([False], equal)))
    run = np.concatenate(([0], np.cumsum(~equal)))[places]
    rows = order[places]
    texts, text = texts_of(sources.take(pa.array(source[rows])))
    rank = np.empty(len(texts), dtype=np.int64)
    rank[sorted(range(len(texts)), key=texts.__getitem__)] = np.arange(len(texts))
    untied = order.copy()
    untied[places] = rows[np.lexsort((superseded[rows], value[rows], rank[text], run))]
    return untied
