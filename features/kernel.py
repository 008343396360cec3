"""The compiled loops: a patient's events are met once, for all questions about that patient.

The questions of one patient come in ascending order of as_of. For each event it is found out once
at which question it is first seen, and from which on it lies outside each window or is replaced.
What is added up is then noted at those two places and summed over the questions, and the last
event is handed on from question to question: the cost grows with events and with questions, not
with their product. Folds that need the values themselves (the highest, a slope, days covered) look
at the events of their own channel within the window again.

Events are sorted by (happened_on, known_on, …) within a patient, so "the last" is whatever is met
last. Sums are of whole numbers, which float64 adds and takes away exactly: no order of adding, no
number of threads, shards or other questions can change a bit.
"""

from __future__ import annotations

import numpy as np

from features.after_folds import told_after
from features.compiling import called
from features.folds import (
    AGE,
    COVERED_NOW,
    DISTINCT,
    DISTINCT_NEW,
    DISTINCT_NOW,
    DISTINCT_RECURRENT,
    LATEST,
    MIN,
    MONTHS_ABOVE,
    NO_DAY,
    OUTSIDE,
    add_up,
    added_up,
    find_last,
    latest,
    months_above,
    of_last,
    of_one_event,
    of_values,
    score,
)
from features.layout import (
    NEEDS_ANCHOR,
    NEEDS_LAST,
    NEEDS_SCORE,
    NEEDS_SUMS,
    P_NEEDS,
    P_SLOT,
    P_SPANS,
    P_TOLD,
    P_TOLD_END,
    P_WINDOW,
    P_WINDOW_END,
    T_BEFORE,
    T_DAYS,
    T_FEATURE,
    T_HALF,
    T_HOW,
    T_TALLY,
    T_WINDOW,
)
from features.span_folds import cover, held
from features.window import MOST_MONTHS

KERNEL_VERSION = 5
"""Raised whenever the same events come to mean other numbers; part of every fingerprint."""
COMPILED_IN = "dba1386be33e5d84d2042da9ef84b3f91c8077b3ce2ffeec301d47a48bbb61ab"
"""sha256 over what is compiled into this: compiling.py, folds.py, span_folds.py, after_folds.py,
layout.py and window.py. Numba looks at this file alone to see whether the code that it keeps on
disk is stale, so a change there has to change something here; a test says the new sum."""


