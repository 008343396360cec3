"""Who was covered from when to when: spans joined, and asked in one pass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

SHIFT = 1 << 24
"""Wider than any day: person * SHIFT + day sorts by person, then by day."""
OPEN_END = (1 << 23) - 1
"""The last day of a span that is still open: later than any day asked for."""
NOT_COVERED = -(1 << 23)
"""Earlier than any day asked for."""


@dataclass(frozen=True)
class Enrolment:
    """Joined spans: one row a span of unbroken coverage, sorted by (person, start).

    ``person`` is the position in the index of patients that the caller uses throughout.
    """

    person: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]

    @classmethod
    def of_spans(cls, spans: pd.DataFrame, patients: pd.Index) -> Enrolment:
        """From final coverage rows (patient_id, start_on, end_on): overlapping spans, and spans
        that begin on the day after another's end, are one. An empty end_on is open."""
        person = patients.get_indexer(pd.Index(spans["patient_id"]))
        known = person >= 0
        person = person[known].astype(np.int64)
        start = spans["start_on"].to_numpy(dtype=np.int64)[known]
        end = spans["end_on"].fillna(OPEN_END).to_numpy(dtype=np.int64)[known]
        order = np.lexsort((end, start, person))
        person, start, end = person[order], start[order], end[order]
        if len(person) == 0:
            return cls(person, start, end)
        # the latest end so far within the person: a running maximum over person-shifted ends
        so_far = np.maximum.accumulate(person * SHIFT + end)
        begins = np.ones(len(person), dtype=bool)
        begins[1:] = (person[1:] != person[:-1]) | (
            start[1:] > so_far[:-1] - person[:-1] * SHIFT + 1
        )
        first = np.flatnonzero(begins)
        last = np.r_[first[1:], len(person)] - 1
        return cls(person[first], start[first], so_far[last] - person[last] * SHIFT)

    def covered_until(self, person: ArrayLike, day: ArrayLike) -> NDArray[np.int64]:
        """The last day of the unbroken span that holds `day`; NOT_COVERED where none does."""
        who = np.asarray(person, dtype=np.int64)
        when = np.asarray(day, dtype=np.int64)
        if len(self.person) == 0:
            return np.full(who.shape, NOT_COVERED)
        position = np.searchsorted(self.person * SHIFT + self.start, who * SHIFT + when, "right")
        span = np.maximum(position - 1, 0)
        holds = (position > 0) & (self.person[span] == who) & (self.end[span] >= when)
        return np.where(holds, self.end[span], NOT_COVERED)

    def covered(self, person: ArrayLike, first: ArrayLike, last: ArrayLike) -> NDArray[np.bool_]:
        """Whether each person was covered on every day from `first` to `last`, both included."""
        return self.covered_until(person, first) >= np.asarray(last, dtype=np.int64)

    def covered_but_for_a_gap(
        self, person: ArrayLike, first: ArrayLike, last: ArrayLike, gap_days: int
    ) -> NDArray[np.bool_]:
        """Whether each person was covered from `first` to `last`, both included, but for at most
        one gap of at most `gap_days` days; with 0 that is `covered`.

        A gap may lie at either end: its days are those between `first` and `last`.
        """
        who = np.asarray(person, dtype=np.int64)
        begin = np.asarray(first, dtype=np.int64)
        end = np.asarray(last, dtype=np.int64)
        until = self.covered_until(who, begin)
        gap_from = np.where(until == NOT_COVERED, begin, until + 1)
        resumes = np.minimum(self._next_start(who, gap_from), end + 1)
        short = resumes - gap_from <= gap_days
        back = self.covered_until(who, resumes) >= end
        return (until >= end) | (short & (back | (resumes > end)))

    def touches(self, person: ArrayLike, first: ArrayLike, last: ArrayLike) -> NDArray[np.bool_]:
        """Whether each person was covered on any day from `first` to `last`, both included."""
        who = np.asarray(person, dtype=np.int64)
        begin = np.asarray(first, dtype=np.int64)
        here = self.covered_until(who, begin) != NOT_COVERED
        return here | (self._next_start(who, begin) <= np.asarray(last, dtype=np.int64))

    def _next_start(self, who: NDArray[np.int64], day: NDArray[np.int64]) -> NDArray[np.int64]:
        """The first day of the person's first span that begins on `day` or later; a day after
        every other where there is none."""
        if len(self.person) == 0:
            return np.full(np.broadcast(who, day).shape, OPEN_END + 1)
        position = np.searchsorted(self.person * SHIFT + self.start, who * SHIFT + day, "left")
        safe = np.minimum(position, len(self.person) - 1)
        found = (position < len(self.person)) & (self.person[safe] == who)
        return np.where(found, self.start[safe], OPEN_END + 1)
