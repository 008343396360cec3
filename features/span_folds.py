"""Compiled folds of spans of days: what is covered of a window, and what holds a day."""

from __future__ import annotations

import numpy as np

from features.compiling import compiled
from features.folds import COVERED_DAYS, COVERED_MONTHS, DAYS, NO_DAY
from features.window import MONTH_DAYS, MOST_MONTHS


@compiled
def last_covered(day, v, spans, as_of):
    """The last day that a span holds, as_of at most; the day before its first if it holds none."""
    if spans == DAYS:
        return day - 1 if v != v else min(as_of, day + np.int64(v) - 1)
    return as_of if v != v else min(as_of, np.int64(v))


@compiled
def held(out, f, row, tally, at, mark, day, first, after, event_of, value_of, happened, enter,
         gone, spans):  # fmt: skip
    """Whether a span holds as_of, at each question: the feature f, or one more of the items that
    the tally counts. No span is looked at on a day that it does not hold."""
    for q in range(len(day)):
        mark[q] = False
    entry = first
    while entry >= 0:
        e, v = event_of[entry], value_of[entry]
        entry = after[entry]
        for q in range(enter[e], gone[e]):
            if last_covered(happened[e], v, spans, day[q]) < day[q]:
                break
            mark[q] = True
    for q in range(len(day)):
        if mark[q] and at >= 0:
            tally[at, q] += 1
        elif mark[q]:
            out[row[q], f] = 1.0


@compiled
def cover(
    out, f, how, width, row, day, first, after, event_of, value_of, happened, enter, gone, spans
):  # fmt: skip
    """Folds of spans, at each question: they come in order of their first days."""
    n_months = min(width // MONTH_DAYS, MOST_MONTHS)
    back = n_months * MONTH_DAYS if how == COVERED_MONTHS else width
    start, last_asked = first, day[-1]
    for q in range(len(day)):
        begin = day[q] - back + 1
        # days ascend: what ended before this window ended before every later one
        while start >= 0:
            e = event_of[start]
            if last_covered(happened[e], value_of[start], spans, last_asked) >= begin:
                break
            start = after[start]
        out[row[q], f] = _covered(
            how, n_months, begin, start, day[q], q, after, event_of, value_of, happened, enter,
            gone, spans,
        )  # fmt: skip


@compiled
def _covered(
    how, n_months, begin, first, as_of, q, after, event_of, value_of, happened, enter, gone, spans
):  # fmt: skip
    covered, until, first_day, seen = 0, NO_DAY, NO_DAY, np.int64(0)
    entry = first
    while entry >= 0:
        e, v = event_of[entry], value_of[entry]
        entry = after[entry]
        if happened[e] > as_of:
            break
        if enter[e] > q or gone[e] <= q:
            continue
        last_day = last_covered(happened[e], v, spans, as_of)
        since = max(max(happened[e], begin), until + 1)
        if last_day >= since:
            if first_day == NO_DAY:
                first_day = since
            covered += last_day - since + 1
            for month in range((as_of - last_day) // MONTH_DAYS, (as_of - since) // MONTH_DAYS + 1):
                if month < n_months:
                    seen |= np.int64(1) << month
        until = max(until, last_day)
    if how == COVERED_MONTHS:
        n = 0
        while seen:
            n += seen & 1
            seen >>= 1
        return float(n)
    if how == COVERED_DAYS:
        return float(covered)
    return float(as_of - first_day + 1 - covered) if first_day != NO_DAY else np.nan
