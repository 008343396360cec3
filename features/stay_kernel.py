"""The compiled loop behind the scores that clinicians know: what they ask about one stay."""

from __future__ import annotations

import numpy as np
from numba import njit

ACUTE_STARTED, ACUTE_ENDED, EMERGENT, EMERGENCY_VISIT, COMORBIDITY = 1, 2, 3, 4, 5
"""The parts that event codes play in the scores that clinicians know."""


@njit(cache=True, nogil=True)
def stay_facts(
    out, first_event, happened, known, superseded, code, value,
    question_patient, question_day, question_admitted, question_row,
    code_part, code_items, visit_days, year_days,
):  # fmt: skip
    """Fill `out[question_row[q]]` with what the scores ask about one acute stay or episode.

    It is the last stay whose discharge is seen, or, where question_admitted is not negative
    infinity, the episode admitted on that day: the stays that began then or later and whose
    discharge is seen, the last of which ends it. Columns: its admission (a day), the days from
    there to its last discharge, 1 or 0 for emergent (of the stay that began on the day of
    admission, the first to end where there are more), emergency visits in the visit_days days
    before the admission, acute admissions in the year_days before it, and the comorbidity items
    (a bit set) seen since year_days before it. NaN where there is no such stay; the last three
    also answer for an admission whose discharge is not seen. code_items holds the items of a
    COMORBIDITY code, as many as it has.
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
                items |= code_items[code[e]]
        out[row, 0] = admitted
        out[row, 1] = length
        out[row, 2] = emergent
        out[row, 3] = visits
        out[row, 4] = stays
        out[row, 5] = items
