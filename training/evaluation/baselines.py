"""What a model must beat on the same rows: the scores that people use without one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.history import Histories
from features.hospital_score import FORMS, hospital_of
from features.index_stay import index_stay
from features.indices import person_scores, score_called
from features.lace import ITEMS as LACE_PARTS
from features.lace import lace_of
from features.score_range import Item
from training.fitting.matrix import index_of

_SHARE_TOLD = 0.5
_SERVICE = "oncology service"
PRIOR_ADMISSIONS = "prior admissions"
_BY_NAME = {
    "LACE": "lace", "HOSPITAL 2016": "hospital_2016", "HOSPITAL 2013": "hospital_2013",
    "HOSPITAL simplified": "hospital_simplified", "Charlson 2011": "charlson_2011",
    "Elixhauser (van Walraven)": "elixhauser", "CMS-HCC V28 conditions": "hcc_v28",
    "prior-year cost": "prior_year_cost",
}  # fmt: skip
"""A baseline's whole name → the score that it is (`features.indices.SCORES`)."""
_OF_PEOPLE = {
    "readmission": ("Charlson 2011",),
    "high-cost": (
        "prior-year cost", "CMS-HCC V28 conditions", "Charlson 2011", "Elixhauser (van Walraven)",
    ),
}  # fmt: skip


def baselines_of(
    histories: Histories, rows: pd.DataFrame, task: str
) -> dict[str, NDArray[np.float64]]:
    """One score a baseline, one entry a row; NaN throughout where it is not evaluable, and on
    rows of which an input is not known.

    Readmission: prior admissions (acute stays in the year before admission), LACE, the three forms
    of HOSPITAL and Charlson's index; see `named` for what a source does not carry. High cost:
    allowed cost of the year before as_of, CMS-HCC's conditions, Charlson's and Elixhauser's
    indices. All as far as known at as_of. Most were made for other outcomes: `made_for` says so.
    """
    index = index_of(rows)
    if task == "readmission":
        return {**_of_stays(histories, index), **_of_people(histories, index, task)}
    return _of_people(histories, index, task)


def made_for(baselines: Iterable[str], outcome: str) -> list[str]:
    """What is to be said beside every comparison: one remark for each outcome that some of these
    baselines (by their names) were made for. `outcome` is ours, in words. Counts of what was
    (admissions, cost) were made for none.

    >>> made_for(["prior admissions", "LACE without A"], "death within a year")
    ['made for another outcome (death or unplanned readmission within 30 days of a discharge) \
and judged here by death within a year: LACE']
    """
    by_aim: dict[str, list[str]] = {}
    for baseline in baselines:
        whole = whole_name(baseline)
        if whole in _BY_NAME and _BY_NAME[whole] != "prior_year_cost":
            by_aim.setdefault(score_called(_BY_NAME[whole]).made_for, []).append(whole)
    return [
        f"made for another outcome ({aim}) and judged here by {outcome}: {', '.join(names)}"
        for aim, names in by_aim.items()
    ]


def whole_name(baseline: str) -> str:
    """The name of the score that a baseline is, or is a part of.

    >>> whole_name("LACE without A, E")
    'LACE'
    """
    return baseline.split(" without ")[0]


def named(
    points: pd.DataFrame, items: Sequence[Item], name: str, without: tuple[str, ...] = ()
) -> dict[str, NDArray[np.float64]]:
    """A score by its whole name where each item is known of half of the rows at least, else the
    named partial score of the items that are ("LACE without A, E"). `without` names what the
    points lack already.

    NaN on rows of which one of those items is not known; NaN throughout, by the whole name, where
    those items can give no more than half of the points.
    """
    kept = [item for item in items if _is_told(points[item.letter])]
    lost = (item.letter.upper() for item in items if item not in kept)
    lacking = ", ".join((*without, *lost))
    if 2 * sum(item.most for item in kept) <= sum(item.most for item in items):
        return {name: np.full(len(points), np.nan)}
    whole = f"{name} without {lacking}" if lacking else name
    return {whole: _numbers(points[[item.letter for item in kept]].sum(axis=1, skipna=False))}


def _of_stays(histories: Histories, index: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    facts = index_stay(histories, index)
    made = {PRIOR_ADMISSIONS: _numbers(facts["stays"]), **named(lace_of(facts), LACE_PARTS, "LACE")}
    called = {score: name for name, score in _BY_NAME.items()}
    for form in FORMS:
        told, without = facts, ()
        if form.cancer and not _is_told(facts["oncology"]) and _is_told(facts["conditions"]):
            told, without = facts.assign(oncology=0.0), (_SERVICE,)  # by its other half alone
        made |= named(hospital_of(told, form), form.items, called[form.name], without)
    return made


def _is_told(column: pd.Series) -> bool:
    """Whether it is known of at least half of the rows."""
    return bool(column.notna().mean() >= _SHARE_TOLD)


def _of_people(
    histories: Histories, index: pd.DataFrame, task: str
) -> dict[str, NDArray[np.float64]]:
    asked = _OF_PEOPLE[task]
    found = person_scores(histories, index, tuple(_BY_NAME[name] for name in asked))
    return {name: _numbers(found[f"{_BY_NAME[name]}_low"]) for name in asked}


def _numbers(column: object) -> NDArray[np.float64]:
    return np.asarray(column, dtype=np.float64).reshape(-1)
