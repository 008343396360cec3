"""One risk of a patient in the words and pictures of his page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, cast

from serving.api.patients import PastRisk, PatientPage
from serving.cost_words import window_in_words
from serving.horizons import horizons_of_run
from serving.pages.listed_rows import reason_sentence
from serving.pages.risk_picture import RiskPicture, Told, risk_picture
from serving.pages.words import count, day, in_100, say, sentence
from serving.risk_schemas import ReadmissionRisk, Reason, Risk
from serving.scoring import TASKS
from serving.store.night_tables import QUEUE_TASK
from serving.store.nights import Run

Task = Literal["readmission", "high-cost"]
BAR, MIDDLE = 160, 80
"""How wide the picture of a reason is, and where what raises parts from what lowers."""
_ORDER = {"high": 3, "moderate": 2, "low": 1, None: 0}


@dataclass(frozen=True)
class ReasonTold:
    """One reason: its words, a bar from `start`, `width` wide, and what it does to the odds of the
    score before it is calibrated, which is not by how much the risk in 100 moves."""

    concept: str
    words: str
    raises: bool
    start: float
    width: float
    odds: str
    next_step: str


@dataclass(frozen=True)
class OneRisk:
    """One risk. `figure` is "" where there is none, and `why_none` says why; `reasons` are None
    where the run did not explain it. `more` are sentences beside the figure."""

    task: Task
    figure: str
    of: str
    why_none: str
    tier: str | None
    more: Sequence[str]
    reasons: Sequence[ReasonTold] | None
    picture: RiskPicture | None
    nights: Sequence[tuple[date, str, str, date | None]]
    """Day, risk in words, model and (of a readmission) the day of discharge of what the picture
    shows, the newest first."""

    @property
    def raising(self) -> list[ReasonTold]:
        return [one for one in self.reasons or () if one.raises]


def risks_of(told: PatientPage, run: Run) -> list[OneRisk]:
    """Both risks: first the one by which the patient stands on the list; of whom is not on it, the
    one of the higher tier."""
    both = [_one(task, told, run) for task in TASKS]
    if told.place is not None:
        leads = QUEUE_TASK[told.place.queue]
        return sorted(both, key=lambda one: one.task != leads)
    return sorted(both, key=lambda one: (not one.figure, -_ORDER[one.tier]))


def _one(task: str, told: PatientPage, run: Run) -> OneRisk:
    horizons = horizons_of_run(run.manifest)
    limits = run.manifest.get("models", {}).get(task, {}).get("tiers", {})
    nights = [_night(task, one) for one in told.over_time]
    picture = risk_picture(nights, limits)
    held: Risk = told.readmission if task == "readmission" else told.high_cost
    if task == "readmission":
        of, more = _readmission(told, horizons[task])
        risk = told.readmission.all_days_risk
        risk = held.risk if risk is None else risk  # a run of before it was told
    else:
        of, more = _high_cost(told, horizons[task])
        risk = held.risk
    is_known = risk is not None
    return OneRisk(
        task=cast("Task", task),
        figure="" if risk is None else in_100(risk),
        of=of if is_known else "",
        why_none="" if is_known else held.not_scored or say("patient.not_scored"),
        tier=held.tier,
        more=more if is_known else (),
        reasons=None if held.reasons is None else _reasons(held.reasons),
        picture=picture,
        nights=[
            (one.day, in_100(one.risk or 0.0), one.model or "", one.discharged_on)
            for one in reversed(picture.known if picture else ())
        ],
    )


def _readmission(told: PatientPage, days: int) -> tuple[str, Sequence[str]]:
    risk: ReadmissionRisk = told.readmission
    of = say("patient.of_readmission", days=days)
    if told.discharged_on is not None:
        of = say("patient.of_readmission_since", days=days, day=day(told.discharged_on))
    left = risk.days_left
    if risk.risk is None or risk.all_days_risk is None or left is None or left >= days:
        return of, ()
    return of, (count("patient.days_left", left, risk=in_100(risk.risk)),)


def _high_cost(told: PatientPage, days: int) -> tuple[str, Sequence[str]]:
    window = window_in_words(days, told.high_cost.asked_on or told.as_of, told.as_of)
    cost = told.high_cost.expected_cost
    of = say("risk.of_high_cost", window=window)
    return of, () if cost is None else (sentence(cost.words), say("patient.cost_is_no_need"))


def _night(task: str, past: PastRisk) -> Told:
    """Of a readmission the risk over all days: of those that are left it falls with every day."""
    model = past.models.get(task)
    if task == "readmission":
        return Told(past.as_of, past.readmission_all_days_risk, model, past.discharged_on)
    return Told(past.as_of, past.high_cost_risk, model)


def _reasons(held: Sequence[Reason]) -> list[ReasonTold]:
    longest = max((abs(one.share) for one in held), default=0.0) or 1.0
    return [_reason(one, longest) for one in held]


def _reason(one: Reason, longest: float) -> ReasonTold:
    raises = one.direction == "raises"
    width = round(max(abs(one.share) / longest * (MIDDLE - 2), 1.0), 1)
    return ReasonTold(
        concept=one.concept,
        words=reason_sentence(one.words),
        raises=raises,
        start=MIDDLE if raises else MIDDLE - width,
        width=width,
        odds=say(f"odds.{one.direction}", times=f"{math.exp(one.share):.2g}"),
        next_step=sentence(one.next_step or ""),
    )


def steps_of(risks: Sequence[OneRisk], most: int = 3) -> list[str]:
    """What might be done next, each once, by the weightiest reason first."""
    told: dict[str, Any] = {
        one.next_step: None for risk in risks for one in risk.raising if one.next_step
    }
    return list(told)[:most]
