"""What is predicted, and how: one frozen settings object a task, printed whole into each run.

Every length of time says its unit and its anchor. The tasks that come with firstcall are the files
of `training/settings/definitions`; a file of one's own is a copy with other values
(`firstcall task readmission --to mine.toml`, then `firstcall train --task mine.toml`).
"""

from __future__ import annotations

import json
from dataclasses import MISSING, asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal

from data.errors import InputError
from data.tables import ENCOUNTER_KINDS
from training.settings.card_settings import CardSettings
from training.settings.feedback_settings import FeedbackSettings
from training.settings.lab_settings import LabSettings
from training.settings.model_settings import (
    CalibrationSettings,
    EvaluationSettings,
    FitSettings,
    GateSettings,
    SplitSettings,
    TierSettings,
)
from training.settings.search_settings import SearchSettings, SelectionSettings
from training.settings.setting_types import (
    EXCLUSIONS,
    Age,
    Cents,
    Days,
    DefinitionName,
    Horizon,
    Landmarks,
    Lifted,
    Months,
    Part,
    Rows,
    Share,
    Shares,
    Stays,
    Strict,
    TaskName,
    Trend,
    Words,
    setting,
)
from training.settings.settings_file import as_toml, cut, read_settings


@dataclass(frozen=True)
class ReadmissionTask(Strict):
    """Unplanned acute readmission after an index discharge, by a published definition."""

    name: TaskName = "readmission"
    definition: DefinitionName = setting(
        "cms_hwr", "the published definition that the rules follow: cms_hwr or pcr_like"
    )
    horizon_days: Horizon = setting(
        30, "outcome window: days 0 to horizon_days", "days", "after discharge"
    )
    minimum_age: Age = setting(65, "lowest age", "years", "at admission; pcr_like: at discharge")
    enrolled_before_days: Days = setting(
        365, "covered on each day but for a gap that is allowed", "days",
        "before admission; pcr_like: before discharge",
    )  # fmt: skip
    allowed_gap_days: Days = setting(
        0, "longest gap in that cover, at most one; pcr_like: 45", "days"
    )
    enrolled_after_days: Days = setting(
        30,
        "covered on each day, or dead within them; pcr_like: death is no exception; at least "
        "horizon_days",
        "days", "after discharge",
    )  # fmt: skip
    outlier_stays: Stays = setting(
        4, "pcr_like keeps people with as many index stays or more apart", "stays", "calendar year"
    )
    lifted_exclusions: Lifted = setting(
        (),
        "whom the definition leaves out and this task counts: "
        + "; ".join(f"{name}: {', '.join(kinds)}" for name, kinds in EXCLUSIONS.items()),
    )
    all_payers: bool = setting(False, "planned categories for all payers count as well")
    landmark_days: Landmarks = setting(
        (0, 2, 7, 14),
        "asked at discharge (0) and again on these days, of whoever is not back by then",
        "days", "after discharge",
    )  # fmt: skip
    run_out_days: Days | None = setting(
        None,
        "claims younger than this are incomplete; planned procedures come from claims; left out, "
        "the source's own counts",
        "days",
        "before data_through",
    )
    split: SplitSettings = SplitSettings()
    fit: FitSettings = FitSettings(
        folds=5,
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
    gate: GateSettings = GateSettings(most_auroc=0.85)
    feedback: FeedbackSettings = FeedbackSettings()
    search: SearchSettings = SearchSettings()
    selection: SelectionSettings = SelectionSettings()
    lab: LabSettings = LabSettings()
    card: CardSettings = CardSettings()

    def __post_init__(self) -> None:
        may = EXCLUSIONS.get(self.definition, ())
        if others := [name for name in self.lifted_exclusions if name not in may]:
            raise ValueError(
                f"lifted_exclusions of {self.definition} can be {', '.join(may)}, and "
                f"{cut(others[0])} is none"
            )
        days = self.landmark_days
        if not days or days[0] != 0 or sorted(set(days)) != list(days):
            raise ValueError("landmark_days begin with 0, the day of discharge, and ascend")
        if days[-1] >= self.horizon_days:
            raise ValueError("landmark_days lie within horizon_days: later nothing is ahead")
        if self.enrolled_after_days < self.horizon_days:
            raise ValueError(
                "enrolled_after_days is at least horizon_days: whoever leaves cover before would "
                "count as not readmitted"
            )


@dataclass(frozen=True)
class HighCostTask(Strict):
    """A next year among the costliest."""

    name: TaskName = "high-cost"
    horizon_days: Horizon = setting(
        365, "outcome window (as_of, as_of + horizon_days]", "days", "after as_of"
    )
    look_back_days: Horizon = setting(
        180, "covered on each day, no gap tolerated", "days", "up to and including as_of"
    )
    top_share: Share = setting(
        0.05, "cases lie above this upper percentile of training rows", "share of rows"
    )
    other_shares: Shares = setting((0.01, 0.10), "percentiles reported beside it", "share of rows")
    fixed_threshold_cents: Cents | None = setting(
        None, "cases lie above this amount instead", "US cents", "of the last training as_of"
    )
    yearly_trend: Trend = setting(
        0.0,
        "growth of cost, by which the threshold moves; none, because no source carries its own and "
        "a guessed one moves the base rate of every later year (the observed one is reported)",
        "share a year",
        "of the last training as_of",
    )
    truncate_cents: Cents | None = setting(
        None, "the most that counts of what one row cost; left out, all counts", "US cents"
    )
    unpriced: Literal["lower bound", "exclude"] = setting(
        "lower bound",
        "a row with an encounter that has no amount (capitated): its amount is a lower bound, or "
        "the row is left out",
    )
    least_complete: Part = setting(
        0.90, "less known at the run-out refuses", "share of the final amount"
    )
    complete_enough: Part = setting(
        0.98, "less known at the run-out warns", "share of the final amount"
    )
    months_between: Months = setting(1, "one as_of every so many month ends", "months")
    most_learning_rows: Rows = setting(
        250_000, "more are thinned by hash: a person's months tell nearly the same", "rows"
    )
    run_out_days: Days | None = setting(
        None, "claims younger than this are incomplete; left out, the source's own counts",
        "days", "before data_through",
    )  # fmt: skip
    split: SplitSettings = SplitSettings()
    fit: FitSettings = FitSettings(
        learning_rate=0.05, max_depth=5, num_leaves=24, min_data_in_leaf=200, patience=60,
        rounds=1000,
    )  # fmt: skip
    calibration: CalibrationSettings = CalibrationSettings()
    tiers: TierSettings = TierSettings()
    evaluation: EvaluationSettings = EvaluationSettings(replicates=200)
    gate: GateSettings = GateSettings()
    feedback: FeedbackSettings = FeedbackSettings()
    search: SearchSettings = SearchSettings()
    selection: SelectionSettings = SelectionSettings()
    lab: LabSettings = LabSettings()
    card: CardSettings = CardSettings()

    def __post_init__(self) -> None:
        if self.complete_enough < self.least_complete:
            raise ValueError("complete_enough warns before least_complete refuses: it is not less")


@dataclass(frozen=True)
class EncounterTask(Strict):
    """An encounter of some kinds within some days, asked of members at month ends."""

    name: TaskName
    outcome: Words = setting(MISSING, "what happens to a case, in words: the label begins with it")
    encounter_kinds: tuple[str, ...] = setting((), "an encounter of one of these kinds is a case")
    horizon_days: Horizon = setting(
        90, "outcome window (as_of, as_of + horizon_days]", "days", "after as_of"
    )
    minimum_age: Age = setting(0, "lowest age", "years", "at as_of")
    look_back_days: Horizon = setting(
        180, "covered on each day, no gap tolerated", "days", "up to and including as_of"
    )
    months_between: Months = setting(1, "one as_of every so many month ends", "months")
    most_learning_rows: Rows = setting(
        250_000, "more are thinned by hash: a person's months tell nearly the same", "rows"
    )
    run_out_days: Days | None = setting(
        None, "claims younger than this are incomplete; left out, the source's own counts",
        "days", "before data_through",
    )  # fmt: skip
    split: SplitSettings = SplitSettings()
    fit: FitSettings = FitSettings()
    calibration: CalibrationSettings = CalibrationSettings()
    tiers: TierSettings = TierSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    gate: GateSettings = GateSettings()
    feedback: FeedbackSettings = FeedbackSettings()
    search: SearchSettings = SearchSettings()
    selection: SelectionSettings = SelectionSettings()
    lab: LabSettings = LabSettings()
    card: CardSettings = CardSettings()

    def __post_init__(self) -> None:
        unknown = [kind for kind in self.encounter_kinds if kind not in ENCOUNTER_KINDS]
        if unknown or not self.encounter_kinds:
            raise ValueError(
                f"encounter_kinds have to be some of {', '.join(ENCOUNTER_KINDS)}"
                + (f", and {cut(unknown[0])} is none" if unknown else "")
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
    `read_settings`) or takes a name that is taken (see `refuse_a_taken_name`).
    `task_called("mortality")` raises "There is no task 'mortality': choose ed-visit-90, high-cost,
    readmission, readmission-pcr-like, or a file of settings that ends in .toml."
    """
    if name.endswith(".toml"):
        own = read_settings(Path(name), _KINDS)
        refuse_a_taken_name(own, f"{name}: ")
        return own
    if name not in shipped_tasks():
        raise InputError(
            f"There is no task {name!r}: choose {', '.join(shipped_tasks())}, or a file of "
            "settings that ends in .toml."
        )
    return read_settings(_FOLDER / f"{name}.toml", _KINDS)


_MAY_DIFFER = frozenset({
    "name", "landmark_days", "run_out_days", "other_shares", "least_complete", "complete_enough",
    "months_between", "most_learning_rows",
    "top_share", "fixed_threshold_cents", "yearly_trend", "truncate_cents", "unpriced",
})  # fmt: skip
"""Settings that say how much is learned and told, and neither who is asked nor what a case is; and
those of the amount above which a year is costly, which each payer sets and the label names."""


def refuse_a_taken_name(task: Task, where: str = "") -> None:
    """Raises InputError where a task has the name of one that comes with firstcall and is another:
    of another kind, or with other settings of who is asked and what a case is. The night and the
    list know a model by that name. How a task is fitted, split and judged may differ.

    "mine.toml: readmission is a task that comes with firstcall, where horizon_days is 30 and not
    90: give this one another name." `where` begins the sentence.
    """
    if task.name not in shipped_tasks():
        return
    shipped = task_called(task.name)
    told, own = deciding(shipped), deciding(task)
    for name, value in told.items():
        if own.get(name) != value:
            raise InputError(
                f"{where}{task.name} is a task that comes with firstcall, where {name} is {value} "
                f"and not {own.get(name)}: give this one another name."
            )


def deciding(task: Task) -> dict[str, Any]:
    """The kind, and the settings of who is asked and what a case is."""
    plain = {entry.name: getattr(task, entry.name) for entry in fields(task)}
    return {"kind": kind_of(task)} | {
        name: value
        for name, value in plain.items()
        if name not in _MAY_DIFFER and not is_dataclass(value)
    }


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
