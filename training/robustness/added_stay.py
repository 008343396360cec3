"""One unplanned hospital stay more, in the canonical rows of people who are asked about.

The stay is a real one of the same population, taken to another day of another person: its length,
principal diagnosis, hospital and amounts. It was unplanned, lasted 1 to LONGEST days and ended at
home, so that nothing else has to follow. It ends in the 30 to 330 days before the question, and 30
days before the index admission where there is one, while the person was covered and in no other
stay; all of it is known on the day of discharge.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from data.duckdb_connection import connect
from data.file_relations import parquet_relation
from data.tables import TABLES
from features.events import ACUTE, EMERGENT, READ, STAYS
from features.window import NEVER, to_date
from training.cohorts.facts import Source, final_facts
from training.cohorts.outcome import UNPLANNED
from training.cohorts.stays import inpatient_stays

LONGEST = 14
"""Days of a stay that is taken: longer ones are rare, and hard to place."""
LATEST, EARLIEST = 30, 330
"""How many days before the question the stay ends: known long before it, and wholly in a year."""
APART = 2
"""Days to the next stay, so that it is no transfer."""
_AWAY = frozenset(STAYS) - {"home_health", "hospice"}
"""Kinds of encounter in which somebody is elsewhere than at home."""
_LOOKED_AT = 2
"""So many times as many people are looked at as are asked, since some have no room for a stay."""


@dataclass(frozen=True)
class AddedStays:
    """``rows``: one question a person. ``before``: the canonical rows of these people, ``after``:
    the same with the added stays at the end of each table."""

    rows: pd.DataFrame
    before: Mapping[str, pa.Table]
    after: Mapping[str, pa.Table]


@dataclass(frozen=True)
class _Donor:
    """A real stay: ``days`` from admission to discharge, what its encounter tells besides, the
    principal diagnosis (system, code), and its claims (days after discharge, kind, cents)."""

    days: int
    encounter: Mapping[str, str]
    principal: tuple[str, str] | None
    claims: Sequence[tuple[int, str, int]]


@dataclass(frozen=True)
class _Placed:
    """A stay to add; ``ended_on`` is a day since 1970."""

    patient_id: str
    donor: _Donor
    ended_on: int


def add_stays(
    tables: Mapping[str, Source],
    carries: Collection[str],
    rows: pd.DataFrame,
    people: int,
    seed: int,
) -> AddedStays:
    """A stay more for `people` persons drawn from the questions `rows`, one question each, or for
    as many as there are with room for one. `tables` and `carries` are those of the source."""
    rng = np.random.default_rng(seed)
    drawn = _one_question_each(rows, rng).iloc[: _LOOKED_AT * people]
    looked_at = _rows_of(tables, drawn["patient_id"])
    stays = inpatient_stays(looked_at, NEVER, all_payers=True)
    donors = _donors(stays, looked_at)
    taken = _spans(stays[stays["kind"].isin(list(_AWAY))], "admitted_on", "discharged_on")
    covered = None
    if "coverage" in carries:
        spans = final_facts(looked_at["coverage"], ["start_on", "end_on"], NEVER)
        covered = _spans(spans, "start_on", "end_on")
    placed = _place(drawn, taken, covered, donors, people, rng)
    chosen = [one.patient_id for one in placed]
    asked = drawn.set_index(drawn["patient_id"].astype(str)).loc[chosen].reset_index(drop=True)
    before = _part_of(looked_at, chosen)
    made = _rows_to_add(placed, typed="admission_type" in carries)
    after = {name: _with(table, made.get(name, [])) for name, table in before.items()}
    after["cost"] = _in_yearly_totals(after["cost"], made["cost"])
    return AddedStays(asked, before, after)


def _one_question_each(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """One question of each person, people in an order by lot; of a discharge the first question."""
    first = rows[rows["landmark"] == 0] if "landmark" in rows else rows
    by = [name for name in ("patient_id", "as_of", "encounter_id") if name in first]
    ordered = first.sort_values(by, ignore_index=True)
    shuffled = ordered.iloc[rng.permutation(len(ordered))]
    return shuffled.drop_duplicates("patient_id").reset_index(drop=True)


def _rows_of(tables: Mapping[str, Source], people: Iterable[object]) -> dict[str, pa.Table]:
    """The canonical rows of these people: the columns that events are made of, and the encounter
    that each row belongs to."""
    found = {}
    who = pa.table({"patient_id": pa.array(sorted({str(one) for one in people}), pa.string())})
    with connect() as connection:  # of a file it reads the other columns of those people alone
        connection.register("who", who)
        for name, read in READ.items():
            columns = list(read)
            if "encounter_id" in TABLES[name].names and "encounter_id" not in read:
                columns.append("encounter_id")
            source = tables[name]
            relation = "source"
            if isinstance(source, Path):
                relation = parquet_relation(source)
            else:
                connection.register("source", source)
            found[name] = connection.sql(
                f"SELECT {', '.join(columns)} FROM {relation} SEMI JOIN who USING (patient_id) "
                "ORDER BY patient_id, record_id, known_on"
            ).to_arrow_table()
    return found


def _part_of(tables: Mapping[str, pa.Table], people: Sequence[str]) -> dict[str, pa.Table]:
    theirs = pc.field("patient_id").isin(pa.array(people, pa.string()))
    return {name: table.filter(theirs) for name, table in tables.items()}


def _donors(stays: pd.DataFrame, tables: Mapping[str, pa.Table]) -> list[_Donor]:
    """The stays that can be taken for another one's, in the order of their encounters."""
    days = stays["discharged_on"] - stays["admitted_on"]
    home = stays["disposition"].isna() | (stays["disposition"] == "home")
    unplanned = (stays["planned_rule"] == UNPLANNED) & ~stays["newborn"] & ~stays["pregnancy"]
    if stays["admission_type"].notna().any():
        unplanned &= stays["admission_type"].isin(list(EMERGENT))
    taken = (stays["kind"] == ACUTE) & home & unplanned & days.between(1, LONGEST)
    if (told := taken & stays["principal_code"].notna()).any():
        taken = told
    chosen = stays.assign(days=days)[taken].sort_values("encounter_id")
    seen_by = ["facility_id", "provider_id", "specialty"]
    with_whom = final_facts(tables["encounter"], seen_by, NEVER).set_index("record_id")[seen_by]
    claims = _claims(tables["cost"], dict(zip(chosen["encounter_id"], chosen["discharged_on"],
                                              strict=True)))  # fmt: skip
    whom = with_whom.reindex(chosen["encounter_id"].to_numpy()).to_dict("records")
    found = []
    for stay, seen in zip(chosen.to_dict("records"), whom, strict=True):
        told = {**seen, "disposition": stay["disposition"]}
        principal = (stay["principal_system"], stay["principal_code"])
        found.append(_Donor(
            int(stay["days"]), {name: v for name, v in told.items() if isinstance(v, str)},
            principal if isinstance(principal[1], str) else None,
            claims.get(stay["encounter_id"], []),
        ))  # fmt: skip
    return found


