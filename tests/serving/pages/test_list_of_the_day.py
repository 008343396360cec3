"""What the list says in the course of a day: counts, who comes first, what may be taken back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import httpx
import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from data.home import Home
from serving.api.worklist import StoodBefore, standing
from serving.app import create_app
from serving.pages.listed_rows import status_words
from serving.pages.my_list import ON_A_PAGE
from serving.pages.recorded_before import to_take_back
from serving.store import ENTRY_COLUMNS, Store
from serving.store.actions import Action, NewAction, take
from serving.store.audit import Audit, AuditKey
from serving.store.database import Database, database_url
from serving.store.night_tables import entry
from serving.store.record_tables import action, audit
from serving.store.standings import Rules, Status, status
from tests.serving.a_night import NIGHT, a_night
from tests.serving.api.manned import Manned, manifest, manned, publish, rows
from tests.serving.pages.asking import form_token, got, posted
from tests.serving.pages.browser import Desk, desk, listening

NEXT = NIGHT + timedelta(days=1)
EVERYBODY = [f"q{n:03}" for n in range(1, 2 * ON_A_PAGE + 2)]


@pytest.fixture
def own(tmp_path) -> Manned:
    """Everybody, on SQLite, for one test that changes what others would see."""
    return manned(Home(tmp_path / "own"))


@contextmanager
def opened(staff: Manned) -> Iterator[Database]:
    made = Database.open(database_url(staff.home))
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def at_own(own, browser) -> Iterator[Desk]:
    """A browser at the service over `own`, in which ann is signed in."""
    with listening(create_app(own.home)) as told, desk(browser, told) as made:
        made.keep(own.sessions["ann"])
        yield made


@pytest.fixture
def of_own(own) -> Iterator[str]:
    with listening(create_app(own.home)) as told:
        yield told


def shown(page: Page) -> list[str]:
    return page.locator("tbody .id").all_inner_texts()


def shown_in(page: str) -> list[str]:
    """The same of a page that no browser opened."""
    return re.findall(r'<a class="id" [^>]*>([^<]+)</a>', page)


def due_since(staff: Manned, at: datetime, *patients: str) -> None:
    with opened(staff) as database, database.writing() as connection:
        written = entry.update().values(due_at=at.isoformat())
        connection.execute(written.where(entry.c.patient_id.in_(patients)))


def test_counts_and_numbers_go_on_through_the_pages(own: Manned, at_own: Desk) -> None:
    with opened(own) as database:
        publish(database, {"b1": 2} | dict.fromkeys(EVERYBODY, 1), NEXT)
    due_since(own, datetime(2025, 1, 1, 12, tzinfo=UTC), "b1", *EVERYBODY[:2], EVERYBODY[-1])
    page, numbers = at_own.open("/"), []
    for n in range(3):
        heading = page.locator(".heading")
        expect(heading).to_contain_text("101 patients to call · 3 calls are overdue")
        numbers += page.locator("tbody .rank").all_inner_texts()
        if n < 2:
            page.get_by_role("link", name="Next 50 places").click()
            expect(page.locator("tbody .id").first).to_have_text(EVERYBODY[ON_A_PAGE * (n + 1)])
    assert numbers == [str(n) for n in range(1, len(EVERYBODY) + 1)]


def test_whoever_was_reached_is_overdue_no_more(own: Manned, at_own: Desk) -> None:
    due_since(own, datetime(2025, 1, 1, 12, tzinfo=UTC), "a1", "a2")
    page = at_own.open("/")
    expect(page.locator(".heading")).to_contain_text("2 calls are overdue")
    page.get_by_role("button", name="Record: a1 was reached").click()
    expect(page.locator(".heading")).to_contain_text("1 call is overdue")
    for path in ("/?status=recorded", "/?status=any&find=a1"):
        at_own.open(path)
        assert shown(page) == ["a1"]
        assert page.locator("main .overdue").count() == 0


def test_whoever_was_tried_today_is_not_the_first_to_be_called(own: Manned, at_own: Desk) -> None:
    page = at_own.open("/")
    first = page.locator("tbody tr.first")
    expect(first.locator(".id")).to_have_text("a1")
    page.get_by_role("button", name="Record: a1 did not answer").click()
    expect(first.locator(".id")).to_have_text("a2")
    expect(first.locator(".tag")).to_have_text("Call first")
    assert shown(page) == ["a1", "a2"]
    expect(page.locator("tbody tr").first.locator(".status")).to_contain_text(
        "Tried today: the others come first"
    )
    page.get_by_role("button", name="Record: a2 did not answer").click()
    expect(page.get_by_role("status")).to_contain_text("(a2)")
    expect(page.locator(".tag")).to_have_count(0)


def test_today_is_the_day_of_the_zone_in_which_one_reads() -> None:
    """Three o'clock in UTC on the second is still the first in Chicago."""
    chicago, tried = ZoneInfo("America/Chicago"), datetime(2025, 1, 1, 20, tzinfo=UTC)
    told = standing(Status("no answer", tried, "ann"))
    now = datetime(2025, 1, 2, 3, tzinfo=UTC)
    assert status_words(told, chicago, now) == (
        "No answer, today 14:00, ann. Tried today: the others come first"
    )
    assert "Tried today" not in status_words(told, ZoneInfo("UTC"), now)


