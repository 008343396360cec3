"""What our FHIR server can do: CapabilityStatement (FHIR R4)."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from serving.ehr.validated import checked

if TYPE_CHECKING:
    from serving.ehr.settings import FhirSettings

FHIR_VERSION = "4.0.1"
SECURITY = (
    "TLS, and a bearer token with the scope fhir. Sensitive matters are left out of every answer "
    "for whoever has no right to see them, and each look at a patient is recorded."
)


def capability_statement(
    base_url: str, release: str, released_on: date, settings: FhirSettings
) -> dict[str, Any]:
    """The statement of this instance. `release` is our version, `released_on` its day, which is the
    day on which the statement last changed. Raises RefusalError where it would not follow R4."""
    by = (
        f"patient:identifier={settings.patient_system}|VALUE"
        if settings.patient_system
        else "patient=Patient/ID"
    )
    scale = "per cent" if settings.probability == "percent" else "a fraction from 0 to 1"
    return checked(
        {
            "resourceType": "CapabilityStatement",
            "status": "active",
            "date": released_on.isoformat(),
            "publisher": "firstcall",
            "kind": "instance",
            "software": {"name": "firstcall", "version": release},
            "implementation": {
                "description": "Risks of readmission and of high cost, for outreach",
                "url": base_url,
            },
            "fhirVersion": FHIR_VERSION,
            "format": ["json", "application/fhir+json"],
            "rest": [
                {
                    "mode": "server",
                    "security": {"description": SECURITY},
                    "resource": [
                        {
                            "type": "RiskAssessment",
                            "documentation": (
                                f"The risks of the published run, of one patient a search ({by}). "
                                f"probabilityDecimal is {scale}."
                            ),
                            "interaction": [{"code": "search-type"}],
                            "versioning": "no-version",
                            "searchParam": _search_parameters(by),
                        }
                    ],
                }
            ],
        }
    )


def _search_parameters(by: str) -> list[dict[str, str]]:
    return [
        {"name": "patient", "type": "reference", "documentation": f"Whom it is about: {by}."},
        {
            "name": "subject",
            "type": "reference",
            "documentation": "The same; subjects are patients alone.",
        },
        {
            "name": "date",
            "type": "date",
            "documentation": "As of which day the risk is told; with every prefix.",
        },
    ]
