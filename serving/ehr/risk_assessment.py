"""A patient's risks as FHIR R4 RiskAssessment, in a Bundle that answers a search.

Each assessment names its method (the model and its version), its basis (the reasons in words: a
Reference of display alone, which R4 allows where the source is no resource of this server), and
what it predicts. `whenPeriod` holds the days of the outcome window, first and last day included:
the window is (asked on, asked on + days], so it begins on the day after. Where days of the window
after a discharge are gone, a second prediction tells the risk over all of them, "the same type of
outcome in different timeframes" (R4, RiskAssessment.prediction): the tier goes by it, and falls no
lower because days pass. `qualitativeRisk` is our tier, which is a place among others, and beside it
the code of FHIR's risk-probability whose definition the risk meets: "high" is there "more likely to
occur than not", which few of our high tier are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from serving.ehr.identifiers import MODEL_SYSTEM, OUTCOME_SYSTEM, TIER_SYSTEM, stable_uuid
from serving.ehr.operation_outcome import issue
from serving.ehr.plain_text import markdown, plain
from serving.ehr.risk_words import (
    NO_DENIAL,
    UNTOLD,
    all_days_in_words,
    next_steps,
    outcome_words,
    reasons_by_direction,
    risk_in_words,
    risks_of,
    why_not_listed,
    why_not_scored,
)
from serving.ehr.standing import NOTHING_DECIDED, StandingTold
from serving.ehr.validated import checked

if TYPE_CHECKING:
    from serving.ehr.identifiers import Subject
    from serving.ehr.risk_search import RiskSearch
    from serving.ehr.settings import FhirSettings
    from serving.ehr.told import ModelTold, PatientTold, RiskTold, Task, Tier

RISK_PROBABILITY = "http://terminology.hl7.org/CodeSystem/risk-probability"
_LIKELIHOOD = {"high": "High likelihood", "moderate": "Moderate likelihood",
               "low": "Low likelihood"}  # fmt: skip
INVENTED = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason",
    "code": "HTEST",
    "display": "test health data",
}
"""The tag of data that were invented."""


def risk_assessments(
    patient: PatientTold,
    search: RiskSearch,
    models: Mapping[Task, ModelTold],
    base_url: str,
    *,
    opaque: str,
    settings: FhirSettings,
    next_step: Callable[[str], str | None],
    standing: StandingTold = NOTHING_DECIDED,
    invented: bool = False,
) -> dict[str, Any]:
    """The Bundle that answers a search about one patient: an assessment a risk that exists, and
    where one does not, an OperationOutcome that says why.

    `models` tells of each risk which model answered. `opaque` names the patient in the ids of the
    assessments, the same at each call and without telling who it is. `next_step` gives the
    suggestion to a concept. `standing` is what case managers decided: it is noted, and where nobody
    is to be reached any more nothing is suggested. `base_url` is that of the FHIR server, without a
    slash at its end.
    Raises RefusalError where the answer would not follow FHIR R4.
    """
    assert search.subject is not None  # else there is no patient to tell of
    found, issues = [], _ignored(search)
    if search.covers(patient.as_of):
        for task, risk in risks_of(patient):
            if risk.risk is None:
                said = f"No risk of {task.replace('-', ' ')}: {why_not_scored(risk)}."
                issues.append(issue("information", "informational", said))
                continue
            found.append(
                _assessment(
                    patient, task, risk, models[task], search.subject,
                    opaque=opaque, settings=settings, next_step=next_step, standing=standing,
                    invented=invented,
                )
            )  # fmt: skip
    return _bundle(search, base_url, found, issues)


def nobody_found(search: RiskSearch, base_url: str) -> dict[str, Any]:
    """The Bundle that answers a search about somebody whom the published run does not hold, or
    whom whoever asks may not see: the two are not told apart."""
    said = "The published run holds nobody of this name for whoever asks."
    return _bundle(search, base_url, [], [*_ignored(search), issue("warning", "not-found", said)])


def _ignored(search: RiskSearch) -> list[dict[str, Any]]:
    if not search.ignored:
        return []
    said = f"Left out, because not supported: {', '.join(search.ignored)}."
    return [issue("warning", "not-supported", said)]


def _bundle(
    search: RiskSearch, base_url: str, found: list[dict[str, Any]], issues: list[dict[str, Any]]
) -> dict[str, Any]:
    until = len(found) if search.count is None else search.offset + search.count
    links = [{"relation": "self", "url": search.url(base_url, search.offset)}]
    if search.count and until < len(found):
        links.append({"relation": "next", "url": search.url(base_url, until)})
    entries: list[dict[str, Any]] = [
        {
            "fullUrl": f"{base_url}/RiskAssessment/{resource['id']}",
            "resource": resource,
            "search": {"mode": "match"},
        }
        for resource in found[search.offset : until]
    ]
    if issues and search.count != 0:  # a count of 0 asks for the total alone
        outcome = {"resourceType": "OperationOutcome", "issue": issues}
        entries.append({"resource": outcome, "search": {"mode": "outcome"}})
    bundle: dict[str, Any] = {
        "resourceType": "Bundle", "type": "searchset", "total": len(found), "link": links,
    }  # fmt: skip
    if entries:
        bundle["entry"] = entries
    return checked(bundle)


def _assessment(
    patient: PatientTold,
    task: Task,
    risk: RiskTold,
    model: ModelTold,
    subject: Subject,
    *,
    opaque: str,
    settings: FhirSettings,
    next_step: Callable[[str], str | None],
    standing: StandingTold,
    invented: bool,
) -> dict[str, Any]:
    version = plain(model.version) or "unnamed"
    outcome = outcome_words(task, model)
    reasons = [plain(reason.words) for reason in risk.reasons or ()]
    steps = next_steps([risk], next_step) if standing.takes_suggestions else []
    resource: dict[str, Any] = {
        "resourceType": "RiskAssessment",
        "id": stable_uuid("risk assessment", patient.run_id, opaque, task),
        "status": "final",
        "method": {
            "coding": [{"system": MODEL_SYSTEM, "code": task, "version": version}],
            "text": f"firstcall {task} model, version {version}",
        },
        "code": {"text": f"Risk of {outcome}"},
        "subject": dict(subject.reference),
        "occurrenceDateTime": patient.as_of.isoformat(),
        "performer": {"display": "firstcall"},
        "basis": [{"display": words} for words in reasons if words],
        "prediction": _predictions(patient, task, risk, model, outcome, settings),
        "mitigation": _mitigation(steps),
        "note": [{"text": markdown(text)} for text in _notes(patient, standing)],
    }
    if invented:
        resource["meta"] = {"tag": [INVENTED]}
    return {name: value for name, value in resource.items() if value}


def _notes(patient: PatientTold, standing: StandingTold) -> list[str]:
    tiers = [(task.replace("-", " "), risk.tier) for task, risk in risks_of(patient)]
    decided = standing.sentences(patient.as_of, tiers)
    not_listed = why_not_listed(patient)
    told = [*decided, *([not_listed] if not_listed else []), *patient.warnings, NO_DENIAL]
    return [text for text in told if plain(text)]


def _mitigation(steps: Sequence[str]) -> str | None:
    """Suggestions one after the other; a site's own need not end with a full stop."""
    told = " ".join(f"{step.rstrip('.')}." for step in steps)
    return f"Suggestions, to be weighed by whoever knows the patient: {told}" if told else None


