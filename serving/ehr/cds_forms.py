"""The form of what CDS clients are answered (CDS Hooks 2.0), field by field with an example, for
the service's own description. Answers are made by `cds_services` and `cds_cards`; tests hold them
against these forms."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from serving.ehr.cds_services import Hook

_URL = "https://hospital.example/firstcall/"


class CdsServiceTold(BaseModel):
    """One service, as a client discovers it."""

    hook: Hook
    title: Annotated[str, Field(examples=["Risks while a discharge is planned"])]
    description: Annotated[str, Field(examples=["The patient's risks as of last night's run."])]
    id: Annotated[
        str,
        Field(
            description="the end of its address, /cds-services/{id}",
            examples=["firstcall-patient-view"],
        ),
    ]
    prefetch: Annotated[
        dict[str, str],
        Field(
            description="what to send along: FHIR queries by key",
            examples=[{"patient": "Patient/{{context.patientId}}"}],
        ),
    ]
    usage_requirements: Annotated[
        str,
        Field(
            alias="usageRequirements",
            examples=["They are for staff: a patient or a proxy gets none."],
        ),
    ]


class Discovery(BaseModel):
    """The services that there are."""

    services: list[CdsServiceTold]


class CardCoding(BaseModel):
    """A code of one of our code systems."""

    system: Annotated[str, Field(examples=["urn:uuid:6f1f2a52-5a0e-4b43-9d0a-2c6f0f1f7c55"])]
    code: Annotated[str, Field(examples=["arranged"])]
    display: Annotated[str, Field(examples=["Follow-up is already arranged"])]


class CardSource(BaseModel):
    """Who says it."""

    label: Annotated[str, Field(examples=["firstcall"])]
    url: Annotated[
        str | None, Field(description="where the site has a page", examples=[_URL])
    ] = None  # fmt: skip
    topic: CardCoding


class CardLink(BaseModel):
    """A link to the patient's page, by a name that tells nothing."""

    label: Annotated[str, Field(examples=["Open in firstcall"])]
    url: Annotated[str, Field(examples=[f"{_URL}patients/x-4f3a2b1c"])]
    type: Literal["absolute"]


class Card(BaseModel):
    """What is told about one patient. It informs, and is never "critical"."""

    uuid: Annotated[
        str,
        Field(
            description="the same for one service, run and patient; feedback names it",
            examples=["4e0a3a1e-3283-4575-ab82-028d55fe2719"],
        ),
    ]
    summary: Annotated[
        str,
        Field(
            max_length=139,
            description="both risks at a glance, and what a case manager decided",
            examples=["Readmission risk 21% (high tier) · High cost risk 7% (low tier)"],
        ),
    ]
    detail: Annotated[
        str,
        Field(
            description="GitHub-flavoured Markdown: the risks with what was seen, suggestions, "
            "warnings, as of which day",
            examples=[
                "**Readmission:** 21% over the 30 days after the discharge on 9 May (high tier)."
            ],
        ),
    ]
    indicator: Annotated[
        Literal["info", "warning"],
        Field(description="a warning of the high tier, unless nobody is to reach out any more"),
    ]
    source: CardSource
    override_reasons: Annotated[
        list[CardCoding],
        Field(alias="overrideReasons", description="why the card may be set aside"),
    ]
    links: Annotated[list[CardLink] | None, Field(description="where the site has a page")] = None


class Cards(BaseModel):
    """The cards about the patient in context: one, or none where there is nothing to tell."""

    cards: list[Card]
