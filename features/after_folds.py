"""Compiled folds of what came after another channel's last event, its anchor."""

from __future__ import annotations

import numpy as np

from features.compiling import compiled
from features.folds import AFTER, STARTED, WITHIN
from features.layout import P_SPANS
from features.span_folds import last_covered


@compiled
def told_after(
    out, f, declared, row, day, anchor_day, head, items, n_items, after, event_of, value_of,
    happened, enter, gone, profile_of, asked_of,
):  # fmt: skip
    """What came after the last event of the anchor; missing where that is not in the window."""
    how, profile, unless = declared.how[f], declared.profile[f], declared.unless[f]
    for q in range(len(day)):
        as_of, told = np.int64(day[q]), anchor_day[q]
        if as_of - told >= declared.window[f]:
            continue
        x = 0.0
        before_it = told if how == WITHIN else told - declared.same_day[f]
        if how in (AFTER, WITHIN):
            most = as_of if how == AFTER else told + declared.days[f]
            entry = head[profile]
            while entry >= 0:
                e = event_of[entry]
                if before_it < happened[e] <= most and enter[e] <= q < gone[e]:
                    x = 1.0
                    break
                entry = after[entry]
            if how == WITHIN and x == 0.0:
                if as_of < most:
                    x = np.nan
                entry = head[unless] if unless >= 0 else -1
                while entry >= 0:
                    e = event_of[entry]
                    if told <= happened[e] <= most and enter[e] <= q < gone[e]:
                        x = np.nan
                        break
                    entry = after[entry]
        else:
            for k in range(n_items):
                if profile_of[items[k]] == profile:
                    x += _changed(
                        how, told, before_it, declared.before[f], as_of, q, head[items[k]], after,
                        event_of, value_of, happened, enter, gone, asked_of[profile, P_SPANS],
                    )  # fmt: skip
        out[row[q], f] = x


@compiled
def _changed(
    how, told, before_it, before, as_of, q, first, after, event_of, value_of, happened, enter,
    gone, spans,
):  # fmt: skip
    """Whether an item was started, or stopped, after the anchor: after day `before_it`."""
    earlier, later, then, now = False, False, False, False
    entry = first
    while entry >= 0:
        e, v = event_of[entry], value_of[entry]
        entry = after[entry]
        if happened[e] > as_of or enter[e] > q or gone[e] <= q:
            continue
        if happened[e] > before_it:
            later = True
        elif happened[e] > before_it - before:
            earlier = True
        until = last_covered(happened[e], v, spans, as_of)
        then = then or (happened[e] <= before_it and told <= until)
        now = now or until >= as_of
    if how == STARTED:
        return 1.0 if later and not earlier else 0.0
    return 1.0 if then and not now and not later else 0.0
