"""The compiled loops: a patient's events are met once, for all questions about that patient.

The questions of one patient come in ascending order of as_of. For each event it is found out once
at which question it is first seen, and from which on it lies outside each window or is replaced.
What is added up is then noted at those two places and summed over the questions, and the last
event is handed on from question to question: the cost grows with events and with questions, not
with their product. Folds that need the values themselves (the highest, a slope, days covered) look
at the events of their own channel within the window again.

Events are sorted by (happened_on, known_on, …) within a patient, so "the last" is whatever is met
last. Sums are of whole numbers, which float64 adds and takes away exactly: no order of adding, no
number of threads, shards or other questions can change a bit. Numba looks at this file alone to
see whether its cache is stale; `features.window.march_year_and_day` is compiled in.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from features import window

KERNEL_VERSION = 3
"""Raised whenever the same events come to mean other numbers; part of every fingerprint."""

HOWS = (
    "count", "any", "sum", "total", "trend", "sum_trend", "new", "recurrent",
    "distinct", "distinct_new", "distinct_recurrent",
    "last", "last_is", "last_outside", "days_since", "age",
    "covered_days", "covered_now", "covered_months", "gap_days", "distinct_now",
    "min", "max", "change", "slope", "outside", "months_above",
    "score", "after", "within", "started", "stopped",
    "percentile", "missing",
)  # fmt: skip
(
    COUNT, ANY, SUM, TOTAL, TREND, SUM_TREND, NEW, RECURRENT,
    DISTINCT, DISTINCT_NEW, DISTINCT_RECURRENT,
    LAST, LAST_IS, LAST_OUTSIDE, DAYS_SINCE, AGE,
    COVERED_DAYS, COVERED_NOW, COVERED_MONTHS, GAP_DAYS, DISTINCT_NOW,
    MIN, MAX, CHANGE, SLOPE, OUTSIDE, MONTHS_ABOVE,
    SCORE, AFTER, WITHIN, STARTED, STOPPED,
    PERCENTILE, MISSING,
) = range(len(HOWS))  # fmt: skip
"""In the order in which they are told apart: what is added up, what the last event says, spans,
values, and what has a loop of its own."""

NEEDS_SUMS, NEEDS_LAST, NEEDS_SCORE, NEEDS_ANCHOR = 1, 2, 4, 8
"""Bits of what a profile's features ask for."""
LAST_DAY, DAYS = 1, 2
"""What the value of a span tells: its last day, or how many days it holds."""
MONTH = 30
"""Days of a month: the calendar's months would make a patient's numbers follow the calendar."""
MOST_MONTHS = 60
NO_DAY = -(2**40)


