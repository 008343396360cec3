"""Whole lists or none: what a kill at any moment of a night leaves behind."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from data.errors import RefusalError
from serving.store import (
    ALLOCATION_COLUMNS,
    ENTRY_COLUMNS,
    KNOWN_COLUMNS,
    REASON_COLUMNS,
    SCORE_COLUMNS,
    Store,
)

ROOT = Path(__file__).resolve().parents[2]
NIGHT = date(2024, 12, 31)


def score(patient_id, risk=0.25, left_out=None, warnings=()):
    row = dict.fromkeys(SCORE_COLUMNS)
    row |= {"patient_id": patient_id, "left_out": left_out, "warnings": json.dumps(list(warnings))}
    row |= {"high_cost_risk": risk, "high_cost_margin": -1.0, "high_cost_tier": "high"}
    row |= {"high_cost_asked_on": NIGHT, "readmission_null_reason": "no discharge"}
    return row


def reason(patient_id, position=1, words="3 emergency visits in the last 90 days"):
    values = (patient_id, "high-cost", position, "emergency visits", words, 0.5, "raises", True)
    return dict(zip(REASON_COLUMNS, values, strict=True))


def a_night(*patients, risk=0.25, known=()):
    """What `Store.publish` is given beside a run id; `known`: rows of known scores."""
    scores = pd.DataFrame([score(p, risk) for p in patients], columns=list(SCORE_COLUMNS))
    reasons = pd.DataFrame([reason(p) for p in patients], columns=list(REASON_COLUMNS))
    entries = pd.DataFrame(
        [(n, 1, p, "high", "high cost") for n, p in enumerate(patients, 1)],
        columns=list(ENTRY_COLUMNS),
    )
    told = pd.DataFrame(known, columns=list(KNOWN_COLUMNS))
    return scores, reasons, entries, {"patients": len(patients)}, told


def drawn(**allocations):
    """Whom a draw reached, in the high-cost queue."""
    rows = [(p, "high cost", f"randomised {told}") for p, told in allocations.items()]
    return pd.DataFrame(rows, columns=list(ALLOCATION_COLUMNS))


def not_listed(night, *patients):
    scores, reasons, entries, *others = night
    return scores, reasons, entries[~entries["patient_id"].isin(patients)], *others


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "firstcall.db")
    yield store
    store.close()


def published_patients(store):
    run = store.published()
    return [row["patient_id"] for row in store.worklist(run.run_id)]


def test_before_the_first_night_nothing_is_published(store):
    assert store.published() is None


def test_a_published_night_is_read_back_to_the_last_bit(store):
    risk = 0.1 + 0.2
    run_id = store.start(NIGHT)
    store.publish(run_id, *a_night("a", "b", risk=risk))
    run = store.published()
    assert (run.run_id, run.as_of, run.status) == ("2024-12-31.1", NIGHT, "published")
    assert run.manifest == {"patients": 2}
    first, _ = store.worklist(run_id)
    assert first["high_cost_risk"] == risk
    assert first["high_cost_asked_on"] == NIGHT
    assert first["readmission_risk"] is None
    assert first["reasons"][0]["words"] == "3 emergency visits in the last 90 days"
    assert [row["rank"] for row in store.worklist(run_id, top=1)] == [1]
    assert store.worklist(run_id, manager=2) == []


def test_one_patient_with_place_and_reasons(store):
    run_id = store.start(NIGHT)
    store.publish(run_id, *a_night("a", "b"))
    found = store.patient(run_id, "b")
    assert found["place"] == {"rank": 2, "manager": 1, "tier": "high", "queue": "high cost"}
    assert len(found["reasons"]) == 1
    assert store.patient(run_id, "nobody") is None


def test_readers_keep_the_old_list_until_the_new_one_is_whole(store, tmp_path):
    store.publish(store.start(NIGHT), *a_night("old"))
    run_id = store.start(NIGHT)
    reader = Store(tmp_path / "firstcall.db")
    assert published_patients(reader) == ["old"]
    store.publish(run_id, *a_night("new", "newer"))
    assert published_patients(reader) == ["new", "newer"]
    reader.close()


def test_an_abandoned_night_changes_nothing(store):
    store.publish(store.start(NIGHT), *a_night("old"))
    store.abandon(store.start(NIGHT))
    assert published_patients(store) == ["old"]
    assert [run.status for run in store.runs()] == ["published", "abandoned"]


def test_only_an_open_run_can_be_published(store):
    run_id = store.start(NIGHT)
    store.publish(run_id, *a_night("a"))
    with pytest.raises(ValueError, match="open run"):
        store.publish(run_id, *a_night("b"))
    assert published_patients(store) == ["a"]


def test_two_nights_at_once_are_refused(store, tmp_path):
    other = Store(tmp_path / "firstcall.db")
    with store.night(), pytest.raises(RefusalError, match="Another night"), other.night():
        pass
    with other.night():
        pass
    other.close()


def test_a_list_holds_no_run_id_and_no_clock(store):
    runs = []
    for _ in range(2):
        runs.append(store.start(NIGHT))
        store.publish(runs[-1], *a_night("a", "b"))
    first, second = (store.worklist(run_id) for run_id in runs)
    assert first == second
    assert not {"run_id", "started_at", "finished_at"} & set(first[0])


def test_the_allocations_of_each_list_are_told_in_the_order_of_publication(store):
    first = not_listed(a_night("a", "b", "c"), "c")
    store.publish(store.start(NIGHT), *first, drawn(b="in", c="out"))
    store.publish(store.start(NIGHT + timedelta(1)), *a_night("c"))
    store.start(NIGHT + timedelta(2))  # a night that was never published
    told = store.allocations()
    columns = ["run_id", "patient_id", "allocation", "listed"]
    assert [tuple(row) for row in told[columns].to_numpy()] == [
        ("2024-12-31.1", "a", "by rank", True),
        ("2024-12-31.1", "b", "randomised in", True),
        ("2024-12-31.1", "c", "randomised out", False),
        ("2025-01-01.1", "c", "by rank", True),
    ]
    assert list(told["as_of"].dt.date) == [NIGHT, NIGHT, NIGHT, NIGHT + timedelta(1)]
    assert list(told["queue"]) == ["high cost"] * 4
    assert list(told["risk"]) == [0.25] * 4


def test_a_list_of_an_earlier_day_than_the_one_before_is_a_replay_until_that_is_abandoned(store):
    store.publish(store.start(NIGHT), *a_night("a"))
    store.publish(store.start(NIGHT - timedelta(90)), *a_night("b"), drawn(b="in"))
    made = store.allocations()
    replay = made["as_of"] < made["newest_as_of"]
    assert list(zip(made["patient_id"], replay, strict=True)) == [("a", False), ("b", True)]
    assert list(made["newest_as_of"].dt.date) == [NIGHT, NIGHT]
    # what `firstcall impact` says to do where the --as-of of that night was mistyped
    with store._engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE run SET status = 'abandoned' WHERE as_of = :day"), {"day": NIGHT}
        )
    made = store.allocations()
    assert list(made["patient_id"]) == ["b"]
    assert (made["as_of"] == made["newest_as_of"]).all()


def test_without_a_night_there_are_no_allocations(store):
    assert store.allocations().empty


def test_a_store_of_before_allocations_is_given_their_table(tmp_path):
    path = tmp_path / "firstcall.db"
    store = Store(path)
    store.publish(store.start(NIGHT), *a_night("old"))
    with store._engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE allocation"))
    store.close()
    again = Store(path)
    assert list(again.allocations()["allocation"]) == ["by rank"]
    again.publish(again.start(NIGHT), *a_night("new"), drawn(new="in"))
    assert list(again.allocations()["allocation"]) == ["by rank", "randomised in"]
    again.close()


def test_what_cannot_be_kept_of_a_draw_keeps_the_whole_night_back(store):
    store.publish(store.start(NIGHT), *a_night("old"))
    twice = pd.concat([drawn(new="in"), drawn(new="out")])
    with pytest.raises(sa.exc.IntegrityError):
        store.publish(store.start(NIGHT), *a_night("new"), twice)
    assert published_patients(store) == ["old"]
    assert list(store.allocations()["patient_id"]) == ["old"]


CHILD = textwrap.dedent(
    """
    import os, signal, sys
    from pathlib import Path
    import sqlalchemy as sa
    from serving.store import Store
    from tests.serving.test_store import NIGHT, a_night, drawn

    path, moment = Path(sys.argv[1]), int(sys.argv[2])
    by_draw = drawn(new000000="in") if len(sys.argv) > 3 else None
    store = Store(path)
    with store.night():
        run_id = store.start(NIGHT)
        seen = 0

        def die(*_):
            global seen
            seen += 1
            if seen == moment:
                os.kill(os.getpid(), signal.SIGKILL)

        sa.event.listen(store._engine, "before_cursor_execute", die)
        sa.event.listen(store._engine, "commit", die)
        store.publish(run_id, *a_night(*(f"new{n:06}" for n in range(20_001))), by_draw)
    print("published", seen, flush=True)
    """
)


def night_killed_at(moment, path, *more):
    return subprocess.run(
        [sys.executable, "-c", CHILD, str(path), str(moment), *more],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


@pytest.mark.parametrize("moment", [1, 4, 8, 10, 11])
def test_a_night_killed_at_any_statement_leaves_last_nights_list(tmp_path, moment):
    """Moments: BEGIN, the run's row, then scores, reasons and list in two batches each, the
    pointer in two statements, and as the eleventh the commit itself."""
    path = tmp_path / "firstcall.db"
    store = Store(path)
    store.publish(store.start(NIGHT), *a_night("old"))

    died = night_killed_at(moment, path)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert published_patients(store) == ["old"]

    with store.night():  # the dead night holds no right any more
        store.publish(store.start(NIGHT), *a_night("next"))
    assert published_patients(store) == ["next"]
    assert [run.status for run in store.runs()] == ["published", "abandoned", "published"]
    store.close()


@pytest.mark.parametrize("moment", [10, 12])
def test_allocations_are_published_with_their_list_or_not_at_all(tmp_path, moment):
    """As above, with the draw as the ninth statement: just after it, and at the commit."""
    path = tmp_path / "firstcall.db"
    store = Store(path)
    store.publish(store.start(NIGHT), *a_night("old"))
    died = night_killed_at(moment, path, "with a draw")
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert published_patients(store) == ["old"]
    with store._engine.begin() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM allocation")) == 0
    store.close()


def test_the_killed_moments_reach_up_to_the_commit(tmp_path):
    path = tmp_path / "firstcall.db"
    done = night_killed_at(-1, path)
    assert done.stdout.split() == ["published", "11"], done.stderr
    store = Store(path)
    assert len(published_patients(store)) == 20_001
    store.close()
    done = night_killed_at(-1, path, "with a draw")
    assert done.stdout.split() == ["published", "12"], done.stderr
