"""An unplanned stay more: where it is put, what it is, and what models make of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import date
from functools import cache, cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.tables import TABLES
from features.events import ACUTE
from features.window import to_day
from serving.model import RiskModel, load_lightgbm
from training.fitting.challenger import challenger_of
from training.fitting.learner import Learner
from training.fitting.monotone import either_way, monotone_constraints
from training.fitting.prepared import Prepared, prepare
from training.robustness.added_stay import (
    APART,
    EARLIEST,
    LATEST,
    LONGEST,
    AddedStays,
    add_stays,
    free_ends,
)
from training.robustness.plausibility import Plausibility, compared, features_of, plausibility
from training.settings.tasks import HIGH_COST, READMISSION

PEOPLE = 150


@dataclass(frozen=True, eq=False)
class Case:
    """One task's training on the small home, and stays added to the histories of its people."""

    prepared: Prepared
    rows: pd.DataFrame

    @cached_property
    def added(self) -> AddedStays:
        return self.add(self.rows)

    def add(self, rows: pd.DataFrame, people: int = PEOPLE, seed: int = 1) -> AddedStays:
        p = self.prepared
        return add_stays(p.tables, p.histories.carries, rows, people, seed)

    @cache  # noqa: B019 - as many as there are cases
    def model(self, *, monotone: bool, turned: bool = False) -> RiskModel:
        """A model as a training makes it; `turned`: of the opposite of the outcome."""
        p = self.prepared
        task = replace(p.task, fit=replace(p.task.fit, monotone=monotone))
        matrix = p.matrix
        if turned:
            opposite = matrix.rows.assign(outcome=1 - matrix.rows["outcome"])
            matrix = replace(matrix, rows=opposite)
        learner = Learner.of(matrix, p.split, task, p.landmarks)
        if turned and learner.start is not None:
            learner = replace(learner, start=-learner.start)
        return challenger_of(learner.fit(), learner, p)[0]

    def found(self, model: RiskModel) -> Plausibility:
        return compared(model, self.added, self.prepared.histories.carries)


@pytest.fixture(scope="module")
def cases(small_home) -> dict[str, Case]:
    made = {}
    for task in (READMISSION, replace(HIGH_COST, months_between=6)):
        quick = replace(task.fit, rounds=60, folds=1, threads=1, feature_fraction=0.3)
        prepared = prepare(small_home, replace(task, fit=quick))
        # of readmission all roles: the few who test would tell little
        roles = ("test",) if task.name == "high-cost" else ("train", "calibration", "test")
        rows = prepared.matrix.rows.iloc[prepared.split.rows(*roles)].reset_index(drop=True)
        made[task.name] = Case(prepared, rows)
    return made


TASKS = pytest.mark.parametrize("task", ["readmission", "high-cost"])


@TASKS
def test_a_model_that_is_held_to_directions_lowers_hardly_any_risk(cases, task):
    found = cases[task].found(cases[task].model(monotone=True))
    assert found.asked == PEOPLE
    assert found.share < 0.01
    assert found.below == found.lowered
    assert found.median_ratio > 1
    lowered = f"{found.share:.1%}" if found.lowered else "none"
    assert f"lowers the risk of {lowered} of {PEOPLE} people" in found.words


@TASKS
def test_a_model_that_is_left_to_itself_lowers_more(cases, task):
    held, free = (cases[task].found(cases[task].model(monotone=m)) for m in (True, False))
    assert free.share > 0.01 > held.share


@TASKS
def test_a_model_of_the_opposite_outcome_is_caught(cases, task):
    found = cases[task].found(cases[task].model(monotone=False, turned=True))
    assert found.share > 0.5
    assert found.median_ratio < 1
    assert found.by_a_percent > PEOPLE / 4
    assert list(found.by_what["fall"]) == sorted(found.by_what["fall"], reverse=True)
    assert found.by_what["people"].between(11, found.lowered).all(), "no few people are told of"
    assert len(found.by_what) > 2
    blamed = list(found.by_what["feature"])
    either = either_way(blamed, after_discharge=False)
    ways = zip(blamed, monotone_constraints(blamed), strict=True)
    assert all(way or name in either for name, way in ways), "only what a stay moves is blamed"


@TASKS
def test_the_history_that_is_left_as_it_is_has_the_features_of_the_matrix(cases, task):
    case = cases[task]
    model = case.model(monotone=True)
    every = replace(
        model, metadata={**model.metadata, "features": list(case.prepared.matrix.X.columns)}
    )
    found = features_of(every, case.added.before, case.prepared.histories.carries, case.added.rows)
    by = ["patient_id", "as_of", *(["landmark"] if "landmark" in case.rows else [])]
    place = pd.Series(range(len(case.prepared.matrix.rows)),
                      index=pd.MultiIndex.from_frame(case.prepared.matrix.rows[by]))  # fmt: skip
    at = place.loc[list(case.added.rows[by].itertuples(index=False, name=None))].to_numpy()
    assert len(at) == PEOPLE
    assert np.array_equal(found.to_numpy(), case.prepared.matrix.X.to_numpy()[at], equal_nan=True)


