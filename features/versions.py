"""Canonical rows → the versions of facts that stand, each with the day on which it is replaced.

Rows of one table with the same patient_id and record_id are versions of one fact. A version is
seen from its known_on until the known_on of the next one; a reversed version only replaces.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from data.tables import Table
from features.columns import flags_of, numbers_of, pairs_of, texts_of, told_apart
from features.window import NEVER, days_of_column


@dataclass(frozen=True, eq=False)
class Facts:
    """Versions of facts of one table, reversed ones left out; each is a row of `rows`, at `at`.

    `patient` (int32) is a position in a list of patients; a version is seen on the days
    `known` ≤ day < `superseded` (int32).
    """

    rows: pa.Table
    at: np.ndarray
    patient: np.ndarray
    known: np.ndarray
    superseded: np.ndarray

    def __len__(self) -> int:
        return len(self.at)

    def days(self, column: str) -> tuple[np.ndarray, np.ndarray]:
        """A date column as int32 days, and where it is filled."""
        days, filled = days_of_column(self.rows.column(column))
        return days[self.at], filled[self.at]

    def texts(self, column: str) -> tuple[list[str], np.ndarray]:
        """A text column as different texts, and the position of each version's (−1 empty).

        A text may be of no version that stands.
        """
        texts, at = texts_of(self.rows.column(column))
        return texts, at[self.at]

    @cached_property
    def coded(self) -> tuple[list[tuple[str, str]], np.ndarray]:
        """The different codes, each with its system before it, and the place of each version's."""
        systems, system = self.texts("code_system")
        texts, text = self.texts("code")
        pairs, at = pairs_of(system, text)
        return [(systems[s], texts[t]) for s, t in pairs], at

    def numbers(self, column: str) -> np.ndarray:
        """A numeric column as float64, NaN where empty."""
        return numbers_of(self.rows.column(column))[self.at]


def facts_of(table: Table, rows: pa.Table, patient: np.ndarray) -> Facts:
    """The standing versions among `rows`, in any order; `patient` says whose each row is.

    Two rows of the same fact with the same known_on do not occur after intake; should they, the
    one that is greatest by (source_row, then the other columns as declared) counts.
    """
    known, _ = days_of_column(rows.column("known_on"))
    withdrawn = flags_of(rows.column("reversed"))
    records, record = told_apart(rows.column("record_id"))
    at = np.arange(len(patient))
    superseded = np.full(len(patient), NEVER, np.int32)
    if records < len(patient):
        fact = patient.astype(np.int64) * records + record
        at = np.lexsort((known, fact))
        twice = (fact[at[1:]] == fact[at[:-1]]) & (known[at[1:]] == known[at[:-1]])
        if twice.any():
            at = _greatest_of_each(table, rows, at, twice)
        replaced = np.flatnonzero(fact[at[1:]] == fact[at[:-1]])
        superseded = superseded[: len(at)]
        superseded[replaced] = known[at[1:]][replaced]
    if withdrawn.any():
        standing = np.flatnonzero(~withdrawn[at])
        at, superseded = at[standing], superseded[standing]
    return Facts(rows, at, patient[at], known[at], superseded)


def _greatest_of_each(
    table: Table, rows: pa.Table, order: np.ndarray, twice: np.ndarray
) -> np.ndarray:
    """`order` with one row left of each run of rows that share fact and known_on."""
    columns = ["source_row", *(c.name for c in table.columns if c.name != "source_row")]
    present = [name for name in columns if name in rows.column_names]
    starts = np.flatnonzero(np.append(True, ~twice))
    ends = np.append(starts[1:], len(order))
    left = order[starts]
    for place in np.flatnonzero(ends - starts > 1):
        run = order[starts[place] : ends[place]]
        content = rows.select(present).take(pa.array(run)).to_pylist()
        keys = [tuple((v is not None, v) for v in row.values()) for row in content]
        left[place] = run[max(range(len(run)), key=keys.__getitem__)]
    return left
