"""Who goes to whom: never more than there are places, nobody passed over for whom there was one."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from serving.list_settings import WorklistSettings
from serving.panels import Panel, Traits, equal_panels, panels_of_run, seated, spread

NORTH, SOUTH = Traits(region="north"), Traits(region="south")
UNKNOWN = Traits()


def panel(number, slots, **scope):
    return Panel(number=number, slots=slots, **{name: frozenset(v) for name, v in scope.items()})


@pytest.mark.parametrize(("scope", "traits", "takes"), [
    ({}, UNKNOWN, True),
    ({"regions": ["north"]}, NORTH, True),
    ({"regions": ["north"]}, SOUTH, False),
    ({"regions": ["north"]}, UNKNOWN, False),  # missing is missing
    ({"regions": ["north", "south"]}, SOUTH, True),
    ({"conditions": ["diabetes"]}, Traits(conditions=frozenset({"asthma", "diabetes"})), True),
    ({"conditions": ["diabetes"]}, NORTH, False),
    ({"regions": ["north"], "practices": ["P1"]}, Traits("north", "P1"), True),
    ({"regions": ["north"], "practices": ["P1"]}, Traits("north", "P2"), False),  # both
])  # fmt: skip
def test_whom_a_panel_takes(scope, traits, takes):
    assert panel(1, 1, **scope).takes(traits) is takes


def test_places_go_in_turn_where_nobody_is_known():
    assert seated(equal_panels(3, 2), None, [None] * 7) == [1, 2, 3, 1, 2, 3, None]


def test_each_panel_fills_by_its_own_size():
    """Of 2 and of 4 places: after the first each, the second panel has the smaller share taken."""
    panels = (panel(1, 2), panel(2, 4))
    assert seated(panels, None, [None] * 6) == [1, 2, 2, 1, 2, 2]


def test_a_patient_stays_with_who_knows_him():
    assert seated(equal_panels(2, 2), None, [2, None, 2, None]) == [2, 1, 2, 1]


def test_more_than_a_panel_can_hold_are_kept_by_their_order():
    assert seated(equal_panels(2, 2), None, [1, 1, 1, None]) == [1, 1, 2, 2]


def test_whoever_was_moved_to_a_panel_is_taken_by_it_whatever_it_asks():
    """The second panel asks for the south; of two from the north it takes the one put there."""
    panels = (panel(1, 1, regions=["north"]), panel(2, 1, regions=["south"]))
    moved = Traits(region="north", put_in=2)
    assert seated(panels, [NORTH, NORTH], [1, 1]) == [1, None]
    assert seated(panels, [NORTH, moved], [1, 2]) == [1, 2]
    assert not panels[0].takes(Traits(region="south", put_in=2))


def test_a_panel_that_is_spread_goes_where_the_smallest_share_is_taken():
    """
    panel  places  holds   shares after each
    1      4       2       3/4, 4/4
    2      2       0       1/2, 2/2
    """
    panels = (panel(1, 4), panel(2, 2))
    assert spread(4, panels, {1: 2, 2: 0}) == [2, 1, 1, 2]
    assert spread(2, panels, {1: 9, 2: 0}) == [2, 2]
    assert spread(0, (), {}) == []
    assert spread(1, (panel(1, 25), panel(2, 0)), {1: 25, 2: 0}) == [1]
    assert spread(2, (panel(1, 0), panel(2, 0)), {1: 0, 2: 0}) == [1, 2]


def test_the_panels_of_a_list_are_those_of_its_manifest():
    told = {"panels": [{"number": 1, "name": "North", "slots": 3}]}
    assert panels_of_run(told) == (Panel(number=1, slots=3, name="North"),)
    assert panels_of_run({"capacity": {"managers": 2, "slots": 4}}) == equal_panels(2, 4)
    assert panels_of_run({}) == ()


def test_whom_a_full_panel_knows_takes_nobody_s_turn():
    assert seated(equal_panels(3, 1), None, [1, None, 1]) == [1, 2, 3]


def test_a_panel_that_is_gone_or_has_no_places_knows_nobody():
    panels = (panel(1, 2), panel(2, 0))
    assert seated(panels, None, [2, 7]) == [1, 1]


def test_who_knows_somebody_outside_his_panel_does_not_keep_him():
    panels = (panel(1, 1, regions=["north"]), panel(2, 1, regions=["south"]))
    assert seated(panels, [SOUTH], [1]) == [2]


def test_nobody_is_passed_over_because_an_earlier_one_took_the_place_that_suits_him():
    panels = (panel(1, 1), panel(2, 1, regions=["north"]))
    assert seated(panels, [NORTH, SOUTH], [None, None]) == [2, 1]


def test_a_chain_of_three_moves_makes_room():
    panels = (
        panel(1, 1, regions=["a", "b"]), panel(2, 1, regions=["b", "c"]), panel(3, 1, regions=["c"])
    )  # fmt: skip
    a, b, c = (Traits(region=name) for name in "abc")
    assert seated(panels, [b, c, a], [None] * 3) == [2, 3, 1]


def test_two_panels_of_one_number_are_refused():
    with pytest.raises(ValidationError, match="the same number"):
        WorklistSettings(panels=(panel(1, 1), panel(1, 2)))


REGIONS = ("a", "b", "c")
_drawn = st.tuples(st.integers(0, 3), st.frozensets(st.sampled_from(REGIONS), max_size=2))
_panels = st.lists(_drawn, min_size=1, max_size=4).map(
    lambda drawn: [panel(n, slots, regions=of) for n, (slots, of) in enumerate(drawn, 1)]
)
_people = st.lists(
    st.tuples(
        st.sampled_from([*REGIONS, None]), st.sampled_from([None, 1, 2, 3, 9]),
        st.sampled_from([None, None, None, 1, 2]),
    ), max_size=14,
)  # fmt: skip


def fits(panels, traits):
    """One row a person and place of a panel: whether it takes him."""
    return np.array(
        [[one.takes(t) for one in panels for _ in range(one.slots)] for t in traits], dtype=np.int8
    ).reshape(len(traits), sum(one.slots for one in panels))


def most(panels, traits):
    """For how many of some people there is a place at once, by a matching of SciPy's."""
    matrix = fits(panels, traits)
    if not matrix.size:
        return 0
    return int((maximum_bipartite_matching(csr_array(matrix), "column") >= 0).sum())