@njit(cache=True, nogil=True)
def answer(out, template, events, asked, heard, profiles, declared, anchors, scores, window_days):
    """Fill `out[row, f]` (float32) for every question and feature.

    `template` is a row without any event; `scores` names the features that are scores;
    `window_days` has the lengths that are added up (int64). The cell of a channel's own events has
    the place of its profile. Within a patient an event is known by its place n among those that
    are seen at all: it is first seen at question enter[n], replaced at gone[n], and from leave[n, w]
    on outside window w. Entry i of a cell is event event_of[i] with value_of[i], after[i] the next.
    """
    # taken out of their tuples once: each time counts references to all of their arrays
    first_event, happened_on, known_on, superseded_on, code, event_value = events
    person, first_asked, asked_day, asked_row = asked
    start, cell_of, own, own_value, factor, profile_of, item_of = heard
    needs_of, spans_of, window_start, window_of, feature_start, feature_of, slot_of = profiles
    how_of, tally_of = declared.how, declared.tally
    of_window, of_half, of_before = declared.of_window, declared.of_half, declared.of_before
    width_of, low, high, level = declared.window, declared.low, declared.high, declared.level
    divide_by, equals_start, equals = declared.divide_by, declared.equals_start, declared.equals
    anchor_profile, anchored_start, anchored_feature = anchors
    n_windows, n_cells, width = len(window_days), len(profile_of), len(template)
    most_questions, most_events, most_cells, n_slots = _sizes(
        person, first_asked, first_event, start, profile_of, item_of, slot_of
    )
    most_entries = most_events * most_cells

    happened = np.empty(most_events, np.int64)
    enter = np.empty(most_events, np.int64)
    gone = np.empty(most_events, np.int64)
    leave = np.empty((most_events, n_windows), np.int64)
    event_of = np.empty(most_entries, np.int64)
    value_of = np.empty(most_entries, np.float64)
    after = np.empty(most_entries, np.int64)
    head = np.full(n_cells, -1, np.int64)
    tail = np.full(n_cells, -1, np.int64)
    touched = np.empty(n_cells, np.int64)
    items = np.empty(n_cells, np.int64)
    met = np.zeros(len(needs_of), np.bool_)
    pointer = np.zeros(n_windows, np.int64)
    count = np.zeros((n_windows, most_questions + 1), np.int64)
    total = np.zeros((n_windows, most_questions + 1), np.float64)
    tally = np.zeros((width, most_questions + 1), np.int64)
    last = np.empty(most_questions, np.int64)
    anchor_day = np.empty(most_questions, np.int64)
    months = np.empty(MOST_MONTHS, np.float64)
    score_day = np.full((n_slots, most_questions), NO_DAY, np.int64)
    scored = np.empty(n_slots, np.int64)

    for g in range(len(person)):
        p, q0 = person[g], first_asked[g]
        nq = first_asked[g + 1] - q0
        day, row = asked_day[q0 : q0 + nq], asked_row[q0 : q0 + nq]
        for q in range(nq):
            r = row[q]
            for f in range(width):
                out[r, f] = template[f]
        if p < 0 or nq == 0:
            continue

        # which events are seen, from which question on and until when; each in its cells
        n, n_entries, n_touched, from_day, last_asked = 0, 0, 0, 0, day[nq - 1]
        for w in range(n_windows):
            pointer[w] = 0
        for e in range(first_event[p], first_event[p + 1]):
            h = np.int64(happened_on[e])
            if h > last_asked:
                break
            c, known, superseded = code[e], known_on[e], superseded_on[e]
            if start[c] == start[c + 1] or known > last_asked or superseded <= day[0]:
                continue
            while day[from_day] < h:
                from_day += 1
            first, until = from_day, nq
            while day[first] < known:
                first += 1
            if superseded <= last_asked:
                until = first
                while day[until] < superseded:
                    until += 1
                if until <= first:
                    continue
            happened[n], enter[n], gone[n] = h, first, until
            for w in range(n_windows):
                q, limit = pointer[w], h + window_days[w]
                while q < nq and day[q] < limit:
                    q += 1
                pointer[w] = q
                leave[n, w] = max(first, min(q, until))
            for k in range(start[c], start[c + 1]):
                cell = cell_of[k]
                if head[cell] < 0:
                    head[cell] = n_entries
                    touched[n_touched] = cell
                    n_touched += 1
                else:
                    after[tail[cell]] = n_entries
                tail[cell] = n_entries
                after[n_entries] = -1
                event_of[n_entries] = n
                value_of[n_entries] = own_value[k] if own[k] else event_value[e] * factor[k]
                n_entries += 1
            n += 1

        n_scored, n_items = 0, 0
        for t in range(n_touched):
            cell = touched[t]
            profile, only = profile_of[cell], head[cell]
            needs, alone = needs_of[profile], after[only] < 0
            met[profile] = True
            if not alone and window_start[profile] < window_start[profile + 1]:
                _add_up(
                    count, total, needs & NEEDS_SUMS != 0, window_of, window_start[profile],
                    window_start[profile + 1], only, after, event_of, value_of, enter, leave, nq,
                )  # fmt: skip
            if needs & NEEDS_LAST:
                _find_last(last, only, after, event_of, enter, gone, nq)
            if needs & NEEDS_SCORE:
                slot = slot_of[profile] + item_of[cell]
                for q in range(nq):
                    score_day[slot, q] = happened[event_of[last[q]]] if last[q] >= 0 else NO_DAY
                place = n_scored
                while place > 0 and scored[place - 1] > slot:  # sums are to have one order
                    scored[place] = scored[place - 1]
                    place -= 1
                scored[place] = slot
                n_scored += 1
            if needs & NEEDS_ANCHOR:
                items[n_items] = cell
                n_items += 1
            for k in range(feature_start[profile], feature_start[profile + 1]):
                f = feature_of[k]
                how = how_of[f]
                if how <= DISTINCT_RECURRENT:
                    w, half = of_window[f], of_half[f]
                    if alone:
                        _of_one_event(
                            out, f, how, row, tally, enter[event_of[only]],
                            leave[event_of[only], w], leave[event_of[only], half],
                            value_of[only], divide_by[f],
                        )  # fmt: skip
                    else:
                        _added_up(
                            out, f, how, row, nq, tally, count, total, w, half, of_before[f],
                            divide_by[f],
                        )  # fmt: skip
                elif how <= AGE:
                    for q in range(nq):
                        if last[q] < 0:
                            continue
                        was, v = happened[event_of[last[q]]], value_of[last[q]]
                        if day[q] - was >= width_of[f]:
                            continue
                        if how == DAYS_SINCE:
                            out[row[q], f] = day[q] - was
                        elif how == AGE:
                            born, born_at = _year_and_day(was)
                            year, at = _year_and_day(day[q])
                            out[row[q], f] = year - born - (at < born_at)
                        elif how == LAST:
                            out[row[q], f] = v / divide_by[f]
                        elif v == v and how == LAST_OUTSIDE:
                            out[row[q], f] = 0.0 if low[f] <= v <= high[f] else 1.0
                        elif v == v:
                            x = 0.0
                            for j in range(equals_start[f], equals_start[f + 1]):
                                if equals[j] == v:
                                    x = 1.0
                            out[row[q], f] = x
                elif how <= DISTINCT_NOW:
                    for q in range(nq):
                        x = _cover(
                            how, width_of[f], only, day[q], q, after, event_of, value_of,
                            happened, enter, gone, spans_of[profile],
                        )  # fmt: skip
                        if how != DISTINCT_NOW:
                            out[row[q], f] = x / divide_by[f]
                        elif x > 0:
                            tally[f, q] += 1
                            tally[f, q + 1] -= 1
                else:
                    entry = only
                    for q in range(nq):
                        # days ascend: what lies before this window lies before every later one
                        while entry >= 0 and happened[event_of[entry]] <= day[q] - width_of[f]:
                            entry = after[entry]
                        x = _of_values(
                            how, width_of[f], low[f], high[f], level[f], months, entry, day[q],
                            q, after, event_of, value_of, happened, enter, gone,
                        )  # fmt: skip
                        out[row[q], f] = x / divide_by[f]

        if n_scored:
            for k in range(len(scores)):
                _score(out, scores[k], declared, slot_of, row, day, score_day, scored, n_scored)
            for k in range(n_scored):
                for q in range(nq):
                    score_day[scored[k], q] = NO_DAY
        for a in range(len(anchor_profile)):
            anchor = head[anchor_profile[a]]
            if anchor >= 0:
                _find_last(last, anchor, after, event_of, enter, gone, nq)
                for q in range(nq):
                    anchor_day[q] = happened[event_of[last[q]]] if last[q] >= 0 else NO_DAY
                for k in range(anchored_start[a], anchored_start[a + 1]):
                    _told_after(
                        out, anchored_feature[k], declared, row, day, anchor_day, head, items,
                        n_items, after, event_of, value_of, happened, enter, gone, profile_of,
                        spans_of,
                    )  # fmt: skip
        for t in range(n_touched):
            profile = profile_of[touched[t]]
            head[touched[t]] = -1
            if not met[profile]:
                continue
            met[profile] = False
            for k in range(feature_start[profile], feature_start[profile + 1]):
                f = feature_of[k]
                if tally_of[f]:
                    x = 0
                    for q in range(nq):
                        x += tally[f, q]
                        tally[f, q] = 0
                        out[row[q], f] = x
                    tally[f, nq] = 0


