"""What else people wait for, each beside something whose time everybody knows."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import duckdb

from data.home import Home
from data.intake import take_in
from data.synthesise import synthesise
from features.writing import write_histories
from tests.bench.measuring import THREADS, Line, Setting, Work, beside, medians
from tests.bench.population import SEED_MEMBERS, YEARS
from tests.bench.scan import scan_of


def lines(given: Setting) -> list[Line]:
    """No bar: the front door, inventing a population with its truth, intake, histories."""
    front = [str(Path(sys.executable).with_name("firstcall")), "--help"]
    python, front_door = medians(
        5,
        Work(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True)),
        Work(lambda: subprocess.run(front, check=True, capture_output=True)),
    )
    home = Home(given.scratch / "home")
    synthesise(home.invented, members=100, years=YEARS, seed=1)  # compiles
    began = time.perf_counter()
    synthesise(home.invented, members=SEED_MEMBERS, years=YEARS, seed=1)
    invented = time.perf_counter()
    take_in(home, "canonical", home.invented)
    taken = time.perf_counter()
    histories = write_histories(home)
    written = time.perf_counter()
    with duckdb.connect(config={"threads": THREADS}) as connection:
        (scan,) = medians(given.times, Work(scan_of(histories, connection)))
    said = "a scan of their histories"
    return [
        beside("firstcall --help", front_door, "a bare Python", python),
        beside(f"{SEED_MEMBERS:,} members invented, with the truth about them", invented - began,
               said, scan),
        beside("  taken in", taken - invented, said, scan),
        beside("  their histories written", written - taken, said, scan),
    ]  # fmt: skip
