"""When each fact becomes known, and what goes wrong on the way: reversals, adjustments, doubles.

Admissions and discharges are known the same day, laboratory values within 2 days, fills within 3,
claims after 5 to 120 days, mostly 15 to 45. What would be known after the end of the data is not
in it.
"""

from __future__ import annotations

import numpy as np

from .randomness import uniform_of

CLAIM_LEAST, CLAIM_MOST = 5, 120
REVERSED_CLAIMS, ADJUSTED_CLAIMS, REVERSED_FILLS, CORRECTED_LABS = 0.015, 0.03, 0.015, 0.005
DOUBLES = 0.02
# purposes of uniform_of: one number each, so that no two draws are the same
(CLAIM, CLAIM_TAIL, FATE, FATE_DAYS, FATE_SIZE, FILL, LAB, DOUBLE, DEATH, COVER, PAID,
 ADMISSION_FEED, PLAN) = range(13)  # fmt: skip


def claim_lag(seed: int, member: np.ndarray, seq: np.ndarray) -> np.ndarray:
    """Days from the end of care to the claim's being known."""
    u = uniform_of(seed, CLAIM, member, seq)
    tail = uniform_of(seed, CLAIM_TAIL, member, seq)
    usual = CLAIM_LEAST + 24.0 * np.sqrt(-np.log(1.0 - u)) + 6.0 * u
    slow = 30.0 - 26.0 * np.log(1.0 - u)
    days = np.where(tail < 0.9, usual, slow)
    return np.clip(days, CLAIM_LEAST, CLAIM_MOST).astype(np.int64)


def claim_fate(
    seed: int, member: np.ndarray, seq: np.ndarray, known: np.ndarray, reversible: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """What later becomes of a claim: (is reversed, is adjusted, on which day, factor)."""
    u = uniform_of(seed, FATE, member, seq)
    turned = reversible & (u < REVERSED_CLAIMS)
    adjusted = ~turned & (u > 1.0 - ADJUSTED_CLAIMS)
    later = known + 8 + (uniform_of(seed, FATE_DAYS, member, seq) * 80.0).astype(np.int64)
    factor = 0.7 + 0.5 * uniform_of(seed, FATE_SIZE, member, seq)
    return turned, adjusted, later, factor


def fill_fate(
    seed: int, member: np.ndarray, seq: np.ndarray, day: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(day known, is returned to stock, day of that) of each fill."""
    known = day + 1 + (uniform_of(seed, FILL, member, seq) * 3.0).astype(np.int64)
    turned = uniform_of(seed, FATE, member, seq) < REVERSED_FILLS
    later = known + 2 + (uniform_of(seed, FATE_DAYS, member, seq) * 12.0).astype(np.int64)
    return known, turned, later


def lab_fate(
    seed: int, member: np.ndarray, seq: np.ndarray, day: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(day known, is corrected, day of that) of each laboratory value."""
    known = day + (uniform_of(seed, LAB, member, seq) * 2.6).astype(np.int64)
    corrected = uniform_of(seed, FATE, member, seq) < CORRECTED_LABS
    return known, corrected, known + 1


def twice(
    seed: int, table: int, member: np.ndarray, part: np.ndarray, known: np.ndarray, last: int
) -> np.ndarray:
    """Positions of the rows as they arrive: those known by ``last``, some of them doubled."""
    kept = np.flatnonzero(known <= last)
    u = uniform_of(seed, 100 + table, member[kept], part[kept], known[kept])
    return np.repeat(kept, np.where(u < DOUBLES, 2, 1))
