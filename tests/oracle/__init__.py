"""The slow, obvious second implementation of every feature: one patient at a time, no vectors.

It reads the declarations (what a feature is) and asks `data.codes` about one code at a time. How
rows become facts, which version is seen, which concepts a code names, what lies in a window and
how it is folded is written here a second time, in dates and lists. Tests hold the engine
against it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np

from features.definitions import feature as declared
from features.definitions.declaration import Feature
from tests.oracle.folds import Told, folded
from tests.oracle.seen import NOTHING, Seen, everything_seen
from tests.oracle.stays import stay_score

__all__ = ["Seen", "answer", "everything_seen", "stay_score"]


def answer(
    tables: Mapping[str, Iterable[Mapping[str, Any]]],
    carries: Collection[str],
    patient_id: str,
    as_of: date,
    features: Iterable[Feature],
    cuts: Mapping[str, Sequence[float]] | None = None,
) -> dict[str, float]:
    """The value of each feature by name; NaN is missing.

    `cuts` holds ascending cut points by the name of the feature that they were fitted on, the
    `of` of a percentile.
    """
    asked = {feature.name: feature for feature in features}
    told = Told(everything_seen(tables, carries, patient_id, as_of))

    def value(feature: Feature) -> float:
        if feature.feed not in carries:
            return NOTHING
        if feature.how != "percentile":
            return folded(feature, told, as_of) / feature.divide_by
        assert feature.of is not None
        of = value(asked.get(feature.of) or declared(feature.of))
        return _percentile(of, (cuts or {}).get(feature.of, ()))

    return {name: value(feature) for name, feature in asked.items()}


def _percentile(value: float, cuts: Sequence[float]) -> float:
    """100 × the share of the cut points at or below the value, in the matrix's float32."""
    if math.isnan(value) or not len(cuts):
        return NOTHING
    return 100 * sum(np.float32(cut) <= np.float32(value) for cut in cuts) / len(cuts)
