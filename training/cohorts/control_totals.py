"""Control totals: every cent of the source is in the label or stands beside it with a reason.

The source's totals are summed by DuckDB over the canonical table itself, in a way that shares no
code with `training.cohorts.spending`; a label that does not tie to them is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.errors import RefusalError
from training.cohorts.enrolment import SHIFT
from training.cohorts.facts import Source
from training.cohorts.spending import Covers, Spending, amounts_of, cents_in, days_in
from training.cohorts.table_query import query

LEFT_OUT = ("no_member_cents", "nobody_asked_cents", "outside_windows_cents")
"""Why an amount is in no label: its person has no member row; no row of the cohort is about the
person; it lies in none of the outcome windows of the person's rows."""

_TOTALS = """
WITH ordered AS (
    SELECT year(happened_on) AS year, kind, covers, allowed_cents, paid_cents, reversed,
           row_number() OVER (PARTITION BY record_id ORDER BY known_on DESC) AS back,
           count(*) OVER (PARTITION BY record_id) AS versions
    FROM rows WHERE known_on <= DATE '1970-01-01' + CAST({through} AS INTEGER)
)
SELECT year, kind, covers,
       count(*) FILTER (NOT reversed) AS facts,
       count(*) FILTER (reversed) AS withdrawn,
       count(*) FILTER (NOT reversed AND versions > 1) AS adjusted,
       count(*) FILTER (NOT reversed AND allowed_cents < 0) AS negative,
       count(*) FILTER (NOT reversed AND allowed_cents = 0) AS zero_allowed,
       count(*) FILTER (NOT reversed AND allowed_cents > 0 AND paid_cents = 0) AS unpaid,
       count(*) FILTER (NOT reversed AND paid_cents IS NOT NULL) AS paid_known,
       count(*) FILTER (NOT reversed AND paid_cents = allowed_cents) AS paid_alike,
       CAST(coalesce(sum(allowed_cents) FILTER (NOT reversed AND allowed_cents < 0), 0) AS BIGINT)
           AS negative_cents,
       CAST(coalesce(sum(allowed_cents) FILTER (NOT reversed), 0) AS BIGINT) AS allowed_cents
FROM ordered WHERE back = 1
GROUP BY ALL ORDER BY year, kind, covers
"""


def source_totals(cost: Source, through: int) -> pd.DataFrame:
    """One row a calendar year, kind of service and coverage ("claim" or "year") of the final
    amounts known by day `through`.

    ``facts`` count, ``withdrawn`` ones do not; ``adjusted`` have several versions, of which the
    last counts; ``negative`` (with ``negative_cents``) add up as they are; ``zero_allowed`` are
    0 and known to be 0; ``unpaid`` have an allowed amount of which the payer paid nothing, and
    count with the allowed amount; ``paid_alike`` have a paid amount equal to the allowed one.
    """
    return query(cost, _TOTALS.format(through=int(through)))


