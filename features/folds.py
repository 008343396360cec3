"""The compiled folds: how the events of one cell become one feature at every question.

Called by `features.kernel` alone, whose `answer` says what the arrays are. A fold writes what the
events change; what is so without any event stands in the row already.
"""

from __future__ import annotations

import numpy as np

from features import window
from features.compiling import compiled
from features.layout import P_SLOT, T_DAYS, T_FEATURE, T_HOW
from features.window import MONTH_DAYS, MOST_MONTHS

HOWS = (
    "count", "any", "sum", "total", "trend", "sum_trend", "new", "recurrent",
    "distinct", "distinct_new", "distinct_recurrent",
    "last", "last_is", "last_outside", "days_since", "age",
    "covered_days", "covered_now", "covered_months", "gap_days", "distinct_now",
    "min", "max", "change", "slope", "outside", "latest", "months_above",
    "score", "after", "within", "started", "stopped",
    "percentile", "missing",
)  # fmt: skip
(
    COUNT, ANY, SUM, TOTAL, TREND, SUM_TREND, NEW, RECURRENT,
    DISTINCT, DISTINCT_NEW, DISTINCT_RECURRENT,
    LAST, LAST_IS, LAST_OUTSIDE, DAYS_SINCE, AGE,
    COVERED_DAYS, COVERED_NOW, COVERED_MONTHS, GAP_DAYS, DISTINCT_NOW,
    MIN, MAX, CHANGE, SLOPE, OUTSIDE, LATEST, MONTHS_ABOVE,
    SCORE, AFTER, WITHIN, STARTED, STOPPED,
    PERCENTILE, MISSING,
) = range(len(HOWS))  # fmt: skip
"""In the order in which they are told apart: what is added up, what the last event says, spans,
values, and what has a loop of its own."""

LAST_DAY, DAYS = 1, 2
"""What the value of a span tells: its last day, or how many days it holds."""
SLOPE_VALUES, SLOPE_DAYS = 3, 90
"""What a slope needs: so many values, so many days from the first to the last."""
NO_DAY = -(2**40)

year_and_day = compiled(window.march_year_and_day)


@compiled
def add_up(
    count, total, unvalued, outside, sums, window_of, begin, end, first, after, event_of, value_of,
    enter, leave, nq,
):  # fmt: skip
    """Events, their whole values, and events without one, in each window at each question; gives
    the first question that sees any. From outside[w] on none is in window w."""
    low = nq
    for k in range(begin, end):
        w = window_of[k]
        outside[w] = 0
        for q in range(nq + 1):
            count[w, q] = 0
        if sums:
            for q in range(nq + 1):
                total[w, q] = 0.0
                unvalued[w, q] = 0
    entry = first
    while entry >= 0:
        n = event_of[entry]
        first_seen = enter[n]
        low = min(low, first_seen)
        v = np.rint(value_of[entry])
        for k in range(begin, end):
            w = window_of[k]
            outside[w] = max(outside[w], leave[n, w])
            count[w, first_seen] += 1
            count[w, leave[n, w]] -= 1
            if sums and v == v:
                total[w, first_seen] += v
                total[w, leave[n, w]] -= v
            elif sums:
                unvalued[w, first_seen] += 1
                unvalued[w, leave[n, w]] -= 1
        entry = after[entry]
    for k in range(begin, end):
        w = window_of[k]
        for q in range(low + 1, nq):
            count[w, q] += count[w, q - 1]
            if sums:
                total[w, q] += total[w, q - 1]
                unvalued[w, q] += unvalued[w, q - 1]
    return low


@compiled
def added_up(
    out, f, how, row, low, high, tally, at, count, total, unvalued, w, half, before, divide_by
):  # fmt: skip
    """One feature of what was added up, at the questions `low` to before `high` that have an event
    in the window; what asks about items notes this one in the tally."""
    if how == DISTINCT:
        for q in range(low, high):
            tally[at, q] += count[w, q] > 0
    elif how == COUNT:
        for q in range(low, high):
            out[row[q], f] = count[w, q]
    elif how == SUM:
        for q in range(low, high):
            unknown = total[w, q] == 0 and unvalued[w, q] > 0
            out[row[q], f] = np.nan if unknown else total[w, q] / divide_by[f]
    elif how == DISTINCT_NEW:
        for q in range(low, high):
            tally[at, q] += count[w, q] > 0 and count[before, q] == count[w, q]
    elif how == DISTINCT_RECURRENT:
        for q in range(low, high):
            tally[at, q] += 0 < count[half, q] < count[w, q]
    else:
        for q in range(low, high):
            n = count[w, q]
            if how == ANY:
                out[row[q], f] = n > 0
            elif how == TOTAL and n > 0 and (total[w, q] != 0 or unvalued[w, q] == 0):
                out[row[q], f] = total[w, q] / divide_by[f]
            elif how == TREND:
                out[row[q], f] = 2 * count[half, q] - n
            elif how == SUM_TREND:
                late, untold = count[half, q], unvalued[half, q]
                unknown = 0 < late == untold or 0 < n - late == unvalued[w, q] - untold
                x = (2 * total[half, q] - total[w, q]) / divide_by[f]
                out[row[q], f] = np.nan if unknown else x
            elif how == NEW:
                out[row[q], f] = n > 0 and count[before, q] == n
            elif how == RECURRENT:
                out[row[q], f] = 0 < count[half, q] < n


