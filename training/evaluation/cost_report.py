"""What a training of high cost tells beside the usual: completion, totals, bloomers and need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from serving.model import THREADS, RiskModel
from training.cohorts.cohort import Cohort
from training.cohorts.facts import Source
from training.cohorts.need import need_against_truth, need_of_those_called
from training.evaluation.bloomers import Bloomers, bloomers
from training.evaluation.evaluate import OURS, Scored
from training.evaluation.judged_cost import JudgedCost, judge_cost
from training.fitting.expected_cost import CostRows, FittedCost
from training.settings.tasks import HighCostTask
from training.statistics.called import CALLED
from training.statistics.json_file import write_json


@dataclass(frozen=True)
class CostReport:
    """``tables``: those of the cohort (completion, control_totals, percentiles,
    encounters_by_kind). ``bloomers``: the cases that were not high-cost before, judged apart.
    ``need``: how ill those are whom each score calls first; ``need_truth``: the counted need
    beside the true one, None but for an invented population. ``fitted`` and ``judged``: how the
    expected cost was made, and how right it is on the rows that test, leavers among them."""

    tables: Mapping[str, pd.DataFrame]
    bloomers: Bloomers
    need: pd.DataFrame
    need_truth: pd.DataFrame | None
    fitted: FittedCost
    judged: JudgedCost

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the reader of the report should know of expected cost."""
        return (self.fitted.why, *self.judged.remarks())

    def flat(self) -> dict[str, float]:
        """The figures worth comparing between runs, under one name each."""
        made = {"expected_cost.ratio": self.judged.total.value, **self.bloomers.flat()}
        for line in self.judged.fit.to_dict("records"):
            name = str(line["score"]).replace(",", "").replace(" ", "_")
            made |= {f"expected_cost.{name}.{m}": line[m] for m in ("r_squared", "cpm")}
        return {name: float(value) for name, value in made.items() if np.isfinite(value)}

    def write(self, folder: Path) -> None:
        """Each table as Parquet, the figures of bloomers and expected cost as JSON, into
        `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in self.tables.items():
            table.to_parquet(folder / f"{name}.parquet", index=False)
        self.need.to_parquet(folder / "need_of_those_called.parquet", index=False)
        if self.need_truth is not None:
            self.need_truth.to_parquet(folder / "need_against_truth.parquet", index=False)
        choice = self.fitted.choice.to_dict("records")
        judged = self.judged.to_json() | {"why": self.fitted.why, "choice": choice}
        for name, told in (("bloomers", self.bloomers.to_json()), ("expected_cost", judged)):
            write_json(folder / f"{name}.json", told)


def cost_report(
    cohort: Cohort,
    scored: Scored,
    rows: pd.DataFrame,
    task: HighCostTask,
    truth: Path | None,
    member: Source,
    through: int,
    model: RiskModel,
    fitted: FittedCost,
    cost_rows: CostRows,
) -> CostReport:
    """The report on the rows that test, `rows` in the order of `scored`; `cost_rows` are those of
    the second output, leavers among them."""
    scores = {OURS: scored.margin, **scored.baselines}
    assert cohort.of_cost is not None
    return CostReport(
        cohort.of_cost.tables,
        bloomers(scored, rows, task.evaluation),
        need_of_those_called(rows, scores, scored.period, scored.weights, CALLED),
        need_against_truth(truth, rows, member, through),
        fitted,
        _judged(model, cost_rows, task),
    )


def _judged(model: RiskModel, held: CostRows, task: HighCostTask) -> JudgedCost:
    rows = held.rows
    assert model.cost is not None
    seen = rows["prior_seen"].to_numpy(dtype=bool)
    return judge_cost(
        model.cost.dollars(held.take(np.arange(len(rows))), THREADS), held.dollars, held.exposure,
        rows["patient_id"].to_numpy(dtype=object), held.conditions,
        np.where(seen, rows["prior_cents"].to_numpy(dtype=np.float64) / 100, np.nan),
        task.evaluation,
    )  # fmt: skip
