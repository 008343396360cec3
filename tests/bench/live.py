"""What the live service is asked about when its speed and its staying power are measured."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from data.home import Home
from data.intake import current
from data.tables import TABLES
from tests.bench.measuring import Setting

MEMBERS = 20_000
PEOPLE = 200
"""How many patients requests are about."""
FEWEST, MOST = 180, 220
"""Canonical rows of a patient who is asked about."""


def trained_home(given: Setting) -> Home:
    """A home with both models: that of FIRSTCALL_BENCH_HOME, or of an invented population that is
    trained once and kept."""
    named = os.environ.get("FIRSTCALL_BENCH_HOME")
    if named:
        return Home(Path(named))
    from training.release.promotion import promote
    from training.train import train

    home = given.populations.invented(MEMBERS)
    for task in ("readmission", "high-cost"):
        if not (home.models / task).exists():
            train(home, task)
            promote(home, task, "a benchmark on invented people")
    return home


def to_serve(home: Home, folder: Path) -> Home:
    """A home that serves what lies in another one, and writes nothing into it."""
    served = Home(folder)
    served.make()
    for name in ("models", "tables", "histories"):
        (served.root / name).symlink_to((home.root / name).resolve(), target_is_directory=True)
    return served


def write_bodies(home: Home, file: Path) -> float:
    """Requests about PEOPLE patients; how many rows each has on average."""
    taken = current(home)
    counts: dict[str, int] = {}
    for name in TABLES:
        ids = pq.read_table(taken.tables[name], columns=["patient_id"])["patient_id"]
        for one in ids.value_counts().to_pylist():
            counts[one["values"]] = counts.get(one["values"], 0) + one["counts"]
    chosen = sorted(p for p, n in counts.items() if FEWEST <= n <= MOST)[:PEOPLE]
    sent: dict[str, dict[str, list[dict[str, object]]]] = {one: {} for one in chosen}
    for name in TABLES:
        rows = pq.read_table(taken.tables[name], filters=[("patient_id", "in", chosen)])
        for row in rows.to_pylist():
            told: dict[str, object] = {k: str(v) if hasattr(v, "isoformat") else v
                    for k, v in row.items() if v is not None}  # fmt: skip
            sent[row["patient_id"]].setdefault(name, []).append(told)
    asked = {"as_of": str(taken.manifest["data_through"]), "origin": taken.manifest["origin"]}
    bodies = [json.dumps(asked | rows) for rows in sent.values()]
    file.write_text(json.dumps(bodies), encoding="utf-8")
    return float(np.mean([counts[one] for one in chosen]))
