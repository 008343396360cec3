"""Whole lists or none, and what is read back of them: on SQLite and on PostgreSQL."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
import sqlalchemy as sa

from data.errors import RefusalError
from data.home import Home
from serving.store import ENTRY_COLUMNS, Store
from serving.store.database import Database
from tests.serving.a_night import NIGHT, a_night, drawn, not_listed, reason

FAMILY = "Zoë 👩‍👩‍👧 O'Brien"


@pytest.fixture
def other(database):
    """The same database, opened once more."""
    other = Store(Database.open(database._engine.url.render_as_string(hide_password=False)))
    yield other
    other.close()


def published_patients(store):
    run = store.published()
    return [row["patient_id"] for row in store.worklist(run.run_id)]


def test_before_the_first_night_nothing_is_published(store):
    assert store.published() is None
    assert store.runs() == []
    assert store.allocations().empty


def test_the_store_of_a_home_lies_in_it(tmp_path):
    store = Store.of_home(Home(tmp_path / "home"))
    store.publish(store.start(NIGHT), *a_night("a"))
    assert store.database.file == tmp_path / "home" / "firstcall.db"
    store.close()
    assert (tmp_path / "home" / "firstcall.db").stat().st_size > 0


def test_a_published_night_is_read_back_to_the_last_bit(store):
    risk = 0.1 + 0.2
    before = datetime.now(UTC)
    run_id = store.start(NIGHT)
    store.publish(run_id, *a_night("a", "b", risk=risk))
    run = store.published()
    assert (run.run_id, run.as_of, run.status) == ("2024-12-31.1", NIGHT, "published")
    assert before <= run.started_at <= run.finished_at <= datetime.now(UTC)
    assert run.manifest == {"patients": 2}
    first, _ = store.worklist(run_id)
    assert first["high_cost_risk"] == risk
    assert first["high_cost_asked_on"] == NIGHT
    assert first["readmission_risk"] is None
    assert first["reasons"][0]["words"] == "3 emergency visits in the last 90 days"
    assert first["reasons"][0]["actionable"] is True
    assert first["reasons"][0]["sensitive"] is None


def test_what_makes_a_reason_sensitive_is_kept_where_it_is_told(store):
    run_id = store.start(NIGHT)
    scores, _, *others = a_night("a", "b")
    reasons = pd.DataFrame([reason("a") | {"sensitive": "hiv"}, reason("b") | {"sensitive": None}])
    store.publish(run_id, scores, reasons, *others)
    told = [row["reasons"][0]["sensitive"] for row in store.worklist(run_id)]
    assert told == ["hiv", None]


def test_one_patient_with_place_and_reasons(store):
    run_id = store.start(NIGHT)
    known = [("b", "lace", 8.0, 11.0, "admission type"), ("b", "charlson", None, None, "x")]
    store.publish(run_id, *a_night("a", "b", known=known, unlisted=["c", FAMILY]))
    found = store.patient(run_id, "b")
    assert found["place"] == {"rank": 2, "manager": 1, "tier": "high", "queue": "high cost"}
    assert len(found["reasons"]) == 1
    assert [one["score"] for one in found["known_scores"]] == ["charlson", "lace"]
    assert found["known_scores"][0]["low"] is None
    assert store.patient(run_id, "c")["place"] is None
    assert store.patient(run_id, FAMILY)["patient_id"] == FAMILY
    assert store.patient("2000-01-01.1", "b") is None


@pytest.mark.parametrize("nobody", ["nobody", "", "a\0", "\ud800", "a' OR '1'='1", "%", "A"])
def test_nobody_is_found_by_an_id_that_is_nobodys(store, nobody):
    run_id = store.start(NIGHT)
    store.publish(run_id, *a_night("a", "b"))
    assert store.patient(run_id, nobody) is None
    assert store.patient_over_time(nobody) == []
    assert store.manager_of(nobody) is None
    assert store.search(run_id, patients=[nobody]) == []


def test_the_list_by_manager_tier_queue_and_rank(store):
    run_id = store.start(NIGHT)
    scores, reasons, _, *others = a_night(*"abcdef")
    entries = pd.DataFrame(
        [
            (1, 1, "a", "high", "recently discharged"),
            (2, 2, "b", "high", "high cost"),
            (3, 1, "c", "moderate", "high cost"),
            (4, 2, "d", "moderate", "recently discharged"),
            (5, 1, "e", "low", "high cost"),
            (6, 2, "f", "low", "high cost"),
        ],
        columns=list(ENTRY_COLUMNS),
    )
    store.publish(run_id, scores, reasons, entries, *others)

    def listed(**wanted):
        return "".join(row["patient_id"] for row in store.worklist(run_id, **wanted))

    assert listed() == "abcdef"
    assert listed(top=2) == "ab"
    assert listed(manager=1) == "ace"
    assert listed(manager=3) == ""
    assert listed(tier="moderate") == "cd"
    assert listed(queue="high cost") == "bcef"
    assert listed(after=4) == "ef"
    assert listed(after=2, top=2) == "cd"
    assert listed(manager=2, queue="high cost", tier="low", after=2, top=1) == "f"
    assert [row["why"] for row in store.worklist(run_id, top=2)] == [
        [], ["3 emergency visits in the last 90 days"]
    ], "the reason is one of high cost"  # fmt: skip


def test_readers_keep_the_old_list_until_the_new_one_is_whole(store, other):
    store.publish(store.start(NIGHT), *a_night("old"))
    run_id = store.start(NIGHT)
    assert published_patients(other) == ["old"]
    store.publish(run_id, *a_night("new", "newer"))
    assert published_patients(other) == ["new", "newer"]


def test_a_reader_sees_one_moment_however_long_he_reads(store, other):
    store.publish(store.start(NIGHT), *a_night("old"))
    count = sa.text("SELECT count(*) FROM score")
    with other.database.reading() as connection:
        assert connection.scalar(count) == 1
        store.publish(store.start(NIGHT), *a_night("new", "newer"))
        assert connection.scalar(count) == 1
    with other.database.reading() as connection:
        assert connection.scalar(count) == 3


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


def test_two_nights_at_once_are_refused(store, other):
    with store.night():
        with pytest.raises(RefusalError, match="Another night"), other.night():
            pass
        with pytest.raises(RefusalError, match="Another night"), store.night():
            pass
        assert other.published() is None, "readers go on"
    with other.night():
        pass


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
    begun = {run.run_id: run.started_at.date() for run in store.runs()}
    assert list(told["begun_on"].dt.date) == [begun[run_id] for run_id in told["run_id"]]


def test_a_list_of_an_earlier_day_than_the_one_before_is_a_replay_until_that_is_abandoned(store):
    store.publish(store.start(NIGHT), *a_night("a"))
    store.publish(store.start(NIGHT - timedelta(90)), *a_night("b"), drawn(b="in"))
    made = store.allocations()
    replay = made["as_of"] < made["newest_as_of"]
    assert list(zip(made["patient_id"], replay, strict=True)) == [("a", False), ("b", True)]
    assert list(made["newest_as_of"].dt.date) == [NIGHT, NIGHT]
    # what `firstcall impact` says to do where the --as-of of that night was mistyped
    with store.database.writing() as connection:
        connection.execute(
            sa.text("UPDATE run SET status = 'abandoned' WHERE as_of = :day"),
            {"day": NIGHT if store.database.is_postgresql else NIGHT.isoformat()},
        )
    made = store.allocations()
    assert list(made["patient_id"]) == ["b"]
    assert (made["as_of"] == made["newest_as_of"]).all()


def test_what_cannot_be_kept_of_a_draw_keeps_the_whole_night_back(store):
    store.publish(store.start(NIGHT), *a_night("old"))
    twice = pd.concat([drawn(secret="in"), drawn(secret="out")])
    with pytest.raises(sa.exc.IntegrityError) as refused:
        store.publish(store.start(NIGHT), *a_night("new"), twice)
    assert "secret" not in str(refused.value)
    assert published_patients(store) == ["old"]
    assert list(store.allocations()["patient_id"]) == ["old"]
