"""The draw of the last places: fair, steady, and never at the cost of those near the top."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import InputError
from serving.randomised import (
    BY_RANK,
    DRAWN_IN,
    DRAWN_OUT,
    SALT,
    allocated,
    coin,
    episode_of,
    on_list,
    told,
)
from serving.worklist import BEYOND_CAPACITY, SCORE_COLUMNS, TIERS, Capacity, worklist

NIGHT = date(2024, 5, 31)
LEFT_ON = pd.Timestamp("2024-05-20")


def order(*patients: str, high: tuple[str, ...] = (), queue: str = "high cost") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "patient_id": list(patients),
            "queue": queue,
            "high_readmission": [patient in high for patient in patients],
            "discharged_on": LEFT_ON,
        }
    )


TEN = tuple(f"p{n}" for n in range(10))
SPEC = "spec 20"
"""By this salt p0 to p9 threw THTHTHTHHT in the high-cost queue of 2024."""


def thrown(salt: str, people: int) -> str:
    coins = (coin(salt, "high cost", f"p{n}", "2024") for n in range(people))
    return "".join("H" if heads else "T" for heads in coins)


def test_a_coin_falls_the_same_on_every_machine() -> None:
    assert thrown(SPEC, 10) == "THTHTHTHHT"
    assert thrown(SALT, 24) == "HHHHHHHHTTTHTHTTTTHHTTTH"


def test_a_coin_tells_its_parts_apart() -> None:
    """Two people whose texts run together into one have coins of their own."""
    one = [coin(SALT, "high cost", f"a{n}", "2024") for n in range(64)]
    other = [coin(SALT, "high cost", "a", f"{n}2024") for n in range(64)]
    assert one != other


def test_the_places_by_rank_then_a_coin_each_until_the_places_are_taken() -> None:
    # 5 places, 2 by the draw: p0 p1 p2 by rank; p3 H, p4 T, p5 H; then the list is full
    made = allocated(order(*TEN), places=5, by_draw=2, as_of=NIGHT, salt=SPEC)
    assert list(made) == [BY_RANK] * 3 + [DRAWN_IN, DRAWN_OUT, DRAWN_IN] + [""] * 4
    assert list(np.flatnonzero(on_list(made, 5))) == [0, 1, 2, 3, 5]


def test_the_high_readmission_tier_takes_a_place_without_a_coin() -> None:
    # p4 lost above; in the high tier it takes the second drawn place, and p5 is not reached
    made = allocated(order(*TEN, high=("p4",)), places=5, by_draw=2, as_of=NIGHT, salt=SPEC)
    assert list(made) == [BY_RANK] * 3 + [DRAWN_IN, BY_RANK] + [""] * 5


def test_who_fits_on_the_list_is_on_it() -> None:
    made = allocated(order(*TEN), places=10, by_draw=5, as_of=NIGHT, salt=SPEC)
    assert list(made) == [BY_RANK] * 10


def test_no_more_places_are_drawn_than_people_lie_beyond_the_list() -> None:
    # 8 places, up to 4 by the draw, but 2 people beyond: 6 by rank, then p6 T, p7 H, p8 H
    made = allocated(order(*TEN), places=8, by_draw=4, as_of=NIGHT, salt=SPEC)
    assert list(made) == [BY_RANK] * 6 + [DRAWN_OUT, DRAWN_IN, DRAWN_IN, ""]


def test_a_place_that_nobody_is_left_to_take_is_not_kept_empty() -> None:
    # p0 T, p2 T, p4 T, p6 T and p1 H for 2 places after none by rank: one place is left over
    few = order("p0", "p2", "p4", "p1")
    made = allocated(few, places=2, by_draw=2, as_of=NIGHT, salt=SPEC)
    assert list(made) == [DRAWN_OUT] * 3 + [DRAWN_IN]
    assert list(on_list(made, 2)) == [True, False, False, True]


def test_a_draw_without_the_day_of_the_list_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="day of the list"):
        allocated(order(*TEN), places=5, by_draw=2, as_of=None)


def test_an_episode_is_the_discharge_or_the_year() -> None:
    assert episode_of("recently discharged", LEFT_ON, NIGHT) == "2024-05-20"
    assert episode_of("high cost", None, NIGHT) == "2024"


def test_a_new_discharge_or_year_is_a_new_draw() -> None:
    for queue, episodes in (("high cost", ("2024", "2025")),
                            ("recently discharged", ("2024-05-20", "2024-08-01"))):  # fmt: skip
        one, other = ([coin(SALT, queue, p, e) for p in range(200)] for e in episodes)
        assert 60 < sum(a != b for a, b in zip(one, other, strict=True)) < 140


def test_everybody_reached_has_a_chance_of_one_half_whatever_his_place() -> None:
    """Over many draws of the same order: at each place the share drawn in of those reached lies
    within 4.5 standard errors of one half, at the end of the band too, where the draw stops."""
    people = order(*(f"p{n}" for n in range(60)))
    reached, drawn, sizes = np.zeros(60), np.zeros(60), []
    for salt in range(3000):
        made = allocated(people, places=20, by_draw=10, as_of=NIGHT, salt=str(salt))
        reached += np.isin(made, (DRAWN_IN, DRAWN_OUT))
        drawn += made == DRAWN_IN
        sizes.append(int((made == DRAWN_OUT).sum()))
    assert not reached[:10].any()
    judged = reached >= 30
    assert judged[10:36].all()
    off = (drawn - reached / 2)[judged] / np.sqrt(reached[judged] / 4)
    assert np.abs(off).max() < 4.5
    # as many are not drawn as are drawn: tails before the tenth heads, 10 on average
    assert abs(np.mean(sizes) - 10) < 4.5 * np.sqrt(20 / 3000)


def test_an_allocation_knows_nothing_of_the_risk() -> None:
    """A year of lists of other people each: the mean risks of both groups differ by chance."""
    rng = np.random.default_rng(3)
    risks: dict[str, list[float]] = {DRAWN_IN: [], DRAWN_OUT: []}
    for night in range(365):
        risk = np.sort(rng.beta(2, 6, 300))[::-1]
        people = order(*(f"{night}-{n}" for n in range(300)))
        made = allocated(people, places=100, by_draw=10, as_of=NIGHT)
        for name, found in risks.items():
            found.extend(risk[made == name])
    drawn, others = (np.array(risks[name]) for name in (DRAWN_IN, DRAWN_OUT))
    error = np.sqrt(drawn.var() / len(drawn) + others.var() / len(others))
    assert len(drawn) == 3650
    assert abs(drawn.mean() - others.mean()) < 4 * error


# --- on whole lists ------------------------------------------------------------------------------

_scored = st.none() | st.tuples(st.floats(-3, 3), st.sampled_from(TIERS))
_people = st.lists(
    st.tuples(st.sampled_from(["", "", "", "died"]), _scored, _scored), min_size=1, max_size=30
)


def scores_of(drawn, first: int = 0) -> pd.DataFrame:
    rows = [
        (f"p{n:02}", excluded, *(r or (None, None)), *(h or (None, None)), LEFT_ON if r else None)
        for n, (excluded, r, h) in enumerate(drawn, first)
    ]
    return pd.DataFrame(rows, columns=[*SCORE_COLUMNS, "discharged_on"])


@settings(max_examples=60)
@given(_people, st.integers(1, 3), st.integers(1, 4), st.sampled_from([0.34, 0.5]))
def test_promises_of_a_list_with_drawn_places(drawn, managers, slots, share) -> None:
    if int(managers * slots * share) == 0:
        return
    scores = scores_of(drawn)
    plain = worklist(scores, Capacity(managers, slots))
    assert plain.allocations.empty
    capacity = Capacity(managers, slots, randomised_share=share)
    made = worklist(scores, capacity, NIGHT)
    by_rank, places = list(plain.entries["patient_id"]), capacity.places

    # as many are listed as without a draw, and everybody stands once, on the list or with a reason
    listed = list(made.entries["patient_id"])
    assert len(listed) == len(by_rank)
    assert list(made.entries["rank"]) == list(range(1, len(listed) + 1))
    everyone = [*listed, *made.left_out["patient_id"]]
    assert sorted(everyone) == sorted(scores["patient_id"])
    assert made.kept_unused == plain.kept_unused

    # nobody above the drawn places is in the band, and all of them are where they were
    certain = by_rank[: places - capacity.drawn]
    assert listed[: len(certain)] == certain
    of = made.allocations.set_index("patient_id")["allocation"]
    assert not set(certain) & set(of.index)

    # nobody of the high readmission tier is ever drawn for, or passed over for somebody drawn
    high = set(scores.loc[scores["readmission_tier"] == "high", "patient_id"])
    assert not high & set(of.index)
    if high - set(listed) - set(scores.loc[scores["excluded"] != "", "patient_id"]):
        assert set(listed) <= high

    # who is drawn in is listed; who is not is beyond capacity, unless nobody else was left
    ins, outs = ({p for p in of.index if of[p] == name} for name in (DRAWN_IN, DRAWN_OUT))
    assert ins <= set(listed)
    beyond = set(made.left_out.loc[made.left_out["reason"] == BEYOND_CAPACITY, "patient_id"])
    assert outs <= beyond | set(listed)
    if outs & set(listed):
        assert beyond <= outs
    if len(by_rank) + len(beyond) <= places:
        assert of.empty
    # the draw of each is his own coin
    queues = made.allocations.set_index("patient_id")["queue"]
    for patient, allocation in of.items():
        episode = episode_of(queues[patient], LEFT_ON, NIGHT)
        assert (allocation == DRAWN_IN) == coin(SALT, queues[patient], patient, episode)


@settings(max_examples=30)
@given(_people, _people, st.dates(NIGHT, date(2024, 12, 31)))
def test_nobody_flips_while_his_episode_lasts_whoever_else_comes_or_goes(one, more, later) -> None:
    capacity = Capacity(1, 6, randomised_share=0.5)
    tonight = worklist(scores_of(one), capacity, NIGHT).allocations
    others = pd.concat([scores_of(one), scores_of(more, 100)], ignore_index=True)
    then = worklist(others, capacity, later).allocations
    both = tonight.merge(then, on=["patient_id", "queue"])
    assert list(both["allocation_x"]) == list(both["allocation_y"])


def test_a_share_of_nothing_changes_nothing() -> None:
    rng = np.random.default_rng(5)
    drawn = [("", (float(r), str(t)), None) for r, t in zip(
        rng.normal(size=40), rng.choice(TIERS, 40), strict=True)]  # fmt: skip
    scores = scores_of(drawn).drop(columns="discharged_on")
    one, other = (worklist(scores, c) for c in (Capacity(2, 5), Capacity(2, 5, 0.5, 0.0)))
    pd.testing.assert_frame_equal(one.entries, other.entries)
    pd.testing.assert_frame_equal(one.left_out, other.left_out)
    assert other.allocations.empty


@pytest.mark.parametrize("share", [-0.1, 0.51, float("nan")])
def test_a_share_beyond_one_half_is_refused(share: float) -> None:
    with pytest.raises(InputError, match=r"between 0 and 0\.5"):
        Capacity(randomised_share=share)


def test_a_share_of_less_than_one_place_is_refused() -> None:
    with pytest.raises(InputError, match="less than one of 4 places"):
        Capacity(1, 4, randomised_share=0.2)


@pytest.mark.parametrize(
    ("places", "share", "drawn"), [(100, 0.1, 10), (100, 0.29, 29), (7, 0.5, 3)]
)
def test_the_share_is_rounded_down_to_places(places: int, share: float, drawn: int) -> None:
    assert Capacity(1, places, randomised_share=share).drawn == drawn


# --- as the store tells it -----------------------------------------------------------------------


def published(run_id: str, as_of: date, patient: str, **more) -> dict:
    row = {"run_id": run_id, "as_of": as_of, "patient_id": patient, "allocation": None,
           "queue": "high cost", "listed": True, "discharged_on": None,
           "readmission_risk": 0.2, "high_cost_risk": 0.4,
           "started_at": datetime.combine(as_of, time(23, 30), UTC)}  # fmt: skip
    return row | more


def test_the_day_on_which_a_list_was_made_is_told_beside_the_one_that_it_is_of() -> None:
    made = told(pd.DataFrame([
        published("r1", date(2024, 5, 1), "anna"),
        published("r2", date(2024, 5, 1), "anna", started_at=datetime(2024, 6, 8, 3, tzinfo=UTC)),
    ]))  # fmt: skip
    assert list((made["begun_on"] - made["as_of"]).dt.days) == [0, 38]


def test_a_replay_is_told_by_the_later_day_that_was_published_before_it() -> None:
    """Of lists of days 1, 3, 2 and 3 in this order, the third was never acted on."""
    days = [date(2024, 5, day) for day in (1, 3, 2, 3)]
    rows = told(pd.DataFrame([published(f"r{n}", day, "anna") for n, day in enumerate(days)]))
    assert list(rows["newest_as_of"].dt.day) == [1, 3, 3, 3]
    replay = rows["as_of"] < rows["newest_as_of"]
    assert list(rows.loc[replay, "run_id"]) == ["r2"]


def test_whoever_was_not_drawn_for_was_listed_by_rank_and_the_risk_is_that_of_his_queue() -> None:
    rows = pd.DataFrame([
        published("r", NIGHT, "anna"),
        published("r", NIGHT, "bert", queue="recently discharged", discharged_on=LEFT_ON.date(),
                  allocation=DRAWN_OUT, listed=False),
    ])  # fmt: skip
    anna, bert = told(rows).to_dict("records")
    assert (anna["allocation"], anna["listed"], anna["risk"]) == (BY_RANK, True, 0.4)
    assert (bert["allocation"], bert["listed"], bert["risk"]) == (DRAWN_OUT, False, 0.2)
    assert bert["discharged_on"] == LEFT_ON
    assert Counter(told(rows.iloc[:0]).columns) == Counter(told(rows).columns)
