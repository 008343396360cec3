"""The search of RiskAssessment (FHIR R4, search.html): about one patient, by the patient's id or by
an identifier; the dates; the page.

`patient=ID`, `patient=Patient/ID`, `subject=Patient/ID`, or where the site has an identifier system
(`FhirSettings.patient_system`), `patient:identifier=SYSTEM|VALUE` or
`patient.identifier=SYSTEM|VALUE`. There the id of the Patient resource is not our patient id, and a
search by it is refused: it might be that of another patient of ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from serving.ehr.fhir_dates import DateRule, date_rule
from serving.ehr.identifiers import Subject, by_identifier, is_patient_id, subject_of
from serving.ehr.operation_outcome import FhirError

if TYPE_CHECKING:
    from serving.ehr.settings import FhirSettings

MOST_PARAMETERS = 50
OFFSET = "_offset"
"""Our own, in links to the next page alone."""
_BY_REFERENCE = frozenset({"patient", "subject", "subject:Patient"})
_BY_IDENTIFIER = frozenset(
    {"patient:identifier", "subject:identifier",
     "patient.identifier", "subject.identifier", "subject:Patient.identifier"}
)  # fmt: skip
_TAKEN = frozenset({"patient", "subject", "date", "_count", "_format", OFFSET})
_UNSUPPORTED = frozenset(
    {"condition", "encounter", "identifier", "method", "performer", "probability", "risk",
     "_content", "_contained", "_containedType", "_elements", "_filter", "_has", "_id", "_include",
     "_lastUpdated", "_list", "_pretty", "_profile", "_query", "_revinclude", "_security", "_sort",
     "_source", "_summary", "_tag", "_text", "_total", "_type"}
)  # fmt: skip
"""What FHIR defines for this search and we do not take; other names are not repeated to anybody."""
_FORMATS = frozenset({"json", "application/json", "application/fhir+json", "text/json"})


@dataclass(frozen=True)
class RiskSearch:
    """A search that can be answered. `subject` is None where it can match nobody of ours. `dates`:
    of each of the outer ones, one of the inner ones has to hold. `used` are the parameters that
    were taken, `ignored` says which were not."""

    subject: Subject | None
    dates: tuple[tuple[DateRule, ...], ...]
    count: int | None
    offset: int
    used: tuple[tuple[str, str], ...]
    ignored: tuple[str, ...]

    def covers(self, day: date) -> bool:
        """Whether assessments of this day are asked for."""
        return all(any(rule.holds(day) for rule in either) for either in self.dates)

    def url(self, base_url: str, offset: int = 0) -> str:
        """The search as it was understood, from this match on."""
        asked = [(name, value) for name, value in self.used if name != OFFSET]
        return f"{base_url}/RiskAssessment?" + urlencode(
            [*asked, (OFFSET, str(offset))] if offset else asked, safe="/:|,"
        )


def risk_search(
    parameters: Iterable[tuple[str, str]],
    settings: FhirSettings,
    base_url: str,
    prefer: str | None = None,
) -> RiskSearch:
    """The search of these parameters (of a query or of a form, decoded, in their order) under the
    request's `Prefer` header: `handling=strict` refuses parameters that are not known, otherwise
    they are left out and named.

    Raises FhirError: 400 where a value cannot be read, a modifier is not supported, or not one
    patient is named; 406 where another format than JSON is asked for.
    """
    sent = [(name, value) for name, value in parameters if value.strip()]
    if len(sent) > MOST_PARAMETERS:
        raise FhirError(400, "too-costly", f"At most {MOST_PARAMETERS} parameters in one search.")
    strict = "handling=strict" in re.split(r"[\s,;]+", (prefer or "").lower())
    subjects: list[Subject | None] = []
    dates, used, unknown = [], [], []
    count, offset = None, 0
    for name, value in sent:
        base = re.split(r"[:.]", name, maxsplit=1)[0]
        if base not in _TAKEN:
            unknown.append(name)
            continue
        if name in _BY_REFERENCE:
            subjects.append(_by_reference(value, settings, base_url))
        elif name in _BY_IDENTIFIER:
            subjects.append(_by_identifier(value, settings))
        elif name == "date":
            dates.append(tuple(date_rule(one) for one in value.split(",")))
        elif name == "_count":
            count = _whole(name, value)
        elif name == OFFSET:
            offset = _whole(name, value)
        elif name == "_format":
            if value.replace(" ", "+").split(";")[0].lower() not in _FORMATS:
                raise FhirError(406, "not-supported", "Answers are given as JSON alone.")
        else:  # FHIR: a modifier that is not supported is refused, strict or not
            raise FhirError(
                400, "not-supported", f"A modifier of the parameter {base} is not supported."
            )
        used.append((name, value))
    ignored = _named(unknown)
    if strict and ignored:
        raise FhirError(400, "not-supported", f"Not supported: {', '.join(ignored)}.")
    return RiskSearch(_one(subjects), tuple(dates), count, offset, tuple(used), tuple(ignored))


def _named(unknown: list[str]) -> list[str]:
    """Parameters that are not taken, those of FHIR by name; others may hold anything."""
    known = [base for name in unknown if (base := re.split(r"[:.]", name)[0]) in _UNSUPPORTED]
    others = len(unknown) - len(known)
    said = [f"parameter {name}" for name in dict.fromkeys(known)]
    if others:
        said.append(f"{others} unknown parameter" + ("s" if others > 1 else ""))
    return said


def _one(subjects: list[Subject | None]) -> Subject | None:
    if not subjects:
        raise FhirError(
            400, "required", "Name the patient: patient=Patient/ID, or patient:identifier=SYSTEM|"
            "VALUE where patients are known by an identifier."
        )  # fmt: skip
    if len({None if one is None else one.patient_id for one in subjects}) > 1:
        raise _one_alone()
    return subjects[0]


def _one_alone() -> FhirError:
    return FhirError(400, "not-supported", "One patient in one search: ask for each on its own.")


def _by_reference(value: str, settings: FhirSettings, base_url: str) -> Subject | None:
    told = _single(value)
    kind, _, patient_id = told.removeprefix(f"{base_url}/").rpartition("/")
    if kind not in ("", "Patient"):
        return None  # a Group, or a patient of another server
    if not is_patient_id(patient_id):
        raise FhirError(400, "value", "The patient parameter holds no id.")
    if settings.patient_system is not None:
        raise FhirError(
            400, "not-supported",
            "Here patients are known by an identifier: patient:identifier=SYSTEM|VALUE.",
        )  # fmt: skip
    return subject_of(patient_id, settings)


def _by_identifier(value: str, settings: FhirSettings) -> Subject | None:
    if settings.patient_system is None:
        raise FhirError(
            400, "not-supported",
            "No identifier system of patients is configured here: ask by patient=Patient/ID.",
        )  # fmt: skip
    system, bar, identifier = _parts(value)
    if not bar:
        raise FhirError(
            400, "value", "Name the identifier's system as well: patient:identifier=SYSTEM|VALUE."
        )
    if system != settings.patient_system:
        return None
    if not is_patient_id(identifier):
        raise FhirError(400, "value", "The identifier has no value.")
    return by_identifier(system, identifier)


_ESCAPED = re.compile(r"\\([\\,|$])")


def _single(value: str) -> str:
    """A value that is one, its escapes undone (search.html#escaping)."""
    if re.search(r"(?<!\\)(?:\\\\)*,", value):
        raise _one_alone()
    return _ESCAPED.sub(r"\1", value.strip())


def _parts(value: str) -> tuple[str, bool, str]:
    """System, whether there is one, and value of a token."""
    bar = re.search(r"(?<!\\)(?:\\\\)*\|", value)
    if bar is None:
        return "", False, _single(value)
    return _single(value[: bar.end() - 1]), True, _single(value[bar.end() :])


def _whole(name: str, value: str) -> int:
    if not re.fullmatch(r"\d{1,6}", value, re.ASCII):
        raise FhirError(400, "value", f"The parameter {name} holds no whole number.")
    return int(value)
