"""Canonical rows → the versions of facts that stand, each with the day on which it is replaced.

Rows of one table with the same patient_id and record_id are versions of one fact. A version is
seen from its known_on until the known_on of the next one; a reversed version only replaces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data.tables import Table
from features.window import NEVER, days_of_column


@dataclass(frozen=True)
class Facts:
    """Versions of facts of one table, one a row; reversed versions are left out.

    `patient` (int32) is a position in the list of patients that `facts_of` was given; a version
    is seen on the days `known` ≤ day < `superseded` (int32).
    """

    rows: pa.Table
    patient: np.ndarray
    known: np.ndarray
    superseded: np.ndarray

    def __len__(self) -> int:
        return len(self.patient)

    def days(self, column: str) -> tuple[np.ndarray, np.ndarray]:
        """A date column as int32 days, and where it is filled."""
        return days_of_column(self.rows.column(column))

    def texts(self, column: str) -> tuple[list[str], np.ndarray]:
        """A text column as its different texts, and the position of each row's text (−1 empty)."""
        return texts_of(self.rows.column(column))

    @cached_property
    def coded(self) -> list[tuple[str, list[str], np.ndarray, np.ndarray]]:
        """The codes by system: (system, its different codes, rows that have one of them, the
        place of each of those rows' code)."""
        systems, system = self.texts("code_system")
        texts, at = self.texts("code")
        if len(systems) == 1:
            return [(systems[0], texts, np.arange(len(at)), at)]
        found = []
        for place, name in enumerate(systems):
            rows = np.flatnonzero(system == place)
            used, where = np.unique(at[rows], return_inverse=True)
            found.append((name, [texts[i] for i in used], rows, where))
        return found

    def numbers(self, column: str) -> np.ndarray:
        """A numeric column as float64, NaN where empty."""
        array = _one(self.rows.column(column)).cast(pa.float64(), safe=False)
        return array.fill_null(np.nan).to_numpy() if array.null_count else array.to_numpy()


def facts_of(table: Table, rows: pa.Table, patients: pa.Array) -> Facts:
    """The standing versions among `rows`, in any order; `patients` holds every patient of them.

    Two rows of the same fact with the same known_on do not occur after intake; should they, the
    one that is greatest by (source_row, then the other columns as declared) counts.
    """
    patient = _positions(rows.column("patient_id"), patients)
    known, _ = days_of_column(rows.column("known_on"))
    superseded = np.full(len(patient), NEVER, dtype=np.int32)
    keep = _one(rows.column("reversed")).to_numpy(zero_copy_only=False) != True  # noqa: E712
    records, record = texts_of(rows.column("record_id"))
    if len(records) < len(patient):
        fact = patient.astype(np.int64) * len(records) + record
        order = np.lexsort((known, fact))
        fact, day = fact[order], known[order]
        same_fact = fact[1:] == fact[:-1]
        twice = same_fact & (day[1:] == day[:-1])
        if twice.any():
            order = _greatest_of_each(table, rows, order, twice)
            return _selected(table, rows, order, patients)
        superseded[order[:-1][same_fact]] = day[1:][same_fact]
    if keep.all():
        return Facts(rows, patient, known, superseded)
    kept = np.flatnonzero(keep)
    return Facts(rows.take(pa.array(kept)), patient[kept], known[kept], superseded[kept])


def texts_of(column: pa.ChunkedArray | pa.Array) -> tuple[list[str], np.ndarray]:
    """A text column as its different texts, and each row's position among them (−1 empty)."""
    array = _one(column)
    encoded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
    indices = encoded.indices.cast(pa.int32())
    if indices.null_count:
        indices = indices.fill_null(-1)
    return encoded.dictionary.to_pylist(), indices.to_numpy(zero_copy_only=False)


def places_of(texts: Sequence[str], values: pa.Array) -> np.ndarray:
    """The place of each text among `values` (int32), −1 where it is none of them."""
    lookup = pc.SetLookupOptions(value_set=values)
    found = pc.call_function("index_in", [pa.array(texts, pa.string())], lookup)
    return found.fill_null(-1).to_numpy(zero_copy_only=False)


def _selected(table: Table, rows: pa.Table, positions: np.ndarray, patients: pa.Array) -> Facts:
    return facts_of(table, rows.take(pa.array(positions)), patients)


def _greatest_of_each(
    table: Table, rows: pa.Table, order: np.ndarray, twice: np.ndarray
) -> np.ndarray:
    """`order` with one row left of each run of rows that share fact and known_on."""
    tied = np.concatenate((twice, [False])) | np.concatenate(([False], twice))
    starts = np.flatnonzero(tied & ~np.concatenate(([False], twice)))
    columns = ["source_row", *(c.name for c in table.columns if c.name != "source_row")]
    present = [name for name in columns if name in rows.column_names]
    left = [order[~tied]]
    for start in starts:
        end = start + 1
        while end < len(order) and twice[end - 1]:
            end += 1
        run = order[start:end]
        content = rows.select(present).take(pa.array(run)).to_pylist()
        keys = [tuple((v is not None, v) for v in row.values()) for row in content]
        left.append(run[[max(range(len(run)), key=keys.__getitem__)]])
    return np.concatenate(left)


def _positions(column: pa.ChunkedArray | pa.Array, values: pa.Array) -> np.ndarray:
    texts, position = texts_of(column)
    return places_of(texts, values)[position]


def _one(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    if isinstance(column, pa.ChunkedArray):
        return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    return column
