"""Who the invented people are to the payer: their records and the spans of their coverage."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from . import lateness
from .people import GROUPS, REGIONS
from .randomness import uniform_of
from .state import (
    AREA,
    BIRTH,
    COVER_1,
    COVER_1_END,
    COVER_2,
    COVER_2_END,
    DEATH,
    FEMALE,
    GROUP,
    IN_HOSPITAL,
    MEMBER,
    NEVER,
    REGION,
)  # fmt: skip
from .tables import NOTHING, canonical, patient_ids
from .text import choose, dates, identifiers

PAYERS = ("medicare", "medicaid", "commercial")
PRODUCTS = ("fee for service", "HMO")


def covered_at_all(counted: np.ndarray, last: int) -> np.ndarray:
    """Whether the payer ever hears of each person by ``last``: covered before death."""
    return (counted[:, COVER_1] <= last) & (counted[:, DEATH] > counted[:, COVER_1])


def members(seed: int, counted: np.ndarray, last: int) -> pa.Table:
    """One record a person, and a second version once a death is known."""
    x = counted[covered_at_all(counted, last)]
    u = uniform_of(seed, lateness.DEATH, x[:, MEMBER])
    wait = np.where(x[:, IN_HOSPITAL] == 1, u * 5.0, 4.0 + u * u * 90.0).astype(np.int64)
    end = np.where(x[:, COVER_2] < NEVER, x[:, COVER_2_END], x[:, COVER_1_END])
    died = np.flatnonzero((x[:, DEATH] != NEVER) & (x[:, DEATH] <= end))
    known = np.concatenate([x[:, COVER_1], (x[:, DEATH] + wait)[died]])
    death = np.concatenate([np.full(len(x), NOTHING), x[died, DEATH]])
    at = np.concatenate([np.arange(len(x)), died])
    kept = np.flatnonzero(known <= last)
    at, known, death = at[kept], known[kept], death[kept]
    x = x[at]
    return canonical("member", {
        "record_id": identifiers("M", (x[:, MEMBER] + 1, 7)),
        "patient_id": patient_ids(x[:, MEMBER]),
        "birth_on": dates(x[:, BIRTH], NOTHING),
        "sex": choose(("male", "female"), x[:, FEMALE]),
        "race": choose(GROUPS, x[:, GROUP]),
        "region": choose([f"R{n + 1:02d}" for n in range(REGIONS)], x[:, REGION]),
        "area_index": x[:, AREA],
        "death_on": dates(death, NOTHING),
        "known_on": dates(known, NOTHING),
        "reversed": np.zeros(len(x), bool),
    })  # fmt: skip


def coverage(seed: int, counted: np.ndarray, last: int) -> pa.Table:
    """Each span when it opens, and again once its end is known: later than it happens."""
    x = counted[covered_at_all(counted, last)]
    parts = []
    for number, (start, end) in enumerate(((COVER_1, COVER_1_END), (COVER_2, COVER_2_END))):
        span = x[(x[:, start] <= last) & (x[:, start] < x[:, DEATH])]
        ends = np.minimum(span[:, end], span[:, DEATH])
        u = uniform_of(seed, lateness.COVER, span[:, MEMBER], np.full(len(span), number))
        opened = span[:, start] + (8.0 * u).astype(np.int64)
        closed = ends + 10 + (60.0 * u).astype(np.int64)
        closing = np.flatnonzero(ends < NEVER)
        for rows, known, over in (
            (np.arange(len(span)), opened, np.full(len(span), NOTHING)),
            (closing, np.maximum(closed, opened + 1)[closing], ends[closing]),
        ):
            parts.append((span[rows], np.full(len(rows), number), span[rows, start], over, known))
    rows, number, start, over, known = (np.concatenate(p) for p in zip(*parts, strict=True))
    kept = np.flatnonzero(known <= last)
    rows, number, start, over, known = (a[kept] for a in (rows, number, start, over, known))
    u = uniform_of(seed, lateness.PLAN, rows[:, MEMBER])
    poor = (u * 100.0 < rows[:, AREA] * 0.45).astype(np.int64)
    payer = np.where((start - rows[:, BIRTH]) / 365.25 >= 64.9, 0, 2 - poor)
    return canonical("coverage", {
        "record_id": identifiers("V", (rows[:, MEMBER] + 1, 7), "-", (number + 1, 1)),
        "patient_id": patient_ids(rows[:, MEMBER]),
        "start_on": dates(start, NOTHING),
        "end_on": dates(over, NOTHING),
        "payer": choose(PAYERS, payer),
        "product": choose(PRODUCTS, (u * 1000).astype(np.int64) % 2),
        "known_on": dates(known, NOTHING),
        "reversed": np.zeros(len(rows), bool),
    })  # fmt: skip
