"""Percentiles by cut points that are kept with a model."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.as_of import features_as_of
from features.cuts import fit_cuts, needing_cuts, percentile
from tests.features.rows import AS_OF, ago, histories, rows

COSTS = rows("cost", {"happened_on": ago(3), "allowed_cents": 25_000})


def test_a_percentile_counts_the_cut_points_that_are_not_higher() -> None:
    values = np.array([0, 1, 2, 9, np.nan], np.float32)
    told = percentile(values, [1.0, 2.0, 2.0, 5.0])
    # none of 4; one of 4; three of 4; four of 4; missing stays missing
    np.testing.assert_array_equal(told, np.array([0, 25, 75, 100, np.nan], np.float32))


def test_cut_points_are_values_of_the_rows_and_missing_ones_do_not_count() -> None:
    X = pd.DataFrame(
        {
            "some": np.array([3, np.nan, 1, 2], np.float32),
            "none": np.array([np.nan] * 4, np.float32),
        }
    )
    cuts = fit_cuts(X)
    assert set(cuts) == {"some"}
    assert cuts["some"] == sorted(cuts["some"])
    assert set(cuts["some"]) == {1.0, 2.0, 3.0}


def test_a_percentile_is_missing_without_cut_points_and_the_same_for_one_and_for_many() -> None:
    index = pd.DataFrame({"patient_id": ["p"], "as_of": [AS_OF]})
    name = "cost_total_percentile_365"
    assert "cost_total_365" in needing_cuts()
    told = histories(COSTS)
    assert np.isnan(features_as_of(told, index, [name])[name].item())
    cuts = {"cost_total_365": [0.0, 100.0, 250.0, 300.0]}
    alone = features_as_of(told, index, [name], cuts=cuts)[name].item()
    assert alone == 75.0, "250 dollars: three of four cut points are at most as high"
    everything = features_as_of(told, index, cuts=cuts)
    assert everything[name].item() == alone
