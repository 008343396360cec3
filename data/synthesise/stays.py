"""One hospital stay, from the reason for it to the discharge: and the care right after it."""

from __future__ import annotations

import numpy as np

from .conditions import has
from .costs import (
    HOME_HEALTH as HOME_HEALTH_PRICE,
)
from .costs import (
    HOSPICE_DAY,
    OFFICE,
    OFFICE_SPREAD,
    REHABILITATION_DAY,
    SKILLED_NURSING_DAY,
    STAY_SPREAD,
    priced,
    spend,
)  # fmt: skip
from .notes import coded, note_contact, note_lab
from .randomness import normal, uniform
from .returns import NONE, WINDOW, draw_return, unplanned_odds, weigh
from .state import (
    ACCESS,
    ADMITTED,
    BIRTH,
    BUSY,
    CONDITION_BITS,
    DEATH,
    DEATH_SUM,
    DETAIL,
    DYING,
    EMIT,
    FRAILTY,
    FREE_FROM,
    HORIZON,
    HOSPITAL,
    IN_HOSPITAL,
    INSTABILITY,
    LAST_HOSPITAL,
    LAST_REASON,
    NEED_BITS,
    PATH,
    POST_CENTS,
    POST_END,
    RECENT_STAYS,
    REGION,
    RETURN_DAY,
    RETURN_KIND,
    STAY_CENTS,
    STAYS_AHEAD,
    THRIFT,
    WEAR,
    compiled,
)  # fmt: skip
from .vocabulary import (
    ALBUMIN,
    AT,
    BNP,
    CREATININE,
    HAEMOGLOBIN,
    HOUSING,
    ISOLATION,
    REASON_CONDITION,
    REASON_DAYS,
    REASON_LETHAL,
    REASON_LOG_CENTS,
    REASON_WEIGHT,
    REASON_WITH,
    REASONS,
    SODIUM,
    TRANSPORT,
    UNPLANNED_COUNT,
)  # fmt: skip

ACUTE, PSYCHIATRIC, REHABILITATION, SKILLED_NURSING = 0, 1, 2, 3
OBSERVATION, EMERGENCY, OUTPATIENT, OFFICE_VISIT, HOME_HEALTH, HOSPICE = 5, 6, 7, 8, 9, 10
BY_EMERGENCY, URGENT, ELECTIVE, NO_TYPE = 0, 1, 2, -1
TO_HOME, TO_HOME_HEALTH, TO_SKILLED, TO_REHABILITATION, TO_ACUTE = 0, 1, 2, 3, 4
TO_HOSPICE, AGAINST_ADVICE, DIED, OTHER, NO_DISPOSITION = 7, 8, 9, 10, -1
_COUNT = len(REASONS)
_DEMENTIA, _SUBSTANCE = AT["dementia"], AT["substance"]
_HEART_FAILURE = AT["heart_failure"]
_BROKEN_OR_STRUCK = np.array([r.name in ("stroke", "hip fracture") for r in REASONS])
_JOINT = np.array([r.name in ("knee replacement", "hip replacement") for r in REASONS])


@compiled
def planned_weight(K):
    """How many reasons for planned care the person has, weighted."""
    total = 0.0
    for r in range(UNPLANNED_COUNT, _COUNT):
        c = REASON_CONDITION[r]
        total += REASON_WITH[r] if c >= 0 and (K[CONDITION_BITS] >> c) & 1 else REASON_WEIGHT[r]
    return total


@compiled
def _reason(K, R, planned, again):
    """Draw the reason; a return is often for the reason of the stay before."""
    if again == 1 and uniform(R, PATH) < 0.22:
        last = K[LAST_REASON]
        if (planned == 1) == (last >= UNPLANNED_COUNT):
            return last
    first = UNPLANNED_COUNT if planned == 1 else 0
    end = _COUNT if planned == 1 else UNPLANNED_COUNT
    total = 0.0
    for r in range(first, end):
        c = REASON_CONDITION[r]
        total += REASON_WITH[r] if c >= 0 and (K[CONDITION_BITS] >> c) & 1 else REASON_WEIGHT[r]
    u = uniform(R, PATH) * total
    for r in range(first, end):
        c = REASON_CONDITION[r]
        u -= REASON_WITH[r] if c >= 0 and (K[CONDITION_BITS] >> c) & 1 else REASON_WEIGHT[r]
        if u < 0.0:
            return r
    return end - 1


