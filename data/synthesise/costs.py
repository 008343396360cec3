"""What care costs, in cents: log-normal around its price, so that the tail is heavy."""

from __future__ import annotations

import numpy as np

from .randomness import normal
from .state import (
    COVER_1,
    COVER_1_END,
    COVER_2,
    COVER_2_END,
    HORIZON,
    PATH,
    THRIFT,
    TOTAL,
    compiled,
)  # fmt: skip

STAY_SPREAD = 0.80
OFFICE, EMERGENCY, OBSERVATION, OUTPATIENT = np.log(np.array([13500.0, 72000.0, 270000.0, 62000.0]))
OFFICE_SPREAD, EMERGENCY_SPREAD, OUTPATIENT_SPREAD = 0.35, 0.7, 1.6
SKILLED_NURSING_DAY, REHABILITATION_DAY, HOSPICE_DAY = np.log(
    np.array([52000.0, 165000.0, 17500.0])
)
HOME_HEALTH = np.log(260000.0)
DIALYSIS_MONTH, INFUSION = np.log(np.array([210000.0, 380000.0]))
PSYCHIATRIC_DAY = np.log(110000.0)


@compiled
def priced(F, R, log_cents, spread):
    """One amount in whole cents; its mean is about exp(log_cents)."""
    log_cents += F[THRIFT] - 0.5 * spread * spread + spread * normal(R, PATH)
    return np.floor(np.exp(log_cents))


@compiled
def is_covered(K, day):
    """Whether claims of ``day`` reach the payer."""
    return (K[COVER_1] <= day <= K[COVER_1_END]) or (K[COVER_2] <= day <= K[COVER_2_END])


@compiled
def spend(F, K, day, cents):
    """Add to the total of the year ahead what falls into it."""
    if day <= K[HORIZON]:
        F[TOTAL] += cents
