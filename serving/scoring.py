"""Histories + population + models → risks, tiers and reasons: the one path of night and API."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from data.codes import planned_lists
from features.as_of import matrix_of
from features.matrix import Matrix
from features.news import last_news_of
from features.plan import plan
from features.questions import Questions
from features.window import completed_years, days_of, to_day
from serving.known_scores import (
    OF_PERSON,
    Asked,
    asked_of_people,
    features_of_people,
    frame_of,
    scores_of_people,
    scores_of_stays,
)
from serving.model import RiskModel
from serving.models_in_use import TASKS as TASKS
from serving.models_in_use import Models as Models
from serving.people import People
from serving.population import DIED, NO_DISCHARGE, NOT_COVERED, NOT_KNOWN
from serving.reasons import Reason, evidence_names, reasons
from serving.store import REASON_COLUMNS

if TYPE_CHECKING:
    from features.history import Histories

NO_MODEL = "there is no model for it"
_USUAL = {
    "readmission": {"minimum_age": 65, "look_back_days": 365},
    "high-cost": {"look_back_days": 180},
}
"""Whom the models are trained on where model.json does not say it (see
`training.settings.tasks`)."""

CAUSE = "last_stay_principal"
TOLD_TIERS = ("high", "moderate")
"""The night tells the reasons of a risk in these tiers, and both risks of who is on the list."""
_AS_OBJECTS = ("patient_id", "left_out")
"""Columns of scores that are kept as they are; other texts become pandas' own."""
TOP_REASONS = 3
LOWERING_REASONS = 2


@dataclass(frozen=True)
class _Asked:
    """One model's questions: `rows` are positions in the population, in the order of `matrix`;
    `days` those as of which the features are asked."""

    model: RiskModel
    rows: np.ndarray
    days: list[date]
    matrix: Matrix

    @cached_property
    def X(self) -> pd.DataFrame:  # noqa: N802
        return self.matrix.frame()


@dataclass(frozen=True)
class Scored:
    """The risks of a population, a place a person in its order, and what they were made of.

    `columns` holds the store's score columns but the warnings: patient_id, left_out as the
    population says it, and of each risk float64 (NaN where there is none) or objects (None).
    `warnings` are those of each person. `known_asked` are the scores that clinicians know. The
    matrices stay, so that reasons can be asked for.
    """

    columns: Mapping[str, np.ndarray]
    warnings: Sequence[Sequence[str]]
    known_asked: Sequence[Asked]
    asked: Mapping[str, _Asked]
    as_of: date

    @cached_property
    def scores(self) -> pd.DataFrame:
        """One row a person: the store's score columns."""
        frame = pd.DataFrame(
            {
                name: pd.Series(values, dtype=object) if name in _AS_OBJECTS else values
                for name, values in self.columns.items()
            }
        )
        frame["warnings"] = [json.dumps(said) for said in self.warnings]
        return frame

    @cached_property
    def known(self) -> pd.DataFrame:
        """One row a person and score that clinicians know (the store's KNOWN_COLUMNS)."""
        return frame_of(self.columns["patient_id"], self.known_asked)

    def reasons(self, wanted: Mapping[str, np.ndarray]) -> pd.DataFrame:
        """One row a reason (the store's reason columns, and what makes it sensitive): for each
        task, of the people whose flag in `wanted[task]` (bool, one a row of `scores`) is set. Those
        that are sensitive stand beside the others: who may see them is asked when they are shown.
        """
        patients = self.columns["patient_id"]
        found = [
            (patients[row], task, position, r.concept, r.words, r.share, r.direction, r.actionable,
             r.sensitive)
            for task, row, position, r in self.told(wanted, beside_sensitive=True)
        ]  # fmt: skip
        return pd.DataFrame(found, columns=[*REASON_COLUMNS, "sensitive"])

    def told(
        self,
        wanted: Mapping[str, np.ndarray],
        shown: Sequence[Collection[str]] | None = None,
        beside_sensitive: bool = False,
    ) -> Iterator[tuple[str, int, int, Reason]]:
        """The same reasons, each with its task, the place of its person and its position from 1;
        among them those about the sensitive matters that `shown` names of each person, or beside
        the others all of them."""
        for task, asked in self.asked.items():
            at = np.flatnonzero(wanted[task][asked.rows])
            told = reasons(
                asked.model, asked.matrix.rows(at), [asked.days[i] for i in at],
                top=TOP_REASONS, lowering=LOWERING_REASONS, told_on=self.as_of,
                shown=None if shown is None else [shown[row] for row in asked.rows[at]],
                beside_sensitive=beside_sensitive,
            )  # fmt: skip
            for row, of_person in zip(asked.rows[at].tolist(), told, strict=True):
                for position, reason in enumerate(of_person, 1):
                    yield task, row, position, reason


