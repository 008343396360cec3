"""Histories + population + models → risks, tiers and reasons: the one path of night and API."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from data.codes import planned_lists
from data.errors import InputError, RefusalError
from data.home import Home
from features.as_of import features_as_of
from features.definitions import feature
from features.news import last_news
from features.window import completed_years, days_of
from serving.known_scores import known_of
from serving.model import RiskModel
from serving.population import DIED, NO_DISCHARGE, NOT_COVERED, NOT_KNOWN, RECENT
from serving.reasons import evidence_names, reasons
from serving.store import REASON_COLUMNS

if TYPE_CHECKING:
    from features.history import Histories

TASKS = ("readmission", "high-cost")
NO_MODEL = "there is no model for it"
_USUAL = {
    "readmission": {"minimum_age": 65, "look_back_days": 365},
    "high-cost": {"look_back_days": 180},
}
"""Whom the models are trained on where model.json does not say it (see
`training.settings.tasks`)."""

_CAUSE = "last_stay_principal"
TOLD_TIERS = ("high", "moderate")
"""The night tells the reasons of a risk in these tiers, and both risks of who is on the list."""
TOP_REASONS = 3
LOWERING_REASONS = 2


@dataclass(frozen=True)
class Models:
    """The models in use, by task; at least one."""

    by_task: Mapping[str, RiskModel]

    @classmethod
    def load(cls, home: Home) -> Models:
        """Reads `home.models/<task>`. Raises InputError where there is no model at all, and
        whatever `RiskModel.load` raises where one does not fit; RefusalError where one answers
        another kind of question, or a readmission model other days than the night asks about."""
        there = [task for task in TASKS if (home.models / task).exists()]
        if not there:
            raise InputError(
                f"There is no model in {home.models}: `firstcall train --task readmission`, then "
                "`firstcall promote --task readmission`, and so with high-cost."
            )
        loaded = {task: RiskModel.load(home.models / task, task) for task in there}
        for task, model in loaded.items():
            _refuse_another_question(home.models / task, task, model.metadata)
        return cls(loaded)

    @property
    def versions(self) -> dict[str, str]:
        """The version of each model, by task."""
        return {task: model.version for task, model in self.by_task.items()}

    @property
    def carries(self) -> list[str]:
        """The feeds that any of the models was trained on, those of its features included."""
        return sorted(
            {feed for model in self.by_task.values() for feed in model.metadata["carries"]}
            | {feature(name).feed for model in self.by_task.values() for name in model.features}
        )

    def warnings(self, carries: Collection[str], as_of: date | None = None) -> list[str]:
        """What must be said of every answer from data that carry the feeds `carries`; with the
        day of a night also whether a model has seen what comes after it."""
        said = []
        for task, model in self.by_task.items():
            population = {"invented": "an invented population", "public_synthetic":
                          "public synthetic data"}.get(model.metadata["origin"])  # fmt: skip
            if population:
                said.append(
                    f"the {task} model was trained on {population}: not for decisions about "
                    "real people"
                )
            if model.metadata["asked_on"] == "31 December":
                said.append(f"the {task} model is asked on 31 December only")
            tested_from = model.metadata["trained_on"].get("test_from")
            if as_of is not None and tested_from and as_of.isoformat() < tested_from:
                said.append(
                    f"the {task} model has seen outcomes from after {as_of}: it looks better on "
                    "this day than it is"
                )
            lacking = {feature(name).feed for name in model.features} - set(carries)
            if lacking:
                said.append(
                    f"the {task} model was trained with feeds that are not here: "
                    + ", ".join(sorted(lacking))
                )
        return said


def _refuse_another_question(folder: Path, task: str, metadata: Mapping[str, Any]) -> None:
    again, kind = f"run `firstcall train --task {task}`.", metadata.get("kind")
    if kind is None:
        raise RefusalError(
            f"The model in {folder} does not say which kind of question it answers, because it was "
            f"trained by an earlier release: {again}"
        )
    if kind != task:
        raise RefusalError(f"The model in {folder} answers a question of another kind: {again}")
    days = metadata["horizon_days"]
    if task == "readmission" and days != RECENT.days:
        raise RefusalError(
            f"The model in {folder} is about {days} days after a discharge, and the night asks "
            f"about {RECENT.days}: {again}"
        )


@dataclass(frozen=True)
class _Asked:
    """One model's questions: `rows` are positions in the population, in the order of `X`."""

    model: RiskModel
    rows: np.ndarray
    days: list[date]
    X: pd.DataFrame


