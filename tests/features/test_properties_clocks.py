"""Two clocks and the calendar: what cannot be known yet changes no bit, nor does the date."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.tables import TABLES
from features.definitions import FEATURES
from tests.features.agreement import (
    Tables,
    assert_same,
    assert_same_bytes,
    before,
    by_engine,
    by_oracle,
    examples,
    moments,
    questions,
    worlds,
)
from tests.features.invented_rows import EDGES, PATIENTS, invented
from tests.features.rows import CARRIES, row


def _moved(made: dict[str, Any], by: timedelta) -> dict[str, Any]:
    return {name: value + by if isinstance(value, date) else value for name, value in made.items()}


def _world_moved(tables: Tables, by: timedelta) -> Tables:
    return {name: [_moved(made, by) for made in rows] for name, rows in tables.items()}


def _happens(table: str, made: dict[str, Any]) -> date:
    return made[TABLES[table].happened]


@examples(25)
@given(worlds, moments)
def test_rows_known_after_as_of_change_nothing(
    world: tuple[int, int], moment: tuple[int, int]
) -> None:
    """Rows that become known later are added, changed and removed: the same bytes."""
    seed, facts = world
    random = Random(seed)
    as_of = before(moment)
    index = questions(as_of)
    tables = invented(random, facts)
    found = by_engine(tables, index)
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
    assert_same_bytes(by_engine(changed, index), found)
    only_known = {name: [made for made in rows if made["known_on"] <= as_of]
                  for name, rows in tables.items()}  # fmt: skip
    assert_same_bytes(by_engine(only_known, index), found)


@examples(25)
@given(worlds, moments)
def test_rows_that_happen_after_as_of_change_nothing(
    world: tuple[int, int], moment: tuple[int, int]
) -> None:
    """What happens later is added, changed and removed, known later as its table demands."""
    seed, facts = world
    random = Random(seed)
    as_of = before(moment)
    index = questions(as_of)
    tables = invented(random, facts)
    far = timedelta(days=max(EDGES) + 1)
    for name, rows in invented(random, facts).items():  # every table has rows that happen later
        tables[name] += [_moved(made, far) | {"record_id": f"later-{made['record_id']}"}
                         for made in rows]  # fmt: skip
    found = by_engine(tables, index)
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
        assert_same_bytes(by_engine(tampered, index), found)


@examples(25)
@given(worlds, moments)
def test_what_is_known_before_it_happens_changes_nothing_until_then(
    world: tuple[int, int], moment: tuple[int, int]
) -> None:
    """A cover and a birth may be known before their day; so may the end of a cover be."""
    seed, facts = world
    random = Random(seed)
    as_of = before(moment)
    index = questions(as_of)
    tables = invented(random, facts)
    found = by_engine(tables, index)
    for number in range(6):
        day = as_of + timedelta(days=random.choice((1, 2, 30, 400)))
        ahead = {"patient_id": random.choice(PATIENTS), "record_id": f"ahead-{number}",
                 "known_on": as_of - timedelta(days=random.choice((0, 1, 40)))}  # fmt: skip
        end_on = random.choice((None, day, day + timedelta(days=90)))
        payer = random.choice(("medicare", "medicaid"))
        span = row("coverage", number, **ahead, start_on=day, end_on=end_on, payer=payer)
        tables["coverage"].append(span)
        tables["member"].append(row("member", number, **ahead, birth_on=day, area_index=70))
    assert_same_bytes(by_engine(tables, index), found)
    for span in tables["coverage"]:
        if span["end_on"] is not None and span["end_on"] > as_of:
            span["end_on"] += timedelta(days=random.choice((1, 50)))
    assert_same_bytes(by_engine(tables, index), found)


@examples(25)
@given(worlds, moments)
def test_supplies_that_outlast_as_of_may_last_longer(
    world: tuple[int, int], moment: tuple[int, int]
) -> None:
    """Days of a span after as_of count nowhere (those of supply are added up all the same)."""
    seed, facts = world
    as_of = before(moment)
    index = questions(as_of)
    tables = invented(Random(seed), facts)
    found = by_engine(tables, index)
    for fill in tables["drug_fill"]:
        days = fill["days_supply"]
        if days and fill["happened_on"] + timedelta(days=days - 1) >= as_of:
            fill["days_supply"] += 7
    changed = by_engine(tables, index)
    spans = [feature.name for feature in FEATURES if feature.channel.spans == "days"]
    assert spans
    assert_same_bytes(changed[spans], found[spans])


@pytest.mark.parametrize(
    ("days", "but_for"),
    [(1461, ()), (400, ("age",))],  # four years keep every birthday; an age follows the calendar
)
@examples(12)
@given(world=worlds, moment=moments)
def test_a_history_told_later_by_some_days_gives_the_same_features(
    days: int, but_for: tuple[str, ...], world: tuple[int, int], moment: tuple[int, int]
) -> None:
    """Calendar time is no feature: only the distances between days and as_of count."""
    seed, facts = world
    shift = timedelta(days=days)
    as_of = before(moment)
    tables = invented(Random(seed), facts)
    found = by_engine(tables, questions(as_of)).drop(columns=list(but_for))
    moved = _world_moved(tables, shift)
    later = by_engine(moved, questions(as_of + shift)).drop(columns=list(but_for))
    assert_same_bytes(later, found)


_leap_days = st.sampled_from((
    date(2000, 2, 29), date(2020, 2, 28), date(2020, 2, 29), date(2020, 3, 1), date(2021, 2, 28),
    date(2021, 3, 1), date(1900, 2, 28), date(1900, 3, 1), date(2100, 2, 28), date(2100, 3, 1),
))  # fmt: skip


@examples(25)
@given(st.integers(0, 2**32), _leap_days, st.sampled_from(EDGES))
def test_engine_and_oracle_agree_around_leap_days(seed: int, day: date, back: int) -> None:
    """Worlds whose edges lie around the end of February, of leap years and of common ones."""
    shift = day - date(2020, 12, 31)
    tables = _world_moved(invented(Random(seed), 40), shift)
    for made in tables["member"]:
        made["birth_on"] = date(day.year - 72, 2, 28) + timedelta(days=seed % 3)
    index = questions(day, day - timedelta(days=back), day + timedelta(days=1))
    assert_same(by_engine(tables, index), by_oracle(tables, index), index)


@pytest.mark.parametrize(
    ("as_of", "age"),
    [
        (date(2021, 2, 28), 72),
        (date(2021, 3, 1), 73),
        (date(2020, 2, 28), 71),
        (date(2020, 2, 29), 72),
    ],
)
def test_who_was_born_on_a_leap_day_turns_older_on_1_march(as_of: date, age: int) -> None:
    tables = {"member": [row("member", birth_on=date(1948, 2, 29))]}
    index = questions(as_of)
    assert by_engine(tables, index)["age"].tolist()[0] == age
    assert by_oracle(tables, index, CARRIES)[0, list(by_engine(tables, index)).index("age")] == age
