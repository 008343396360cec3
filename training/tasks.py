"""What is predicted, and how: one frozen settings object a task, printed whole into each run.

Every length of time says its unit and its anchor. A copy with other values is made with
`dataclasses.replace(READMISSION, horizon_days=90)`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from data.errors import InputError

TaskName = Literal["readmission", "high-cost"]


def _setting(default: Any, meaning: str, unit: str = "", anchor: str = "") -> Any:
    return field(default=default, metadata={"meaning": meaning, "unit": unit, "anchor": anchor})


@dataclass(frozen=True)
class SplitSettings:
    """Who and when is trained on, and who and when tests."""

    salt: str = _setting("firstcall-1", "goes before the patient id in the hash that splits people")
    test_share: float = _setting(0.25, "people who only ever test", "share of people")
    calibration_share: float = _setting(0.12, "people for the calibrator", "share of people")
    validation_share: float = _setting(0.13, "people for early stopping", "share of people")
    train_worth: float = _setting(
        0.75,
        "the first test day maximises train^w x test^(1-w), both as shares of eligible rows",
        "exponent w",
    )
    least_train_events: int = _setting(10, "fewer cases before the test refuse", "rows")
    least_test_events: int = _setting(1, "fewer cases in the test refuse", "rows")


@dataclass(frozen=True)
class FitSettings:
    """LightGBM's parameters, and when it stops."""

    seed: int = _setting(20240229, "every random choice of the fit derives from it")
    threads: int = _setting(2, "fixed, because other counts give other sums", "threads")
    rounds: int = _setting(3000, "at most", "trees")
    patience: int = _setting(100, "rounds without a better validation log loss", "trees")
    folds: int = _setting(1, "validation folds whose best numbers of trees are averaged", "folds")
    few_events_rounds: int = _setting(
        60, "trees where fewer than 20 cases could tell when to stop", "trees"
    )
    learning_rate: float = _setting(0.03, "shrinkage of each tree")
    max_depth: int = _setting(4, "bounded, so that reasons stay cheap", "levels")
    num_leaves: int = _setting(15, "leaves of one tree", "leaves")
    min_data_in_leaf: int = _setting(60, "rows under which no leaf is made", "rows")
    feature_fraction: float = _setting(0.3, "columns that one tree may use", "share")
    bagging_fraction: float = _setting(0.7, "rows that one tree sees", "share")
    lambda_l2: float = _setting(5.0, "ridge on leaf values")
    path_smooth: float = _setting(0.0, "leaves lean on their parents")
    extra_trees: bool = _setting(False, "one random cut a column, where noise outweighs signal")
    max_bin: int = _setting(63, "cuts a column at most", "bins")
    least_seen: int = _setting(
        20,
        "a column that is neither zero nor missing for fewer of those trained on is left out",
        "people",
    )


@dataclass(frozen=True)
class TierSettings:
    """Tiers by capacity: shares of the calibrated risks of the calibration rows.

    Those rows are of the training period, and the fit did not see them.
    """

    high: float = _setting(0.05, "the riskiest, called first", "share of rows")
    moderate: float = _setting(0.20, "the riskiest including the high tier", "share of rows")


@dataclass(frozen=True)
class EvaluationSettings:
    """How a result is judged."""

    replicates: int = _setting(300, "bootstrap samples of patients", "samples")
    seed: int = _setting(97, "of the bootstrap")
    shares: tuple[float, ...] = _setting((0.01, 0.05, 0.10), "capacities", "share of a list")
    counts: tuple[int, ...] = _setting((50, 200, 500), "capacities", "people on a list")
    judgeable_events: int = _setting(200, "fewer cases are too few to judge", "rows")


@dataclass(frozen=True)
class CalibrationSettings:
    """Which calibrators may be chosen."""

    isotonic_events: int = _setting(1000, "isotonic needs as many cases", "rows")
    folds: int = _setting(5, "of patients, for the cross-fitted log loss", "folds")


