"""The page for one's own password and time zone: in a real browser, and what it refuses."""

from __future__ import annotations

import html

import pytest
from playwright.sync_api import expect

from serving.access.opaque_tokens import digest
from serving.access.session_cookie import NAME
from serving.app import create_app
from serving.store.account_tables import session
from serving.store.database import Database, database_url
from serving.store.record_tables import audit
from tests.serving.api.manned import PASSWORD, Manned, rows
from tests.serving.pages.asking import TOKEN, form_token, got, posted
from tests.serving.pages.browser import Desk, desk, listening

NEW = "four other plain words"


def recorded(staff: Manned) -> list[tuple[object, object]]:
    opened = Database.open(database_url(staff.home))
    try:
        return [(row["who"], row["what"]) for row in rows(opened, audit)]
    finally:
        opened.close()


def cookie(made: Desk) -> dict[str, object]:
    """The session's, as the browser keeps it."""
    return next(dict(one) for one in made.context.cookies() if one.get("name") == NAME)


def test_the_password_in_a_browser(anew: Desk, fresh: Manned) -> None:
    page = anew.sign_in("ann", PASSWORD)
    page.get_by_role("link", name="Your account").click()
    expect(page.get_by_text("At least 12 characters")).to_be_visible()
    assert page.get_by_label("New password").get_attribute("aria-describedby") == "rules"
    for label, typed in (("Password that you have now", PASSWORD), ("New password", NEW),
                         ("The same once more", NEW)):  # fmt: skip
        page.get_by_label(label).fill(typed)
    before = cookie(anew)
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_role("status")).to_contain_text("Your password is changed")
    assert NEW not in page.content()
    assert recorded(fresh)[-1] == ("ann", "password set")
    opened = Database.open(database_url(fresh.home))
    held = {row["token_sha256"]: row["name"] for row in rows(opened, session)}
    opened.close()
    assert digest(fresh.sessions["ann"]) not in held
    assert digest(str(before["value"])) not in held  # nor for another who holds the same cookie
    assert held[digest(str(cookie(anew)["value"]))] == "ann"
    assert list(held.values()).count("ann") == 1
    assert {**cookie(anew), "value": None} == {**before, "value": None}
    assert digest(fresh.sessions["bob"]) in held
    page.get_by_role("button", name="Sign out").click()
    anew.sign_in("ann", PASSWORD)
    expect(page.get_by_role("alert")).to_contain_text("The name or the password is wrong")
    anew.sign_in("ann", NEW)
    expect(page.get_by_role("heading", level=1)).to_have_text("My list")


# Old, new and new again, and what is told.
REFUSED = [
    ("a wrong pass phrase 47zq11", NEW, NEW, 403, "was not the one that you typed"),
    (PASSWORD, NEW, f"{NEW} 47zq11", 422, "are not the same"),
    (PASSWORD, "47zq11", "47zq11", 422, "too short"),
    (PASSWORD, PASSWORD, PASSWORD, 422, "is the one that you have"),
    (PASSWORD, "", "", 422, "Fill in all three"),
    ("", NEW, NEW, 422, "Fill in all three"),
    (PASSWORD, "x" * 1001, "x" * 1001, 422, "too long"),
]


@pytest.mark.parametrize(("current", "new", "again", "status", "told"), REFUSED)
def test_what_is_refused_is_said_and_changes_nothing(
    address: str, staff: Manned, current: str, new: str, again: str, status: int, told: str
) -> None:
    before = len(recorded(staff))
    found = TOKEN.search(got(address, "/account", staff.sessions["sue"]).text)
    assert found is not None
    form = {"form_token": found[1], "current": current, "new": new,
            "again": again}  # fmt: skip
    answer = posted(address, "/account", form, staff.sessions["sue"])
    assert (answer.status_code, told in answer.text) == (status, True)
    assert not any(one in answer.text for one in ("47zq11", NEW, PASSWORD))
    refused = [("sue", "password change refused")] if status == 403 else []
    assert recorded(staff)[before:] == refused
    assert got(address, "/account", staff.sessions["sue"]).status_code == 200


def test_the_time_zone_in_a_browser(anew: Desk, fresh: Manned) -> None:
    anew.keep(fresh.sessions["ann"])
    page = anew.open("/account")
    field = page.get_by_label("Time zone in which you read times")
    expect(field).to_have_value("")
    expect(page.get_by_text("Now times are told to you in the zone UTC")).to_be_visible()
    assert page.locator("#zones option[value='America/Denver']").count() == 1
    field.fill("america/denver")
    field.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Times are told in the zone America/Denver")
    expect(field).to_have_value("America/Denver")
    assert recorded(fresh)[-1] == ("ann", "time zone chosen")
    page = anew.open("/")  # nobody was signed out
    expect(page.locator("main")).to_contain_text("Times are in the zone America/Denver.")
    page = anew.open("/account")
    field.fill("")
    page.get_by_role("button", name="Use this time zone").click()
    expect(page.get_by_role("status")).to_contain_text("Times are told in the zone UTC")
    assert recorded(fresh).count(("ann", "time zone chosen")) == 2


@pytest.mark.parametrize("typed", ["Mars/Olympus", "Denver", "<i>", "../UTC", "x" * 101])
def test_what_is_no_time_zone_is_said_and_changes_nothing(
    address: str, staff: Manned, typed: str
) -> None:
    before, sue = len(recorded(staff)), staff.sessions["sue"]
    form = {"form_token": form_token(address, staff, "sue"), "time_zone": typed}
    answer = posted(address, "/account", form, sue)
    assert (answer.status_code, "No time zone has this name" in answer.text) == (422, True)
    assert f'value="{html.escape(typed[:100])}"' in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert recorded(staff)[before:] == []
    assert 'name="time_zone" value=""' in got(address, "/account", sue).text


def test_a_form_of_no_page_of_ours_changes_nothing(address: str, staff: Manned) -> None:
    form = {"current": PASSWORD, "new": NEW, "again": NEW}
    for one in (form, {"time_zone": "America/Denver"}):
        assert posted(address, "/account", one, staff.sessions["sue"]).status_code == 403
    assert got(address, "/account").headers["location"] == "/sign-in?next=%2Faccount"


def test_what_cannot_be_recorded_is_not_changed(browser, staff: Manned) -> None:
    with listening(app := create_app(staff.home)) as told, desk(browser, told) as made:
        made.sign_in("ida", PASSWORD)
        page = made.open("/account")
        app.state.service.audit._key = type(app.state.service.key)(b"\0" * 32)  # another key
        page.get_by_label("Time zone in which you read times").fill("America/Denver")
        page.get_by_role("button", name="Use this time zone").click()
        expect(page.get_by_role("heading", level=1)).not_to_have_text("Your account")
        made.open("/account")
        for label, typed in (("Password that you have now", PASSWORD), ("New password", NEW),
                             ("The same once more", NEW)):  # fmt: skip
            page.get_by_label(label).fill(typed)
        page.get_by_role("button", name="Change the password").click()
        expect(page.get_by_role("heading", level=1)).not_to_have_text("Your account")
    with listening(create_app(staff.home)) as told, desk(browser, told) as made:
        made.sign_in("ida", PASSWORD)
        expect(made.page.get_by_role("button", name="Sign out")).to_be_visible()
        made.open("/account")
        expect(made.page.get_by_label("Time zone in which you read times")).to_have_value("")
