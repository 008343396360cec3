"""What a reason rests on: the facts behind it, each with the row of the source it was read from."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query, Request
from fastapi.responses import Response

from serving.access.roles import Principal
from serving.api.evidence import evidence as behind
from serving.api.patients import PatientId
from serving.pages.layout import page
from serving.pages.listed_rows import reason_sentence
from serving.pages.own_paths import HOME, own_path, patient_path
from serving.pages.page_route import router
from serving.schemas import Text

evidence = router()


@evidence.get("/patients/{patient_id}/evidence")
def rows(
    request: Request,
    patient_id: PatientId,
    concept: Annotated[Text, Query()],
    risk: Literal["readmission", "high-cost"] = "readmission",
    back: Annotated[str, Query(max_length=500)] = HOME,
) -> Response:
    """The source rows behind one reason of the published run."""
    principal: Principal = request.state.principal
    told = behind(request, patient_id, concept, risk)
    return page(
        request, "evidence.html", principal=principal, warnings=told.warnings, told=told,
        words=[reason_sentence(number.words) for number in told.numbers], patient_id=patient_id,
        back=patient_path(patient_id, own_path(back)),
    )  # fmt: skip
