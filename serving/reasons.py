"""Why a risk is high: SHAP shares of the margin, grouped by concept, in plain words.

The shares of all features and the base value add up to the margin; that is checked on every row
before anything is grouped. A reason says what was seen, never that it caused anything.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Literal

import numpy as np

from data.errors import RefusalError
from data.sensitive_matters import ANY_OF_THEM, MATTERS
from features.definitions import feature
from features.definitions.declaration import Feature
from features.lab_tests import LAB_TESTS
from features.matrix import Matrix
from features.window import to_date, to_day
from serving.model import RiskModel, Rows

WITHHELD = "Some information may be withheld."
"""The same line for everybody, so that its presence tells nothing."""

ADDITIVE_WITHIN = 1e-6
SMALLEST_SHARE = 0.01
"""In log odds: what moves the odds by less than one percent is no reason."""
MOST_OF_INDICES = 1
"""Of one direction. Charlson's index, CMS-HCC and their like are sums over the same illnesses: told
twice, they would read as two reasons."""
MOST_OF_COST = 1
"""Reasons of one direction about cost beside a risk of readmission: nobody can act on what was
paid."""

_MOVES = (
    "last", "last_is", "last_outside", "days_since", "covered_now", "distinct_now", "after",
    "within", "started", "stopped",
)  # fmt: skip
"""What is true of the day of the question, and may be untrue on the day of whoever reads."""


@dataclass(frozen=True)
class Reason:
    """A group of features' share in one risk. `share` is in log odds, before calibration.

    `sensitive` names what makes it so ("mental health"), None where nothing does.
    """

    concept: str
    words: str
    share: float
    direction: Literal["raises", "lowers"]
    actionable: bool
    sensitive: str | None = None


def evidence_names(names: Sequence[str]) -> list[str]:
    """The features that words need beside the model's own: when the last event was."""
    also = {last for name in names if (last := feature(name).last_event) is not None}
    return [*names, *sorted(also - set(names))]


def written_date(day: date, as_of: date) -> str:
    """A day as people say it; the year only where it is not the year of `as_of`.

    >>> written_date(date(2024, 3, 12), as_of=date(2024, 6, 1))
    '12 March'
    >>> written_date(date(2023, 3, 12), as_of=date(2024, 6, 1))
    '12 March 2023'
    """
    months = ("January", "February", "March", "April", "May", "June", "July", "August",
              "September", "October", "November", "December")  # fmt: skip
    text = f"{day.day} {months[day.month - 1]}"
    return text if day.year == as_of.year else f"{text} {day.year}"


def said(
    declared: Feature, value: float, last: float, as_of: date, told_on: date | None = None
) -> str:
    """One feature's value in words, with the day of the last event where that is known.

    `last` is the value of the feature that `declared.last_event` names, NaN where there is none.
    Who reads on another day, `told_on`, than the one of the question is told up to which day it
    looked: "3 emergency visits in the 90 days to 12 March".
    """
    told_on = told_on or as_of
    words = _said(declared, value, last, as_of, told_on)
    if told_on == as_of:
        return words
    asked = written_date(as_of, told_on)
    words, found = re.subn(r"in the last (\d+) days", rf"in the \1 days to {asked}", words)
    moves = declared.how in _MOVES and declared.source != "member"
    return f"as of {asked}: {words}" if moves and not found else words


def _said(declared: Feature, value: float, last: float, as_of: date, told_on: date) -> str:
    if math.isnan(value):
        return _not_seen(declared, last)
    counts = declared.how in ("count", "distinct", "sum", "any")
    if value == 0 and counts and declared.zero is None and declared.noun is not None:
        return f"no {declared.noun[1]} {declared.period}".strip()
    text = declared.say(value)
    if declared.how == "days_since":
        return _when(declared, value, as_of, told_on)
    if math.isnan(last) or value <= 0:
        return text
    day = written_date(_back(as_of, last), told_on)
    if declared.how in ("last", "last_is", "last_outside", "after"):
        return f"{text}, on {day}"
    if declared.how in ("count", "sum", "any") and _counts_its_last_event(declared):
        return f"{text}, on {day}" if value == 1 else f"{text}, the last on {day}"
    return text


def _when(declared: Feature, days: float, as_of: date, told_on: date) -> str:
    """When something last was: "last emergency visit 12 days ago (20 May)". Who reads on another
    day is told the day alone, because he would count back from his own."""
    what = declared.say(0).removesuffix(" on the same day").removeprefix("the ")
    of_stay = what.endswith((" stay", " episode")) and declared.channel is not None
    if of_stay and all(code.endswith("/started") for code in declared.channel.codes):
        what += " began"
    day = written_date(_back(as_of, days), told_on)
    if days == 0 or told_on != as_of:
        return f"{what} on {day}"
    long = declared.say(days).split(" since ", 1)[0]  # "5 days since the last billed service"
    return f"{what} {long} ago ({day})"


def not_known(declared: Feature) -> str:
    """What is said of a value that nobody knows."""
    return declared.say(math.nan)


