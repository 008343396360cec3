"""Names between an EHR and us: whom it asks about, the code systems that are ours, and ids of what
we answer, which tell nothing about the patient."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

if TYPE_CHECKING:
    from serving.ehr.settings import FhirSettings

_OURS = UUID("6f1f2a52-5a0e-4b43-9d0a-2c6f0f1f7c55")
_FHIR_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
LONGEST_ID = 256


def stable_uuid(*parts: str) -> str:
    """The same UUID for the same parts, always. A part that may not be guessed back (a patient)
    has to be an opaque name before it comes here."""
    return str(uuid5(_OURS, "\x1f".join(parts)))


def _system(name: str) -> str:
    return f"urn:uuid:{stable_uuid('code system', name)}"


MODEL_SYSTEM = _system("model")
OUTCOME_SYSTEM = _system("outcome")
TIER_SYSTEM = _system("tier")
TOPIC_SYSTEM = _system("card topic")
OVERRIDE_SYSTEM = _system("override reason")
PATIENT_SYSTEM = _system("patient")
"""Of patient ids that are no FHIR ids and come with no identifier system of the site's."""


def is_fhir_id(text: str) -> bool:
    """Whether a text may be the id of a resource (R4: 1 to 64 letters, digits, "-" and ".")."""
    return _FHIR_ID.fullmatch(text) is not None


def is_patient_id(text: str) -> bool:
    """Whether a text may be a patient id of ours."""
    return bool(text.strip()) and len(text) <= LONGEST_ID and text.isprintable()


@dataclass(frozen=True)
class Subject:
    """Whom a search is about: our patient id, and the FHIR Reference to the patient."""

    patient_id: str
    reference: Mapping[str, Any]


def by_identifier(system: str, value: str) -> Subject:
    """A patient named by an identifier whose values are our patient ids."""
    return Subject(value, {"type": "Patient", "identifier": {"system": system, "value": value}})


def subject_of(patient_id: str, settings: FhirSettings) -> Subject:
    """The patient of this id of ours, as the settings have patients named."""
    if settings.patient_system is not None:
        return by_identifier(settings.patient_system, patient_id)
    if is_fhir_id(patient_id):
        return Subject(patient_id, {"reference": f"Patient/{patient_id}", "type": "Patient"})
    return by_identifier(PATIENT_SYSTEM, patient_id)
