"""The need label beside cost: illness and unplanned days in hospital in the year to come.

Cost is not need. But this label is counted from claims as well, and inherits unequal access: who
does not get to a doctor has no diagnosis and no stay. On an invented population
`need_against_truth` shows by how much.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from data.chronic import chronic_condition, is_chronic
from data.codes import diagnosis_concept
from training.cohorts.enrolment import SHIFT
from training.cohorts.facts import Source, final_batches, final_facts
from training.cohorts.outcome import UNPLANNED
from training.cohorts.spending import days_in
from training.cohorts.stays import inpatient_stays
from training.statistics.called import called

NEVER = -(1 << 40)
SYSTEMS = ("ICD9CM", "ICD10CM")
YEAR = 365
_ROWS_AT_ONCE = 100_000
CAVEAT = (
    "the need label (active chronic conditions and unplanned inpatient days of the following year) "
    "is counted from claims, and inherits unequal access to care"
)
CAVEAT_OF_YEAR_BEFORE = (
    f"illness here (active chronic conditions of the {YEAR} days before the question, and no days "
    "in hospital) is counted from claims, and inherits unequal access to care"
)
"""Of rows that `with_chronic_conditions` has counted."""


def add_need(
    asked: pd.DataFrame,
    tables: Mapping[str, Source],
    through: int,
    carries: Collection[str],
    patients: pd.Index,
) -> None:
    """Put the need label into `asked` (person, as_of, outcome_until), as final facts tell it.

    ``chronic_conditions``: how many different chronic conditions (AHRQ's indicator; an illness
    counts once, see `data.chronic`) have a diagnosis coded in (as_of, outcome_until].
    ``unplanned_days``: days in unplanned acute stays within it, by the planned-admission
    algorithm; a stay of one day counts as one, days in two stays once.
    NaN throughout where the source carries no diagnoses, or no encounters.
    """
    asked["chronic_conditions"] = np.nan
    asked["unplanned_days"] = np.nan
    windows = asked[["as_of", "outcome_until"]].drop_duplicates().to_numpy(dtype=np.int64)
    if "diagnosis" in carries:
        person, before, day = _condition_days(tables["diagnosis"], through, patients)
        for as_of, until in windows:
            first = (before <= as_of) & (day > as_of) & (day <= until)
            _put(asked, "chronic_conditions", as_of, until,
                 np.bincount(person[first], minlength=len(patients)))  # fmt: skip
    if "encounter" in carries:
        person, begin, end = _unplanned_spans(tables, through, patients)
        for as_of, until in windows:
            days = np.minimum(end, until) - np.maximum(begin, as_of)
            _put(asked, "unplanned_days", as_of, until,
                 np.bincount(person, np.maximum(days, 0), len(patients)))  # fmt: skip


def with_chronic_conditions(
    rows: pd.DataFrame, tables: Mapping[str, Source], through: int, carries: Collection[str]
) -> pd.DataFrame:
    """The rows (patient_id, as_of) with ``chronic_conditions``: how many different ones have a
    diagnosis coded in the 365 days up to as_of, (as_of - 365, as_of], as final facts tell it.

    For rows whose outcome window is too short to see who is ill. NaN where the source carries no
    diagnoses.
    """
    if "diagnosis" not in carries:
        return rows.assign(chronic_conditions=np.nan)
    patients = pd.Index(np.unique(rows["patient_id"].to_numpy(dtype=object)))
    owner, before, day = _condition_days(tables["diagnosis"], through, patients)
    begins = np.flatnonzero(before == NEVER)  # the first day of each condition of each person
    key = (np.cumsum(before == NEVER) - 1) * SHIFT + day
    first = np.searchsorted(owner[begins], np.arange(len(patients) + 1))
    person = patients.get_indexer(pd.Index(rows["patient_id"]))
    as_of = rows["as_of"].to_numpy(dtype=np.int64)
    active = np.zeros(len(rows))
    for some in np.array_split(np.arange(len(rows)), 1 + len(rows) // _ROWS_AT_ONCE):
        many = first[person[some] + 1] - first[person[some]]
        row = np.repeat(some, many)
        one = np.arange(len(row)) - np.repeat(np.cumsum(many) - many, many)
        end = (first[person[row]] + one) * SHIFT + as_of[row]
        coded = np.searchsorted(key, end, "right") > np.searchsorted(key, end - YEAR, "right")
        active += np.bincount(row, coded, len(rows))
    return rows.assign(chronic_conditions=active)


def _put(asked: pd.DataFrame, column: str, as_of: int, until: int, of_person: NDArray) -> None:
    rows = np.flatnonzero((asked["as_of"] == as_of) & (asked["outcome_until"] == until))
    values = asked[column].to_numpy(dtype=np.float64, copy=True)
    values[rows] = of_person[asked["person"].to_numpy(dtype=np.int64)[rows]]
    asked[column] = values


def _condition_days(
    source: Source, through: int, patients: pd.Index
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """(person, the day of that condition before, the day) of each coded chronic condition."""
    found: list[pd.DataFrame] = []
    wanted = pc.field("code_system").isin(list(SYSTEMS))
    for batch in final_batches(source, ["happened_on", "code_system", "code"], through, wanted):
        person = patients.get_indexer(batch["patient_id"].to_pandas())
        told = pd.DataFrame({"person": person, "day": days_in(batch), "condition": ""})
        system = np.asarray(batch["code_system"].to_pylist(), dtype=object)
        codes = batch["code"].to_numpy(zero_copy_only=False)
        for name in SYSTEMS:
            rows = np.flatnonzero(system == name)
            told.iloc[rows, 2] = _conditions(name, pa.array(codes[rows], pa.string()))
        found.append(told[(told["condition"] != "") & (told["person"] >= 0)])
    if not found:
        nobody = np.empty(0, np.int64)
        return nobody, nobody, nobody
    days = pd.concat(found).drop_duplicates().sort_values(["person", "condition", "day"])
    before = days.groupby(["person", "condition"], sort=False)["day"].shift(1).fillna(NEVER)
    return (days["person"].to_numpy(np.int64), before.to_numpy(np.int64),
            days["day"].to_numpy(np.int64))  # fmt: skip


def _conditions(system: str, codes: pa.Array) -> NDArray:
    """The chronic condition of each code, "" where it names none."""
    encoded = codes.dictionary_encode()
    listed = encoded.dictionary.to_pylist()
    category = np.asarray(diagnosis_concept(system, listed))
    chronic = np.asarray(is_chronic(system, listed))
    names = [chronic_condition(int(c)) if yes and c > 0 else ""
             for c, yes in zip(category, chronic, strict=True)]  # fmt: skip
    return np.array([*names, ""], dtype=object)[encoded.indices.to_numpy()]


def _unplanned_spans(
    tables: Mapping[str, Source], through: int, patients: pd.Index
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """(person, begin, end) of unplanned acute stays: their days are (begin, end], none twice."""
    stays = inpatient_stays(tables, through, all_payers=True)
    unplanned = (stays["kind"] == "acute_inpatient") & (stays["planned_rule"] == UNPLANNED)
    stays = stays[unplanned.to_numpy(dtype=bool)]
    person = patients.get_indexer(pd.Index(stays["patient_id"])).astype(np.int64)
    admitted = stays["admitted_on"].to_numpy(dtype=np.int64)
    left = stays["discharged_on"].fillna(through).to_numpy(dtype=np.int64)
    left = np.maximum(left, admitted + 1)
    order = np.lexsort((left, admitted, person))
    order = order[person[order] >= 0]
    person, admitted, left = person[order], admitted[order], left[order]
    apart = person * SHIFT  # so that one running maximum serves all
    latest = np.maximum.accumulate(apart + left) if len(left) else left
    begin = admitted.copy()
    begin[1:] = np.maximum(admitted[1:], latest[:-1] - apart[1:])
    return person, begin, np.maximum(left, begin)


def true_conditions(truth: Path | None, rows: pd.DataFrame) -> NDArray[np.float64] | None:
    """How many true chronic conditions the person of each row (patient_id, outcome_until) has by
    the end of the outcome window, coded or not.

    None where the truth is not known (see `training.evaluation.scored_rows.known_truth`), or holds
    no conditions.
    """
    if truth is None or not (truth / "condition.parquet").is_file():
        return None
    held = pq.read_table(truth / "condition.parquet", columns=["patient_id", "since"])
    since = days_in(held, "since")
    place = pd.Index(np.unique(rows["patient_id"].to_numpy(dtype=object)))
    owner = place.get_indexer(pd.Index(held["patient_id"].to_pandas()))
    known = owner >= 0
    begun = np.sort(owner[known].astype(np.int64) * SHIFT + since[known])
    who = place.get_indexer(pd.Index(rows["patient_id"])).astype(np.int64) * SHIFT
    until = rows["outcome_until"].to_numpy(dtype=np.int64)
    counts = np.searchsorted(begun, who + until, "right") - np.searchsorted(begun, who - SHIFT // 2)
    return counts.astype(np.float64)


def need_against_truth(
    truth: Path | None, rows: pd.DataFrame, member: Source, through: int
) -> pd.DataFrame | None:
    """The counted need beside the true one, where an invented population has its truth written.

    One row a group (everybody, then each race or ethnicity): rows, true_conditions (mean of the
    function of that name), counted_conditions (mean of chronic_conditions), told (the latter over
    the former), unplanned_days (mean), cost (mean, in dollars). None where `true_conditions` is.
    """
    true = true_conditions(truth, rows)
    if true is None:
        return None
    races = final_facts(member, ["race"], through).drop_duplicates("patient_id", keep="last")
    race = races.set_index("patient_id")["race"].reindex(rows["patient_id"]).fillna("not told")
    made = pd.DataFrame({
        "group": race.to_numpy(dtype=object), "true_conditions": true,
        "counted_conditions": rows["chronic_conditions"].to_numpy(dtype=np.float64),
        "unplanned_days": rows["unplanned_days"].to_numpy(dtype=np.float64),
        "cost": rows["amount_cents"].to_numpy(dtype=np.float64) / 100,
    })  # fmt: skip
    everybody = made.assign(group="everybody")
    listed = pd.concat([everybody, made]).groupby("group", sort=True)
    means = listed.mean().assign(rows=listed.size()).reset_index()
    means["told"] = means["counted_conditions"] / means["true_conditions"]
    first = means["group"] == "everybody"
    return pd.concat([means[first], means[~first]], ignore_index=True)


def need_of_those_called(
    rows: pd.DataFrame,
    scores: Mapping[str, NDArray[np.float64]],
    period: NDArray,
    weights: NDArray[np.float64],
    share: float,
) -> pd.DataFrame:
    """How ill those are whom each score would call first, the upper `share` of each period's list.

    One row a score that is known somewhere, and "everybody" before them: mean chronic_conditions
    and unplanned_days of those called, and the share of all unplanned days that falls on them.
    Weighted; what is missing is left out.
    """
    condition, days = (
        rows[c].to_numpy(dtype=np.float64) for c in ("chronic_conditions", "unplanned_days")
    )
    patient_id = rows["patient_id"].to_numpy()
    lists = {"everybody": np.ones(len(rows), dtype=bool)}
    for name, score in scores.items():
        if np.isfinite(score).any():
            lists[name] = called(score, period, patient_id, share)
    spent = np.nansum(weights * days)
    lines = [
        (name, _mean(condition, weights * taken), _mean(days, weights * taken),
         float(np.nansum(weights * taken * days) / spent) if spent > 0 else float("nan"))
        for name, taken in lists.items()
    ]  # fmt: skip
    columns = ["score", "chronic_conditions", "unplanned_days", "share_of_unplanned_days"]
    return pd.DataFrame(lines, columns=columns)


def _mean(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    told = np.isfinite(values) & (weights > 0)
    return float(np.average(values[told], weights=weights[told])) if told.any() else float("nan")