def test_each_click_of_ones_own_can_be_taken_back_from_its_row(own: Manned, at_own: Desk) -> None:
    page = at_own.open("/")
    page.get_by_role("button", name="Record: a1 was reached").click()
    expect(page.get_by_role("status")).to_contain_text("Recorded: reached (a1).")
    page.get_by_role("button", name="Record: a2 did not answer").click()
    expect(page.get_by_role("status")).to_contain_text("Recorded: no answer (a2).")
    at_own.open("/?status=recorded")
    assert shown(page) == ["a1", "a2"]
    page.get_by_role("button", name="Undo on the list: a1").click()
    expect(page.get_by_role("status")).to_contain_text("Taken back. a1")
    assert shown(page) == ["a2"]
    at_own.open("/")
    expect(page.get_by_role("button", name="Undo on the list: a1")).to_have_count(0)
    page.get_by_role("button", name="Undo on the list: a2").click()
    expect(page.get_by_role("status")).to_contain_text("Taken back. a2")
    expect(page.get_by_role("button", name="Undo")).to_have_count(0)
    with opened(own) as database:
        kinds = [one["kind"] for one in rows(database, action)]
    assert kinds == ["contacted", "no_answer", "undo", "undo"]


def test_nobody_takes_back_from_a_row_what_another_one_recorded(own: Manned, of_own: str) -> None:
    form = {"form_token": form_token(of_own, own, "sue"), "kind": "contacted", "key": "k" * 20}
    place = "/list/2024-12-31.1:1/actions"
    assert posted(of_own, place, form, own.sessions["sue"]).status_code == 303
    for who, may in (("sue", True), ("ann", False)):
        told = got(of_own, "/?status=recorded", own.sessions[who]).text
        assert ">a1<" in told
        assert ("Undo on the list: a1" in told) == may


def test_who_records_on_a_later_page_stays_there(own: Manned, at_own: Desk) -> None:
    with opened(own) as database:
        publish(database, dict.fromkeys(EVERYBODY, 1), NEXT)
    page = at_own.open("/")
    page.get_by_role("link", name="Next 50 places").click()
    page.get_by_role("link", name="Next 50 places").click()
    expect(page.locator("tbody .id")).to_have_text([EVERYBODY[-1]])
    page.get_by_role("button", name=f"Record: {EVERYBODY[-1]} was reached").click()
    expect(page.get_by_role("status")).to_contain_text(f"({EVERYBODY[-1]})")
    expect(page.locator(".state")).to_contain_text("Nobody further fits")
    page.get_by_role("link", name="To the first page of this list").click()
    expect(page.locator("tbody .id").first).to_have_text(EVERYBODY[0])


def test_a_further_page_of_a_list_that_was_replaced_is_the_first_of_the_new_one(
    own: Manned, at_own: Desk
) -> None:
    with opened(own) as database:
        publish(database, dict.fromkeys(EVERYBODY, 1), NEXT)
        page = at_own.open("/?tier=high")
        publish(database, {"a2": 1, "a1": 1}, NEXT + timedelta(days=1))
    page.get_by_role("link", name="Next 50 places").click()
    expect(page.get_by_role("status")).to_have_text(
        "A new list was published: this is its first page."
    )
    assert shown(page) == ["a2", "a1"]
    assert at_own.path == "/?tier=high&anew=1"


def test_what_was_recorded_on_a_later_page_is_told_on_the_new_list_too(
    own: Manned, at_own: Desk
) -> None:
    with opened(own) as database:
        publish(database, dict.fromkeys(EVERYBODY, 1), NEXT)
        page = at_own.open("/")
        page.get_by_role("link", name="Next 50 places").click()
        expect(page.locator("tbody .id").first).to_have_text(EVERYBODY[ON_A_PAGE])
        publish(database, {"a2": 1, "q051": 1}, NEXT + timedelta(days=1))
    page.get_by_role("button", name="Record: q051 was reached").click()
    expect(page.get_by_role("status").first).to_contain_text("Recorded: reached (q051).")
    assert shown(page) == ["a2"]


def test_a_panel_in_which_nobody_was_listed_was_not_called(own: Manned, of_own: str) -> None:
    with opened(own) as database:
        publish(database, {"b1": 2}, NEXT)
    told = got(of_own, "/", own.sessions["ann"]).text
    assert "Nobody is on this list" in told
    assert "has been called" not in told


