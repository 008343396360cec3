"""Expected cost in the words of the list and of the service's answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from serving.reasons import written_date

COLUMN = "high_cost_expected_dollars"
"""The score column that holds it, US dollars."""
WHAT_IT_IS = (
    "expected cost: what insurers allow for the care; an estimate, no measure of need, and the "
    "list is not ordered by it."
)


def cost_in_words(dollars: float, horizon_days: int, asked_on: date, told_on: date) -> str:
    """Expected cost as a nurse is told it, to three figures, because it is an estimate.

    >>> cost_in_words(18_412.7, 365, date(2024, 12, 31), date(2024, 12, 31))
    'Expected cost of the next 12 months $18,400'
    >>> cost_in_words(412.7, 365, date(2009, 12, 31), date(2010, 3, 31))
    'Expected cost of the 12 months after 31 December 2009 $413'
    >>> cost_in_words(412.7, 180, date(2024, 12, 31), date(2024, 12, 31))
    'Expected cost of the next 180 days $413'
    """
    window = window_in_words(horizon_days, asked_on, told_on)
    return f"Expected cost of {window} ${float(f'{dollars:.3g}'):,.0f}"


def window_in_words(horizon_days: int, asked_on: date, told_on: date) -> str:
    """The outcome window of the risk of high cost. Who reads on another day than the one of the
    question is told from which day it runs.

    >>> window_in_words(180, date(2024, 12, 31), date(2024, 12, 31))
    'the next 180 days'
    >>> window_in_words(365, date(2009, 12, 31), date(2010, 3, 31))
    'the 12 months after 31 December 2009'
    """
    long = "12 months" if horizon_days == 365 else f"{horizon_days} days"
    if asked_on == told_on:
        return f"the next {long}"
    return f"the {long} after {written_date(asked_on, told_on)}"


def cost_of_row(row: Mapping[str, Any], horizons: Mapping[str, int], told_on: date) -> str | None:
    """The same of a person's scores (the store's score columns); None where there is none."""
    if row[COLUMN] is None:
        return None
    return cost_in_words(row[COLUMN], horizons["high-cost"], row["high_cost_asked_on"], told_on)
