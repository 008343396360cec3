"""GET /v1/model: which models answer, what they were made of, what they are for."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from serving.api.rules import GuardedRoute
from serving.api.state import Service

router = APIRouter(route_class=GuardedRoute, prefix="/v1", tags=["operators"])

NOT_FOR = (
    "A score orders outreach. It must not be used to deny or delay care, coverage or payment, or "
    "to set a price."
)


class ModelTold(BaseModel):
    """One model in use."""

    task: Annotated[str, Field(examples=["readmission"])]
    version: Annotated[str, Field(examples=["0f8fad5bd9cb469f"])]
    source: Annotated[str, Field(description="where it comes from", examples=["home"])]
    label: Annotated[
        str,
        Field(
            description="what is predicted",
            examples=["Unplanned readmission within 30 days (cms_hwr)"],
        ),
    ]
    origin: Annotated[
        str,
        Field(
            description="whose data it was trained on: own, invented or public_synthetic",
            examples=["own"],
        ),
    ]
    data_through: Annotated[str, Field(examples=["2024-06-30"])]
    trained_on: Annotated[
        dict[str, Any],
        Field(
            description="the training rows and their dates",
            examples=[{"people": 9652, "cases": 2072}],
        ),
    ]
    horizon_days: Annotated[int, Field(examples=[30])]
    tiers: Annotated[
        dict[str, float],
        Field(
            description="the risk from which a tier begins: the site's limit, else the model's own",
            examples=[{"high": 0.37, "moderate": 0.22}],
        ),
    ]
    tiers_owner: Annotated[
        str, Field(description="who decided these limits", examples=["Dr A. Rivera, quality board"])
    ]
    tiers_of_model: Annotated[
        dict[str, float],
        Field(
            description="the limits that the model brought",
            examples=[{"high": 0.37, "moderate": 0.22}],
        ),
    ]
    features: Annotated[
        list[str],
        Field(
            description="in the order of the model", examples=[["age", "emergency_visits_count_90"]]
        ),
    ]
    feeds: Annotated[
        list[str],
        Field(
            description="the feeds that it was trained with", examples=[["coverage", "encounter"]]
        ),
    ]
    card: Annotated[
        str | None,
        Field(description="the model card with its TRIPOD+AI items and source attributes "
              "(45 CFR 170.315(b)(11)), as Markdown; null where the model came without one",
              examples=["# Model card: readmission"]),
    ]  # fmt: skip


class ModelsTold(BaseModel):
    """The models that answer now."""

    models: list[ModelTold]
    not_for: Annotated[str, Field(examples=[NOT_FOR])]
    warnings: Annotated[list[str], Field(examples=[["the readmission model was trained on an "
                                                    "invented population: not for decisions about "
                                                    "real people"]])]  # fmt: skip


@router.get("/model")
def model(request: Request) -> ModelsTold:
    """Which models answer: what they predict, what they were trained on, their cards."""
    service: Service = request.app.state.service
    using = service.using()
    models = using.scorer.models
    return ModelsTold(
        models=[
            ModelTold(
                task=task,
                version=one.version,
                label=one.metadata["label"],
                origin=one.metadata["origin"],
                data_through=str(one.metadata["data_through"]),
                trained_on=dict(one.metadata["trained_on"]),
                horizon_days=one.metadata["horizon_days"],
                tiers={"high": one.limits.high, "moderate": one.limits.moderate},
                tiers_owner=one.limits.owner,
                tiers_of_model=dict(one.metadata["tiers"]),
                features=one.features,
                feeds=list(one.metadata["carries"]),
                source=using.sources[task],
                card=using.cards.get(task),
            )
            for task, one in models.by_task.items()
        ],
        not_for=NOT_FOR,
        warnings=models.warnings(models.carries),
    )
