"""What is told of the groups of one whole: no count that is not told can be had from the others."""

from __future__ import annotations

import itertools
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.small_cells import FEWEST_POSSIBLE, SMALLEST_SHOWN, Counts

OWN = Counts("own")


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        ([4988, 5003, 9], [4990, 5000, None]),  # 10,000 less 4,986..4,994 and 4,995..5,005: 1..10
        ([0, 12, 300], [0, 11, 300]),
        ([8, 12], [None, None]),  # 20 less 11..14 would leave 6..9
        ([8, 12, 0], [None, None, 0]),
        ([10, 10, 10], [None, None, None]),
        ([10, 10, 10, 0], [None, None, None, None]),  # 30 of three of at most 10 would tell all
        ([3, 4], [None, None]),  # the whole is under 11
        ([3, 0], [None, None]),
        ([0, 0], [0, 0]),
        ([26, 1], [None, None]),  # 27 less 26..34 would leave 1 alone
        ([200], [200]),
    ],
)
def test_counts_of_real_people_that_add_up_to_a_whole(numbers, told) -> None:
    assert OWN.together(numbers) == told


def test_what_is_kept_is_not_told_and_of_invented_people_everything_is() -> None:
    assert OWN.together([40, 50, 60], [True, False, False]) == [None, 50, 60]
    assert OWN.together([40, 5, 60], [False, True, False]) == [40, None, 60]
    assert Counts("invented").together([3, 0, 12]) == [3, 0, 12]


@pytest.mark.parametrize(
    ("parts", "wholes", "told"),
    [
        ([30, 40, 50], [30, 80, 100], [None, 40, 50]),  # nobody is left
        ([25, 40, 50], [30, 80, 100], [None, 40, 50]),  # 5 are left
        ([19, 40, 50], [30, 80, 100], [20, 40, 50]),  # 11 are left
        ([0, 40, 50], [0, 80, 100], [0, 40, 50]),
        ([14, 18], [14, 60], [None, 20]),  # 32 less 15..25 leaves 7..14 of the 14
        ([14, 25], [14, 60], [None, None]),  # 39 less 15..25 would leave all of the 14
    ],
)
def test_a_part_that_leaves_few_of_its_group_is_not_told(parts, wholes, told) -> None:
    assert OWN.parts(parts, wholes) == told
    assert Counts("invented").parts(parts, wholes) == parts


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=2, max_size=6),
)
def test_what_is_left_of_a_group_cannot_be_had_by_subtraction(groups) -> None:
    """Neither of the group, nor by all others from a whole that is known exactly."""
    parts, wholes = [part for part, _ in groups], [part + rest for part, rest in groups]
    told = OWN.parts(parts, wholes)
    if all(one is None for one, whole in zip(told, wholes, strict=True) if whole):
        return  # nothing is told that could be taken from a whole
    for place, (part, rest) in enumerate(groups):
        if told[place] is not None:
            assert part == 0 or rest >= SMALLEST_SHOWN
            continue
        others = [possible(other) for at, other in enumerate(told) if at != place]
        low = max(0, sum(parts) - sum(most for _, most in others))
        high = min(wholes[place], sum(parts) - sum(least for least, _ in others))
        assert low <= part <= high
        assert high - low + 1 >= min(FEWEST_POSSIBLE, sum(parts) + 1)


def possible(told: int | None) -> tuple[float, float]:
    """What a reader takes a count for: by the rule for single counts where it is told."""
    if told is None:
        return 0, float("inf")
    told_so = [
        number for number in (0, *range(SMALLEST_SHOWN, told + 12)) if OWN.drawn(number) == told
    ]
    return min(told_so), max(told_so)


@given(st.lists(st.integers(0, 60) | st.integers(0, 100_000), min_size=2, max_size=8))
def test_taking_the_others_from_the_whole_leaves_several_numbers(numbers: list[int]) -> None:
    told = OWN.together(numbers)
    whole = sum(numbers)
    for place, one in enumerate(told):
        if one is not None:
            assert one == OWN.drawn(numbers[place])
            assert numbers[place] == 0 or numbers[place] >= SMALLEST_SHOWN
            continue
        others = [possible(other) for at, other in enumerate(told) if at != place]
        low = max(0, whole - sum(most for _, most in others))
        high = min(whole, whole - sum(least for least, _ in others))
        assert low <= numbers[place] <= high
        assert high - low + 1 >= min(FEWEST_POSSIBLE, whole + 1)


@pytest.mark.parametrize(("groups", "under"), [(2, 42), (3, 32), (4, 22)])
def test_whoever_knows_the_rule_too_cannot_tell_a_count_for_certain(groups, under) -> None:
    """Every division of every whole, by what would be told of it."""
    worlds = defaultdict(lambda: [set() for _ in range(groups)])
    for numbers in itertools.product(range(under), repeat=groups):
        if SMALLEST_SHOWN <= sum(numbers) < under:
            told = tuple(OWN.together(numbers))
            for place, number in enumerate(numbers):
                worlds[sum(numbers), told][place].add(number)
    assert worlds
    for (_, told), held in worlds.items():
        for one, values in zip(told, held, strict=True):
            assert one is not None or len(values) > 1
