"""Of whom a call after a discharge is due, the first words are that he is out of the hospital and
was not reached: on the list and on his page, as long as that is true."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pandas as pd
import pytest

from data.home import Home
from serving.app import create_app
from serving.pages.recorded_before import was_reached
from serving.store import ENTRY_COLUMNS, Store
from serving.store.actions import Action, ActionKind, NewAction, take
from serving.store.audit import Audit, AuditKey
from serving.store.database import Database, database_url
from tests.serving.a_night import NIGHT, a_night
from tests.serving.api.manned import Manned, manifest, manned
from tests.serving.pages.asking import got
from tests.serving.pages.browser import listening

LEFT = date(2024, 12, 29)
HEAD = "Out of hospital since 29 December 2024, not reached yet."
FIRST = re.compile(r'<p class="main-reason[^"]*">([^<]+)</p>')


@pytest.fixture(scope="module")
def left(tmp_path_factory) -> Manned:
    """a1, a2, a3 left a hospital and are to be called; a2 was reached, then tried once more. a4
    is to be called for what care may cost."""
    staff = manned(Home(tmp_path_factory.mktemp("left") / "home"))
    database = Database.open(database_url(staff.home))
    people = ("a1", "a2", "a3", "a4")
    scores, told, _, _, known = a_night(*people)
    scores["discharged_on"] = [LEFT, LEFT, LEFT, None]
    due = ["2024-12-31T18:00:00+00:00"] * 3 + [None]
    entries = pd.DataFrame(
        [(n, 1, p, "high", "high cost", due[n - 1]) for n, p in enumerate(people, 1)],
        columns=[*ENTRY_COLUMNS, "due_at"],
    )
    store = Store(database)
    run_id = store.start(NIGHT)
    store.publish(run_id, scores, told, entries, manifest(), known)
    record = Audit(database, AuditKey.of_home(staff.home))
    steps: tuple[tuple[int, ActionKind], ...] = (
        (2, "contacted"), (2, "no_answer"), (3, "no_answer"),
    )  # fmt: skip
    for rank, kind in steps:
        with database.writing() as connection:
            take(connection, record, NewAction(kind), f"a{rank}", run_id, rank, "ann",
                 "case_manager")  # fmt: skip
    database.close()
    return staff


@pytest.fixture(scope="module")
def at(left: Manned) -> Iterator[str]:
    with listening(create_app(left.home)) as told:
        yield told


@pytest.mark.parametrize(("patient", "is_said"), [
    ("a1", True), ("a2", False), ("a3", True), ("a4", False),
])  # fmt: skip
def test_the_headline_is_the_discharge_as_long_as_nobody_was_reached(
    left: Manned, at: str, patient: str, is_said: bool
) -> None:
    listed = got(at, "/", left.sessions["ann"]).text
    [row] = [one for one in listed.split("<tr ") if f">{patient}</a>" in one]
    page = got(at, f"/patients/{patient}", left.sessions["ann"]).text
    for told in (row, page):
        [first] = FIRST.findall(told)
        assert (first == HEAD) == is_said
        assert "3 emergency visits in the last 90 days." in told


def done(kind: ActionKind, known_up_to: date | None, **more: str) -> Action:
    at = datetime(2025, 1, 1, 15, tzinfo=UTC)
    name, undoes = more.get("name", "a"), more.get("undoes")
    return Action(1, name, "a1", "2024-12-31.1", 1, kind, None, None, None, None, undoes, "ann",
                  at, known_up_to)  # fmt: skip


@pytest.mark.parametrize(("taken", "told"), [
    ([], False), ([done("no_answer", LEFT)], False), ([done("deferred", LEFT)], False),
    ([done("contacted", LEFT)], True), ([done("declined", LEFT)], True),
    ([done("contacted", date(2024, 12, 28))], False), ([done("contacted", None)], False),
    ([done("contacted", LEFT), done("undo", LEFT, name="b", undoes="a")], False),
])  # fmt: skip
def test_who_was_reached_before_the_discharge_was_known_is_not_reached(taken, told) -> None:
    assert was_reached(taken, LEFT) == told
