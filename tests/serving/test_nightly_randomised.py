"""A night whose last places go by a draw, on a small invented population, up to what is told."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date, timedelta

import pandas as pd
import pytest

from data.home import Home
from data.small_cells import Counts
from serving.nightly import run_night
from serving.printed import print_night
from serving.randomised import BY_RANK, DRAWN_IN, DRAWN_OUT
from serving.store import Store
from serving.worklist import BEYOND_CAPACITY, Capacity
from tests.serving.list_bytes import list_bytes
from training.effects.impact import ImpactSettings, impact
from training.effects.impact_outcomes import outcomes_of
from training.effects.printed_impact import print_impact

NIGHT = date(2024, 4, 30)
PLAIN = Capacity(managers=3, slots=20)
DRAWN = replace(PLAIN, randomised_share=0.5)  # 30 places by rank, 30 by the draw


@pytest.fixture(scope="module")
def home(small_home, tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn") / "home"
    shutil.copytree(small_home.root, folder, symlinks=True)
    return Home(folder)


@pytest.fixture(scope="module")
def nights(home):
    """Without a draw, with one, with the same once more, and one of the day after."""
    return [run_night(home, day, capacity)
            for day, capacity in ((NIGHT, PLAIN), (NIGHT, DRAWN), (NIGHT, DRAWN),
                                  (NIGHT + timedelta(1), DRAWN))]  # fmt: skip


@pytest.fixture
def store(home, nights):
    store = Store.of_home(home)
    yield store
    store.close()


def ranks(store, night):
    return [row["patient_id"] for row in store.worklist(night.run_id)]


def test_the_first_places_are_as_without_a_draw_and_the_list_does_not_tell(store, nights):
    plain, drawn, *_ = nights
    assert ranks(store, drawn)[:30] == ranks(store, plain)[:30]
    assert len(ranks(store, drawn)) == len(ranks(store, plain)) == 60
    one, other = (store.worklist(night.run_id)[0] for night in (plain, drawn))
    assert set(one) == set(other)


def test_the_same_draw_twice_gives_the_same_bytes(store, nights):
    _, one, other, _ = nights
    assert list_bytes(store, one.run_id) == list_bytes(store, other.run_id)
    assert replace(other, run_id=one.run_id) == one
    told = store.allocations()
    first, second = (told[told["run_id"] == night.run_id].drop(columns="run_id")
                     for night in (one, other))  # fmt: skip
    pd.testing.assert_frame_equal(first.reset_index(drop=True), second.reset_index(drop=True))


def test_the_store_tells_who_was_drawn_and_the_person_is_beyond_capacity_like_others(store, nights):
    _, drawn, *_ = nights
    told = store.allocations()
    told = told[told["run_id"] == drawn.run_id].set_index("patient_id")
    counts = told["allocation"].value_counts()
    assert counts[BY_RANK] == 30  # nobody of the high readmission tier stands in this band
    assert counts[DRAWN_IN] == drawn.drawn[DRAWN_IN] == 30
    assert counts[DRAWN_OUT] == drawn.drawn[DRAWN_OUT] > 10
    assert sorted(told.index[told["listed"]]) == sorted(ranks(store, drawn))
    for patient in told.index[told["allocation"] == DRAWN_OUT]:
        found = store.patient(drawn.run_id, patient)
        assert found["left_out"] == BEYOND_CAPACITY
        assert found["place"] is None
        task = "high_cost" if told.loc[patient, "queue"] == "high cost" else "readmission"
        assert told.loc[patient, "risk"] == found[f"{task}_risk"]


def test_nobody_flips_overnight(store, nights):
    told = store.allocations()
    was, now = (
        told[(told["run_id"] == n.run_id) & (told["allocation"] != BY_RANK)] for n in nights[2:]
    )
    both = was.merge(now, on=["patient_id", "queue", "discharged_on"])
    assert len(both) > 20
    assert list(both["allocation_x"]) == list(both["allocation_y"])


def test_the_manifest_names_the_draw_and_only_where_there_was_one(store, nights):
    by_run = {run.run_id: run.manifest for run in store.runs()}
    plain, drawn, *_ = nights
    assert "randomised" not in by_run[plain.run_id]
    assert by_run[drawn.run_id]["randomised"] == {"share": 0.5, "salt": DRAWN.salt}
    assert plain.drawn == {}


def test_the_night_says_how_many_were_drawn(nights, capsys):
    plain, drawn, *_ = nights
    print_night(plain)
    assert "draw" not in capsys.readouterr().out
    print_night(drawn)
    said = " ".join(capsys.readouterr().out.split())
    assert "places given by a draw 30 drawn for them 30" in said
    assert f"not drawn, and the comparison group {drawn.drawn[DRAWN_OUT]}" in said


def test_a_night_says_that_its_draw_will_not_count(home, nights, tmp_path):
    assert not any("say nothing of what calls do" in w for night in nights for w in night.warnings)
    copy = Home(tmp_path / "home")
    shutil.copytree(home.root, copy.root, symlinks=True)
    later = run_night(copy, NIGHT, DRAWN)  # after that of the day after, which the fixture made
    assert any(
        w.startswith("the places drawn here say nothing of what calls do, because a list of "
                     f"{NIGHT + timedelta(1)} was published before") for w in later.warnings
    )  # fmt: skip
    assert not any("say nothing" in w for w in run_night(copy, NIGHT, PLAIN).warnings)


def test_the_whole_walk_from_a_night_to_what_the_calls_do(home, store, capsys):
    """Three months later the outcomes are known; nobody was called, so that an interval that can be
    told holds 0."""
    allocations = store.allocations()
    outcomes = outcomes_of(home, allocations)
    assert list(outcomes["patient_id"]) == list(allocations["patient_id"])
    told = impact(allocations, outcomes, ImpactSettings(fewest=5))
    assert (told.lists, told.first, told.last) == (3, "2024-04-30", "2024-05-01")
    queues = {queue.queue: queue for queue in told.queues}
    costly = queues["high cost"]
    assert costly.estimate is not None
    assert costly.estimate.difference.low < 0 < costly.estimate.difference.high
    assert costly.estimate.to_call is None
    known = costly.drawn.known + sum(drawn for drawn, _ in costly.not_known.values())
    assert known == costly.drawn.people
    print_impact(told, Counts("invented"))
    assert "people fall back by themselves" in capsys.readouterr().out
    print_impact(impact(allocations, outcomes))
    few = capsys.readouterr().out
    assert "cannot be said: the outcome is known of" in few
    assert "fall back" not in few