@dataclass(frozen=True)
class Scored:
    """`scores`: one row a person of the population, in its order: the store's score columns but
    left_out as the population says it. `known`: one row a person and score that clinicians know
    (the store's KNOWN_COLUMNS). The matrices stay, so that reasons can be asked for."""

    scores: pd.DataFrame
    known: pd.DataFrame
    asked: Mapping[str, _Asked]
    as_of: date

    def reasons(self, wanted: Mapping[str, np.ndarray]) -> pd.DataFrame:
        """One row a reason (the store's reason columns): for each task, of the people whose flag
        in `wanted[task]` (bool, one a row of `scores`) is set."""
        found: list[tuple[Any, ...]] = []
        patients = self.scores["patient_id"].to_numpy()
        for task, asked in self.asked.items():
            at = np.flatnonzero(wanted[task][asked.rows])
            told = reasons(
                asked.model, asked.X.iloc[at], [asked.days[i] for i in at],
                top=TOP_REASONS, lowering=LOWERING_REASONS, told_on=self.as_of,
            )  # fmt: skip
            for i, of_person in zip(at, told, strict=True):
                patient = patients[asked.rows[i]]
                found.extend(
                    (patient, task, position, r.concept, r.words, r.share, r.direction,
                     r.actionable)
                    for position, r in enumerate(of_person, 1)
                )  # fmt: skip
        return pd.DataFrame(found, columns=list(REASON_COLUMNS))


def score(people: pd.DataFrame, histories: Histories, models: Models, as_of: date) -> Scored:
    """Both risks of `people` (one row a person, as `population` answers) as of a day.

    The readmission model is asked as of `as_of` about the days that are left of those after the
    discharge, by the features of the last day on which anything new was known of the person. Its
    margin and tier leave out what the passing of days does to everybody's risk: until there is
    news, nobody falls. (A model without landmarks is asked as of the day
    of discharge, or the later one on which that became known.) The high-cost question is asked as
    of `as_of`, or of the last 31 December where the model knows yearly totals only.
    """
    scores = pd.DataFrame({"patient_id": people["patient_id"].astype(object)})
    scores["left_out"] = people["left_out"].astype(object)
    scores["discharged_on"] = _dates(people["discharged_on"])
    warnings: list[list[str]] = [[] for _ in range(len(people))]
    asked: dict[str, _Asked] = {}
    for task in TASKS:
        prefix = task.replace("-", "_")
        model = models.by_task.get(task)
        null_reason = _null_reasons(people, task, model is not None)
        risk, margin = np.full(len(people), np.nan), np.full(len(people), np.nan)
        tier, day = np.full(len(people), None, object), np.full(len(people), None, object)
        dollars, all_days = np.full(len(people), np.nan), np.full(len(people), np.nan)
        rows = np.flatnonzero(null_reason == "")
        if model is not None:
            days = _asked_on(people.iloc[rows], task, model, as_of)
            known_on = _known_on(people.iloc[rows], task, model, days, histories)
            index = pd.DataFrame(
                {
                    "patient_id": people["patient_id"].to_numpy()[rows],
                    "as_of": np.array(known_on, dtype="datetime64[s]"),
                }
            )
            names = evidence_names(model.features)
            if task == "readmission":
                names = list(dict.fromkeys([*names, _CAUSE]))
            X = features_as_of(histories, index, names, cuts=model.cuts)
            margin[rows] = model.margin(X)
            since = _days_after_discharge(people.iloc[rows], task, days)
            risk[rows] = model.risk(margin[rows], since)
            tier[rows], day[rows] = model.tier(margin[rows]), days
            if model.cost is not None:
                dollars[rows] = model.expected_dollars(X)
            asked[task] = _Asked(model, rows, known_on, X)
            _warn(warnings, people, rows, days, model)
            if task == "readmission":
                all_days[rows] = model.risk(margin[rows])
                _warn_of_stays(warnings, people, rows, X[_CAUSE].to_numpy())
        scores[f"{prefix}_risk"], scores[f"{prefix}_margin"] = risk, margin
        scores[f"{prefix}_tier"], scores[f"{prefix}_asked_on"] = tier, day
        scores[f"{prefix}_null_reason"] = [why or None for why in null_reason]
        if task == "high-cost":
            scores["high_cost_expected_dollars"] = dollars
        else:
            scores["readmission_all_days_risk"] = all_days
    scores["warnings"] = [json.dumps(said) for said in warnings]
    recent, known_now = (_null_reasons(people, task, is_there=True) == "" for task in TASKS)
    admitted_on = people["admitted_on"].to_numpy()
    known = known_of(
        scores["patient_id"].tolist(), admitted_on, recent, known_now, histories, as_of
    )
    return Scored(scores, known, asked, as_of)


