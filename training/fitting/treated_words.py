"""What a training says of rows that our own help may have changed, in sentences for the reader.

Counts are written by `Counts`, of real people so that no small group can be told; what being
reached goes with is never said without CONFOUNDED.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from data.small_cells import Counts
from training.cohorts.censoring import effective_rows
from training.cohorts.prior_chance import Effect
from training.fitting.untreated_weights import Standing

CONFOUNDED = (
    "it is confounded by indication (those were reached who seemed to need it, and nobody who was "
    "a case before), and no estimate of what outreach does"
)
LATE_CALLS = (
    "cases that came before anybody could call are kept: where calls come late, the risks "
    "are too high by that (treated = weight makes up for it)"
)
_WEIGHTED = "weighted by the inverse chance of it"
_PARTS = (("a model is fitted to", False), ("test", True))


def effect_json(effect: Effect | None) -> dict[str, Any] | None:
    """What being reached goes with, and beside it what it is not."""
    return None if effect is None else effect._asdict() | {"words": CONFOUNDED}


def follows(effect: Effect) -> str:
    """Of an effect above 0: calls seem to follow the outcome."""
    return (
        "those reached were cases more often than what was known of them before explains "
        f"({effect} log odds; {CONFOUNDED}): calls seem to follow what makes a case, such as a "
        "stay within a long window; then exclude and weight leave out cases, flag takes illness "
        "for the effect of a call, and each of them makes the risks too low: include is the "
        "better choice"
    )


def starts_apart(effect: Effect, beside: list[str]) -> str:
    """Of the setting flag."""
    known = ", ".join(beside) or "nothing else"
    return (
        f"rows of people who were reached start {effect} log odds from where the others do, as "
        f"estimated beside {known}, one number for everybody; {CONFOUNDED}"
    )


def of_roles(counts: pd.DataFrame, shown: Counts) -> tuple[str, ...]:
    """How many were reached, by `Treated.counts`."""
    said = []
    for words, tests in _PARTS:
        part = counts[(counts["role"] == "test") == tests]
        rows, reached = int(part["rows"].sum()), int(part["reached"].sum())
        if rows == 0:
            continue
        of = (
            f"of {shown.count(rows)} rows that {words} care management reached "
            f"{shown.count(reached)} within the outcome window"
        )
        if not shown.hides(reached):
            after = float((part["mean_part"].fillna(0) * part["rows"]).sum() / rows)
            of += (
                f" ({shown.count(int(part['cases_reached'].sum()))} cases; of the others "
                f"{shown.count(int(part['cases_others'].sum()))}), and {after:.1%} of all their "
                "windows lie after it"
            )
        said.append(of)
    if already := int(counts["in_programme"].sum()):
        said.append(
            f"{shown.count(already)} rows count as not reached whose person had enrolled in a "
            "programme before the question and not left it"
        )
    return tuple(said)


def left_out(dropped: int, fitted: int, shown: Counts) -> str:
    """Of the settings exclude and weight."""
    return (
        f"{shown.count(dropped)} of {shown.count(fitted)} rows are left out of fit and "
        "calibration, because their person was reached"
    )


def of_standing(standing: Standing, shown: Counts) -> str:
    """How much the weights have to make up for."""
    kept = standing.weight[standing.weight > 0]
    precise = effective_rows(kept) if len(kept) else 0.0
    said = (
        "rows of people who were not reached are weighted by the inverse chance of it, within "
        f"tenths of the chance of being reached: {shown.count(len(kept))} weigh "
        f"{kept.max(initial=0):.2f} at most ({shown.count(standing.clipped)} clipped, the largest "
        f"was {standing.most:.2f}), and are as precise as {shown.count(round(precise))} of equal "
        "weight"
    )
    if standing.alone:
        said += (
            f"; for {shown.count(standing.alone)} reached rows nobody is left who could stand for "
            "them"
        )
    return said


def of_fit(
    rows: int,
    reached: int,
    cases: tuple[int, int],
    fit: tuple[Any, Any],
    shown: Counts,
    weighted: bool = False,
) -> str:
    """Observed : expected of those reached and of the others, `cases` and `fit` in that order; of
    fewer than 11 real people or cases it is not told. `weighted`: the others by `of_standing`."""
    others = rows - reached
    if fit[1] is None:
        told = f"all {shown.count(rows)} rows that test were reached"
        return f"{told}: nobody tells the risk unhelped"
    value = "not shown" if shown.hides(others) or shown.hides(cases[1]) else str(fit[1])
    said = (
        f"observed : expected among the {shown.count(others)} of {shown.count(rows)} rows that "
        f"test and were not reached{', ' + _WEIGHTED + ',' if weighted else ''} is {value} "
        f"({shown.count(cases[1])} cases)"
    )
    if fit[0] is None:
        return said
    value = "it is not shown" if shown.hides(reached) or shown.hides(cases[0]) else str(fit[0])
    return (
        f"{said}, among those reached {value} ({shown.count(cases[0])}); a case that came before "
        f"anybody called {'is none of these' if weighted else 'counts among the first'}"
    )


def refusal(reached: int, cases: int, fewest: int, shown: Counts) -> str:
    """Why the setting flag cannot be followed."""
    return (
        f"Of {shown.count(reached)} rows of people who were reached {shown.count(cases)} are "
        f"cases, and {fewest} and as many others are needed to tell what it did to them: choose "
        "include, exclude or weight for treated in the task's settings."
    )