@njit(cache=True, nogil=True)
def _sizes(person, first_asked, first_event, start, profile_of, item_of, slot_of):
    """The most questions and events of a patient, cells of a code, and places of scores."""
    questions, events, cells, slots = 1, 1, 1, 1
    for g in range(len(person)):
        questions = max(questions, first_asked[g + 1] - first_asked[g])
        if person[g] >= 0:
            events = max(events, first_event[person[g] + 1] - first_event[person[g]])
    for c in range(len(start) - 1):
        cells = max(cells, start[c + 1] - start[c])
    for cell in range(len(profile_of)):
        if slot_of[profile_of[cell]] >= 0:
            slots = max(slots, slot_of[profile_of[cell]] + item_of[cell] + 1)
    return questions, events, cells, slots


@njit(cache=True, nogil=True)
def _add_up(
    count, total, sums, window_of, begin, end, first, after, event_of, value_of, enter, leave, nq
):  # fmt: skip
    """Events, and their whole values, in each of the windows at each question."""
    for k in range(begin, end):
        w = window_of[k]
        for q in range(nq + 1):
            count[w, q] = 0
        if sums:
            for q in range(nq + 1):
                total[w, q] = 0.0
    entry = first
    while entry >= 0:
        n = event_of[entry]
        first_seen = enter[n]
        v = np.rint(value_of[entry])
        for k in range(begin, end):
            w = window_of[k]
            count[w, first_seen] += 1
            count[w, leave[n, w]] -= 1
            if sums and v == v:
                total[w, first_seen] += v
                total[w, leave[n, w]] -= v
        entry = after[entry]
    for k in range(begin, end):
        w = window_of[k]
        for q in range(1, nq):
            count[w, q] += count[w, q - 1]
            if sums:
                total[w, q] += total[w, q - 1]


