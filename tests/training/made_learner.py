"""A small training made by hand: people with some rows each, whose risk their column x tells."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from training.cohorts.split import Split, share_of, split_rows
from training.fitting.learner import Learner
from training.fitting.matrix import Matrix
from training.settings.model_settings import EvaluationSettings, FitSettings, SplitSettings
from training.settings.tasks import HighCostTask, Task

RUN_OUT = 10
HORIZON = 30
FIT = FitSettings(
    rounds=60, patience=8, learning_rate=0.15, threads=1, min_data_in_leaf=20, monotone=False
)
TASK = HighCostTask(
    fit=FIT, evaluation=EvaluationSettings(replicates=20, judgeable_events=30),
    split=SplitSettings(salt="made"),
)  # fmt: skip
COLUMNS = ("x", "noise", "month")


def cohort(people: int = 600, months: int = 8, seed: int = 4) -> pd.DataFrame:
    """One row a person and month, ordered by both; ``noise`` tells nothing of the outcome."""
    rng = np.random.default_rng(seed)
    person, month = np.repeat(np.arange(people), months), np.tile(np.arange(months), people)
    x = np.repeat(rng.normal(size=people), months) + 0.3 * rng.normal(size=len(person))
    chance = 1 / (1 + np.exp(1.2 - 1.5 * x))
    as_of = 30 * month
    return pd.DataFrame({
        "patient_id": [f"p{n:05d}" for n in person], "as_of": as_of,
        "outcome_until": as_of + HORIZON, "outcome": (rng.random(len(x)) < chance).astype(int),
        "weight": 1.0, "x": x, "noise": rng.normal(size=len(x)), "month": month,
    })  # fmt: skip


def learner_of(rows: pd.DataFrame, split: Split, task: Task = TASK) -> Learner:
    """A learner on these rows."""
    rows = rows.reset_index(drop=True)
    X = rows[list(COLUMNS)].astype(np.float32)
    return Learner(
        Matrix(X, rows, {}), split, task, COLUMNS, None,
        share_of(rows["patient_id"], task.split.salt), rows["weight"].to_numpy(dtype=np.float64),
    )  # fmt: skip


def training(rows: pd.DataFrame, **changes: Any) -> Learner:
    """As a training makes it: rows without a role are not in it."""
    task = replace(TASK, **changes)
    split = split_rows(rows, RUN_OUT, task.split)
    kept = np.flatnonzero(split.role != "aside")
    part = Split(split.role[kept], split.test_from, split.embargo_days)
    return learner_of(rows.iloc[kept], part, task)
