"""One month of one person: the step that the realised path and every look-ahead share."""

from __future__ import annotations

import numpy as np

from .conditions import death_rate, fall_ill, has
from .costs import (
    DIALYSIS_MONTH,
    EMERGENCY_SPREAD,
    INFUSION,
    OFFICE,
    OFFICE_SPREAD,
    OUTPATIENT_SPREAD,
    PSYCHIATRIC_DAY,
    priced,
    spend,
)  # fmt: skip
from .costs import (
    EMERGENCY as EMERGENCY_PRICE,
)
from .costs import (
    OBSERVATION as OBSERVATION_PRICE,
)
from .costs import (
    OUTPATIENT as OUTPATIENT_PRICE,
)
from .notes import coded, note_contact, note_fill, note_lab
from .randomness import exponential, normal, poisson, uniform
from .returns import DEATH as RETURN_DEATH
from .returns import NONE, PLANNED
from .state import (
    ACCESS,
    ADHERENCE,
    ADHERENCE_TRAIT,
    ADMIT_SUM,
    ADMITTED,
    BIRTH,
    BUSY,
    DEATH,
    DETAIL,
    DRUG_BITS,
    DYING,
    EMIT,
    FRAILTY,
    FREE_FROM,
    INSTABILITY,
    MONTHS,
    NEED_BITS,
    NEVER,
    NEXT_FILL,
    PATH,
    PLAN_CLOCK,
    POST_END,
    RECENT_ED,
    RECENT_STAYS,
    REGION,
    RETURN_DAY,
    RETURN_KIND,
    SINCE,
    STAY_CLOCK,
    VISIT_SUM,
    WEAR,
    compiled,
)  # fmt: skip
from .stays import (
    EMERGENCY,
    NO_DISPOSITION,
    NO_TYPE,
    OBSERVATION,
    OFFICE_VISIT,
    OUTPATIENT,
    PSYCHIATRIC,
    TO_HOME,
    URGENT,
    admit,
    planned_weight,
)  # fmt: skip
from .vocabulary import (
    ALBUMIN,
    AT,
    CREATININE,
    DRUG_COUNT,
    DRUG_DAY_CENTS,
    DRUG_LONG,
    EMERGENCY_CODES,
    HAEMOGLOBIN,
    HBA1C,
    OFFICE_CODES,
    PSYCHIATRIC_REASON,
    SODIUM,
)  # fmt: skip

_DIABETES, _KIDNEY, _DIALYSIS = AT["diabetes"], AT["kidney"], AT["dialysis"]
_CANCER, _METASTASES = AT["cancer"], AT["metastases"]
_MENTAL, _DEPRESSION = AT["mental_illness"], AT["depression"]
_EMERGENCY_CODES, _OFFICE_CODES = len(EMERGENCY_CODES), len(OFFICE_CODES)


@compiled
def _within(R, start, end):
    """A day of [start, end)."""
    return start + np.int64(uniform(R, PATH) * (end - start))


@compiled
def _age_a_month(F, K, R):
    """What drifts from month to month."""
    F[INSTABILITY] = 0.82 * F[INSTABILITY] + 0.5723 * normal(R, PATH)
    F[WEAR] *= 0.85
    F[RECENT_STAYS] *= 0.92
    F[RECENT_ED] *= 0.88
    needs = np.float64((K[NEED_BITS] & 1) + ((K[NEED_BITS] >> 1) & 1) + ((K[NEED_BITS] >> 2) & 1))
    usual = 1.35 + 0.9 * F[ADHERENCE_TRAIT] - 0.35 * needs + 1.2 * (F[ACCESS] - 0.9)
    usual = 1.0 / (1.0 + np.exp(-usual))
    shaken = F[ADHERENCE] + 0.25 * (usual - F[ADHERENCE]) + 0.16 * (uniform(R, PATH) - 0.5)
    F[ADHERENCE] = min(max(shaken, 0.05), 1.0)


