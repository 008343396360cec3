"""A challenger on the rows that test: beside baselines, champion and truth, and by the gate."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.home import Home
from data.small_cells import Counts
from serving.model import RiskModel
from training.cohorts.cohort import day_of
from training.cohorts.groups import Grouping
from training.cohorts.split import FITTED_TO
from training.evaluation.audited import audited, groupings_in
from training.evaluation.baselines import made_for
from training.evaluation.by_day import Beyond, Day, judged_beyond, judged_by_day
from training.evaluation.cost_report import CostReport, cost_report
from training.evaluation.equity import EquityAudit
from training.evaluation.evaluate import Evaluation, Scored, evaluate
from training.evaluation.fit_apart import FitApart, fit_apart
from training.evaluation.scored_rows import scored_by
from training.evaluation.subgroups import disparities, subgroups
from training.fitting.expected_cost import CostRows, FittedCost
from training.fitting.learner import Learner
from training.fitting.matrix import Matrix
from training.fitting.prepared import Prepared
from training.fitting.treated import standing_for
from training.release.champion import beside_champion
from training.release.gate import CHAMPION_SCORE, Calibration, Verdict, groups_of, verdict_of
from training.robustness.list_churn import list_churn
from training.robustness.plausibility import Plausibility
from training.settings.tasks import EvaluationSettings, HighCostTask, ReadmissionTask


@dataclass(frozen=True)
class Judged:
    """``tested``: the questions that test, of readmission those at discharge, in the order of
    ``scored``; ``places`` are theirs in the training's matrix. ``by_day`` and ``beyond``: of
    readmission alone, each landmark and what comes after the last. ``cost``: of high cost alone.
    ``apart``: those whom care management reached beside the others, None where it reached none of
    them, or nobody knows. ``subgroups`` and ``disparities``: see
    `training.evaluation.subgroups`."""

    tested: Matrix
    places: NDArray[np.int64]
    scored: Scored
    evaluation: Evaluation
    verdict: Verdict
    by_day: tuple[Day, ...]
    beyond: Beyond | None
    cost: CostReport | None
    apart: FitApart | None
    subgroups: pd.DataFrame
    disparities: pd.DataFrame
    equity: EquityAudit

    def remarks(self, label: str) -> tuple[str, ...]:
        """What the reader of the figures should know."""
        return (
            *self.evaluation.remarks, *made_for(self.scored.baselines, label),
            *(self.cost.remarks if self.cost else ()),
            *([self.beyond.words] if self.beyond else ()),
            *([self.apart.words] if self.apart else ()),
            *self.equity.findings,
        )  # fmt: skip

    def flat(self) -> dict[str, float]:
        """All figures under one name each."""
        made = self.evaluation.flat() | (self.cost.flat() if self.cost else {})
        made |= self.equity.flat()
        for day in self.by_day:
            made |= day.flat()
        return made


def judge(
    home: Home,
    model: RiskModel,
    prepared: Prepared,
    learner: Learner,
    expected_cost: tuple[FittedCost, CostRows] | None = None,
    plausible: Plausibility | None = None,
) -> Judged:
    """Judge `model` on the rows that test. `learner` is how it was fitted, by which a champion is
    learned again; `expected_cost` is its second output with the rows that test it, None where it
    has none; `plausible` what a stay more does to its risks, None where that was not asked."""
    task, matrix, histories = prepared.task, prepared.matrix, prepared.histories
    places = prepared.split.rows("test")
    tested = matrix.part(places)
    by_day: tuple[Day, ...] = ()
    beyond = None
    if isinstance(task, ReadmissionTask) and prepared.landmarks is not None:
        by_day = judged_by_day(model, tested, histories, prepared.landmarks.of_tests, task)
        beyond = judged_beyond(model, tested, task)
        first = np.flatnonzero(tested.rows["landmark"] == 0)
        places, tested = places[first], tested.part(first)
    scored = scored_by(model, tested, histories, prepared.truth, task)
    beside = beside_champion(home, task, scored, histories, tested.rows)
    shown = Counts(str(prepared.manifest["origin"]))
    evaluation = evaluate(beside.scored, task.evaluation, shown)
    every = groupings_in(matrix, prepared.tables, prepared.manifest)
    fitted_to = prepared.split.rows(*FITTED_TO)
    groupings = tuple(grouping.part(places) for grouping in every)
    learned = tuple(grouping.part(fitted_to) for grouping in every)
    churn = None
    if beside.model is not None and task.gate.churn_refits:
        churn = list_churn(
            learner, places, beside.scored, beside.scored.baselines[CHAMPION_SCORE], beside.model,
            beside.settings, task.gate,
        )  # fmt: skip
    by_group = subgroups(beside.scored, groupings, task.evaluation)
    reached = prepared.treated.reached[places]
    calibration, standing = Calibration(evaluation, by_group), None
    if task.feedback.treated != "include" and reached.any() and not reached.all():
        standing = standing_for(
            tested.X, tested.rows, prepared.treated.first[places], np.ones(len(places), bool),
            task.feedback.seed,
        ).weight  # fmt: skip
        calibration = _of_unreached(beside.scored, groupings, standing, task.evaluation, shown)
    verdict = verdict_of(
        evaluation, calibration, beside.scored, groups_of(groupings, learned), beside.champion,
        beside.why_not, task.evaluation, task.gate, beside.may_pass, churn, plausible,
    )  # fmt: skip
    cost = None
    if isinstance(task, HighCostTask) and expected_cost is not None:
        through = day_of(prepared.manifest["data_through"])
        cost = cost_report(
            prepared.cohort, beside.scored, tested.rows, task, prepared.truth,
            prepared.tables["member"], through, model, *expected_cost,
        )  # fmt: skip
    apart = None
    if reached.any():
        apart = fit_apart(beside.scored, reached, task.evaluation, shown, standing)
    return Judged(
        tested, places, beside.scored, evaluation, verdict, by_day, beyond, cost, apart,
        by_group,
        disparities(beside.scored, groupings, task.evaluation),
        audited(
            beside.scored, tested.rows, groupings, prepared.tables, prepared.manifest,
            prepared.truth, task.evaluation,
        ),
    )  # fmt: skip


def _of_unreached(
    scored: Scored,
    groupings: tuple[Grouping, ...],
    standing: NDArray[np.float64],
    settings: EvaluationSettings,
    shown: Counts,
) -> Calibration:
    """What a model says that tells the risk without help can be held against nobody else; they
    weigh by `standing`, because whoever was a case early could not be reached any more."""
    rows = np.flatnonzero(standing > 0)
    part = replace(
        scored.part(rows), baselines={}, truth=None, companion=None, amount=None,
        weights=(scored.weights * standing)[rows],
    )  # fmt: skip
    return Calibration(
        evaluate(part, settings, shown),
        subgroups(part, [grouping.part(rows) for grouping in groupings], settings),
        f" among the {shown.count(len(rows))} of {shown.count(len(standing))} rows that nobody "
        "reached, weighted by the inverse chance of it,",
    )  # fmt: skip
