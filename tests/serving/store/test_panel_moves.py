"""Patients moved to another panel: where they stand then, who may undo it, what the nights make of
it."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from serving.night_list import NightList
from serving.panels import Panel
from serving.store import Store, lists, panel_moves
from serving.store.audit import Audit, AuditKey
from serving.store.database import Database
from serving.store.panel_moves import Move, MovedOnError, TooManyError
from serving.worklist import Capacity
from tests.serving.a_night import NIGHT
from tests.serving.store.test_night_list import FIRST, Nights, score
from tests.serving.store.test_panels_and_search import listed_for

NEXT = NIGHT + timedelta(days=1)


def record(database: Database) -> Audit:
    return Audit(database, AuditKey(b"k" * 32))


def move(database: Database, **where_to: tuple[int, int]) -> Move:
    with database.writing() as connection:
        return panel_moves.move(connection, record(database), where_to, NIGHT, "sue", "supervisor")


def take_back(database: Database, move_id: str) -> Move:
    with database.writing() as connection:
        return panel_moves.take_back(
            connection, record(database), move_id, NIGHT, "sue", "supervisor"
        )


def on_list(store: Store, run_id: str, manager: int | None = None) -> dict[str, int]:
    with store.database.reading() as connection:
        return {one["patient_id"]: one["manager"]
                for one in lists.entries(connection, run_id, manager)}  # fmt: skip


def by_hand(store: Store) -> dict[str, int]:
    with store.database.reading() as connection:
        return panel_moves.put_by_hand(connection)


def recorded(database: Database) -> list[tuple[str, dict[str, object]]]:
    with database.reading() as connection:
        rows = connection.execute(
            sa.text("SELECT patient_id, detail FROM audit WHERE what = 'moved' ORDER BY seq")
        )
        return [(row.patient_id, json.loads(row.detail)) for row in rows]


def test_whoever_is_moved_stands_on_the_other_list_at_once_and_the_older_list_stays(
    store: Store,
) -> None:
    older, newer = store.start(NIGHT), None
    store.publish(older, *listed_for(a=1, b=1))
    newer = store.start(NEXT)
    store.publish(newer, *listed_for(a=1, b=1))
    made = move(store.database, a=(1, 2))
    assert made.moved == {"a": (1, 2)}
    assert made.stayed == 0
    assert on_list(store, newer) == {"a": 2, "b": 1}
    assert on_list(store, newer, manager=2) == {"a": 2}
    assert on_list(store, older) == {"a": 1, "b": 1}
    assert store.manager_of("a") == 2
    assert [row["manager"] for row in store.worklist(newer)] == [2, 1]
    person, found = store.patient(newer, "a"), store.search(newer, manager=2)
    assert person is not None
    assert person["place"]["manager"] == 2
    assert [(row["patient_id"], row["place"]["manager"]) for row in found] == [("a", 2)]


def test_each_who_is_moved_is_in_the_record(store: Store) -> None:
    store.publish(store.start(NIGHT), *listed_for(a=1, b=1))
    made = move(store.database, a=(1, 2), b=(1, 3))
    back = take_back(store.database, made.move_id)
    told = {"move": made.move_id, "from": 1}
    undone = {"move": back.move_id, "to": 1, "undoes": made.move_id}
    assert recorded(store.database) == [
        ("a", told | {"to": 2}), ("b", told | {"to": 3}),
        ("a", undone | {"from": 2}), ("b", undone | {"from": 3}),
    ]  # fmt: skip
    assert record(store.database).verify().wrong is None


def test_whoever_was_moved_since_stays_where_he_is(store: Store) -> None:
    store.publish(store.start(NIGHT), *listed_for(a=1, b=1, c=1))
    first = move(store.database, a=(1, 2), b=(1, 2))
    move(store.database, a=(2, 3))
    again = move(store.database, a=(1, 2), c=(1, 2))
    assert (again.moved, again.stayed) == ({"c": (1, 2)}, 1)
    back = take_back(store.database, first.move_id)
    assert (back.moved, back.stayed) == ({"b": (2, 1)}, 1)
    assert [store.manager_of(p) for p in "abc"] == [3, 1, 2]


def test_a_move_of_nobody_is_refused_and_leaves_no_trace(store: Store) -> None:
    store.publish(store.start(NIGHT), *listed_for(a=1))
    for where_to in ({"a": (2, 3)}, {"nobody": (1, 2)}, {}):
        with pytest.raises(MovedOnError):
            move(store.database, **where_to)
    assert recorded(store.database) == []
    assert by_hand(store) == {}


def test_a_move_is_taken_back_once(store: Store) -> None:
    store.publish(store.start(NIGHT), *listed_for(a=1))
    made = move(store.database, a=(1, 2))
    back = take_back(store.database, made.move_id)
    for move_id in (made.move_id, "0" * 32):
        with pytest.raises(MovedOnError):
            take_back(store.database, move_id)
    assert store.manager_of("a") == 1
    assert by_hand(store) == {}
    with pytest.raises(MovedOnError):
        take_back(store.database, back.move_id)  # it is made anew instead
    with store.database.reading() as connection:
        newest = panel_moves.newest_moves(connection, 5)
    assert [(one["came_from"], one["went_to"], one["stands"]) for one in newest] == [(1, 2, False)]


def test_a_move_while_a_night_computes_outlives_its_list(store: Store) -> None:
    store.publish(store.start(NIGHT), *listed_for(a=1, b=1, c=1))
    move(store.database, c=(1, 2))
    night = store.start(NEXT)
    move(store.database, a=(1, 2))
    store.publish(night, *listed_for(a=1, b=1, c=1))
    assert on_list(store, night) == {"a": 2, "b": 1, "c": 1}
    assert by_hand(store) == {"a": 2}


def test_more_than_are_moved_at_once_are_refused(store: Store, monkeypatch) -> None:
    store.publish(store.start(NIGHT), *listed_for(a=1, b=1, c=1))
    monkeypatch.setattr(panel_moves, "MOST_AT_ONCE", 2)
    with pytest.raises(TooManyError, match="3 patients are more than are moved at once"):
        move(store.database, a=(1, 2), b=(1, 2), c=(1, 2))
    assert len(move(store.database, a=(1, 2), b=(1, 2)).moved) == 2


def test_a_move_and_a_list_of_many_do_not_lock_each_other_out(store: Store) -> None:
    everybody = {f"p{n:04}": 1 for n in range(1200)}
    store.publish(store.start(NIGHT), *listed_for(**everybody))
    night = store.start(NEXT)
    with ThreadPoolExecutor(2) as pool:
        published = pool.submit(store.publish, night, *listed_for(**everybody))
        moved = pool.submit(move, store.database, **dict.fromkeys(everybody, (1, 2)))
        published.result()
        assert len(moved.result().moved) == 1200
    assert set(on_list(store, night).values()) == {2}


def test_of_two_supervisors_at_once_one_moves_him(store: Store) -> None:
    store.publish(store.start(NIGHT), *listed_for(a=1))

    def try_it(to: int) -> bool:
        try:
            return bool(move(store.database, a=(1, to)).moved)
        except MovedOnError:
            return False

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(try_it, (2, 3, 4, 5)))
    assert sum(done) == 1
    assert store.manager_of("a") == 2 + done.index(True)
    assert len(recorded(store.database)) == 1


def managers(made: NightList) -> dict[str, int]:
    return dict(made.listed.entries[["patient_id", "manager"]].itertuples(index=False))


def test_the_nights_keep_to_a_move_whatever_the_panel_asks(database: Database) -> None:
    panels = (Panel(number=1, slots=2, regions=frozenset(("north",))),
              Panel(number=2, slots=2, regions=frozenset(("south",))))  # fmt: skip
    nights = Nights(Store(database), capacity=Capacity(of_panels=panels))
    people = [score(p, region="north") for p in "ab"]
    assert managers(nights.night(FIRST, *people)) == {"a": 1, "b": 1}
    move(database, a=(1, 2))
    for days in (1, 2):
        made = nights.night(FIRST + timedelta(days), *people)
        assert managers(made) == {"a": 2, "b": 1}
        assert by_hand(nights.store) == {"a": 2}


def test_where_that_panel_is_full_the_night_seats_him_elsewhere_and_the_move_is_over(
    database: Database,
) -> None:
    """Panel 2 has one place, which goes to whoever stands higher."""
    nights = Nights(Store(database), capacity=Capacity(of_panels=(
        Panel(number=1, slots=3), Panel(number=2, slots=1),
    )))  # fmt: skip
    people = [score(p) for p in "abc"]
    nights.night(FIRST, *people)
    where = {p: nights.store.manager_of(p) for p in "abc"}
    (holder,) = [p for p, n in where.items() if n == 2]
    last = [p for p in "abc" if p != holder][-1]
    move(database, **{last: (1, 2)})
    made = nights.night(FIRST + timedelta(days=1), *people)
    assert managers(made)[max(holder, last)] == 1
    assert managers(made)[min(holder, last)] == 2
    assert by_hand(nights.store) == ({last: 2} if last < holder else {})