@compiled
def _destination(F, K, R, reason, days, age):
    """Where the person goes who leaves alive."""
    u = uniform(R, PATH)
    if K[DYING] == 1 and u < 0.4:
        return TO_HOSPICE
    u = uniform(R, PATH)
    if u < 0.008 + 0.05 * has(K, _SUBSTANCE):
        return AGAINST_ADVICE
    skilled = -2.75 + 0.055 * (age - 75.0) + 0.3 * F[FRAILTY] + 0.12 * (days - 4.0)
    skilled += 0.7 * has(K, _DEMENTIA) + 0.3 * F[WEAR]
    if (K[NEED_BITS] >> ISOLATION) & 1:
        skilled += 0.5
    if _BROKEN_OR_STRUCK[reason]:
        skilled += 1.5
        if uniform(R, PATH) < 0.22:
            return TO_REHABILITATION
    u = uniform(R, PATH)
    p = 1.0 / (1.0 + np.exp(-skilled))
    if u < p:
        return TO_SKILLED
    u = uniform(R, PATH)
    help_at_home = -1.9 + 0.03 * (age - 70.0) + 0.25 * F[FRAILTY] + 0.08 * (days - 4.0)
    if _JOINT[reason]:
        help_at_home += 1.4
    if u < F[ACCESS] / (1.0 + np.exp(-help_at_home)):
        return TO_HOME_HEALTH
    return TO_HOME


@compiled
def _pay_stay(F, K, R, book, log_cents, end):
    """The stay's allowed amount; a look-ahead notes it, to know how it might have been."""
    cents = priced(F, R, log_cents, STAY_SPREAD)
    spend(F, K, end, cents)
    if K[HORIZON] != 2147483647 and end <= K[HORIZON] and K[STAYS_AHEAD] < book.ahead.shape[0]:
        log_mean = log_cents + F[THRIFT] - 0.5 * STAY_SPREAD * STAY_SPREAD
        book.ahead[K[STAYS_AHEAD], 0] = log_mean
        book.ahead[K[STAYS_AHEAD], 1] = cents
        K[STAYS_AHEAD] += 1
    return cents


@compiled
def _measure(F, K, R, book, day, contact, planned):
    """The laboratory values at discharge."""
    if K[EMIT] == 0 or contact < 0:
        return
    share = 0.7 if planned == 1 else 0.95
    for test in (HAEMOGLOBIN, SODIUM, CREATININE):
        if uniform(R, DETAIL) < share:
            note_lab(F, K, R, book, test, day, contact)
    if uniform(R, DETAIL) < share - 0.2:
        note_lab(F, K, R, book, ALBUMIN, day, contact)
    if uniform(R, DETAIL) < 0.15 + 0.6 * has(K, _HEART_FAILURE):
        note_lab(F, K, R, book, BNP, day, contact)


@compiled
def _after(F, K, R, book, destination, day, followed):
    """Post-acute care and the follow-up visit; either ends where a return or death comes."""
    limit = day + WINDOW + 1
    if K[RETURN_KIND] != NONE:
        limit = K[RETURN_DAY]
    kind = -1
    cents = 0.0
    end = day
    if destination in (TO_SKILLED, TO_REHABILITATION, TO_HOSPICE):
        mean, price, kind = 20.0, SKILLED_NURSING_DAY, SKILLED_NURSING
        if destination == TO_REHABILITATION:
            mean, price, kind = 12.0, REHABILITATION_DAY, REHABILITATION
        elif destination == TO_HOSPICE:
            mean, price, kind = 30.0, HOSPICE_DAY, HOSPICE
        length = 2 + np.int64(mean * np.exp(0.6 * normal(R, PATH) - 0.18))
        end = min(day + length, limit)
        cents = priced(F, R, price + np.log(max(end - day, 1)), 0.2)
    elif destination == TO_HOME_HEALTH:
        kind = HOME_HEALTH
        end = min(day + 25 + np.int64(uniform(R, PATH) * 30.0), limit)
        cents = priced(F, R, HOME_HEALTH_PRICE, 0.4)
    if kind >= 0:
        spend(F, K, end, cents)
        note_contact(
            K, book, kind, day, end, 500 + 10 * K[REGION] + kind, NO_TYPE, NO_DISPOSITION, 0,
            coded(F, K, R, 0.3, 0.05), cents, 0, -1, -1, np.nan,
        )  # fmt: skip
    F[POST_CENTS] = cents
    K[POST_END] = end
    visit = day + 3 + np.int64(uniform(R, PATH) * 10.0)
    if followed == 1 and kind != SKILLED_NURSING and kind != HOSPICE and visit < limit:
        cents = priced(F, R, OFFICE, OFFICE_SPREAD)
        spend(F, K, visit, cents)
        note_contact(
            K, book, OFFICE_VISIT, visit, visit, 800 + K[REGION], NO_TYPE, NO_DISPOSITION, 0,
            coded(F, K, R, 0.35, 0.04), cents, 0, -1, -1, np.nan,
        )  # fmt: skip