def _not_seen(declared: Feature, last: float) -> str:
    """Why a value is missing, in words: nothing of the kind was seen, or it is not known."""
    if declared.family == "labs":
        if declared.how in ("change", "slope"):
            return f"fewer than two {declared.concept} results seen {declared.period}"
        return f"no {declared.concept} result seen {declared.period}"
    of_stay = declared.last_event == "acute_stays_days_since"
    if of_stay and not (declared.window and last < declared.window.days):
        return f"no hospital stay seen {declared.period}"
    return not_known(declared)


def _counts_its_last_event(declared: Feature) -> bool:
    """Whether the last event is one of those counted: emergent stays are not all acute stays."""
    return (
        declared.last_event is not None and feature(declared.last_event).channel == declared.channel
    )


def _back(as_of: date, days: float) -> date:
    return to_date(to_day(as_of) - round(days))


def shares(model: RiskModel, X: Rows) -> np.ndarray:
    """float64[rows, features]: each feature's share of the margin, in the order of the model.

    Raises RefusalError where a row's shares and base value do not add up to its margin.
    """
    contributions = model.contributions(X)
    gap = np.abs(contributions.sum(axis=1) - model.margin(X))
    if len(gap) and not gap.max() <= ADDITIVE_WITHIN:
        raise RefusalError(
            f"The reasons of the {model.task} model do not add up to its scores: train it anew."
        )
    return contributions[:, :-1]


@dataclass(frozen=True)
class ConceptShares:
    """``of_feature``: float64[rows, features], in the order of the model. ``of_concept``:
    float64[rows, concepts], the sums over the ``members`` (places of features) of each of
    ``concepts``. All in log odds, before calibration."""

    of_feature: np.ndarray
    of_concept: np.ndarray
    concepts: list[str]
    members: list[np.ndarray]


def concept_shares(model: RiskModel, X: Rows) -> ConceptShares:
    """What each concept adds to each row's margin: what reasons are made of, for one patient or
    for a population. Raises RefusalError as `shares` does."""
    told = _told_by(tuple(model.features))
    of_feature = shares(model, X)
    of_concept = np.empty((len(of_feature), len(told.concepts)))
    for row, weights in enumerate(of_feature):
        # one after the other, so that a row's sums do not depend on how many rows there are
        of_concept[row] = np.bincount(told.group, weights, len(told.concepts))
    members = [np.array(those) for those in told.members]
    return ConceptShares(of_feature, of_concept, list(told.concepts), members)


@dataclass(frozen=True)
class _Told:
    """What the features of a model tell: their declarations, their concepts, the concept of each
    feature (`group`), and the features of each concept (`members`), by their places."""

    declared: tuple[Feature, ...]
    concepts: tuple[str, ...]
    group: np.ndarray
    members: tuple[tuple[int, ...], ...]


@lru_cache(maxsize=16)
def _told_by(names: tuple[str, ...]) -> _Told:
    declared = tuple(map(feature, names))
    concepts = tuple(sorted({f.concept for f in declared}))
    group = np.array([concepts.index(f.concept) for f in declared])
    members = tuple(tuple(np.flatnonzero(group == g).tolist()) for g in range(len(concepts)))
    return _Told(declared, concepts, group, members)


def reasons(
    model: RiskModel,
    X: Rows,
    as_of: date | Sequence[date],
    top: int = 3,
    lowering: int = 0,
    with_sensitive: bool = False,
    told_on: date | None = None,
    shown: Sequence[Collection[str]] | None = None,
    beside_sensitive: bool = False,
) -> list[list[Reason]]:
    """For each row of `X` up to `top` reasons that raise the risk, the weightiest first, then up
    to `lowering` that lower it; fewer where fewer do.

    `as_of` is the day of the question, one for all rows or one a row; `told_on` is the day of
    whoever reads, where it is another. Left out, so that the next ones take their place, are
    sensitive reasons, unless `with_sensitive` asks for all of them or `shown` names their matter
    among those of the row, and of each direction all but MOST_OF_INDICES sums over illnesses, and
    beside a readmission all but MOST_OF_COST that are about cost. With
    `beside_sensitive` sensitive ones are told too, and take nobody's place: of what is kept so,
    everybody can be shown what he may see.
    """
    if len(X) == 0:
        return []
    told = _told_by(tuple(model.features))
    declared, concepts, members = told.declared, told.concepts, told.members
    values, lasts = _values(X, model.features), _lasts(declared, X)
    by_concept = concept_shares(model, X)
    of_feature, of_concept = by_concept.of_feature, by_concept.of_concept
    days = [as_of] * len(X) if isinstance(as_of, date) else list(as_of)
    of_cost = MOST_OF_COST if model.is_readmission else len(concepts)

    answer = []
    for row, day in enumerate(days):
        found: list[Reason] = []
        may_be_told = () if shown is None else shown[row]
        of_row = values[row].tolist()
        for sign, most in ((1.0, top), (-1.0, lowering)):
            weight = sign * of_concept[row]
            weight_of = (sign * of_feature[row]).tolist()
            kept = costs = indices = 0
            for g in np.argsort(-weight, kind="stable").tolist():
                if kept == most or weight[g] < SMALLEST_SHARE:
                    break
                about = _about(declared, members[g], of_row)
                is_beside = about is not None and beside_sensitive
                told_it = with_sensitive or is_beside or _may_be_told(about, may_be_told)
                if about is not None and not told_it:
                    continue
                best = _evidence(declared, members[g], weight_of, of_row)
                about_cost, is_index = declared[best].family == "cost", _is_index(declared[best])
                if (about_cost and costs == of_cost) or (is_index and indices == MOST_OF_INDICES):
                    continue
                value, last = values[row, best], lasts[row, best]
                if said(declared[best], value, last, day) == not_known(declared[best]):
                    continue  # that nothing is known is no reason to call
                words = said(declared[best], value, last, day, told_on)
                found.append(
                    Reason(
                        concept=concepts[g],
                        words=words,
                        share=float(of_concept[row, g]),
                        direction="raises" if sign > 0 else "lowers",
                        actionable=_can_be_acted_on(declared[best], of_row[best]),
                        sensitive=about,
                    )
                )
                kept += not is_beside
                costs += about_cost
                indices += is_index
        answer.append(found)
    return answer