@TASKS
def test_the_stay_lies_where_it_can_and_is_known_long_before_the_question(cases, task):
    case = cases[task]
    people, more = [], _added(case.added, "encounter")
    spans = case.added.before["coverage"].to_pandas().groupby("patient_id")
    stays = case.added.before["encounter"].to_pandas()
    away = stays[~stays["reversed"] & stays["kind"].isin([ACUTE, "psychiatric_inpatient"])]
    for row, stay in zip(case.added.rows.to_dict("records"), more, strict=True):
        assert stay["patient_id"] == row["patient_id"]
        people.append(row["patient_id"])
        start, end = to_day(stay["started_on"]), to_day(stay["ended_on"])
        assert 1 <= end - start <= LONGEST
        assert EARLIEST >= row["as_of"] - end >= LATEST
        assert end <= row.get("admitted_on", np.inf) - LATEST
        assert stay["known_on"] == stay["ended_on"]
        assert (stay["kind"], stay["admission_type"]) == (ACUTE, "emergency")
        theirs = spans.get_group(row["patient_id"])
        covered = {
            day for _, span in theirs.iterrows()
            for day in range(start, end + 1)
            if to_day(span["start_on"]) <= day
            and (pd.isna(span["end_on"]) or day <= to_day(span["end_on"]))
        }  # fmt: skip
        assert len(covered) == end - start + 1
        for _, other in away[away["patient_id"] == row["patient_id"]].iterrows():
            if not pd.isna(other["ended_on"]):
                apart = (to_day(other["started_on"]) - end, start - to_day(other["ended_on"]))
                assert max(apart) >= APART
    assert len(set(people)) == len(people) == PEOPLE


def test_the_stay_is_like_a_real_unplanned_one_of_the_population(cases):
    added = cases["high-cost"].added
    every = current_tables(cases["high-cost"])
    stays, told = every["encounter"], every["diagnosis"]
    real = stays[(stays["kind"] == ACUTE) & stays["admission_type"].isin(["emergency", "urgent"])]
    of_real = told[(told["position"] == 1) & told["encounter_id"].isin(real["record_id"])]
    lengths = {(e - s).days for s, e in zip(real["started_on"], real["ended_on"], strict=True)
               if not pd.isna(e)}  # fmt: skip
    amounts = set(every["cost"]["allowed_cents"])
    more = _added(added, "encounter")
    named = {row["encounter_id"]: row for row in _added(added, "diagnosis")}
    costs = _added(added, "cost")
    assert len(named) == len(more) == PEOPLE
    assert {row["code"] for row in named.values()} <= set(of_real["code"])
    assert {(s["ended_on"] - s["started_on"]).days for s in more} <= lengths
    assert {row["allowed_cents"] for row in costs} <= amounts
    assert {row["encounter_id"] for row in costs} <= set(named)
    assert len(costs) > 0.9 * PEOPLE
    assert len({row["code"] for row in named.values()}) > 5, "not one stay for all"
    assert all(n == cases["high-cost"].added.before[t].num_rows for t, n in (
        (t, added.after[t].num_rows) for t in TABLES if t not in ("encounter", "diagnosis", "cost")
    ))  # fmt: skip


@TASKS
def test_the_same_seed_finds_the_same_whatever_the_order_of_the_rows(cases, task):
    case, model = cases[task], cases[task].model(monotone=False)
    first = case.found(model)
    again = plausibility(model, case.prepared.tables, case.prepared.histories.carries,
                         case.rows.sample(frac=1, random_state=2), PEOPLE, 1)  # fmt: skip
    assert first.to_json() == again.to_json()
    other = compared(model, case.add(case.rows, seed=2), case.prepared.histories.carries)
    assert other.deciles != first.deciles


def test_as_many_are_asked_as_there_is_room_for(cases):
    case = cases["high-cost"]
    few = case.add(case.rows, people=75)
    assert len(few.rows) == 75
    some = case.rows[case.rows["patient_id"].isin(few.rows["patient_id"].iloc[:40])]
    assert 0 < len(case.add(some).rows) <= 40
    nobody = plausibility(case.model(monotone=True), case.prepared.tables,
                          case.prepared.histories.carries, case.rows.iloc[:0], 10)  # fmt: skip
    assert (nobody.asked, nobody.lowered) == (0, 0)
    assert np.isnan(nobody.share)
    assert nobody.to_json()["share"] is None
    assert "nobody" in nobody.words


def test_tables_in_memory_answer_as_the_files_do(cases):
    case = cases["readmission"]
    held = {name: current_table(path) for name, path in case.prepared.tables.items()}
    read = add_stays(held, case.prepared.histories.carries, case.rows, PEOPLE, 1)
    assert all(read.after[name].equals(case.added.after[name]) for name in read.after)