@dataclass(frozen=True)
class ReadmissionTask:
    """Unplanned acute readmission after an index discharge (CMS hospital-wide readmission)."""

    name: TaskName = "readmission"
    definition: str = _setting("cms_hwr", "the published definition that the rules follow")
    horizon_days: int = _setting(30, "outcome window: days 0 to 30", "days", "after discharge")
    minimum_age: int = _setting(65, "lowest age", "years", "at admission")
    enrolled_before_days: int = _setting(
        365, "covered on each day, no gap tolerated", "days", "before admission"
    )
    enrolled_after_days: int = _setting(
        30, "covered on each day, or dead within them", "days", "after discharge"
    )
    all_payers: bool = _setting(False, "planned categories for all payers count as well")
    run_out_days: int | None = _setting(
        None,
        "claims younger than this are incomplete; planned procedures come from claims; "
        "None takes the source's",
        "days",
        "before data_through",
    )
    split: SplitSettings = SplitSettings()
    fit: FitSettings = FitSettings(
        # some ten thousand rows: a second thread costs more in waiting than it brings
        folds=5,
        threads=1,
        learning_rate=0.02,
        max_depth=5,
        num_leaves=20,
        feature_fraction=0.1,
        bagging_fraction=0.5,
        lambda_l2=20.0,
        extra_trees=True,
    )
    calibration: CalibrationSettings = CalibrationSettings()
    tiers: TierSettings = TierSettings()
    evaluation: EvaluationSettings = EvaluationSettings()


@dataclass(frozen=True)
class HighCostTask:
    """A next year among the costliest."""

    name: TaskName = "high-cost"
    horizon_days: int = _setting(365, "outcome window (as_of, as_of + 365]", "days", "after as_of")
    look_back_days: int = _setting(
        180, "covered on each day, no gap tolerated", "days", "up to and including as_of"
    )
    top_share: float = _setting(
        0.05, "cases lie above this upper percentile of training rows", "share of rows"
    )
    months_between: int = _setting(1, "one as_of every so many month ends", "months")
    most_learning_rows: int = _setting(
        250_000, "more are thinned by hash: a person's months tell nearly the same", "rows"
    )
    run_out_days: int | None = _setting(
        None, "claims younger than this are incomplete; None takes the source's", "days",
        "before data_through",
    )  # fmt: skip
    split: SplitSettings = SplitSettings()
    fit: FitSettings = FitSettings(
        learning_rate=0.05, max_depth=5, num_leaves=24, min_data_in_leaf=200, patience=60,
        rounds=1000,
    )  # fmt: skip
    calibration: CalibrationSettings = CalibrationSettings()
    tiers: TierSettings = TierSettings()
    evaluation: EvaluationSettings = EvaluationSettings(replicates=200)


Task = ReadmissionTask | HighCostTask
READMISSION = ReadmissionTask()
HIGH_COST = HighCostTask()


def task_called(name: str) -> Task:
    """The default settings of a task. Raises InputError where there is none of that name.

    `task_called("mortality")` raises "There is no task 'mortality': choose readmission or
    high-cost."
    """
    for task in (READMISSION, HIGH_COST):
        if task.name == name:
            return task
    raise InputError(f"There is no task {name!r}: choose readmission or high-cost.")


def flat(task: Task) -> dict[str, str]:
    """Every setting as text, nested ones as `fit.seed`: what MLflow keeps of a run."""
    listed: dict[str, str] = {}

    def walk(value: Any, path: str) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(inner, f"{path}.{key}" if path else key)
        else:
            listed[path] = json.dumps(value) if not isinstance(value, str) else value

    walk(asdict(task), "")
    return listed


def described(task: Task) -> list[tuple[str, str, str]]:
    """(setting, value, meaning with unit and anchor) of each setting, for people to read."""
    lines: list[tuple[str, str, str]] = []

    def walk(settings: Any, path: str) -> None:
        for entry in fields(settings):
            value = getattr(settings, entry.name)
            if hasattr(value, "__dataclass_fields__"):
                walk(value, f"{path}{entry.name}.")
                continue
            about = entry.metadata
            words = [about.get("meaning", ""), about.get("unit", ""), about.get("anchor", "")]
            lines.append((f"{path}{entry.name}", str(value), "; ".join(w for w in words if w)))

    walk(task, "")
    return lines
