"""Speed: `make bench`. Ratios measured in one run, so that a slow machine does not tell a lie.

Each line is what takes time, beside something that everybody knows how long it takes on the same
machine. Nothing here passes or fails; the promises that tests hold are about answers.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from data.home import Home
from data.intake import take_in
from data.synthesise import synthesise
from data.terminal import say, table
from features.as_of import features_as_of
from features.history import write_histories

MEMBERS = 20_000


def seconds(work: Callable[[], object], times: int = 3) -> float:
    """The median of several runs, after one that warms up."""
    work()
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return float(np.median(taken))


def main() -> None:
    """Measure and print."""
    python = seconds(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True))
    front = [str(Path(sys.executable).with_name("firstcall")), "--help"]
    front_door = seconds(lambda: subprocess.run(front, check=True, capture_output=True))
    with tempfile.TemporaryDirectory() as scratch:
        home = Home(Path(scratch))
        synthesise(home.invented, members=100, years=4, seed=1)  # compiles
        began = time.perf_counter()
        synthesise(home.invented, members=MEMBERS, years=4, seed=1)
        invented = time.perf_counter() - began
        began = time.perf_counter()
        take_in(home, "canonical", home.invented)
        taken = time.perf_counter() - began
        began = time.perf_counter()
        histories = write_histories(home)
        written = time.perf_counter() - began
        files = str(home.histories / histories.manifest["folder"] / "*.parquet")
        scan = seconds(lambda: duckdb.sql(
            f"SELECT sum(hash(code, happened_on, known_on, superseded_on, value)) FROM '{files}'"
        ).fetchall())  # fmt: skip
        people = histories.patients()
        index = pd.DataFrame({"patient_id": people, "as_of": pd.Timestamp("2024-06-30")})
        engine = seconds(lambda: features_as_of(histories, index))
    table(
        f"{MEMBERS:,} invented members, {len(people):,} questions",
        ("what", "seconds", "beside", "ratio"),
        [
            ("firstcall --help", front_door, "a bare Python", front_door / python),
            ("inventing the population, its truth included", invented, "", None),
            ("intake", taken, "a scan of the histories", taken / scan),
            ("writing histories", written, "a scan of the histories", written / scan),
            ("all features of everybody", engine, "a scan of the histories", engine / scan),
        ],
        right=(1, 3),
    )
    say(f"A scan is DuckDB's sum(hash(...)) over the event columns: {scan:.3f} s.")


if __name__ == "__main__":
    main()
