"""Questions (patient_id, as_of) apart by shard, answered by a kernel, put back in their order."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.errors import InputError
from features.columns import places_of
from features.history import Histories
from features.shards import Shard
from features.window import days_of

Answer = Callable[[Shard, np.ndarray, np.ndarray], None]


@dataclass(frozen=True)
class Questions:
    """One place a question: `day` (int32), `person` (a place in `ids`)."""

    day: np.ndarray
    person: np.ndarray
    ids: list[str]

    @classmethod
    def of(cls, index: pd.DataFrame) -> Questions:
        """Reads the columns patient_id and as_of. Raises InputError where one is missing or has
        an empty place."""
        for column in ("patient_id", "as_of"):
            if column not in index.columns:
                raise InputError(f"The questions have no column {column}: patient_id and as_of.")
        person, ids = pd.factorize(index["patient_id"])
        if (person < 0).any():
            raise InputError("The column patient_id of the questions is empty in some row.")
        return cls(
            days_of(index["as_of"].to_numpy()),
            person,
            [str(i) for i in np.asarray(ids, dtype=object)],
        )

    def each_shard(self, histories: Histories, answer: Answer, threads: int) -> None:
        """`answer(shard, rows, patients)` for each shard that is asked about: `rows` are places
        of questions, sorted by patient and day, `patients` their places in the shard (−1 for who
        is not in it). Shards are answered at the same time on `threads` threads.
        """
        shard_of_person = histories.shard_numbers(self.ids)
        order = np.lexsort((self.day, self.person, shard_of_person[self.person]))
        numbers, starts = np.unique(shard_of_person[self.person[order]], return_index=True)
        rows = np.split(order, starts[1:]) if len(numbers) else []

        def one(number: int, asked: np.ndarray) -> None:
            shard = histories.shard(number)
            people, at = np.unique(self.person[asked], return_inverse=True)
            places = places_of([self.ids[person] for person in people], shard.patients)
            answer(shard, asked, places.astype(np.int64)[at])

        if threads <= 1 or len(rows) <= 1:
            for number, asked in zip(numbers.tolist(), rows, strict=True):
                one(number, asked)
            return
        with ThreadPoolExecutor(min(threads, len(rows))) as pool:
            list(pool.map(one, numbers.tolist(), rows))