@compiled
def of_one_event(out, f, how, row, enter, leave, half, value, divide_by):
    """What `added_up` says of a cell with one event: it is in the window or it is not."""
    v = np.rint(value) / divide_by[f] + 0.0  # no zero with a sign
    for q in range(enter, leave):
        if how in (COUNT, ANY, NEW):
            out[row[q], f] = 1
        elif how in (SUM, TOTAL):
            out[row[q], f] = v
        elif how == TREND:
            out[row[q], f] = 1 if q < half else -1
        elif how == SUM_TREND:
            out[row[q], f] = v if q < half else 0.0 - v


@compiled
def find_last(last, first, after, event_of, enter, gone, nq):
    """The last entry that is seen at each question; −1 where there is none."""
    for q in range(nq):
        last[q] = -1
    replaced = False
    entry = first
    while entry >= 0:
        n = event_of[entry]
        last[enter[n]] = entry
        replaced = replaced or gone[n] < nq
        entry = after[entry]
    if not replaced:
        for q in range(1, nq):
            last[q] = max(last[q], last[q - 1])
        return
    for q in range(nq):
        last[q] = -1
    entry = first
    while entry >= 0:
        n = event_of[entry]
        for q in range(enter[n], gone[n]):
            last[q] = entry
        entry = after[entry]


@compiled
def of_last(
    out, f, how, days, row, day, begin, end, last, event_of, value_of, happened, low, high,
    divide_by, equals, equals_begin, equals_end,
):  # fmt: skip
    """What the last event says at the questions `begin` to before `end`."""
    for q in range(begin, end):
        if last[q] < 0:
            continue
        was, v = happened[event_of[last[q]]], value_of[last[q]]
        if day[q] - was >= days:
            continue
        if how == DAYS_SINCE:
            out[row[q], f] = day[q] - was
        elif how == AGE:
            born, born_at = year_and_day(was)
            year, at = year_and_day(day[q])
            out[row[q], f] = year - born - (at < born_at)
        elif how == LAST:
            out[row[q], f] = v / divide_by[f]
        elif v == v and how == LAST_OUTSIDE:
            out[row[q], f] = 0.0 if low[f] <= v <= high[f] else 1.0
        elif v == v:
            x = 0.0
            for k in range(equals_begin, equals_end):
                if equals[k] == v:
                    x = 1.0
            out[row[q], f] = x


