"""The compiled loops: one pass over a patient's visible events for each question, nothing else.

Events come sorted by (happened_on, known_on, …) within a patient, so "the last" is whatever is
met last. Each event falls into the shortest window that holds it (a bucket); longer windows add
buckets up. Counts are integers; sums are of cents and days, whole numbers that float64 adds
exactly, so that no order of adding, no number of threads or shards can change a bit.
"""

from __future__ import annotations

import numpy as np
from numba import njit

KERNEL_VERSION = 2
"""Raised whenever the same events come to mean other numbers; part of every fingerprint."""

HOWS = (
    "count", "any", "sum", "total", "distinct", "last", "last_is", "days_since", "min", "max",
    "change", "trend", "sum_trend", "covered_days", "covered_now", "after", "age", "missing",
)  # fmt: skip
(
    COUNT, ANY, SUM, TOTAL, DISTINCT, LAST, LAST_IS, DAYS_SINCE, MIN, MAX,
    CHANGE, TREND, SUM_TREND, COVERED_DAYS, COVERED_NOW, AFTER, AGE, MISSING,
) = range(len(HOWS))  # fmt: skip

NEEDS_SPREAD = 1
"""Bits of what a channel's features ask for beside counts: min, max, first and last value …"""
NEEDS_DISTINCT = 2
NEEDS_COVER = 4


@njit(cache=True, nogil=True)
def answer(
    out, first_event, happened, known, superseded, code, value,
    question_patient, question_day, question_row,
    code_start, code_channels, channel_needs, window_days,
    how, channel, bucket, half, anchor, divide_by, equals_start, equals,
):  # fmt: skip
    """Fill `out[question_row[q], f]` for every question q and feature f.

    Patient p's events are first_event[p]:first_event[p + 1]; question_patient is −1 for someone
    without events. Code c speaks in channels code_channels[code_start[c]:code_start[c + 1]].
    bucket[f] is the last bucket of the feature's window: window_days has one length a bucket,
    ascending, and a further bucket holds everything older. half[f] is the bucket of half the
    window, anchor[f] another channel; both where `how` needs them.
    """
    n_channels, n_windows = len(channel_needs), len(window_days)
    n_buckets = n_windows + 1
    count = np.zeros((n_channels, n_buckets), np.int64)
    total = np.zeros((n_channels, n_buckets), np.float64)
    distinct = np.zeros((n_channels, n_buckets), np.int64)
    lowest = np.full((n_channels, n_buckets), np.nan)
    highest = np.full((n_channels, n_buckets), np.nan)
    first_value = np.full((n_channels, n_buckets), np.nan)
    values = np.zeros((n_channels, n_buckets), np.int64)
    latest_value = np.full(n_channels, np.nan)
    covered = np.zeros((n_channels, n_buckets), np.int64)
    covered_until = np.zeros(n_channels, np.int64)
    last_value = np.full(n_channels, np.nan)
    last_day = np.zeros(n_channels, np.int64)
    touched = np.zeros(n_channels, np.int64)
    is_touched = np.zeros(n_channels, np.bool_)
    code_bucket = np.full(len(code_start) - 1, -1, np.int64)

    for q in range(len(question_patient)):
        p, as_of, row = question_patient[q], np.int64(question_day[q]), question_row[q]
        n_touched = 0
        begin, end = (first_event[p], first_event[p + 1]) if p >= 0 else (0, 0)
        for e in range(begin, end):
            if happened[e] > as_of:
                end = e
                break
            if known[e] > as_of or superseded[e] <= as_of:
                continue
            c = code[e]
            if code_start[c] == code_start[c + 1]:
                continue
            day, v = np.int64(happened[e]), value[e]
            age = as_of - day
            b = 0
            while b < n_windows and age >= window_days[b]:
                b += 1
            before = code_bucket[c]
            code_bucket[c] = b
            for k in range(code_start[c], code_start[c + 1]):
                ch = code_channels[k]
                if not is_touched[ch]:
                    is_touched[ch] = True
                    touched[n_touched] = ch
                    n_touched += 1
                    covered_until[ch] = day - 1
                last_day[ch] = day
                last_value[ch] = v
                count[ch, b] += 1
                if v == v:
                    total[ch, b] += v
                needs = channel_needs[ch]
                if needs & NEEDS_DISTINCT:
                    # days ascend, so a code met again moves to a shorter window, never a longer
                    if before >= 0:
                        distinct[ch, before] -= 1
                    distinct[ch, b] += 1
                if needs & NEEDS_SPREAD and v == v:
                    if values[ch, b] == 0:
                        first_value[ch, b] = v
                    values[ch, b] += 1
                    latest_value[ch] = v
                    if not lowest[ch, b] <= v:
                        lowest[ch, b] = v
                    if not highest[ch, b] >= v:
                        highest[ch, b] = v
                if needs & NEEDS_COVER:
                    until = as_of if v != v or v > as_of else np.int64(v)
                    since = max(day, covered_until[ch] + 1)
                    for w in range(n_windows):
                        start = max(since, as_of - window_days[w] + 1)
                        if until >= start:
                            covered[ch, w] += until - start + 1
                    covered_until[ch] = max(covered_until[ch], until)

        for f in range(len(how)):
            h, ch, last_b = how[f], channel[f], bucket[f]
            if h == MISSING:
                out[row, f] = np.nan
                continue
            seen = is_touched[ch]
            within = seen and (last_b == n_windows or as_of - last_day[ch] < window_days[last_b])
            x = np.nan
            if h in (COUNT, ANY):
                x = 0.0
                if within:
                    n = 0
                    for b in range(last_b + 1):
                        n += count[ch, b]
                    x = float(n) if h == COUNT else 1.0
            elif h in (SUM, TOTAL):
                if h == SUM or within:
                    x = 0.0
                    if within:
                        for b in range(last_b + 1):
                            x += total[ch, b]
            elif h == DISTINCT:
                n = 0
                if within:
                    for b in range(last_b + 1):
                        n += distinct[ch, b]
                x = float(n)
            elif h == LAST:
                if within:
                    x = last_value[ch]
            elif h == LAST_IS:
                if within and last_value[ch] == last_value[ch]:
                    x = 0.0
                    for k in range(equals_start[f], equals_start[f + 1]):
                        if equals[k] == last_value[ch]:
                            x = 1.0
            elif h == DAYS_SINCE:
                if within:
                    x = float(as_of - last_day[ch])
            elif h in (MIN, MAX):
                if within:
                    for b in range(last_b + 1):
                        y = lowest[ch, b] if h == MIN else highest[ch, b]
                        if y == y and not (x <= y if h == MIN else x >= y):
                            x = y
            elif h == CHANGE:
                if within:
                    n = 0
                    oldest = np.nan
                    for b in range(last_b + 1):
                        if values[ch, b] > 0:
                            n += values[ch, b]
                            oldest = first_value[ch, b]
                    if n >= 2:
                        x = latest_value[ch] - oldest
            elif h in (TREND, SUM_TREND):
                x = 0.0
                if within:
                    for b in range(last_b + 1):
                        y = float(count[ch, b]) if h == TREND else total[ch, b]
                        x += y if b <= half[f] else -y
            elif h == COVERED_DAYS:
                x = float(covered[ch, last_b])
            elif h == COVERED_NOW:
                x = 1.0 if seen and covered_until[ch] >= as_of else 0.0
            elif h == AFTER:
                a = anchor[f]
                if is_touched[a] and as_of - last_day[a] < window_days[last_b]:
                    x = 1.0 if seen and last_day[ch] > last_day[a] else 0.0
            elif h == AGE and seen:
                # the day itself: a float32 holds it exactly, and the calendar is not ours
                x = float(last_day[ch])
            out[row, f] = x / divide_by[f]

        for t in range(n_touched):
            ch = touched[t]
            is_touched[ch] = False
            latest_value[ch] = np.nan
            for b in range(n_buckets):
                count[ch, b] = 0
                total[ch, b] = 0.0
                distinct[ch, b] = 0
                lowest[ch, b] = np.nan
                highest[ch, b] = np.nan
                first_value[ch, b] = np.nan
                values[ch, b] = 0
                covered[ch, b] = 0
        for e in range(begin, end):
            code_bucket[code[e]] = -1


