"""How the ill of a group compare with all others who are ill, as far as the counts tell it."""

from __future__ import annotations

import itertools
from math import exp, log, sqrt

import numpy as np
import pytest

from data.small_cells import Counts
from serving.reached_alike import FEW, FEWEST, NOBODY, NOBODY_ELSE, NOT_TOLD, Ratio, ratios

INVENTED, OWN = Counts("invented"), Counts("own")
Z = 2.5758


def told(counts: Counts, *groups: tuple[int, int]) -> list[Ratio]:
    """`groups`: how many have need, and how many of these are on the list."""
    need, listed = ([group[at] for group in groups] for at in (0, 1))
    parts = counts.together(need)
    of_them = counts.parts(listed, need, kept=[one is None for one in parts])
    return ratios(parts, of_them, sum(need), sum(listed), counts)


def katz(called: float, ill: float, others_called: float, others: float) -> tuple[float, float]:
    error = Z * sqrt(1 / called - 1 / ill + 1 / others_called - 1 / others)
    ratio = log(called / ill / (others_called / others))
    return exp(ratio - error), exp(ratio + error)


def test_exact_counts_have_katzs_interval_at_99_per_cent() -> None:
    women, men = told(INVENTED, (40, 10), (40, 20))
    # (10 / 40) / (20 / 40) = 0.5; error 2.576 × √(1/10 − 1/40 + 1/20 − 1/40) = 0.81
    assert women == Ratio(0.5, 0.22, 1.13)
    assert men == Ratio(2.0, 0.89, 4.52)


def test_rounded_counts_have_the_widest_interval_that_they_may_stand_for() -> None:
    [first, _] = told(OWN, (118, 57), (163, 102))  # told as 120, 60 and 160, 100
    every = [
        katz(called, ill, others_called, others)
        for ill, called, others, others_called in itertools.product(
            range(115, 126), range(55, 66), range(155, 166), range(95, 106)
        )
    ]
    assert first.ratio == round(60 / 120 / (100 / 160), 2)
    assert first.low == round(min(low for low, _ in every), 2)
    assert first.high == round(max(high for _, high in every), 2)
    assert told(INVENTED, (120, 60), (160, 100))[0] == Ratio(0.8, 0.6, 1.06)


def test_a_group_that_is_never_reached_is_told_so() -> None:
    never, others = told(INVENTED, (40, 0), (40, 20))
    # (0.5 / 41) / (20.5 / 41) × e^(2.576 × √(1/0.5 − 1/41 + 1/20.5 − 1/41)) = 0.93
    assert never == Ratio(0.0, 0.0, 0.93)
    assert others == Ratio(why_none=NOBODY_ELSE)
    assert told(INVENTED, (40, 0), (40, 0)) == [Ratio(why_none=NOBODY)] * 2
    real, _ = told(OWN, (300, 0), (300, 150))
    assert (real.ratio, real.low) == (0.0, 0.0)
    assert real.high is not None
    assert real.high < 0.2


def test_why_there_is_no_ratio() -> None:
    few, many = told(INVENTED, (FEWEST - 1, 0), (90, 30))
    assert (few.why_none, many.why_none) == (FEW, FEW)
    assert told(INVENTED, (FEWEST, 5), (90, 30))[0].why_none is None
    hidden = told(OWN, (100, 7), (400, 50), (300, 60))
    assert [one.why_none for one in hidden] == [NOT_TOLD, None, None]
    # behind the others' 5 of 100 there may be nobody: that there is somebody is not told
    assert told(OWN, (600, 300), (100, 5), (90, 0))[0].why_none == NOT_TOLD


@pytest.mark.parametrize("counts", [INVENTED, OWN])
def test_groups_that_are_alike_are_seldom_set_apart(counts: Counts) -> None:
    drawn = np.random.default_rng(20_241_231)
    apart = compared = 0
    for _ in range(80):
        groups = [(int(ill), int(drawn.binomial(ill, 0.3))) for ill in drawn.integers(40, 140, 6)]
        for one in told(counts, *groups):
            if one.low is not None and one.high is not None:
                compared += 1
                apart += not one.low <= 1 <= one.high
    assert compared > 300
    assert apart / compared < 0.02


def test_a_group_that_is_reached_half_as_often_is_still_found_among_real_people() -> None:
    less, _ = told(OWN, (400, 80), (800, 320))
    assert less.high is not None
    assert less.high < 1
