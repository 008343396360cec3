"""Whom the list reaches, by group, and beside it need: whether the ill are on it as often.

Cost is not need: who gets to a doctor less costs less, and a score of cost may put him lower than
others as ill. So each group is told with how many of it have many illnesses (NEED), and how many of
these are on the list. Illness is counted from claims here, and inherits unequal access itself.

Race and ethnicity serve this audit and nothing else; they are no feature of any model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from data.duckdb_connection import connect
from data.small_cells import SMALLEST_SHOWN, Counts
from data.tables import COVERAGE
from features.window import completed_years, days_of, to_day
from serving.eligibility import may_be_called
from serving.known_scores import OF_ILLNESSES, Asked
from serving.population import LAST_VERSION, view_of
from serving.reached_alike import Ratio, ratios

MANY_ILLNESSES = 3
"""Points of Charlson's index (Quan's weights of 2011) from which on somebody counts as ill: more
than heart failure, dementia or a cancer without metastasis gives alone."""
NEED = f"a Charlson index of {MANY_ILLNESSES} or more"
CAVEAT = (
    "illness is counted from claims, and inherits unequal access to care: who does not get to a "
    "doctor has no diagnosis"
)
NOT_KNOWN, OTHERS = "not known", "all others"
MOST_GROUPS = 8
"""Of more groups the largest are told, and the others together."""
_AGES = {0: "under 65", 65: "65 to 74", 75: "75 to 84", 85: "85 and over"}
_SEXES = {"female": "women", "male": "men", "other": "other"}
_ORDER: Mapping[str, Sequence[str]] = {
    "age": tuple(_AGES.values()),
    "sex": tuple(_SEXES.values()),
    "payer": COVERAGE.column("payer").choices,
}
ATTRIBUTES = ("age", "sex", "race or ethnicity", "payer", "region")
COUNTED = (
    "people", "listed", "with_need", "with_need_listed", "readmission_high", "high_cost_high",
)  # fmt: skip
_WITHIN = {
    "listed": ("people",), "with_need": ("people",), "with_need_listed": ("listed", "with_need"),
    "readmission_high": ("people",), "high_cost_high": ("people",),
}  # fmt: skip
"""Of which counts each is a part: where one of these is not told, neither is the part, nor where it
leaves too few of one."""

_NOW = f"SELECT * FROM {{table}} WHERE known_on <= $as_of {LAST_VERSION}"
_CELLS = f"""
WITH person AS (
    SELECT patient_id,
           max_by(sex, (known_on, source_row)) FILTER (sex IS NOT NULL) AS sex,
           max_by(trim(race), (known_on, source_row)) FILTER (trim(race) <> '') AS race,
           max_by(trim(region), (known_on, source_row)) FILTER (trim(region) <> '') AS region
    FROM ({_NOW.format(table="member")}) SEMI JOIN may USING (patient_id) GROUP BY patient_id
),
cover AS (
    SELECT patient_id, max_by(payer, (start_on, record_id)) AS payer
    FROM ({_NOW.format(table="coverage")}) SEMI JOIN may USING (patient_id)
    WHERE payer IS NOT NULL AND start_on <= $as_of AND (end_on IS NULL OR end_on >= $as_of)
    GROUP BY patient_id
)
SELECT age, sex, race AS "race or ethnicity", payer, region,
       count(*)::BIGINT AS people,
       {", ".join(f"sum({name}::INTEGER)::BIGINT AS {name}" for name in COUNTED[1:])}
