"""What is left of old nights, on both databases."""

from datetime import timedelta
from itertools import pairwise

import pandas as pd
import pytest
import sqlalchemy as sa

from data.errors import InputError
from serving.store import retention
from serving.store.night_tables import known, reason, score
from serving.store.retention import Retired, retire
from tests.serving.a_night import NIGHT, a_night, drawn, not_listed


@pytest.fixture
def nights(store, monkeypatch):
    """Four published nights and an abandoned one. On each list a and b; c was drawn out; of the
    five others nobody heard. Everybody has a reason and two known scores."""
    monkeypatch.setattr(retention, "ROWS_AT_A_TIME", 3)
    people = ("a", "b", "c", "u", "v", "w", "x", "y")
    told = [(p, name, 1.0, 1.0, "") for p in people for name in ("lace", "charlson")]
    made = []
    for n in range(4):
        made.append(store.start(NIGHT + timedelta(n)))
        night = not_listed(a_night(*people, known=told), *people[2:])
        store.publish(made[-1], *night, drawn(b="in", c="out"))
    store.abandon(store.start(NIGHT + timedelta(9)))
    return made


def counts(store, run_id):
    """Rows of a run by table."""
    with store.database.reading() as connection:
        return {
            table.name: connection.scalar(
                sa.select(sa.func.count()).select_from(table).where(table.c.run_id == run_id)
            )
            for table in (score, reason, known)
        }


WHOLE = {"score": 8, "reason": 8, "known_score": 16}
KEPT = {"score": 3, "reason": 0, "known_score": 0}


def test_the_newest_runs_are_whole_and_older_ones_keep_whom_they_named(store, nights):
    impact = store.allocations()
    assert retire(store.database, 2) == Retired(2, 2 * (5 + 8 + 16))
    assert [counts(store, run_id) for run_id in nights] == [KEPT, KEPT, WHOLE, WHOLE]
    statuses = ["retired", "retired", "published", "published", "abandoned"]
    assert [run.status for run in store.runs()] == statuses
    pd.testing.assert_frame_equal(store.allocations(), impact)
    assert [row["patient_id"] for row in store.worklist(nights[0])] == ["a", "b"]
    assert store.manager_of("a") == 1
    for patient in ("a", "x"):  # whoever was listed, and whoever was not
        assert [row["run_id"] for row in store.patient_over_time(patient)] == nights[2:]
    assert store.patient(nights[3], "x") is not None


def test_a_risk_over_time_is_not_told_from_the_nights_on_which_it_was_high(store):
    """Listed on the nights of 0.25 and 0.30, and not on those of 0.05 and 0.06."""
    days = [0.25, 0.05, 0.06, 0.30]
    for n, risk in enumerate(days):
        night = a_night("a", risk=risk) if risk > 0.2 else a_night(risk=risk, unlisted=["a"])
        store.publish(store.start(NIGHT + timedelta(n)), *night)

    def told():
        return [row["high_cost_risk"] for row in store.patient_over_time("a")]

    assert told() == days
    retire(store.database, 2)
    assert told() == days[2:]
    retire(store.database, 1)
    assert told() == days[3:]


def test_who_retires_twice_finds_nothing_the_second_time(store, nights):
    retire(store.database, 1)
    assert [counts(store, run_id) for run_id in nights] == [KEPT, KEPT, KEPT, WHOLE]
    assert retire(store.database, 1) == Retired(0, 0)


def test_as_many_as_there_are_keep_everything(store, nights):
    assert retire(store.database, 4) == Retired(0, 0)
    assert [counts(store, run_id) for run_id in nights] == [WHOLE] * 4


def test_the_run_that_readers_see_is_kept_whatever_else_is_newer(store, nights):
    with store.database.writing() as connection:
        connection.execute(sa.text("UPDATE published SET run_id = :r"), {"r": nights[0]})
    assert retire(store.database, 1).runs == 2
    assert counts(store, nights[0]) == WHOLE
    assert store.published().status == "published"


def test_what_was_left_undone_is_done_the_next_time(store, nights):
    """As where it was killed between two of its transactions."""
    with store.database.writing() as connection:
        connection.execute(
            sa.text("UPDATE run SET status = 'retired' WHERE run_id = :r"), {"r": nights[0]}
        )
        connection.execute(sa.text("DELETE FROM reason WHERE run_id = :r"), {"r": nights[0]})
    assert retire(store.database, 3) == Retired(0, 5 + 16)
    assert counts(store, nights[0]) == KEPT


def test_no_run_at_all_is_refused(store, nights):
    with pytest.raises(InputError, match=r"At least one run has to be kept\."):
        retire(store.database, 0)
    assert counts(store, nights[0]) == WHOLE


def test_each_of_its_transactions_is_short(store, nights):
    """Of three rows, and what else there is of the last one's patient: nobody who writes waits for
    more than that."""
    dropped = []

    def note(connection, cursor, statement, parameters, context, executemany):
        if statement.startswith("DELETE"):
            dropped.append(cursor.rowcount)

    sa.event.listen(store.database._engine, "after_cursor_execute", note)
    committed = []
    sa.event.listen(store.database._engine, "commit", lambda _: committed.append(len(dropped)))
    retire(store.database, 3)
    assert sum(dropped) == 5 + 8 + 16
    assert max(dropped) <= 4
    assert all(after - before <= 1 for before, after in pairwise(committed))
