"""A population before any model, as tables to draw: who is covered, when facts became known, who
bears the cost, whom the rules leave, and which months learn and test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from data.errors import RefusalError
from data.tables import COVERAGE, TABLES
from training.cohorts.cohort import day_of, run_out_of
from training.cohorts.enrolment import Enrolment
from training.cohorts.facts import BATCH, Source, final_facts
from training.cohorts.groups import PAYER, groupings_of
from training.cohorts.member_dates import member_dates, members_of, month_ends
from training.cohorts.spending import Spending
from training.cohorts.split import LEARNING, Split

NOT_TOLD = "not told"
EVERYBODY = "all members"
MOST_MONTHS = 60
"""Months of coverage that are told, the last ones."""
FEWEST = 20
"""Rows of a month under which no base rate is told: its interval would be all that one sees."""
LAGS = {"tenth": 0.1, "half": 0.5, "nine_of_ten": 0.9, "nearly_all": 0.99}
"""Columns of `reporting_lag`: the share of the facts that is known by then."""
YEAR = 365
_AGE_STEP, _OLDEST = 10, 90
_SHARES = np.r_[0.001, 0.005, np.arange(0.01, 1.001, 0.01)].round(3)


def people_covered(tables: Mapping[str, Source], through: int) -> pd.DataFrame:
    """One row a person covered and alive on day `through`: ``patient_id``, ``age`` (years
    completed, −1 where no birth is known), ``sex`` and ``payer`` (NOT_TOLD where they are not)."""
    persons, enrolment = members_of(tables, through)
    day = np.array([through])
    asked = member_dates(day, day, persons, enrolment, 1)
    asked = asked[asked["alive"]].reset_index(drop=True)
    told = final_facts(tables["member"], ["sex", "known_on"], through)
    told = told.sort_values(["patient_id", "known_on", "record_id"])
    sex = told.drop_duplicates("patient_id", keep="last").set_index("patient_id")["sex"]
    nobody = np.full(len(asked), np.nan)
    groupings = groupings_of(asked, nobody, nobody, tables, through)
    payer = next(grouping.of for grouping in groupings if grouping.name == PAYER)
    return pd.DataFrame({
        "patient_id": asked["patient_id"], "age": asked["age"],
        "sex": sex.reindex(asked["patient_id"]).fillna(NOT_TOLD).to_numpy(dtype=object),
        "payer": np.where(payer == "", NOT_TOLD, payer).astype(object),
    })  # fmt: skip


def age_and_sex(people: pd.DataFrame) -> pd.DataFrame:
    """How many of `people_covered` are of each age (one row ten years, ascending) and sex (one
    column)."""
    begins = np.minimum(people["age"] // _AGE_STEP * _AGE_STEP, _OLDEST).clip(lower=-1)
    counts = pd.crosstab(begins.to_numpy(), people["sex"].to_numpy())
    counts.index = pd.Index([_ages(int(begin)) for begin in counts.index], name="age")
    return counts.rename_axis(columns="sex")


def _ages(begin: int) -> str:
    if begin < 0:
        return NOT_TOLD
    return f"{begin} and over" if begin == _OLDEST else f"{begin}–{begin + _AGE_STEP - 1}"


def covered_by_month(tables: Mapping[str, Source], through: int) -> pd.DataFrame:
    """Members covered and alive at each of the last MOST_MONTHS month ends up to day `through`: one
    row a month end (days since 1970), one column EVERYBODY and one a payer; whom two payers cover
    is in both."""
    persons, enrolment = members_of(tables, through)
    death = persons["death_on"].to_numpy(dtype=np.float64)
    spans = final_facts(tables["coverage"], ["start_on", "end_on", "payer"], through)
    payer = spans["payer"].fillna(NOT_TOLD).to_numpy(dtype=object)
    of = {EVERYBODY: enrolment} | {
        name: Enrolment.of_spans(spans[payer == name], pd.Index(persons.index))
        for name in (*COVERAGE.column("payer").choices, NOT_TOLD) if (payer == name).any()
    }  # fmt: skip
    first = through if spans.empty else int(spans["start_on"].min())
    ends = month_ends(min(first, through), through, 1)[-MOST_MONTHS:]
    everyone = np.arange(len(persons))
    made = {
        name: [int((spells.covered(everyone, end, end) & ~(death <= end)).sum()) for end in ends]
        for name, spells in of.items()
    }
    return pd.DataFrame(made, index=pd.Index(ends, name="month_end"))


def reporting_lag(tables: Mapping[str, Source], manifest: Mapping[str, Any]) -> pd.DataFrame:
    """How many days after it happened a fact was first known: one row a table that has facts.

    ``table``, ``facts``, and the days by which a share of them was known: ``tenth``, ``half``,
    ``nine_of_ten`` and ``nearly_all`` (99 of 100); what was known ahead has 0. Only facts that
    happened before the run-out count, since later ones may still be on their way. Members are left
    out: nobody waits for a birth to be told.
    """
    until = day_of(manifest["data_through"]) - run_out_of(manifest, None)
    made = []
    for name, declared in TABLES.items():
        if name == "member":
            continue
        known = np.cumsum(_first_lags(tables[name], declared.happened, until))
        if known[-1]:
            days = np.searchsorted(known, np.array(list(LAGS.values())) * known[-1] - 1e-6)
            made.append((name.replace("_", " "), int(known[-1]), *(int(day) for day in days)))
    return pd.DataFrame(made, columns=["table", "facts", *LAGS])


def _first_lags(source: Source, happened: str, until: int) -> NDArray[np.int64]:
    """How many facts that happened by day `until` were first known so many days later."""
    counts, before = np.zeros(1, dtype=np.int64), None
    for batch in _versions(source, ["record_id", "known_on", happened]):
        record = batch["record_id"].combine_chunks()
        first = np.ones(len(record), dtype=bool)
        first[1:] = pc.call_function("not_equal", [record[1:], record[:-1]]).to_numpy(
            zero_copy_only=False
        )
        first[0] = record[0].as_py() != before
        before = record[-1].as_py()
        known, day = (
            batch[name].cast(pa.int32()).to_numpy().astype(np.int64)
            for name in ("known_on", happened)
        )
        kept = first & (day <= until)
        found = np.bincount(np.maximum(known - day, 0)[kept], minlength=len(counts))
        found[: len(counts)] += counts
        counts = found
    return counts


def _versions(source: Source, columns: list[str]) -> Iterator[pa.Table]:
    """Batches of a canonical table, none empty, each fact's first version before its others."""
    if not isinstance(source, Path):
        order = [(name, "ascending") for name in ("patient_id", "record_id", "known_on")]
        if source.num_rows:
            yield source.sort_by(order).select(columns)
        return
    with pq.ParquetFile(source) as file:
        for batch in file.iter_batches(batch_size=BATCH, columns=columns):
            if len(batch):
                yield pa.Table.from_batches([batch])


