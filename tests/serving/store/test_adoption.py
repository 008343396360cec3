"""Stores that were made before there were revisions: taken over as they are opened."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
import sqlalchemy as sa

from data.errors import RefusalError
from serving.store import SCORE_COLUMNS, Store
from serving.store.database import Database
from serving.store.night_tables import REASON_COLUMNS
from serving.store.revisions import head, revision
from tests.serving.a_night import NIGHT, a_night, drawn
from tests.serving.store.stores_of_before import made_before


@pytest.fixture(params=["the release before", "the oldest"])
def before(request, tmp_path):
    """The path of a store of before."""
    path = tmp_path / "firstcall.db"
    made_before(path, oldest=request.param == "the oldest")
    return path


def opened(path):
    return Store(Database.open(f"sqlite:///{path}"))


def test_a_store_of_before_keeps_its_runs_and_gets_what_it_lacks(before):
    store = opened(before)
    assert revision(store.database) == head()
    assert [run.status for run in store.runs()] == ["published"] * 3 + ["abandoned"]
    run = store.published()
    assert (run.run_id, run.manifest["capacity"]) == ("2024-12-31.1", {"managers": 2, "slots": 1})
    [row] = store.worklist(run.run_id)
    assert row["high_cost_risk"] == 0.25
    assert row["high_cost_expected_dollars"] is None
    assert row["known_scores"] == []
    assert [r["words"] for r in row["reasons"]] == ["Age 80"]
    assert row["reasons"][0]["sensitive"] is None
    assert list(store.allocations()["allocation"]) == ["by rank"] * 4
    store.close()


def test_the_columns_of_a_store_of_before_are_those_of_one_that_is_made_today(before, tmp_path):
    today = tmp_path / "today.db"
    found = []
    for path in (before, today):
        store = opened(path)
        with store.database.reading() as connection:
            tables = sa.inspect(connection)
            found.append(
                {
                    name: [(c["name"], str(c["type"]), c["nullable"]) for c in columns]
                    for (_, name), columns in tables.get_multi_columns().items()
                }
            )
            assert {"score_of_patient"} <= {i["name"] for i in tables.get_indexes("score")}
        store.close()
    assert found[0] == found[1]
    assert [name for name, *_ in found[0]["score"]] == ["run_id", *SCORE_COLUMNS]
    assert [name for name, *_ in found[0]["reason"]] == ["run_id", *REASON_COLUMNS, "sensitive"]


def test_the_panels_are_those_that_the_lists_of_before_tell(before):
    store = opened(before)
    with store.database.reading() as connection:
        rows = connection.execute(sa.text("SELECT * FROM assignment ORDER BY patient_id")).all()
    assert [tuple(row) for row in rows] == [
        ("gone", 1, "2024-12-29.1", "2024-12-29", False),
        ("old", 1, "2024-12-31.1", "2024-12-30", False),  # manager 2 on the 29th
    ]
    store.close()


def test_a_night_goes_on_in_a_store_of_before(before):
    store = opened(before)
    scores, *others = a_night("new", known=[("new", "lace", 1.0, 1.0, "")])
    others[0]["sensitive"] = "hiv"
    scores = scores.assign(high_cost_expected_dollars=0.1 + 0.2)
    store.publish(store.start(NIGHT), scores, *others, drawn(new="in"))
    run = store.published()
    assert run.run_id == "2024-12-31.2"
    [row] = store.worklist(run.run_id)
    assert row["high_cost_expected_dollars"] == 0.1 + 0.2
    assert row["reasons"][0]["sensitive"] == "hiv"
    assert len(row["known_scores"]) == 1
    assert list(store.allocations()["allocation"]) == ["by rank"] * 4 + ["randomised in"]
    store.close()


def test_several_who_open_a_store_of_before_at_once_all_succeed(tmp_path):
    for attempt in range(5):
        path = tmp_path / f"{attempt}.db"
        made_before(path)
        with ThreadPoolExecutor(6) as pool:
            stores = list(pool.map(lambda _, path=path: opened(path), range(6)))
        for store in stores:
            assert [row["patient_id"] for row in store.worklist("2024-12-31.1")] == ["old"]
            store.close()


def test_whoever_opens_a_store_of_before_waits_for_whoever_writes(before):
    writer = sqlite3.connect(before, isolation_level=None, check_same_thread=False)
    writer.execute("BEGIN IMMEDIATE")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(opened, before)
        with pytest.raises(TimeoutError):
            waiting.result(timeout=0.5)
        writer.execute("COMMIT")
        waiting.result().close()
    writer.close()


def test_tables_of_somebody_else_are_left_alone(tmp_path):
    path = tmp_path / "diary.db"
    with sqlite3.connect(path) as diary:
        diary.execute("CREATE TABLE run (day DATE, kilometres DOUBLE)")
    diary.close()
    with pytest.raises(RefusalError, match="has a table run that is not of firstcall"):
        opened(path)
    with sqlite3.connect(path) as diary:
        assert diary.execute("SELECT name FROM sqlite_master").fetchall() == [("run",)]
    diary.close()


def test_the_days_of_before_are_days(before):
    store = opened(before)
    assert [run.as_of for run in store.runs()] == [
        date(2024, 12, 29), date(2024, 12, 30), date(2024, 12, 31), date(2025, 1, 1)
    ]  # fmt: skip
    assert [(r["as_of"], r["high_cost_risk"]) for r in store.patient_over_time("gone")] == [
        (date(2024, 12, 29), 0.25)
    ]
    assert store.manager_of("gone") == 1
    store.close()