def _claims(costs: pa.Table, ended_on: Mapping[str, float]) -> dict[str, list[Any]]:
    """The amounts of each of these encounters: (days after discharge, kind, cents)."""
    theirs = pc.field("encounter_id").isin(pa.array(list(ended_on), pa.string()))
    columns = ["encounter_id", "happened_on", "kind", "covers", "allowed_cents"]
    found: dict[str, list[Any]] = {}
    known = final_facts(costs, columns, NEVER, theirs & (pc.field("covers") == "claim"))
    for line in known.to_dict("records"):
        after = int(line["happened_on"]) - int(ended_on[line["encounter_id"]])
        found.setdefault(line["encounter_id"], []).append(
            (after, line["kind"], int(line["allowed_cents"]))
        )
    return found


def _place(
    drawn: pd.DataFrame,
    taken: Mapping[str, NDArray[np.float64]],
    covered: Mapping[str, NDArray[np.float64]] | None,
    donors: Sequence[_Donor],
    people: int,
    rng: np.random.Generator,
) -> list[_Placed]:
    """A donor and a day for each person in turn, until there are `people` of them."""
    if not donors:
        return []
    as_of = drawn["as_of"].to_numpy(np.int64)
    admitted = drawn.get("admitted_on", drawn["as_of"]).to_numpy(np.float64)
    last = np.fmin(as_of, admitted).astype(np.int64) - LATEST
    nothing = np.empty((0, 2))
    placed: list[_Placed] = []
    for patient_id, first, end in zip(
        drawn["patient_id"].astype(str), as_of - EARLIEST, last, strict=True
    ):
        if len(placed) == people:
            break
        donor, where = donors[int(rng.integers(len(donors)))], rng.random()
        inside = None if covered is None else covered.get(patient_id, nothing)
        free = free_ends(int(first), int(end), donor.days, taken.get(patient_id, nothing), inside)
        if len(free):
            placed.append(_Placed(patient_id, donor, int(free[int(where * len(free))])))
    return placed


