"""How better settings of the fit are looked for, and which columns are left out."""

from __future__ import annotations

from dataclasses import dataclass, fields

from training.settings.setting_types import (
    Depth,
    Leaves,
    Minutes,
    Part,
    Penalty,
    Rows,
    Seed,
    Share,
    Strict,
    Trials,
    TwoFolds,
    setting,
)

BOUNDED = (
    "learning_rate", "max_depth", "num_leaves", "min_data_in_leaf", "feature_fraction",
    "bagging_fraction", "lambda_l2", "path_smooth",
)  # fmt: skip
"""The settings of the fit that have a lowest and a highest value here, `…_low` and `…_high`."""


@dataclass(frozen=True)
class SearchSettings(Strict):
    """Whether settings of the fit are searched, for how long, and between which bounds."""

    trials: Trials = setting(
        0, "settings tried, those of the task among them; 0: no search", "trials"
    )
    minutes: Minutes = setting(60, "no trial begins later, even before all are made", "minutes")
    seed: Seed = setting(31, "what is tried next derives from it and from the trials before")
    folds: TwoFolds = setting(5, "of patients, for the cross-validated log loss", "folds")
    startup: Trials = setting(
        8,
        "trials drawn at random, none of them given up early, before earlier ones guide",
        "trials",
    )
    learning_rate_low: Share = setting(0.01, "shrinkage of each tree, at least")
    learning_rate_high: Share = setting(0.1, "shrinkage of each tree, at most")
    max_depth_low: Depth = setting(3, "at least", "levels")
    max_depth_high: Depth = setting(6, "at most: reasons must stay cheap", "levels")
    num_leaves_low: Leaves = setting(7, "leaves of one tree, at least", "leaves")
    num_leaves_high: Leaves = setting(31, "leaves of one tree, at most", "leaves")
    min_data_in_leaf_low: Rows = setting(20, "rows of a leaf, at least", "rows")
    min_data_in_leaf_high: Rows = setting(400, "rows of a leaf, at most", "rows")
    feature_fraction_low: Part = setting(0.05, "columns that one tree may use, at least", "share")
    feature_fraction_high: Part = setting(0.6, "columns that one tree may use, at most", "share")
    bagging_fraction_low: Part = setting(0.4, "rows that one tree sees, at least", "share")
    bagging_fraction_high: Part = setting(1.0, "rows that one tree sees, at most", "share")
    lambda_l2_low: Penalty = setting(0.5, "ridge on leaf values, at least")
    lambda_l2_high: Penalty = setting(100.0, "ridge on leaf values, at most")
    path_smooth_low: Penalty = setting(0.0, "leaves lean on their parents, at least")
    path_smooth_high: Penalty = setting(20.0, "leaves lean on their parents, at most")
    extra_trees_too: bool = setting(True, "extra_trees is tried both ways; false: as it is")

    def __post_init__(self) -> None:
        for name in BOUNDED:
            if getattr(self, f"{name}_low") > getattr(self, f"{name}_high"):
                raise ValueError(f"{name}_low is above {name}_high, and has to be at most that")

    def deciding(self) -> dict[str, object]:
        """What a trial's result hangs on: all but how many there are and how long they may take."""
        return {
            entry.name: getattr(self, entry.name)
            for entry in fields(self)
            if entry.name not in ("trials", "minutes")
        }


@dataclass(frozen=True)
class SelectionSettings(Strict):
    """Whether columns that do not help are left out of the model."""

    drop_unhelpful: bool = setting(
        False, "columns that do not help people held out are left out, unless it does harm"
    )
    folds: TwoFolds = setting(
        5, "of patients, whom the fits that judge columns do not see", "folds"
    )
    rows: Rows = setting(2_000, "rows of each fold by which columns are judged, at most", "rows")
