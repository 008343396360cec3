"""The fit: LightGBM, stopped by log loss on patients that it did not see, then grown on all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.model import load_lightgbm
from training.fitting.datasets import Take, dataset
from training.fitting.side_by_side import THREADS_OF_A_FIT, side_by_side
from training.settings.tasks import FitSettings

METHOD = "basic"
"""How LightGBM holds to directions. On invented people "intermediate" took three times as long and
ordered them no better; "advanced" besides let some risks go the wrong way."""
MISSING_TO_LARGER = "8"
"""LightGBM's decision type of a numeric cut that sends NaN to the right, one character as those of
a column without missing values are: the text tells how long each tree is."""
FEWEST_TO_STOP = 20
"""Validation cases under which the log loss says nothing about when to stop."""


@dataclass(frozen=True)
class Fitted:
    """``text``: the booster as LightGBM writes it, the same bytes each time. ``rounds``: its
    trees. ``stopped_at``: where each fold stopped; empty where too few cases could tell."""

    text: str
    rounds: int
    stopped_at: tuple[int, ...]


def parameters(
    settings: FitSettings, rows: int, repeats: float = 1, monotone: Sequence[int] | None = None
) -> dict[str, Any]:
    """LightGBM's parameters. Small data gets smaller leaves: a leaf may hold a hundredth of the
    rows, at least five and at most `min_data_in_leaf`, each `repeats` times over where so many
    rows tell of one stay. `monotone`: see `fit`."""
    leaf = max(5, min(settings.min_data_in_leaf, round(rows / repeats) // 100))
    made = {
        "objective": "binary",
        "metric": "binary_logloss",
        "learning_rate": settings.learning_rate,
        "max_depth": settings.max_depth,
        "num_leaves": settings.num_leaves,
        "min_data_in_leaf": round(repeats * leaf),
        "feature_fraction": settings.feature_fraction,
        "bagging_fraction": settings.bagging_fraction,
        "bagging_freq": 1,
        "lambda_l2": settings.lambda_l2,
        "path_smooth": settings.path_smooth,
        "extra_trees": settings.extra_trees,
        "max_bin": settings.max_bin,
        "seed": settings.seed,
        "num_threads": THREADS_OF_A_FIT,
        "deterministic": True,
        "force_col_wise": True,  # a tree looks at some of the columns only
        "feature_pre_filter": False,
        "verbose": -1,
    }
    if monotone is not None and any(monotone):
        made |= {"monotone_constraints": list(monotone), "monotone_constraints_method": METHOD}
    return made


def fit(
    take: Take,
    y: NDArray[np.float64],
    weights: NDArray[np.float64],
    names: list[str],
    fold: NDArray[np.int64],
    settings: FitSettings,
    start: NDArray[np.float64] | None = None,
    repeats: float = 1,
    monotone: Sequence[int] | None = None,
    rounds: int | None = None,
) -> Fitted:
    """Fit on all the rows that `take` takes, with as many trees as the folds ask for, or of
    `rounds` where that is given; the folds are then not looked at.

    ``fold``: for each row the fold that it validates (0, 1, …), or -1 where it always trains.
    Each fold is stopped by the log loss of its rows after `patience` rounds without gain; the
    mean of the best rounds is then grown on everything. The order of the rows matters to the
    bytes: give them in the matrix's order. `start`: the log odds from which each row begins; the
    booster then tells what is to be added to them. `monotone`: for each column 1 where its risk
    may never fall as it grows, -1 where it may never rise, 0 where it may do both; None for all.
    """
    lightgbm = load_lightgbm()
    taking = parameters(settings, len(y), repeats, monotone)

    def part(rows: NDArray[np.bool_], reference: Any = None) -> Any:
        places = np.flatnonzero(rows)
        return dataset(take, places, y, weights, names, taking, start, monotone, reference)

    cases = y * np.minimum(weights, 1)  # rows that share one weight tell of one case

    def stops(k: int) -> int | None:
        out = fold == k
        if min(cases[out].sum(), cases[~out].sum()) < FEWEST_TO_STOP:
            return None
        train = part(~out)
        grown = lightgbm.train(
            taking, train, num_boost_round=settings.rounds,
            valid_sets=[part(out, reference=train)],
            callbacks=[lightgbm.early_stopping(settings.patience, verbose=False)],
        )  # fmt: skip
        return max(grown.best_iteration, 1)

    folds = range(int(fold.max()) + 1 if len(fold) and rounds is None else 0)
    stopped = [at for at in side_by_side(stops, folds, settings.threads) if at is not None]
    if rounds is None:
        rounds = round(float(np.mean(stopped))) if stopped else settings.few_events_rounds
    booster = lightgbm.train(taking, part(np.ones(len(y), bool)), num_boost_round=rounds)
    text = booster.model_to_string(num_iteration=rounds)
    if monotone is not None:
        text = sending_missing_far(text, monotone)
    return Fitted(text, rounds, tuple(stopped))


def sending_missing_far(text: str, monotone: Sequence[int]) -> str:
    """A booster's text that says of missing values what was learned of those that
    `training.fitting.datasets.without_missing` put in their place.

    LightGBM takes what is missing for 0 where a column had nothing missing. That is right where
    the risk may only rise; where it may only fall, the cuts are told to send it to the larger side.
    """
    lines, features = text.split("\n"), [""]
    for place, line in enumerate(lines):
        name, _, told = line.partition("=")
        if name == "split_feature":
            features = told.split()
        elif name == "decision_type" and told:
            kinds = [
                MISSING_TO_LARGER if monotone[int(feature)] < 0 else kind
                for feature, kind in zip(features, told.split(), strict=True)
            ]
            lines[place] = f"decision_type={' '.join(kinds)}"
    return "\n".join(lines)


def folds_of(share: NDArray[np.float64], role: NDArray, settings: FitSettings) -> NDArray[np.int64]:
    """Which fold each learning row validates. One fold: the rows of role validation. More: all
    learning people, dealt out by the rank of their hash, so that a patient's rows stay together."""
    if settings.folds <= 1:
        return np.where(role == "validation", 0, -1).astype(np.int64)
    _, person = np.unique(share, return_inverse=True)
    return person % settings.folds