def _spans(facts: pd.DataFrame, first: str, last: str) -> dict[str, NDArray[np.float64]]:
    """Each patient's spans, one a row: first day, last day (infinite while open)."""
    ends = facts[last].astype(np.float64).fillna(np.inf)
    both = np.column_stack([facts[first], ends]).astype(np.float64)
    of_patient = facts["patient_id"].astype(str).reset_index(drop=True)
    return {str(p): both[at] for p, at in of_patient.groupby(of_patient).indices.items()}


def free_ends(
    first: int,
    last: int,
    days: int,
    taken: NDArray[np.float64],
    covered: NDArray[np.float64] | None,
) -> NDArray[np.int64]:
    """The days from `first` to `last` on which a stay of so many days can end: on each of its days
    the person is covered, and APART or more days from any other stay. `taken` and `covered` hold
    a first and a last day a row; None: nobody knows who was covered.

    >>> free_ends(10, 16, 1, np.array([[13.0, 13.0]]), np.array([[10.0, 16.0]])).tolist()
    [11, 16]
    """
    day = np.arange(first - days, last + 1)
    if len(day) <= days:
        return np.empty(0, np.int64)
    usable = np.ones(len(day), bool) if covered is None else _within(day, covered, 0)
    usable &= ~_within(day, taken, APART - 1)
    so_far = np.append(0, np.cumsum(usable))
    return day[days:][so_far[days + 1 :] - so_far[: -days - 1] == days + 1]


def _within(day: NDArray[np.int64], spans: NDArray[np.float64], beside: int) -> NDArray[np.bool_]:
    inside = (day[:, None] >= spans[:, 0] - beside) & (day[:, None] <= spans[:, 1] + beside)
    return np.asarray(inside.any(axis=1))


def _rows_to_add(placed: Sequence[_Placed], *, typed: bool) -> dict[str, list[dict[str, Any]]]:
    """The canonical rows of the added stays, by table; `typed`: admission types are told."""
    made: dict[str, list[dict[str, Any]]] = {"encounter": [], "diagnosis": [], "cost": []}
    for number, one in enumerate(placed):
        donor, name, ended = one.donor, f"added stay {number}", to_date(one.ended_on)
        common = {"patient_id": one.patient_id, "known_on": ended, "reversed": False,
                  "source_row": "added"}  # fmt: skip
        made["encounter"].append({
            **donor.encounter, **common, "record_id": name, "kind": ACUTE,
            "started_on": to_date(one.ended_on - donor.days), "ended_on": ended,
            "admission_type": "emergency" if typed else None,
        })  # fmt: skip
        if donor.principal is not None:
            system, code = donor.principal
            made["diagnosis"].append({
                **common, "record_id": f"{name}: diagnosis", "encounter_id": name,
                "happened_on": ended, "code_system": system, "code": code, "position": 1,
            })  # fmt: skip
        for line, (after, kind, cents) in enumerate(donor.claims):
            made["cost"].append({
                **common, "record_id": f"{name}: cost {line}", "encounter_id": name,
                "happened_on": to_date(one.ended_on + min(after, 0)), "kind": kind,
                "covers": "claim", "allowed_cents": cents,
            })  # fmt: skip
    return made


def _with(table: pa.Table, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """The table with these rows at its end; what they do not tell is empty."""
    return pa.concat_tables([table, pa.Table.from_pylist(list(rows), schema=table.schema)])


def _in_yearly_totals(table: pa.Table, added: Sequence[Mapping[str, Any]]) -> pa.Table:
    """What the added amounts make of the totals of their calendar years, where the source has any:
    a year of which no total is known has none after."""
    more: dict[tuple[str, str, int], int] = {}
    for row in added:
        key = (row["patient_id"], row["kind"], row["happened_on"].year)
        more[key] = more.get(key, 0) + row["allowed_cents"]
    whole_year = [covers == "year" for covers in table["covers"].to_pylist()]
    if not more or not any(whole_year):
        return table
    of_year = zip(
        table["patient_id"].to_pylist(), table["kind"].to_pylist(),
        table["happened_on"].to_pylist(), whole_year, strict=True,
    )  # fmt: skip
    add = [more.get((who, kind, day.year), 0) if year else 0 for who, kind, day, year in of_year]
    place = table.schema.get_field_index("allowed_cents")
    total = pc.call_function("add", [table["allowed_cents"], pa.array(add, pa.int64())])
    return table.set_column(place, table.schema.field(place), total)
