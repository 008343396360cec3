"""How long and how much memory: medians in this process, peaks in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

from features.feature_file import write_features
from features.history import Histories
from tests.bench.population import Populations

THREADS = 2


@dataclass(frozen=True)
class Line:
    """One line of the table: what was measured, beside what, and what was promised.

    A line without a bar is there to be read. `unit` is that of both figures.
    """

    what: str
    measured: float
    beside: str = ""
    other: float | None = None
    ratio: float | None = None
    bar: str = ""
    met: bool | None = None
    unit: str = "s"


@dataclass(frozen=True)
class Setting:
    """What every benchmark is given: how many patients it is about, the populations that it may
    ask for, a folder that is emptied afterwards, and how often to measure."""

    patients: int
    populations: Populations
    scratch: Path
    times: int

    @property
    def histories(self) -> Histories:
        """Those of the patients that it is about."""
        return self.populations.of(self.patients)


def beside(what: str, measured: float, other_is: str, other: float, unit: str = "s") -> Line:
    """measured ÷ other, to be read."""
    return Line(what, measured, other_is, other, measured / other, unit=unit)


def at_most(
    what: str, measured: float, other_is: str, other: float, most: float, unit: str = "s"
) -> Line:
    """measured ÷ other, which is to be `most` at most."""
    ratio = measured / other
    return Line(what, measured, other_is, other, ratio, f"at most {most:g} ×", ratio <= most, unit)


def times_faster(what: str, measured: float, other_is: str, other: float, least: float) -> Line:
    """other ÷ measured, which is to be `least` at least."""
    ratio = other / measured
    return Line(what, measured, other_is, other, ratio, f"at least {least:g} ×", ratio >= least)


def under(what: str, measured: float, most: float, unit: str) -> Line:
    """A figure that is to be `most` at most, in its own unit."""
    return Line(what, measured, bar=f"at most {most:g} {unit}", met=measured <= most, unit=unit)


@dataclass(frozen=True)
class Work:
    """Something to measure; a folder `anew` that it writes is removed before each run."""

    run: Callable[[], object]
    anew: Path | None = None

    def seconds(self) -> float:
        if self.anew is not None:
            shutil.rmtree(self.anew, ignore_errors=True)
        began = time.perf_counter()
        self.run()
        return time.perf_counter() - began


def times_of(work: Work, times: int) -> list[float]:
    """Seconds of each of several runs, after one that warms up."""
    return [work.seconds() for _ in range(times + 1)][1:]


def medians(times: int, *works: Work) -> list[float]:
    """The median seconds of each work, after a run that warms up. They take turns, so that whatever
    else the machine does meets all of them."""
    taken = [[work.seconds() for work in works] for _ in range(times + 1)]
    return [median(of_one) for of_one in zip(*taken[1:], strict=True)]


def writing(
    histories: Histories, days: Sequence[date], target: Path, names: Sequence[str] | None = None
) -> Work:
    """Writing the features of everybody to a new folder."""
    return Work(lambda: write_features(histories, days, target, names), target)


def in_process(
    job: str, given: Mapping[str, Any], numba_cache: Path | None = None
) -> dict[str, float]:
    """What a job of `tests.bench.process` answers in a fresh process; Numba keeps what it compiles
    in `numba_cache`."""
    environment = dict(os.environ)
    if numba_cache is not None:
        environment["NUMBA_CACHE_DIR"] = str(numba_cache)
    command = [sys.executable, "-m", "tests.bench.process", job, json.dumps(dict(given))]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment)
    return json.loads(done.stdout)


def load() -> float:
    """How many processes wanted to run in the last minute; above THREADS, others were at work."""
    return os.getloadavg()[0]
