"""What is predicted, and how: one frozen settings object a task, printed whole into each run.

Every length of time says its unit and its anchor. The tasks that come with firstcall are the files
of `training/definitions`; a file of one's own is a copy with other values
(`firstcall task readmission --to mine.toml`, then `firstcall train --task mine.toml`).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from data.errors import InputError
from data.tables import ENCOUNTER_KINDS
from training.settings_file import as_toml, read_settings

TaskName = Annotated[str, Field(pattern="^[a-z][a-z0-9-]{0,39}$")]
"""Small letters, digits and hyphens: folders and the registered model are called by it."""
Days = Annotated[int, Field(ge=0, le=3_660)]
Horizon = Annotated[int, Field(ge=1, le=3_660)]
Count = Annotated[int, Field(ge=1)]
Number = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(gt=0, lt=1)]
Amount = Annotated[float, Field(ge=0)]
Part = Annotated[float, Field(gt=0, le=1)]
Age = Annotated[int, Field(ge=0, le=120)]
Months = Annotated[int, Field(ge=1, le=12)]
Two = Annotated[int, Field(ge=2)]
DefinitionName = Literal["cms_hwr", "pcr_like"]


class _Strict:
    __pydantic_config__ = ConfigDict(extra="forbid")


def _setting(default: Any, meaning: str, unit: str = "", anchor: str = "") -> Any:
    return field(default=default, metadata={"meaning": meaning, "unit": unit, "anchor": anchor})


@dataclass(frozen=True)
class SplitSettings(_Strict):
    """Who and when is trained on, and who and when tests."""

    salt: str = _setting("firstcall-1", "goes before the patient id in the hash that splits people")
    test_share: Share = _setting(0.25, "people who only ever test", "share of people")
    calibration_share: Share = _setting(0.12, "people for the calibrator", "share of people")
    validation_share: Share = _setting(0.13, "people for early stopping", "share of people")
    train_worth: Share = _setting(
        0.75,
        "the first test day maximises train^w x test^(1-w), both as shares of eligible rows",
        "exponent w",
    )
    least_train_events: Count = _setting(10, "fewer cases before the test refuse", "rows")
    least_test_events: Count = _setting(1, "fewer cases in the test refuse", "rows")

    def __post_init__(self) -> None:
        if self.test_share + self.calibration_share + self.validation_share >= 1:
            raise ValueError("the shares of test, calibration and validation leave nobody to train")


@dataclass(frozen=True)
class FitSettings(_Strict):
    """LightGBM's parameters, and when it stops."""

    seed: Number = _setting(20240229, "every random choice of the fit derives from it")
    threads: Count = _setting(2, "fixed, because other counts give other sums", "threads")
    rounds: Count = _setting(3000, "at most", "trees")
    patience: Count = _setting(100, "rounds without a better validation log loss", "trees")
    folds: Count = _setting(1, "validation folds whose best numbers of trees are averaged", "folds")
    few_events_rounds: Count = _setting(
        60, "trees where fewer than 20 cases could tell when to stop", "trees"
    )
    learning_rate: Share = _setting(0.03, "shrinkage of each tree")
    max_depth: Count = _setting(4, "bounded, so that reasons stay cheap", "levels")
    num_leaves: Two = _setting(15, "leaves of one tree", "leaves")
    min_data_in_leaf: Count = _setting(60, "rows under which no leaf is made", "rows")
    feature_fraction: Part = _setting(0.3, "columns that one tree may use", "share")
    bagging_fraction: Part = _setting(0.7, "rows that one tree sees", "share")
    lambda_l2: Amount = _setting(5.0, "ridge on leaf values")
    path_smooth: Amount = _setting(0.0, "leaves lean on their parents")
    extra_trees: bool = _setting(False, "one random cut a column, where noise outweighs signal")
    max_bin: Annotated[int, Field(ge=2, le=255)] = _setting(63, "cuts a column at most", "bins")
    least_seen: Count = _setting(
        20,
        "a column that is neither zero nor missing for fewer of those trained on is left out",
        "people",
    )


