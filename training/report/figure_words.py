"""How a figure is written for people: few digits, its interval beside it, and no small group."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeGuard

from data.small_cells import SMALLEST_SHOWN, Counts
from training.report.document import Cell, Table

NOTHING = "–"
"""Stands where a figure is not known or does not exist."""
OF_PATIENTS = frozenset((
    "patient_id", "encounter_id", "record_id", "person", "member_id", "source_row",
    "first_encounter_id",
))  # fmt: skip
"""Columns that name somebody: no table of a document has them, whoever wrote the file."""

Form = Callable[[float], str]


def decimals(places: int) -> Form:
    """A number with so many places, a negative one with a minus sign.

    >>> decimals(3)(-0.0231)
    '−0.023'
    """

    def form(value: float) -> str:
        text = f"{value:,.{places}f}"
        if not text.strip("-0.,"):  # no minus before nothing
            return text.lstrip("-")
        return text.replace("-", "−")

    return form


def per_cent(value: float) -> str:
    """A share in per cent: whole from 10 % on, one place below.

    >>> per_cent(0.1574), per_cent(0.034), per_cent(0.0)
    ('16%', '3.4%', '0%')
    """
    shown = 100 * value
    return f"{shown:.0f}%" if shown == 0 or abs(shown) >= 9.95 else f"{shown:.1f}%"


def points(value: float) -> str:
    """A difference of shares in percentage points.

    >>> points(-0.12195)
    '−12.2'
    """
    return decimals(1)(100 * value)


def dollars(value: float) -> str:
    """Whole dollars."""
    return f"−${-value:,.0f}" if value <= -0.5 else f"${value:,.0f}"


def cents(value: float) -> str:
    """Cents, written in whole dollars."""
    return dollars(value / 100)


def few_digits(value: float) -> str:
    """A number of which nothing is known: whole ones whole, others with three digits.

    >>> few_digits(12345.0), few_digits(0.012345), few_digits(123.456)
    ('12,345', '0.0123', '123')
    """
    if value == round(value) and abs(value) < 1e15:
        return f"{value:,.0f}".replace("-", "−")
    places = min(6, max(0, 2 - math.floor(math.log10(abs(value)))))
    text = f"{value:,.{places}f}".replace("-", "−")
    return text.rstrip("0").rstrip(".") if places else text


def between(form: Form, value: float, low: float, high: float) -> str:
    """A figure with its 95 % interval in brackets, without brackets where there is none.

    >>> between(decimals(2), 0.71, 0.6, 0.8)
    '0.71 (0.60 to 0.80)'
    """
    if not _is_number(value):
        return NOTHING
    if not (_is_number(low) and _is_number(high)):
        return form(value)
    return f"{form(value)} ({form(low)} to {form(high)})"


def said(form: Form, value: Any) -> str:
    """A figure, NOTHING where it is none."""
    return form(float(value)) if _is_number(value) else NOTHING


def base_rate(judged: Mapping[str, Any], counts: Counts) -> str:
    """The share of cases of an evaluation; of real people not where it would tell a small group."""
    cases, others = judged["events"], judged["rows"] - judged["events"]
    if counts.guarded and min(cases, others) < SMALLEST_SHOWN:
        return "a share that is not shown"
    return per_cent(judged["base_rate"])


_THREE, _TWO = decimals(3), decimals(2)
_COUNTS = frozenset((
    "rows", "people", "events", "cases", "rows_removed", "people_removed", "rows_left",
    "people_left", "outcomes_left", "rows_untried", "asked", "known_back", "back_unknown", "died",
    "not_yet", "encounters", "without_amount", "lists", "reached", "learned_rows", "learned_cases",
    "cases_reached", "cases_others", "in_programme", "lowered", "by_a_percent", "below",
))  # fmt: skip
_FORMS: Mapping[str, Form] = {
    **dict.fromkeys(
        ("base_rate", "mean_risk", "sensitivity", "specificity", "ppv", "cost_captured", "share",
         "threshold", "mean_true_risk", "completion", "bloomers_found", "stayers_found",
         "share_of_unplanned_days", "told", "rows_above", "cost_above", "mean_share", "risk",
         "share_of_list", "share_of_people", "share_of_cases", "share_called", "raises", "lowers",
         "first_reason", "called_again", "risk_change", "mean_part"),
        per_cent,
    ),
    **dict.fromkeys(
        ("auroc", "auprc", "brier", "log_loss", "price_auroc", "auroc_within_period"), _THREE
    ),
    "net_benefit": decimals(4), "mean_size": _THREE,
    **dict.fromkeys(
        ("observed_to_expected", "calibration_slope", "calibration_intercept", "true_slope",
         "slope", "ratio", "r_squared", "cpm", "factor", "true_conditions", "counted_conditions",
         "chronic_conditions", "unplanned_days", "conditions"), _TWO,
    ),
    **dict.fromkeys(("expected", "actual", "cost", "mean_error"), dollars),
}  # fmt: skip
LABELS: Mapping[str, str] = {
    "auroc": "AUROC", "auprc": "AUPRC", "brier": "Brier score", "log_loss": "log loss",
    "ppv": "are cases (PPV)", "sensitivity": "of all cases (sensitivity)",
    "observed_to_expected": "observed : expected", "r_squared": "R squared",
    "cpm": "Cumming's measure", "true_slope": "slope against the true risk",
    "cost_captured": "of all cost", "events": "cases", "base_rate": "share with the outcome",
    "mean_risk": "mean risk said", "judgeable": "cases enough to judge",
    "cut": "tested from", "mean_size": "mean size of its share (log odds)",
    "raises": "raises the risk of", "lowers": "lowers it of", "first_reason": "first reason of",
    "called_again": "called again",
    "rows_untried": "not tried on", "price_auroc": "AUROC without the constraints minus ours",
}  # fmt: skip
"""A column's name → the words over it; others stand with spaces for their underscores."""


