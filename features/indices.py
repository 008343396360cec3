"""The scores that clinicians know, side by side, of the same histories seen at the same as_of.

They stand beside a model as its baselines, and beside a risk wherever a person sees one. All were
made for other outcomes than ours (`Score.made_for`): whoever compares says so. An input that is
not known gives a range, never a zero. LACE and HOSPITAL have a file each; Charlson, Elixhauser and
CMS-HCC are features (`features.definitions.comorbidity`).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from features.as_of import features_as_of, matrix_of
from features.history import Histories
from features.hospital_score import FORMS, HOSPITAL_2013, HOSPITAL_2016, hospital
from features.hospital_score import HOSPITAL_SIMPLIFIED as SIMPLIFIED
from features.hospital_score import points_of as hospital_points
from features.index_stay import index_stay
from features.lace import GROUPS as LACE_GROUPS
from features.lace import ITEMS as LACE_PARTS
from features.lace import lace
from features.lace import points_of as lace_points
from features.matrix import Matrix
from features.plan import plan
from features.questions import Questions
from features.score_range import group_of, lacking

__all__ = [
    "SCORES", "Score", "hospital", "known_scores", "lace", "prior_admissions", "prior_year_cost",
    "score_called",
]  # fmt: skip

_AVOIDABLE = "potentially avoidable readmission within 30 days of a discharge"


@dataclass(frozen=True)
class Score:
    """A score as people call it; of several forms the one that a nurse sees has the plain name.
    `made_for`: the outcome that it was made to predict, "" for what was spent, which predicts none.
    `of_stay`: it is about one acute stay; else about a person on a day, and `column` is the feature
    that tells it ("" for prior-year cost). `groups`: the fewest points of each, where the score has
    groups."""

    name: str
    words: str
    made_for: str
    of_stay: bool = False
    column: str = ""
    unit: Literal["points", "US dollars"] = "points"
    groups: Mapping[str, float] = field(default_factory=dict)

    def say(self, low: float, high: float, without: str) -> str:
        """The score in words, with its group; `without` is what is not known.

        >>> score_called("lace").say(8, 11, "admission type")
        'LACE 8–11 (moderate to high; not known: admission type)'
        >>> score_called("lace").say(11, 11, "")
        'LACE 11 (high)'
        >>> score_called("charlson_2011").say(math.nan, math.nan, "no diagnoses are carried")
        'Charlson not known: no diagnoses are carried'
        """
        if math.isnan(low):
            return f"{self.words} not known: {without}"
        value = self._number(low) if low == high else f"{self._number(low)}–{self._number(high)}"
        about = [self.group(low, high), "" if low == high else f"not known: {without}"]
        beside = "; ".join(filter(None, about))
        return f"{self.words} {value} ({beside})" if beside else f"{self.words} {value}"

    def group(self, low: float, high: float) -> str:
        """The group that a range lies in, "" where the score has none or is not known."""
        return group_of(low, high, self.groups) if self.groups else ""

    def _number(self, value: float) -> str:
        if self.unit == "US dollars":
            return f"${value:,.0f}"
        return f"{value:.0f}" if value == round(value) else f"{value:.3f}"


SCORES: tuple[Score, ...] = (
    Score("lace", "LACE", "death or unplanned readmission within 30 days of a discharge",
          of_stay=True, groups=LACE_GROUPS),
    Score("hospital_2016", "HOSPITAL", _AVOIDABLE, of_stay=True, groups=HOSPITAL_2016.groups),
    Score("hospital_2013", "HOSPITAL (2013)", _AVOIDABLE, of_stay=True,
          groups=HOSPITAL_2013.groups),
    Score("hospital_simplified", "HOSPITAL (simplified)", _AVOIDABLE, of_stay=True,
          groups=SIMPLIFIED.groups),
    Score("charlson_1987", "Charlson (weights of 1987)", "death within a year of an admission",
          column="charlson_1987_365"),
    Score("charlson_2011", "Charlson", "death within a year of a discharge",
          column="charlson_2011_365"),
    Score("elixhauser", "Elixhauser (van Walraven)", "death in hospital",
          column="elixhauser_van_walraven_365"),
    Score("hcc_v28", "CMS-HCC V28 (conditions)", "Medicare's cost of a member in the next year",
          column="hcc_v28_365"),
    Score("prior_year_cost", "prior-year cost", "", unit="US dollars"),
)  # fmt: skip
"""Every score that is known here, in the order in which it is told."""
_FORM_CALLED = {form.name: form for form in FORMS}
_BY_NAME = {score.name: score for score in SCORES}
_NO_STAY = "no discharge from an acute stay is seen"
_NOT_CARRIED = {
    "charlson_1987": "no diagnoses are carried",
    "charlson_2011": "no diagnoses are carried",
    "elixhauser": "no diagnoses are carried",
    "hcc_v28": "no ICD-10-CM diagnoses are carried",
    "prior_year_cost": "no costs are carried",
}
"""Why a score about a person is not known. Where costs are carried there may be none of the year;
the others are known of everybody whose source carries what they count."""
_NO_AMOUNT = "no amount is seen"


def score_called(name: str) -> Score:
    """The score of that name. Raises KeyError where there is none."""
    return _BY_NAME[name]


def known_scores(histories: Histories, index: pd.DataFrame) -> pd.DataFrame:
    """Every score of SCORES beside each other; one row a question, in the order of `index`.

    `index` has patient_id and as_of, and admitted_on where LACE and HOSPITAL are to be those of an
    episode (`features.index_stay`). Of each score three columns: <name>_low and <name>_high
    (float64; equal where all inputs are known, NaN where it is not evaluable) and <name>_lacking
    (text: which inputs are not known, or why it is not evaluable; "" where it is whole).
    """
    stays = stay_scores(histories, index)
    return stays.join(person_scores(histories, index))


def stay_scores(histories: Histories, index: pd.DataFrame) -> pd.DataFrame:
    """The columns of `known_scores` of LACE and the three forms of HOSPITAL."""
    facts = index_stay(histories, index)
    by_name = {str(name): facts[name].to_numpy() for name in facts}
    return pd.DataFrame(stay_score_columns(histories, by_name), index=index.index)


def stay_score_columns(
    histories: Histories, facts: Mapping[str, np.ndarray], names: Collection[str] | None = None
) -> dict[str, np.ndarray]:
    """The columns of `stay_scores`, or of the scores called `names`, of the columns of
    `index_stay`."""
    why = _NO_STAY if "encounter" in histories.carries else "no encounters are carried"
    there = ~np.isnan(facts["admitted"])
    made: dict[str, np.ndarray] = {}
    for name in (score.name for score in SCORES if score.of_stay):
        if names is not None and name not in names:
            continue
        form = _FORM_CALLED.get(name)
        items = LACE_PARTS if form is None else form.items
        points = lace_points(facts) if form is None else hospital_points(facts, form)
        made[f"{name}_low"], made[f"{name}_high"] = points[f"{name}_low"], points[f"{name}_high"]
        said = lacking(points, items, len(there))
        said[~there] = why
        made[f"{name}_lacking"] = said
    return made


def person_scores(
    histories: Histories, index: pd.DataFrame, names: tuple[str, ...] | None = None
) -> pd.DataFrame:
    """The columns of `known_scores` of the scores that are about a person on a day, or of those
    called `names`."""
    columns = person_features(histories, names)
    questions = Questions.of(index[["patient_id", "as_of"]])
    found = matrix_of(histories, questions, plan(columns, histories.carries))
    made = person_score_columns(histories, Matrix(columns, found), names)
    return pd.DataFrame(made, index=index.index)


def person_features(histories: Histories, names: tuple[str, ...] | None = None) -> tuple[str, ...]:
    """The features that tell the scores about a person, or those called `names`."""
    return tuple(score.column or _cost_column(histories) for score in _of_person(names))


def _of_person(names: tuple[str, ...] | None) -> list[Score]:
    return [s for s in SCORES if not s.of_stay and (names is None or s.name in names)]


def person_score_columns(
    histories: Histories, found: Matrix, names: tuple[str, ...] | None = None
) -> dict[str, np.ndarray]:
    """The columns of `person_scores`, of the features that `person_features` names."""
    made: dict[str, np.ndarray] = {}
    asked = _of_person(names)
    values = found.columns(person_features(histories, names)).astype(np.float64)
    for place, score in enumerate(asked):
        value = values[:, place]
        is_cost = score.unit == "US dollars"
        why = _NO_AMOUNT if is_cost and "cost" in histories.carries else _NOT_CARRIED[score.name]
        made[f"{score.name}_low"] = made[f"{score.name}_high"] = value
        said = np.full(len(value), "", dtype=object)
        said[np.isnan(value)] = why
        made[f"{score.name}_lacking"] = said
    return made


def prior_admissions(histories: Histories, index: pd.DataFrame) -> pd.Series:
    """Acute admissions in the 365 days before the stay's day of admission; one a question.

    The stay is that of `features.index_stay`. NaN where there is none.
    """
    return index_stay(histories, index)["stays"].rename("prior_admissions")


def prior_year_cost(histories: Histories, index: pd.DataFrame) -> pd.Series:
    """Allowed amount of the last year, US dollars; one a question.

    Of claims, the 365 days up to as_of; where the source's costs are told by calendar year
    (cost_covers of its manifest, or no claims carried), the last year whose total is known and
    ended less than 730 days ago. NaN where neither is carried, or no such total is seen.
    """
    name = _cost_column(histories)
    return features_as_of(histories, index, [name])[name].rename("prior_year_cost")


def _cost_column(histories: Histories) -> str:
    by_year = histories.manifest.get("cost_covers") == "year"
    by_claim = "cost_claim" in histories.carries and not by_year
    return "cost_total_365" if by_claim else "costyear_total_last_year"
