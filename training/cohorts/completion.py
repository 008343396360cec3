"""Completion factors: how much of what care finally costs is known at each claim age.

A development triangle of service months, by the chain ladder: what stood for a service month after
k months of claim age, over all months that have been watched as long, makes the factor from k to
k + 1; the factors from k on multiply to the share that is known at age k. All versions count, so
that adjustments and reversals are part of it.

Claim age runs from the day of service, in months of 30 days, because the run-out is counted from
days of service too: at a run-out of 120 days the youngest day of an outcome window has age 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.errors import RefusalError
from training.cohorts.facts import Source
from training.cohorts.table_query import query
from training.settings.tasks import HighCostTask

MONTH = 30
"""Days of a month of claim age."""
OLDEST = 24
"""Months of claim age after which an amount is taken to be final (tail factor 1), or after as many
as the oldest service month was watched for."""
LEAST_CLAIMS = 1000
LEAST_MONTHS = 6
"""A kind of service with fewer amounts, or watched for fewer service months, is judged with all
others; of fewer amounts than that in all, nothing is told."""
EVERY = "all kinds"
COLUMNS = ("kind", "age_months", "service_months", "known_cents", "next_cents", "factor",
           "completion")  # fmt: skip

_STEPS = """
WITH told AS (
    SELECT kind, happened_on, known_on, record_id,
           CASE WHEN reversed THEN 0 ELSE allowed_cents END AS cents
    FROM rows
    WHERE covers = 'claim' AND known_on <= DATE '1970-01-01' + CAST({through} AS INTEGER)
), steps AS (
    SELECT kind, happened_on, record_id, known_on,
           cents - coalesce(lag(cents) OVER (PARTITION BY record_id ORDER BY known_on), 0) AS cents,
           lag(cents) OVER (PARTITION BY record_id ORDER BY known_on) IS NULL AS first
    FROM told
)
SELECT kind, CAST(date_diff('month', DATE '1970-01-01', happened_on) AS INTEGER) AS month,
       CAST(least(ceil(greatest(known_on - happened_on, 0) / {month}), {oldest}) AS INTEGER) AS age,
       CAST(sum(cents) AS BIGINT) AS cents, CAST(sum(CAST(first AS INTEGER)) AS BIGINT) AS claims
FROM steps GROUP BY ALL ORDER BY kind, month, age
"""
_CLOCKS = """
SELECT min(known_on) AS first_known, min(known_on - happened_on) AS least,
       max(known_on - happened_on) AS most
