"""A patient's risks as FHIR R4 RiskAssessment, in a Bundle that answers a search.

Each assessment names its method (the model and its version), its basis (the reasons in words: a
Reference of display alone, which R4 allows where the source is no resource of this server), and one
prediction. `whenPeriod` holds the days of the outcome window, first and last day included: the
window is (asked on, asked on + days], so it begins on the day after. `qualitativeRisk` is our tier,
which is a place among others, and beside it the code of FHIR's risk-probability whose definition
the risk meets: "high" is there "more likely to occur than not", which few of our high tier are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from serving.ehr.identifiers import MODEL_SYSTEM, OUTCOME_SYSTEM, TIER_SYSTEM, stable_uuid
from serving.ehr.operation_outcome import issue
from serving.ehr.plain_text import markdown, plain
from serving.ehr.risk_words import (
    NO_DENIAL,
    UNTOLD,
    next_steps,
    outcome_words,
    per_cent,
    reasons_by_direction,
    risks_of,
    why_not_scored,
    window_words,
)
from serving.ehr.validated import checked

if TYPE_CHECKING:
    from serving.ehr.identifiers import Subject
    from serving.ehr.risk_search import RiskSearch
    from serving.ehr.settings import FhirSettings
    from serving.ehr.told import ModelTold, PatientTold, RiskTold, Task

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
    invented: bool = False,
) -> dict[str, Any]:
    """The Bundle that answers a search about one patient: an assessment a risk that exists, and
    where one does not, an OperationOutcome that says why.

    `models` tells of each risk which model answered. `opaque` names the patient in the ids of the
    assessments, the same at each call and without telling who it is. `next_step` gives the
    suggestion to a concept. `base_url` is that of the FHIR server, without a slash at its end.
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
                    opaque=opaque, settings=settings, next_step=next_step, invented=invented,
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
    invented: bool,
) -> dict[str, Any]:
    version = plain(model.version) or "unnamed"
    outcome = outcome_words(task, model)
    reasons = [plain(reason.words) for reason in risk.reasons or ()]
    steps = next_steps([risk], next_step)
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
        "prediction": [_prediction(patient, task, risk, model, outcome, settings)],
        "mitigation": f"Suggestions, to be weighed by whoever knows the patient: {'; '.join(steps)}"
        if steps
        else None,
        "note": [{"text": markdown(text)} for text in _notes(patient)],
    }
    if invented:
        resource["meta"] = {"tag": [INVENTED]}
    return {name: value for name, value in resource.items() if value}


def _notes(patient: PatientTold) -> list[str]:
    left_out = (
        [f"Not to be called, as far as known: {patient.left_out}"] if patient.left_out else []
    )
    return [text for text in [*left_out, *patient.warnings, NO_DENIAL] if plain(text)]


def _prediction(
    patient: PatientTold,
    task: Task,
    risk: RiskTold,
    model: ModelTold,
    outcome: str,
    settings: FhirSettings,
) -> dict[str, Any]:
    assert risk.risk is not None
    of_window = _period(patient, task, risk, model)
    return {
        "outcome": {
            "coding": [{"system": OUTCOME_SYSTEM, "code": task, "display": outcome}],
            "text": outcome,
        },
        "probabilityDecimal": probability(risk.risk, settings),
        "qualitativeRisk": _qualitative(risk),
        **({"whenPeriod": of_window} if of_window else {}),
        "rationale": _rationale(patient, task, risk, model),
    }


def probability(risk: float, settings: FhirSettings) -> float:
    """A risk as probabilityDecimal (see `FhirSettings`): itself, or the same digits in per cent."""
    if settings.probability == "fraction":
        return risk
    return float(Decimal(repr(risk)).scaleb(2))


def _qualitative(risk: RiskTold) -> dict[str, Any]:
    assert risk.risk is not None
    likely = "high" if risk.risk > 0.5 else "low" if risk.tier in ("low", None) else "moderate"
    coding = {"system": RISK_PROBABILITY, "code": likely, "display": _LIKELIHOOD[likely]}
    if risk.tier is None:
        return {"coding": [coding]}
    tier = {"system": TIER_SYSTEM, "code": risk.tier, "display": f"{risk.tier} tier"}
    return {"coding": [tier, coding], "text": f"{risk.tier} tier"}


def _period(
    patient: PatientTold, task: Task, risk: RiskTold, model: ModelTold
) -> dict[str, str] | None:
    asked_on = risk.asked_on or patient.as_of
    days = model.horizon_days
    if task == "readmission" and patient.readmission.days_left is not None:
        days = patient.readmission.days_left
    if days < 1:
        return None
    first, last = asked_on + timedelta(days=1), asked_on + timedelta(days=days)
    return {"start": first.isoformat(), "end": last.isoformat()}


def _rationale(patient: PatientTold, task: Task, risk: RiskTold, model: ModelTold) -> str:
    assert risk.risk is not None
    said = [f"{per_cent(risk.risk)} {window_words(task, patient, model)}."]
    if risk.reasons is None:
        said.append(UNTOLD)
    else:
        for way, words in reasons_by_direction(risk).items():
            if words:
                said.append(f"Seen, and {way} the score: {'; '.join(words)}.")
    return " ".join([*said, plain(patient.withheld)])