def score(
    people: pd.DataFrame | People, histories: Histories, models: Models, as_of: date
) -> Scored:
    """Both risks of `people` (one row a person, as `population` answers) as of a day.

    The readmission model is asked as of `as_of` about the days that are left of those after the
    discharge, by the features of the last day on which anything new was known of the person. Its
    margin and tier leave out what the passing of days does to everybody's risk: until there is
    news, nobody falls. (A model without landmarks is asked as of the day
    of discharge, or the later one on which that became known.) The high-cost question is asked as
    of `as_of`, or of the last 31 December where the model knows yearly totals only.
    """
    who = people if isinstance(people, People) else People.of_frame(people)
    columns: dict[str, np.ndarray] = {
        "patient_id": who.patient_id,
        "left_out": who.left_out,
        "discharged_on": who.discharged_on.astype(object),
    }
    warnings: list[list[str]] = [[] for _ in range(len(who))]
    asked: dict[str, _Asked] = {}
    known: list[Asked] = []
    for task in TASKS:
        prefix = task.replace("-", "_")
        model = models.by_task.get(task)
        null_reason = _null_reasons(who, task, model is not None)
        risk, margin = np.full(len(who), np.nan), np.full(len(who), np.nan)
        tier, day = np.full(len(who), None, object), np.full(len(who), None, object)
        dollars, all_days = np.full(len(who), np.nan), np.full(len(who), np.nan)
        rows = np.flatnonzero(_equal(null_reason, None))
        if model is not None:
            days = _asked_on(who, rows, task, model, as_of)
            known_on = _known_on(who, rows, task, model, days, histories)
            names = _asked_names(tuple(model.metadata["features"]), task)
            tonight = task == "high-cost" and bool((days == to_day(as_of)).all())
            if tonight:  # the scores about these people are asked of the same events
                names = tuple(dict.fromkeys((*names, *features_of_people(histories))))
            questions = Questions.of_arrays(who.patient_id[rows], known_on)
            wanted = plan(names, histories.carries)
            matrix = Matrix(names, matrix_of(histories, questions, wanted, cuts=model.cuts))
            if tonight:
                known += scores_of_people(rows, matrix, histories)
            margin[rows] = model.margin(matrix)
            since = _days_after_discharge(who, rows, task, days)
            risk[rows] = model.risk(margin[rows], since)
            tier[rows], day[rows] = model.tier(margin[rows]), _dates(days)
            if model.cost is not None:
                dollars[rows] = model.expected_dollars(matrix)
            asked[task] = _Asked(model, rows, _dates(known_on).tolist(), matrix)
            _warn(warnings, who, rows, days, model)
            if task == "readmission":
                all_days[rows] = model.risk(margin[rows])
                _warn_of_stays(warnings, who, rows, matrix.columns([CAUSE])[:, 0])
        columns[f"{prefix}_risk"], columns[f"{prefix}_margin"] = risk, margin
        columns[f"{prefix}_tier"], columns[f"{prefix}_asked_on"] = tier, day
        columns[f"{prefix}_null_reason"] = null_reason
        if task == "high-cost":
            columns["high_cost_expected_dollars"] = dollars
        else:
            columns["readmission_all_days_risk"] = all_days
    recent, known_now = (
        np.flatnonzero(_equal(_null_reasons(who, task, is_there=True), None)) for task in TASKS
    )
    known += scores_of_stays(who.patient_id, who.admitted_on, recent, histories, as_of)
    if not any(one.name in OF_PERSON for one in known):
        today = np.full(len(known_now), to_day(as_of), np.int32)
        questions = Questions.of_arrays(who.patient_id[known_now], today)
        known += scores_of_people(known_now, asked_of_people(histories, questions), histories)
    return Scored(columns, warnings, known, asked, as_of)


@lru_cache(maxsize=16)
def _asked_names(features: tuple[str, ...], task: str) -> tuple[str, ...]:
    """A model's own features first, then what its reasons and warnings need beside them."""
    names = evidence_names(features)
    return tuple(dict.fromkeys([*names, CAUSE] if task == "readmission" else names))