FROM rows WHERE covers = 'claim'
"""


@dataclass(frozen=True)
class Completion:
    """``table``: one row a kind of service (and EVERY for all together) and claim age in months of
    30 days, columns COLUMNS; ``completion`` is the share of the final amount known at that age.

    ``why_not``: in words, why nothing can be told; "" where it can.
    """

    table: pd.DataFrame
    why_not: str = ""

    def at(self, days: int, kind: str = EVERY) -> float:
        """The share of the final amount known at a claim age in days, by its whole months (no
        more than is known); NaN where it cannot be told."""
        own = self.table[self.table["kind"] == kind]
        age = min(days // MONTH, OLDEST)
        if age == OLDEST and (own["age_months"] == OLDEST - 1).any():
            return 1.0
        found = own.loc[own["age_months"] == age, "completion"]
        return float(found.iloc[0]) if len(found) else float("nan")


def completion_of(
    cost: Source, manifest: Mapping[str, Any], through: int, covers: str
) -> Completion:
    """The development of a canonical cost table, as it was watched until day `through`.

    Not evaluable where amounts are totals of years, where the day on which an amount became known
    was declared (`delays`) and not seen, or where all are known after one and the same delay.
    """
    if covers == "year":
        return _untold("the source carries totals of years")
    if "cost" in manifest.get("delays", {}) or "claim" in manifest.get("delays", {}):
        return _untold("the day on which a claim was known is declared for this source, not seen")
    first, least, most = query(cost, _CLOCKS).iloc[0]
    if pd.isna(first):
        return _untold("the source carries no claims with amounts")
    if least == most:
        return _untold("every amount became known after the same delay")
    steps = query(cost, _STEPS.format(through=int(through), month=MONTH, oldest=OLDEST))
    watched = int(np.datetime64(first, "M").astype(np.int64))
    # what was served before the first amount became known was not watched while it was young
    steps = steps[steps["month"] >= watched + (np.datetime64(first, "D") > _first_day(watched))]
    return _developed(steps, through)


def _first_day(month: int) -> np.datetime64:
    return np.datetime64(month, "M").astype("datetime64[D]")


def _untold(why: str) -> Completion:
    return Completion(pd.DataFrame({name: [] for name in COLUMNS}), why)


def _developed(steps: pd.DataFrame, through: int) -> Completion:
    if steps.empty:
        return _untold("no service month was watched from its beginning")
    if steps["claims"].sum() < LEAST_CLAIMS:
        return _untold(f"{LEAST_CLAIMS:,} amounts are needed to tell")
    parts = [_ladder(EVERY, steps, through)]
    for kind, own in steps.groupby("kind", sort=True):
        if own["claims"].sum() >= LEAST_CLAIMS and own["month"].nunique() >= LEAST_MONTHS:
            parts.append(_ladder(str(kind), own, through))
    table = pd.concat(parts, ignore_index=True)
    if table[table["kind"] == EVERY].empty:
        return _untold("no service month was watched for a month")
    return Completion(table[list(COLUMNS)])


def _ladder(kind: str, steps: pd.DataFrame, through: int) -> pd.DataFrame:
    """The chain ladder of one kind; an age is in it as far as some service month was watched."""
    months = np.arange(int(steps["month"].min()), int(steps["month"].max()) + 1)
    triangle = np.zeros((len(months), OLDEST + 1), np.int64)
    np.add.at(triangle, (steps["month"].to_numpy() - months[0], steps["age"].to_numpy()),
              steps["cents"].to_numpy())  # fmt: skip
    known = np.cumsum(triangle, axis=1)
    last_day = (months + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) - 1
    oldest = np.minimum((through - last_day) // MONTH, OLDEST)
    lines = []
    for age in range(int(max(oldest.max(), 0))):
        seen = oldest > age  # watched until age + 1 at least
        before, after = int(known[seen, age].sum()), int(known[seen, age + 1].sum())
        # of a final amount above 0 nothing is known yet: share 0; else nothing can be told
        unknown = np.inf if before == 0 and after > 0 else np.nan
        factor = after / before if before > 0 else float(unknown)
        lines.append((kind, age, int(seen.sum()), before, after, factor))
    made = pd.DataFrame(lines, columns=list(COLUMNS[:-1]))
    made["completion"] = _completions(made["factor"].to_numpy(dtype=np.float64))
    return made


def _completions(factor: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 over the product of the factors from each age on."""
    return 1 / np.cumprod(factor[::-1])[::-1]


def remark_on_run_out(completion: Completion, run_out: int, task: HighCostTask) -> str:
    """What the completion says of the run-out, in one sentence.

    Raises RefusalError where less than `task.least_complete` of the final amount is known then.
    """
    if completion.why_not:
        return (
            f"whether a run-out of {run_out} days is long enough: not evaluable, "
            f"{completion.why_not}"
        )
    share = completion.at(run_out)
    if np.isnan(share):
        return (
            f"whether a run-out of {run_out} days is long enough: not evaluable, no service month "
            "was watched for as long"
        )
    if share < task.least_complete:
        raise RefusalError(
            f"After a run-out of {run_out} days only {share:.1%} of what claims finally cost is "
            f"known, less than {task.least_complete:.0%}: set run_out_days of the task, or of "
            "source.json, higher."
        )
    told = (
        f"claims are {share:.1%} complete at the age of {run_out} days that the youngest of an "
        f"outcome have (chain ladder on all versions, final after {OLDEST} months)"
    )
    if abs(share - 1) > 1 - task.complete_enough:
        told += f"; WARNING: {task.complete_enough:.0%} is wanted, so the last dates' are too low"
    return told
