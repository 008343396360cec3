"""Everybody as of some days, block by block: the bulk way, in memory that does not grow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from features.as_of import fill, tell_percentiles
from features.cuts import Cuts
from features.history import THREADS, Histories
from features.plan import Plan

_ROWS = 1024


@dataclass(frozen=True)
class Block:
    """Answers of some patients of one shard: one row a patient and day, patient by patient.

    `first_row` is the place of the first one among all rows; `patients` holds one id a patient.
    `X` (float32) is filled anew for the next block: whoever wants to keep it copies it.
    """

    first_row: int
    patients: pa.Array
    days: np.ndarray
    X: np.ndarray


def each_block(
    histories: Histories,
    wanted: Plan,
    days: Sequence[int],
    receive: Callable[[Block], None],
    threads: int = THREADS,
    cuts: Cuts | None = None,
) -> int:
    """`receive` the answers of everybody who has an event, as of each of `days` (int32 days);
    how many rows there were.

    Rows are ordered by shard, patient and day. Shards are answered at the same time on `threads`
    threads, so `receive` is called from several of them.
    """
    asked = np.array(sorted(set(days)), np.int32)
    sizes = np.array(histories.patients_a_shard, np.int64) * len(asked)
    first_rows = np.cumsum(sizes) - sizes
    step = max(1, _ROWS // max(1, len(asked)))

    def one(number: int) -> None:
        shard = histories.shard(number)
        block = np.empty((step * len(asked), len(wanted.template)), np.float32)
        for first in range(0, len(shard.patients), step):
            people = np.arange(first, min(first + step, len(shard.patients)))
            n = len(people) * len(asked)
            fill(block, wanted, shard, np.repeat(people, len(asked)), np.tile(asked, len(people)),
                 np.arange(n))  # fmt: skip
            X = block[:n]
            tell_percentiles(X, wanted, cuts or {})
            row = int(first_rows[number]) + first * len(asked)
            at = shard.patients.slice(first, len(people))
            receive(Block(row, at, asked, X[:, : len(wanted.names)]))

    with ThreadPoolExecutor(max(1, threads)) as pool:
        list(pool.map(one, range(histories.shards)))
    return int(sizes.sum())
