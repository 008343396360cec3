"""How a walk writes down what happens: one row a contact, a fill, a measured value."""

from __future__ import annotations

import numpy as np

from .conditions import lab_now
from .costs import is_covered
from .randomness import normal, uniform
from .state import (
    ACCESS,
    C_CENTS,
    C_CODE,
    C_DISPOSITION,
    C_END,
    C_FACILITY,
    C_FOLLOWED,
    C_KIND,
    C_MASK,
    C_MEMBER,
    C_PLANNED,
    C_SEQ,
    C_START,
    C_TRANSFER_OF,
    C_TYPE,
    CONDITION_BITS,
    DETAIL,
    EMIT,
    FILL_CENTS,
    FILL_DAY,
    FILL_DAYS,
    FILL_DRUG,
    FILL_MEMBER,
    FILL_SEQ,
    LAB_CONTACT,
    LAB_DAY,
    LAB_MEMBER,
    LAB_SEQ,
    LAB_TEST,
    LAB_VALUE,
    MEMBER,
    NEED_BITS,
    SEQ,
    compiled,
)  # fmt: skip
from .vocabulary import BNP, CONDITION_COUNT, LAB_WITHIN, NEED_COUNT


@compiled
def coded(F, K, R, share, need_share):
    """The conditions and needs that this claim happens to name, as bits (needs above 32)."""
    mask = 0
    if K[EMIT] == 1:
        for c in range(CONDITION_COUNT):
            if (K[CONDITION_BITS] >> c) & 1 and uniform(R, DETAIL) < share * F[ACCESS]:
                mask |= 1 << c
        for need in range(NEED_COUNT):
            if (K[NEED_BITS] >> need) & 1 and uniform(R, DETAIL) < need_share * F[ACCESS]:
                mask |= 1 << (32 + need)
    return mask


@compiled
def note_contact(
    K, book, kind, start, end, facility, priority, disposition, code, mask, cents, planned,
    transfer_of, followed, odds,
):  # fmt: skip
    """Write one visit or stay; its sequence number, or -1 where nobody sees it."""
    if K[EMIT] == 0 or not is_covered(K, start):
        return -1
    n = book.n[0]
    K[SEQ] += 1
    row = book.contact[n]
    row[C_MEMBER] = K[MEMBER]
    row[C_SEQ] = K[SEQ]
    row[C_KIND] = kind
    row[C_START] = start
    row[C_END] = end
    row[C_FACILITY] = facility
    row[C_TYPE] = priority
    row[C_DISPOSITION] = disposition
    row[C_CODE] = code
    row[C_MASK] = mask
    row[C_CENTS] = np.int64(cents)
    row[C_PLANNED] = planned
    row[C_TRANSFER_OF] = transfer_of
    row[C_FOLLOWED] = followed
    book.odds[n] = odds
    book.n[0] = n + 1
    return K[SEQ]


@compiled
def note_fill(K, book, drug, day, days, cents):
    """Write one dispensed prescription."""
    if K[EMIT] == 0 or not is_covered(K, day):
        return
    n = book.n[1]
    K[SEQ] += 1
    row = book.fill[n]
    row[FILL_MEMBER] = K[MEMBER]
    row[FILL_SEQ] = K[SEQ]
    row[FILL_DRUG] = drug
    row[FILL_DAY] = day
    row[FILL_DAYS] = days
    row[FILL_CENTS] = np.int64(cents)
    book.n[1] = n + 1


@compiled
def note_lab(F, K, R, book, test, day, contact):
    """Measure and write one laboratory value."""
    if K[EMIT] == 0 or not is_covered(K, day):
        return
    value = lab_now(F, K, test) + LAB_WITHIN[test] * normal(R, DETAIL)
    if test == BNP:
        value = np.exp(value)
    n = book.n[2]
    K[SEQ] += 1
    row = book.lab[n]
    row[LAB_MEMBER] = K[MEMBER]
    row[LAB_SEQ] = K[SEQ]
    row[LAB_TEST] = test
    row[LAB_DAY] = day
    row[LAB_VALUE] = np.int64(np.rint(max(value, 0.3) * 1000.0))
    row[LAB_CONTACT] = contact
    book.n[2] = n + 1