@called
def answer(out, template, events, asked, heard, profiles, declared, anchors, scores, window_days):
    """Fill `out[row, f]` (float32) for every question and feature.

    `template` is a row without any event; `scores` names the features that are scores;
    `window_days` has the lengths that are added up (int64). The cell of a channel's own events has
    the place of its profile. Within a patient an event is known by its place n among those that
    are seen at all: it is first seen at question enter[n], replaced at gone[n], and outside window
    w from leave[n, w] on. Entry i of a cell is event event_of[i] with value_of[i], after[i] next.
    """
    # taken out of their tuples once: each time counts references to all of their arrays
    first_event, happened_on, known_on, superseded_on, code, event_value = events
    person, first_asked, asked_day, asked_row = asked
    start, cell_of, own, own_value, factor, profile_of, item_of, reach, farthest = heard
    asked_of, window_of, told = profiles
    low, high, level, divide_by = declared.low, declared.high, declared.level, declared.divide_by
    equals_start, equals = declared.equals_start, declared.equals
    anchor_profile, anchored_start, anchored_feature = anchors
    n_windows, n_cells, width = len(window_days), len(profile_of), len(template)
    most_questions, most_events, most_cells = _sizes(person, first_asked, first_event, start)
    n_slots = 1  # of all the items that a score knows, whether or not any code here names them
    for k in range(len(scores)):
        known = declared.weight_start[scores[k] + 1] - declared.weight_start[scores[k]]
        n_slots = max(n_slots, asked_of[declared.profile[scores[k]], P_SLOT] + known)
    most_entries = most_events * most_cells
    n_tallies = 1
    for k in range(len(told)):
        n_tallies = max(n_tallies, told[k, T_TALLY] + 1)

    happened = np.empty(most_events, np.int64)
    enter = np.empty(most_events, np.int32)
    gone = np.empty(most_events, np.int32)
    leave = np.empty((most_events, n_windows), np.int32)
    event_of = np.empty(most_entries, np.int32)
    value_of = np.empty(most_entries, np.float64)
    after = np.empty(most_entries, np.int32)
    head = np.full(n_cells, -1, np.int32)
    tail = np.empty(n_cells, np.int32)
    touched = np.empty(n_cells, np.int32)
    items = np.empty(n_cells, np.int32)
    met = np.zeros(len(asked_of), np.bool_)
    pointer = np.zeros(n_windows, np.int64)
    count = np.zeros((n_windows, most_questions + 1), np.int32)
    total = np.zeros((n_windows, most_questions + 1), np.float64)
    unvalued = np.zeros((n_windows, most_questions + 1), np.int32)
    outside = np.empty(n_windows, np.int32)
    mark = np.empty(most_questions, np.bool_)
    tally = np.zeros((n_tallies, most_questions), np.int32)
    last = np.empty(most_questions, np.int32)
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
            if h + farthest[c] <= day[0] or known > last_asked or superseded <= day[0]:
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
                if h + reach[k] <= day[0]:
                    continue
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

        n_scored, n_items, since = 0, 0, 0
        for t in range(n_touched):
            cell = touched[t]
            profile, only = profile_of[cell], head[cell]
            needs, alone = asked_of[profile, P_NEEDS], after[only] < 0
            begin, end = asked_of[profile, P_WINDOW], asked_of[profile, P_WINDOW_END]
            met[profile] = True
            if begin < end and not alone:
                since = add_up(
                    count, total, unvalued, outside, needs & NEEDS_SUMS != 0, window_of, begin, end,
                    only, after, event_of, value_of, enter, leave, nq,
                )  # fmt: skip
            if needs & NEEDS_LAST:
                find_last(last, only, after, event_of, enter, gone, nq)
            if needs & NEEDS_SCORE:
                slot = asked_of[profile, P_SLOT] + item_of[cell]
                for q in range(nq):
                    if last[q] >= 0:
                        score_day[slot, q] = happened[event_of[last[q]]]
                place = n_scored
                while place > 0 and scored[place - 1] > slot:  # sums are to have one order
                    scored[place] = scored[place - 1]
                    place -= 1
                scored[place] = slot
                n_scored += 1
            if needs & NEEDS_ANCHOR:
                items[n_items] = cell
                n_items += 1
            for k in range(asked_of[profile, P_TOLD], asked_of[profile, P_TOLD_END]):
                f, how, days = told[k, T_FEATURE], told[k, T_HOW], told[k, T_DAYS]
                if how <= DISTINCT_RECURRENT:
                    w, half, at = told[k, T_WINDOW], told[k, T_HALF], told[k, T_TALLY]
                    if alone:
                        n = event_of[only]
                        if how in (DISTINCT, DISTINCT_NEW):
                            for q in range(enter[n], leave[n, w]):
                                tally[at, q] += 1
                        else:
                            of_one_event(
                                out, f, how, row, enter[n], leave[n, w], leave[n, half],
                                value_of[only], divide_by,
                            )  # fmt: skip
                    else:
                        added_up(
                            out, f, how, row, since, outside[w], tally, at, count, total, unvalued,
                            w, half, told[k, T_BEFORE], divide_by,
                        )  # fmt: skip
                elif how <= AGE:
                    begin = enter[event_of[only]] if alone else 0
                    end = gone[event_of[only]] if alone else nq
                    of_last(
                        out, f, how, days, row, day, begin, end, last, event_of, value_of, happened,
                        low, high, divide_by, equals, equals_start[f], equals_start[f + 1],
                    )  # fmt: skip
                elif how in (COVERED_NOW, DISTINCT_NOW):
                    held(
                        out, f, row, tally, told[k, T_TALLY], mark, day, only, after, event_of,
                        value_of, happened, enter, gone, asked_of[profile, P_SPANS],
                    )  # fmt: skip
                elif how <= DISTINCT_NOW:
                    cover(
                        out, f, how, days, row, day, only, after, event_of, value_of, happened,
                        enter, gone, asked_of[profile, P_SPANS],
                    )  # fmt: skip
                elif how == MONTHS_ABOVE:
                    if k > asked_of[profile, P_TOLD] and told[k - 1, T_HOW] == how:
                        continue  # all levels were told at once
                    levels_end = k + 1
                    while levels_end < asked_of[profile, P_TOLD_END] and (
                        told[levels_end, T_HOW] == how
                    ):
                        levels_end += 1
                    months_above(
                        out, told, k, levels_end, level, row, day, months, only, after, event_of,
                        value_of, happened, enter, gone,
                    )  # fmt: skip
                elif how == LATEST:
                    entry = only
                    for q in range(nq):
                        while entry >= 0 and happened[event_of[entry]] <= day[q] - days:
                            entry = after[entry]
                        x = latest(
                            declared.days[f], entry, day[q], q, after, event_of, value_of,
                            happened, enter, gone,
                        )  # fmt: skip
                        out[row[q], f] = x / divide_by[f]
                elif k == asked_of[profile, P_TOLD] or not MIN <= told[k - 1, T_HOW] <= OUTSIDE:
                    values_end = k + 1
                    while values_end < asked_of[profile, P_TOLD_END] and (
                        told[values_end, T_HOW] <= OUTSIDE
                    ):
                        values_end += 1
                    of_values(
                        out, told, k, values_end, low, high, divide_by, row, day, only, after,
                        event_of, value_of, happened, enter, gone,
                    )  # fmt: skip

        if n_scored:
            for k in range(len(scores)):
                score(out, scores[k], declared, asked_of, row, day, score_day, scored, n_scored)
            for k in range(n_scored):
                for q in range(nq):
                    score_day[scored[k], q] = NO_DAY
        for a in range(len(anchor_profile)):
            anchor = head[anchor_profile[a]]
            if anchor >= 0:
                find_last(last, anchor, after, event_of, enter, gone, nq)
                for q in range(nq):
                    anchor_day[q] = happened[event_of[last[q]]] if last[q] >= 0 else NO_DAY
                for k in range(anchored_start[a], anchored_start[a + 1]):
                    told_after(
                        out, anchored_feature[k], declared, row, day, anchor_day, head, items,
                        n_items, after, event_of, value_of, happened, enter, gone, profile_of,
                        asked_of,
                    )  # fmt: skip
        for t in range(n_touched):
            profile = profile_of[touched[t]]
            head[touched[t]] = -1
            if not met[profile]:
                continue
            met[profile] = False
            for k in range(asked_of[profile, P_TOLD], asked_of[profile, P_TOLD_END]):
                f, at = told[k, T_FEATURE], told[k, T_TALLY]
                if at >= 0:
                    for q in range(nq):
                        out[row[q], f] = tally[at, q]
                        tally[at, q] = 0


@called
def _sizes(person, first_asked, first_event, start):
    """The most questions and events of a patient, and cells of a code."""
    questions, events, cells = 1, 1, 1
    for g in range(len(person)):
        questions = max(questions, first_asked[g + 1] - first_asked[g])
        if person[g] >= 0:
            events = max(events, first_event[person[g] + 1] - first_event[person[g]])
    for c in range(len(start) - 1):
        cells = max(cells, start[c + 1] - start[c])
    return questions, events, cells
