"""How one risk of a person is answered, with what stands beside it."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, Field


class Reason(BaseModel):
    """What raised or lowered one risk, in words, with the evidence behind it."""

    concept: Annotated[str, Field(examples=["emergency visits"])]
    words: Annotated[
        str, Field(examples=["3 emergency visits in the last 90 days, the last on 12 March"])
    ]
    share: Annotated[
        float, Field(description="part of the model's margin, in log odds", examples=[0.42])
    ]
    direction: Literal["raises", "lowers"]
    actionable: Annotated[
        bool, Field(description="whether a case manager could act on it", examples=[True])
    ]
    sensitive: Annotated[
        str | None,
        Field(description="the sensitive matter that it is about; null where it is about none, and "
              "nothing else is told to whoever may not see such matters", examples=[None]),
    ] = None  # fmt: skip
    next_step: Annotated[
        str | None,
        Field(description="what might be considered next, by the site's table",
              examples=["Consider booking a follow-up visit within 7 days"]),
    ] = None  # fmt: skip


class Risk(BaseModel):
    """One risk of one person, or why there is none."""

    risk: Annotated[float | None, Field(description="calibrated probability", examples=[0.21])]
    tier: Annotated[Literal["high", "moderate", "low"] | None, Field(examples=["high"])]
    asked_on: Annotated[
        date | None,
        Field(description="at the end of which day it is asked", examples=["2024-12-31"]),
    ]
    not_scored: Annotated[
        str | None,
        Field(description="why there is no risk", examples=["no discharge in the last 30 days"]),
    ]
    reasons: Annotated[
        list[Reason] | None,
        Field(
            description="what raises and lowers the risk; an empty list where there is nothing to "
            "tell; null where the published run did not explain this person: "
            "POST /v1/patients/{patient_id}/rescore does"
        ),
    ]


class ReadmissionRisk(Risk):
    """The risk of an unplanned return of one person, or why there is none. It is of the days that
    are left; its tier goes by all days after the discharge, so that nobody drops as they pass."""

    all_days_risk: Annotated[
        float | None,
        Field(description="the risk as if all days after the discharge were left: its tier and the "
              "order of the list go by it; null where there is none, and in runs of before it was "
              "told", examples=[0.25]),
    ]  # fmt: skip
    days_left: Annotated[
        int | None,
        Field(description="days of the window after the discharge that the risk is about; null "
              "where there is none", examples=[23]),
    ]  # fmt: skip


class ExpectedCost(BaseModel):
    """What somebody's care is expected to cost: allowed amounts, which are no measure of need."""

    dollars: Annotated[
        float,
        Field(description="what insurers are expected to allow for the care of the outcome "
              "window, US dollars; an estimate, by which the list is not ordered",
              examples=[18_412.7]),
    ]  # fmt: skip
    words: Annotated[str, Field(examples=["Expected cost of the next 12 months $18,400"])]


class HighCostRisk(Risk):
    """The risk of high cost of one person, or why there is none, and the expected cost."""

    expected_cost: Annotated[
        ExpectedCost | None,
        Field(description="null where there is no risk of high cost, where the model says none, "
              "and where the published run was made before it was told"),
    ]  # fmt: skip


class KnownScore(BaseModel):
    """A score that clinicians know, beside our risks; it was made for another outcome."""

    name: Annotated[str, Field(examples=["lace"])]
    words: Annotated[
        str, Field(examples=["LACE 8–11 (moderate to high; not known: admission type)"])
    ]
    low: Annotated[
        float | None, Field(description="the least that it can be; null: not known", examples=[8])
    ]
    high: Annotated[
        float | None, Field(description="the most; equal where every input is known", examples=[11])
    ]
    lacking: Annotated[
        str | None,
        Field(description="inputs that are not known, or why there is no score",
              examples=["admission type"]),
    ]  # fmt: skip
    group: Annotated[str | None, Field(description="its own risk group", examples=["moderate"])]
    made_for: Annotated[
        str | None,
        Field(description="the outcome that it was made to predict; null for what was spent",
              examples=["death or unplanned readmission within 30 days"]),
    ]  # fmt: skip
