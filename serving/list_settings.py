"""What a site decides about its list: the part `worklist` of service.toml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from serving.guidelines import Guidelines
from serving.outreach_clock import OutreachClock
from serving.panels import Panel, by_number
from serving.rising_cost import RisingCost

Task = Literal["readmission", "high-cost"]
Limit = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
Owner = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=80, pattern=r"^[^\x00-\x1f]*$"
    ),
]


class TierSettings(BaseModel):
    """The risks from which on somebody is in the tier high and in the tier moderate, and `owner`,
    who decided so."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    high: Limit
    moderate: Limit
    owner: Owner

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.moderate >= self.high:
            raise ValueError("moderate must be less than high")
        return self


class WorklistSettings(BaseModel):
    """`outreach`: by when who was discharged is to be called. `guidelines`: how long what was
    recorded keeps somebody off the list. `rising`: whose high-cost risk rises. `panels`: who takes
    whom, and how many; without any, the command that makes the list says how many case managers
    there are, all alike. `tiers`: from which risks on the tiers begin, by task; without them the
    limits that each model brings hold. `kept_for_discharged`: the share of the places that the
    recently discharged of high or moderate tier take first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    outreach: OutreachClock = OutreachClock()
    guidelines: Guidelines = Guidelines()
    rising: RisingCost = RisingCost()
    panels: Annotated[tuple[Panel, ...], AfterValidator(by_number)] = ()
    tiers: Mapping[Task, TierSettings] = {}
    kept_for_discharged: Annotated[float, Field(ge=0, le=1)] = 0.5
