"""The source rows behind one reason of one patient, over HTTP."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from data.patient_rows import patient_rows
from features.history import carries_of
from serving.access.roles import Principal
from serving.api.patients import PatientId, in_panel, taken_in
from serving.api.problems import Refused
from serving.api.rules import GuardedRoute
from serving.api.state import Service, models_of
from serving.reasons import WITHHELD
from serving.schemas import Text

router = APIRouter(route_class=GuardedRoute, prefix="/v1/patients", tags=["patients"])


class FactTold(BaseModel):
    """One fact behind a number."""

    happened_on: Annotated[date, Field(examples=["2024-12-14"])]
    known_on: Annotated[date, Field(examples=["2024-12-20"])]
    words: Annotated[str, Field(examples=["emergency visit"])]
    source_row: Annotated[str, Field(examples=["encounter.csv@1a2b3c4d:17"])]


class NumberBehind(BaseModel):
    """One number that the model was given, in words, and the facts that it rests on."""

    feature: Annotated[str, Field(examples=["emergency_visits_count_90"])]
    words: Annotated[str, Field(examples=["3 emergency visits in the last 90 days"])]
    facts: Annotated[
        list[FactTold],
        Field(description="the newest first: all of them, or none where one may not be shown"),
    ]
    is_above_zero: Annotated[
        bool, Field(description="so that something is behind it, shown or not", examples=[True])
    ]


class EvidenceTold(BaseModel):
    """What is behind one reason."""

    as_of: Annotated[date, Field(examples=["2024-12-31"])]
    risk: Annotated[str, Field(examples=["readmission"])]
    concept: Annotated[str, Field(examples=["emergency visits"])]
    numbers: list[NumberBehind]
    warnings: Annotated[list[str], Field(examples=[[]])]
    withheld: Annotated[str, Field(description="the same line for everybody", examples=[WITHHELD])]


@router.get("/{patient_id}/evidence")
def evidence(
    request: Request,
    patient_id: PatientId,
    concept: Annotated[Text, Query(description="`concept` of a reason",
                                   examples=["emergency visits"])],
    risk: Annotated[Literal["readmission", "high-cost"], Query()] = "readmission",
) -> EvidenceTold:  # fmt: skip
    """The source rows behind one reason of the published run."""
    from serving.reason_evidence import evidence_behind

    service: Service = request.app.state.service
    principal: Principal = request.state.principal
    in_panel(service, principal, patient_id)
    run = service.published(principal)
    taken = taken_in(service)
    rows = patient_rows(taken.tables, patient_id)
    if not any(table.num_rows for table in rows.values()):
        raise Refused("not-found", "nobody of that id is in what was taken in")
    sight = service.sights(principal, [patient_id])[patient_id]
    using = service.using()
    numbers = evidence_behind(
        using.scorer.models, rows, carries_of(service.home.histories), run.as_of, risk, concept,
        sight, str(taken.manifest["cost_covers"]),
    )  # fmt: skip
    service.looked(principal, "evidence", [patient_id], run, concept=concept, risk=risk)
    warnings = []
    if run.manifest["data"]["generation"] != taken.generation:
        warnings.append("files were taken in since the night: rows may be new or corrected")
    if models_of(run).get(risk) != using.versions.get(risk):
        warnings.append("another model answers now than that of the night")
    return EvidenceTold(
        as_of=run.as_of,
        risk=risk,
        concept=concept,
        numbers=[
            NumberBehind(feature=one.feature, words=one.words,
                         facts=[FactTold(**vars(fact)) for fact in one.facts],
                         is_above_zero=one.is_above_zero)
            for one in numbers
        ],
        warnings=warnings,
        withheld=WITHHELD,
    )  # fmt: skip
