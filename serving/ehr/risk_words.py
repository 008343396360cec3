"""A risk in the words that an EHR shows: per cent, the window, what raises and lowers the score.

The words say what was seen, never that it caused anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from serving.cost_words import window_in_words
from serving.ehr.plain_text import plain
from serving.eligibility import OF_THE_LIST
from serving.reasons import written_date
from serving.worklist import BEYOND_CAPACITY

if TYPE_CHECKING:
    from serving.ehr.told import (
        ModelTold,
        PatientTold,
        ReadmissionTold,
        ReasonTold,
        RiskTold,
        Task,
    )

NO_DENIAL = (
    "The score orders outreach. It is never a reason to deny or delay care, coverage or price, and "
    "does not replace clinical judgement."
)
UNTOLD = "The reasons were not worked out in this run."
MOST_STEPS = 3


def per_cent(risk: float) -> str:
    """A risk as it is said. What is no certainty is not said as one.

    >>> [per_cent(risk) for risk in (0.2149, 0.004, 0.00004, 0.9996, 1.0)]
    ['21%', '0.4%', 'under 0.1%', 'over 99%', '100%']
    """
    if 0 < risk < 0.0005:
        return "under 0.1%"
    if risk < 0.0095:
        return f"{risk:.1%}"
    return "over 99%" if 0.995 <= risk < 1 else f"{risk:.0%}"


def risks_of(patient: PatientTold) -> list[tuple[Task, RiskTold]]:
    """Both risks, readmission first."""
    return [("readmission", patient.readmission), ("high-cost", patient.high_cost)]


def outcome_words(task: Task, model: ModelTold) -> str:
    """What the risk is the chance of."""
    if task == "readmission":
        return f"unplanned readmission to an acute hospital within {model.horizon_days} days"
    return f"being among the costliest in {model.horizon_days} days"


def risk_in_words(task: Task, patient: PatientTold, model: ModelTold) -> str:
    """A risk with the days that it is about: "25% over the 30 days after the discharge on 9 May,
    21% in the 23 days left" or "7% in the next 12 months". The risk over all days comes first: the
    tier goes by it, and it does not fall because days pass."""
    if task == "readmission":
        return _after_discharge(patient.readmission, patient, model)
    risk = patient.high_cost
    window = window_in_words(model.horizon_days, risk.asked_on or patient.as_of, patient.as_of)
    return f"{_told(risk)} in {window}"


def all_days_in_words(patient: PatientTold, model: ModelTold) -> str | None:
    """The risk of readmission over all days after the discharge, None where it stands nowhere
    beside that of the days that are left."""
    risk = patient.readmission
    if not days_are_gone(risk, model) or risk.all_days_risk is None:
        return None
    return f"{per_cent(risk.all_days_risk)} {_over_all_days(patient, model)}"


def days_are_gone(risk: ReadmissionTold, model: ModelTold) -> bool:
    """Whether fewer days of the window after the discharge are left than it has."""
    return risk.days_left is not None and risk.days_left < model.horizon_days


def days_left_in_words(risk: ReadmissionTold) -> str:
    """ "12 days", "1 day"."""
    return f"{risk.days_left} day{'' if risk.days_left == 1 else 's'}"


def _after_discharge(risk: ReadmissionTold, patient: PatientTold, model: ModelTold) -> str:
    if not days_are_gone(risk, model):
        return f"{_told(risk)} {_over_all_days(patient, model)}"
    left = f"{_told(risk)} in the {days_left_in_words(risk)} left"
    all_days = all_days_in_words(patient, model)
    if all_days is None:
        return f"{left} of the {model.horizon_days} after {_discharge(patient)}"
    return f"{all_days}, {left}"


def _over_all_days(patient: PatientTold, model: ModelTold) -> str:
    return f"over the {model.horizon_days} days after {_discharge(patient)}"


def _discharge(patient: PatientTold) -> str:
    day = patient.discharged_on
    return "the discharge" + (f" on {written_date(day, patient.as_of)}" if day else "")


def _told(risk: RiskTold) -> str:
    assert risk.risk is not None
    return per_cent(risk.risk)


def why_not_listed(patient: PatientTold) -> str | None:
    """Why somebody is not on the call list, in one sentence; None where there is nothing to say.
    What the list knows beside the rows is true of that list: who was only beyond capacity is not
    somebody whom nobody should call, and whoever was reached may be called again by now."""
    said = plain(patient.left_out or "")
    if said in OF_THE_LIST:
        day = written_date(patient.as_of, patient.as_of)
        why = "its places were taken" if said == BEYOND_CAPACITY else said
        return f"Not on the list of {day}: {why}."
    return f"Not to be called, as far as known: {said}." if said else None


def reasons_by_direction(risk: RiskTold) -> dict[str, list[str]]:
    """The words of what raises and of what lowers a risk, each in their order, each in one line."""
    told = [(reason.direction, plain(reason.words)) for reason in risk.reasons or ()]
    return {
        way: [words for direction, words in told if direction == way and words]
        for way in ("raises", "lowers")
    }


def why_not_scored(risk: RiskTold) -> str:
    """Why there is no risk, in one line."""
    return plain(risk.not_scored or "") or "it was not scored in this run"


def next_steps(
    risks: Iterable[RiskTold], next_step: Callable[[str], str | None], most: int = MOST_STEPS
) -> list[str]:
    """Suggestions to what raises the risks and could be acted on, each once, the weightiest reason
    first."""
    found: dict[str, None] = {}
    for risk in risks:
        for reason in risk.reasons or ():
            step = _step(reason, next_step)
            if step is not None:
                found.setdefault(step)
    return list(found)[:most]


def _step(reason: ReasonTold, next_step: Callable[[str], str | None]) -> str | None:
    return next_step(reason.concept) if reason.actionable and reason.direction == "raises" else None


def models_line(models: Mapping[Task, ModelTold]) -> str:
    """Which models answered: "readmission 3, high-cost 7"."""
    return ", ".join(f"{task} {model.version}" for task, model in models.items())