def table_of(
    caption: str,
    records: Sequence[Mapping[str, Any]],
    counts: Counts,
    *,
    of: str = "auroc",
    labels: Mapping[str, str] | None = None,
    forms: Mapping[str, Form] | None = None,
) -> Table:
    """The records as a table, one row each, their columns in the order of the first.

    `x_low` and `x_high` stand in brackets behind `x`; plain `low` and `high` belong to the column
    `of`. Of real people small counts are guarded by `counts`, and whatever a group of fewer than
    SMALLEST_SHOWN rows, people or cases would tell is left out. Columns of OF_PATIENTS are too.
    """
    columns = [c for c in dict.fromkeys(name for record in records for name in record)
               if c not in OF_PATIENTS]  # fmt: skip
    bounds = {}
    for name in columns:
        low, high = (name + "_low", name + "_high")
        if low in columns and high in columns:
            bounds[name] = (low, high)
        elif name == of and {"low", "high"} <= {*columns}:
            bounds[name] = ("low", "high")
    inside = {bound for pair in bounds.values() for bound in pair}
    shown = [name for name in columns if name not in inside]
    named = {**LABELS, **(labels or {})}
    rows = []
    for record in records:
        small = counts.guarded and any(
            _is_number(record.get(name)) and 0 < record[name] < SMALLEST_SHOWN
            for name in ("rows", "people", "events", "cases")
        )
        rows.append(tuple(
            _cell(name, record, bounds.get(name), counts, forms or {}, small) for name in shown
        ))  # fmt: skip
    right = frozenset(
        place for place, name in enumerate(shown)
        if all(_is_number(record.get(name)) or _is_missing(record.get(name)) for record in records)
        and any(_is_number(record.get(name)) for record in records)
    )  # fmt: skip
    header = tuple(
        (named.get(name) or name.replace("_", " ")) + (" (95 %)" if name in bounds else "")
        for name in shown
    )
    return Table(caption, header, tuple(rows), right)


def _cell(
    name: str,
    record: Mapping[str, Any],
    bounds: tuple[str, str] | None,
    counts: Counts,
    forms: Mapping[str, Form],
    small: bool,
) -> Cell:
    value = record.get(name)
    if isinstance(value, list | tuple):
        return ", ".join(words_for(one) for one in value) or NOTHING
    if not _is_number(value):
        return NOTHING if _is_missing(value) else words_for(value)
    if name in _COUNTS and name not in forms:
        return counts.count(round(value)) if value == round(value) else few_digits(value)
    if small and name not in ("landmark", "decile", "year", "threshold", "share"):
        return NOTHING
    form = forms.get(name) or _form(name, value)
    if bounds is None:
        return form(float(value))
    low, high = (record.get(bound) for bound in bounds)
    return between(form, float(value), _number(low), _number(high))


def _form(name: str, value: float) -> Form:
    if name == "called":  # a share of a list, or how many
        return per_cent if 0 <= value <= 1 and value != 1 else few_digits
    if name in ("year", "landmark", "decile"):
        return lambda number: f"{number:.0f}"
    if name.endswith("_cents"):
        return cents
    if name.endswith("_minus_score"):
        return points
    if name.startswith("share_"):
        return per_cent
    return _FORMS.get(name.removesuffix("_difference"), few_digits)


def words_for(value: Any) -> str:
    """A value of a file in words: yes or no, a figure with few digits, a text as it is."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if _is_number(value):
        return few_digits(float(value))
    return NOTHING if _is_missing(value) else str(value)


def _number(value: Any) -> float:
    return float(value) if _is_number(value) else math.nan


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and not math.isfinite(value)) or value == ""
