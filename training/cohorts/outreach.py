"""When care management reached somebody whom a question was asked about.

One row of `rows` is one question of a cohort: ``patient_id``, ``as_of`` and ``outcome_until``, days
since 1970, its outcome window being (as_of, outcome_until]. Final facts tell, the canonical table
`outreach` being the source.

- Reached is who was contacted or enrolled; who did not answer was not, nor who declined.
- A question on a later day after a discharge (``discharged_on``) is about somebody who may have
  been called between the two: such a call counts as one on as_of.
- What comes on the day of the outcome or later cannot have changed it, and does not count: of cases
  whose day the rows tell (``days_to_next``, ``days_to``). Those of high cost do not tell it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow.compute as pc
from numpy.typing import NDArray

from training.cohorts.enrolment import SHIFT
from training.cohorts.facts import Source, final_facts

REACHED = ("contacted", "enrolled")
"""The steps by which a person was reached."""


def reached_on(source: Source, rows: pd.DataFrame, through: int) -> NDArray[np.float64]:
    """The day on which each row's person was first reached from `window_begins` (not included) to
    `last_day` (included), of what was known by day `through`; NaN where never."""
    person, day, who = _steps(source, rows, through, REACHED)
    if len(day) == 0:
        return np.full(len(rows), np.nan)
    place = np.searchsorted(person * SHIFT + day, who * SHIFT + window_begins(rows), "right")
    safe = np.minimum(place, len(day) - 1)
    found = (place < len(day)) & (person[safe] == who) & (day[safe] <= last_day(rows))
    return np.where(found, day[safe], np.nan)


def part_after(first: NDArray[np.float64], rows: pd.DataFrame) -> NDArray[np.float64]:
    """The part of each outcome window after the day `first`: 0 where that is NaN or the last day,
    1 where it is not after as_of."""
    as_of, until = _days(rows, "as_of"), _days(rows, "outcome_until")
    left = until - np.maximum(first, as_of)
    return np.where(np.isnan(first), 0.0, left / np.maximum(until - as_of, 1))


def window_begins(rows: pd.DataFrame) -> NDArray[np.int64]:
    """The day after which a contact counts: of discharge where there is one, else as_of."""
    return _days(rows, "discharged_on" if "discharged_on" in rows else "as_of")


def last_day(rows: pd.DataFrame) -> NDArray[np.int64]:
    """The last day on which a contact counts: the end of the window, of a case the day before."""
    until = _days(rows, "outcome_until")
    told = {"days_to_next": "discharged_on", "days_to": "as_of"}
    for name, begin in told.items():
        if name in rows and begin in rows:
            days = rows[name].to_numpy(dtype=np.float64)
            case = (rows["outcome"].to_numpy(dtype=np.float64) == 1) & np.isfinite(days)
            decided = _days(rows, begin) + np.nan_to_num(days).astype(np.int64)
            return np.where(case, decided - 1, until)
    return until


def in_programme(source: Source, rows: pd.DataFrame, through: int) -> NDArray[np.bool_]:
    """Whether each row's person had enrolled in a programme by as_of, and not left it since."""
    enrolled = _last_by_as_of(source, rows, through, "enrolled")
    closed = _last_by_as_of(source, rows, through, "closed")
    return np.isfinite(enrolled) & ~(closed >= enrolled)


def _last_by_as_of(
    source: Source, rows: pd.DataFrame, through: int, step: str
) -> NDArray[np.float64]:
    person, day, who = _steps(source, rows, through, (step,))
    if len(day) == 0:
        return np.full(len(rows), np.nan)
    key = who * SHIFT + _days(rows, "as_of")
    place = np.searchsorted(person * SHIFT + day, key, "right") - 1
    safe = np.maximum(place, 0)
    return np.where((place >= 0) & (person[safe] == who), day[safe], np.nan)


def _steps(
    source: Source, rows: pd.DataFrame, through: int, steps: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """(person, day) of each of these steps with somebody in `rows`, sorted, and who each row is."""
    who, people = pd.factorize(rows["patient_id"].astype(str).to_numpy(dtype=object))
    asked = pc.field("step").isin(list(steps))
    taken = final_facts(source, ["happened_on", "step"], through, asked)
    person = pd.Index(people).get_indexer(pd.Index(taken["patient_id"])).astype(np.int64)
    day = taken["happened_on"].to_numpy(dtype=np.int64)
    person, day = person[person >= 0], day[person >= 0]
    order = np.lexsort((day, person))
    return person[order], day[order], who.astype(np.int64)


def _days(rows: pd.DataFrame, name: str) -> NDArray[np.int64]:
    return rows[name].to_numpy(dtype=np.int64)