def _equal(values: np.ndarray, value: str | None) -> np.ndarray:
    """Which of some objects equal this one (bool)."""
    return np.asarray(values == value, dtype=bool)


def _dates(days: np.ndarray) -> np.ndarray:
    """int32 days as dates (objects)."""
    return days.astype("datetime64[D]").astype(object)


def _null_reasons(people: People, task: str, is_there: bool) -> np.ndarray:
    """Why each person has no risk of this kind (objects); None for who has one."""
    why = np.full(len(people), None if is_there else NO_MODEL, dtype=object)
    if task == "readmission":
        why[np.isnat(people.discharged_on)] = NO_DISCHARGE
        why[people.in_hospital] = "in hospital now"
    for reason in (DIED, NOT_COVERED, NOT_KNOWN):
        why[_equal(people.left_out, reason)] = reason
    return why


def _asked_on(
    people: People, rows: np.ndarray, task: str, model: RiskModel, as_of: date
) -> np.ndarray:
    """The day of each question (int32)."""
    if task == "readmission" and not model.has_landmarks:
        return days_of(np.fmax(people.discharged_on[rows], people.discharge_seen_on[rows]))
    day = as_of
    if model.metadata["asked_on"] == "31 December" and (as_of.month, as_of.day) != (12, 31):
        day = date(as_of.year - 1, 12, 31)
    return np.full(len(rows), to_day(day), np.int32)


def _known_on(
    people: People,
    rows: np.ndarray,
    task: str,
    model: RiskModel,
    days: np.ndarray,
    histories: Histories,
) -> np.ndarray:
    """The day as of which each one's features are asked (int32): of a model of landmarks that of
    the last news, because until the next one only the windows would move."""
    if task != "readmission" or not model.has_landmarks or not len(days):
        return days
    news = last_news_of(histories, Questions.of_arrays(people.patient_id[rows], days))
    return np.maximum(news, days_of(people.discharged_on[rows])).astype(np.int32)


def _days_after_discharge(
    people: People, rows: np.ndarray, task: str, asked_on: np.ndarray
) -> np.ndarray | None:
    """Whole days from each discharge to the day that is asked as of; None where the task is no
    question about a discharge, whoever else is asked about, and without any row."""
    if task != "readmission" or not len(asked_on):
        return None
    return asked_on - days_of(people.discharged_on[rows])


def _warn_of_stays(
    warnings: list[list[str]], people: People, rows: np.ndarray, cause: np.ndarray
) -> None:
    """Stays that the measure leaves out: against advice, psychiatric, rehabilitation, cancer. The
    words are the same for all of them, so that they disclose none."""
    against_advice = _equal(people.disposition[rows], "left_against_advice")
    for at in np.flatnonzero(np.isin(cause, _never_trained_on()) | against_advice):
        warnings[rows[at]].append("the readmission model was not trained on stays of this kind")


@cache
def _never_trained_on() -> np.ndarray:
    lists = planned_lists("ICD10")
    never = lists.excluded_psychiatric | lists.excluded_rehabilitation | lists.excluded_cancer
    return np.array(sorted(never))


def _warn(
    warnings: list[list[str]],
    people: People,
    rows: np.ndarray,
    asked: np.ndarray,
    model: RiskModel,
) -> None:
    """Says of whom the model was not trained on people like them."""
    trained_on = _USUAL[model.task] | dict(model.metadata["trained_on"])
    if len(rows) == 0:
        return
    youngest = trained_on.get("minimum_age")
    born = people.birth_on[rows]
    if youngest is not None:
        age = np.full(len(rows), np.nan)
        known = ~np.isnat(born)
        age[known] = completed_years(days_of(born[known]), asked[known])
        for at in np.flatnonzero(age < youngest):
            warnings[rows[at]].append(
                f"the {model.task} model was not trained on people under {youngest}"
            )
        for at in np.flatnonzero(np.isnan(age)):
            warnings[rows[at]].append(f"age is not known, the {model.task} model needs it")
    look_back = trained_on.get("look_back_days")
    if look_back is not None:
        since = people.covered_since[rows]
        known = ~np.isnat(since)
        seen = np.full(len(rows), np.inf)
        seen[known] = asked[known] - days_of(since[known])
        for at in np.flatnonzero(seen < look_back):
            warnings[rows[at]].append(
                f"the {model.task} model was not trained on people covered for less than "
                f"{look_back} days"
            )
