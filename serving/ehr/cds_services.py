"""The two CDS Hooks services (2.0), and the document by which a client discovers them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Hook = Literal["patient-view", "encounter-discharge"]

PATIENT = "patient"
ENCOUNTER = "encounter"
"""Keys of what is prefetched."""


@dataclass(frozen=True)
class CdsService:
    """One service: its hook, what is said of it, and what a client is asked to send along."""

    id: str
    hook: Hook
    title: str
    description: str
    prefetch: tuple[tuple[str, str], ...]
    usage: str

    def described(self) -> dict[str, Any]:
        """As it stands in the discovery document."""
        return {
            "hook": self.hook,
            "title": self.title,
            "description": self.description,
            "id": self.id,
            "prefetch": dict(self.prefetch),
            "usageRequirements": self.usage,
        }


_PATIENT = (PATIENT, "Patient/{{context.patientId}}")
_ENCOUNTER = (ENCOUNTER, "Encounter/{{context.encounterId}}")
_USAGE = (
    "The prefetched Patient is needed where the site knows patients by an identifier; the service "
    "never calls the FHIR server of the client. Cards order outreach, and are never a reason to "
    "deny or delay care, coverage or price. They are for staff: a patient or a proxy gets none."
)

SERVICES: dict[str, CdsService] = {
    service.id: service
    for service in (
        CdsService(
            "firstcall-patient-view",
            "patient-view",
            "Risk of readmission and of high cost",
            "The patient's risks as of last night's run, what in the record raises and lowers "
            "them, LACE and HOSPITAL beside them, and a link to the worklist.",
            (_PATIENT,),
            _USAGE,
        ),
        CdsService(
            "firstcall-encounter-discharge",
            "encounter-discharge",
            "Risks while a discharge is planned",
            "The patient's risks as of last night's run while the discharge is planned, what in "
            "the record raises and lowers them, and what to consider before the patient leaves. "
            "Somebody who is still in hospital has no risk of readmission yet: the first run that "
            "knows of the discharge tells it, on the worklist and to patient-view.",
            (_PATIENT, _ENCOUNTER),
            _USAGE + " The Encounter, where it is sent, is only checked to be the patient's.",
        ),
    )
}


def discovery() -> dict[str, Any]:
    """The discovery document, GET {base}/cds-services."""
    return {"services": [service.described() for service in SERVICES.values()]}


def addresses(base_url: str, service_id: str | None = None, feedback: bool = False) -> list[str]:
    """The URLs that the token of a call may be made for (`aud`): that of the discovery document, or
    of the service, and of its feedback too where that is what is called. `base_url` has no slash at
    its end."""
    called = f"{base_url}/cds-services"
    if service_id is None:
        return [called]
    called = f"{called}/{service_id}"
    return [called, f"{called}/feedback"] if feedback else [called]
