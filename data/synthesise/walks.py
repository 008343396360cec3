"""The compiled walk: the path that is lived, and the years that might have followed.

Both call ``months.step``. numba's cache looks at one file only, the code lies in several: the
walk therefore closes over a digest of all of them, which is part of the cache's key.
"""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import numba
import numpy as np

from .costs import STAY_SPREAD, is_covered
from .months import step
from .people import born
from .randomness import begin, uniform
from .returns import draw_return
from .state import (
    BUSY,
    C_SIZE,
    DEATH,
    EMIT,
    F_SIZE,
    FREE_FROM,
    HORIZON,
    I_SIZE,
    MEMBER,
    NEVER,
    PATH,
    PLAN_CLOCK,
    POST_CENTS,
    POST_END,
    STAY_CENTS,
    STAY_CLOCK,
    STAYS_AHEAD,
    TOTAL,
    Book,
    compiled,
)  # fmt: skip

BURN_IN = 15  # months lived unseen, so that the first month seen is like any other
AHEAD = 12  # months of a look-ahead
_MOST_ROWS = 3000  # of one kind that one person can add


def _digest() -> int:
    here = Path(__file__).parent
    text = b"".join(p.read_bytes() for p in sorted(here.glob("*.py")))
    return int.from_bytes(hashlib.sha256(text).digest()[:4], "big")


def new_book(contacts: int, fills: int, labs: int) -> Book:
    """An empty book with room for so many rows of each kind."""
    return Book(
        np.zeros((contacts, C_SIZE), np.int64),
        np.full(contacts, np.nan),
        np.zeros((fills, 6), np.int64),
        np.zeros((labs, 6), np.int64),
        np.zeros((64, 2)),
        np.zeros(3, np.int64),
    )


@compiled
def _enter(F, K, R, book, seed, member, bounds):
    """A person at the first day of the data: one of those who lived to see it."""
    attempt = 0
    while True:
        born(F, K, R, seed, member, attempt, bounds[BURN_IN], bounds[-1], bounds[0])
        for month in range(BURN_IN):
            step(F, K, R, book, bounds[month], bounds[month + 1])
        if K[DEATH] >= bounds[BURN_IN]:
            break
        attempt += 1


@compiled
def _chance_above(book, stays, total, threshold):
    """Chance that the total passes the threshold, given all but the price of one stay.

    Conditional Monte Carlo: the stay whose price is expected to be largest keeps its log-normal
    price open. Exact on average, and far less noisy than counting.
    """
    if stays == 0:
        return 1.0 if total > threshold else 0.0
    i = 0
    for j in range(1, stays):
        if book.ahead[j, 0] > book.ahead[i, 0]:
            i = j
    least = threshold - (total - book.ahead[i, 1])
    if least <= 0.0:
        return 1.0
    z = (math.log(least) - book.ahead[i, 0]) / STAY_SPREAD
    return 0.5 * math.erfc(z / math.sqrt(2.0))


@compiled
def _branch(F, K, G, J, Q, book, seed, bounds, month, replicate, replicates):
    """Copy the person of the evening before ``month`` and live one year that might follow."""
    as_of = bounds[month] - 1
    G[:] = F
    J[:] = K
    begin(Q, PATH, seed, K[MEMBER], 1000 + month * 4096 + replicate)
    # in strata: the first stay is what decides most
    part = (replicate + uniform(Q, PATH)) / replicates
    G[STAY_CLOCK] = -math.log(1.0 - part)
    part = (replicate * 7 % replicates + uniform(Q, PATH)) / replicates
    G[PLAN_CLOCK] = -math.log(1.0 - part)
    J[EMIT] = 0
    J[HORIZON] = as_of + 365
    J[STAYS_AHEAD] = 0
    G[TOTAL] = 0.0
    if as_of < J[BUSY]:
        G[TOTAL] += G[STAY_CENTS]
    if as_of < J[POST_END]:
        G[TOTAL] += G[POST_CENTS]
    if J[FREE_FROM] > as_of + 1 and J[DEATH] == NEVER:
        draw_return(G, J, Q, max(as_of, J[BUSY]))
    for ahead in range(month, month + AHEAD):
        if not step(G, J, Q, book, bounds[ahead], bounds[ahead + 1]):
            break


def _build(digest: int):
    @numba.njit(cache=True, nogil=True, error_model="numpy")
    def walk(seed, first, end, bounds, book, measured, counted, at, replicates, threshold, chance):
        F, K, R = np.zeros(F_SIZE), np.zeros(I_SIZE, np.int64), np.zeros(2, np.uint64)
        G, J, Q = np.zeros(F_SIZE), np.zeros(I_SIZE, np.int64), np.zeros(2, np.uint64)
        room = np.array([len(book.contact), len(book.fill), len(book.lab)])
        looks = len(at) > 0
        for member in range(first, end):
            if digest == -1 or (not looks and np.any(book.n + _MOST_ROWS > room)):
                return member
            _enter(F, K, R, book, seed, member, bounds)
            if not looks:
                K[EMIT] = 1
            d = 0
            for month in range(BURN_IN, len(bounds) - 1):
                if d < len(at) and at[d] == month:
                    chance[member - first, d] = np.nan
                    if K[DEATH] >= bounds[month] and is_covered(K, bounds[month] - 1):
                        total = 0.0
                        for replicate in range(replicates):
                            _branch(F, K, G, J, Q, book, seed, bounds, month, replicate, replicates)
                            total += _chance_above(book, J[STAYS_AHEAD], G[TOTAL], threshold)
                        chance[member - first, d] = total / replicates
                    d += 1
                step(F, K, R, book, bounds[month], bounds[month + 1])
                if looks and d == len(at):
                    break
            if not looks:
                measured[member - first] = F
                counted[member - first] = K
        return end

    return walk


_walk = _build(_digest())
_NO_DATES, _NO_CHANCE = np.zeros(0, np.int64), np.zeros((0, 0))
_NO_FLOATS, _NO_INTEGERS = np.zeros((0, F_SIZE)), np.zeros((0, I_SIZE), np.int64)


def live(
    seed: int,
    first: int,
    end: int,
    bounds: np.ndarray,
    book: Book,
    measured: np.ndarray,
    counted: np.ndarray,
) -> int:
    """Live members [first, end) until the book might overflow; the next one to live.

    Row i of ``measured`` and ``counted`` takes the last state of member first + i.
    """
    return _walk(
        seed, first, end, bounds, book, measured, counted, _NO_DATES, 0, 0.0, _NO_CHANCE
    )  # fmt: skip


def look_ahead(
    seed: int,
    first: int,
    end: int,
    bounds: np.ndarray,
    at: np.ndarray,
    replicates: int,
    threshold: float,
) -> np.ndarray:
    """Each member's chance of passing ``threshold`` cents in the 365 days after each date.

    ``at`` are months of ``bounds``, the as-of date is the day before; the result has the shape
    (members, dates), NaN where the person is dead or not covered then. From the state of that
    evening ``replicates`` years are lived. Losing coverage is not among what may happen.
    """
    chance = np.empty((end - first, len(at)))
    _walk(
        seed, first, end, bounds, new_book(1, 1, 1), _NO_FLOATS, _NO_INTEGERS, at, replicates,
        float(threshold), chance,
    )  # fmt: skip
    return chance