def _values(X: Rows, names: Sequence[str]) -> np.ndarray:
    """float64[rows, names]: columns of `X`."""
    if isinstance(X, Matrix):
        return X.columns(names).astype(np.float64)
    return X[list(names)].to_numpy(dtype=np.float64)


def _lasts(declared: Sequence[Feature], X: Rows) -> np.ndarray:
    """float64[rows, features]: days since each feature's last event, NaN where not known."""
    lasts = np.full((len(X), len(declared)), np.nan)
    there = set(X.names) if isinstance(X, Matrix) else set(X.columns)
    known = {at: f.last_event for at, f in enumerate(declared) if f.last_event in there}
    if known:
        lasts[:, list(known)] = _values(X, [str(last) for last in known.values()])
    return lasts


_WANTED = frozenset((
    "office visits", "telehealth visits", "home health episodes",
    "office visits since the last discharge", "home health episodes since the last discharge",
    "follow-up after the last discharge", "prescriptions filled since the last discharge",
))  # fmt: skip
"""Care that is missed where there is none of it."""
_MISSED_ALONE = frozenset((
    "office visits since the last discharge", "home health episodes since the last discharge",
    "follow-up after the last discharge",
))  # fmt: skip
"""Care of which the suggestion is that it should take place: where it did, there is none."""
_LIMITS = {test.name: test.limits for test in LAB_TESTS}
_VALUES = frozenset(("last", "min", "max"))


def _can_be_acted_on(declared: Feature, value: float) -> bool:
    """Whether the suggestion to a concept fits what was seen: where there is none of it, of wanted
    care alone; of a laboratory test, where a value lies outside its limits. Nothing is suggested
    about what nobody knows, nor because somebody was asked about his needs, whatever he said."""
    if not declared.actionable or math.isnan(value):
        return False
    if declared.how == "days_since":  # 0 is today
        return declared.family != "labs" and declared.source != "screening"
    if declared.source == "screening" and declared.how in ("count", "distinct"):
        return False
    if declared.family == "labs" and declared.channel is not None:
        if declared.how in _VALUES:
            low, high = _LIMITS[declared.channel.name]
            return not low <= value <= high
        return declared.how in ("outside", "last_outside") and value > 0
    if declared.concept in _MISSED_ALONE:
        return value == 0
    return value > 0 or declared.concept in _WANTED


def _is_index(declared: Feature) -> bool:
    """Whether a feature is a weighted sum or number of groups of illnesses."""
    return declared.how == "score"


def _may_be_told(about: str | None, matters: Collection[str]) -> bool:
    """As `Sight.shows`, of what is sensitive."""
    return about in matters or (about == ANY_OF_THEM and set(MATTERS).issubset(matters))


def _about(declared: Sequence[Feature], members: Sequence[int], values: list[float]) -> str | None:
    """What makes a group sensitive for these values: its first sensitive member."""
    if any(_is_index(declared[column]) for column in members):
        return ANY_OF_THEM
    told = (matter_of_number(declared[column], values[column]) for column in members)
    return next((about for about in told if about is not None), None)


def matter_of_number(declared: Feature, value: float) -> str | None:
    """What makes a feature's value sensitive, None where nothing does. A sum over illnesses may be
    of any: points can name one."""
    return ANY_OF_THEM if _is_index(declared) else declared.sensitive_of(value)


def _evidence(
    declared: Sequence[Feature], members: Sequence[int], weight: list[float], values: list[float]
) -> int:
    """The member that speaks for its group: the weightiest one whose value is known; where none
    is, the widest count of nothing ("no emergency visits in the last 730 days"), else the
    weightiest."""
    order = sorted(members, key=lambda c: -weight[c])
    known = [c for c in order if weight[c] > 0 and not math.isnan(values[c])]
    if known:
        return known[0]
    nothing = [c for c in members if declared[c].how == "count" and values[c] == 0]
    return max(nothing, key=lambda c: _days(declared[c])) if nothing else order[0]


def _days(declared: Feature) -> int:
    return declared.window.days if declared.window else 0