def test_what_is_kept_names_no_patient(cases):
    case = cases["high-cost"]
    found = case.found(case.model(monotone=False, turned=True))
    told = json.dumps(found.to_json(), allow_nan=False)
    assert json.loads(told)["share"] == found.lowered / found.asked
    assert not any(who in told for who in case.added.rows["patient_id"])
    assert found.flat()["plausibility.share"] == found.share
    assert len(found.deciles) == 9
    assert list(found.deciles) == sorted(found.deciles)


def test_the_figures_are_those_of_the_risks_before_and_after(cases):
    case, model = cases["readmission"], cases["readmission"].model(monotone=False)
    carries = case.prepared.histories.carries
    since = (case.added.rows["as_of"] - case.added.rows["discharged_on"]).to_numpy()
    was, now = (
        model.risk(model.margin(features_of(model, t, carries, case.added.rows)), since).tolist()
        for t in (case.added.before, case.added.after)
    )  # fmt: skip
    found = case.found(model)
    assert found.lowered == sum(b < a * (1 - 1e-9) for a, b in zip(was, now, strict=True))
    assert found.by_a_percent == sum(b < 0.99 * a for a, b in zip(was, now, strict=True))
    ratios = sorted(b / a for a, b in zip(was, now, strict=True))
    middle = (ratios[PEOPLE // 2 - 1] + ratios[PEOPLE // 2]) / 2
    assert found.median_ratio == pytest.approx(middle)


def test_what_a_stay_cannot_move_lowers_nothing(cases):
    """A model of age alone says the same of both histories."""
    case = cases["high-cost"]
    learner = Learner.of(case.prepared.matrix, case.prepared.split, case.prepared.task)
    text = learner.fit(names=["age"]).text
    model = challenger_of(learner.fit(names=["age"]), replace(learner, names=("age",)),
                          case.prepared)[0]  # fmt: skip
    assert load_lightgbm().Booster(model_str=text).feature_name() == ["age"]
    found = case.found(model)
    assert (found.lowered, found.below, found.median_ratio) == (0, 0, 1.0)
    assert len(found.by_what) == 0


@given(
    st.integers(0, 12), st.integers(0, 25), st.integers(1, 5),
    st.lists(st.tuples(st.integers(-10, 40), st.integers(0, 6)), max_size=4),
    st.none() | st.lists(st.tuples(st.integers(-10, 30), st.integers(0, 30)), max_size=3),
)  # fmt: skip
def test_the_days_on_which_a_stay_can_end_equal_a_slow_search(first, wide, days, taken, covered):
    last = first + wide - 5
    stays = [(s, s + n) for s, n in taken]
    spans = None if covered is None else [(s, s + n) for s, n in covered]

    def can(end: int) -> bool:
        for day in range(end - days, end + 1):
            if spans is not None and not any(s <= day <= e for s, e in spans):
                return False
            if any(s - APART < day < e + APART for s, e in stays):
                return False
        return True

    def array(pairs):
        return np.array(pairs, np.float64).reshape(-1, 2)

    found = free_ends(first, last, days, array(stays), None if spans is None else array(spans))
    assert found.tolist() == [end for end in range(first, last + 1) if can(end)]


def test_totals_of_years_grow_by_what_the_stay_cost(cases):
    """Where a source tells totals of calendar years, that of the stay's year holds its amount."""
    case = cases["high-cost"]
    costs = current_table(case.prepared.tables["cost"])
    ids = sorted(case.added.rows["patient_id"])[::2]
    years = [
        {
            "record_id": f"year {who} {year} {kind}", "patient_id": who, "kind": kind,
            "happened_on": date(year, 12, 31), "covers": "year", "allowed_cents": 1_000_000,
            "known_on": date(year + 1, 1, 5), "reversed": False, "source_row": "x:1",
        }
        for who in ids for year in (2021, 2022, 2023) for kind in ("inpatient", "pharmacy")
    ]  # fmt: skip
    totals = pa.Table.from_pylist(years, schema=costs.schema)
    held = {**case.prepared.tables, "cost": pa.concat_tables([costs, totals])}
    added = add_stays(held, case.prepared.histories.carries, case.rows, PEOPLE, 1)
    cost: dict[tuple[str, int], int] = {}
    for row in _added(added, "cost"):
        if row["kind"] == "inpatient":
            key = (row["patient_id"], row["happened_on"].year)
            cost[key] = cost.get(key, 0) + row["allowed_cents"]
    seen = 0
    for row in added.after["cost"].to_pylist():
        if row["covers"] == "year":
            more = cost.get((row["patient_id"], row["happened_on"].year), 0)
            assert row["allowed_cents"] == 1_000_000 + (more if row["kind"] == "inpatient" else 0)
            seen += bool(more)
    assert seen > 0


def _added(added, name: str) -> list[dict]:
    return added.after[name].slice(added.before[name].num_rows).to_pylist()


def current_table(source) -> pa.Table:
    import pyarrow.parquet as pq

    return pq.read_table(source)


def current_tables(case: Case) -> dict[str, pd.DataFrame]:
    return {
        name: current_table(case.prepared.tables[name]).to_pandas()
        for name in ("encounter", "diagnosis", "cost")
    }
