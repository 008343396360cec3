"""Twenty-four monthly as-of dates a patient beside one."""

from __future__ import annotations

from datetime import date
from threading import Lock

import numpy as np

from features.everybody import Block, each_block
from features.history import Histories
from features.plan import plan
from features.window import days_of
from tests.bench.measuring import Line, Setting, Work, at_most, beside, medians, writing
from tests.bench.population import END

MONTH_ENDS = [
    day.item()
    for day in np.arange("2023-02", "2025-02", dtype="datetime64[M]").astype("datetime64[D]")
    - np.timedelta64(1, "D")
]
"""The last days of 24 months, END the last of them."""
WRITTEN = 100_000


def lines(given: Setting) -> list[Line]:
    """Bar: at most 4 times as long for 24 dates, every number read.

    Beside it the same written to disk, of WRITTEN patients at most: there the answers are 24 times
    as many bytes, and the disk is what is measured.
    """
    histories = given.histories
    few = given.populations.of(min(WRITTEN, given.patients))
    one, many = medians(
        given.times,
        Work(lambda: _read_all(histories, [END])),
        Work(lambda: _read_all(histories, MONTH_ENDS)),
    )
    target = given.scratch / "some"
    written_one, written_many = medians(
        given.times, writing(few, [END], target), writing(few, MONTH_ENDS, target)
    )
    said = f"  written out, of {sum(few.patients_a_shard):,} patients"
    return [
        at_most("24 month ends a patient, every number read", many, "one day", one, 4),
        beside(said, written_many, "one day", written_one),
    ]


def _read_all(histories: Histories, days: list[date]) -> float:
    """The sum of all the numbers that are not missing."""
    wanted = plan(None, histories.carries)
    adding, total = Lock(), 0.0

    def add(block: Block) -> None:
        nonlocal total
        found = float(np.nansum(block.X.sum(axis=0)))
        with adding:
            total += found

    each_block(histories, wanted, days_of(days).tolist(), add)
    return total
