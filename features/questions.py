"""Questions (patient_id, as_of) apart by shard, answered by a kernel, put back in their order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from data.errors import InputError
from features.columns import places_of, whole
from features.history import Histories
from features.shards import Shard
from features.window import days_of

_TEXT = (pa.string(), pa.large_string(), pa.string_view())
Answer = Callable[[Shard, np.ndarray, np.ndarray], None]


@dataclass(frozen=True)
class Questions:
    """One place a question: `day` (int32), `person` (int32, a place in `ids`)."""

    day: np.ndarray
    person: np.ndarray
    ids: pa.StringArray

    @classmethod
    def of(cls, index: pd.DataFrame) -> Questions:
        """Reads the columns patient_id (text, or whole numbers, read as their digits) and as_of.
        Raises InputError where one is missing, has an empty place, or holds other things."""
        for column in ("patient_id", "as_of"):
            if column not in index.columns:
                raise InputError(f"The questions have no column {column}: patient_id and as_of.")
        try:
            given = whole(pa.array(index["patient_id"], from_pandas=True))
            named = given.cast(pa.string())
        except pa.ArrowException as error:
            raise InputError("The column patient_id of the questions is not all text.") from error
        if named.null_count:
            raise InputError("The column patient_id of the questions is empty in some row.")
        kind = given.type.value_type if pa.types.is_dictionary(given.type) else given.type
        if len(given) and not (kind in _TEXT or pa.types.is_integer(kind)):
            raise InputError(
                f"The column patient_id of the questions holds {kind}, in which nobody is named: "
                "give it as text."
            )
        return cls._of(named, days_of(index["as_of"].to_numpy()))

    @classmethod
    def of_arrays(cls, patients: Sequence[str] | np.ndarray, days: np.ndarray) -> Questions:
        """Questions about `patients` (one id a question) as of `days` (int32)."""
        return cls._of(pa.array(patients, pa.string()), days)

    @classmethod
    def _of(cls, patients: pa.StringArray, days: np.ndarray) -> Questions:
        told_apart = patients.dictionary_encode()
        return cls(days, told_apart.indices.to_numpy(), told_apart.dictionary)

    def __len__(self) -> int:
        return len(self.day)

    def each_shard(self, histories: Histories, answer: Answer, threads: int) -> None:
        """`answer(shard, rows, patients)` for each shard that is asked about: `rows` are places
        of questions, sorted by patient and day, `patients` their places in the shard (−1 for who
        is not in it). Shards are answered at the same time on `threads` threads.
        """
        shard_of_person = histories.shard_numbers(self.ids.to_pylist())
        order = np.lexsort((self.day, self.person, shard_of_person[self.person]))
        numbers, starts = np.unique(shard_of_person[self.person[order]], return_index=True)
        rows = np.split(order, starts[1:]) if len(numbers) else []

        def one(number: int, asked: np.ndarray) -> None:
            shard = histories.shard(number)
            person = self.person[asked]
            first = np.append(True, person[1:] != person[:-1])
            places = places_of(self.ids.take(pa.array(person[first])), shard.patients)
            answer(shard, asked, places.astype(np.int64)[np.cumsum(first) - 1])

        if threads <= 1 or len(rows) <= 1:
            for number, asked in zip(numbers.tolist(), rows, strict=True):
                one(number, asked)
            return
        with ThreadPoolExecutor(min(threads, len(rows))) as pool:
            list(pool.map(one, numbers.tolist(), rows))
