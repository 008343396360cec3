"""Cards for an EHR (CDS Hooks 2.0): one a patient, with both risks, what was seen, and what the
score is not for.

A card informs; it never stops anybody, so its indicator is never "critical". What raises and lowers
a score is told as what was seen in the record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from serving.ehr.identifiers import OVERRIDE_SYSTEM, TOPIC_SYSTEM, stable_uuid
from serving.ehr.plain_text import markdown, plain
from serving.ehr.risk_words import (
    NO_DENIAL,
    UNTOLD,
    days_are_gone,
    days_left_in_words,
    models_line,
    next_steps,
    per_cent,
    reasons_by_direction,
    risk_in_words,
    risks_of,
    why_not_listed,
    why_not_scored,
)
from serving.ehr.standing import NOTHING_DECIDED, StandingTold
from serving.reasons import written_date

if TYPE_CHECKING:
    from serving.ehr.cds_services import CdsService
    from serving.ehr.told import ModelTold, PatientTold, ReadmissionTold, RiskTold, Task, Tier

MOST_SUMMARY = 139
"""The specification says: fewer than 140 characters."""
_ORDER: dict[Tier | None, int] = {None: 0, "low": 0, "moderate": 1, "high": 2}
_NAMES: dict[Task, str] = {"readmission": "Readmission", "high-cost": "High cost"}
_BESIDE = ("lace", "hospital_2016")
_INVENTED = "Invented data, of no real person."
_WAYS = {"raises": "Seen, and raises the score:", "lowers": "Seen, and lowers the score:"}

OVERRIDE_REASONS: dict[str, str] = {
    "arranged": "Follow-up is already arranged",
    "managed-elsewhere": "Another programme already follows this patient",
    "declined": "Patient declines outreach",
    "not-fitting": "Does not fit this patient",
    "out-of-date": "The information shown is wrong or out of date",
    "not-now": "Not the right time in my work",
}
"""Why a card may be set aside, by code of OVERRIDE_SYSTEM."""


def no_cards() -> dict[str, Any]:
    """The answer where there is nothing to tell: nobody of ours, a silent service, or a user who is
    the patient or a proxy."""
    return {"cards": []}


def cards(
    patient: PatientTold,
    service: CdsService,
    models: Mapping[Task, ModelTold],
    *,
    opaque: str,
    next_step: Callable[[str], str | None],
    standing: StandingTold = NOTHING_DECIDED,
    page_url: str | None = None,
    least_tier: Tier = "low",
    invented: bool = False,
) -> dict[str, Any]:
    """The answer about one patient: one card, or none where no risk exists or none reaches
    `least_tier`.

    `opaque` names the patient in the card's `uuid`, the same at each call and without telling who
    it is. `page_url` is where the pages begin; without it there is no link. The link leads to the
    patient's page, which goes by his id: the EHR asked about it, and the page asks who opens it.
    `invented` data are called so, first of all. `standing` is what case managers decided: where
    they hold another tier to be right, it says whether there is a card and whether it warns; where
    nobody is to be reached any more, the card says so, suggests nothing and does not warn.
    """
    scored: list[tuple[Task, RiskTold]] = [
        (task, risk) for task, risk in risks_of(patient) if risk.risk is not None
    ]
    if not scored:
        return no_cards()
    tiers: list[Tier | None] = [risk.tier for _, risk in scored]
    tier = standing.override_tier or max(tiers, key=lambda one: _ORDER[one])
    if _ORDER[tier] < _ORDER[least_tier]:
        return no_cards()
    card: dict[str, Any] = {
        "uuid": stable_uuid("card", service.id, patient.run_id, opaque),
        "summary": _summary(scored, models, standing, invented),
        "detail": (f"**{_INVENTED}**\n\n" if invented else "")
        + _detail(patient, scored, models, next_step, standing),
        "indicator": "warning" if tier == "high" and not standing.is_over else "info",
        "source": _source(page_url),
        "overrideReasons": [
            {"code": code, "system": OVERRIDE_SYSTEM, "display": words}
            for code, words in OVERRIDE_REASONS.items()
        ],
    }
    if page_url is not None:
        url = f"{page_url.rstrip('/')}/patients/{quote(patient.patient_id, safe='')}"
        card["links"] = [{"label": "Open in firstcall", "url": url, "type": "absolute"}]
    return {"cards": [card]}


def _source(page_url: str | None) -> dict[str, Any]:
    topic = {"system": TOPIC_SYSTEM, "code": "outreach", "display": "Outreach after discharge"}
    source: dict[str, Any] = {"label": "firstcall", "topic": topic}
    return source if page_url is None else {**source, "url": page_url}


def _summary(
    scored: list[tuple[Task, RiskTold]],
    models: Mapping[Task, ModelTold],
    standing: StandingTold,
    invented: bool,
) -> str:
    """Everything that has to be seen at a glance, in the longest words for which there is room."""
    first = [*(["Invented data"] if invented else []), *standing.in_brief]
    said = ""
    for shorter in range(4):
        told = [_at_a_glance(task, risk, models[task], shorter) for task, risk in scored]
        said = " · ".join([*first, *told])
        if len(said) <= MOST_SUMMARY:
            break
    return said[:MOST_SUMMARY]


def _at_a_glance(task: Task, risk: RiskTold, model: ModelTold, shorter: int) -> str:
    """One risk and its tier, shorter from 0 to 3. A readmission is told over all days after the
    discharge, by which the tier goes, and beside it, as long as there is room, over those left."""
    assert risk.risk is not None
    told, days = per_cent(risk.risk), ""
    if task == "readmission":
        readmission = cast("ReadmissionTold", risk)
        gone, all_days = days_are_gone(readmission, model), readmission.all_days_risk
        left = days_left_in_words(readmission)
        over = f" over the {model.horizon_days} days after discharge"
        if gone and all_days is not None:
            days = (f"{over}, {told} in the {left} left",
                    f" over {model.horizon_days} days, {told} in the {left} left",
                    f" over {model.horizon_days} days", "")[shorter]  # fmt: skip
            told = per_cent(all_days)
        elif gone:
            days = f" in the {left} left" if shorter < 3 else ""
    tier = "" if risk.tier is None else f" ({risk.tier}{' tier' if shorter < 2 else ''})"
    return f"{_NAMES[task]}{' risk' if shorter < 2 else ''} {told}{days}{tier}"


def _tier(risk: RiskTold) -> str:
    return f" ({risk.tier} tier)" if risk.tier else ""


def _detail(
    patient: PatientTold,
    scored: list[tuple[Task, RiskTold]],
    models: Mapping[Task, ModelTold],
    next_step: Callable[[str], str | None],
    standing: StandingTold,
) -> str:
    of_models = [(_NAMES[task].lower(), risk.tier) for task, risk in scored]
    parts = [markdown(said) for said in standing.sentences(patient.as_of, of_models)]
    parts += [_risk_part(patient, task, risk, models[task]) for task, risk in scored]
    for task, risk in risks_of(patient):
        if risk.risk is None:
            parts.append(f"**{_NAMES[task]}:** no risk, {markdown(why_not_scored(risk))}.")
    beside = [markdown(one.words) for one in patient.known_scores if one.name in _BESIDE]
    if any(beside):
        parts.append(f"**Known scores:** {'; '.join(filter(None, beside))}")
    steps = next_steps([risk for _, risk in scored], next_step)
    if steps and standing.takes_suggestions:
        parts.append(_list("**Suggestions:**", steps))
    if not_listed := why_not_listed(patient):
        parts.append(markdown(not_listed))
    warnings = [text for text in patient.warnings if plain(text)]
    if warnings:
        parts.append(_list("**Mind:**", warnings))
    told: dict[Task, ModelTold] = {task: models[task] for task, _ in scored}
    parts.append(
        f"As of {written_date(patient.as_of, patient.as_of)} {patient.as_of.year}, by the models "
        f"{markdown(models_line(told))}. {markdown(patient.withheld)} {NO_DENIAL}"
    )
    return "\n\n".join(parts)


def _risk_part(patient: PatientTold, task: Task, risk: RiskTold, model: ModelTold) -> str:
    said = f"**{_NAMES[task]}:** {risk_in_words(task, patient, model)}{_tier(risk)}"
    if risk.reasons is None:
        return f"{said}. {UNTOLD}"
    lists = [_list(_WAYS[way], words) for way, words in reasons_by_direction(risk).items() if words]
    return "\n\n".join([f"{said}.", *lists])


def _list(head: str, texts: list[str]) -> str:
    return "\n".join([f"{head}\n", *(f"- {markdown(text)}" for text in texts)])
