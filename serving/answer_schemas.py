"""What the service answers about people: their risks, their place on the list."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from serving.risk_schemas import HighCostRisk, KnownScore, ReadmissionRisk


class Place(BaseModel):
    """A person's place on the list."""

    rank: Annotated[int, Field(description="1 is called first", examples=[17])]
    manager: Annotated[int, Field(description="whose panel", examples=[2])]
    tier: Annotated[str, Field(examples=["high"])]
    queue: Annotated[str, Field(examples=["recently discharged"])]


_Warnings = Annotated[
    list[str], Field(examples=[["the readmission model was not trained on people under 65"]])
]
_Models = Annotated[
    dict[str, str],
    Field(description="versions by task", examples=[{"readmission": "0f8fad5bd9cb469f"}]),
]


class PatientScore(BaseModel):
    """Both risks of one person."""

    patient_id: Annotated[str, Field(examples=["P0000017"])]
    discharged_on: Annotated[
        date | None,
        Field(description="last acute discharge in 30 days", examples=["2024-12-20"]),
    ]
    readmission: ReadmissionRisk
    high_cost: HighCostRisk
    known_scores: Annotated[
        list[KnownScore],
        Field(description="LACE and HOSPITAL (2016) of that discharge, Charlson's index and the "
              "cost of the year before, as of the day of the answer"),
    ]  # fmt: skip
    left_out: Annotated[
        str | None,
        Field(description="why this person is not on the list: not to be called, as far as known; "
              "or `beyond capacity`, where its places were taken and nothing speaks against a call",
              examples=["in hospital now"]),
    ]  # fmt: skip
    warnings: _Warnings
    withheld: Annotated[
        str,
        Field(description="the same line for everybody",
              examples=["Some information may be withheld."]),
    ]  # fmt: skip


class PublishedPatient(PatientScore):
    """One person in the published run, with the place on the list if there is one."""

    run_id: Annotated[str, Field(examples=["2024-12-31.1"])]
    as_of: Annotated[date, Field(examples=["2024-12-31"])]
    place: Place | None


class Listed(PatientScore, Place):
    """One place on the list."""

    why: Annotated[
        list[str],
        Field(description="what raises the risk of the queue, in words",
              examples=[["3 emergency visits in the last 90 days, the last on 12 December"]]),
    ]  # fmt: skip
    due_at: Annotated[
        datetime | None,
        Field(description="by when outreach after the discharge is due; overdue once it has passed",
              examples=["2025-01-02T18:00:00Z"]),
    ]  # fmt: skip
    change: Annotated[
        Literal["new", "changed"] | None,
        Field(
            description="since the newest list of an earlier day; null: neither", examples=["new"]
        ),
    ]
    change_why: Annotated[
        str | None, Field(description="in one line", examples=["discharged on 31 December"])
    ]
    rose_from: Annotated[
        float | None,
        Field(description="the high-cost risk of about a month ago, where it has risen since",
              examples=[0.04]),
    ]  # fmt: skip


class ScoreAnswer(BaseModel):
    """Risks, tiers and reasons of everybody in a request, ordered by patient_id."""

    as_of: Annotated[date, Field(examples=["2024-12-31"])]
    models: _Models
    patients: list[PatientScore]
    warnings: _Warnings
