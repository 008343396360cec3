"""A score that lacks a part says so in its name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from training.baselines import named_lace

nan = np.nan
PARTS = [  # l, a, c, e          of two discharges
    ("all four", [(3, 3, 2, 1), (1, 0, 0, 0)], "LACE", [9, 1]),
    ("no admission type", [(3, nan, 2, 1), (1, nan, 0, 0)], "LACE without A", [6, 1]),
    ("inpatient claims only", [(3, nan, 2, nan), (1, nan, 0, nan)], "LACE without A, E", [5, 1]),
    ("one part of one person unknown", [(3, 3, 2, 1), (nan, 0, 0, 0)], "LACE", [9, nan]),
    ("next to nothing", [(3, nan, nan, nan), (1, nan, nan, nan)], "LACE", [nan, nan]),
]


@pytest.mark.parametrize(("case", "parts", "name", "score"), PARTS, ids=[row[0] for row in PARTS])
def test_lace_is_named_by_what_it_lacks(case, parts, name, score):
    found = named_lace(pd.DataFrame(parts, columns=list("lace"), dtype=float))
    assert list(found) == [name]
    assert found[name].tolist() == pytest.approx(score, nan_ok=True)