@compiled
def admit(F, K, R, book, day, planned, again):
    """Live through one acute stay that begins on ``day``, and draw what follows it.

    ``again`` is 1 for a return within 30 days: on the day after the discharge it goes to the same
    hospital, so that it is never taken for a transfer.
    """
    age = (day - K[BIRTH]) / 365.25
    reason = _reason(K, R, planned, again)
    mean = REASON_DAYS[reason] * np.exp(0.05 * F[INSTABILITY] + 0.05 * F[FRAILTY])
    days = np.int64(np.rint(mean * np.exp(0.55 * normal(R, PATH) - 0.15)))
    days = min(max(days, 1 if uniform(R, PATH) < 0.9 else 0), 60)
    hospital = K[HOSPITAL]
    soon = again == 1 and day <= K[BUSY] + 1
    if soon:
        hospital = K[LAST_HOSPITAL]
    elif uniform(R, PATH) < 0.16:
        hospital = 1 + np.int64(uniform(R, PATH) * 6.0)
    priority = ELECTIVE
    if planned == 0:
        priority = BY_EMERGENCY if uniform(R, PATH) < 0.84 else URGENT
    elif uniform(R, PATH) < 0.06:
        priority = URGENT
    log_cents = REASON_LOG_CENTS[reason] + 0.4 * np.log((days + 1.0) / (REASON_DAYS[reason] + 1.0))
    mask = coded(F, K, R, 0.8, 0.14)

    transfer_of = -1
    began = day
    if planned == 0 and not soon and uniform(R, PATH) < 0.035:
        stayed = np.int64(uniform(R, PATH) * 2.6)
        cents = _pay_stay(F, K, R, book, log_cents - 0.9, day + stayed)
        u = uniform(R, PATH)
        code = TO_ACUTE if u < 0.72 else (TO_HOME if u < 0.9 else OTHER)
        transfer_of = note_contact(
            K, book, ACUTE, day, day + stayed, 10 * K[REGION] + hospital, priority, code, reason,
            mask, cents, planned, -1, -1, np.nan,
        )  # fmt: skip
        began = day + stayed + (1 if uniform(R, PATH) < 0.35 else 0)
        hospital = 7
        priority = URGENT

    end = began + days
    lethal = 0.011 * REASON_LETHAL[reason]
    lethal *= np.exp(0.035 * (age - 72.0) + 0.3 * F[INSTABILITY] + 0.3 * F[DEATH_SUM])
    lethal = min(lethal + 0.12 * K[DYING], 0.7)
    dies = uniform(R, PATH) < lethal
    destination = DIED if dies else _destination(F, K, R, reason, days, age)
    follow = 0.9 + 3.0 * (F[ACCESS] - 0.9)
    follow -= 0.9 * ((K[NEED_BITS] >> TRANSPORT) & 1) + 0.5 * ((K[NEED_BITS] >> HOUSING) & 1)
    followed = 1 if uniform(R, PATH) < 1.0 / (1.0 + np.exp(-follow)) else 0
    if destination in (TO_SKILLED, TO_REHABILITATION):
        followed = 1
    elif destination == AGAINST_ADVICE:
        followed = 0
    cents = _pay_stay(F, K, R, book, log_cents, end)
    F[STAY_CENTS] = cents
    K[ADMITTED] = day
    K[BUSY] = end
    K[LAST_HOSPITAL] = hospital
    odds = np.nan
    if dies:
        K[DEATH] = end
        K[IN_HOSPITAL] = 1
        K[RETURN_KIND] = NONE
        K[FREE_FROM] = end + WINDOW + 1
    else:
        weigh(F, K, reason, planned, days, destination, followed)
        odds = unplanned_odds(F)
    contact = note_contact(
        K, book, ACUTE, began, end, 10 * K[REGION] + hospital, priority, destination, reason,
        mask, cents, planned, transfer_of, followed, odds,
    )  # fmt: skip
    _measure(F, K, R, book, end, contact, planned)
    if dies:
        return
    draw_return(F, K, R, end)
    K[FREE_FROM] = end + WINDOW + 1
    F[RECENT_STAYS] += 1.0
    F[WEAR] += 0.3 + 0.05 * days if planned == 0 else 0.1
    _after(F, K, R, book, destination, end, followed)