@dataclass(frozen=True)
class TierSettings(_Strict):
    """Tiers by capacity: shares of the calibrated risks of the calibration rows.

    Those rows are of the training period, and the fit did not see them.
    """

    high: Share = _setting(0.05, "the riskiest, called first", "share of rows")
    moderate: Share = _setting(0.20, "the riskiest including the high tier", "share of rows")

    def __post_init__(self) -> None:
        if self.moderate <= self.high:
            raise ValueError("moderate holds the high tier too, and has to be the larger share")


@dataclass(frozen=True)
class EvaluationSettings(_Strict):
    """How a result is judged."""

    replicates: Count = _setting(300, "bootstrap samples of patients", "samples")
    seed: Number = _setting(97, "of the bootstrap")
    shares: tuple[Share, ...] = _setting((0.01, 0.05, 0.10), "capacities", "share of a list")
    counts: tuple[Count, ...] = _setting((50, 200, 500), "capacities", "people on a list")
    judgeable_events: Count = _setting(200, "fewer cases are too few to judge", "rows")


@dataclass(frozen=True)
class CalibrationSettings(_Strict):
    """Which calibrators may be chosen."""

    isotonic_events: Count = _setting(1000, "isotonic needs as many cases", "rows")
    folds: Two = _setting(5, "of patients, for the cross-fitted log loss", "folds")


