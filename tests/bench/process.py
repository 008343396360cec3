"""What is measured in a process of its own: peak memory, and the first answer of all.

`python -m tests.bench.process JOB GIVEN` (JSON) does one job and prints what it found as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def write(histories: str, target: str) -> dict[str, float]:
    """Write all features of everybody; the peak of this process's memory in GB."""
    from features.feature_file import write_features
    from features.history import Histories
    from tests.bench.population import END

    write_features(Histories.open(Path(histories)), [END], Path(target))
    return {"peak": _peak()}


def first(rows: str, carries: list[str]) -> dict[str, float]:
    """All features of one patient from raw rows: seconds that the imports took, and the answer."""
    began = time.perf_counter()
    from tests.bench import one_patient

    imported = time.perf_counter()
    one_patient.answer(one_patient.read(Path(rows)), carries)
    return {"imports": imported - began, "answer": time.perf_counter() - imported}


def train(home: str, task: str) -> dict[str, float]:
    """Train a task as it ships: seconds of all of it after its imports, and of the fit of the model
    that comes of it; the peak of this process's memory in GB."""
    from data.home import Home
    from data.progress import listen
    from training import train as training

    took: dict[str, float] = {}

    @contextmanager
    def timed(text: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        took[text] = time.perf_counter() - began

    listen(timed)
    began = time.perf_counter()
    training.train(Home(Path(home)), task)
    return {
        "seconds": time.perf_counter() - began, "fit": took["Fitting the model"], "peak": _peak(),
    }  # fmt: skip


def _peak() -> float:
    """As /proc tells it: what getrusage tells of a process starts at the peak of the one that
    started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(peak.split()[1]) * 1024 / 1e9


_JOBS: dict[str, Any] = {"write": write, "first": first, "train": train}

if __name__ == "__main__":
    json.dump(_JOBS[sys.argv[1]](**json.loads(sys.argv[2])), sys.stdout)