@njit(cache=True, nogil=True)
def _added_up(out, f, how, row, nq, tally, count, total, w, half, before, divide_by):
    """One feature of what was added up; what asks about items notes this one in the tally."""
    for q in range(nq):
        n = count[w, q]
        if n == 0:
            continue
        if how == COUNT:
            out[row[q], f] = n
        elif how == ANY:
            out[row[q], f] = 1
        elif how == SUM or how == TOTAL:
            out[row[q], f] = total[w, q] / divide_by
        elif how == TREND:
            out[row[q], f] = 2 * count[half, q] - n
        elif how == SUM_TREND:
            out[row[q], f] = (2 * total[half, q] - total[w, q]) / divide_by
        elif how == NEW:
            out[row[q], f] = count[before, q] == n
        elif how == RECURRENT:
            out[row[q], f] = 0 < count[half, q] < n
        elif (
            how == DISTINCT
            or (how == DISTINCT_NEW and count[before, q] == n)
            or (how == DISTINCT_RECURRENT and 0 < count[half, q] < n)
        ):
            tally[f, q] += 1
            tally[f, q + 1] -= 1


@njit(cache=True, nogil=True)
def _of_one_event(out, f, how, row, tally, enter, leave, half, value, divide_by):
    """What `_added_up` says of a cell with one event: it is in the window or it is not."""
    if how >= DISTINCT:
        if how != DISTINCT_RECURRENT:
            tally[f, enter] += 1
            tally[f, leave] -= 1
        return
    v = 0.0 if value != value else np.rint(value) / divide_by
    for q in range(enter, leave):
        if how == COUNT or how == ANY or how == NEW:
            out[row[q], f] = 1
        elif how == SUM or how == TOTAL:
            out[row[q], f] = v
        elif how == TREND:
            out[row[q], f] = 1 if q < half else -1
        elif how == SUM_TREND:
            out[row[q], f] = v if q < half else -v


@njit(cache=True, nogil=True)
def _find_last(last, first, after, event_of, enter, gone, nq):
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


