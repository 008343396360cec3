"""A challenger on the rows that test: beside baselines, champion and truth, and by the gate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.home import Home
from serving.model import RiskModel
from training.baselines import made_for
from training.by_day import Beyond, Day, judged_beyond, judged_by_day
from training.champion import beside_champion
from training.cohort import day_of
from training.cost_report import CostReport, cost_report
from training.evaluate import Evaluation, Scored, evaluate
from training.expected_cost import CostRows, FittedCost
from training.gate import Verdict, groups_of, verdict_of
from training.matrix import Matrix
from training.prepared import Prepared
from training.scored_rows import scored_by
from training.split import FITTED_TO
from training.tasks import HighCostTask, ReadmissionTask


@dataclass(frozen=True)
class Judged:
    """``tested``: the questions that test, of readmission those at discharge, in the order of
    ``scored``. ``by_day`` and ``beyond``: of readmission alone, each landmark and what comes after
    the last. ``cost``: of high cost alone."""

    tested: Matrix
    scored: Scored
    evaluation: Evaluation
    verdict: Verdict
    by_day: tuple[Day, ...]
    beyond: Beyond | None
    cost: CostReport | None

    def remarks(self, label: str) -> tuple[str, ...]:
        """What the reader of the figures should know."""
        return (
            *self.evaluation.remarks, *made_for(self.scored.baselines, label),
            *(self.cost.remarks if self.cost else ()),
            *([self.beyond.words] if self.beyond else ()),
        )  # fmt: skip

    def flat(self) -> dict[str, float]:
        """All figures under one name each."""
        made = self.evaluation.flat() | (self.cost.flat() if self.cost else {})
        for day in self.by_day:
            made |= day.flat()
        return made


def judge(
    home: Home,
    model: RiskModel,
    prepared: Prepared,
    expected_cost: tuple[FittedCost, CostRows] | None,
) -> Judged:
    """Judge `model` on the rows that test; `expected_cost` is what its second output was made of,
    None where it has none."""
    task, matrix, histories = prepared.task, prepared.matrix, prepared.histories
    tested = matrix.part(prepared.split.rows("test"))
    by_day: tuple[Day, ...] = ()
    beyond = None
    if isinstance(task, ReadmissionTask) and prepared.landmarks is not None:
        by_day = judged_by_day(model, tested, histories, prepared.landmarks.of_tests, task)
        beyond = judged_beyond(model, tested, task)
        tested = tested.part(np.flatnonzero(tested.rows["landmark"] == 0))
    scored = scored_by(model, tested, histories, prepared.truth, task)
    beside = beside_champion(home, task, scored, histories, tested.rows)
    evaluation = evaluate(beside.scored, task.evaluation)
    learned = matrix.part(prepared.split.rows(*FITTED_TO)).X
    verdict = verdict_of(
        evaluation, beside.scored, groups_of(*(_people(X) for X in (tested.X, learned))),
        beside.champion, beside.why_not, task.evaluation, task.gate, beside.may_pass,
    )  # fmt: skip
    cost = None
    if isinstance(task, HighCostTask) and expected_cost is not None:
        through = day_of(prepared.manifest["data_through"])
        cost = cost_report(
            prepared.cohort, beside.scored, tested.rows, task, prepared.truth,
            prepared.tables["member"], through, model, *expected_cost,
        )  # fmt: skip
    return Judged(tested, beside.scored, evaluation, verdict, by_day, beyond, cost)


def _people(X: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    return {name: X[name].to_numpy(dtype=np.float64) for name in ("female", "age")}
