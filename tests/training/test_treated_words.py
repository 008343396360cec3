"""What is said of rows that outreach treated: no small group of real people, and no effect without
what it is not."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from data.small_cells import Counts
from training.cohorts.prior_chance import Effect
from training.evaluation.evaluate import Interval
from training.evaluation.fit_apart import FitApart
from training.fitting.treated_words import (
    CONFOUNDED,
    effect_json,
    follows,
    left_out,
    of_roles,
    of_standing,
    refusal,
    starts_apart,
)
from training.fitting.untreated_weights import Standing

OWN, INVENTED = Counts("own"), Counts("invented")


def role(name: str, rows: int, reached: int, cases: tuple[int, int], already: int = 0):
    return {
        "role": name, "rows": rows, "reached": reached, "mean_part": 0.5 * reached / rows,
        "cases_reached": cases[0], "cases_others": cases[1], "in_programme": already,
    }  # fmt: skip


COUNTS = pd.DataFrame([
    role("train", 1000, 12, (4, 50)), role("calibration", 510, 23, (8, 22)),
    role("test", 203, 7, (2, 17), already=9),
])  # fmt: skip


def test_of_real_people_no_small_count_is_said_and_the_others_are_rounded():
    # fitted to: 1,510 rows, 35 reached, 12 and 72 cases, (0.006 x 1,000 + 11.5) / 1,510 = 1.2 %
    assert of_roles(COUNTS, OWN) == (
        "of 1,510 rows that a model is fitted to care management reached 40 within the outcome "
        "window (11 to 14 cases; of the others 70), and 1.2% of all their windows lie after it",
        "of 200 rows that test care management reached fewer than 11 within the outcome window",
        "fewer than 11 rows count as not reached whose person had enrolled in a programme before "
        "the question and not left it",
    )
    assert of_roles(COUNTS, INVENTED)[1] == (
        "of 203 rows that test care management reached 7 within the outcome window (2 cases; of "
        "the others 17), and 1.7% of all their windows lie after it"
    )
    assert left_out(35, 1475, OWN).startswith("40 of 1,480 rows are left out")
    assert refusal(41, 7, 20, OWN).startswith("Of 40 rows of people who were reached fewer than 11")


def test_of_few_cases_the_fit_is_not_told():
    fit = (Interval(0.5, 0.2, 0.9), Interval(1.1, 0.9, 1.3))
    assert FitApart(206, 35, 7, 28, *fit, OWN).words == (
        "observed : expected among the 170 of 210 rows that test and were not reached is "
        "1.100 (0.900 to 1.300) (30 cases), among those reached it is not shown (fewer than 11); a "
        "case that came before anybody called counts among the first"
    )
    assert (
        "among those reached 0.500 (0.200 to 0.900) (7);"
        in FitApart(206, 35, 7, 28, *fit, INVENTED).words
    )
    few = FitApart(206, 198, 40, 3, *fit, OWN).words
    assert few.startswith(
        "observed : expected among the fewer than 11 of 210 rows that test and were not reached "
        "is not shown (fewer than 11 cases), among those reached 0.500"
    )
    assert FitApart(206, 35, 7, 28, *fit, INVENTED, weighted=True).words == (
        "observed : expected among the 171 of 206 rows that test and were not reached, weighted by "
        "the inverse chance of it, is 1.100 (0.900 to 1.300) (28 cases), among those reached 0.500 "
        "(0.200 to 0.900) (7); a case that came before anybody called is none of these"
    )
    assert FitApart(206, 35, 7, 28, *fit).words == FitApart(206, 35, 7, 28, *fit, OWN).words


def test_weights_hide_the_few_who_are_clipped_or_stand_alone():
    standing = Standing(np.r_[np.zeros(5), np.full(95, 2.0)], 3.0, 2, 6)
    own, invented = of_standing(standing, OWN), of_standing(standing, INVENTED)
    # equal weights are as precise as themselves
    assert "100 weigh 2.00 at most (fewer than 11 clipped, the largest was 3.00)" in own
    assert own.endswith(
        "as precise as 100 of equal weight; for fewer than 11 reached rows nobody is left who "
        "could stand for them"
    )
    assert "95 weigh 2.00 at most (2 clipped" in invented
    assert "as precise as 95 of equal weight; for 6 reached rows" in invented
    assert "0 weigh 0.00" in of_standing(Standing(np.zeros(3), 0.0, 0, 3), INVENTED)


EFFECT = Effect(0.176, 0.021, 0.33)


@pytest.mark.parametrize("words", [
    follows(EFFECT), starts_apart(EFFECT, ["age"]), json.dumps(effect_json(EFFECT)),
])  # fmt: skip
def test_an_effect_is_never_said_without_what_it_is_not(words):
    assert "0.18 (+0.02 to +0.33)" in words or "0.176" in words
    assert CONFOUNDED in words
    assert effect_json(None) is None
