"""One person on entering the data: who they are, and what life has given them so far."""

from __future__ import annotations

import numpy as np

from .conditions import acquire, death_rate, rate_onsets, settle
from .randomness import begin, exponential, normal, uniform
from .state import (
    ACCESS,
    ADHERENCE,
    ADHERENCE_TRAIT,
    AREA,
    BIRTH,
    CONDITION_BITS,
    COVER_1,
    COVER_1_END,
    COVER_2,
    COVER_2_END,
    DEATH,
    DETAIL,
    DRUG_BITS,
    FEMALE,
    FRAILTY,
    GROUP,
    HORIZON,
    HOSPITAL,
    INSTABILITY,
    LAB_OWN,
    MEMBER,
    NEED_BITS,
    NEVER,
    ONSET,
    PATH,
    PLAN_CLOCK,
    REGION,
    STAY_CLOCK,
    THRIFT,
    compiled,
)  # fmt: skip
from .vocabulary import CONDITION_COUNT, LAB_COUNT, NEED_COUNT

GROUPS = ("white", "black", "hispanic", "asian", "other")
REGIONS = 12
GROUP_UP_TO = np.array([0.63, 0.77, 0.91, 0.97, 1.0])
GROUP_ACCESS = np.array([0.97, 0.78, 0.76, 0.92, 0.88])
GROUP_AREA = np.array([44.0, 62.0, 60.0, 42.0, 50.0])
NEED_SHARE = np.array([0.035, 0.07, 0.08, 0.14])


@compiled
def _covered(K, R, start, end):
    """Most are covered throughout; some come late, leave, or have a gap."""
    first, last = start, NEVER
    if uniform(R, PATH) < 0.12:
        first = start + 30 * np.int64(uniform(R, PATH) * (end - start) / 30.0)
    if uniform(R, PATH) < 0.09:
        last = first + 29 + 30 * np.int64(uniform(R, PATH) * 44.0)
    K[COVER_1] = first
    K[COVER_1_END] = last
    K[COVER_2] = NEVER
    K[COVER_2_END] = NEVER
    if uniform(R, PATH) < 0.04:
        gap = first + 60 + np.int64(uniform(R, PATH) * 1000.0)
        if gap < last - 240:
            K[COVER_1_END] = gap
            K[COVER_2] = gap + 20 + np.int64(uniform(R, PATH) * 130.0)
            K[COVER_2_END] = last


@compiled
def born(F, K, R, seed, member, attempt, start, end, burn_in):
    """Fill the state of ``member``: ``burn_in`` is the day on which the monthly steps begin."""
    F[:] = 0.0
    K[:] = 0
    begin(R, PATH, seed, member, 1 + 8 * attempt)
    begin(R, DETAIL, seed, member, 2 + 8 * attempt)
    K[MEMBER] = member
    K[DEATH] = NEVER
    K[HORIZON] = NEVER
    u = uniform(R, PATH)
    if u < 0.52:
        age = 64.0 + min(11.5 * np.sqrt(-np.log(1.0 - uniform(R, PATH))), 33.0)
    else:
        age = 19.0 + 45.0 * uniform(R, PATH) ** 0.8
    K[BIRTH] = burn_in - np.int64(age * 365.25)
    K[FEMALE] = 1 if uniform(R, PATH) < 0.5 + 0.002 * max(age - 45.0, 0.0) else 0
    u = uniform(R, PATH)
    group = 0
    while u >= GROUP_UP_TO[group]:
        group += 1
    K[GROUP] = group
    K[REGION] = np.int64(uniform(R, PATH) * REGIONS)
    area = min(max(GROUP_AREA[group] + 24.0 * normal(R, PATH), 1.0), 100.0)
    K[AREA] = np.int64(area)
    access = GROUP_ACCESS[group] - 0.0016 * (area - 48.0) + 0.07 * normal(R, PATH)
    F[ACCESS] = min(max(access, 0.45), 1.08)
    poverty = 1.6 * (area - 48.0) / 52.0 + 0.9 * (0.92 - F[ACCESS])
    for need in range(NEED_COUNT):
        if uniform(R, PATH) < NEED_SHARE[need] * np.exp(poverty):
            K[NEED_BITS] |= 1 << need
    F[FRAILTY] = normal(R, PATH)
    F[ADHERENCE_TRAIT] = normal(R, PATH)
    needs = np.float64((K[NEED_BITS] & 1) + ((K[NEED_BITS] >> 1) & 1) + ((K[NEED_BITS] >> 2) & 1))
    F[ADHERENCE] = 1.0 / (
        1.0 + np.exp(-1.35 - 0.9 * F[ADHERENCE_TRAIT] + 0.35 * needs - 1.2 * (F[ACCESS] - 0.9))
    )
    F[THRIFT] = 0.12 * normal(R, PATH)
    F[INSTABILITY] = normal(R, PATH)
    F[STAY_CLOCK] = exponential(R, PATH)
    F[PLAN_CLOCK] = exponential(R, PATH)
    for test in range(LAB_COUNT):
        F[LAB_OWN + test] = normal(R, PATH)
    K[HOSPITAL] = 1 + np.int64(uniform(R, PATH) * 6.0)
    _covered(K, R, start, end)

    year = 20.0
    while year < age:
        if uniform(R, PATH) < 12.0 * death_rate(F, K, year):
            year = 20.0  # not of the living: another life up to the same age
            K[CONDITION_BITS] = 0
            K[DRUG_BITS] = 0
            settle(F, K)
        rate_onsets(F, K, year)
        length = min(1.0, age - year)
        for c in range(CONDITION_COUNT):
            if F[ONSET + c] > 0.0 and uniform(R, PATH) < F[ONSET + c] * length:
                ago = (age - year - length * uniform(R, PATH)) * 365.25
                acquire(F, K, R, c, burn_in - np.int64(max(ago, 1.0)))
        settle(F, K)
        year += 1.0
    rate_onsets(F, K, age)
