"""What each person cost on each day, as it finally stood: any window is two look-ups."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray

from training.cohorts.enrolment import SHIFT
from training.cohorts.facts import Source, final_batches

Covers = Literal["claim", "year"]


@dataclass(frozen=True)
class Spending:
    """Whole numbers (allowed cents; or counts) of each person and day, with running sums.

    ``key``: person * SHIFT + day, ascending; ``running``: the sums up to each key, and a 0 before.
    """

    key: NDArray[np.int64]
    running: NDArray[np.int64]

    @classmethod
    def read(cls, source: Source, through: int, covers: Covers, patients: pd.Index) -> Spending:
        """Final amounts of claims (`covers` "claim") or of calendar years ("year").

        The last version of each amount counts, withdrawn ones do not; negative amounts (rebates,
        adjustments) add up as they are. Amounts of people who are not among `patients` are left
        out: `training.cohorts.control_totals` counts them.
        """
        people, days, cents = [], [], []
        for person, batch in amounts_of(source, through, covers, patients, ["kind"]):
            known = person >= 0
            people.append(person[known])
            days.append(days_in(batch)[known])
            cents.append(cents_in(batch)[known])
        if not people:
            return cls.of([], [], [])
        return cls.of(np.concatenate(people), np.concatenate(days), np.concatenate(cents))

    @classmethod
    def of(cls, person: ArrayLike, day: ArrayLike, amount: ArrayLike) -> Spending:
        """Of single amounts, in any order; those of one person and day are added up."""
        keys = np.asarray(person, np.int64) * SHIFT + np.asarray(day, np.int64)
        key, where = np.unique(keys, return_inverse=True)
        summed = np.zeros(len(key), dtype=np.int64)
        np.add.at(summed, where, np.asarray(amount, np.int64))
        return cls(key, np.r_[0, np.cumsum(summed)])

    @property
    def first_day(self) -> int | None:
        """The first day on which anybody cost anything; None where nobody did."""
        return int((self.key % SHIFT).min()) if len(self.key) else None

    def between(
        self, person: NDArray[np.int64], after: NDArray[np.int64], until: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """The sum of each person in (after, until]."""
        first = np.searchsorted(self.key, person * SHIFT + after, "right")
        last = np.searchsorted(self.key, person * SHIFT + until, "right")
        return self.running[last] - self.running[first]

    def crossed_after(
        self,
        person: NDArray[np.int64],
        after: NDArray[np.int64],
        until: NDArray[np.int64],
        threshold: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        """Days after `after` on which the sum of (after, …] first lies above the threshold, for
        windows whose sum does so. Amounts taken back later do not undo a crossing."""
        first = np.searchsorted(self.key, person * SHIFT + after, "right")
        last = np.searchsorted(self.key, person * SHIFT + until, "right")
        made = np.zeros(len(person), dtype=np.int64)
        for row in range(len(person)):
            sums = self.running[first[row] + 1 : last[row] + 1] - self.running[first[row]]
            made[row] = self.key[first[row] + np.argmax(sums > threshold[row])]
        return made - person * SHIFT - after


def amounts_of(
    source: Source, through: int, covers: Covers, patients: pd.Index, columns: list[str]
) -> Iterator[tuple[NDArray[np.int64], pa.Table]]:
    """Batches of final amounts, with the place of each one's person in `patients` (-1: no place).

    A batch has happened_on, allowed_cents, covers and `columns`.
    """
    wanted = ["happened_on", "covers", "allowed_cents", *columns]
    for batch in final_batches(source, wanted, through, pc.field("covers") == covers):
        yield patients.get_indexer(batch["patient_id"].to_pandas()).astype(np.int64), batch


def days_in(batch: pa.Table, column: str = "happened_on") -> NDArray[np.int64]:
    """A column of dates without empty places, in days since 1970."""
    return batch[column].cast(pa.date32()).cast(pa.int32()).to_numpy().astype(np.int64)


def cents_in(batch: pa.Table) -> NDArray[np.int64]:
    """allowed_cents of each amount."""
    return batch["allowed_cents"].to_numpy().astype(np.int64)
