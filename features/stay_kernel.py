"""The compiled loop behind the scores that clinicians know: what they ask about one stay."""

from __future__ import annotations

import numpy as np

from features.compiling import called

ACUTE_STARTED, ACUTE_ENDED, EMERGENT, EMERGENCY_VISIT, OTHER_STARTED = 1, 2, 3, 4, 5
CONDITION, HAEMOGLOBIN, SODIUM, PROCEDURE, SPECIALTY, ONCOLOGY = 6, 7, 8, 9, 10, 11
"""The parts that event codes play in the scores that clinicians know."""
FACTS = (
    "admitted", "days", "emergent", "visits", "stays", "conditions", "haemoglobin", "sodium",
    "procedures", "oncology",
)  # fmt: skip
"""The columns that `stay_facts` fills."""


@called
def stay_facts(
    out, first_event, happened, known, superseded, code, value,
    question_patient, question_day, question_admitted, question_row,
    code_part, code_conditions, code_factor, visit_days, year_days,
):  # fmt: skip
    """Fill `out[question_row[q]]` with what the scores ask about one acute stay or episode.

    It is the last stay whose discharge is seen, or, where question_admitted is not negative
    infinity, the episode admitted on that day: the stays that began then or later and whose
    discharge is seen, the last of which ends it. Columns (FACTS):

    - admitted: its admission (a day); days: from there to its last discharge
    - emergent: 1 or 0, of the stay that began on the day of admission, the first to end where
      there are more
    - visits: emergency visits in the visit_days days before the admission; stays: acute admissions
      in the year_days days before it; conditions: a bit set of those from year_days before it to
      the discharge
    - haemoglobin, sodium: value × code_factor of the last result from the day of admission to that
      of discharge; procedures: how many on these days
    - oncology: 1 or 0, whether the last stay names a specialty that is one of cancer medicine

    An encounter's specialty lies on its first day, seen from and until the days that its admission
    is; where another encounter of that day shares these days, whose it is is not known.

    NaN where there is no such stay, or nothing tells. Visits, stays and conditions also answer for
    an admission whose discharge is not seen. code_conditions holds the bits of a CONDITION code.
    """
    for q in range(len(question_patient)):
        p, as_of, row = question_patient[q], np.int64(question_day[q]), question_row[q]
        asked = question_admitted[q]
        begin, end = (first_event[p], first_event[p + 1]) if p >= 0 else (0, 0)
        admitted, length, emergent = asked, np.nan, np.nan
        named = not np.isinf(asked)
        ended = np.int64(0)  # discharge of the stay whose admission type counts
        has_ended = False
        left, last_began, last = -np.inf, np.nan, np.int64(0)  # of the last stay
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
                    left, last_began, last = np.float64(happened[e]), began, e
                if began == admitted and not (named and has_ended):
                    ended, has_ended, emergent = np.int64(happened[e]), True, np.nan
            elif part == EMERGENT and has_ended and happened[e] == ended:
                emergent = value[e]
        out[row, :] = np.nan
        if np.isinf(admitted):
            continue
        still_in = np.isnan(length)
        visits, stays, conditions, procedures = 0, 0, 0, 0
        haemoglobin, sodium, oncology, encounters = np.nan, np.nan, np.nan, 0
        for e in range(begin, end):
            if happened[e] > as_of or known[e] > as_of or superseded[e] <= as_of:
                continue
            part, before = code_part[code[e]], admitted - happened[e]
            if part == EMERGENCY_VISIT and 0 < before <= visit_days:
                visits += 1
            elif part == ACUTE_STARTED and 0 < before <= year_days:
                stays += 1
            elif part == CONDITION and before <= year_days and (still_in or happened[e] <= left):
                conditions |= code_conditions[code[e]]
            if before <= 0 and happened[e] <= left:
                if part == HAEMOGLOBIN:
                    haemoglobin = value[e] * code_factor[code[e]]
                elif part == SODIUM:
                    sodium = value[e] * code_factor[code[e]]
                elif part == PROCEDURE:
                    procedures += 1
            if (
                happened[e] == last_began
                and known[e] == known[last]
                and superseded[e] == superseded[last]
            ):
                if part in (SPECIALTY, ONCOLOGY):
                    oncology = 1.0 if part == ONCOLOGY or oncology == 1.0 else 0.0
                elif part in (ACUTE_STARTED, EMERGENCY_VISIT, OTHER_STARTED):
                    encounters += 1
        out[row, 0] = admitted
        out[row, 1] = length
        out[row, 2] = emergent
        out[row, 3] = visits
        out[row, 4] = stays
        out[row, 5] = conditions
        out[row, 6] = haemoglobin
        out[row, 7] = sodium
        out[row, 8] = np.nan if still_in else procedures
        out[row, 9] = oncology if encounters == 1 else np.nan
