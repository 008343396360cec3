"""What a training learns of its own model beside the verdict: what calling by it is worth, how it
would have done at earlier dates, on fewer people, and on other people by chance."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from data.small_cells import Counts
from serving.calibrator import Calibrator
from training.cohorts.landmarks import asked_once
from training.evaluation.decision_curve import decision_curve, words_of
from training.evaluation.evaluate import Scored
from training.fitting.fit import Fitted
from training.fitting.learner import Learner
from training.fitting.prepared import Prepared
from training.robustness.backtest import Backtests, backtests, cut_dates, earlier_tests
from training.robustness.lab_pictures import (
    draw_backtests,
    draw_decision_curve,
    draw_learning_curve,
)
from training.robustness.learning_curve import LearningCurve, learning_curve
from training.robustness.stability import Stability, stability
from training.settings.lab_settings import LabSettings
from training.statistics.json_file import write_json


@dataclass(frozen=True)
class Lab:
    """The four analyses; None where the settings ask for none. ``counts`` writes those of the
    pictures."""

    decision_curve: pd.DataFrame
    backtests: Backtests | None
    learning_curve: LearningCurve | None
    stability: Stability | None
    counts: Counts

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the reader should know of them, a sentence each."""
        said = [words_of(self.decision_curve), *(self.backtests.words if self.backtests else ())]
        said += [one.words for one in (self.learning_curve, self.stability) if one is not None]
        return tuple(words for words in said if words)

    def flat(self) -> dict[str, float]:
        """The figures for MLflow."""
        made: dict[str, float] = {}
        for one in (self.backtests, self.learning_curve, self.stability):
            made |= one.flat() if one is not None else {}
        return made

    def write(self, folder: Path, title: str) -> None:
        """Tables and figures into `folder/lab`, pictures into `folder/pictures`."""
        tables, pictures = folder / "lab", folder / "pictures"
        tables.mkdir(parents=True, exist_ok=True)
        self.decision_curve.to_csv(tables / "decision_curve.csv", index=False)
        draw_decision_curve(pictures / "decision_curve.png", self.decision_curve, title)
        if self.backtests is not None:
            self.backtests.table.to_csv(tables / "backtests.csv", index=False)
            draw_backtests(pictures / "backtests.png", self.backtests, title, self.counts)
        if self.learning_curve is not None:
            self.learning_curve.table.to_csv(tables / "learning_curve.csv", index=False)
            draw_learning_curve(
                pictures / "learning_curve.png", self.learning_curve, title, self.counts
            )
        for name in ("backtests", "learning_curve", "stability"):
            if (found := getattr(self, name)) is not None:
                write_json(tables / f"{name}.json", found.to_json())


def in_the_lab(
    prepared: Prepared,
    learner: Learner,
    fitted: Fitted,
    calibrator: Calibrator,
    scored: Scored,
    settings: LabSettings,
) -> Lab:
    """The analyses of a fitted model; `scored` are its test rows, with baselines and champion."""
    rows, cohort = learner.matrix.rows, prepared.cohort
    tested = learner.split.rows("test")
    tested = tested[asked_once(rows)[tested]]
    back = curve = stable = None
    if settings.backtest_cuts:
        cuts = cut_dates(
            cohort.rows, cohort.run_out_days, learner.split.test_from, learner.task.split,
            settings.backtest_cuts,
        )  # fmt: skip
        log_odds = None if prepared.landmarks is None else prepared.landmarks.log_odds
        earlier = earlier_tests(
            cohort.rows, cuts, learner, prepared.histories, log_odds, settings.most_rows
        )
        back = backtests(learner, fitted, earlier, tested, cuts, cohort.run_out_days, settings)
    if settings.curve_points:
        curve = learning_curve(learner, fitted, tested, settings.curve_points)
    if settings.stability_refits:
        stable = stability(
            learner, fitted, tested, settings.seed, settings.stability_refits, calibrator
        )
    counts = Counts(str(prepared.manifest["origin"]))
    curves = decision_curve(scored, learner.task.evaluation, counts)
    return Lab(curves, back, curve, stable, counts)
