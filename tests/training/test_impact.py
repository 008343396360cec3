"""What the calls do: arithmetic, known effects found again, and what is not said."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from data.errors import RefusalError
from serving import randomised
from serving.worklist import QUEUES, Capacity, worklist
from training.effects import impact as told_as
from training.effects.impact import (
    BY_RANK,
    DRAWN_IN,
    DRAWN_OUT,
    Difference,
    Impact,
    ImpactSettings,
    OfQueue,
    impact,
    needed_a_group,
    newcombe,
    to_call,
)
from training.effects.impact_outcomes import (
    DISCHARGED,
    HIGH_COST,
    NOT_OVER,
    OUTCOMES,
)

NIGHT = pd.Timestamp("2024-03-01")
UNTIL = NIGHT + pd.Timedelta(days=90)


def group(name: str, allocation: str, people: int, cases: int, unknown: int = 0, before: int = 0):
    """(allocations, outcomes) of people alike: the first `cases` have the outcome, and the first
    `before` had been admitted before; of `unknown` more it is not known."""
    count = people + unknown
    patients = [f"{name}{n}" for n in range(count)]
    number = np.arange(count)
    allocations = pd.DataFrame(
        {
            "run_id": "r1", "as_of": NIGHT, "newest_as_of": NIGHT,
            "patient_id": patients, "queue": HIGH_COST,
            "allocation": allocation, "listed": allocation != DRAWN_OUT,
            "discharged_on": pd.NaT, "risk": 0.3,
        }
    )  # fmt: skip
    known = pd.DataFrame(
        {
            "run_id": "r1", "patient_id": patients, "until": UNTIL,
            "outcome": np.where(number < people, number < cases, np.nan).astype(float),
            "before": (number < before).astype(float),
            "not_known": np.where(number < people, "", NOT_OVER),
        }
    )  # fmt: skip
    return allocations, known


def of(*groups, settings: ImpactSettings | None = None) -> Impact:
    allocations, known = zip(*groups, strict=True)
    return impact(
        pd.concat(allocations, ignore_index=True), pd.concat(known, ignore_index=True), settings
    )


def one_queue(*groups) -> OfQueue:
    return of(*groups).queues[0]


# --- arithmetic ----------------------------------------------------------------------------------


def test_the_difference_is_the_share_of_those_not_drawn_minus_that_of_those_drawn():
    made = one_queue(group("in", DRAWN_IN, 100, 10), group("out", DRAWN_OUT, 100, 20))
    assert made.drawn.share == 10 / 100
    assert made.not_drawn.share == 20 / 100
    assert made.estimate is not None
    assert made.estimate.difference.value == pytest.approx(20 / 100 - 10 / 100)
    # Wilson bounds: 10 of 100 0.0552 to 0.1744, 20 of 100 0.1334 to 0.2888
    assert made.estimate.difference.low == pytest.approx(
        0.10 - np.hypot(0.2 - 0.13337, 0.17437 - 0.1), abs=1e-4
    )
    assert made.estimate.difference.high == pytest.approx(
        0.10 + np.hypot(0.28883 - 0.2, 0.1 - 0.05522), abs=1e-4
    )
    # 1 / 0.10 is 10 people; the bounds are 1 / high and 1 / low
    low, high = made.estimate.difference[1:]
    assert made.estimate.to_call == (10, int(np.ceil(1 / high)), int(np.ceil(1 / low)))


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [  # Newcombe 1998, table II, method 10
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
    ],
)
def test_the_interval_is_the_published_one(one, other, low, high):
    made = newcombe(*one, *other)
    assert made.low == pytest.approx(low, abs=5e-5)
    assert made.high == pytest.approx(high, abs=5e-5)


def test_how_many_to_call_is_told_only_where_calling_helps():
    assert to_call(Difference(0.05, 0.02, 0.08)) == (20, 13, 50)
    assert to_call(Difference(0.05, 0.0, 0.10)) is None
    assert to_call(Difference(-0.05, -0.10, -0.01)) is None


def test_people_needed_to_see_a_halving():
    # 0.20 and 0.10, mean 0.15: (1.960 √(2·0.15·0.85) + 0.842 √(0.16 + 0.09))² / 0.10²
    #                          = (0.9897 + 0.4208)² / 0.01 = 198.96
    assert needed_a_group(0.20, 0.80) == 199
    assert needed_a_group(0.10, 0.80) > needed_a_group(0.20, 0.80)
    assert needed_a_group(0.20, 0.90) > needed_a_group(0.20, 0.80)


def test_the_words_are_those_of_the_store_and_the_list():
    assert set(OUTCOMES) == set(QUEUES)
    for name in ("BY_RANK", "DRAWN_IN", "DRAWN_OUT"):
        assert getattr(told_as, name) == getattr(randomised, name)


# --- who counts ----------------------------------------------------------------------------------


def test_whoever_is_drawn_out_and_listed_later_stays_in_the_comparison_group():
    allocations, known = group("out", DRAWN_OUT, 60, 6)
    later = allocations.iloc[:4].assign(
        run_id="r2", allocation=BY_RANK, listed=True,
        as_of=[NIGHT + pd.Timedelta(days=d) for d in (1, 89, 90, 91)],
    )  # fmt: skip
    drawn = later.iloc[:1].assign(run_id="r3", allocation=DRAWN_IN)
    after = known.iloc[:4].assign(run_id="r2"), known.iloc[:1].assign(run_id="r3")
    made = one_queue(group("in", DRAWN_IN, 60, 3), (allocations, known), (later, after[0]),
                     (drawn, after[1]))  # fmt: skip
    assert (made.drawn.people, made.not_drawn.people) == (60, 60)
    assert (made.drawn.cases, made.not_drawn.cases) == (3, 6)
    assert made.listed_later == 3  # day 91 lies after his 90 days


def test_outcomes_that_are_not_known_are_left_out_and_counted():
    made = one_queue(group("in", DRAWN_IN, 60, 3, unknown=7), group("out", DRAWN_OUT, 55, 5))
    assert (made.drawn.people, made.drawn.known) == (67, 60)
    assert made.not_known == {NOT_OVER: (7, 0)}
    assert made.drawn.share == 3 / 60


def test_queues_are_told_apart():
    allocations, known = group("in", DRAWN_IN, 60, 3)
    made = of(group("in", DRAWN_IN, 60, 3), group("out", DRAWN_OUT, 60, 3),
              (allocations.assign(queue=DISCHARGED, run_id="r2"),
               known.assign(run_id="r2")))  # fmt: skip
    by_queue = {queue.queue: queue for queue in made.queues}
    assert by_queue[DISCHARGED].not_drawn.people == 0
    assert by_queue[DISCHARGED].estimate is None
    assert by_queue[HIGH_COST].estimate is not None
    assert (made.lists, made.first, made.last) == (2, "2024-03-01", "2024-03-01")


# --- what is not said ----------------------------------------------------------------------------


def test_where_nothing_was_drawn_nothing_is_said():
    with pytest.raises(RefusalError, match="no place on a list was ever given by a draw"):
        of(group("a", BY_RANK, 100, 20))


def test_too_few_say_nothing_but_how_many_would():
    made = one_queue(group("in", DRAWN_IN, 49, 5, unknown=9), group("out", DRAWN_OUT, 51, 15))
    assert made.estimate is None  # of 58 drawn the outcome of 49 is known
    assert (made.needed_at, made.needed) == (20 / 100, 199)  # 5 + 15 of 49 + 51
    assert one_queue(group("in", DRAWN_IN, 50, 5), group("out", DRAWN_OUT, 50, 15)).estimate


def test_of_too_few_cases_the_needed_size_is_that_of_an_assumed_risk():
    made = one_queue(group("in", DRAWN_IN, 10, 0), group("out", DRAWN_OUT, 10, 4))
    assert (made.needed_at, made.needed) == (0.10, needed_a_group(0.10, 0.80))


# --- an invented population with an effect of known size -----------------------------------------

PEOPLE, REPEATS = 900, 40
CAPACITY = Capacity(managers=4, slots=60, randomised_share=0.5)


def a_trial(effect: float, seed: int) -> tuple[Impact, float]:
    """One list of 240 places, half of them by a draw, and what became of everybody; with the true
    difference among those whom the draw reached.

    Who was admitted in the 90 days before is scored higher; whoever is listed has `effect` of his
    risk taken away.
    """
    rng = np.random.default_rng(seed)
    latent = rng.beta(2, 5, PEOPLE)
    before = rng.random(PEOPLE) < latent
    margin = np.log(latent / (1 - latent)) + 1.5 * before + rng.normal(0, 0.5, PEOPLE)
    scores = pd.DataFrame(
        {
            "patient_id": [f"{seed}-{n}" for n in range(PEOPLE)], "excluded": "",
            "readmission_margin": np.nan, "readmission_tier": None,
            "high_cost_margin": margin, "high_cost_tier": "high", "discharged_on": pd.NaT,
        }
    )  # fmt: skip
    made = worklist(scores, CAPACITY, date(2024, 3, 1))
    place = pd.Index(scores["patient_id"])
    listed = np.zeros(PEOPLE, dtype=bool)
    listed[place.get_indexer(pd.Index(made.entries["patient_id"]))] = True
    after = rng.random(PEOPLE) < latent * np.where(listed, 1 - effect, 1)
    allocation = scores["patient_id"].map(made.allocations.set_index("patient_id")["allocation"])
    reached = allocation.notna().to_numpy()
    rows = pd.DataFrame(
        {
            "run_id": "r1", "as_of": NIGHT, "newest_as_of": NIGHT,
            "patient_id": scores["patient_id"], "queue": HIGH_COST,
            "allocation": allocation.fillna(BY_RANK), "listed": listed,
            "discharged_on": pd.NaT, "risk": latent,
        }
    )[listed | reached]  # fmt: skip
    known = pd.DataFrame(
        {
            "run_id": "r1", "patient_id": scores["patient_id"], "until": UNTIL,
            "outcome": after.astype(float), "before": before.astype(float), "not_known": "",
        }
    )  # fmt: skip
    return impact(rows, known), float(effect * latent[reached].mean())


@pytest.mark.parametrize("effect", [0.0, 0.4])
def test_the_interval_covers_the_effect_that_was_built_in(effect):
    """Of 40 trials at 95 % fewer than 33 cover with a chance of one in a thousand."""
    covered, values, truths, helps = 0, [], [], 0
    for seed in range(REPEATS):
        made, truth = a_trial(effect, seed)
        estimate = made.queues[0].estimate
        assert estimate is not None
        covered += estimate.difference.low <= truth <= estimate.difference.high
        helps += estimate.to_call is not None
        values.append(estimate.difference.value)
        truths.append(truth)
    assert covered >= 33
    error = np.std(values) / np.sqrt(REPEATS)
    assert abs(np.mean(values) - np.mean(truths)) < 4 * error
    assert (helps > REPEATS / 2) == (effect > 0)


def test_without_any_effect_those_called_fall_all_the_same_and_so_do_the_others():
    falls = []
    for seed in range(10):
        estimate = a_trial(0.0, seed)[0].queues[0].estimate
        assert estimate is not None
        falls.append([(fall.before - fall.after) / fall.people
                      for fall in (estimate.called_by_rank, estimate.comparison)])  # fmt: skip
    called, others = np.mean(falls, axis=0)
    assert called > 0.10
    assert others > 0.05