def cost_concentration(tables: Mapping[str, Source], manifest: Mapping[str, Any]) -> pd.DataFrame:
    """Which share of a year's cost the costliest people bear: one row a share of people, ascending.

    ``share_of_people``, ``people`` (rounded up), ``share_of_cost``, ``least_dollars`` (what the
    last of them cost). Everybody counts who was covered on a day of the last year whose claims are
    complete (`first_day` to `last_day`, days since 1970); of a source with totals of years alone
    it is the last calendar year. Raises RefusalError where these people cost nothing.
    """
    through = day_of(manifest["data_through"])
    last = through - run_out_of(manifest, None)
    if manifest["cost_covers"] == "year":
        year = (np.datetime64(through, "D") + 1).astype("datetime64[Y]")
        last = int(year.astype("datetime64[D]").astype(np.int64)) - 1
    persons, enrolment = members_of(tables, through)
    patients = pd.Index(persons.index)
    spending = Spending.read(tables["cost"], through, manifest["cost_covers"], patients)
    everyone = np.arange(len(persons))
    there = np.flatnonzero(enrolment.touches(everyone, last - YEAR + 1, last))
    cents = spending.between(there, np.full(len(there), last - YEAR), np.full(len(there), last))
    if cents.sum() <= 0:
        raise RefusalError(
            f"Nobody cost anything in the year to {np.datetime64(last, 'D')}: take in costs first."
        )
    highest = np.sort(cents)[::-1]
    count = np.ceil(_SHARES * len(highest) - 1e-9).astype(np.int64)
    return pd.DataFrame({
        "share_of_people": _SHARES, "people": count,
        "share_of_cost": np.cumsum(highest)[count - 1] / highest.sum(),
        "least_dollars": highest[count - 1] / 100,
        "first_day": last - YEAR + 1, "last_day": last,
    })  # fmt: skip


def attrition_left(attrition: pd.DataFrame) -> pd.DataFrame:
    """One row a rule of a `training.cohorts.attrition` table, in its order: ``rule, evaluable,
    removed, left, share_left`` (of the first line's rows) and ``cases`` (of those left; empty where
    they are not told)."""
    first = max(int(attrition["rows_left"].iloc[0]), 1)
    return pd.DataFrame({
        "rule": attrition["rule"], "evaluable": attrition["evaluable"].astype(bool),
        "removed": attrition["rows_removed"], "left": attrition["rows_left"],
        "share_left": attrition["rows_left"] / first, "cases": attrition["outcomes_left"],
    })  # fmt: skip


def rows_by_month(rows: pd.DataFrame, split: Split) -> pd.DataFrame:
    """One row a calendar month of ``as_of``: how many rows are ``learned`` from, ``calibrated`` on,
    ``tested`` on and set ``aside``, ``rows`` and ``cases`` of all of them, and ``rate`` with
    Wilson's 95 % interval, ``low`` and ``high``, NaN where there are fewer than FEWEST rows."""
    from scipy.stats import binomtest

    month = rows["as_of"].to_numpy(dtype=np.int64).astype("datetime64[D]").astype("datetime64[M]")
    role = {
        "learned": np.isin(split.role, LEARNING), "calibrated": split.role == "calibration",
        "tested": split.role == "test", "aside": split.role == "aside",
    }  # fmt: skip
    made = pd.DataFrame({**role, "rows": 1, "cases": rows["outcome"].to_numpy() == 1})
    made = made.astype(np.int64).groupby(month.astype(str)).sum().rename_axis("month").reset_index()
    bounds = [
        binomtest(int(cases), int(many)).proportion_ci(method="wilson")
        for cases, many in zip(made["cases"], made["rows"], strict=True)
    ]
    rate = {
        "rate": made["cases"] / made["rows"],
        "low": [b.low for b in bounds], "high": [b.high for b in bounds],
    }  # fmt: skip
    return made.assign(**pd.DataFrame(rate).where(made["rows"] >= FEWEST))
