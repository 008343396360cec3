"""What a site decides about its list: the part `worklist` of service.toml."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from serving.guidelines import Guidelines
from serving.outreach_clock import OutreachClock
from serving.panels import Panel, by_number
from serving.rising_cost import RisingCost


class WorklistSettings(BaseModel):
    """`outreach`: by when who was discharged is to be called. `guidelines`: how long what was
    recorded keeps somebody off the list. `rising`: whose high-cost risk rises. `panels`: who takes
    whom, and how many; without any, the command that makes the list says how many case managers
    there are, all alike."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    outreach: OutreachClock = OutreachClock()
    guidelines: Guidelines = Guidelines()
    rising: RisingCost = RisingCost()
    panels: Annotated[tuple[Panel, ...], AfterValidator(by_number)] = ()
