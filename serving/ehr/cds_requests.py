"""What a CDS client sends (CDS Hooks 2.0): the call of a service, and feedback about a card.

Fields that the specification does not know are let through and dropped. `fhirServer` and
`fhirAuthorization` are accepted and dropped too: we never call back, and an access token that is
not kept cannot be lost.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from serving.ehr.cds_services import Hook
from serving.ehr.identifiers import LONGEST_ID, is_patient_id

MOST_FEEDBACK = 100
_USER = re.compile(r"(Practitioner|PractitionerRole|Patient|RelatedPerson)/[^/\s]{1,256}")
_STAFF = ("Practitioner/", "PractitionerRole/")


def _id(text: str) -> str:
    if not is_patient_id(text):
        raise PydanticCustomError("id", "must be an id")
    return text


def _user(text: str) -> str:
    if not (text.isprintable() and _USER.fullmatch(text)):
        raise PydanticCustomError("user", "must be of the form Practitioner/ID")
    return text


def _written(at: object) -> object:
    if not isinstance(at, str):
        raise PydanticCustomError("utc", "must be a date and time in UTC")
    return at


def _utc(at: datetime) -> datetime:
    if at.tzinfo is None or at.utcoffset() != timedelta(0):
        raise PydanticCustomError("utc", "must be a date and time in UTC")
    return at


_AS_USER: dict[str, Any] = {"pattern": f"^{_USER.pattern}$"}
_AS_TIME: dict[str, Any] = {"format": "date-time"}
Id = Annotated[
    str,
    Field(max_length=LONGEST_ID, json_schema_extra={"minLength": 1}),
    AfterValidator(_id),
]
Word = Annotated[str, Field(min_length=1, max_length=255)]
Words = Annotated[str, Field(max_length=2000)]


class _Sent(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class HookContext(_Sent):
    """Who looks at whom."""

    user_id: Annotated[
        str,
        AfterValidator(_user),
        Field(alias="userId", examples=["Practitioner/abc"], json_schema_extra=_AS_USER),
    ]
    patient_id: Annotated[Id, Field(alias="patientId", examples=["1288992"])]
    encounter_id: Annotated[
        Id | None,
        Field(
            alias="encounterId",
            description="required by encounter-discharge",
            examples=["456"],
        ),
    ] = None

    @property
    def of_staff(self) -> bool:
        """Whether the user works there; a patient or a proxy may look at a record too."""
        return self.user_id.startswith(_STAFF)


class HookRequest(_Sent):
    """The call of a service. `prefetch` is as it was sent."""

    hook: Hook
    hook_instance: Annotated[
        UUID, Field(alias="hookInstance", examples=["d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"])
    ]
    context: HookContext
    prefetch: Annotated[
        dict[str, Any],
        Field(
            description="what the discovery document asks for; a resource that could not be had is "
            "null or left out",
            examples=[{"patient": {"resourceType": "Patient", "id": "1288992"}}],
        ),
    ] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _names_its_server(cls, sent: object) -> object:
        if not isinstance(sent, Mapping) or sent.get("fhirAuthorization") is None:
            return sent
        if not isinstance(sent.get("fhirServer"), str):
            raise PydanticCustomError(
                "fhir_server", "fhirServer is required with fhirAuthorization"
            )
        return sent

    @model_validator(mode="after")
    def _names_the_encounter(self) -> HookRequest:
        if self.hook == "encounter-discharge" and self.context.encounter_id is None:
            raise PydanticCustomError(
                "encounter", "context.encounterId is required for encounter-discharge"
            )
        return self


class Coding(_Sent):
    """A code of a code system."""

    code: Annotated[Word, Field(examples=["arranged"])]
    system: Annotated[Word, Field(examples=["urn:uuid:6f1f2a52-5a0e-4b43-9d0a-2c6f0f1f7c55"])]
    display: Annotated[Words | None, Field(examples=["Follow-up is already arranged"])] = None


class OverrideReason(_Sent):
    """Why a card was set aside: one of its reasons, words of the user's, or both."""

    reason: Annotated[
        Coding | None, Field(description="one of the card's reasons: kept where it is ours")
    ] = None
    user_comment: Annotated[
        Words | None,
        Field(
            alias="userComment",
            description="read, and not kept: it may name somebody",
            examples=["Seen in clinic this morning."],
        ),
    ] = None


class AcceptedSuggestion(_Sent):
    """A suggestion that was taken. Our cards hold none; a client may send them all the same."""

    id: Annotated[Word, Field(examples=["e56e1945-20b3-4393-8503-a1a20fd73152"])]


class CardFeedback(_Sent):
    """What became of one card."""

    card: Annotated[UUID, Field(examples=["4e0a3a1e-3283-4575-ab82-028d55fe2719"])]
    outcome: Literal["accepted", "overridden"]
    accepted_suggestions: Annotated[
        tuple[AcceptedSuggestion, ...],
        Field(
            alias="acceptedSuggestions",
            max_length=MOST_FEEDBACK,
            description="required where the outcome is accepted",
            examples=[[{"id": "e56e1945-20b3-4393-8503-a1a20fd73152"}]],
        ),
    ] = ()
    override_reason: Annotated[OverrideReason | None, Field(alias="overrideReason")] = None
    outcome_timestamp: Annotated[
        datetime,
        BeforeValidator(_written, json_schema_input_type=str),
        AfterValidator(_utc),
        Field(
            alias="outcomeTimestamp", examples=["2021-12-11T10:05:31Z"], json_schema_extra=_AS_TIME
        ),
    ]

    @model_validator(mode="after")
    def _says_what_was_accepted(self) -> CardFeedback:
        if self.outcome == "accepted" and not self.accepted_suggestions:
            raise PydanticCustomError(
                "accepted", "acceptedSuggestions is required where the outcome is accepted"
            )
        return self


class Feedback(_Sent):
    """Feedback about several cards."""

    feedback: Annotated[list[CardFeedback], Field(min_length=1, max_length=MOST_FEEDBACK)]


ALIASES = frozenset(
    field.alias
    for form in _Sent.__subclasses__()
    for field in form.model_fields.values()
    if field.alias is not None
)
"""Names of fields in these requests that are not our own names of them."""
