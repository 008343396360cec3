"""How long and how much memory: medians in this process, peaks in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

THREADS = 2


@dataclass(frozen=True)
class Line:
    """One line of the table: what was measured, beside what, and what was promised.

    `ratio` is as the bar words it ("at most" is a ceiling, "at least" a floor); a line without a
    bar is there to be read. Times are seconds, but for the units that `unit` names.
    """

    what: str
    measured: float
    beside: str = ""
    other: float | None = None
    ratio: float | None = None
    bar: str = ""
    met: bool | None = None
    unit: str = "s"


def at_most(
    what: str, measured: float, beside: str, other: float, most: float, unit: str = "s"
) -> Line:
    """measured ÷ other, which is to be `most` at most."""
    ratio = measured / other
    return Line(what, measured, beside, other, ratio, f"at most {most:g} ×", ratio <= most, unit)


def times_faster(what: str, measured: float, beside: str, other: float, least: float) -> Line:
    """other ÷ measured, which is to be `least` at least."""
    ratio = other / measured
    return Line(what, measured, beside, other, ratio, f"at least {least:g} ×", ratio >= least)


def under(what: str, measured: float, most: float, unit: str) -> Line:
    """A figure that is to be `most` at most, in its own unit."""
    return Line(what, measured, bar=f"at most {most:g} {unit}", met=measured <= most, unit=unit)


def times_of(work: Callable[[], object], times: int, warm: bool = True) -> list[float]:
    """Seconds of each of several runs, after one that warms up."""
    if warm:
        work()
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return taken


def seconds(work: Callable[[], object], times: int = 3, warm: bool = True) -> float:
    """The median of several runs, after one that warms up."""
    return median(times_of(work, times, warm))


def in_process(job: str, given: Mapping[str, Any], numba_cache: Path | None = None) -> Any:
    """What a job of `tests.bench.process` answers in a fresh process, and `seconds` (float) from
    its start to its end."""
    environment = dict(os.environ)
    if numba_cache is not None:
        environment["NUMBA_CACHE_DIR"] = str(numba_cache)
    command = [sys.executable, "-m", "tests.bench.process", job, json.dumps(dict(given))]
    began = time.perf_counter()
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment)
    taken = time.perf_counter() - began
    return {**json.loads(done.stdout), "seconds": taken}


def load() -> float:
    """How many processes wanted to run in the last minute; above THREADS, others were at work."""
    return os.getloadavg()[0]
