"""The form of our FHIR answers (R4), field by field with an example, for the service's own
description: of each resource the elements that we send, and no others. Answers are made by
`risk_assessment`, `capability` and `operation_outcome`, and checked by fhir.resources; tests hold
them against these forms."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, Field

_SYSTEM = "urn:uuid:6f1f2a52-5a0e-4b43-9d0a-2c6f0f1f7c55"
_BASE = "https://hospital.example/firstcall/fhir/R4"

Severity = Literal["error", "warning", "information"]


class Details(BaseModel):
    """An issue in words."""

    text: Annotated[str, Field(examples=["Answers are given as JSON alone."])]


class Issue(BaseModel):
    """One thing that is to be said."""

    severity: Severity
    code: Annotated[str, Field(description="of FHIR's issue-type", examples=["not-supported"])]
    details: Details


class OperationOutcome(BaseModel):
    """What went wrong, or what is to be known beside what was found; nothing that was sent."""

    resource_type: Annotated[Literal["OperationOutcome"], Field(alias="resourceType")]
    issue: list[Issue]


class Coding(BaseModel):
    """A code of a code system."""

    system: Annotated[str, Field(examples=[_SYSTEM])]
    code: Annotated[str, Field(examples=["high"])]
    version: Annotated[str | None, Field(examples=["0f8fad5bd9cb469f"])] = None
    display: Annotated[str | None, Field(examples=["high tier"])] = None


class Concept(BaseModel):
    """Something in codes and words."""

    coding: Annotated[
        list[Coding] | None,
        Field(examples=[[{"system": _SYSTEM, "code": "high", "display": "high tier"}]]),
    ] = None
    text: Annotated[str | None, Field(examples=["high tier"])] = None


class Identifier(BaseModel):
    """By which a patient is known where the site has an identifier system."""

    system: Annotated[str, Field(examples=["https://hospital.example/mrn"])]
    value: Annotated[str, Field(examples=["P0000017"])]


class Reference(BaseModel):
    """A patient, by reference or identifier, or what has words alone."""

    reference: Annotated[str | None, Field(examples=["Patient/P0000017"])] = None
    type: Annotated[str | None, Field(examples=["Patient"])] = None
    identifier: Annotated[
        Identifier | None,
        Field(examples=[{"system": "https://hospital.example/mrn", "value": "P0000017"}]),
    ] = None
    display: Annotated[
        str | None, Field(examples=["3 emergency visits in the last 90 days"])
    ] = None  # fmt: skip


class Period(BaseModel):
    """Days of an outcome window, the first and the last included."""

    start: Annotated[date, Field(examples=["2025-01-01"])]
    end: Annotated[date, Field(examples=["2025-01-19"])]


class Prediction(BaseModel):
    """One risk over some days."""

    outcome: Concept
    probability_decimal: Annotated[
        float,
        Field(
            alias="probabilityDecimal",
            description="a fraction from 0 to 1, or per cent where the CapabilityStatement says so",
            examples=[0.21],
        ),
    ]
    qualitative_risk: Annotated[
        Concept,
        Field(alias="qualitativeRisk", description="our tier, and FHIR's likelihood beside it"),
    ]
    when_period: Annotated[
        Period | None,
        Field(alias="whenPeriod", description="left out where no day of the window is left"),
    ] = None
    rationale: Annotated[
        str,
        Field(examples=["25% over the 30 days after the discharge on 20 December, 21% in the 19 "
                        "days left."]),
    ]  # fmt: skip


class Note(BaseModel):
    """A note, in Markdown."""

    text: Annotated[str, Field(examples=["The pharmacy feed is 9 days old."])]


class Meta(BaseModel):
    """What marks invented data."""

    tag: Annotated[
        list[Coding], Field(description="HTEST of HL7's v3-ActReason: of no real person")
    ]  # fmt: skip


class RiskAssessment(BaseModel):
    """One risk of one patient as of the published run."""

    resource_type: Annotated[Literal["RiskAssessment"], Field(alias="resourceType")]
    id: Annotated[str, Field(examples=["4e0a3a1e-3283-5575-ab82-028d55fe2719"])]
    meta: Annotated[
        Meta | None,
        Field(
            description="where the data were invented",
            examples=[{"tag": [{"code": "HTEST", "display": "test health data"}]}],
        ),
    ] = None  # fmt: skip
    status: Literal["final"]
    method: Annotated[Concept, Field(description="the model and its version")]
    code: Annotated[Concept, Field(description="what the risk is of")]
    subject: Reference
    occurrence_date_time: Annotated[
        date,
        Field(alias="occurrenceDateTime", description="as of which day", examples=["2024-12-31"]),
    ]
    performer: Reference
    basis: Annotated[
        list[Reference] | None,
        Field(
            description="what was seen in the record, in words",
            examples=[[{"display": "3 emergency visits in the last 90 days"}]],
        ),
    ] = None
    prediction: Annotated[
        list[Prediction],
        Field(
            description="over the days that are asked about; and where days of the window after a "
            "discharge are gone, over all of them, by which the tier goes"
        ),
    ]
    mitigation: Annotated[
        str | None,
        Field(
            description="suggestions; none where nobody is to reach out to the patient any more",
            examples=["Suggestions, to be weighed by whoever knows the patient: Consider booking a "
                      "follow-up visit within 7 days."],
        ),
    ] = None  # fmt: skip
    note: Annotated[
        list[Note],
        Field(description="what case managers decided, warnings, and what the score is not for"),
    ]


class Link(BaseModel):
    """This page of the answer, or the next one."""

    relation: Literal["self", "next"]
    url: Annotated[str, Field(examples=[f"{_BASE}/RiskAssessment?patient=Patient/P0000017"])]


class SearchMode(BaseModel):
    """Whether an entry was looked for, or is told beside."""

    mode: Literal["match", "outcome"]


class Entry(BaseModel):
    """A resource that was found, or what is to be known of the search."""

    full_url: Annotated[
        str | None,
        Field(
            alias="fullUrl",
            examples=[f"{_BASE}/RiskAssessment/4e0a3a1e-3283-5575-ab82-028d55fe2719"],
        ),
    ] = None
    resource: RiskAssessment | OperationOutcome
    search: SearchMode


class Bundle(BaseModel):
    """What a search found."""

    resource_type: Annotated[Literal["Bundle"], Field(alias="resourceType")]
    type: Literal["searchset"]
    total: Annotated[int, Field(description="risks found, on all pages", examples=[2])]
    link: list[Link]
    entry: Annotated[
        list[Entry] | None,
        Field(
            description="left out where there is none",
            examples=[[{"fullUrl": f"{_BASE}/RiskAssessment/4e0a3a1e-3283-5575-ab82-028d55fe2719",
                        "resource": {"resourceType": "RiskAssessment", "status": "final"},
                        "search": {"mode": "match"}}]],
        ),
    ] = None  # fmt: skip


class Software(BaseModel):
    """What answers."""

    name: Annotated[str, Field(examples=["firstcall"])]
    version: Annotated[str, Field(examples=["0.6.0"])]


class Implementation(BaseModel):
    """Where it answers."""

    description: Annotated[
        str, Field(examples=["Risks of readmission and of high cost, for outreach"])
    ]  # fmt: skip
    url: Annotated[str, Field(examples=[_BASE])]


class Security(BaseModel):
    """How to come in."""

    description: Annotated[str, Field(examples=["TLS, and a bearer token with the scope fhir."])]


class Interaction(BaseModel):
    """What can be done."""

    code: Literal["search-type"]


class SearchParameter(BaseModel):
    """What can be searched by."""

    name: Annotated[str, Field(examples=["patient"])]
    type: Annotated[str, Field(examples=["reference"])]
    documentation: Annotated[str, Field(examples=["Whom it is about: patient=Patient/ID."])]


class RestResource(BaseModel):
    """What there is of one kind of resource."""

    type: Literal["RiskAssessment"]
    documentation: Annotated[str, Field(examples=["probabilityDecimal is a fraction from 0 to 1."])]
    interaction: list[Interaction]
    versioning: Literal["no-version"]
    search_param: Annotated[list[SearchParameter], Field(alias="searchParam")]


class Rest(BaseModel):
    """The server's side."""

    mode: Literal["server"]
    security: Security
    resource: list[RestResource]


class CapabilityStatement(BaseModel):
    """What this FHIR server can do."""

    resource_type: Annotated[Literal["CapabilityStatement"], Field(alias="resourceType")]
    status: Literal["active"]
    date: Annotated[str, Field(examples=["2024-12-31"])]
    publisher: Annotated[str, Field(examples=["firstcall"])]
    kind: Literal["instance"]
    software: Software
    implementation: Implementation
    fhir_version: Annotated[Literal["4.0.1"], Field(alias="fhirVersion")]
    format: Annotated[list[str], Field(examples=[["json", "application/fhir+json"]])]
    rest: list[Rest]
