"""A real model over a few declared features, fitted in a moment, and a home that holds two."""

from functools import cache
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd

from data.tables import TABLES
from features.as_of import fingerprint
from serving.calibrator import Calibrator
from serving.model import write_model

NAMES = [
    "age", "emergency_visits_count_90", "emergency_visits_count_365", "office_visits_count_90",
    "psychiatric_stays_count_365", "haemoglobin_last", "cost_total_365",
]  # fmt: skip


def drawn_questions(rows: int, seed: int = 7) -> pd.DataFrame:
    """One row a made-up question: NAMES, and the days since the last emergency visit."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "age": rng.integers(40, 95, rows),
            "emergency_visits_count_90": rng.poisson(0.7, rows),
            "emergency_visits_count_365": rng.poisson(2.0, rows),
            "office_visits_count_90": rng.poisson(2.0, rows),
            "psychiatric_stays_count_365": rng.poisson(0.3, rows),
            "haemoglobin_last": rng.normal(12, 2, rows),
            "cost_total_365": rng.lognormal(8, 1.5, rows),
        }
    )
    X.loc[::5, "haemoglobin_last"] = np.nan
    X["emergency_visits_days_since"] = np.where(X["emergency_visits_count_90"] > 0, 81, np.nan)
    return X.astype(np.float32)


@cache
def _quick_trees() -> str:
    X = drawn_questions(3000)[NAMES]
    logit = (
        X["emergency_visits_count_90"] + X["psychiatric_stays_count_365"] * 2
        - 0.5 * X["office_visits_count_90"] + X["haemoglobin_last"].isna()
        + np.log(X["cost_total_365"]) - 9
    )  # fmt: skip
    y = np.random.default_rng(8).random(len(X)) < 1 / (1 + np.exp(-logit))
    booster = lightgbm.train(
        {"objective": "binary", "max_depth": 4, "num_threads": 2, "seed": 1, "verbose": -1},
        lightgbm.Dataset(X.to_numpy(), y.to_numpy(), feature_name=NAMES),
        num_boost_round=40,
    )
    return booster.model_to_string()


def write_quick_model(
    folder: Path, task: str, instead: tuple[str, str] = ("", ""), **changed: Any
) -> None:
    """The two files of a model of 40 shallow trees, one feature `instead` of another; `changed`
    goes into model.json."""
    names = [instead[1] if name == instead[0] else name for name in NAMES]
    trees = _quick_trees().replace(*instead) if instead[0] else _quick_trees()
    metadata = {
        "format": 1, "task": task, "kind": task, "label": "", "features": names,
        "fingerprint": fingerprint(names), "cuts": {}, "calibrator": Calibrator().to_json(),
        "carries": sorted(TABLES), "origin": "invented", "tiers": {"high": 0.5, "moderate": 0.2},
        "threshold_cents": None, "data_through": "2024-06-30", "trained_on": {},
        "asked_on": "any", "horizon_days": 30 if task == "readmission" else 365,
    } | changed  # fmt: skip
    write_model(folder, trees, metadata)