def _predictions(
    patient: PatientTold,
    task: Task,
    risk: RiskTold,
    model: ModelTold,
    outcome: str,
    settings: FhirSettings,
) -> list[dict[str, Any]]:
    """The prediction over the days that are asked about, and where some after a discharge are gone
    the one over all of them."""
    assert risk.risk is not None
    told = {
        "coding": [{"system": OUTCOME_SYSTEM, "code": task, "display": outcome}],
        "text": outcome,
    }
    last, days = _window(patient, task, risk, model)
    all_days = all_days_in_words(patient, model) if task == "readmission" else None

    def one(chance: float, days: int, qualified: str, rationale: str) -> dict[str, Any]:
        first = last - timedelta(days=days - 1)
        period = {"start": first.isoformat(), "end": last.isoformat()}
        return {
            "outcome": told,
            "probabilityDecimal": probability(chance, settings),
            "qualitativeRisk": _qualitative(chance, risk.tier, qualified),
            **({"whenPeriod": period} if days > 0 else {}),
            "rationale": rationale,
        }

    by_all = f" by all {model.horizon_days} days after the discharge" if all_days else ""
    found = [one(risk.risk, days, by_all, _rationale(patient, task, risk, model))]
    if all_days is not None and patient.readmission.all_days_risk is not None:
        said = f"{all_days}, as if all of them were left: the tier goes by it."
        found.append(one(patient.readmission.all_days_risk, model.horizon_days, "", said))
    return found


def _window(patient: PatientTold, task: Task, risk: RiskTold, model: ModelTold) -> tuple[date, int]:
    """The last day of the outcome window, and how many of its days are asked about."""
    days = model.horizon_days
    if task == "readmission" and patient.readmission.days_left is not None:
        days = patient.readmission.days_left
    return (risk.asked_on or patient.as_of) + timedelta(days=days), days


def probability(risk: float, settings: FhirSettings) -> float:
    """A risk as probabilityDecimal (see `FhirSettings`): itself, or the same digits in per cent."""
    if settings.probability == "fraction":
        return risk
    return float(Decimal(repr(risk)).scaleb(2))


def _qualitative(chance: float, tier: Tier | None, qualified: str) -> dict[str, Any]:
    likely = "high" if chance > 0.5 else "low" if tier in ("low", None) else "moderate"
    coding = {"system": RISK_PROBABILITY, "code": likely, "display": _LIKELIHOOD[likely]}
    if tier is None:
        return {"coding": [coding]}
    ours = {"system": TIER_SYSTEM, "code": tier, "display": f"{tier} tier"}
    return {"coding": [ours, coding], "text": f"{tier} tier{qualified}"}


def _rationale(patient: PatientTold, task: Task, risk: RiskTold, model: ModelTold) -> str:
    said = [f"{risk_in_words(task, patient, model)}."]
    if risk.reasons is None:
        said.append(UNTOLD)
    else:
        for way, words in reasons_by_direction(risk).items():
            if words:
                said.append(f"Seen, and {way} the score: {'; '.join(words)}.")
    return " ".join([*said, plain(patient.withheld)])
