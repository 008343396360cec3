"""Landmarks: the readmission question asked again on later days, of whoever is not back by then.

A question `d` days after a discharge is about (as_of, discharge + horizon], among those who are
alive and have had no admission since, as far as the facts tell in the end. Those who were back
without anybody knowing it yet are left out and counted: a night cannot tell them from the others.

What the passing of days does to everybody's risk is a number a day (`log_odds`), from which the
model starts; it learns the rest. Whoever is ordered by that rest does not fall because fewer days
are left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.history import Histories
from features.news import last_news
from training.cohorts.split import LEARNING, Split
from training.settings.tasks import ReadmissionTask
from training.statistics.logistic import log_odds

CLOCK = ("acute_stays_days_since",)
"""Features that tell the day after discharge and nothing else: the model starts from it already."""


COUNTED = ("landmark", "asked", "known_back", "back_unknown", "died", "not_yet")


@dataclass(frozen=True)
class Asked:
    """``rows``: the cohort's rows on each landmark, with ``landmark`` (0 is the first question),
    ordered as the cohort is; each weighs its index row's weight by the number of landmarks.
    ``place``: the position of each one's index row. ``counts``: one row a landmark after the
    first: ``landmark``, ``asked``, ``known_back``, ``back_unknown``, ``died``, ``not_yet`` (the
    discharge was not known before that day, so that the first question is asked later)."""

    rows: pd.DataFrame
    place: NDArray[np.int64]
    counts: pd.DataFrame

    def split(self, of_index: Split) -> Split:
        """Every row has the role of its index row: all rows of a stay learn, or all test."""
        return Split(of_index.role[self.place], of_index.test_from, of_index.embargo_days)


@dataclass(frozen=True)
class Landmarks:
    """What a training needs of them: ``rows`` and ``split`` as in `Asked`, the ``counts`` of all
    and ``of_tests`` of those that test, and ``log_odds`` (see `log_odds_by_day`)."""

    rows: pd.DataFrame
    split: Split
    counts: pd.DataFrame
    of_tests: pd.DataFrame
    log_odds: NDArray[np.float64]

    @property
    def start(self) -> NDArray[np.float64]:
        """The log odds that the model begins from, one a row."""
        return start_on(self.rows, self.log_odds)


def on_landmarks(
    rows: pd.DataFrame, split: Split, task: ReadmissionTask, histories: Histories
) -> Landmarks:
    """The rows that a training uses, and what it starts from, of the index stays in `rows`."""
    asked = with_news(ask_on_landmarks(rows, task), histories)
    of_tests = ask_on_landmarks(rows.iloc[split.rows("test")], task).counts
    log_odds = log_odds_by_day(rows, split, task.horizon_days)
    return Landmarks(asked.rows, asked.split(split), asked.counts, of_tests, log_odds)


def ask_on_landmarks(rows: pd.DataFrame, task: ReadmissionTask) -> Asked:
    """Each index stay on its own day, and on every landmark on which it can be asked.

    `rows` are those of the readmission cohort: with ``discharged_on``, ``next_admitted_on`` (the
    next admission of any kind), ``next_known_on`` and ``death_on``, NaN where there is none.
    The outcome needs no second look: who is not back by then has all of it ahead. A row's weight
    does not go by how many rows its stay has: that would weigh those more who return early.
    """
    left, horizon = rows["discharged_on"].to_numpy(dtype=np.float64), task.horizon_days
    back = rows["next_admitted_on"].to_numpy(dtype=np.float64)
    known = rows["next_known_on"].to_numpy(dtype=np.float64)
    death = rows["death_on"].to_numpy(dtype=np.float64)
    first = rows["as_of"].to_numpy(dtype=np.float64)
    parts, places, counts = [rows.assign(landmark=0)], [np.arange(len(rows))], []
    for landmark in task.landmark_days[1:]:
        as_of = left + landmark
        open_still = (as_of > first) & (landmark < horizon)
        is_back, is_dead = open_still & (back <= as_of), open_still & (death <= as_of)
        is_dead &= ~is_back
        unknown = is_back & ~(known <= as_of)
        asked = open_still & ~is_back & ~is_dead
        place = np.flatnonzero(asked)
        parts.append(
            rows.iloc[place].assign(landmark=landmark, as_of=as_of[place].astype(np.int64))
        )
        places.append(place)
        counts.append({
            "landmark": landmark, "asked": int(asked.sum()),
            "known_back": int((is_back & ~unknown).sum()), "back_unknown": int(unknown.sum()),
            "died": int(is_dead.sum()), "not_yet": int((~open_still).sum()),
        })  # fmt: skip
    every, place = pd.concat(parts, ignore_index=True), np.concatenate(places)
    every["weight"] /= len(task.landmark_days)
    order = np.lexsort((every["landmark"].to_numpy(), place))
    every = every.iloc[order].reset_index(drop=True)
    return Asked(every, place[order], pd.DataFrame(counts, columns=list(COUNTED)))


def with_news(asked: Asked, histories: Histories) -> Asked:
    """The same, each row with ``news_on``: the last day up to as_of on which anything new was known
    of the person. Features are asked as of it (`training.fitting.matrix.index_of`), as the night
    does: what passes without news changes the days that are left, and nothing else."""
    return replace(asked, rows=asked.rows.assign(news_on=news_of(asked.rows, histories)))


def news_of(rows: pd.DataFrame, histories: Histories) -> NDArray[np.int64]:
    """The day as of which the features of each row are asked: the last news, and never a day before
    the first question of its stay, by which the discharge was known."""
    index = pd.DataFrame({
        "patient_id": rows["patient_id"].astype(str).to_numpy(),
        "as_of": rows["as_of"].to_numpy(dtype=np.int64).astype("datetime64[D]"),
    })  # fmt: skip
    return np.maximum(last_news(histories, index), rows["discharged_on"].to_numpy(dtype=np.int64))


def log_odds_by_day(rows: pd.DataFrame, split: Split, horizon: int) -> NDArray[np.float64]:
    """The log odds of an outcome that is still ahead on each day 0 to horizon - 1 after discharge,
    among the learning index stays that are known, alive and not back by then; they never rise.

    A day of which little is left may hold no case: half a case is added to each side, and the
    shares are made to fall by isotonic regression, weighted by the people. A day on which nobody
    can be asked, because discharges are known later, has the share of the nearest that has some.
    """
    from sklearn.isotonic import IsotonicRegression

    part = rows.iloc[split.rows(*LEARNING)]
    until = home_until(part)
    case = part["outcome"].to_numpy(dtype=np.float64)
    days, since = np.arange(horizon)[:, None], days_after_discharge(part)[None, :]
    there = (since == days) | ((since < days) & (until[None, :] > days))
    people, cases = there.sum(axis=1), there @ case
    some = np.flatnonzero(people)
    falling = IsotonicRegression(increasing=False, out_of_bounds="clip").fit(
        some, (cases[some] + 0.5) / (people[some] + 1), sample_weight=people[some] + 1
    )
    return np.array([log_odds(float(p)) for p in falling.predict(np.arange(horizon))])


def home_until(rows: pd.DataFrame) -> NDArray[np.float64]:
    """The day after discharge on which each person was admitted again or died; infinite where
    neither is known."""
    gone = np.fmin(rows["next_admitted_on"].to_numpy(dtype=np.float64),
                   rows["death_on"].to_numpy(dtype=np.float64))  # fmt: skip
    until = gone - rows["discharged_on"].to_numpy(dtype=np.float64)
    return np.where(np.isnan(until), np.inf, until)


def days_after_discharge(rows: pd.DataFrame) -> NDArray[np.int64]:
    """How many days after the discharge each question is asked."""
    return rows["as_of"].to_numpy(dtype=np.int64) - rows["discharged_on"].to_numpy(dtype=np.int64)


def start_on(rows: pd.DataFrame, log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """The log odds that each question begins from: those of its day after the discharge, later
    than the last day those of the last."""
    return log_odds[np.minimum(days_after_discharge(rows), len(log_odds) - 1)]


def asked_once(rows: pd.DataFrame) -> NDArray[np.bool_]:
    """Which rows are questions of their own: of a stay that is asked about on several days, the
    first."""
    if "landmark" not in rows:
        return np.ones(len(rows), dtype=bool)
    return rows["landmark"].to_numpy() == 0
