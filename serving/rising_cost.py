"""Whose high-cost risk rises: it is so many times what it was about a month ago.

A risk that rises says that something is under way, and a call may still change it; among people of
one tier they are called first. Both risks are of one model, or nothing is compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field


class RisingCost(BaseModel):
    """A risk rises where it is at least `times` what it was in the newest run that lies `days` to
    `days` + 15 days back."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    times: Annotated[float, Field(gt=1, le=100)] = 1.5
    days: Annotated[int, Field(ge=1, le=365)] = 30

    def span(self, as_of: date) -> tuple[date, date]:
        """The first and the last day of which a run can be the one that is compared with."""
        last = as_of - timedelta(days=self.days)
        return last - timedelta(days=15), last

    def rose_from(self, risks: pd.Series, before: Mapping[str, float]) -> pd.Series:
        """What each risk was before, where it rises; NaN where it does not, or was not told then.
        `risks` has patient ids for its index, and `before` for its keys.

        >>> RisingCost().rose_from(pd.Series({"a": 0.3, "b": 0.2, "c": 0.9}), {"a": 0.2, "b": 0.15})
        a    0.2
        b    NaN
        c    NaN
        dtype: float64
        """
        was = pd.Series(risks.index.map(before), index=risks.index, dtype="float64")
        return was.where(risks.astype("float64") >= self.times * was - 1e-12, np.nan)