@compiled
def _first_event(F, K, R, start, end, age):
    """The earliest of death, unplanned and planned stay that chance brings: (day, kind).

    Kinds are those of returns.py. Nothing comes before FREE_FROM: until then the last discharge
    governs.
    """
    day, kind = NEVER, NONE
    ill = F[ADMIT_SUM] + 0.30 * F[FRAILTY] + 0.42 * F[INSTABILITY]
    rate = np.exp(
        -5.75 + 0.022 * (age - 70.0) + ill + 0.14 * F[WEAR] + 0.05 * min(F[RECENT_STAYS], 4.0)
        - 0.6 * (F[ADHERENCE] - 0.75) + 1.0 * K[DYING]
    )  # fmt: skip
    F[STAY_CLOCK] -= rate
    if F[STAY_CLOCK] < 0.0:
        F[STAY_CLOCK] = exponential(R, PATH)
        when = _within(R, start, end)
        if when >= K[FREE_FROM]:
            day, kind = when, 1
    F[PLAN_CLOCK] -= 0.0019 * planned_weight(K) * F[ACCESS] ** 1.5 * (1.0 if age < 80.0 else 0.45)
    if F[PLAN_CLOCK] < 0.0:
        F[PLAN_CLOCK] = exponential(R, PATH)
        when = _within(R, start, end)
        if K[FREE_FROM] <= when < day:
            day, kind = when, 2
    dying = death_rate(F, K, age)
    if K[DYING] == 0 and uniform(R, PATH) < dying:
        K[DYING] = 1
    rate = 0.16 if K[DYING] == 1 else 0.35 * dying
    if uniform(R, PATH) < rate:
        when = _within(R, start, end)
        if K[FREE_FROM] <= when < day:
            day, kind = when, RETURN_DEATH
    return day, kind


@compiled
def _emergencies(F, K, R, book, start, end):
    """Visits to the emergency department that do not end in a bed; some lead to observation."""
    rate = np.exp(
        -3.75 + 0.35 * F[INSTABILITY] + 0.22 * F[FRAILTY] + 0.5 * F[ADMIT_SUM]
        + 2.0 * (0.93 - F[ACCESS]) + 0.35 * (K[NEED_BITS] & 1) + 0.05 * min(F[RECENT_ED], 5.0)
    )  # fmt: skip
    for _ in range(poisson(R, PATH, rate)):
        day = _within(R, start, end)
        watched = uniform(R, PATH) < 0.1
        until = day + (1 + np.int64(uniform(R, PATH) * 2.0) if watched else 0)
        if (K[ADMITTED] <= until and day <= K[BUSY]) or until >= K[DEATH]:
            continue
        if K[RETURN_KIND] != NONE and until >= K[RETURN_DAY]:
            continue
        code = np.int64(uniform(R, PATH) * _EMERGENCY_CODES)
        log_cents = OBSERVATION_PRICE if watched else EMERGENCY_PRICE
        cents = priced(F, R, log_cents, EMERGENCY_SPREAD)
        spend(F, K, until, cents)
        note_contact(
            K, book, OBSERVATION if watched else EMERGENCY, day, until, 10 * K[REGION] + 1,
            NO_TYPE, TO_HOME, code, coded(F, K, R, 0.12, 0.05), cents, 0, -1, -1, np.nan,
        )  # fmt: skip
        F[RECENT_ED] += 1.0


@compiled
def _offices(F, K, R, book, start, end):
    """Office visits, with blood tests now and then, and outpatient procedures."""
    rate = (0.14 + F[VISIT_SUM] / 13.0) * F[ACCESS] ** 1.6
    for _ in range(poisson(R, PATH, rate * (1.0 + 0.08 * F[INSTABILITY]))):
        day = _within(R, start, end)
        if (K[ADMITTED] <= day <= max(K[BUSY], K[POST_END])) or day >= K[DEATH]:
            continue
        cents = priced(F, R, OFFICE, OFFICE_SPREAD)
        spend(F, K, day, cents)
        code = np.int64(uniform(R, PATH) * _OFFICE_CODES)
        seen = note_contact(
            K, book, OFFICE_VISIT, day, day, 800 + K[REGION], NO_TYPE, NO_DISPOSITION, code,
            coded(F, K, R, 0.2, 0.012), cents, 0, -1, -1, np.nan,
        )  # fmt: skip
        if K[EMIT] == 1 and seen >= 0 and uniform(R, DETAIL) < 0.22:
            note_lab(F, K, R, book, HAEMOGLOBIN, day, seen)
            note_lab(F, K, R, book, CREATININE, day, seen)
            if uniform(R, DETAIL) < 0.5:
                note_lab(F, K, R, book, SODIUM, day, seen)
                note_lab(F, K, R, book, ALBUMIN, day, seen)
            if uniform(R, DETAIL) < 0.08 + 0.85 * has(K, _DIABETES):
                note_lab(F, K, R, book, HBA1C, day, seen)
    rate = (0.05 + 0.03 * F[ADMIT_SUM]) * F[ACCESS]
    if uniform(R, PATH) < rate:
        day = _within(R, start, end)
        if not (K[ADMITTED] <= day <= K[BUSY]) and day < K[DEATH]:
            _outpatient(F, K, R, book, day, OUTPATIENT_PRICE, OUTPATIENT_SPREAD)
    if has(K, _DIALYSIS) == 1.0 and end - 1 < K[DEATH]:
        _outpatient(F, K, R, book, end - 1, DIALYSIS_MONTH, 0.15)
    fresh = has(K, _CANCER) * (start - K[SINCE + _CANCER] < 400)
    if (fresh == 1.0 or has(K, _METASTASES) == 1.0) and uniform(R, PATH) < 0.3 * F[ACCESS]:
        day = _within(R, start, end)
        if not (K[ADMITTED] <= day <= K[BUSY]) and day < K[DEATH]:
            _outpatient(F, K, R, book, day, INFUSION, 0.5)