def _dates(days: pd.Series) -> np.ndarray:
    """datetime64 as dates, None where missing."""
    return np.array([None if pd.isna(d) else d.date() for d in days], dtype=object)


def _null_reasons(people: pd.DataFrame, task: str, is_there: bool) -> np.ndarray:
    """Why each person has no risk of this kind; "" for who has one."""
    why = np.full(len(people), "", dtype=object)
    if not is_there:
        why[:] = NO_MODEL
    left_out = people["left_out"].to_numpy()
    if task == "readmission":
        why[people["discharged_on"].isna().to_numpy()] = NO_DISCHARGE
        in_hospital = people["in_hospital"].to_numpy()
        why[in_hospital] = "in hospital now"
    gone = np.isin(left_out, (DIED, NOT_COVERED, NOT_KNOWN))
    why[gone] = left_out[gone]
    return why


def _asked_on(people: pd.DataFrame, task: str, model: RiskModel, as_of: date) -> list[date]:
    if task == "readmission" and not model.has_landmarks:
        return [day.date() for day in people[["discharged_on", "discharge_seen_on"]].max(axis=1)]
    day = as_of
    if model.metadata["asked_on"] == "31 December" and (as_of.month, as_of.day) != (12, 31):
        day = date(as_of.year - 1, 12, 31)
    return [day] * len(people)


def _known_on(
    people: pd.DataFrame, task: str, model: RiskModel, days: list[date], histories: Histories
) -> list[date]:
    """The day as of which each one's features are asked: of a model of landmarks that of the last
    news, because until the next one only the windows would move."""
    if task != "readmission" or not model.has_landmarks or not days:
        return days
    index = {"patient_id": people["patient_id"].to_numpy(), "as_of": days}
    news = last_news(histories, pd.DataFrame(index))
    known = np.maximum(news, days_of(people["discharged_on"]).astype(np.int64))
    return known.astype("datetime64[D]").tolist()


def _days_after_discharge(
    people: pd.DataFrame, task: str, asked_on: list[date]
) -> np.ndarray | None:
    """Whole days from each discharge to the day that is asked as of; None where the task is no
    question about a discharge, whoever else is asked about, and without any row."""
    if task != "readmission" or not asked_on:
        return None
    return days_of(asked_on) - days_of(people["discharged_on"])


def _warn_of_stays(
    warnings: list[list[str]], people: pd.DataFrame, rows: np.ndarray, cause: np.ndarray
) -> None:
    """Stays that the measure leaves out: against advice, psychiatric, rehabilitation, cancer. The
    words are the same for all of them, so that they disclose none."""
    lists = planned_lists("ICD10")
    never = lists.excluded_psychiatric | lists.excluded_rehabilitation | lists.excluded_cancer
    against_advice = people["disposition"].iloc[rows].eq("left_against_advice").to_numpy()
    for at in np.flatnonzero(np.isin(cause, sorted(never)) | against_advice):
        warnings[rows[at]].append("the readmission model was not trained on stays of this kind")


def _warn(
    warnings: list[list[str]],
    people: pd.DataFrame,
    rows: np.ndarray,
    days: list[date],
    model: RiskModel,
) -> None:
    """Says of whom the model was not trained on people like them."""
    trained_on = _USUAL[model.task] | dict(model.metadata["trained_on"])
    if len(rows) == 0:
        return
    of_rows = people.iloc[rows]
    asked = days_of(days)
    youngest = trained_on.get("minimum_age")
    born = of_rows["birth_on"]
    if youngest is not None:
        age = np.full(len(rows), np.nan)
        known = born.notna().to_numpy()
        age[known] = completed_years(days_of(born[known]), asked[known])
        for at in np.flatnonzero(age < youngest):
            warnings[rows[at]].append(
                f"the {model.task} model was not trained on people under {youngest}"
            )
        for at in np.flatnonzero(np.isnan(age)):
            warnings[rows[at]].append(f"age is not known, the {model.task} model needs it")
    look_back = trained_on.get("look_back_days")
    if look_back is not None:
        since = of_rows["covered_since"]
        known = since.notna().to_numpy()
        seen = np.full(len(rows), np.inf)
        seen[known] = asked[known] - days_of(since[known])
        for at in np.flatnonzero(seen < look_back):
            warnings[rows[at]].append(
                f"the {model.task} model was not trained on people covered for less than "
                f"{look_back} days"
            )
