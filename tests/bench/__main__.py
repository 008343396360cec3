"""Speed: `make bench`, as ratios measured in one run, so that a slow machine does not tell a lie.

    python -m tests.bench                       1,000,000 patients and 60 million events
    python -m tests.bench --patients 50000      the same in small
    python -m tests.bench --only sql            one of the names below; may be said again

The population (see `tests.bench.population`) is kept in the folder that FIRSTCALL_BENCH names, or
in one for temporary files; to invent it takes about a minute and a half, once. A run takes some
ten minutes and 15 GB of disk.

What the lines mean. Each has two times, or two figures of the unit that stands behind them, their
ratio, the bar where there is one, and whether it is met. All are medians of `--times` runs after
one that warms up, the two of a line in turns, on two threads, with the histories in the system's
cache; what is written is written to a new file.

scan     All declared features of everybody as of one day, from Parquet on disk to an array on
         disk, beside DuckDB adding up a hash of every row of the very same columns of the very
         same files. Below it the parts: without writing, and without computing either.
memory   The highest memory of a process that does that, and of one that does it with the same
         patients in twice as many shards.
days     All features of everybody at 24 month ends, every number read but not kept, beside that
         scan: four times what one day may take, and a scan at most for each day more. Below it
         the same beside one day, and both written to disk, 24 times as many bytes.
one      All features of one patient from canonical rows, as the live API computes them, and the
         parts of it. Then the first answer of a fresh process, its imports apart: with nothing
         compiled, and with the compiled code on disk.
sql      Sixty features of everybody written to disk, beside filtered aggregates in DuckDB that
         come to the very same numbers (the run stops where they do not) into a table in memory.
pandas   The same on 10,000 of the patients, from files to a frame, beside pandas from a Parquet
         file of events: with a filter and a groupby a feature; below it, tidied for speed.
keeping  Histories written anew, after a night, and one patient's opened by id.
house    What else people wait for: the command line, inventing people, intake.
answering The live service beside `mlflow models serve` with one of its boosters, two workers each:
         what one and sixteen connections are answered, and how soon.
pages    The pages over a million scored members in a real PostgreSQL, two workers, one answer after
         the other: My list in 150 ms, a patient in 200 ms, beside the same over 20,000 people.
mixed    Ten minutes of all that a day asks of the live service at the same time: none fails, and
         memory stays flat.
starting From `bentoml serve` of a Bento with its models to the first score.
publishing
         A night of so many people published on SQLite and on PostgreSQL, beside Parquet.
training Both tasks retrained on 100,000 members by the settings that ship, with the lab and
         without search, once, each beside the fit of its model alone; and their memory.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from data.progress import listen, stage
from data.terminal import say, shown_stage, table
from tests.bench import (
    answering,
    by_hand,
    house,
    keeping,
    many_days,
    mixed,
    one_patient,
    pages,
    publishing,
    retraining,
    scan,
    starting,
)
from tests.bench.measuring import THREADS, Line, Setting, load
from tests.bench.population import EVENTS, Populations, bench_folder

BENCHES: dict[str, Callable[[Setting], list[Line]]] = {
    "scan": scan.lines,
    "memory": scan.memory,
    "days": many_days.lines,
    "one": one_patient.lines,
    "sql": by_hand.sql,
    "pandas": by_hand.pandas,
    "keeping": keeping.lines,
    "house": house.lines,
    "answering": answering.lines,
    "pages": pages.lines,
    "mixed": mixed.lines,
    "starting": starting.lines,
    "publishing": publishing.lines,
    "training": retraining.lines,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--patients", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--only", choices=BENCHES, action="append")
    asked = parser.parse_args(arguments)
    listen(shown_stage)
    began, busy = time.perf_counter(), load()
    folder = bench_folder()
    populations = Populations(folder)
    folder.mkdir(parents=True, exist_ok=True)
    found: list[Line] = []
    for name in asked.only or BENCHES:
        with tempfile.TemporaryDirectory(dir=folder) as scratch, stage(f"Measuring {name}"):
            given = Setting(asked.patients, populations, Path(scratch), asked.times)
            found.extend(BENCHES[name](given))
    table(
        f"{asked.patients:,} patients of about {EVENTS} events each, {THREADS} threads",
        ("what", "", "beside", "", "ratio", "bar", "met"),
        [_cells(line) for line in found],
        right=(1, 3, 4),
    )
    say(
        f"All was made and measured after {time.perf_counter() - began:.0f} s; the populations "
        f"are kept in {folder}.",
        f"{os.cpu_count()} processors; load {busy:.1f} before and {load():.1f} after"
        + (", so others were at work." if busy > THREADS / 2 else "."),
    )


def _cells(line: Line) -> tuple[str, ...]:
    return (
        line.what, _figure(line.measured, line.unit), line.beside, _figure(line.other, line.unit),
        "" if line.ratio is None else f"{line.ratio:,.2f}", line.bar,
        "" if line.met is None else "yes" if line.met else "NO",
    )  # fmt: skip


def _figure(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    return f"{value:,.0f} {unit}" if value >= 1000 else f"{value:.3f} {unit}"


if __name__ == "__main__":
    main()
