"""What is measured in a process of its own: peak memory, and the first answer of all.

`python -m tests.bench.process JOB GIVEN` (JSON) does one job and prints what it found as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any


def write(histories: str, target: str) -> dict[str, float]:
    """Write all features of everybody; the peak of this process's memory in GB.

    As /proc tells it: what getrusage tells of a process starts at the peak of the one that started
    it.
    """
    from features.feature_file import write_features
    from features.history import Histories
    from tests.bench.population import END

    write_features(Histories.open(Path(histories)), [END], Path(target))
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return {"peak": int(peak.split()[1]) * 1024 / 1e9}


def first(rows: str, carries: list[str]) -> dict[str, float]:
    """All features of one patient from raw rows: seconds that the imports took, and the answer."""
    began = time.perf_counter()
    from tests.bench import one_patient

    imported = time.perf_counter()
    one_patient.answer(one_patient.read(Path(rows)), carries)
    return {"imports": imported - began, "answer": time.perf_counter() - imported}


_JOBS: dict[str, Any] = {"write": write, "first": first}

if __name__ == "__main__":
    json.dump(_JOBS[sys.argv[1]](**json.loads(sys.argv[2])), sys.stdout)