@njit(cache=True, nogil=True)
def _of_values(
    how, width, low, high, level, months, start, as_of, q, after, event_of, value_of, happened,
    enter, gone,
):  # fmt: skip
    """Folds of the values in the window; `start` is the first entry that may lie in it."""
    n, x, oldest = 0, np.nan, np.nan
    days, values, above = 0.0, 0.0, 0
    n_months = min(width // MONTH, MOST_MONTHS)
    if how == MONTHS_ABOVE:
        months[:n_months] = 0.0
    entry = start
    while entry >= 0:
        e, v = event_of[entry], value_of[entry]
        entry = after[entry]
        if happened[e] > as_of:
            break
        if enter[e] > q or gone[e] <= q or v != v:
            continue
        if how == MIN:
            if not x <= v:
                x = v
        elif how == MAX:
            if not x >= v:
                x = v
        elif how == OUTSIDE:
            above += 0 if low <= v <= high else 1
        elif how == MONTHS_ABOVE:
            month = (as_of - happened[e]) // MONTH
            if month < n_months:
                months[month] += np.rint(v)
        else:
            if n == 0:
                oldest = v
            n += 1
            x = v
            days += happened[e] - as_of
            values += v
    if how == CHANGE:
        return x - oldest if n > 1 else np.nan
    if how == OUTSIDE:
        return float(above)
    if how == MONTHS_ABOVE:
        for month in range(n_months):
            above += months[month] > level
        return above / n_months
    if how != SLOPE or n < 2:
        return x if how == MIN or how == MAX else np.nan
    across, square = 0.0, 0.0
    entry = start
    while entry >= 0:
        e, v = event_of[entry], value_of[entry]
        entry = after[entry]
        if happened[e] > as_of:
            break
        if enter[e] <= q < gone[e] and v == v:
            from_mean = happened[e] - as_of - days / n
            square += from_mean * from_mean
            across += from_mean * (v - values / n)
    return 365.0 * across / square if square > 0.25 else np.nan


@njit(cache=True, nogil=True)
def _last_covered(day, v, spans, as_of):
    """The last day that a span holds, as_of at most; the day before its first if it holds none."""
    if spans == DAYS:
        return day - 1 if v != v else min(as_of, day + np.int64(v) - 1)
    return as_of if v != v else min(as_of, np.int64(v))


@njit(cache=True, nogil=True)
def _cover(
    how, width, first, as_of, q, after, event_of, value_of, happened, enter, gone, spans
):  # fmt: skip
    """Folds of spans: they come in order of their first days."""
    n_months = min(width // MONTH, MOST_MONTHS)
    begin = as_of - (n_months * MONTH if how == COVERED_MONTHS else width) + 1
    covered, until, first_day, seen = 0, NO_DAY, NO_DAY, np.int64(0)
    entry = first
    while entry >= 0:
        e, v = event_of[entry], value_of[entry]
        entry = after[entry]
        if happened[e] > as_of:
            break
        if enter[e] > q or gone[e] <= q:
            continue
        last_day = _last_covered(happened[e], v, spans, as_of)
        since = max(max(happened[e], begin), until + 1)
        if last_day >= since:
            if first_day == NO_DAY:
                first_day = since
            covered += last_day - since + 1
            for month in range((as_of - last_day) // MONTH, (as_of - since) // MONTH + 1):
                if month < n_months:
                    seen |= np.int64(1) << month
        until = max(until, last_day)
    if how == COVERED_NOW or how == DISTINCT_NOW:
        return 1.0 if until >= as_of else 0.0
    if how == COVERED_MONTHS:
        n = 0
        while seen:
            n += seen & 1
            seen >>= 1
        return float(n)
    if how == COVERED_DAYS:
        return float(covered)
    return float(as_of - first_day + 1 - covered) if first_day != NO_DAY else np.nan


@njit(cache=True, nogil=True)
def _score(out, f, declared, slot_of, row, day, score_day, scored, n_scored):
    """The weights of the items in the window, but for those that a worse one leaves out."""
    slot, width = slot_of[declared.profile[f]], declared.window[f]
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


@njit(cache=True, nogil=True)
def _told_after(
    out, f, declared, row, day, anchor_day, head, items, n_items, after, event_of, value_of,
    happened, enter, gone, profile_of, spans_of,
):  # fmt: skip
    """What came after the last event of the anchor; missing where that is not in the window."""
    how, profile = declared.how[f], declared.profile[f]
    for q in range(len(day)):
        as_of, told = np.int64(day[q]), anchor_day[q]
        if as_of - told >= declared.window[f]:
            continue
        x = 0.0
        if how == AFTER or how == WITHIN:
            most = as_of if how == AFTER else told + declared.days[f]
            entry = head[profile]
            while entry >= 0:
                e = event_of[entry]
                if told < happened[e] <= most and enter[e] <= q < gone[e]:
                    x = 1.0
                    break
                entry = after[entry]
            if how == WITHIN and x == 0.0 and as_of < most:
                x = np.nan
        else:
            for k in range(n_items):
                if profile_of[items[k]] == profile:
                    x += _changed(
                        how, told, declared.before[f], as_of, q, head[items[k]], after, event_of,
                        value_of, happened, enter, gone, spans_of[profile],
                    )  # fmt: skip
        out[row[q], f] = x


@njit(cache=True, nogil=True)
def _changed(
    how, told, before, as_of, q, first, after, event_of, value_of, happened, enter, gone, spans
):  # fmt: skip
    """Whether an item was started, or stopped, after the anchor's day."""
    earlier, later, then, now = False, False, False, False
    entry = first
    while entry >= 0:
        e, v = event_of[entry], value_of[entry]
        entry = after[entry]
        if happened[e] > as_of or enter[e] > q or gone[e] <= q:
            continue
        if happened[e] > told:
            later = True
        elif happened[e] > told - before:
            earlier = True
        until = _last_covered(happened[e], v, spans, as_of)
        then = then or happened[e] <= told <= until
        now = now or until >= as_of
    if how == STARTED:
        return 1.0 if later and not earlier else 0.0
    return 1.0 if then and not now and not later else 0.0


_year_and_day = njit(cache=True, nogil=True)(window.march_year_and_day)
