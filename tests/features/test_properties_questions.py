"""An answer depends on its question alone: not on who or which day else is asked about."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from features.as_of import features_as_of
from features.definitions import FEATURES
from tests.features.agreement import (
    CUTS,
    assert_same,
    assert_same_bytes,
    by_engine,
    by_oracle,
    examples,
    questions,
    told,
    worlds,
)
from tests.features.invented_rows import EDGES, PATIENTS, STRANGER, edge, invented
from tests.features.rows import AS_OF, CARRIES, ago, histories

NAMES = [feature.name for feature in FEATURES]


@examples(10)
@given(worlds, st.lists(st.sampled_from(EDGES), min_size=2, max_size=12))
def test_many_days_at_once_are_answered_like_each_alone(
    world: tuple[int, int], back: list[int]
) -> None:
    """Also in any order, and the same question twice."""
    seed, facts = world
    held = histories(invented(Random(seed), facts))
    index = questions(*(ago(days) for days in back))
    index = index.sample(frac=1, random_state=seed % 2**31)
    together = told(held, index)
    assert together.index.equals(index.index)
    for _, asked in index.groupby("as_of"):
        assert_same_bytes(told(held, asked), together.loc[asked.index])


@examples(10)
@given(worlds)
def test_a_day_a_month_is_answered_like_the_oracle(world: tuple[int, int]) -> None:
    """As in training: two dozen days of everybody, oldest last."""
    seed, facts = world
    tables = invented(Random(seed), facts)
    index = questions(*(ago(30 * month) for month in range(0, 24, 3)))
    assert_same(by_engine(tables, index), by_oracle(tables, index), index)


@examples(15)
@given(worlds)
def test_a_patient_alone_is_answered_like_everybody_together(world: tuple[int, int]) -> None:
    seed, facts = world
    tables = invented(Random(seed), facts)
    index = questions(AS_OF, AS_OF - timedelta(days=90))
    together = by_engine(tables, index)
    for patient in PATIENTS:
        own = {name: [r for r in rows if r["patient_id"] == patient]
               for name, rows in tables.items()}  # fmt: skip
        asked = index[index["patient_id"] == patient]
        assert_same_bytes(by_engine(own, asked), together.loc[asked.index])


def test_patients_without_events_are_all_answered_alike() -> None:
    """Whether nobody has events, or only others have, or their own are not known yet."""
    strangers = pd.DataFrame(
        {"patient_id": [STRANGER, "also nobody", "p"], "as_of": [AS_OF, ago(400), ago(40_000)]}
    )
    held = told(histories(invented(Random(3), 80)), strangers)
    empty = told(histories({}), strangers)
    assert_same_bytes(held, empty)
    assert_same(held, by_oracle({}, strangers), strangers)
    for _, row in held.iterrows():
        assert row.to_numpy().tobytes() == held.iloc[0].to_numpy().tobytes()


def test_some_names_are_answered_like_all() -> None:
    """In any order and number, percentiles without what they are of, and one name alone."""
    held = histories(invented(Random(5), 120))
    index = questions(AS_OF, ago(90))
    everything = told(held, index)
    percentiles = [feature.name for feature in FEATURES if feature.how == "percentile"]
    for some in (NAMES[::-7], NAMES[3:4], percentiles, [*NAMES[:5], *NAMES[:5:-1]]):
        answered = features_as_of(held, index, some, threads=1, cuts=CUTS)
        assert_same_bytes(answered, everything[some])


@examples(12)
@given(st.integers(0, 2**32), st.integers(2, 30))
def test_engine_and_oracle_agree_where_all_happens_on_few_days(seed: int, facts: int) -> None:
    """Every event of a world on one of two days: ties decide all that asks for the last one."""
    random = Random(seed)
    days = (edge(random), edge(random))
    tables = invented(random, facts)
    for name, rows in tables.items():
        tables[name] = list({made["record_id"]: made for made in rows}.values())  # one version
        for made in tables[name]:
            for column in ("happened_on", "started_on", "start_on"):
                if column in made:
                    made[column] = random.choice(days)
            for column in ("ended_on", "end_on"):
                if made.get(column) is not None:
                    made[column] = max(days)
            made["known_on"] = random.choice((max(days), max(days) + timedelta(days=1)))
            made["source_row"] = random.choice("ab")
    index = questions(max(days), AS_OF)
    assert_same(by_engine(tables, index), by_oracle(tables, index, CARRIES), index)
