"""Chronic conditions that beget each other, the drugs against them, and what both do to a person.

State arrays are those of state.py; everything here is compiled into the walks.
"""

from __future__ import annotations

import numpy as np

from .randomness import uniform
from .state import (
    ACCESS,
    ADMIT_SUM,
    BACK_SUM,
    CONDITION_BITS,
    DEATH_SUM,
    DRUG_BITS,
    DRUG_SUM,
    FRAILTY,
    INSTABILITY,
    LAB_OWN,
    MEMBER,
    NEXT_FILL,
    ONSET,
    ONSET_TOTAL,
    PATH,
    SINCE,
    VISIT_SUM,
    compiled,
)  # fmt: skip
from .vocabulary import (
    ADMIT_EFFECT,
    BACK_EFFECT,
    BEGETS,
    CONDITION_COUNT,
    DEATH_EFFECT,
    DRUG_BACK,
    DRUG_CHANCE,
    DRUG_CONDITION,
    DRUG_COUNT,
    LAB_BETWEEN,
    LAB_SHIFT,
    LAB_TYPICAL,
    LAB_UNSTABLE,
    LOG_ONSET,
    ONSET_AFTER,
    ONSET_SLOPE,
    VISIT_EFFECT,
)  # fmt: skip


@compiled
def has(K, condition):
    """1.0 where the person has the condition, else 0.0."""
    return np.float64((K[CONDITION_BITS] >> condition) & 1)


@compiled
def rate_onsets(F, K, age):
    """Yearly onset rate of each condition that the person does not have yet, and their sum."""
    total = 0.0
    for c in range(CONDITION_COUNT):
        rate = 0.0
        after = ONSET_AFTER[c]
        if (K[CONDITION_BITS] >> c) & 1 == 0 and (
            after < 0 or (K[CONDITION_BITS] >> after) & 1 == 1
        ):
            log_rate = LOG_ONSET[c] + ONSET_SLOPE[c] * (min(age, 92.0) - 65.0) + 0.18 * F[FRAILTY]
            for other in range(CONDITION_COUNT):
                if (K[CONDITION_BITS] >> other) & 1:
                    log_rate += BEGETS[other, c]
            rate = np.exp(log_rate)
        F[ONSET + c] = rate
        total += rate
    F[ONSET_TOTAL] = total


@compiled
def settle(F, K):
    """Renew the sums over conditions and drugs that the monthly step reads."""
    F[ADMIT_SUM] = 0.0
    F[BACK_SUM] = 0.0
    F[DEATH_SUM] = 0.0
    F[VISIT_SUM] = 0.0
    F[DRUG_SUM] = 0.0
    for c in range(CONDITION_COUNT):
        if (K[CONDITION_BITS] >> c) & 1:
            F[ADMIT_SUM] += ADMIT_EFFECT[c]
            F[BACK_SUM] += BACK_EFFECT[c]
            F[DEATH_SUM] += DEATH_EFFECT[c]
            F[VISIT_SUM] += VISIT_EFFECT[c]
    for d in range(DRUG_COUNT):
        if (K[DRUG_BITS] >> d) & 1:
            F[DRUG_SUM] += DRUG_BACK[d]


@compiled
def death_rate(F, K, age):
    """Monthly rate at which a last illness begins."""
    return np.exp(-8.6 + 0.078 * (age - 65.0) + 0.7 * F[DEATH_SUM] + 0.3 * F[FRAILTY])


@compiled
def acquire(F, K, R, condition, day):
    """Begin a condition on ``day`` and, as far as access goes, the treatment for it."""
    K[CONDITION_BITS] |= 1 << condition
    K[SINCE + condition] = day
    for d in range(DRUG_COUNT):
        if DRUG_CONDITION[d] == condition and uniform(R, PATH) < DRUG_CHANCE[d] * F[ACCESS]:
            K[DRUG_BITS] |= 1 << d
            K[NEXT_FILL + d] = day + np.int64(uniform(R, PATH) * 80.0)


@compiled
def fall_ill(F, K, R, day, age):
    """At most one new condition this month."""
    if uniform(R, PATH) * 12.0 < F[ONSET_TOTAL]:
        u = uniform(R, PATH) * F[ONSET_TOTAL]
        for c in range(CONDITION_COUNT):
            u -= F[ONSET + c]
            if u < 0.0 and F[ONSET + c] > 0.0:
                acquire(F, K, R, c, day + np.int64(uniform(R, PATH) * 28.0))
                break
        settle(F, K)
        rate_onsets(F, K, age)
    elif (K[MEMBER] + day // 30) % 12 == 0:
        rate_onsets(F, K, age)


@compiled
def lab_now(F, K, test):
    """The true value of a laboratory test today; the measured one adds noise."""
    value = (
        LAB_TYPICAL[test]
        + LAB_BETWEEN[test] * F[LAB_OWN + test]
        + LAB_UNSTABLE[test] * F[INSTABILITY]
    )
    for c in range(CONDITION_COUNT):
        if LAB_SHIFT[c, test] != 0.0 and (K[CONDITION_BITS] >> c) & 1:
            value += LAB_SHIFT[c, test]
    return value
