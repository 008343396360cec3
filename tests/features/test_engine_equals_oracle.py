"""The engine against tests/oracle, for every declared feature and for the scores."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from random import Random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.definitions import FEATURES
from features.definitions.declaration import Channel
from features.indices import lace, prior_admissions
from tests.features.agreement import (
    assert_same,
    before,
    by_engine,
    by_oracle,
    examples,
    moments,
    questions,
    told,
    worlds,
)
from tests.features.family_specs import diagnoses
from tests.features.invented_rows import PATIENTS, invented
from tests.features.rows import AS_OF, CARRIES, ago, histories, rows
from tests.oracle import stay_score

_FEW_FEEDS = ("member", "encounter", "diagnosis", "cost", "cost_year", "screening", "specialty")


@examples(150)
@given(worlds, moments, st.sampled_from((CARRIES, CARRIES, _FEW_FEEDS)))
def test_engine_and_oracle_agree(
    world: tuple[int, int], moment: tuple[int, int], carries: tuple[str, ...]
) -> None:
    seed, facts = world
    tables = invented(Random(seed), facts)
    index = questions(AS_OF + timedelta(days=moment[0]), before(moment))
    assert_same(by_engine(tables, index, carries), by_oracle(tables, index, carries), index)


@examples(60)
@given(worlds, moments)
def test_scores_and_oracle_agree(world: tuple[int, int], moment: tuple[int, int]) -> None:
    seed, facts = world
    tables = invented(Random(seed), facts)
    index = questions(AS_OF, before(moment))
    held = histories(tables)
    found = lace(held, index)[["l", "a", "c", "e"]].join(prior_admissions(held, index))
    expected = [stay_score(tables, CARRIES, patient, day)
                for patient, day in index.itertuples(index=False)]  # fmt: skip
    pd.testing.assert_frame_equal(found, pd.DataFrame(expected), check_dtype=False)


@examples(60)
@given(worlds, moments)
def test_scores_of_episodes_and_oracle_agree(
    world: tuple[int, int], moment: tuple[int, int]
) -> None:
    seed, facts = world
    tables = invented(Random(seed), facts)
    as_of = before(moment)
    began = {made["started_on"] for made in tables["encounter"] if made["started_on"] <= as_of}
    asked = [(patient, as_of, day) for patient in PATIENTS for day in sorted({*began, as_of})]
    index = pd.DataFrame(asked, columns=["patient_id", "as_of", "admitted_on"])
    held = histories(tables)
    found = lace(held, index)[["l", "a", "c", "e"]].join(prior_admissions(held, index))
    expected = [stay_score(tables, CARRIES, *question) for question in asked]
    pd.testing.assert_frame_equal(found, pd.DataFrame(expected), check_dtype=False)


def test_the_random_rows_reach_nearly_every_feature() -> None:
    """Otherwise the agreement of engine and oracle would say little.

    Of the hundreds of columns about one diagnosis category each, a part is enough.
    """
    reached: set[str] = set()
    for seed in range(80):
        found = by_engine(invented(Random(seed), 150), questions(AS_OF))
        reached.update(found.columns[(found.fillna(0) != 0).any()])
    hows = {(f.how, f.family) for f in FEATURES}
    assert {(f.how, f.family) for f in FEATURES if f.name in reached} == hows
    alike = {f.name for f in FEATURES if f.name.startswith("diagnosis_")}
    others = {f.name for f in FEATURES} - alike
    assert len(others & reached) > 0.95 * len(others), sorted(others - reached)
    assert len(alike & reached) > 30


@pytest.mark.parametrize("as_of", [date(1940, 1, 1), date(1948, 2, 29), date(2100, 3, 1)])
def test_before_birth_and_long_after_everything(as_of: date) -> None:
    tables = invented(Random(1), 80)
    index = questions(as_of)
    assert_same(by_engine(tables, index), by_oracle(tables, index), index)


@pytest.mark.parametrize("days", [(10,), (100,), (10, 100), (100, 200)])
def test_claims_of_nothing_leave_a_zero_without_a_sign(days: tuple[int, ...]) -> None:
    claims = ({"happened_on": ago(day), "allowed_cents": 0} for day in days)
    found = by_engine(rows("cost", *claims), questions(AS_OF))
    assert not np.signbit(found.where(found == 0)).to_numpy().any()


def test_a_score_without_its_feed_leaves_another_of_its_channel_alone() -> None:
    codes = Channel("made", ("CHARLSON/*",))
    (declared,) = (f for f in FEATURES if f.name == "charlson_1987_365")
    here = replace(
        declared, name="here", channel=codes, weights=(("CHARLSON/cancer", 2.0),), suppressed_by=()
    )
    gone = replace(
        declared, name="gone", channel=codes, feed="a feed that nobody carries",
        weights=(("CHARLSON/cancer", 2.0), ("CHARLSON/metastatic", 6.0)),
        suppressed_by=(("CHARLSON/cancer", "CHARLSON/metastatic"),),
    )  # fmt: skip
    held = histories(diagnoses((9, "C509"), (9, "C787")))
    index = pd.DataFrame({"patient_id": ["p"], "as_of": [AS_OF]})
    found = told(held, index, [here, gone]).iloc[0]
    assert found["here"] == 2
    assert np.isnan(found["gone"])
