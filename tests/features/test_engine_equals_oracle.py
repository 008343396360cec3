"""The engine against tests/oracle.py, and against itself where nothing may change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.tables import TABLES
from features.as_of import features_as_of
from features.definitions import FEATURES
from features.indices import lace, prior_admissions
from tests.features.invented_rows import EDGES, PATIENTS, STRANGER, invented
from tests.features.rows import AS_OF, CARRIES, histories, row
from tests.oracle import answer, stay_score

Tables = Mapping[str, list[dict[str, Any]]]
NAMES = [f.name for f in FEATURES]
_FEW_FEEDS = ("member", "encounter", "diagnosis", "cost", "cost_year")


def _questions(*days: date) -> pd.DataFrame:
    asked = [(patient, day) for day in days for patient in (*PATIENTS, STRANGER)]
    return pd.DataFrame(asked, columns=["patient_id", "as_of"])


def _by_engine(tables: Tables, index: pd.DataFrame, carries: tuple[str, ...] = CARRIES) -> Any:
    return features_as_of(histories(tables, carries), index)


def _by_oracle(tables: Tables, index: pd.DataFrame, carries: tuple[str, ...]) -> np.ndarray:
    lines = [
        list(answer(tables, carries, patient, day, FEATURES).values())
        for patient, day in index.itertuples(index=False)
    ]
    return np.array(lines, dtype=np.float64).astype(np.float32)


def _assert_same(engine: pd.DataFrame, expected: np.ndarray, index: pd.DataFrame) -> None:
    found = engine.to_numpy()
    unlike = ~((found == expected) | (np.isnan(found) & np.isnan(expected)))
    where = [
        (tuple(index.iloc[r]), NAMES[c], float(found[r, c]), float(expected[r, c]))
        for r, c in np.argwhere(unlike)[:5]
    ]
    assert not where, where


_worlds = st.tuples(st.integers(0, 2**32), st.integers(0, 60))
_moments = st.tuples(st.sampled_from((-1, 0, 1, 3)), st.sampled_from(EDGES))


@settings(max_examples=120, deadline=None)
@given(_worlds, _moments, st.sampled_from((CARRIES, CARRIES, _FEW_FEEDS)))
def test_engine_and_oracle_agree(
    world: tuple[int, int], moment: tuple[int, int], carries: tuple[str, ...]
) -> None:
    seed, facts = world
    tables = invented(Random(seed), facts)
    index = _questions(AS_OF + timedelta(days=moment[0]), AS_OF - timedelta(days=moment[1]))
    _assert_same(_by_engine(tables, index, carries), _by_oracle(tables, index, carries), index)


@settings(max_examples=60, deadline=None)
@given(_worlds, _moments)
def test_scores_and_oracle_agree(world: tuple[int, int], moment: tuple[int, int]) -> None:
    seed, facts = world
    tables = invented(Random(seed), facts)
    index = _questions(AS_OF, AS_OF - timedelta(days=moment[1]))
    held = histories(tables)
    found = lace(held, index)[["l", "a", "c", "e"]].join(prior_admissions(held, index))
    expected = [stay_score(tables, CARRIES, patient, day)
                for patient, day in index.itertuples(index=False)]  # fmt: skip
    pd.testing.assert_frame_equal(found, pd.DataFrame(expected), check_dtype=False)


@settings(max_examples=60, deadline=None)
@given(_worlds, _moments)
def test_scores_of_episodes_and_oracle_agree(
    world: tuple[int, int], moment: tuple[int, int]
) -> None:
    seed, facts = world
    tables = invented(Random(seed), facts)
    as_of = AS_OF - timedelta(days=moment[1])
    began = {made["started_on"] for made in tables["encounter"] if made["started_on"] <= as_of}
    asked = [(patient, as_of, day) for patient in PATIENTS for day in sorted({*began, as_of})]
    index = pd.DataFrame(asked, columns=["patient_id", "as_of", "admitted_on"])
    held = histories(tables)
    found = lace(held, index)[["l", "a", "c", "e"]].join(prior_admissions(held, index))
    expected = [stay_score(tables, CARRIES, *question) for question in asked]
    pd.testing.assert_frame_equal(found, pd.DataFrame(expected), check_dtype=False)


def test_the_random_rows_reach_nearly_every_feature() -> None:
    """Otherwise the agreement of engine and oracle would say little."""
    reached: set[str] = set()
    for seed in range(40):
        found = _by_engine(invented(Random(seed), 60), _questions(AS_OF))
        reached.update(found.columns[(found.fillna(0) != 0).any()])
    hows = {(f.how, f.family) for f in FEATURES}
    assert {(f.how, f.family) for f in FEATURES if f.name in reached} == hows


@pytest.mark.parametrize("as_of", [date(1940, 1, 1), date(1948, 2, 29), date(2100, 3, 1)])
def test_before_birth_and_long_after_everything(as_of: date) -> None:
    tables = invented(Random(1), 80)
    index = _questions(as_of)
    _assert_same(_by_engine(tables, index), _by_oracle(tables, index, CARRIES), index)


def _moved(made: dict[str, Any], by: timedelta) -> dict[str, Any]:
    return {name: value + by if isinstance(value, date) else value for name, value in made.items()}


def _happens(table: str, made: dict[str, Any]) -> date:
    return made[TABLES[table].happened]


@settings(max_examples=40, deadline=None)
@given(_worlds, _moments)
def test_rows_known_after_as_of_change_nothing(
    world: tuple[int, int], moment: tuple[int, int]
) -> None:
    """Rows that become known later are added, changed and removed: the same bytes."""
    seed, facts = world
    random = Random(seed)
    as_of = AS_OF - timedelta(days=moment[1])
    index = _questions(as_of)
    tables = invented(random, facts)
    before = _by_engine(tables, index)
    future = invented(random, facts)
    changed = {}
    for name, rows in tables.items():
        past = [made for made in rows if made["known_on"] <= as_of]
        later = [made for made in rows if made["known_on"] > as_of]
        kept = [made for made in later if random.random() < 0.5]
        for made in kept:
            made["reversed"] = not made["reversed"]
        new = [made for made in future[name] if made["known_on"] > as_of]
        changed[name] = [*past, *kept, *new]
    after = _by_engine(changed, index)
    assert before.to_numpy().tobytes() == after.to_numpy().tobytes()


@settings(max_examples=40, deadline=None)
@given(_worlds, _moments)
def test_rows_that_happen_after_as_of_change_nothing(
    world: tuple[int, int], moment: tuple[int, int]
) -> None:
    """What happens later is added, changed and removed, known later as its table demands."""
    seed, facts = world
    random = Random(seed)
    as_of = AS_OF - timedelta(days=moment[1])
    index = _questions(as_of)
    tables = invented(random, facts)
    far = timedelta(days=max(EDGES) + 1)
    for name, rows in invented(random, facts).items():  # every table has rows that happen later
        tables[name] += [_moved(made, far) | {"record_id": f"later-{made['record_id']}"}
                         for made in rows]  # fmt: skip
    before = _by_engine(tables, index)
    only_past = {
        name: [made for made in rows if _happens(name, made) <= as_of]
        for name, rows in tables.items()
    }
    changed = {}
    for name, rows in tables.items():
        later = [made for made in rows if _happens(name, made) > as_of]
        kept = [made for made in later if random.random() < 0.5]
        other = [_moved(made, timedelta(days=random.choice((1, 30)))) for made in kept]
        changed[name] = [*only_past[name], *other]
    for tampered in (only_past, changed):
        after = _by_engine(tampered, index)
        assert before.to_numpy().tobytes() == after.to_numpy().tobytes()


@settings(max_examples=40, deadline=None)
@given(_worlds, _moments)
def test_what_is_known_before_it_happens_changes_nothing_until_then(
    world: tuple[int, int], moment: tuple[int, int]
) -> None:
    """A cover and a birth may be known before their day; so may the end of a cover be."""
    seed, facts = world
    random = Random(seed)
    as_of = AS_OF - timedelta(days=moment[1])
    index = _questions(as_of)
    tables = invented(random, facts)
    before = _by_engine(tables, index)
    for number in range(6):
        day = as_of + timedelta(days=random.choice((1, 2, 30, 400)))
        told = {"patient_id": random.choice(PATIENTS), "record_id": f"ahead-{number}",
                "known_on": as_of - timedelta(days=random.choice((0, 1, 40)))}  # fmt: skip
        end_on = random.choice((None, day, day + timedelta(days=90)))
        payer = random.choice(("medicare", "medicaid"))
        span = row("coverage", number, **told, start_on=day, end_on=end_on, payer=payer)
        tables["coverage"].append(span)
        tables["member"].append(row("member", number, **told, birth_on=day, area_index=70))
    after = _by_engine(tables, index)
    assert before.to_numpy().tobytes() == after.to_numpy().tobytes()
    for span in tables["coverage"]:
        if span["end_on"] is not None and span["end_on"] > as_of:
            span["end_on"] += timedelta(days=random.choice((1, 50)))
    ends_later = _by_engine(tables, index)
    assert before.to_numpy().tobytes() == ends_later.to_numpy().tobytes()


@pytest.mark.parametrize(
    ("days", "but_for"),
    [(1461, ()), (400, ("age",))],  # four years keep every birthday; an age follows the calendar
)
@settings(max_examples=20, deadline=None)
@given(world=_worlds, moment=_moments)
def test_a_history_told_later_by_some_days_gives_the_same_features(
    days: int, but_for: tuple[str, ...], world: tuple[int, int], moment: tuple[int, int]
) -> None:
    """Calendar time is no feature: only the distances between days and as_of count."""
    seed, facts = world
    shift = timedelta(days=days)
    as_of = AS_OF - timedelta(days=moment[1])
    tables = invented(Random(seed), facts)
    later = {
        name: [{k: v + shift if isinstance(v, date) else v for k, v in made.items()}
               for made in rows]
        for name, rows in tables.items()
    }  # fmt: skip
    before = _by_engine(tables, _questions(as_of)).drop(columns=list(but_for))
    after = _by_engine(later, _questions(as_of + shift)).drop(columns=list(but_for))
    assert before.to_numpy().tobytes() == after.to_numpy().tobytes()


@settings(max_examples=40, deadline=None)
@given(_worlds)
def test_order_and_repetition_of_rows_change_nothing(world: tuple[int, int]) -> None:
    seed, facts = world
    random = Random(seed)
    tables = invented(random, facts)
    events = histories(tables)._events
    shuffled = {name: random.sample([*rows, *rows], 2 * len(rows)) for name, rows in tables.items()}
    again = histories(shuffled)._events
    assert events is not None
    assert again is not None
    pd.testing.assert_frame_equal(events.to_pandas(), again.to_pandas())


@settings(max_examples=30, deadline=None)
@given(_worlds)
def test_a_patient_alone_is_answered_like_everybody_together(world: tuple[int, int]) -> None:
    seed, facts = world
    tables = invented(Random(seed), facts)
    index = _questions(AS_OF)
    together = _by_engine(tables, index)
    for patient in PATIENTS:
        own = {name: [r for r in rows if r["patient_id"] == patient]
               for name, rows in tables.items()}  # fmt: skip
        asked = index[index["patient_id"] == patient]
        alone = _by_engine(own, asked)
        assert alone.to_numpy().tobytes() == together.loc[asked.index].to_numpy().tobytes()


def test_some_names_are_answered_like_all() -> None:
    tables = invented(Random(5), 120)
    index = _questions(AS_OF)
    everything = _by_engine(tables, index)
    some = NAMES[::-7]
    answered = features_as_of(histories(tables), index, some)
    assert list(answered.columns) == some
    assert answered.to_numpy().tobytes() == everything[some].to_numpy().tobytes()
