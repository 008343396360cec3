"""What is done about a patient is recorded on his page: once, undone, never overwritten; what is
wrong is said on the form, which keeps what was typed. On both databases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from playwright.sync_api import expect

from data.home import Home
from serving.app import create_app
from serving.store import Store
from serving.store.database import Database, database_url
from serving.store.record_tables import action, audit
from tests.serving.a_night import NIGHT, a_night
from tests.serving.api.manned import Manned, manifest, manned, publish, rows
from tests.serving.pages.asking import form_token, got, posted
from tests.serving.pages.browser import Desk, desk, listening

A1 = "/patients/a1"
SOON = date.today() + timedelta(days=9)
PLACE = "2024-12-31.1:1"


@pytest.fixture
def own(tmp_path) -> Manned:
    """Everybody, on SQLite, for one test."""
    return manned(Home(tmp_path / "own"))


@pytest.fixture
def seated(own: Manned, browser) -> Iterator[Desk]:
    """A browser at the service over `own`."""
    with listening(create_app(own.home)) as told, desk(browser, told) as made:
        yield made


def recorded(staff: Manned) -> list[tuple[object, object]]:
    """Who recorded what about a1, the oldest first."""
    opened = Database.open(database_url(staff.home))
    try:
        return [(one["who"], one["kind"]) for one in rows(opened, action)]
    finally:
        opened.close()


def newest(staff: Manned) -> dict[str, object]:
    opened = Database.open(database_url(staff.home))
    try:
        return rows(opened, action)[-1]
    finally:
        opened.close()


def test_a_call_is_recorded_with_a_note_and_taken_back(anew: Desk, fresh: Manned) -> None:
    anew.keep(fresh.sessions["ann"])
    page = anew.open(A1)
    page.get_by_label("Note (optional)").first.fill("well;\nvisit on Friday")
    page.get_by_role("button", name="Reached").click()
    told = page.get_by_role("status")
    expect(told).to_contain_text("Recorded: reached (a1).")
    expect(page.locator(".marks")).to_contain_text("Reached; back on the list on")
    log = page.get_by_role("region", name="What was recorded")
    expect(log).to_contain_text("Reached Today")
    expect(log.locator(".said")).to_have_text("well;\nvisit on Friday")
    expect(page.get_by_role("link", name="Next on the list: a2")).to_be_visible()
    told.get_by_role("button", name="Undo").click()
    expect(told).to_contain_text("Taken back.")
    assert anew.path.startswith(f"{A1}?at=")
    expect(log.locator("s").first).to_have_text("Reached")
    expect(log).to_contain_text("Taken back: today")
    expect(page.locator(".marks")).to_contain_text("To call")
    page.get_by_role("link", name="Next on the list: a2").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Patient a2")
    assert recorded(fresh) == [("ann", "contacted"), ("ann", "undo")]


def test_a_call_is_deferred_after_a_wrong_day_was_told_and_what_was_typed_is_kept(
    seated: Desk, own: Manned
) -> None:
    seated.keep(own.sessions["ann"])
    page = seated.open(A1)
    page.get_by_text("Call again on another day").click()
    day, note = page.get_by_label("First day of the next call"), page.locator("#note")
    assert day.get_attribute("min") == (date.today() + timedelta(days=1)).isoformat()
    day.fill("2025-01-01")
    note.fill("at her daughter's")
    page.get_by_role("button", name="Defer the call").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was recorded: choose the first day")
    expect(day).to_have_value("2025-01-01")
    expect(day).to_be_focused()
    expect(note).to_have_value("at her daughter's")
    day.fill(SOON.isoformat())
    page.get_by_role("button", name="Defer the call").click()
    expect(page.get_by_role("status")).to_contain_text("Recorded: deferred (a1).")
    expect(page.locator(".marks")).to_contain_text(f"Call again on {SOON.day} ")
    assert recorded(own) == [("ann", "deferred")]
    assert newest(own)["note"] == "at her daughter's"


def test_another_tier_stands_with_its_reason_before_that_of_the_models(
    seated: Desk, own: Manned
) -> None:
    seated.keep(own.sessions["ann"])
    page = seated.open(A1)
    page.get_by_text("Another tier is right").click()
    page.get_by_label("Tier", exact=True).select_option("Low")
    page.get_by_label("Reason").first.fill("in a programme of the county")
    page.get_by_role("button", name="Give this tier").click()
    called = page.get_by_role("region", name="Why to call")
    expect(called.locator(".tier")).to_have_text("Low tier")
    expect(called).to_contain_text("a case manager's judgement; the models say high.")
    expect(called).to_contain_text("Reason: In a programme of the county.")


def test_a_note_alone_moves_nobody_and_is_taken_back(anew: Desk, fresh: Manned) -> None:
    anew.keep(fresh.sessions["ann"])
    page = anew.open(A1)
    page.get_by_label("Note (optional)").first.fill("speaks Polish")
    page.get_by_role("button", name="Keep the note alone").click()
    expect(page.get_by_role("status")).to_contain_text("Recorded: a note (a1).")
    expect(page.locator(".marks")).to_contain_text("To call")
    log = page.get_by_role("region", name="What was recorded")
    expect(log.locator(".said")).to_have_text("speaks Polish")
    anew.open("/")
    page.get_by_role("button", name="Undo on the list: a1").click()
    expect(page.get_by_role("status")).to_contain_text("Taken back")
    anew.open(A1)
    expect(log.locator(".said s")).to_have_text("speaks Polish")


def test_two_people_on_one_patient_do_not_overwrite_each_other(
    anew: Desk, fresh: Manned, browser
) -> None:
    anew.keep(fresh.sessions["ann"])
    page = anew.open(A1)
    with desk(browser, anew.address) as other:
        other.keep(fresh.sessions["sue"])
        other.open(A1).get_by_role("button", name="No answer").click()
        expect(other.page.get_by_role("status")).to_contain_text("Recorded: no answer (a1).")
    note = page.get_by_label("Note (optional)").first
    note.fill("wants no calls")
    page.get_by_role("button", name="Declined").click()
    expect(page.get_by_role("alert")).to_contain_text("was recorded since you looked")
    expect(note).to_have_value("wants no calls")
    expect(page.get_by_role("region", name="What was recorded")).to_contain_text("sue")
    assert page.get_by_role("button", name=re.compile("^Undo: ")).count() == 0  # it is not hers
    assert recorded(fresh) == [("sue", "no_answer")]
    page.get_by_role("button", name="Declined").click()  # having looked
    expect(page.get_by_role("status")).to_contain_text("Recorded: declined (a1).")
    assert recorded(fresh) == [("sue", "no_answer"), ("ann", "declined")]


def test_do_not_contact_is_taken_back_from_the_page_when_no_list_names_the_patient_any_more(
    anew: Desk, fresh: Manned
) -> None:
    anew.keep(fresh.sessions["ann"])
    page = anew.open(A1)
    page.locator("summary", has_text="Do not contact").click()
    page.get_by_role("button", name="Do not contact any more").click()
    expect(page.get_by_role("status")).to_contain_text("Recorded: do not contact (a1).")
    page.get_by_label("Note", exact=True).fill("asked in writing")
    page.get_by_role("button", name="Keep the note alone").click()
    opened = Database.open(database_url(fresh.home))
    scores, told, entries, _, known = a_night("a2", unlisted=["a1"])
    scores.loc[scores["patient_id"] == "a1", "left_out"] = "not to be contacted"
    store = Store(opened)
    store.publish(
        store.start(NIGHT + timedelta(days=1)), scores, told, entries, manifest(), known
    )  # fmt: skip
    opened.close()
    with_list = anew.open("/")
    assert with_list.locator("tbody .id").all_inner_texts() == ["a2"]
    anew.open(A1)
    expect(page.locator("main")).to_contain_text("Nobody may contact this patient")
    expect(page.locator("main")).to_contain_text(
        "Not on the list of 1 January 2025: not to be contacted."
    )
    expect(page.locator("main")).to_contain_text("the place on the list of 31 December 2024")
    page.get_by_role("button", name=re.compile("^Undo: Do not contact")).click()
    expect(page.get_by_role("status")).to_contain_text("Taken back.")
    expect(page.locator(".marks")).to_contain_text("To call")
    assert [kind for _, kind in recorded(fresh)] == ["do_not_contact", "note", "undo"]


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Manned:
    """Everybody on SQLite, for requests that are refused."""
    return manned(Home(tmp_path_factory.mktemp("place") / "home"))


@pytest.fixture(scope="module")
def at(place: Manned):
    with listening(create_app(place.home)) as told:
        yield told


def sent(at: str, staff: Manned, who: str = "ann", path: str = A1, **fields: str):
    form = {"form_token": form_token(at, staff, who), "key": "k" * 20, "seen": "none",
            "entry_id": PLACE}  # fmt: skip
    return posted(at, f"{path}/actions", form | fields, staff.sessions[who])


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kind": "deferred"}, "choose the first day of the next call"),
        ({"kind": "deferred", "until": "tomorrow"}, "choose the first day of the next call"),
        ({"kind": "deferred", "until": "2099-01-01"}, "after today and within a year"),
        ({"kind": "contacted", "override_reason": "lives alone"},
         "you wrote a reason under “Another tier is right”, which “Reached” does not take"),
        ({"kind": "closed", "closed_reason": "moved", "override_reason": "lives alone"},
         "under “Another tier is right”, which “Close” does not take"),
        ({"kind": "note", "note": "back on Friday", "until": "2099-01-01"},
         "you chose a day under “Call again on another day”"),
        ({"kind": "closed", "closed_reason": "  "}, "say why the case is closed"),
        ({"kind": "override", "tier": "low"}, "say why this tier is right"),
        ({"kind": "override", "tier": "purple", "override_reason": "r"}, "choose one of the tiers"),
        ({"kind": "override", "override_reason": "r"}, "choose one of the tiers"),
        ({"kind": "note"}, "write the note first"),
        ({"kind": "contacted", "note": "x" * 2001}, "the note must not be longer than 2,000"),
        ({"kind": "closed", "closed_reason": "x\x07y"}, "the reason holds characters"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_on_the_form_and_nothing_is_recorded(
    at: str, place: Manned, fields: dict[str, str], said: str
) -> None:
    answer = sent(at, place, **fields)
    assert answer.status_code == 422
    assert re.search(rf'role="alert" id="wrong">Nothing was recorded: [^<]*{said}', answer.text)
    for name, typed in fields.items():
        if name.endswith(("note", "reason")) and typed.isprintable() and typed.strip():
            assert typed in answer.text
    assert recorded(place) == []


@pytest.mark.parametrize(
    "fields",
    [{"kind": "purple"}, {"kind": "contacted", "key": "short"}, {"kind": "contacted", "seen": "x"},
     {"kind": "contacted", "entry_id": "2024-12-31.1:3"}, {"kind": "contacted", "entry_id": "x"},
     {"kind": "contacted", "entry_id": "2024-12-31.9:1"}],
)  # fmt: skip
def test_a_form_that_no_page_made_is_refused(at: str, place: Manned, fields) -> None:
    """The place is that of another patient, or of nobody, among others."""
    answer = sent(at, place, **fields)
    assert answer.status_code == 422
    assert "Something in this request does not fit" in answer.text
    assert recorded(place) == []


def test_the_wrong_manager_records_nothing_and_the_refusal_stands_in_the_record(
    at: str, place: Manned
) -> None:
    assert sent(at, place, "bob", kind="contacted").status_code == 403
    assert sent(at, place, "bob", "/patients/b1", kind="contacted").status_code == 422
    assert recorded(place) == []
    opened = Database.open(database_url(place.home))
    told = [(row["who"], row["patient_id"]) for row in rows(opened, audit)
            if row["what"] == "refused"]  # fmt: skip
    opened.close()
    assert told == [("bob", "a1")]


def test_what_is_sent_twice_is_done_once_and_another_note_is_another_request(
    own: Manned,
) -> None:
    with listening(create_app(own.home)) as told:
        note = {"kind": "note", "note": "speaks Polish"}
        first, again = sent(told, own, **note), sent(told, own, **note)
        assert first.status_code == again.status_code == 303
        assert first.headers["location"] == again.headers["location"]
        assert first.headers["location"].startswith(f"{A1}?at=2024-12-31.1%3A1&recorded=")
        # from the page as the browser kept it
        kept = sent(told, own, kind="note", note="speaks no Polish")
        assert kept.status_code == 409
        assert "speaks no Polish" in kept.text
        assert recorded(own) == [("ann", "note")]


def test_what_one_came_by_is_kept_on_the_way_and_leads_nowhere_else(at: str, place: Manned) -> None:
    ann = place.sessions["ann"]
    listed = got(at, "/?status=any&tier=high", ann).text
    link = 'href="/patients/a1?back=%2F%3Ftier%3Dhigh%26status%3Dany"'
    assert link in listed
    page = got(at, "/patients/a1?back=%2F%3Ftier%3Dhigh&days=90", ann).text
    assert '<a href="/?tier=high">Back to the list</a>' in page
    assert 'action="/patients/a1/actions?days=90&amp;back=%2F%3Ftier%3Dhigh"' in page
    for elsewhere in ("//elsewhere.example", "https://elsewhere.example", "/sign-out"):
        page = got(at, f"/patients/a1?back={elsewhere}", ann).text
        assert '<a href="/">Back to the list</a>' in page
        assert "elsewhere.example" not in page


def test_where_what_was_taken_in_is_not_at_hand_nobody_takes_that_for_an_empty_history(
    at: str, place: Manned
) -> None:
    page = got(at, A1, place.sessions["ann"]).text
    assert "What happened cannot be read here" in page
    assert "Nothing is known to have happened" not in page
    assert "No risk: no discharge." in page
    assert "No night has told this risk yet" in page


def test_of_whom_no_list_ever_named_nothing_can_be_recorded_and_the_page_says_why(
    own: Manned,
) -> None:
    """A supervisor sees him: he is in nobody's panel."""
    opened = Database.open(database_url(own.home))
    night = a_night("a1", unlisted=["c 1"])
    night[0].loc[night[0]["patient_id"] == "c 1", "left_out"] = "beyond capacity"
    store = Store(opened)
    store.publish(store.start(NIGHT), night[0], night[1], night[2], manifest(), night[4])
    opened.close()
    with listening(create_app(own.home)) as told:
        page = got(told, "/patients/c%201", own.sessions["sue"]).text
    assert "In nobody&#39;s panel" in page
    assert "Nothing can be recorded here: this patient never stood on a list" in page
    assert "Not on the list of 31 December 2024: its places were taken." in page
    assert "Not explained in this run." in page or "3 emergency visits" not in page
    assert '<button type="submit" name="kind"' not in page


def test_the_newest_list_is_told_where_it_names_the_patient_again(
    seated: Desk, own: Manned
) -> None:
    opened = Database.open(database_url(own.home))
    publish(opened, {"b2": 2, "a2": 1, "a1": 1}, NIGHT + timedelta(days=1))
    opened.close()
    seated.keep(own.sessions["ann"])
    page = seated.open(A1)
    expect(page.locator(".heading")).to_contain_text("place 3 on the list of 1 January 2025")
    page.get_by_role("button", name="Reached").click()
    expect(page.get_by_role("status")).to_contain_text("Recorded: reached (a1).")
    assert (newest(own)["run_id"], newest(own)["rank"]) == ("2025-01-01.1", 3)
