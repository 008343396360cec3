"""A risk in the words that an EHR shows: per cent, the window, what raises and lowers the score.

The words say what was seen, never that it caused anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from serving.cost_words import window_in_words
from serving.ehr.plain_text import plain
from serving.reasons import written_date

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


def window_words(task: Task, patient: PatientTold, model: ModelTold) -> str:
    """The days that a risk is about, "in the 23 days left of the 30 after the discharge on 9 May;
    25% as if all were left" or "in the next 12 months"."""
    if task == "readmission":
        return _days_after_discharge(patient.readmission, patient, model)
    asked_on = patient.high_cost.asked_on or patient.as_of
    return f"in {window_in_words(model.horizon_days, asked_on, patient.as_of)}"


def _days_after_discharge(risk: ReadmissionTold, patient: PatientTold, model: ModelTold) -> str:
    whole, left = model.horizon_days, risk.days_left
    day = patient.discharged_on
    discharge = "the discharge" + (f" on {written_date(day, patient.as_of)}" if day else "")
    if left is None or left == whole:
        return f"in the {whole} days after {discharge}"
    days = "day" if left == 1 else "days"
    said = f"in the {left} {days} left of the {whole} after {discharge}"
    if risk.all_days_risk is None:
        return said
    return f"{said}; {per_cent(risk.all_days_risk)} as if all were left"


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