@dataclass(frozen=True)
class ReadmissionTask(_Strict):
    """Unplanned acute readmission after an index discharge, by a published definition."""

    name: TaskName = "readmission"
    definition: DefinitionName = _setting(
        "cms_hwr", "the published definition that the rules follow: cms_hwr or pcr_like"
    )
    horizon_days: Horizon = _setting(30, "outcome window: days 0 to 30", "days", "after discharge")
    minimum_age: Age = _setting(65, "lowest age", "years", "at admission; pcr_like: at discharge")
    enrolled_before_days: Days = _setting(
        365, "covered on each day but for a gap that is allowed", "days",
        "before admission; pcr_like: before discharge",
    )  # fmt: skip
    allowed_gap_days: Days = _setting(
        0, "longest gap in that cover, at most one; pcr_like: 45", "days"
    )
    enrolled_after_days: Days = _setting(
        30, "covered on each day, or dead within them; pcr_like: death is no exception", "days",
        "after discharge",
    )  # fmt: skip
    outlier_stays: Count = _setting(
        4, "pcr_like keeps people with as many index stays or more apart", "stays", "calendar year"
    )
    all_payers: bool = _setting(False, "planned categories for all payers count as well")
    landmark_days: tuple[Days, ...] = _setting(
        (0, 2, 7, 14),
        "asked at discharge (0) and again on these days, of whoever is not back by then",
        "days", "after discharge",
    )  # fmt: skip
    run_out_days: Days | None = _setting(
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

    def __post_init__(self) -> None:
        days = self.landmark_days
        if not days or days[0] != 0 or sorted(set(days)) != list(days):
            raise ValueError("landmark_days begin with 0, the day of discharge, and ascend")
        if days[-1] >= self.horizon_days:
            raise ValueError("landmark_days lie within horizon_days: later nothing is ahead")


@dataclass(frozen=True)
class HighCostTask(_Strict):
    """A next year among the costliest."""

    name: TaskName = "high-cost"
    horizon_days: Horizon = _setting(
        365, "outcome window (as_of, as_of + 365]", "days", "after as_of"
    )
    look_back_days: Horizon = _setting(
        180, "covered on each day, no gap tolerated", "days", "up to and including as_of"
    )
    top_share: Share = _setting(
        0.05, "cases lie above this upper percentile of training rows", "share of rows"
    )
    other_shares: tuple[Share, ...] = _setting(
        (0.01, 0.10), "percentiles reported beside it", "share of rows"
    )
    fixed_threshold_cents: Count | None = _setting(
        None, "cases lie above this amount instead", "US cents", "of the last training as_of"
    )
    yearly_trend: Annotated[float, Field(gt=-0.5, lt=1)] = _setting(
        0.0,
        "growth of cost, by which the threshold moves; none, because no source carries its own and "
        "a guessed one moves the base rate of every later year (the observed one is reported)",
        "share a year",
        "of the last training as_of",
    )
    truncate_cents: Count | None = _setting(
        None, "the most that counts of what one row cost; None counts all", "US cents"
    )
    unpriced: Literal["lower bound", "exclude"] = _setting(
        "lower bound",
        "a row with an encounter that has no amount (capitated): its amount is a lower bound, or "
        "the row is left out",
    )
    least_complete: Part = _setting(
        0.90, "less known at the run-out refuses", "share of the final amount"
    )
    complete_enough: Part = _setting(
        0.98, "less known at the run-out warns", "share of the final amount"
    )
    months_between: Months = _setting(1, "one as_of every so many month ends", "months")
    most_learning_rows: Count = _setting(
        250_000, "more are thinned by hash: a person's months tell nearly the same", "rows"
    )
    run_out_days: Days | None = _setting(
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

    def __post_init__(self) -> None:
        if self.complete_enough < self.least_complete:
            raise ValueError("complete_enough warns before least_complete refuses: it is not less")


@dataclass(frozen=True)
class EncounterTask(_Strict):
    """An encounter of some kinds within some days, asked of members at month ends."""

    name: TaskName
    outcome: str = _setting("", "what happens to a case, in words: the label begins with it")
    encounter_kinds: tuple[str, ...] = _setting((), "an encounter of one of these kinds is a case")
    horizon_days: Horizon = _setting(
        90, "outcome window (as_of, as_of + horizon]", "days", "after as_of"
    )
    minimum_age: Age = _setting(0, "lowest age", "years", "at as_of")
    look_back_days: Horizon = _setting(
        180, "covered on each day, no gap tolerated", "days", "up to and including as_of"
    )
    months_between: Months = _setting(1, "one as_of every so many month ends", "months")
    most_learning_rows: Count = _setting(
        250_000, "more are thinned by hash: a person's months tell nearly the same", "rows"
    )
    run_out_days: Days | None = _setting(
        None, "claims younger than this are incomplete; None takes the source's", "days",
        "before data_through",
    )  # fmt: skip
    split: SplitSettings = SplitSettings()
    fit: FitSettings = FitSettings()
    calibration: CalibrationSettings = CalibrationSettings()
    tiers: TierSettings = TierSettings()
    evaluation: EvaluationSettings = EvaluationSettings()

    def __post_init__(self) -> None:
        unknown = [kind for kind in self.encounter_kinds if kind not in ENCOUNTER_KINDS]
        if unknown or not self.encounter_kinds:
            raise ValueError(
                f"encounter_kinds have to be some of {', '.join(ENCOUNTER_KINDS)}"
                + (f", and {unknown[0]!r} is none" if unknown else "")
            )


Task = ReadmissionTask | HighCostTask | EncounterTask
_KINDS: dict[str, type[Task]] = {
    "readmission": ReadmissionTask, "high-cost": HighCostTask, "encounter": EncounterTask,
}  # fmt: skip
_FOLDER = Path(__file__).parent / "definitions"


def shipped_tasks() -> list[str]:
    """The names of the tasks that come with firstcall."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def task_called(name: str) -> Task:
    """The settings of a task: of one that comes with firstcall by its name, or of a file that ends
    in .toml by its path.

    Raises InputError where there is none, and where a file says what cannot be (see
    `read_settings`). `task_called("mortality")` raises "There is no task 'mortality': choose
    ed-visit-90, high-cost, readmission, readmission-pcr-like, or a file of settings that ends in
    .toml."
    """
    if name.endswith(".toml"):
        return read_settings(Path(name), _KINDS)
    if name not in shipped_tasks():
        raise InputError(
            f"There is no task {name!r}: choose {', '.join(shipped_tasks())}, or a file of "
            "settings that ends in .toml."
        )
    return read_settings(_FOLDER / f"{name}.toml", _KINDS)


def task_file(task: Task) -> str:
    """The settings of a task as a file to copy and change."""
    return as_toml(task, kind_of(task))


def kind_of(task: Task) -> str:
    """readmission, high-cost or encounter: which declaration the settings are of."""
    return next(name for name, declared in _KINDS.items() if type(task) is declared)


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


READMISSION = task_called("readmission")
HIGH_COST = task_called("high-cost")
