"""Twenty-four monthly as-of dates a patient beside one."""

from __future__ import annotations

from datetime import date
from threading import Lock

import duckdb
import numpy as np

from features.everybody import Block, each_block
from features.history import Histories
from features.plan import plan
from features.window import days_of
from tests.bench.measuring import (
    THREADS,
    Line,
    Setting,
    Work,
    at_most,
    beside,
    medians,
    writing,
)
from tests.bench.population import END
from tests.bench.scan import scan_of

MONTH_ENDS = [
    day.item()
    for day in np.arange("2023-02", "2025-02", dtype="datetime64[M]").astype("datetime64[D]")
    - np.timedelta64(1, "D")
]
"""The last days of 24 months, END the last of them."""
WRITTEN = 100_000


def lines(given: Setting) -> list[Line]:
    """Bars: 24 dates, every number read, take at most 48 times a scan of the events (four times
    what `scan` allows for one), and a date more takes at most one scan.

    Both go by the scan, not by one date, which would be missed by making one date faster; that
    ratio stands beside them. So does the same written to disk, of WRITTEN patients at most: there
    the answers are 24 times as many bytes, and the disk is what is measured.
    """
    histories = given.histories
    few = given.populations.of(min(WRITTEN, given.patients))
    with duckdb.connect(config={"threads": THREADS}) as connection:
        scan, one, many = medians(
            given.times,
            Work(scan_of(histories, connection)),
            Work(lambda: _read_all(histories, [END])),
            Work(lambda: _read_all(histories, MONTH_ENDS)),
        )
    more = (many - one) / (len(MONTH_ENDS) - 1)
    target = given.scratch / "some"
    written_one, written_many = medians(
        given.times, writing(few, [END], target), writing(few, MONTH_ENDS, target)
    )
    said = f"  written out, of {sum(few.patients_a_shard):,} patients"
    return [
        at_most("24 month ends a patient, every number read", many, "a scan", scan, 48),
        at_most("  each month end more", more, "the same scan", scan, 1),
        beside("  all of them", many, "one day", one),
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