def control_totals(
    cost: Source,
    through: int,
    covers: Covers,
    patients: pd.Index,
    spending: Spending,
    rows: pd.DataFrame,
    totals: pd.DataFrame,
) -> pd.DataFrame:
    """`totals` (of `source_totals`) with where each cent went: one row a year, kind and coverage.

    ``rows`` are the cohort's (person, as_of, outcome_until, untruncated_cents). Of allowed_cents,
    ``label_cents`` lie in the outcome window of at least one row, each of LEFT_OUT says why
    others do not, and ``other_coverage_cents`` are totals of years beside claims, or claims
    beside totals of years, which would count the same care twice.
    Raises RefusalError where the parts do not add up to the source's total, or the rows' amounts
    not to the label's: somewhere an amount was lost or counted twice.
    """
    windows = _Windows(rows)
    parts: dict[tuple[int, str], NDArray[np.int64]] = {}
    in_rows = 0
    for person, batch in amounts_of(cost, through, covers, patients, ["kind"]):
        days, cents = days_in(batch), cents_in(batch)
        inside = windows.around(person, days)
        reason = np.select([person < 0, ~windows.asked(person), inside == 0], [0, 1, 2], 3)
        in_rows += int((cents * inside).sum())
        year = days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
        kind = batch["kind"].combine_chunks().dictionary_encode()
        kinds = kind.dictionary.to_pylist()
        keys, place = np.unique(
            year * len(kinds) + kind.indices.to_numpy(), return_inverse=True
        )  # fmt: skip
        sums = np.zeros((len(keys), 4), np.int64)
        np.add.at(sums, (place, reason), cents)
        for of, values in zip(keys.tolist(), sums, strict=True):
            key = (of // len(kinds), kinds[of % len(kinds)])
            parts[key] = parts.get(key, np.zeros(4, np.int64)) + values
    made = totals.copy()
    used = made["covers"] == covers
    keys = list(zip(made["year"], made["kind"], strict=True))
    split = np.array([parts.pop(k, np.zeros(4, np.int64)) if u else np.zeros(4, np.int64)
                      for k, u in zip(keys, used, strict=True)]).reshape(-1, 4)  # fmt: skip
    for column, name in enumerate((*LEFT_OUT, "label_cents")):
        made[name] = split[:, column]
    made["other_coverage_cents"] = made["allowed_cents"].where(~used, 0)
    _refuse_what_does_not_tie(made, parts, spending, rows, in_rows)
    return made


def _refuse_what_does_not_tie(
    made: pd.DataFrame,
    strange: Mapping[Any, Any],
    spending: Spending,
    rows: pd.DataFrame,
    in_rows: int,
) -> None:
    explained = made[[*LEFT_OUT, "label_cents", "other_coverage_cents"]].sum(axis=1)
    off = made.loc[explained != made["allowed_cents"], ["year", "kind"]]
    if len(off) or any(values.any() for values in strange.values()):
        where = "{} of {}".format(*(off.iloc[0][["kind", "year"]] if len(off) else
                                    reversed(next(iter(strange)))))  # fmt: skip
        raise RefusalError(
            f"The amounts that the label saw and those left out do not add up to the source's "
            f"total, first for {where}: the cost table is damaged or not sorted; take the files "
            "in anew."
        )
    of_members = int(made[["nobody_asked_cents", "outside_windows_cents", "label_cents"]]
                     .to_numpy().sum())  # fmt: skip
    summed = int(rows["untruncated_cents"].sum())
    if of_members != int(spending.running[-1]) or in_rows != summed:
        raise RefusalError(
            "The rows of the high-cost cohort do not hold the amounts of their outcome windows: "
            f"{summed} cents in rows and {in_rows} by window; take the files in anew."
        )


def amount_words(totals: pd.DataFrame, covers: Covers) -> str:
    """What kind of amount the source carries, in the words of a label's name.

    "Allowed medical and pharmacy cost" where both are carried, else "Allowed medical cost" or
    "Allowed pharmacy cost"; "Paid …" where every amount comes with a paid one that equals it: such
    a source has put what was paid into both columns.
    """
    used = totals[(totals["covers"] == covers) & (totals["facts"] > 0)]
    kinds = set(used["kind"])
    parts = [name for name, there in (("medical", kinds - {"pharmacy"}),
                                      ("pharmacy", kinds & {"pharmacy"})) if there]  # fmt: skip
    facts, alike = int(used["facts"].sum()), int(used["paid_alike"].sum())
    return f"{'Paid' if facts and alike == facts else 'Allowed'} {' and '.join(parts)} cost"


def kinds_carried(totals: pd.DataFrame, covers: Covers) -> list[str]:
    """The kinds of service of which the source carries amounts, in alphabetical order."""
    return sorted(set(totals.loc[(totals["covers"] == covers) & (totals["facts"] > 0), "kind"]))


class _Windows:
    """The outcome windows (as_of, outcome_until] of a cohort's rows."""

    def __init__(self, rows: pd.DataFrame) -> None:
        person = rows["person"].to_numpy(dtype=np.int64)
        self.people = np.unique(person)
        self.begin = np.sort(person * SHIFT + rows["as_of"].to_numpy(dtype=np.int64))
        self.end = np.sort(person * SHIFT + rows["outcome_until"].to_numpy(dtype=np.int64))

    def asked(self, person: NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.isin(person, self.people)

    def around(self, person: NDArray[np.int64], day: NDArray[np.int64]) -> NDArray[np.int64]:
        """In how many of the person's windows each day lies."""
        at = person * SHIFT + day
        begun = np.searchsorted(self.begin, at, "left")
        return begun - np.searchsorted(self.end, at, "left")