ACUTE_STARTED, ACUTE_ENDED, EMERGENT, EMERGENCY_VISIT, COMORBIDITY = 1, 2, 3, 4, 5
"""The parts that event codes play in the scores that clinicians know."""


@njit(cache=True, nogil=True)
def stay_facts(
    out, first_event, happened, known, superseded, code, value,
    question_patient, question_day, question_admitted, question_row,
    code_part, code_item, visit_days, year_days,
):  # fmt: skip
    """Fill `out[question_row[q]]` with what the scores ask about one acute stay or episode.

    It is the last stay whose discharge is seen, or, where question_admitted is not negative
    infinity, the episode admitted on that day: the stays that began then or later and whose
    discharge is seen, the last of which ends it. Columns: its admission (a day), the days from
    there to its last discharge, 1 or 0 for emergent (of the stay that began on the day of
    admission, the first to end where there are more), emergency visits in the visit_days days
    before the admission, acute admissions in the year_days before it, and the comorbidity items
    (a bit set) seen since year_days before it. NaN where there is no such stay; the last three
    also answer for an admission whose discharge is not seen.
    """
    for q in range(len(question_patient)):
        p, as_of, row = question_patient[q], np.int64(question_day[q]), question_row[q]
        asked = question_admitted[q]
        begin, end = (first_event[p], first_event[p + 1]) if p >= 0 else (0, 0)
        admitted, length, emergent = asked, np.nan, np.nan
        named = not np.isinf(asked)
        ended = np.int64(0)  # discharge of the stay whose admission type counts
        has_ended = False
        for e in range(begin, end):
            if happened[e] > as_of or known[e] > as_of or superseded[e] <= as_of:
                continue
            part = code_part[code[e]]
            if part == ACUTE_ENDED:
                began = happened[e] - value[e]
                if not named:
                    admitted = began
                if began >= admitted:
                    length = happened[e] - admitted
                if began == admitted and not (named and has_ended):
                    ended, has_ended, emergent = np.int64(happened[e]), True, np.nan
            elif part == EMERGENT and has_ended and happened[e] == ended:
                emergent = value[e]
        out[row, :] = np.nan
        if np.isinf(admitted):
            continue
        visits, stays, items = 0, 0, 0
        for e in range(begin, end):
            if happened[e] > as_of or known[e] > as_of or superseded[e] <= as_of:
                continue
            part, before = code_part[code[e]], admitted - happened[e]
            if part == EMERGENCY_VISIT and 0 < before <= visit_days:
                visits += 1
            elif part == ACUTE_STARTED and 0 < before <= year_days:
                stays += 1
            elif part == COMORBIDITY and before <= year_days:
                items |= 1 << code_item[code[e]]
        out[row, 0] = admitted
        out[row, 1] = length
        out[row, 2] = emergent
        out[row, 3] = visits
        out[row, 4] = stays
        out[row, 5] = items
