"""Rows whose outcome our own help may have changed, and what a training does with them.

A list that works lowers the risk of those on it, and a model that learns from them believes that
they were never at risk. Who was reached is known from the canonical table `outreach`, as final
facts tell it. No feature tells it to a model (`features.definitions.care_management`); here it
marks rows, so that they can be left out, made up for, or learned from beside an offset. The model
then tells the risk of somebody who is not helped, as far as `training.cohorts.prior_chance` can
tell who is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.errors import RefusalError
from data.small_cells import Counts
from training.cohorts.facts import Source
from training.cohorts.outreach import in_programme, last_day, part_after, reached_on, window_begins
from training.cohorts.prior_chance import (
    Effect,
    effect_beside,
    log_odds_by_prior,
    prior_of,
    strata_of,
)
from training.cohorts.split import FITTED_TO, ROLES
from training.fitting.treated_words import (
    LATE_CALLS,
    effect_json,
    follows,
    left_out,
    of_roles,
    of_standing,
    refusal,
    starts_apart,
)
from training.fitting.untreated_weights import Standing, weights_of_untreated
from training.settings.feedback_settings import FeedbackSettings

FEWEST_CASES = 20
"""Reached rows with fewer cases, or fewer others, do not tell what being reached does."""
GUARDED = Counts("own")
"""How counts are written where nobody tells whose people they are: as of real ones."""
TREATED = "treated"
"""Where `model.json` tells what its training did with rows of people who were reached."""
TOLD = ("reached", "mean_part", "cases_reached", "cases_others", "in_programme")


@dataclass(frozen=True)
class Treated:
    """What outreach did to the rows of a training; one entry a row of its matrix in each array.

    ``part``: the part of the outcome window after the person was first reached, 0 where never, NaN
    where the source carries no outreach; ``first``: that day (since 1970), NaN where never or not
    known. ``counts``: one row a role:
    ``role``, ``rows``, ``reached``, ``mean_part`` (of all its rows), ``cases_reached``,
    ``cases_others``, and ``in_programme``, how many of the others had enrolled before they were
    asked about and not left; NaN where the source carries no outreach. ``drop``: rows that are to
    have no role. ``weight``: what each row's weight is multiplied with. ``offset``: the log odds
    that each row starts from beside others, None unless the setting is flag. ``effect``: what being
    reached goes with beside what was known before, None where fewer than `FEWEST_CASES` cases tell
    it; no estimate of what outreach does. ``words``: for the reader.
    """

    settings: FeedbackSettings
    part: NDArray[np.float64]
    first: NDArray[np.float64]
    counts: pd.DataFrame
    drop: NDArray[np.bool_]
    weight: NDArray[np.float64]
    offset: NDArray[np.float64] | None
    effect: Effect | None
    words: tuple[str, ...]

    @property
    def reached(self) -> NDArray[np.bool_]:
        """Whether each row's person was reached within its outcome window."""
        return np.isfinite(self.first)

    def role(self, role: NDArray) -> NDArray:
        """The same roles, "aside" where a row is to have none."""
        return np.where(self.drop, "aside", role).astype(object)

    def to_json(self) -> dict[str, Any]:
        """Everything but the rows, as plain lists and numbers."""
        roles = [
            {name: None if pd.isna(value) else value for name, value in row.items()}
            for row in self.counts.to_dict("records")
        ]
        return {
            "treated": self.settings.treated, "roles": roles, "dropped": int(self.drop.sum()),
            "effect_log_odds": effect_json(self.effect),
            "words": list(self.words),
        }  # fmt: skip


def treated_part(
    tables: Mapping[str, Source], rows: pd.DataFrame, through: int, carries: Collection[str]
) -> NDArray[np.float64]:
    """The part of each row's outcome window that lies after its person was first reached in it.

    One row of `rows` is one question; which contacts count is told in `training.cohorts.outreach`.
    0: never reached, or on the last day. NaN throughout where `carries` does not hold "outreach".
    """
    if "outreach" not in carries:
        return np.full(len(rows), np.nan)
    return part_after(reached_on(tables["outreach"], rows, through), rows)


def done_with_treated(settings: FeedbackSettings, carries: Collection[str]) -> str:
    """What TREATED says of a training: "include" where the source carries no outreach, so that
    the settings could change nothing."""
    return settings.treated if "outreach" in carries else "include"


def tells_without_help(metadata: Mapping[str, Any]) -> bool:
    """Whether a model tells the risk of somebody who is not helped; one of before it was told
    learned from everybody."""
    return metadata.get(TREATED, "include") != "include"


def treated_rows(
    matrix_columns: pd.DataFrame,
    rows: pd.DataFrame,
    role: NDArray,
    tables: Mapping[str, Source],
    through: int,
    carries: Collection[str],
    settings: FeedbackSettings,
    shown: Counts = GUARDED,
) -> Treated:
    """Which rows of a matrix were treated, and what the settings make of them.

    `matrix_columns` are the features, `rows` the questions, `role` what each of them is for, in one
    order; facts known by day `through` count. `shown` writes the counts of the words. Rows that
    test keep role, weight and start. Raises RefusalError where the setting is flag and too few of
    those reached were cases, or none, to tell what it goes with.
    """
    if "outreach" not in carries:
        return _not_carried(rows, role, settings)
    source = tables["outreach"]
    first = reached_on(source, rows, through)
    part, reached = part_after(first, rows), np.isfinite(first)
    already = in_programme(source, rows, through) & ~reached
    counts = _counts(rows, role, part, reached, already)
    fitted = np.isin(role, FITTED_TO)
    effect = _effect_of(matrix_columns, rows, fitted, reached, settings.seed)
    words = list(of_roles(counts, shown))
    if effect is not None and effect.low > 0:
        words.append(follows(effect))
    none = np.zeros(len(rows), dtype=bool)
    left = Treated(
        settings, part, first, counts, none, np.ones(len(rows)), None, effect, tuple(words)
    )
    if settings.treated == "include" or not (fitted & reached).any():
        return left
    if settings.treated == "flag":
        return _flagged(left, matrix_columns, rows, fitted, shown)
    return _without(left, matrix_columns, rows, fitted, shown)