def test_the_record_holds_what_was_looked_for(own: Manned, of_own: str) -> None:
    for find in ("a2", "q777", "%00", ""):
        assert got(of_own, f"/?find={find}", own.sessions["ann"]).status_code == 200
    with opened(own) as database:
        looks = [
            (row["patient_id"], json.loads(str(row["detail"]))) for row in rows(database, audit)
        ]
    found, nobody, no_id, *everybody = looks
    assert (found[0], found[1]["find"]) == ("a2", "a2")
    assert nobody == (None, {"found": 0, "find": "q777"})
    assert no_id == (None, {"found": 0, "asked": "what cannot be an id"})
    assert [patient for patient, _ in everybody] == ["a1", "a2"]
    assert not any({"find", "asked"} & set(detail) for _, detail in everybody)


def done(kind: str, on: date, who: str = "ann", **more: object) -> Action:
    at = datetime(on.year, on.month, on.day, 15, tzinfo=UTC)
    about = {"until": None, "undoes": None} | more
    about |= {"tier": None, "reason": None, "note": None}
    place = (1, "a" * 32, "a1", "2024-12-31.1", 1)
    return Action(*place, kind=kind, who=who, at=at, **about)


@pytest.mark.parametrize(
    ("taken", "discharged_on", "words"),
    [(done("deferred", date(2025, 1, 2), until=date(2025, 2, 1)), None,
      "To call again: the call deferred 2 January 2025, 15:00 is due"),
     (done("contacted", date(2025, 1, 2)), None,
      "To call again: Reached 2 January 2025, 15:00; the days without a call are over"),
     (done("contacted", date(2025, 1, 30)), date(2025, 1, 31),
      "To call again: Reached 30 January 2025, 15:00; discharged since"),
     (done("deferred", date(2025, 1, 2), until=date(2025, 3, 1)), date(2025, 1, 31),
      "To call again: Deferred 2 January 2025, 15:00; discharged since")],
)  # fmt: skip
def test_why_somebody_is_to_be_called_again(
    taken: Action, discharged_on: date | None, words: str
) -> None:
    today = date(2025, 2, 1)
    stands = standing(status([taken], today, discharged_on, Rules()))
    assert isinstance(stands.before, StoodBefore)
    now = datetime(2025, 2, 1, 16, tzinfo=UTC)
    assert status_words(stands, ZoneInfo("UTC"), now) == words
    assert to_take_back("ann", stands, [taken]) == ""  # it does not stand any more


@pytest.mark.parametrize(("about", "says"), [
    ({"worked_on": "2025-01-01"}, "Today by 12:00"),
    ({}, "Overdue by"),  # a run of before told no such day
    ({"worked_on": "2025-01-01", "data": {"origin": "own", "generation": "g"}}, "Overdue by"),
])  # fmt: skip
def test_invented_people_live_in_the_days_of_their_data(own, of_own, about, says) -> None:
    with opened(own) as database:
        store = Store(database)
        scores, told, _, _, known = a_night("a1")
        places = pd.DataFrame(
            [(1, 1, "a1", "high", "high cost", "2025-01-01T12:00:00+00:00")],
            columns=[*ENTRY_COLUMNS, "due_at"],
        )
        store.publish(store.start(NIGHT), scores, told, places, manifest(**about), known)
    page = got(of_own, "/", own.sessions["ann"]).text
    assert says in page
    assert ("Nobody on this list is real" in page) == (says == "Today by 12:00")
    assert ("call is overdue" in page) == (says != "Today by 12:00")


def test_invented_people_stand_where_they_stood_on_the_day_of_their_list(own, of_own) -> None:
    with opened(own) as database:
        store = Store(database)
        scores, told, _, _, known = a_night("a1", "a2", "b1")
        places = pd.DataFrame(
            [(n, 1, p, "high", "high cost") for n, p in enumerate(("a1", "a2", "b1"), 1)],
            columns=list(ENTRY_COLUMNS),
        )
        run_id = store.start(NIGHT)
        about = manifest(worked_on="2025-01-01")
        store.publish(run_id, scores, told, places, about, known)
        day_before = datetime(2024, 12, 31, 9, tzinfo=UTC)
        record = Audit(database, AuditKey.of_home(own.home))
        for rank, patient, new in (
            (1, "a1", NewAction("contacted")),  # its 30 days were over long ago
            (2, "a2", NewAction("deferred", until=date(2025, 1, 2))),
        ):
            with database.writing() as connection:
                take(connection, record, new, patient, run_id, rank, "ann", "case_manager",
                     at=day_before)  # fmt: skip
    assert shown_in(got(of_own, "/", own.sessions["ann"]).text) == ["b1"]
    recorded = got(of_own, "/?status=recorded", own.sessions["ann"]).text
    assert shown_in(recorded) == ["a1", "a2"]
    assert "31 December 2024" in recorded
    asked = {"kind": "deferred", "until": "2025-01-02"}
    header = {"authorization": f"Bearer {own.sessions['ann']}"}
    to = f"{of_own}/v1/worklist/{run_id}:3/actions"
    assert httpx.post(to, json=asked, headers=header).status_code == 201
    asked["until"] = "2025-01-01"
    assert httpx.post(to, json=asked, headers=header).status_code == 422, "that is its today"
