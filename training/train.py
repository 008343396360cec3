"""One training, from tables to a challenger: cohort, split, matrix, fit, calibration, verdict."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data import intake
from data.errors import RefusalError
from data.home import Home
from data.progress import stage
from features.as_of import fingerprint
from features.writing import current_histories
from serving.model import LANDMARKS, RiskModel, load_lightgbm, tier_limits, version_of
from training.baselines import made_for
from training.by_day import Day, judged_beyond, judged_by_day
from training.calibrate import CalibrationChoice, choose_calibrator
from training.champion import beside_champion
from training.cohort import Cohort, OfCost, day_of, readmission_cohort
from training.cost_picture import draw_cost
from training.cost_report import CostReport, cost_report
from training.encounter_cohort import encounter_cohort
from training.evaluate import Evaluation, evaluate
from training.expected_cost import with_expected_cost
from training.facts import Source
from training.fit import Fitted, fit, folds_of
from training.gate import Verdict, groups_of, verdict_of
from training.high_cost import high_cost_cohort
from training.landmarks import CLOCK, Landmarks, on_landmarks
from training.matrix import Matrix, build, learnable
from training.pictures_by_day import draw_days
from training.plots import draw
from training.promotion import tags_of_verdict
from training.registry import Registered, record
from training.run_files import parameters_of, tags_of, write_run_files
from training.scored_rows import known_truth, scored_by
from training.shares_picture import draw_shares
from training.split import (
    FITTED_TO,
    LEARNING,
    ROLES,
    Split,
    refuse_if_too_few,
    share_of,
    split_rows,
    thinning_share,
)
from training.tasks import (
    EncounterTask,
    HighCostTask,
    ReadmissionTask,
    Task,
    kind_of,
    refuse_a_taken_name,
    task_called,
)
from training.threshold import Threshold


class TooFewError(RefusalError):
    """Too few cases to learn from or to test on; `attrition` says where the others went."""

    def __init__(self, sentence: str, attrition: pd.DataFrame) -> None:
        super().__init__(sentence)
        self.attrition = attrition


@dataclass(frozen=True)
class TrainReport:
    """What one training did. ``counts``: one row a role with rows, people, cases and dates.

    ``attrition``: see `training.attrition.COLUMNS`. ``cost``: of high cost alone. ``by_day``: of
    readmission alone, each landmark.
    """

    task: str
    settings: Task
    run: Registered
    model_version: str
    attrition: pd.DataFrame
    counts: pd.DataFrame
    fitted: Fitted
    calibration: CalibrationChoice
    evaluation: Evaluation
    threshold_cents: int | None
    remarks: tuple[str, ...]
    verdict: Verdict
    cost: CostReport | None = None
    by_day: tuple[Day, ...] = ()


def train(home: Home, task: str, settings: Task | None = None) -> TrainReport:
    """Train, judge beside baselines and champion, and register as challenger, with the verdict of
    the gate (`training.promotion` makes it champion).

    Raises InputError where nothing was taken in, or the task takes the name of another one
    (`tasks.refuse_a_taken_name`), RefusalError where the data are too short;
    where they hold too few cases it is a TooFewError, which carries the attrition table.
    """
    chosen = settings or task_called(task)
    refuse_a_taken_name(chosen)
    taken = intake.current(home)
    histories = current_histories(home)
    with stage("Finding who counts, and what happened to them"):
        cohort = cohort_of(taken.tables, taken.manifest, chosen)
        split = cohort.of_cost.split if cohort.of_cost else None
        split = split or split_rows(cohort.rows, cohort.run_out_days, chosen.split)
        try:
            refuse_if_too_few(split, cohort.rows["outcome"], chosen.split)
        except RefusalError as error:
            raise TooFewError(str(error), cohort.attrition) from None
        rows, split = used_rows(cohort.rows, split, chosen)
        counts, landmarks = counts_of(rows, split), None
        if isinstance(chosen, ReadmissionTask):
            landmarks = on_landmarks(rows, split, chosen, histories)
            rows, split = landmarks.rows, landmarks.split
    with stage(f"Computing the features of {len(rows)} questions"):
        matrix = build(histories, rows, split.rows(*LEARNING))
    with stage("Fitting the model"):
        fitted, names = _fit(matrix, split, chosen, landmarks)
    with stage("Calibrating"):
        model, choice = _calibrated(fitted, names, matrix, split, chosen, cohort, taken.manifest,
                                    histories.carries, landmarks)  # fmt: skip
    second = None
    if isinstance(chosen, HighCostTask):
        with stage("Fitting what the next year is expected to cost"):
            model, second = with_expected_cost(
                model, fitted.text, cohort, matrix, split, histories, chosen
            )
    with stage("Judging it beside the baselines"):
        tested = matrix.part(split.rows("test"))
        by_day: tuple[Day, ...] = ()
        beyond = None
        if isinstance(chosen, ReadmissionTask) and landmarks is not None:
            by_day = judged_by_day(model, tested, histories, landmarks.of_tests, chosen)
            beyond = judged_beyond(model, tested, chosen)
            tested = tested.part(np.flatnonzero(tested.rows["landmark"] == 0))
        truth = known_truth(home, taken.manifest)
        beside = beside_champion(
            home, chosen, scored_by(model, tested, histories, truth, chosen), histories, tested.rows
        )
        scored = beside.scored
        evaluation = evaluate(scored, chosen.evaluation)
        learned = matrix.part(split.rows(*FITTED_TO)).X
        verdict = verdict_of(
            evaluation, scored, groups_of(*(_people(X) for X in (tested.X, learned))),
            beside.champion, beside.why_not, chosen.evaluation, chosen.gate, beside.may_pass,
        )  # fmt: skip
        cost = None
        if isinstance(chosen, HighCostTask) and second is not None:
            cost = cost_report(
                cohort, scored, tested.rows, chosen, truth,
                taken.tables["member"], day_of(taken.manifest["data_through"]), model, *second,
            )  # fmt: skip
    aims = made_for(scored.baselines, model.metadata["label"])
    remarks = (*_of_rows(cohort, counts, split, chosen), *cohort.remarks, *evaluation.remarks,
               *aims, *(cost.remarks if cost else ()),
               *([beyond.words] if beyond else ()))  # fmt: skip
    with stage("Recording the run in MLflow"), tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_run_files(
            folder, chosen, fitted.text, model, cohort.attrition, counts, evaluation, remarks,
            cost.fitted.text if cost else None, by_day, verdict,
        )  # fmt: skip
        draw(folder / "pictures", scored, evaluation, model.metadata["label"])
        draw_shares(folder / "pictures" / "shares.png", model, tested.X, model.metadata["label"])
        if by_day:
            draw_days(folder / "pictures", by_day, model.metadata["label"])
        if cost is not None and cohort.of_cost is not None:
            cost.write(folder / "cost")
            draw_cost(folder / "pictures" / "cost.png", cost.judged, cohort.of_cost.amount)
        if landmarks is not None:
            landmarks.counts.to_csv(folder / "landmarks.csv", index=False)
        told = parameters_of(chosen, fitted, choice, names)
        tags = tags_of(taken.manifest, model, histories)
        figures = evaluation.flat() | (cost.flat() if cost else {})
        for day in by_day:
            figures |= day.flat()
        run = record(home, chosen.name, told, figures, tags, folder, tags_of_verdict(verdict))
    return TrainReport(
        chosen.name, chosen, run, model.version, cohort.attrition, counts, fitted, choice,
        evaluation, cohort.threshold_cents, remarks, verdict, cost, by_day,
    )  # fmt: skip


def _people(X: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    return {name: X[name].to_numpy(dtype=np.float64) for name in ("female", "age")}


def cohort_of(
    tables: Mapping[str, Source],
    manifest: Mapping[str, Any],
    task: Task,
    threshold: Threshold | int | None = None,
) -> Cohort:
    """The cohort of either task; raises RefusalError where nobody is left in it."""
    if isinstance(task, ReadmissionTask):
        cohort = readmission_cohort(tables, manifest, task)
    elif isinstance(task, EncounterTask):
        cohort = encounter_cohort(tables, manifest, task)
    else:
        cohort = high_cost_cohort(tables, manifest, task, threshold)
    if cohort.rows.empty:
        raise RefusalError(
            f"Nobody is left in the cohort of {task.name} after its rules: see which took "
            "the last in the attrition table; change it in the settings, or take in more data."
        )
    return cohort


def used_rows(rows: pd.DataFrame, split: Split, task: Task) -> tuple[pd.DataFrame, Split]:
    """The rows with a role, the learning ones thinned by hash to the most that the task allows."""
    use = split.role != "aside"
    if isinstance(task, HighCostTask | EncounterTask):
        learning = np.isin(split.role, LEARNING)
        most = task.most_learning_rows / max(int(learning.sum()), 1)
        if most < 1:
            use &= ~learning | (thinning_share(rows, task.split.salt) < most)
    kept = np.flatnonzero(use)
    return rows.iloc[kept].reset_index(drop=True), Split(
        split.role[kept], split.test_from, split.embargo_days
    )


def _of_rows(cohort: Cohort, counts: pd.DataFrame, split: Split, task: Task) -> list[str]:
    """What became of the rows between the attrition and the roles."""
    every, used = len(cohort.rows), int(counts["rows"].sum())
    said = [
        f"{every - used:,} of {every:,} rows have no role: their outcome is known too late to "
        f"learn from before the test ({split.embargo_days} days), or their people test at another "
        "time or are too many to learn from"
    ]
    if isinstance(task, ReadmissionTask) and len(task.landmark_days) > 1:
        days = ", ".join(map(str, task.landmark_days))
        said.append(
            f"each of them is asked about on days {days} after the discharge, {len(split.role):,} "
            "questions in all, and judged above as it is asked first"
        )
    return said


def counts_of(rows: pd.DataFrame, split: Split) -> pd.DataFrame:
    """One row a role: rows, people, cases, first and last as_of."""
    made = []
    for role in ROLES:
        part = rows.iloc[split.rows(role)]
        dates = part["as_of"].to_numpy().astype("datetime64[D]").astype(str)
        made.append({
            "role": role, "rows": len(part), "people": part["patient_id"].nunique(),
            "cases": int(part["outcome"].sum()),
            "first_as_of": min(dates, default=""), "last_as_of": max(dates, default=""),
        })  # fmt: skip
    return pd.DataFrame(made)


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


def _fit(
    matrix: Matrix, split: Split, task: Task, landmarks: Landmarks | None
) -> tuple[Fitted, list[str]]:
    learning = split.rows(*LEARNING)
    names = learnable(matrix, learning, task.fit.least_seen)
    start, repeats = None, 1.0
    if landmarks is not None:
        names = [name for name in names if name not in CLOCK]
        start = landmarks.start[learning]
        repeats = len(learning) / max(int((matrix.rows["landmark"].iloc[learning] == 0).sum()), 1)
    if not names:
        raise RefusalError("No feature varies among the training rows: check what was taken in.")
    rows = matrix.rows.iloc[learning]
    fold = folds_of(share_of(rows["patient_id"], task.split.salt), split.role[learning], task.fit)
    fitted = fit(
        matrix.array(names, learning), rows["outcome"].to_numpy(dtype=np.float64),
        rows["weight"].to_numpy(dtype=np.float64), names, fold, task.fit, start, repeats,
    )  # fmt: skip
    return fitted, names


def _calibrated(
    fitted: Fitted,
    names: list[str],
    matrix: Matrix,
    split: Split,
    task: Task,
    cohort: Cohort,
    manifest: Mapping[str, Any],
    carries: Collection[str],
    landmarks: Landmarks | None,
) -> tuple[RiskModel, CalibrationChoice]:
    """The model with its calibrator, chosen on people whom the fit never saw.

    The margins of the validation folds are not used: the fits that gave them saw fewer people
    and are less bold than the final one, so that their slope would make it bolder still.
    """
    booster = load_lightgbm().Booster(model_str=fitted.text)
    held = split.rows("calibration")
    raw = np.asarray(booster.predict(matrix.array(names, held), raw_score=True))
    rows = matrix.rows.iloc[held]
    start = None if landmarks is None else landmarks.start[held]
    choice = choose_calibrator(
        raw, rows["outcome"], share_of(rows["patient_id"], task.split.salt), task.calibration,
        rows["weight"], start,
    )  # fmt: skip
    of_tiers = choice.calibrator.apply(raw)
    if landmarks is not None:  # of all days after each discharge, asked once
        first = rows["landmark"].to_numpy() == 0
        of_tiers = choice.calibrator.apply(raw[first], landmarks.log_odds[0])
    learned = matrix.rows.iloc[split.rows(*FITTED_TO)]
    if landmarks is not None:
        learned = learned[learned["landmark"] == 0]
    of_cost = cohort.of_cost
    yearly = of_cost is not None and of_cost.yearly
    tiers = tier_limits(
        of_tiers,
        [("high", task.tiers.high), ("moderate", task.tiers.moderate)],
    )
    metadata = {
        "format": 1, "task": task.name, "kind": kind_of(task),
        "label": label_of(task, cohort.threshold_cents, of_cost),
        "features": names, "fingerprint": fingerprint(names), "cuts": dict(matrix.cuts),
        "calibrator": choice.calibrator.to_json(), "carries": list(carries),
        "origin": manifest["origin"], "tiers": tiers, "threshold_cents": cohort.threshold_cents,
        "data_through": str(manifest["data_through"]),
        "trained_on": _trained_on(learned, split, task, manifest),
        "asked_on": "31 December" if yearly else "any", "horizon_days": task.horizon_days,
    }  # fmt: skip
    if landmarks is not None:
        metadata[LANDMARKS] = landmarks.log_odds.tolist()
    if of_cost is not None:
        metadata["threshold"] = of_cost.threshold.to_json()
    version = version_of(fitted.text, metadata)
    return RiskModel(booster, choice.calibrator, metadata, version), choice


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