def standing_for(
    columns: pd.DataFrame,
    rows: pd.DataFrame,
    first: NDArray[np.float64],
    among: NDArray[np.bool_],
    seed: int,
) -> Standing:
    """What each row `among` weighs that nobody reached, so that they stand for those somebody did
    within tenths of the chance of being reached, told by the rows `among` of other people.

    `columns` are the features and `first` the day reached, NaN where never, in the order of `rows`.
    """
    reached, weights = np.isfinite(first).astype(np.float64), rows["weight"].to_numpy(np.float64)
    chance = log_odds_by_prior(columns, reached, weights, among, _person(rows), seed)
    begin = window_begins(rows)
    return weights_of_untreated(
        first - begin, last_day(rows) - begin, among, strata_of(chance, among)
    )


def _not_carried(rows: pd.DataFrame, role: NDArray, settings: FeedbackSettings) -> Treated:
    nobody = np.zeros(len(rows), dtype=bool)
    unknown = np.full(len(rows), np.nan)
    counts = _counts(rows, role, unknown, nobody, nobody)
    counts[list(TOLD)] = np.nan
    words = ["who was reached by care management: not evaluable, the source carries no outreach"]
    if settings.treated != "include":
        words.append(f"the setting treated = {settings.treated} therefore changes nothing")
    return Treated(
        settings, unknown, unknown, counts, nobody, np.ones(len(rows)), None, None, tuple(words)
    )  # fmt: skip


def _without(
    treated: Treated,
    columns: pd.DataFrame,
    rows: pd.DataFrame,
    fitted: NDArray[np.bool_],
    shown: Counts,
) -> Treated:
    """The reached rows left out, and made up for where the setting is weight."""
    drop = fitted & treated.reached
    weight = np.where(drop, 0.0, 1.0)
    words = [left_out(int(drop.sum()), int(fitted.sum()), shown)]
    if treated.settings.treated == "exclude":
        words.append(LATE_CALLS)
    else:
        standing = standing_for(columns, rows, treated.first, fitted, treated.settings.seed)
        kept = fitted & ~drop
        weight[kept] = standing.weight[kept]
        words.append(of_standing(standing, shown))
    return replace(treated, drop=drop, weight=weight, words=(*treated.words, *words))


def _effect_of(
    columns: pd.DataFrame,
    rows: pd.DataFrame,
    fitted: NDArray[np.bool_],
    reached: NDArray[np.bool_],
    seed: int,
) -> Effect | None:
    """What being reached goes with, beside what was known before; None where too few tell it."""
    outcome = rows["outcome"].to_numpy(dtype=np.float64)
    if _fewest(outcome, fitted & reached) < FEWEST_CASES:
        return None
    weights, person = rows["weight"].to_numpy(dtype=np.float64), _person(rows)
    margin = log_odds_by_prior(columns, outcome, weights, fitted & ~reached, person, seed)
    return effect_beside(
        margin[fitted], reached[fitted], outcome[fitted], weights[fitted], person[fitted]
    )


def _fewest(outcome: NDArray[np.float64], among: NDArray[np.bool_]) -> int:
    """The cases among some rows, or the others where these are fewer."""
    cases = int(outcome[among].sum())
    return min(cases, int(among.sum()) - cases)


def _flagged(
    treated: Treated,
    columns: pd.DataFrame,
    rows: pd.DataFrame,
    fitted: NDArray[np.bool_],
    shown: Counts,
) -> Treated:
    """The reached rows begin where being reached has brought them."""
    told, effect = fitted & treated.reached, treated.effect
    if effect is None:
        cases = int(rows["outcome"].to_numpy(dtype=np.float64)[told].sum())
        raise RefusalError(refusal(int(told.sum()), cases, FEWEST_CASES, shown))
    words = starts_apart(effect, prior_of(columns))
    offset = np.where(told, effect.value, 0.0)
    return replace(treated, offset=offset, words=(*treated.words, words))


def _person(rows: pd.DataFrame) -> NDArray[np.int64]:
    return pd.factorize(rows["patient_id"].astype(str).to_numpy(dtype=object))[0].astype(np.int64)


def _counts(
    rows: pd.DataFrame,
    role: NDArray,
    part: NDArray[np.float64],
    reached: NDArray[np.bool_],
    already: NDArray[np.bool_],
) -> pd.DataFrame:
    case = rows["outcome"].to_numpy(dtype=np.float64) == 1
    made = []
    for name in ROLES:
        of = role == name
        made.append({
            "role": name, "rows": int(of.sum()), "reached": int((of & reached).sum()),
            "mean_part": float(part[of].mean()) if of.any() else float("nan"),
            "cases_reached": int((of & reached & case).sum()),
            "cases_others": int((of & ~reached & case).sum()),
            "in_programme": int((of & already).sum()),
        })  # fmt: skip
    return pd.DataFrame(made)
