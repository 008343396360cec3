"""What a discharge leads to within 30 days: an unplanned return, a planned one, death, nothing.

The three compete. Each has a chance and a distribution over days 1 to 30; the earliest decides,
and an admission goes before a death of the same day. Nothing else brings an acute stay, or death,
in these 30 days: hence ``unplanned_odds`` is exactly the probability of the label.
"""

from __future__ import annotations

import numpy as np

from .conditions import has, lab_now
from .randomness import uniform
from .state import (
    ACCESS,
    ADHERENCE,
    BACK_SUM,
    BIRTH,
    BUSY,
    DRUG_SUM,
    DYING,
    FRAILTY,
    INSTABILITY,
    LAST_REASON,
    NEED_BITS,
    PATH,
    Q_DEATH,
    Q_PLANNED,
    Q_UNPLANNED,
    RECENT_ED,
    RECENT_STAYS,
    RETURN_DAY,
    RETURN_KIND,
    WEAR,
    compiled,
)  # fmt: skip
from .vocabulary import (
    ALBUMIN,
    AT,
    BNP,
    CHEMOTHERAPY,
    CREATININE,
    HAEMOGLOBIN,
    NEED_BACK,
    NEED_COUNT,
    REASON_BACK,
    SODIUM,
)  # fmt: skip

WINDOW = 30
NONE, UNPLANNED, PLANNED, DEATH = range(4)
_CANCER, _CORONARY = AT["cancer"], AT["coronary"]
HOME_HEALTH, SKILLED_NURSING, HOSPICE, AGAINST_ADVICE = 1, 2, 7, 8
_DAYS = np.arange(WINDOW + 1)


def _over_days(weight: np.ndarray) -> np.ndarray:
    """Cumulative share of days 0 … 30."""
    return np.cumsum(weight) / weight.sum()


UNPLANNED_BY = _over_days(np.where(_DAYS >= 1, np.exp(-_DAYS / 15.0), 0.0))
PLANNED_BY = _over_days(np.where(_DAYS >= 4, 1.0 + _DAYS / 20.0, 0.0))
DEATH_BY = _over_days(np.where(_DAYS >= 1, np.exp(-_DAYS / 13.0), 0.0))

BASE, SPREAD = -3.85, 0.77


@compiled
def weigh(F, K, reason, planned, days, disposition, followed):
    """Set the three chances of this discharge, from the whole true state of the person."""
    age = (K[BUSY] - K[BIRTH]) / 365.25
    logit = 0.6 * F[BACK_SUM] + 1.0 * F[DRUG_SUM] + 1.6 * REASON_BACK[reason]
    logit += 0.38 * F[FRAILTY] + 0.50 * F[INSTABILITY] + 0.06 * F[WEAR]
    logit += 0.05 * min(F[RECENT_STAYS], 4.0) + 0.05 * min(F[RECENT_ED], 5.0)
    logit += 0.32 * np.log(1.0 + days) + 0.006 * (min(age, 90.0) - 72.0)
    logit -= 2.3 * (F[ADHERENCE] - 0.75)
    for need in range(NEED_COUNT):
        if (K[NEED_BITS] >> need) & 1:
            logit += NEED_BACK[need]
    logit -= 0.85 * (lab_now(F, K, ALBUMIN) - 3.8)
    logit += 0.07 * min(max(138.0 - lab_now(F, K, SODIUM), 0.0), 10.0)
    logit -= 0.08 * (lab_now(F, K, HAEMOGLOBIN) - 12.8)
    logit += 0.06 * (lab_now(F, K, BNP) - 4.2)
    logit += 0.06 * min(lab_now(F, K, CREATININE) - 1.1, 2.0)
    if followed == 0:
        logit += 0.65
    if disposition in (HOME_HEALTH, SKILLED_NURSING):
        logit += 0.12
    elif disposition == HOSPICE:
        logit -= 2.0
    elif disposition == AGAINST_ADVICE:
        logit += 0.6
    if planned == 1:
        logit -= 0.25
    logit = BASE + SPREAD * logit
    F[Q_UNPLANNED] = 1.0 / (1.0 + np.exp(-min(max(logit, -6.0), 2.5)))

    F[Q_PLANNED] = 0.006 + 0.05 * has(K, _CANCER) + 0.012 * has(K, _CORONARY)
    F[Q_PLANNED] *= F[ACCESS]
    if reason == CHEMOTHERAPY:
        F[Q_PLANNED] = 0.35
    death = -4.9 + 0.055 * (age - 75.0) + 0.25 * F[INSTABILITY] + 0.2 * F[FRAILTY]
    if planned == 1:
        death -= 1.2
    death += 1.9 * K[DYING]
    if disposition == HOSPICE:
        death += 2.6
    F[Q_DEATH] = 1.0 / (1.0 + np.exp(-min(max(death, -8.0), 1.5)))
    K[LAST_REASON] = reason


@compiled
def unplanned_odds(F):
    """The exact chance that an unplanned acute admission comes first, within 30 days."""
    total = 0.0
    for day in range(1, WINDOW + 1):
        total += (
            (UNPLANNED_BY[day] - UNPLANNED_BY[day - 1])
            * (1.0 - F[Q_PLANNED] * PLANNED_BY[day - 1])
            * (1.0 - F[Q_DEATH] * DEATH_BY[day - 1])
        )
    return F[Q_UNPLANNED] * total


@compiled
def _day_of(R, chance, by):
    """A day drawn from ``by`` with ``chance``, else 99."""
    if uniform(R, PATH) >= chance:
        return 99
    u = uniform(R, PATH)
    day = 0
    while u >= by[day]:
        day += 1
    return day


@compiled
def draw_return(F, K, R, after):
    """Draw what comes first, given that nothing has come on ``after`` or before.

    ``after`` is the discharge day itself when the person leaves, and the as-of date when a
    look-ahead starts in the midst of the 30 days.
    """
    while True:
        unplanned = _day_of(R, F[Q_UNPLANNED], UNPLANNED_BY)
        planned = _day_of(R, F[Q_PLANNED], PLANNED_BY)
        death = _day_of(R, F[Q_DEATH], DEATH_BY)
        first = min(unplanned, min(planned, death))
        if K[BUSY] + first > after:
            break
    if first > WINDOW:
        K[RETURN_KIND] = NONE
        return
    K[RETURN_DAY] = K[BUSY] + first
    if unplanned == first:
        K[RETURN_KIND] = UNPLANNED
    elif planned == first:
        K[RETURN_KIND] = PLANNED
    else:
        K[RETURN_KIND] = DEATH
