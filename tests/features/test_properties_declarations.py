"""Whatever is declared, not only what happens to be: engine and oracle say the same."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from features.definitions.declaration import Channel, Feature, How
from tests.features.agreement import (
    CARRIES,
    Cuts,
    assert_same,
    assert_same_bytes,
    before,
    by_oracle,
    examples,
    moments,
    questions,
    told,
    worlds,
)
from tests.features.invented_features import HOWS, families, features
from tests.features.invented_rows import invented
from tests.features.rows import AS_OF, histories, rows

_points = st.lists(st.sampled_from((-3.0, -1.0, 0.0, 0.1, 1.0, 2.0, 7.7, 12.5, 365.0, 12345.0)),
                   min_size=1, max_size=8)  # fmt: skip
_MILD, _WORSE = ("LACE/diabetes", 1.0), ("LACE/diabetes_end_organ", 2.0)


@examples(150)
@given(worlds, moments, families(), _points)
def test_engine_and_oracle_agree_on_declarations_at_random(
    world: tuple[int, int], moment: tuple[int, int], made: list[Feature], points: list[float]
) -> None:
    seed, facts = world
    tables = invented(Random(seed), facts)
    index = questions(AS_OF + timedelta(days=moment[0]), before(moment))
    cuts: Cuts = {feature.name: sorted(points) for feature in made[1:]}  # the first has none
    held = histories(tables)
    found = told(held, index, made, cuts)
    assert_same(found, by_oracle(tables, index, CARRIES, made, cuts), index, made)
    alone = index[index["as_of"] == before(moment)]
    assert_same_bytes(told(held, alone, made, cuts), found.loc[alone.index])


@pytest.mark.parametrize("weights", [(_MILD, _WORSE), (_WORSE, _MILD)])
def test_an_item_counts_while_nobody_has_the_one_that_would_leave_it_out(
    weights: tuple[tuple[str, float], ...],
) -> None:
    made = Feature(
        name="made", family="made", concept="made", words="{value}", unit="points",
        source="diagnosis", feed="diagnosis", channel=Channel("made", ("LACE/*",)), how="score",
        weights=weights, suppressed_by=((_MILD[0], _WORSE[0]),),
    )  # fmt: skip
    for codes, points in (("E119",), 1.0), (("E1122",), 2.0), (("E119", "E1122"), 2.0):
        tables = rows("diagnosis", *({"code": code, "happened_on": AS_OF} for code in codes))
        index = questions(AS_OF)[:1]
        assert told(histories(tables), index, [made]).to_numpy().tolist() == [[points]]
        assert by_oracle(tables, index, features=[made]).tolist() == [[points]]


@pytest.mark.parametrize("how", [how for how in HOWS if how != "percentile"])
def test_declarations_at_random_reach_every_fold(how: How) -> None:
    """Zero and missing alone would prove little: each fold says something else of somebody."""
    tables = invented(Random(1), 200)
    index = questions(AS_OF, AS_OF - timedelta(days=90))

    def says_something(made: Feature) -> bool:
        numbers = by_oracle(tables, index, features=[made])
        return bool((np.nan_to_num(numbers) != 0).any())

    tries = settings(max_examples=100, derandomize=True, phases=[Phase.generate], database=None)
    find(features(how=how, feed="encounter"), says_something, settings=tries)
