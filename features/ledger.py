"""Collects events while rows are translated, and hands them back in the one total order."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

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

    def __init__(self, patients: pa.Array) -> None:
        self._patients = patients
        self._codes: dict[str, int] = {}
        self._parts: list[tuple[np.ndarray, ...]] = []
        self._sources: list[pa.ChunkedArray] = []
        self._source_of: dict[int, int] = {}
        self._rows = 0

    def code(self, text: str) -> int:
        """The number of an event code in this ledger."""
        return self._codes.setdefault(text, len(self._codes))

    def codes(self, texts: list[str]) -> np.ndarray:
        """The numbers of event codes, as an array to look positions up in."""
        return np.array([self.code(text) for text in texts], dtype=np.int32)

    def enter(
        self,
        facts: Facts,
        code: np.ndarray | int,
        happened: np.ndarray,
        value: np.ndarray | None = None,
        where: np.ndarray | None = None,
    ) -> None:
        """One event a row of `facts`, or of those rows that the flags `where` choose."""
        at = np.arange(len(facts)) if where is None else np.flatnonzero(where)
        self.enter_at(facts, at, code, happened, value, facts.known, facts.superseded)

    def enter_at(
        self,
        facts: Facts,
        at: np.ndarray,
        code: np.ndarray | int,
        happened: np.ndarray,
        value: np.ndarray | None,
        known: np.ndarray,
        superseded: np.ndarray,
    ) -> None:
        """One event a position of `at`; the other arrays have one place a row of `facts`."""
        if len(at) == 0:
            return
        codes = np.full(len(at), code, np.int32) if isinstance(code, int) else code[at]
        values = np.full(len(at), np.nan) if value is None else value[at]
        source = at + self._first_source(facts)
        patient = facts.patient[at]
        self._parts.append(
            (patient, happened[at], known[at], superseded[at], codes, values, source)
        )

    def _first_source(self, facts: Facts) -> int:
        if id(facts) not in self._source_of:
            self._source_of[id(facts)] = self._rows
            column = facts.rows.column("source_row")
            self._sources.append(
                column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])
            )
            self._rows += len(facts)
        return self._source_of[id(facts)]

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
        sources = pa.concat_arrays(
            [chunk.cast(pa.string()) for column in self._sources for chunk in column.chunks]
        )
        person_day = (patient.astype(np.int64) << 32) + happened
        known_code = (known.astype(np.int64) << 32) + code
        order = np.lexsort((known_code, person_day))
        a, b = person_day[order], known_code[order]
        equal = (a[1:] == a[:-1]) & (b[1:] == b[:-1])
        if equal.any():
            order = _untied(order, equal, value, superseded, sources, source)
        used, code = np.unique(code[order], return_inverse=True)
        return pa.Table.from_arrays(
            [
                pa.DictionaryArray.from_arrays(patient[order].astype(np.int32), self._patients),
                happened[order],
                known[order],
                superseded[order],
                pa.DictionaryArray.from_arrays(
                    code.astype(np.int32), pa.array([vocabulary[i] for i in used], pa.string())
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
    texts = sources.take(pa.array(source[rows])).dictionary_encode()
    distinct = texts.dictionary.to_pylist()
    rank = np.empty(len(distinct), dtype=np.int64)
    rank[sorted(range(len(distinct)), key=distinct.__getitem__)] = np.arange(len(distinct))
    text = rank[texts.indices.to_numpy()]
    untied = order.copy()
    untied[places] = rows[np.lexsort((superseded[rows], value[rows], text, run))]
    return untied