@compiled
def _outpatient(F, K, R, book, day, log_cents, spread):
    """One outpatient claim of a hospital."""
    cents = priced(F, R, log_cents, spread)
    spend(F, K, day, cents)
    note_contact(
        K, book, OUTPATIENT, day, day, 10 * K[REGION] + 1, NO_TYPE, NO_DISPOSITION, -1,
        coded(F, K, R, 0.2, 0.01), cents, 0, -1, -1, np.nan,
    )  # fmt: skip


@compiled
def _fills(F, K, R, book, start, end):
    """Prescriptions that fall due this month; the less adherent come late."""
    for d in range(DRUG_COUNT):
        if (K[DRUG_BITS] >> d) & 1 == 0:
            continue
        while K[NEXT_FILL + d] < end:
            day = max(K[NEXT_FILL + d], start)
            if K[ADMITTED] <= day <= K[BUSY]:
                day = K[BUSY] + 1
                if day >= end:
                    K[NEXT_FILL + d] = day
                    break
            if day >= K[DEATH]:
                K[NEXT_FILL + d] = NEVER
                break
            days = 90 if DRUG_LONG[d] == 1 else 30
            cents = np.floor(DRUG_DAY_CENTS[d] * days * (0.85 + 0.3 * uniform(R, PATH)))
            spend(F, K, day, cents)
            note_fill(K, book, d, day, days, cents)
            late = np.int64(uniform(R, PATH) * 5.0)
            if uniform(R, PATH) > F[ADHERENCE]:
                late += 10 + np.int64(uniform(R, PATH) * 50.0)
            K[NEXT_FILL + d] = day + days + late


@compiled
def _psychiatric(F, K, R, book, start, end):
    """A stay in a psychiatric hospital, which is not acute: it neither counts nor blocks."""
    rate = 0.006 * has(K, _MENTAL) + 0.0006 * has(K, _DEPRESSION)
    if rate == 0.0 or uniform(R, PATH) >= rate:
        return
    day = _within(R, start, end)
    days = 3 + np.int64(8.0 * np.exp(0.6 * normal(R, PATH)))
    taken = K[ADMITTED] <= day + days and day <= max(K[BUSY], K[POST_END])
    returns = K[RETURN_KIND] != NONE and day + days >= K[RETURN_DAY]
    if taken or returns or K[DEATH] != NEVER or day + days >= end:
        return
    cents = priced(F, R, PSYCHIATRIC_DAY + np.log(np.float64(days)), 0.3)
    spend(F, K, day + days, cents)
    note_contact(
        K, book, PSYCHIATRIC, day, day + days, 700 + K[REGION], URGENT, TO_HOME,
        PSYCHIATRIC_REASON, coded(F, K, R, 0.5, 0.15), cents, 0, -1, -1, np.nan,
    )  # fmt: skip


@compiled
def step(F, K, R, book, start, end):
    """Live through [start, end), about a month; False once the person is dead."""
    if K[DEATH] < start:
        return False
    age = (start - K[BIRTH]) / 365.25
    K[MONTHS] += 1
    _age_a_month(F, K, R)
    fall_ill(F, K, R, start, age)
    day, kind = _first_event(F, K, R, start, end, age)
    while K[DEATH] == NEVER:
        again = 0
        if K[RETURN_KIND] != NONE and K[RETURN_DAY] < min(end, day):
            day, kind, again = K[RETURN_DAY], K[RETURN_KIND], 1
        if kind == NONE or day >= end:
            break
        K[RETURN_KIND] = NONE
        if kind == RETURN_DEATH:
            K[DEATH] = day
        else:
            admit(F, K, R, book, day, 1 if kind == PLANNED else 0, again)
        day, kind = NEVER, NONE
    _emergencies(F, K, R, book, start, end)
    _offices(F, K, R, book, start, end)
    _fills(F, K, R, book, start, end)
    _psychiatric(F, K, R, book, start, end)
    return True
