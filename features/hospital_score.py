"""HOSPITAL in its three forms: haemoglobin, oncology, sodium, procedure, index type, admissions,
length of stay.

Made for *potentially avoidable* readmission within 30 days of a discharge from medicine: the form
of 2013 (Donzé J et al. JAMA Intern Med 2013;173:632-8), that of 2016, which counts admissions in
other bands (Donzé JD et al. JAMA Intern Med 2016;176:496-502; the default), and the simplified one
of 2017 (Aubert CE et al. BMJ Qual Saf 2017;26:799-805). An input that is not known gives a range,
never a zero.

Decided here, where the publications leave it open: a value "at discharge" is the last one of the
stay itself; an oncology discharge is told by the specialty of the last stay's own clinician, and
by nothing else (most sources name none for a stay: not known); an active cancer is one coded from
365 days before the admission to the discharge (a cancer of the past has a code of its own); a coded
procedure has an ICD procedure code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.history import Histories
from features.index_stay import CANCER, index_stay
from features.score_range import Item, ranged
from features.stay_kernel import FACTS

LOW_HAEMOGLOBIN, LOW_SODIUM = 12.0, 135.0
"""Below these (g/dL, mmol/L) there is a point."""
LONG_STAY = 5
"""Days from which a stay is long."""

_ITEMS = (
    Item("h", 1, "haemoglobin at discharge"),
    Item("o", 2, "oncology discharge"),
    Item("s", 1, "sodium at discharge"),
    Item("p", 1, "procedures"),
    Item("it", 1, "admission type"),
    Item("a", 5, "admissions in the year before"),
    Item("l", 2, "length of stay"),
)
_THREE_GROUPS = {"low": 0, "intermediate": 5, "high": 7}


@dataclass(frozen=True)
class Form:
    """One published form. `some_admissions`: the fewest admissions in the year before that give 2
    points (more than 5 give 5). `cancer`: an active cancer counts as an oncology discharge does."""

    name: str
    items: tuple[Item, ...]
    some_admissions: int
    cancer: bool
    groups: Mapping[str, float]


HOSPITAL_2016 = Form("hospital_2016", _ITEMS, 2, False, _THREE_GROUPS)
HOSPITAL_2013 = Form("hospital_2013", _ITEMS, 1, False, _THREE_GROUPS)
HOSPITAL_SIMPLIFIED = Form(
    "hospital_simplified",
    tuple(
        Item("o", 2, "oncology discharge or active cancer") if item.letter == "o" else item
        for item in _ITEMS
        if item.letter != "p"
    ),
    2,
    True,
    {"unlikely": 0, "likely": 5},  # † two groups are published; 5 was not seen in the publication
)
FORMS = (HOSPITAL_2016, HOSPITAL_2013, HOSPITAL_SIMPLIFIED)


def hospital(histories: Histories, index: pd.DataFrame, form: Form = HOSPITAL_2016) -> pd.DataFrame:
    """HOSPITAL of one acute stay a question (`features.index_stay`); see `hospital_of`."""
    return hospital_of(index_stay(histories, index), form)


def hospital_of(facts: pd.DataFrame, form: Form) -> pd.DataFrame:
    """HOSPITAL of what `index_stay` found; one row a question in the same order, float64.

    Columns: <form>_low and <form>_high (equal where all items are known; NaN where there is no
    stay), and the points of the form's items by their letters: h, o, s, p, it, a, l (NaN where
    not known). The simplified form has no p.
    """
    found = points_of({name: facts[name].to_numpy() for name in FACTS}, form)
    return pd.DataFrame(found, index=facts.index)


def points_of(facts: Mapping[str, np.ndarray], form: Form) -> dict[str, np.ndarray]:
    """The columns of `hospital_of`, of the columns of `index_stay` as arrays."""
    oncology = facts["oncology"]
    if form.cancer:
        oncology = _either(oncology, _active_cancer(facts["conditions"]))
    every = {
        "h": _point(facts["haemoglobin"], facts["haemoglobin"] < LOW_HAEMOGLOBIN),
        "o": 2.0 * oncology,
        "s": _point(facts["sodium"], facts["sodium"] < LOW_SODIUM),
        "p": _point(facts["procedures"], facts["procedures"] > 0),
        "it": facts["emergent"],
        "a": admission_points(facts["stays"], form),
        "l": 2.0 * _point(facts["days"], facts["days"] >= LONG_STAY),
    }
    points = {item.letter: every[item.letter] for item in form.items}
    low, high = ranged(points, form.items, ~np.isnan(facts["admitted"]))
    return {f"{form.name}_low": low, f"{form.name}_high": high, **points}


def admission_points(stays: np.ndarray, form: Form) -> np.ndarray:
    """Points for admissions in the year before: 2013 0 → 0, 1–5 → 2, >5 → 5; 2016 and simplified
    0–1 → 0, 2–5 → 2, >5 → 5."""
    points = np.select([stays < form.some_admissions, stays <= 5], [0.0, 2.0], 5.0)
    return np.where(np.isnan(stays), np.nan, points)


def _active_cancer(conditions: np.ndarray) -> np.ndarray:
    bits = np.nan_to_num(conditions).astype(np.int64)
    return np.where(np.isnan(conditions), np.nan, (bits >> CANCER) & 1)


def _either(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """1 where one of the two is 1, 0 where both are 0, else not known."""
    both_known = ~(np.isnan(one) | np.isnan(other))
    return np.where((one == 1) | (other == 1), 1.0, np.where(both_known, 0.0, np.nan))


def _point(known: np.ndarray, holds: np.ndarray) -> np.ndarray:
    """1 or 0, NaN where the value is not known."""
    return np.where(np.isnan(known), np.nan, holds.astype(np.float64))
