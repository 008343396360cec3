"""The model that a fit becomes: its calibrator, its tiers, and what `model.json` holds of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from features.as_of import fingerprint
from serving.calibrator import Calibrator
from serving.model import LANDMARKS, RiskModel, load_lightgbm, tier_limits, version_of
from training.cohorts.cohort import OfCost
from training.cohorts.split import FITTED_TO, Split
from training.fitting.calibrate import CalibrationChoice, choose_calibrator
from training.fitting.fit import Fitted
from training.fitting.learner import Learner
from training.fitting.prepared import Prepared
from training.fitting.treated import TREATED, done_with_treated
from training.settings.model_settings import TierSettings
from training.settings.tasks import EncounterTask, ReadmissionTask, Task, kind_of


def challenger_of(
    fitted: Fitted, learner: Learner, prepared: Prepared
) -> tuple[RiskModel, CalibrationChoice]:
    """The model with its calibrator, chosen on people whom the fit never saw.

    The margins of the validation folds are not used: the fits that gave them saw fewer people
    and are less bold than the final one, so that their slope would make it bolder still.
    """
    task, landmarks, names = prepared.task, prepared.landmarks, list(learner.names)
    held = learner.split.rows("calibration")
    raw = learner.margin(fitted.text, held)
    choice = choose_calibrator(
        raw, learner.outcome[held], learner.share[held], task.calibration, learner.weights[held],
        None if learner.start is None else learner.start[held],
    )  # fmt: skip
    learned = learner.matrix.rows.iloc[learner.split.rows(*FITTED_TO)]
    if landmarks is not None:
        learned = learned[learned["landmark"] == 0]
    of_cost, manifest = prepared.cohort.of_cost, prepared.manifest
    threshold = prepared.cohort.threshold_cents
    tiers = tiers_of(
        choice.calibrator, raw, learner.matrix.rows.iloc[held],
        None if landmarks is None else landmarks.log_odds, task.tiers,
    )  # fmt: skip
    metadata = {
        "format": 1, "task": task.name, "kind": kind_of(task),
        "label": label_of(task, threshold, of_cost),
        "features": names, "fingerprint": fingerprint(names), "cuts": dict(learner.matrix.cuts),
        "calibrator": choice.calibrator.to_json(), "carries": list(prepared.histories.carries),
        "origin": manifest["origin"], "tiers": tiers, "threshold_cents": threshold,
        "data_through": str(manifest["data_through"]),
        "trained_on": _trained_on(learned, learner.split, task, manifest),
        "asked_on": "31 December" if of_cost is not None and of_cost.yearly else "any",
        "horizon_days": task.horizon_days,
        TREATED: done_with_treated(task.feedback, prepared.manifest["carries"]),
    }  # fmt: skip
    if landmarks is not None:
        metadata[LANDMARKS] = landmarks.log_odds.tolist()
    if of_cost is not None:
        metadata["threshold"] = of_cost.threshold.to_json()
    booster = load_lightgbm().Booster(model_str=fitted.text)
    version = version_of(fitted.text, metadata)
    return RiskModel(booster, choice.calibrator, metadata, version), choice


def tiers_of(
    calibrator: Calibrator,
    margin: NDArray[np.float64],
    rows: pd.DataFrame,
    log_odds: ArrayLike | None,
    shares: TierSettings,
) -> dict[str, float]:
    """Where each tier begins, by the margins of `rows`, as `RiskModel.tier` asks it: by no start
    of a row, such as what being reached goes with. With the `log_odds` of each day after a
    discharge each stay counts once, with all its days left."""
    risk = calibrator.apply(margin)
    if log_odds is not None:
        first = rows["landmark"].to_numpy() == 0
        risk = calibrator.apply(margin[first], np.asarray(log_odds, dtype=np.float64)[0])
    return tier_limits(risk, [("high", shares.high), ("moderate", shares.moderate)])


def label_of(task: Task, threshold_cents: int | None, of_cost: OfCost | None) -> str:
    """What the probability is a probability of, in words."""
    if isinstance(task, ReadmissionTask):
        return f"Unplanned readmission within {task.horizon_days} days ({task.definition})"
    if isinstance(task, EncounterTask):
        return f"{task.outcome} within {task.horizon_days} days"
    assert of_cost is not None
    above = f"above ${(threshold_cents or 0) / 100:,.0f}"
    if of_cost.yearly:
        return f"{of_cost.amount} of the next calendar year {above}"
    return f"{of_cost.amount} of the next {task.horizon_days} days {above}"


def _trained_on(
    rows: pd.DataFrame, split: Split, task: Task, manifest: Mapping[str, Any]
) -> dict[str, Any]:
    dates = rows["as_of"].to_numpy().astype("datetime64[D]").astype(str)
    if isinstance(task, ReadmissionTask):
        limits = {"minimum_age": task.minimum_age, "look_back_days": task.enrolled_before_days}
    elif isinstance(task, EncounterTask):
        limits = {"minimum_age": task.minimum_age, "look_back_days": task.look_back_days}
    else:
        limits = {"look_back_days": task.look_back_days}
    return limits | {
        "rows": len(rows), "people": int(rows["patient_id"].nunique()),
        "cases": int(rows["outcome"].sum()), "first_as_of": min(dates), "last_as_of": max(dates),
        "test_from": str(np.datetime64(split.test_from, "D")), "embargo_days": split.embargo_days,
        "seed": task.fit.seed, "source": manifest.get("source", ""),
    }  # fmt: skip