@compiled
def months_above(
    out, told, begin, end, level, row, day, months, first, after, event_of, value_of, happened,
    enter, gone,
):  # fmt: skip
    """Share of months in which the values add up to more than a level: features begin to before
    end of `told`, of one channel, which may differ in their windows. What has no value may hide
    such a month: none is then not known."""
    most = 1
    for k in range(begin, end):
        most = max(most, min(told[k, T_DAYS] // MONTH_DAYS, MOST_MONTHS))
    start = first
    for q in range(len(day)):
        for month in range(most):
            months[month] = 0.0
        while start >= 0 and happened[event_of[start]] <= day[q] - most * MONTH_DAYS:
            start = after[start]
        entry, unvalued = start, np.int64(most)  # the latest month with an event without a value
        while entry >= 0:
            e, v = event_of[entry], value_of[entry]
            entry = after[entry]
            if happened[e] > day[q]:
                break
            if enter[e] <= q < gone[e]:
                month = (day[q] - happened[e]) // MONTH_DAYS
                if v == v:
                    months[month] += np.rint(v)
                else:
                    unvalued = min(unvalued, month)
        for k in range(begin, end):
            f, above = told[k, T_FEATURE], 0
            n_months = min(told[k, T_DAYS] // MONTH_DAYS, MOST_MONTHS)
            for month in range(n_months):
                above += months[month] > level[f]
            unknown = above == 0 and unvalued < n_months
            out[row[q], f] = np.nan if unknown else above / n_months


@compiled
def of_values(
    out, told, begin, end, low, high, divide_by, row, day, first, after, event_of, value_of,
    happened, enter, gone,
):  # fmt: skip
    """Folds of the values in a window: features begin to before end of `told`, of one channel;
    those of one window are told by one look at its events."""
    for leader in range(begin, end):
        width, is_told = told[leader, T_DAYS], False
        for k in range(begin, leader):
            is_told = is_told or told[k, T_DAYS] == width
        if is_told:
            continue
        start = first
        for q in range(len(day)):
            as_of = day[q]
            # days ascend: what lies before this window lies before every later one
            while start >= 0 and happened[event_of[start]] <= as_of - width:
                start = after[start]
            lowest, highest, oldest, x = np.nan, np.nan, np.nan, np.nan
            n, seen, since, until, days, values = 0, 0, as_of, as_of, 0.0, 0.0
            entry = start
            while entry >= 0:
                e, v = event_of[entry], value_of[entry]
                entry = after[entry]
                if happened[e] > as_of:
                    break
                if enter[e] > q or gone[e] <= q:
                    continue
                seen += 1
                if v != v:
                    continue
                if n == 0:
                    oldest, lowest, highest, since = v, v, v, happened[e]
                lowest, highest = min(lowest, v), max(highest, v)
                x, until = v, happened[e]
                n += 1
                days += happened[e] - as_of
                values += v
            for k in range(leader, end):
                if told[k, T_DAYS] != width:
                    continue
                f, how, answer = told[k, T_FEATURE], told[k, T_HOW], np.nan
                if how == MIN:
                    answer = lowest
                elif how == MAX:
                    answer = highest
                elif how == OUTSIDE:
                    answer = _outside(
                        low[f], high[f], n < seen, start, as_of, q, after, event_of, value_of,
                        happened, enter, gone,
                    )  # fmt: skip
                elif how == CHANGE and n > 1:
                    answer = x - oldest
                elif how == SLOPE and n >= SLOPE_VALUES and until - since >= SLOPE_DAYS:
                    answer = _slope(
                        days / n, values / n, start, as_of, q, after, event_of, value_of,
                        happened, enter, gone,
                    )  # fmt: skip
                out[row[q], f] = answer / divide_by[f]


@compiled
def _outside(
    low, high, hidden, start, as_of, q, after, event_of, value_of, happened, enter, gone
):  # fmt: skip
    """How many values lie outside; missing where none does, and some event `hidden` has none."""
    n, entry = 0, start
    while entry >= 0:
        e, v = event_of[entry], value_of[entry]
        entry = after[entry]
        if happened[e] > as_of:
            break
        if enter[e] <= q < gone[e] and v == v:
            n += 0 if low <= v <= high else 1
    return np.nan if n == 0 and hidden else float(n)


@compiled
def _slope(
    mean_day, mean, start, as_of, q, after, event_of, value_of, happened, enter, gone
):  # fmt: skip
    across, square, entry = 0.0, 0.0, start
    while entry >= 0:
        e, v = event_of[entry], value_of[entry]
        entry = after[entry]
        if happened[e] > as_of:
            break
        if enter[e] <= q < gone[e] and v == v:
            from_mean = happened[e] - as_of - mean_day
            square += from_mean * from_mean
            across += from_mean * (v - mean)
    return 365.0 * across / square


@compiled
def latest(days, start, as_of, q, after, event_of, value_of, happened, enter, gone):
    """The sum of the values on the last `days` days that have one; `start` is the first entry that
    may lie in the window."""
    there, day = 0, NO_DAY
    entry = start
    while entry >= 0:
        e, v = event_of[entry], value_of[entry]
        entry = after[entry]
        if happened[e] > as_of:
            break
        if enter[e] <= q < gone[e] and v == v and happened[e] != day:
            there += 1
            day = happened[e]
    if there < days:
        return np.nan
    x, place, day = 0.0, 0, NO_DAY
    entry = start
    while entry >= 0:
        e, v = event_of[entry], value_of[entry]
        entry = after[entry]
        if happened[e] > as_of:
            break
        if enter[e] <= q < gone[e] and v == v:
            if happened[e] != day:
                place += 1
                day = happened[e]
            if place > there - days:
                x += np.rint(v)
    return x


@compiled
def score(out, f, declared, asked_of, row, day, score_day, scored, n_scored):
    """The weights of the items in the window, but for those that a worse one leaves out."""
    slot, width = asked_of[declared.profile[f], P_SLOT], declared.window[f]
    begin, end = declared.weight_start[f], declared.weight_start[f + 1]
    for q in range(len(day)):
        x = 0.0
        for k in range(n_scored):
            place = begin + scored[k] - slot
            if place < begin or place >= end or day[q] - score_day[scored[k], q] >= width:
                continue
            alone = True
            for j in range(declared.worse_start[place], declared.worse_start[place + 1]):
                if day[q] - score_day[slot + declared.worse[j], q] < width:
                    alone = False
            if alone:
                x += declared.weight[place]
        out[row[q], f] = x / declared.divide_by[f]
