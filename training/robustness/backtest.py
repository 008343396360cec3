"""Rolling origin: the model made anew at earlier dates, each tested on what came after it.

At a cut date those learn whose label was known by then (`outcome_until` + run-out), and those test
who were asked on it or later, before the next cut; the last cut is the first test day of the
training, tested to the end. Who learns, calibrates and tests is decided by the same hash as in the
training: nobody who tests at any cut has ever been learned from.

Not made anew at a cut are the columns and the settings of the fit, the cut points of percentiles,
the amount above which a year is costly, the weights for those who left or were reached, and what
readmission starts from on each day after discharge: they are those of the whole training. They tell
no outcome of anybody who tests, but of the time after a cut they tell a little: a backtest flatters
by that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.history import Histories
from features.window import to_date
from serving.calibrator import Calibrator
from training.cohorts.landmarks import asked_once, news_of, start_on
from training.cohorts.split import LEARNING, Split, patient_roles, share_of, thinning_share
from training.evaluation.evaluate import named_for_mlflow
from training.evaluation.intervals import intervals_of
from training.fitting.calibrate import choose_calibrator, losses
from training.fitting.fit import FEWEST_TO_STOP, Fitted
from training.fitting.learner import Learner
from training.fitting.matrix import asked
from training.fitting.side_by_side import side_by_side
from training.robustness.learning_curve import UNKNOWN
from training.settings.lab_settings import LabSettings
from training.settings.model_settings import EvaluationSettings, SplitSettings
from training.statistics.discrimination import Ranking

_NO_ISOTONIC = 1_000_000_000
_FIGURES = ("auroc", "observed_to_expected", "log_loss")
COLUMNS = [
    "cut", "last_asked", "learned_rows", "learned_cases", "trees", "calibrator", "rows", "cases",
    "base_rate", *(f"{name}{end}" for name in _FIGURES for end in ("", "_low", "_high")),
]  # fmt: skip
AS_THE_TRAINING = (
    "backtests learn anew at each date, but by the columns, settings, percentiles and limits of "
    "the whole training"
)


@dataclass(frozen=True)
class Backtests:
    """``table``: one row a cut, the dates ascending. ``cut`` and ``last_asked`` (ISO dates, ""
    where nobody tests), rows and cases learned from (landmarks counted once), trees, the
    calibrator's kind, rows and cases that test, base rate, and with their 95 % intervals AUROC,
    observed : expected and log loss. ``words``: remarks for the reader."""

    table: pd.DataFrame
    words: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Everything as plain lists and numbers; None for a figure that is not known."""
        told = self.table.astype(object).where(self.table.notna(), None)
        return {"words": list(self.words), "cuts": told.to_dict("records")}

    def flat(self) -> dict[str, float]:
        """The figures for MLflow, such as `backtest.2023-06-30.auroc`."""
        made: dict[str, float] = {"backtest.cuts": len(self.table)}
        for row in self.table.to_dict("records"):
            for name in ("cases", "auroc", "observed_to_expected"):
                made[f"backtest.{row['cut']}.{name}"] = row[name]
        return named_for_mlflow(made)


