"""A learner of plain arrays, whose truth is known: seconds instead of a whole training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from training.cohorts.split import Split, share_of
from training.fitting.learner import Learner
from training.fitting.matrix import Matrix
from training.settings.model_settings import FitSettings
from training.settings.tasks import READMISSION

FIT = FitSettings(
    threads=1, rounds=120, patience=10, learning_rate=0.2, feature_fraction=1.0,
    bagging_fraction=1.0, min_data_in_leaf=20, num_leaves=7, max_depth=3,
    monotone=False,
)  # fmt: skip
BAD = replace(FIT, learning_rate=0.9, num_leaves=31, max_depth=6, min_data_in_leaf=5, lambda_l2=0.1)
"""Settings that learn by heart: most others are better."""
SIGNAL = ("x0", "x1")


def learner(
    rows: int = 800,
    noise: int = 4,
    seed: int = 3,
    fit: FitSettings = FIT,
    strength: float = 1.3,
    start: bool = False,
    others: int = 0,
) -> Learner:
    """Two rows a patient; x0 and x1 decide, the `noise` columns after them do not. The last
    `others` rows are of people who calibrate, and whose outcomes are all cases."""
    rng = np.random.default_rng(seed)
    names = tuple(f"x{j}" for j in range(2 + noise))
    patients = np.array([f"p{n // 2}" for n in range(rows)], dtype=object)
    signal = rng.normal(size=(rows, 2))
    began = rng.normal(size=rows) if start else np.zeros(rows)
    margin = -0.8 + strength * signal[:, 0] - strength * signal[:, 1] + began
    outcome = (rng.random(rows) < 1 / (1 + np.exp(-margin))).astype(np.float64)
    role = np.full(rows, "train", dtype=object)
    role[rows - others :] = "calibration"
    outcome[rows - others :] = 1.0
    # each column has a generator of its own: one more changes none of the others
    columns = [np.random.default_rng([seed, j]).normal(size=rows) for j in range(noise)]
    X = np.column_stack([signal, *columns]).astype(np.float32)
    weights = np.where(np.arange(rows) % 2 == 0, 1.0, 0.5)
    told = pd.DataFrame({
        "patient_id": patients, "as_of": np.arange(rows), "outcome": outcome, "weight": weights,
    })  # fmt: skip
    return Learner(
        Matrix(pd.DataFrame(X, columns=list(names)), told, {}), Split(role, 0, 0),
        replace(READMISSION, fit=fit), names, began if start else None,
        share_of(patients, "synthetic"), weights,
    )  # fmt: skip
