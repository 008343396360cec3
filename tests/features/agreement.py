"""What the property tests share: random worlds and moments, and engine and oracle side by side.

FIRSTCALL_EXAMPLES=20 asks every property twenty times as often.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from features import as_of as engine
from features.definitions import FEATURES
from features.definitions.declaration import Feature
from features.history import Histories
from features.plan import plan_of
from tests.features.invented_rows import EDGES, PATIENTS, STRANGER
from tests.features.rows import AS_OF, CARRIES, histories
from tests.oracle import answer

Tables = Mapping[str, list[dict[str, Any]]]
Cuts = Mapping[str, Sequence[float]]

CUTS: Cuts = {
    feature.of: (-1.0, 0.0, 0.0, 1.0, 7.7, 12.5, 100.0, 2500.0, 1234567.89)
    for feature in FEATURES
    if feature.of is not None
}
_NOT_EXACT = ("slope", "score")  # sums of fractions: the order in which they are added shows

worlds = st.tuples(st.integers(0, 2**32), st.integers(0, 60))
"""A seed, and how many facts (see `invented`)."""
moments = st.tuples(st.sampled_from((-1, 0, 1, 3)), st.sampled_from(EDGES))
"""Days after AS_OF, and days before it."""


def examples(usual: int) -> Callable[[Any], Any]:
    """How often a property is tried with other rows."""
    often = usual * int(os.environ.get("FIRSTCALL_EXAMPLES", "1"))
    return settings(max_examples=often, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def questions(*days: date) -> pd.DataFrame:
    """Everybody, and somebody without any event, on each of these days."""
    asked = [(patient, day) for day in days for patient in (*PATIENTS, STRANGER)]
    return pd.DataFrame(asked, columns=["patient_id", "as_of"])


def before(moment: tuple[int, int]) -> date:
    return AS_OF - timedelta(days=moment[1])


def told(
    held: Histories,
    index: pd.DataFrame,
    features: Sequence[Feature] = FEATURES,
    cuts: Cuts = CUTS,
    threads: int = 1,
) -> pd.DataFrame:
    """What the engine says of `features`, whether they are among the declared ones or not."""
    if features is FEATURES:
        return engine.features_as_of(held, index, threads=threads, cuts=cuts)
    with patch.object(engine, "plan", lambda _, carries: plan_of(features, carries)):
        return engine.features_as_of(held, index, threads=threads, cuts=cuts)


def by_engine(
    tables: Tables, index: pd.DataFrame, carries: tuple[str, ...] = CARRIES
) -> pd.DataFrame:
    return told(histories(tables, carries), index)


def by_oracle(
    tables: Tables,
    index: pd.DataFrame,
    carries: tuple[str, ...] = CARRIES,
    features: Sequence[Feature] = FEATURES,
    cuts: Cuts = CUTS,
) -> np.ndarray:
    lines = [
        list(answer(tables, carries, patient, day, features, cuts).values())
        for patient, day in index.itertuples(index=False)
    ]
    return np.array(lines, dtype=np.float64).astype(np.float32)


def assert_same(
    found: pd.DataFrame,
    expected: np.ndarray,
    index: pd.DataFrame,
    features: Sequence[Feature] = FEATURES,
) -> None:
    """The same numbers, to the last bit wherever they are sums of whole numbers; no zero has a
    sign, or the same answer would be two kinds of bytes."""
    assert list(found.columns) == [feature.name for feature in features]
    numbers = found.to_numpy()
    close = np.isclose(numbers, expected, rtol=1e-6, atol=1e-6)
    loose = np.array([feature.how in _NOT_EXACT for feature in features])
    alike = np.where(loose, close, numbers == expected) & ~((numbers == 0) & np.signbit(numbers))
    unlike = ~(alike | (np.isnan(numbers) & np.isnan(expected)))
    where = [
        (tuple(index.iloc[r]), features[c], float(numbers[r, c]), float(expected[r, c]))
        for r, c in np.argwhere(unlike)[:3]
    ]
    assert not where, where


def assert_same_bytes(one: pd.DataFrame, other: pd.DataFrame) -> None:
    unlike = [name for name in one.columns
              if one[name].to_numpy().tobytes() != other[name].to_numpy().tobytes()]  # fmt: skip
    assert not unlike, unlike[:5]
    assert list(one.columns) == list(other.columns)