@given(_panels, _people)
def test_promises_of_panels(panels, people):
    traits = [Traits(region=region, put_in=put_in) for region, _, put_in in people]
    known_to = [known for _, known, _ in people]
    found = seated(panels, traits, known_to)
    by_number = {one.number: one for one in panels}
    for number, count in Counter(n for n in found if n).items():
        assert count <= by_number[number].slots
    assert all(n is None or by_number[n].takes(t) for n, t in zip(found, traits, strict=True))
    # Whoever has no place could have none beside those who come before him and have one.
    before = []
    for one, number in zip(traits, found, strict=True):
        if number is None:
            assert most(panels, [*before, one]) == len(before)
        else:
            before.append(one)
    assert most(panels, before) == len(before) == most(panels, traits)
    assert seated(panels, traits, known_to) == found


@given(st.integers(1, 4), st.integers(0, 4), st.lists(st.sampled_from([None, 1, 2, 3, 9])))
def test_promises_of_panels_that_take_everybody(managers, slots, known_to):
    found = seated(equal_panels(managers, slots), None, known_to)
    places = managers * slots
    assert [n is not None for n in found] == [at < places for at in range(len(known_to))]
    listed = list(zip(found[:places], known_to, strict=False))
    for number in range(1, managers + 1):
        knows = [at for at, (_, known) in enumerate(listed) if known == number]
        kept = [at for at in knows if listed[at][0] == number]
        assert kept == knows[:slots]  # the first of those whom he knows, as far as there is room
    if not any(known in range(1, managers + 1) for _, known in listed):
        counts = Counter(found[:places])
        assert max(counts.values(), default=0) - min(
            (counts[n] for n in range(1, managers + 1)), default=0
        ) <= 1  # fmt: skip