FROM may LEFT JOIN person USING (patient_id) LEFT JOIN cover USING (patient_id)
GROUP BY ALL
"""


def list_equity(
    scores: pd.DataFrame,
    listed: pd.Series,
    birth_on: np.ndarray,
    charlson: np.ndarray | None,
    tables: Mapping[str, pa.Table | Path],
    as_of: date,
    counts: Counts,
) -> dict[str, Any]:
    """`need` in words (None where illness is not known), `caveat`, and `rows` ready to show, one a
    group of each of ATTRIBUTES.

    `scores` has one row a person: patient_id, left_out as the night publishes it, and both tiers;
    `listed` holds the ids of those on the list; `birth_on` (datetime64, NaT: not known) and
    `charlson` (float64, NaN: not known; None: of nobody) have one place a row. Sex, race, region
    and payer are those last known on the day in `tables`.

    A row has `attribute`, `group` and COUNTED: people who may be called; those on the list; those
    with need, and of these on the list; and those in the high tier of each risk. A count is None
    where it is not known, or where `counts` does not tell so few. `ratio` is the share of those
    with need who are on the list over that of everybody else with need, with its 99 % interval
    (`ratio_low`, `ratio_high`), from the counts as they are told (`serving.reached_alike`); None
    where need is not known, or where `why_no_ratio` says why: one of the two has too few
    with need, a count is not told, or nobody else is on the list.
    """
    cells = _cells(scores, listed, birth_on, charlson, tables, as_of)
    rows: list[dict[str, Any]] = []
    for name in ATTRIBUTES:
        groups = _groups(cells, name, counts.guarded)
        told = _told(groups, counts, charlson is not None)
        compared = [Ratio()] * len(groups)
        if charlson is not None:
            both = ("with_need", "with_need_listed")
            need, reached = (int(groups[column].sum()) for column in both)
            compared = ratios(told[both[0]], told[both[1]], need, reached, counts)
        rows += [
            {"attribute": name, "group": str(group)}
            | {column: told[column][place] for column in COUNTED}
            | {"ratio": one.ratio, "ratio_low": one.low, "ratio_high": one.high}
            | {"why_no_ratio": one.why_none}
            for place, (group, one) in enumerate(zip(groups.index, compared, strict=True))
            if told["people"][place] != 0
        ]
    need = None if charlson is None else NEED
    return {"need": need, "caveat": CAVEAT, "rows": rows}


def charlson_of(known: Sequence[Asked], people: int) -> np.ndarray | None:
    """Charlson's index of each of so many people (float64, NaN: not known, of one that is known in
    part the least that it can be), as a night asked it; None where it is known of nobody."""
    told = np.full(people, np.nan)
    for one in known:
        if one.name in OF_ILLNESSES:
            told[one.rows] = one.low
    return None if np.isnan(told).all() else told


def _cells(
    scores: pd.DataFrame,
    listed: pd.Series,
    birth_on: np.ndarray,
    charlson: np.ndarray | None,
    tables: Mapping[str, pa.Table | Path],
    as_of: date,
) -> pd.DataFrame:
    """One row a combination of groups (missing: not known) that somebody who may be called is of,
    with COUNTED."""
    may = may_be_called(scores["left_out"]).to_numpy()
    some = scores[may]
    on_list = some["patient_id"].isin(listed).to_numpy()
    need = np.zeros(len(some), bool) if charlson is None else charlson[may] >= MANY_ILLNESSES
    asked = pa.table(
        {
            "patient_id": pa.array(some["patient_id"], pa.string()),
            "age": pa.array(_age_bands(birth_on[may], as_of), pa.string()),
            "listed": on_list,
            "with_need": need,
            "with_need_listed": need & on_list,
            "readmission_high": some["readmission_tier"].eq("high").to_numpy(dtype=bool),
            "high_cost_high": some["high_cost_tier"].eq("high").to_numpy(dtype=bool),
        }
    )
    connection = connect()
    try:
        connection.register("may", asked)
        for table in ("member", "coverage"):
            view_of(connection, table, tables[table])
        cells = connection.sql(_CELLS, params={"as_of": as_of}).to_arrow_table().to_pandas()
    finally:
        connection.close()
    cells["sex"] = cells["sex"].map(_SEXES)
    return cells


def _age_bands(birth_on: np.ndarray, as_of: date) -> np.ndarray:
    """In words (objects), None where not known."""
    known = ~np.isnat(birth_on)
    years = np.full(len(birth_on), -1)
    born = days_of(birth_on[known])
    years[known] = completed_years(born, np.full(len(born), to_day(as_of), np.int32))
    made = np.full(len(birth_on), None, dtype=object)
    for begins, words in _AGES.items():
        made[years >= begins] = words
    return made


def _groups(cells: pd.DataFrame, name: str, guarded: bool) -> pd.DataFrame:
    """The counts of each group in the order in which they are told, who is of none among them."""
    known = cells[cells[name].notna()].groupby(name)[list(COUNTED)].sum()
    largest = known.sort_values("people", ascending=False, kind="stable").index
    kept = set(largest[: MOST_GROUPS if len(largest) <= MOST_GROUPS else MOST_GROUPS - 1])
    few = kept & set(known.index[known["people"] < SMALLEST_SHOWN] if guarded else ())
    if len(few) > 1:
        kept -= few
    others = known.drop(index=list(kept)).sum()
    order = _ORDER.get(name, ())
    places = {group: (order.index(group) if group in order else len(order)) for group in kept}
    told = {group: known.loc[group] for group in sorted(kept, key=lambda g: (places[g], g))}
    if others["people"]:
        told[OTHERS] = others
    told[NOT_KNOWN] = cells.loc[cells[name].isna(), list(COUNTED)].sum()
    return pd.DataFrame.from_dict(told, orient="index", columns=list(COUNTED)).astype(np.int64)


def _told(groups: pd.DataFrame, counts: Counts, need_is_known: bool) -> dict[str, list[int | None]]:
    told: dict[str, list[int | None]] = {}
    for column in COUNTED:
        if not need_is_known and column.startswith("with_need"):
            told[column] = [None] * len(groups)
            continue
        within = _WITHIN.get(column, ())
        kept = [any(told[name][place] is None for name in within) for place in range(len(groups))]
        wholes = [groups[name].tolist() for name in within]
        told[column] = counts.parts(groups[column].tolist(), *wholes, kept=kept)
    return told
