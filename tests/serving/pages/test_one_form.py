"""The form of a patient's page is one: the note goes along whichever button is pressed, nothing
that was typed is lost, and while nobody may contact a patient it offers a note alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

import httpx
import pytest
from playwright.sync_api import expect

from data.home import Home
from serving.app import create_app
from serving.store.database import Database, database_url
from serving.store.record_tables import action
from tests.serving.api.manned import Manned, manned, rows
from tests.serving.pages.asking import form_token, got, posted
from tests.serving.pages.browser import Desk, desk, listening

SOON = (date.today() + timedelta(days=9)).isoformat()
PLACES = {"a1": "2024-12-31.1:1", "a2": "2024-12-31.1:3"}
_SEEN = re.compile(r'name="seen" value="([0-9a-z]+)"')


@pytest.fixture
def own(tmp_path) -> Manned:
    """Everybody, on SQLite, for one test."""
    return manned(Home(tmp_path / "own"))


@pytest.fixture
def at(own: Manned) -> Iterator[str]:
    with listening(create_app(own.home)) as told:
        yield told


@pytest.fixture
def seated(own: Manned, at: str, browser) -> Iterator[Desk]:
    """A browser in which ann is signed in."""
    with desk(browser, at) as made:
        made.keep(own.sessions["ann"])
        yield made


def recorded(staff: Manned) -> list[dict[str, object]]:
    opened = Database.open(database_url(staff.home))
    try:
        return rows(opened, action)
    finally:
        opened.close()


def sent(at: str, staff: Manned, patient: str, **fields: str) -> httpx.Response:
    """What ann sends from the page as it stands now."""
    ann = staff.sessions["ann"]
    seen = _SEEN.search(got(at, f"/patients/{patient}", ann).text)
    form = {"form_token": form_token(at, staff, "ann"), "key": "k" * 20,
            "seen": seen[1] if seen else "none", "entry_id": PLACES[patient]}  # fmt: skip
    return posted(at, f"/patients/{patient}/actions", form | fields, ann)


KINDS = {"deferred": {"until": SOON}, "override": {"tier": "low", "override_reason": "why"},
         "closed": {"closed_reason": "why"}, "do_not_contact": {}, "enrolled": {}}  # fmt: skip


def test_the_note_is_kept_with_whatever_is_recorded(own: Manned, seated: Desk) -> None:
    """Written first, before anybody knows which button it will be."""
    page = seated.open("/patients/a1")
    page.get_by_label("Note (optional)").fill("her daughter answers")
    page.get_by_text("Another tier is right").click()
    page.get_by_label("Tier", exact=True).select_option("Low")
    page.get_by_label("Reason").first.fill("lives with a nurse")
    page.get_by_role("button", name="Give this tier").click()
    expect(page.get_by_role("status")).to_contain_text("Recorded: another tier")
    page.get_by_label("Note (optional)").fill("asked in writing")
    page.locator("summary", has_text="Do not contact").click()
    page.get_by_role("button", name="Do not contact any more").click()
    expect(page.get_by_role("status")).to_contain_text("Recorded: do not contact")
    told = [(one["kind"], one["tier"], one["reason"], one["note"]) for one in recorded(own)]
    assert told == [
        ("override", "low", "lives with a nurse", "her daughter answers"),
        ("do_not_contact", None, None, "asked in writing"),
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_takes_what_is_its_own_and_the_note(own: Manned, at: str, kind: str) -> None:
    """The tier that the page offers is sent along with everything."""
    answer = sent(at, own, "a1", kind=kind, note="n", **({"tier": "high"} | KINDS[kind]))
    assert answer.status_code == 303
    [one] = recorded(own)
    assert (one["kind"], one["note"]) == (kind, "n")
    assert one["tier"] == ("low" if kind == "override" else None)
    assert (one["reason"] == "why") == (kind in ("override", "closed"))
    assert (one["until"] is None) == (kind != "deferred")


def test_on_every_error_all_that_was_typed_is_kept(own: Manned, at: str) -> None:
    typed = {"note": "the note", "until": "2025-01-01", "tier": "low",
             "override_reason": "first reason", "closed_reason": "second reason"}  # fmt: skip
    for kind in ("contacted", "deferred", "closed", "do_not_contact"):
        answer = sent(at, own, "a1", kind=kind, **typed)
        assert answer.status_code == 422, kind
        for words in ("the note", 'value="2025-01-01"', "first reason", "second reason",
                      'value="low" selected'):  # fmt: skip
            assert words in answer.text, (kind, words)
        assert answer.text.count("<details open>") >= 3
    assert recorded(own) == []


def test_enter_in_a_field_records_nothing(own: Manned, seated: Desk) -> None:
    """A browser presses the first button of the form then, and nothing where that is disabled: else
    a day that was typed would be a call that was made."""
    page = seated.open("/patients/a1")
    pressed = page.locator(".recording form [type=submit]").first
    expect(pressed).to_be_disabled()
    expect(pressed).to_be_hidden()
    page.get_by_text("Call again on another day").click()
    day = page.get_by_label("First day of the next call")
    assert day.get_attribute("max") == (date.today() + timedelta(days=365)).isoformat()
    day.fill(SOON)
    day.press("Enter")
    page.get_by_role("button", name="Defer the call").click()
    expect(page.get_by_role("status")).to_contain_text("Recorded: deferred")
    assert [one["kind"] for one in recorded(own)] == ["deferred"]


def test_while_nobody_may_contact_a_patient_a_note_is_all_that_is_offered(
    own: Manned, seated: Desk
) -> None:
    sent(seated.address, own, "a1", kind="do_not_contact")
    page = seated.open("/patients/a1")
    form = page.get_by_role("region", name="Record what was done")
    assert form.get_by_role("button").all_inner_texts() == [
        "Keep the note alone", "Take back “do not contact”",
    ]  # fmt: skip
    assert form.locator("details").count() == 0
    expect(page.get_by_role("heading", name="Why to call")).to_have_count(0)
    page.get_by_label("Note", exact=True).fill("his son asked for a letter")
    form.get_by_role("button", name="Keep the note alone").click()
    expect(page.get_by_role("status")).to_contain_text("Recorded: a note")
    form.get_by_role("button", name="Take back").click()
    expect(page.get_by_role("status")).to_contain_text("Taken back.")
    expect(page.get_by_role("heading", name="Why to call")).to_be_visible()
    expect(form.get_by_role("button", name="Reached")).to_be_visible()
    assert [one["kind"] for one in recorded(own)] == ["do_not_contact", "note", "undo"]


def test_what_was_recorded_meanwhile_is_named_where_it_is_refused(own: Manned, at: str) -> None:
    sent(at, own, "a2", kind="no_answer")
    sent(at, own, "a2", kind="deferred", until=SOON)
    late = sent(at, own, "a2", kind="declined", seen="none", note="wants no calls")
    assert late.status_code == 409
    box = re.search(r'id="wrong">([^<]+)<', late.text)
    assert box is not None
    assert re.search(
        r"since you looked: No answer \(today \d\d:\d\d, ann\); Deferred until [^(]+ "
        r"\(today \d\d:\d\d, ann\)\. What you typed is kept",
        box[1],
    )
    assert "wants no calls" in late.text


def test_a_reason_that_came_too_late_stands_as_the_note_where_a_note_is_all_there_is(
    own: Manned, at: str
) -> None:
    sent(at, own, "a1", kind="do_not_contact")
    late = sent(at, own, "a1", kind="closed", closed_reason="moved away", note="n", seen="none")
    assert late.status_code == 409
    assert re.search(r"<textarea[^>]*>\s*n\nmoved away</textarea>", late.text)
