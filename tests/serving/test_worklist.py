"""The promises of the list: nobody ineligible, capacity kept, nobody twice, order by rule."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import InputError
from serving.worklist import (
    BEYOND_CAPACITY,
    NO_RISK,
    QUEUES,
    SCORE_COLUMNS,
    TIERS,
    Capacity,
    worklist,
)

EXCLUSIONS = ("died", "not covered", "in hospital now", "in hospice")


def person(patient_id, excluded="", readmission=None, high_cost=None):
    """`readmission` and `high_cost` are (margin, tier)."""
    nothing = (None, None)
    return (patient_id, excluded, *(readmission or nothing), *(high_cost or nothing))


def frame(*people):
    return pd.DataFrame(list(people), columns=list(SCORE_COLUMNS))


def listed(scores, managers=1, slots=100):
    return worklist(scores, Capacity(managers, slots)).entries


def test_the_higher_tier_comes_first_whatever_the_margin():
    scores = frame(
        person("low", high_cost=(0.9, "low")),
        person("moderate", high_cost=(0.5, "moderate")),
        person("high", high_cost=(0.1, "high")),
    )
    assert list(listed(scores)["patient_id"]) == ["high", "moderate", "low"]


def test_within_a_tier_the_recently_discharged_come_before_high_cost():
    scores = frame(
        person("year", high_cost=(0.99, "high")),
        person("month", readmission=(0.2, "high"), high_cost=(0.01, "low")),
    )
    entries = listed(scores)
    assert list(entries["patient_id"]) == ["month", "year"]
    assert list(entries["queue"]) == ["recently discharged", "high cost"]


def test_half_of_the_places_go_first_to_the_recently_discharged():
    scores = frame(
        *(person(f"year{n}", high_cost=(0.9 - n / 100, "high")) for n in range(6)),
        *(person(f"month{n}", readmission=(0.2 - n / 100, "moderate")) for n in range(3)),
        person("home", readmission=(0.05, "low")),
    )
    four = worklist(scores, Capacity(managers=1, slots=4)).entries  # 4 places, 2 kept
    assert list(four["patient_id"]) == ["month0", "month1", "year0", "year1"]
    none_kept = worklist(scores, Capacity(1, 4, kept_for_discharged=0)).entries
    assert list(none_kept["patient_id"]) == ["year0", "year1", "year2", "year3"]
    ten = worklist(scores, Capacity(managers=1, slots=10)).entries  # 5 kept, 3 take one
    assert list(ten["patient_id"])[:4] == ["month0", "month1", "month2", "year0"]
    assert list(ten["patient_id"])[-1] == "home"


def test_kept_places_that_the_recently_discharged_do_not_need_are_counted():
    """Whom another queue or tier brings onto the list takes none of them."""
    people = [
        person("month", readmission=(0.2, "moderate")),
        person("both", readmission=(0.1, "moderate"), high_cost=(0.9, "high")),
        person("home", readmission=(0.05, "low")),
        person("dead", "died", readmission=(0.9, "high")),
        *(person(f"year{n}", high_cost=(0.5, "high")) for n in range(9)),
    ]
    made = worklist(frame(*people), Capacity(managers=2, slots=5))  # 5 of 10 places are kept
    assert made.kept_unused == 5 - 2
    assert len(made.entries) == 10
    assert worklist(frame(*people), Capacity(managers=1, slots=3)).kept_unused == 0  # 1 is kept
    assert Capacity(managers=4, slots=25, kept_for_discharged=0.29).kept == 29
    assert worklist(frame(), Capacity(managers=2, slots=5)).kept_unused == 5


def test_a_higher_tier_of_high_cost_beside_it_takes_nobody_s_kept_place():
    scores = frame(
        person("both", readmission=(0.9, "moderate"), high_cost=(2.0, "high")),
        person("one", readmission=(0.6, "moderate"), high_cost=(0.1, "low")),
        person("year", high_cost=(3.0, "high")),
    )
    entries = worklist(scores, Capacity(managers=1, slots=2)).entries  # one place is kept
    assert list(entries["patient_id"]) == ["both", "year"]
    assert list(entries["queue"]) == ["recently discharged", "high cost"]
    assert list(entries["tier"]) == ["moderate", "high"]
    # without a kept place the higher tier says where somebody stands
    entries = worklist(scores, Capacity(1, 2, kept_for_discharged=0)).entries
    assert list(entries["patient_id"]) == ["year", "both"]


def test_somebody_stands_in_the_queue_whose_tier_put_him_there():
    scores = frame(person("a", readmission=(0.02, "low"), high_cost=(0.6, "high")))
    entry = listed(scores).iloc[0]
    assert (entry["tier"], entry["queue"]) == ("high", "high cost")


def test_equal_margins_go_by_patient_id():
    scores = frame(
        person("b", high_cost=(1.0, "high")),
        person("a", high_cost=(1.0, "high")),
        person("z", high_cost=(1.5, "high")),
    )
    assert list(listed(scores)["patient_id"]) == ["z", "a", "b"]


def test_the_list_is_dealt_in_turn_and_the_rest_is_kept_with_the_reason():
    scores = frame(*(person(f"p{n}", high_cost=(1 - n / 10, "high")) for n in range(5)))
    result = worklist(scores, Capacity(managers=2, slots=2))
    assert list(result.entries["manager"]) == [1, 2, 1, 2]
    assert list(result.entries["rank"]) == [1, 2, 3, 4]
    assert result.left_out.to_dict("records") == [{"patient_id": "p4", "reason": BEYOND_CAPACITY}]


def test_reasons_of_exclusion_are_counted():
    scores = frame(
        person("a", "died"),
        person("b", "in hospice", high_cost=(0.9, "high")),
        person("c", "in hospice"),
        person("d"),
    )
    result = worklist(scores, Capacity())
    assert result.entries.empty
    assert dict(result.left_out_counts) == {"in hospice": 2, "died": 1, NO_RISK: 1}


def test_a_person_twice_is_a_mistake():
    with pytest.raises(ValueError, match="one row a person"):
        worklist(frame(person("a"), person("a")), Capacity())


def test_a_capacity_without_a_manager_is_refused():
    with pytest.raises(InputError):
        Capacity(managers=0)
    with pytest.raises(InputError):
        Capacity(kept_for_discharged=1.5)


_scored = st.none() | st.tuples(
    st.sampled_from([-1.0, 0.0, 0.1, 0.1000001, 2.0]),
    st.sampled_from(TIERS),
)
_people = st.lists(
    st.tuples(st.sampled_from(["", "", "", *EXCLUSIONS]), _scored, _scored), max_size=25
)


@given(_people, st.integers(1, 4), st.integers(0, 5), st.randoms(use_true_random=False))
def test_promises(drawn, managers, slots, random):
    people = [person(f"p{n:02}", *parts) for n, parts in enumerate(drawn)]
    capacity = Capacity(managers, slots)
    result = worklist(frame(*people), capacity)
    entries, left_out = result.entries, result.left_out

    shuffled = list(people)
    random.shuffle(shuffled)
    again = worklist(frame(*shuffled), capacity)
    pd.testing.assert_frame_equal(entries, again.entries)
    pd.testing.assert_frame_equal(left_out, again.left_out)

    assert len(entries) <= capacity.places
    assert (entries["manager"].value_counts() <= slots).all()
    everyone = [*entries["patient_id"], *left_out["patient_id"]]
    assert sorted(everyone) == [p[0] for p in people]  # each person once: listed, or with a reason
    may_be_called = {
        p[0] for p, (excluded, r, h) in zip(people, drawn, strict=True) if not excluded and (r or h)
    }
    assert set(entries["patient_id"]) <= may_be_called
    assert len(entries) == min(capacity.places, len(may_be_called))
    places = [
        (TIERS.index(tier), QUEUES.index(queue))
        for tier, queue in zip(entries["tier"], entries["queue"], strict=True)
    ]
    kept = capacity.places // 2
    first = [place for place in places[:kept] if place[1] == 0 and place[0] < 2]
    assert places[: len(first)] == sorted(first)  # the discharged of high and moderate tier
    rest = places[len(first) :]
    assert rest == sorted(rest)
    margins = {p: (r, h) for (p, *_), (_, r, h) in zip(people, drawn, strict=True)}
    of_queue = [
        (place, -margins[patient][place[1]][0], patient)
        for place, patient in zip(places, entries["patient_id"], strict=True)
    ]
    for part in (of_queue[: len(first)], of_queue[len(first) :]):
        assert part == sorted(part)