def cut_dates(
    rows: pd.DataFrame, run_out_days: int, test_from: int, settings: SplitSettings, most: int
) -> list[int]:
    """At most `most` dates (days since 1970) to learn up to and to test from, ascending; the last
    is `test_from`.

    `rows` are those of the cohort. A day can be a cut where test people are asked on it and where
    as many cases and others as a training needs were known of learning people by then. Of these
    days evenly spaced ones are taken, so that something is learned before the first: of eight days
    for three cuts the third, the sixth and the eighth.
    """
    if most < 1:
        return []
    role = patient_roles(rows["patient_id"], settings)
    as_of, known_on = rows["as_of"].to_numpy(dtype=np.int64), known_days(rows, run_out_days)
    case = rows["outcome"].to_numpy(dtype=np.float64) == 1
    learns = np.isin(role, LEARNING)
    asked_on = np.unique(as_of[(role == "test") & (as_of < test_from)])
    for side in (case, ~case):
        known = np.sort(known_on[learns & side])
        enough = np.searchsorted(known, asked_on, "right") >= settings.least_train_events
        asked_on = asked_on[enough]
    possible = [*(int(day) for day in asked_on), test_from]
    take = min(most, len(possible))
    return [possible[-(-len(possible) * k // take) - 1] for k in range(1, take + 1)]


def known_days(rows: pd.DataFrame, run_out_days: int) -> NDArray[np.int64]:
    """The day on which the label of each row is known."""
    return rows["outcome_until"].to_numpy(dtype=np.int64) + run_out_days


def earlier_tests(
    cohort_rows: pd.DataFrame,
    cuts: list[int],
    learner: Learner,
    histories: Histories,
    log_odds: NDArray[np.float64] | None,
    most_rows: int,
) -> Learner:
    """The questions about test people between the first cut and the last, which a training leaves
    aside, with the columns that `learner` learns from; to be asked of a booster, not to be learned.

    `cohort_rows` are all of the cohort, of readmission as asked at discharge. `log_odds`: what
    readmission starts from on each day (`training.cohorts.landmarks.Landmarks`), None for other
    tasks. Of each stretch between two cuts at most `most_rows` are taken, by hash.
    """
    salt = learner.task.split.salt
    as_of = cohort_rows["as_of"].to_numpy(dtype=np.int64)
    tests = patient_roles(cohort_rows["patient_id"], learner.task.split) == "test"
    taken = []
    for first, end in pairwise(cuts):
        between = np.flatnonzero(tests & (as_of >= first) & (as_of < end))
        taken.append(thinned(between, cohort_rows, most_rows, salt))
    places = np.sort(np.concatenate([np.zeros(0, np.int64), *taken]))
    rows, start = cohort_rows.iloc[places].reset_index(drop=True), None
    if log_odds is not None:
        rows = rows.assign(landmark=0, news_on=news_of(rows, histories))
        start = start_on(rows, log_odds)
    matrix = asked(histories, rows, learner.matrix.cuts, learner.names)
    split = Split(
        np.full(len(rows), "test", dtype=object), learner.split.test_from,
        learner.split.embargo_days,
    )  # fmt: skip
    return replace(
        learner, matrix=matrix, split=split, start=start, share=share_of(rows["patient_id"], salt),
        weights=rows["weight"].to_numpy(dtype=np.float64),
    )  # fmt: skip


def thinned(
    places: NDArray[np.int64], rows: pd.DataFrame, most: int, salt: str
) -> NDArray[np.int64]:
    """About `most` of the places, chosen by a hash of their question that is none of those by which
    a training thins; all where they are fewer."""
    if len(places) <= most:
        return places
    return places[thinning_share(rows.iloc[places], f"backtest/{salt}") < most / len(places)]


def learned_at(
    learner: Learner, cut: int, run_out_days: int, roles: tuple[str, ...] = LEARNING
) -> NDArray[np.int64]:
    """The places of the rows of these roles whose label was known by the day `cut`."""
    places = learner.split.rows(*roles)
    return places[known_days(learner.matrix.rows.iloc[places], run_out_days) <= cut]


def backtests(
    learner: Learner,
    fitted: Fitted,
    earlier: Learner,
    tested: NDArray[np.int64],
    cuts: list[int],
    run_out_days: int,
    settings: LabSettings,
) -> Backtests:
    """The model at each of `cuts` (see `cut_dates`). `earlier`: the rows that test before the last
    cut (`earlier_tests`). `tested`: the places in `learner` of those that test from it on, of
    readmission those at discharge. `fitted` is the model's own fit, which is that of the last cut.

    Each cut stops by the validation people known by then, one fold of them, and calibrates by the
    calibration people known by then, with none or Platt's calibrator; fewer than 20 cases calibrate
    nothing. Before the last cut it learns from at most `settings.most_rows` rows, thinned by hash.
    """
    of_one_fold = replace(learner.task.fit, folds=1)
    as_of = earlier.matrix.rows["as_of"].to_numpy(dtype=np.int64)

    def at_cut(number: int) -> dict[str, Any]:
        cut = cuts[number]
        learned = learned_at(learner, cut, run_out_days)
        if cut == cuts[-1]:
            model, of_tests, places = fitted, learner, tested
        else:
            learned = thinned(
                learned, learner.matrix.rows, settings.most_rows, learner.task.split.salt
            )
            model, of_tests = learner.fit(learned, settings=of_one_fold), earlier
            places = np.flatnonzero((as_of >= cut) & (as_of < cuts[number + 1]))
        calibrator = _calibrator(learner, model, learned_at(learner, cut, run_out_days,
                                                            ("calibration",)))  # fmt: skip
        once = learned[asked_once(learner.matrix.rows)[learned]]
        return {
            "cut": str(to_date(cut)), "learned_rows": len(once),
            "learned_cases": int(learner.outcome[once].sum()), "trees": model.rounds,
            "calibrator": calibrator.kind,
        } | _judged(of_tests, model, calibrator, places)  # fmt: skip

    made = list(side_by_side(at_cut, range(len(cuts)), learner.task.fit.threads))
    table = pd.DataFrame(made, columns=COLUMNS)
    return Backtests(table, _words(table, learner.task.evaluation, settings.backtest_cuts))


def _calibrator(learner: Learner, model: Fitted, held: NDArray[np.int64]) -> Calibrator:
    outcome = learner.outcome[held]
    if min(outcome.sum(), len(held) - outcome.sum()) < FEWEST_TO_STOP:
        return Calibrator()
    return choose_calibrator(
        learner.margin(model.text, held), outcome, learner.share[held],
        replace(learner.task.calibration, isotonic_events=_NO_ISOTONIC), learner.weights[held],
        None if learner.start is None else learner.start[held],
    ).calibrator  # fmt: skip


def _judged(
    learner: Learner, model: Fitted, calibrator: Calibrator, places: NDArray[np.int64]
) -> dict[str, Any]:
    """The figures of the rows at `places`."""
    rows, outcome = learner.matrix.rows.iloc[places], learner.outcome[places]
    told: dict[str, Any] = {
        "rows": len(rows), "cases": int(outcome.sum()), "last_asked": "", "base_rate": np.nan,
    }  # fmt: skip
    found = [UNKNOWN] * len(_FIGURES)
    if len(rows):
        w, margin = learner.weights[places], learner.margin(model.text, places)
        start = None if learner.start is None else learner.start[places]
        risk = calibrator.apply(margin, start)
        rank, loss = Ranking.of(margin), losses(risk, outcome)

        def figures(w: NDArray[np.float64]) -> tuple[float, ...]:
            return (
                rank.auroc(w * outcome, w * (1 - outcome)), float(w @ outcome / (w @ risk)),
                float(w @ loss / w.sum()),
            )  # fmt: skip

        patient_id = rows["patient_id"].to_numpy(dtype=object)
        found = intervals_of(figures, w, patient_id, learner.task.evaluation)
        told["last_asked"] = str(to_date(int(rows["as_of"].max())))
        told["base_rate"] = float(np.average(outcome, weights=w))
    for name, interval in zip(_FIGURES, found, strict=True):
        told |= {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}
    return told


def _words(table: pd.DataFrame, settings: EvaluationSettings, wanted: int) -> tuple[str, ...]:
    rows = table.to_dict("records")
    said = []
    if len(rows) == 1 and wanted > 1:
        said.append(
            f"the data allow one cut date only: {rows[0]['cut']}, the first test day; before it "
            "too few cases were known to learn from and to test on"
        )
    elif len(rows) > 1:
        span = f"backtests: learned up to {len(rows)} dates from {rows[0]['cut']} to "
        auroc, ratio = _span(table["auroc"], 3), _span(table["observed_to_expected"], 2)
        said.append(
            f"{span}{rows[-1]['cut']} and tested on what came after each, AUROC is {auroc} and "
            f"observed : expected {ratio}"
        )
        said.append(AS_THE_TRAINING)
    off = [
        f"{row['observed_to_expected']:.2f} ({row['observed_to_expected_low']:.2f} to "
        f"{row['observed_to_expected_high']:.2f}) from {row['cut']} on"
        for row in rows[:-1]
        if row["observed_to_expected_low"] > 1 or row["observed_to_expected_high"] < 1
    ]
    if off:
        said.append(
            f"backtests: observed : expected was {' and '.join(off)}: the risks of a model of that "
            "day did not fit what came after"
        )
    few = [row for row in rows if row["cases"] < settings.judgeable_events]
    if few:
        cases = ", ".join(f"{row['cases']:,} from {row['cut']} on" for row in few)
        said.append(
            f"backtests: cases that test are too few to judge by ({settings.judgeable_events} are "
            f"wanted): {cases}; read the intervals, not the values"
        )
    return tuple(said)


def _span(values: pd.Series, digits: int) -> str:
    known = values.dropna()
    if known.empty:
        return "not known"
    return f"{known.min():.{digits}f} to {known.max():.{digits}f}"
