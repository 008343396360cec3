"""How a model is split, fitted, calibrated, put into tiers and judged: what every task settles."""

from __future__ import annotations

from dataclasses import dataclass

from training.settings.setting_types import (
    Bins,
    Capacities,
    Folds,
    Leaves,
    Levels,
    Margin,
    Part,
    Penalty,
    Ratio,
    Refits,
    Replicates,
    Rows,
    Seed,
    Share,
    Shares,
    Strict,
    Threads,
    Trees,
    TwoFolds,
    Words,
    setting,
)


@dataclass(frozen=True)
class SplitSettings(Strict):
    """Who and when is trained on, and who and when tests."""

    salt: Words = setting(
        "firstcall-1", "goes before the patient id in the hash that splits people"
    )
    test_share: Share = setting(0.25, "people who only ever test", "share of people")
    calibration_share: Share = setting(0.12, "people for the calibrator", "share of people")
    validation_share: Share = setting(0.13, "people for early stopping", "share of people")
    train_worth: Share = setting(
        0.75,
        "the first test day maximises train^w x test^(1-w), both as shares of eligible rows",
        "exponent w",
    )
    least_train_events: Rows = setting(10, "fewer cases before the test refuse", "rows")
    least_test_events: Rows = setting(1, "fewer cases in the test refuse", "rows")

    def __post_init__(self) -> None:
        if self.test_share + self.calibration_share + self.validation_share >= 1:
            raise ValueError("the shares of test, calibration and validation leave nobody to train")


@dataclass(frozen=True)
class FitSettings(Strict):
    """LightGBM's parameters, and when it stops."""

    seed: Seed = setting(20240229, "every random choice of the fit derives from it")
    threads: Threads = setting(
        2, "fits side by side, each on one thread of its own, so that no model hangs on it", "fits"
    )
    rounds: Trees = setting(3000, "at most", "trees")
    patience: Trees = setting(100, "rounds without a better validation log loss", "trees")
    folds: Folds = setting(1, "validation folds whose best numbers of trees are averaged", "folds")
    few_events_rounds: Trees = setting(
        60, "trees where fewer than 20 cases could tell when to stop", "trees"
    )
    learning_rate: Share = setting(0.03, "shrinkage of each tree")
    max_depth: Levels = setting(4, "bounded, so that reasons stay cheap", "levels")
    num_leaves: Leaves = setting(15, "leaves of one tree", "leaves")
    min_data_in_leaf: Rows = setting(60, "rows under which no leaf is made", "rows")
    feature_fraction: Part = setting(0.3, "columns that one tree may use", "share")
    bagging_fraction: Part = setting(0.7, "rows that one tree sees", "share")
    lambda_l2: Penalty = setting(5.0, "ridge on leaf values")
    path_smooth: Penalty = setting(0.0, "leaves lean on their parents")
    extra_trees: bool = setting(False, "one random cut a column, where noise outweighs signal")
    max_bin: Bins = setting(63, "cuts a column at most", "bins")
    monotone: bool = setting(
        True,
        "no risk falls with one earlier unplanned stay more; what such a stay may move up as well "
        "as down is not learned from",
    )
    least_seen: Rows = setting(
        20,
        "a column that is neither zero nor missing for fewer of those trained on is left out",
        "people",
    )


@dataclass(frozen=True)
class TierSettings(Strict):
    """Tiers by capacity: shares of the calibrated risks of the calibration rows.

    Those rows are of the training period, and the fit did not see them.
    """

    high: Share = setting(0.05, "the riskiest, called first", "share of rows")
    moderate: Share = setting(0.20, "the riskiest including the high tier", "share of rows")

    def __post_init__(self) -> None:
        if self.moderate <= self.high:
            raise ValueError("moderate holds the high tier too, and has to be the larger share")


@dataclass(frozen=True)
class EvaluationSettings(Strict):
    """How a result is judged."""

    replicates: Replicates = setting(300, "bootstrap samples of patients", "samples")
    seed: Seed = setting(97, "of the bootstrap")
    shares: Shares = setting((0.01, 0.05, 0.10), "capacities", "share of a list")
    counts: Capacities = setting((50, 200, 500), "capacities", "people on a list")
    judgeable_events: Rows = setting(200, "fewer cases are too few to judge", "rows")


@dataclass(frozen=True)
class GateSettings(Strict):
    """When a challenger may become champion."""

    least_cases: Rows = setting(
        50, "fewer cases among the rows that test decide nothing: noise could pass", "rows"
    )
    auroc_margin: Margin = setting(
        0.01, "how much lower than the champion's its AUROC may be, by the lower bound"
    )
    most_auroc: Part = setting(0.95, "a higher AUROC is a reason to look for a leak")
    least_observed: Ratio = setting(0.8, "observed : expected in total, at least")
    most_observed: Ratio = setting(1.25, "observed : expected in total, at most")
    least_slope: Ratio = setting(0.8, "calibration slope, at least")
    most_slope: Ratio = setting(1.25, "calibration slope, at most")
    least_observed_in_group: Ratio = setting(0.67, "observed : expected of a group, at least")
    most_observed_in_group: Ratio = setting(1.5, "observed : expected of a group, at most")
    churn_share: Share = setting(0.05, "the top whose change is looked at", "share of each list")
    most_churn: Ratio = setting(
        2.0,
        "how much of that top may change beside the champion, as a multiple of what the champion "
        "itself would change if it were learned again from resampled people",
    )
    churn_refits: Refits = setting(3, "such champions; 0: not looked at", "fits")
    fewest_called: Rows = setting(
        40, "called rows, under which one or two who change are chance", "rows"
    )
    least_learned: Part = setting(
        0.25, "a group's share of the rows learned from, as a part of its share of those asked",
        "share",
    )  # fmt: skip
    fewest_asked: Rows = setting(
        20, "rows of a group, under which its share of those learned from is chance", "rows"
    )
    most_lowered: Part = setting(
        0.01, "of those to whose history an unplanned admission is added, whose risk may fall",
        "share of people",
    )  # fmt: skip

    def __post_init__(self) -> None:
        for name in ("observed", "slope"):
            if not getattr(self, f"least_{name}") <= 1 <= getattr(self, f"most_{name}"):
                raise ValueError(
                    f"least_{name} and most_{name} hold 1, which is right, between them"
                )
        if not self.least_observed_in_group <= 1 <= self.most_observed_in_group:
            raise ValueError(
                "least_ and most_observed_in_group hold 1, which is right, between them"
            )


@dataclass(frozen=True)
class CalibrationSettings(Strict):
    """Which calibrators may be chosen."""

    isotonic_events: Rows = setting(1000, "isotonic needs as many cases", "rows")
    folds: TwoFolds = setting(5, "of patients, for the cross-fitted log loss", "folds")
