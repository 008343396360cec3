"""Where each part of a person's state lies in the two arrays that the compiled steps share.

``F`` holds what is measured, ``K`` what is counted, flagged or dated (days since 1970-01-01).
Copying the two arrays copies the person: looking ahead starts from such a copy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np

from .vocabulary import CONDITION_COUNT, DRUG_COUNT, LAB_COUNT

# F: measured
ACCESS = 0  # 0.6 poor … 1 full access to care
FRAILTY = 1  # standing trait, seen only through what it causes
ADHERENCE_TRAIT = 2
THRIFT = 3  # log factor on the prices that this person's care has
INSTABILITY = 4  # how unsettled the person is this month; mean 0, variance 1
WEAR = 5  # what recent stays took out of the person
ADHERENCE = 6  # share of fills that come in time, now
RECENT_STAYS = 7  # acute stays, each fading over about a year
RECENT_ED = 8
Q_UNPLANNED = 9  # what the last discharge drew from, see returns.py
Q_PLANNED = 10
Q_DEATH = 11
STAY_CENTS = 12  # last stay and last post-acute care: they may end after an as-of date
POST_CENTS = 13
TOTAL = 14  # cents of the year ahead, only when looking ahead
ONSET_TOTAL = 15
ADMIT_SUM = 16  # sums over the conditions, kept because they change seldom
BACK_SUM = 17
DEATH_SUM = 18
VISIT_SUM = 19
DRUG_SUM = 20
STAY_CLOCK = 21  # rate still to be lived through until chance brings a stay: Exp(1) when set
PLAN_CLOCK = 22
ONSET = 24
LAB_OWN = ONSET + CONDITION_COUNT
F_SIZE = LAB_OWN + LAB_COUNT

# K: counted, flagged, dated
MEMBER = 0
BIRTH = 1
FEMALE = 2
GROUP = 3
AREA = 4
REGION = 5
NEED_BITS = 6
CONDITION_BITS = 7
DRUG_BITS = 8
DYING = 9
DEATH = 10  # day of death, or NEVER
IN_HOSPITAL = 11
FREE_FROM = 12  # first day on which chance, and not the last discharge, brings the next stay
ADMITTED = 13
BUSY = 14  # day of the last discharge, or of one to come
POST_END = 15
RETURN_DAY = 16  # what the last discharge leads to within 30 days, and when
RETURN_KIND = 17
LAST_REASON = 18
HOSPITAL = 19
EMIT = 20
SEQ = 21
HORIZON = 22
COVER_1 = 23
COVER_1_END = 24
COVER_2 = 25
COVER_2_END = 26
MONTHS = 27
STAYS_AHEAD = 28
LAST_HOSPITAL = 29
NEXT_FILL = 30
SINCE = NEXT_FILL + DRUG_COUNT
I_SIZE = SINCE + CONDITION_COUNT

NEVER = 2**31 - 1

# R: the two streams of randomness of a person: what happens, and how it is written down
PATH = 0
DETAIL = 1


class Book(NamedTuple):
    """Where a walk writes what happens. ``n`` counts rows of contact, fill, lab, ahead.

    contact: one row a visit or stay (columns below); ``odds`` beside it holds, for an acute
    discharge, the chance of an unplanned return (NaN elsewhere). fill, lab: one row each.
    ahead: log mean and cents of each stay of one look-ahead.
    """

    contact: np.ndarray
    odds: np.ndarray
    fill: np.ndarray
    lab: np.ndarray
    ahead: np.ndarray
    n: np.ndarray


# contact columns
(C_MEMBER, C_SEQ, C_KIND, C_START, C_END, C_FACILITY, C_TYPE, C_DISPOSITION, C_CODE, C_MASK,
 C_CENTS, C_PLANNED, C_TRANSFER_OF, C_FOLLOWED) = range(14)  # fmt: skip
C_SIZE = 14
# fill columns
FILL_MEMBER, FILL_SEQ, FILL_DRUG, FILL_DAY, FILL_DAYS, FILL_CENTS = range(6)
# lab columns: value in thousandths
LAB_MEMBER, LAB_SEQ, LAB_TEST, LAB_DAY, LAB_VALUE, LAB_CONTACT = range(6)

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """A step that numba compiles into whatever calls it."""
    return cast(Function, numba.njit(error_model="numpy")(function))
