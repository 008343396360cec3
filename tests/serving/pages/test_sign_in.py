"""Signing in and out in a real browser: what is let in, what is kept, where it leads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from serving.access.opaque_tokens import digest
from serving.access.session_cookie import NAME
from serving.access.sessions import SessionSettings, begin_session
from serving.app import create_app
from serving.settings import settings_of
from serving.store.account_tables import session
from serving.store.database import Database, database_url
from serving.store.record_tables import action, audit
from tests.serving.api.manned import PASSWORD, Manned, rows
from tests.serving.pages.asking import got, posted
from tests.serving.pages.browser import Desk, desk, listening


def database(staff: Manned) -> Database:
    return Database.open(database_url(staff.home))


def test_the_right_password_leads_to_the_list_and_the_cookie_is_shut(at_desk: Desk) -> None:
    at_desk.sign_in("ann", PASSWORD)
    expect(at_desk.page.get_by_role("heading", level=1)).to_have_text("My list")
    [kept] = [one for one in at_desk.context.cookies() if one["name"] == NAME]
    assert NAME.startswith("__Host-")
    told = {name: kept.get(name) for name in ("secure", "httpOnly", "sameSite", "path", "expires")}
    assert told == {"secure": True, "httpOnly": True, "sameSite": "Lax", "path": "/", "expires": -1}
    assert at_desk.page.evaluate("document.cookie") == ""


def test_a_wrong_password_is_refused_in_one_sentence_that_repeats_nothing(at_desk: Desk) -> None:
    page = at_desk.sign_in("ann", "a wrong pass phrase 47zq11")
    expect(page.get_by_role("alert")).to_contain_text("The name or the password is wrong")
    assert "47zq11" not in page.content()
    assert page.get_by_label("Name").input_value() == ""
    assert NAME not in [one["name"] for one in at_desk.context.cookies()]
    at_desk.open("/")
    assert at_desk.path == "/sign-in"


def test_by_keyboard_alone(at_desk: Desk) -> None:
    page = at_desk.open("/sign-in")
    keys = page.keyboard
    expect(page.get_by_label("Name")).to_be_focused()  # by itself, a moment after the page is there
    keys.type("ann")
    expect(page.get_by_label("Name")).to_have_value("ann")
    keys.press("Tab")
    expect(page.get_by_label("Password")).to_be_focused()
    keys.type(PASSWORD)
    expect(page.get_by_label("Password")).to_have_value(PASSWORD)
    keys.press("Tab")
    focus = page.evaluate(
        "(at => [at.textContent, getComputedStyle(at).outlineStyle])(document.activeElement)"
    )
    assert focus == ["Sign in", "solid"]
    keys.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("My list")
    keys.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    keys.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_whoever_signs_out_is_out_and_his_token_is_worth_nothing(anew: Desk, fresh: Manned) -> None:
    page = anew.sign_in("ann", PASSWORD)
    [token] = [one["value"] for one in anew.context.cookies() if one["name"] == NAME]
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("status")).to_have_text("You are signed out.")
    assert NAME not in [one["name"] for one in anew.context.cookies()]
    anew.keep(token)
    anew.open("/")
    assert anew.path == "/sign-in?over=1"
    opened = database(fresh)
    held = [row["token_sha256"] for row in rows(opened, session)]
    told = [(row["who"], row["what"]) for row in rows(opened, audit)]
    opened.close()
    assert digest(token) not in held
    assert told[0] == ("ann", "sign-in")
    assert told[-1] == ("ann", "sign-out")


def test_a_session_that_is_over_leads_to_the_sign_in_and_back(at_desk: Desk, staff: Manned) -> None:
    long_ago = datetime.now(UTC) - timedelta(hours=2)
    opened = database(staff)
    with opened.writing() as connection:
        token = begin_session(connection, "ann", SessionSettings(), long_ago)
    opened.close()
    at_desk.keep(token)
    page = at_desk.open("/?tier=high&status=any")
    expect(page.get_by_role("status")).to_contain_text("Your session is over")
    page.get_by_label("Name").fill("ann")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("My list")
    assert at_desk.path == "/?tier=high&status=any"


def test_what_was_sent_after_the_session_was_over_is_said_not_to_be_recorded(
    anew: Desk, fresh: Manned
) -> None:
    anew.keep(fresh.sessions["ann"])
    page = anew.open("/?status=any")
    page.get_by_role("button", name="Record: a1 did not answer").click()
    expect(page.get_by_role("status")).to_contain_text("Recorded: no answer (a1).")
    opened = database(fresh)
    with opened.writing() as connection:
        connection.execute(session.delete())
    opened.close()
    page.get_by_role("button", name="Record: a2 was reached").click()
    told = page.get_by_role("status")
    expect(told).to_contain_text("what you sent last was not recorded")
    page.get_by_label("Name").fill("ann")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("My list")
    assert anew.path == "/?status=any"
    assert page.get_by_role("status").count() == 0  # nothing is told as recorded
    opened = database(fresh)
    assert [row["kind"] for row in rows(opened, action)] == ["no_answer"]
    opened.close()


@pytest.mark.parametrize("cookie", [{}, {"cookie": f"{NAME}=fcs_{'x' * 43}"}])
def test_a_form_without_a_session_is_said_not_to_be_recorded_whether_or_not_a_cookie_came(
    address: str, cookie: dict[str, str]
) -> None:
    back = f"{address}/?at=2024-12-31.1:1&recorded={'a' * 32}&tier=high"
    place = "/list/2024-12-31.1:1/actions"
    answer = posted(address, place, {}, None, referer=back, **cookie)
    assert answer.headers["location"] == "/sign-in?next=%2F%3Ftier%3Dhigh&over=form"
    assert (f"{NAME}=" in answer.headers.get("set-cookie", "")) == bool(cookie)
    opened = got(address, f"/?at=2024-12-31.1:1&recorded={'a' * 32}", None, **cookie)
    assert "next=" not in opened.headers["location"]


@pytest.mark.parametrize(
    "elsewhere",
    ["https://elsewhere.example/", "//elsewhere.example/", "/\\elsewhere.example/",
     "/%5C/elsewhere.example", "javascript:alert(1)", "/\t/elsewhere.example/", "sign-in",
     "/sign-out"],
)  # fmt: skip
def test_a_sign_in_leads_nowhere_else(at_desk: Desk, elsewhere: str) -> None:
    page = at_desk.open("/sign-in")
    page.locator("input[name=next]").evaluate("(field, to) => { field.value = to }", elsewhere)
    page.get_by_label("Name").fill("ann")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{at_desk.address}/**")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    assert page.url.startswith(f"{at_desk.address}/")


def test_each_role_begins_where_its_day_begins(at_desk: Desk, staff: Manned) -> None:
    first = {"sue": "/", "ida": "/model", "max": "/model"}
    for who, path in first.items():
        at_desk.context.clear_cookies()
        at_desk.sign_in(who, PASSWORD)
        expect(at_desk.page.get_by_role("button", name="Sign out")).to_be_visible()
        assert at_desk.path == path, who


def test_five_wrong_ones_lock_the_account_here_as_over_the_api(anew: Desk) -> None:
    for n in range(5):
        anew.sign_in("ann", f"a wrong pass phrase {n}")
    page = anew.sign_in("ann", PASSWORD)
    expect(page.get_by_role("alert")).to_contain_text("wait 15 minutes")
    assert anew.path == "/sign-in"


def test_too_many_sign_ins_are_slowed_and_told_on_a_page(browser, staff: Manned) -> None:
    few = settings_of({"rates": {"unknown_per_minute": 2}})
    with listening(create_app(staff.home, few)) as told, desk(browser, told) as made:
        for _ in range(5):  # a minute may begin in between, which counts anew
            page = made.sign_in("nobody-here", "a wrong pass phrase")
            slowed = page.get_by_role("heading", name="Too many requests")
            expect(slowed.or_(page.get_by_role("alert"))).to_be_visible()
            if slowed.is_visible():
                break
        expect(slowed).to_be_visible()


def test_a_sign_in_takes_the_place_of_the_one_before(anew: Desk, fresh: Manned) -> None:
    anew.sign_in("ann", PASSWORD)
    [before] = [one["value"] for one in anew.context.cookies() if one["name"] == NAME]
    anew.sign_in("sue", PASSWORD)
    expect(anew.page.get_by_text("Signed in as sue, supervisor")).to_be_visible()
    opened = database(fresh)
    held = [row["token_sha256"] for row in rows(opened, session)]
    opened.close()
    assert digest(before) not in held


def test_two_tabs_at_the_sign_in_let_in_by_either(browser, address: str) -> None:
    with desk(browser, address) as made:
        first = made.open("/sign-in")
        second = made.context.new_page()
        second.goto(f"{address}/sign-in")
        for page in (first, second):
            page.get_by_label("Name").fill("ann")
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Sign in").click()
            expect(page.get_by_role("heading", level=1)).to_have_text("My list")


def test_a_tab_of_another_visit_shows_its_form_anew_and_then_lets_in(browser, address: str) -> None:
    """Tabs that a browser restores ask at once, and each is given a visit: the last one stays."""
    with desk(browser, address) as made:
        page = made.open("/sign-in")
        made.context.clear_cookies()
        other = made.context.new_page()
        other.goto(f"{address}/sign-in")
        for told in ("Please send it again", None):
            page.get_by_label("Name").fill("ann")
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Sign in").click()
            if told is not None:
                expect(page.get_by_role("alert")).to_contain_text(told)
        expect(page.get_by_role("heading", level=1)).to_have_text("My list")


def test_where_cookies_are_not_kept_the_page_says_so(browser, address: str) -> None:
    with desk(browser, address) as made:
        made.open("/sign-in")
        made.context.clear_cookies()
        made.page.get_by_label("Name").fill("ann")
        made.page.get_by_label("Password").fill(PASSWORD)
        made.page.get_by_role("button", name="Sign in").click()
        expect(made.page.get_by_role("alert")).to_contain_text("did not send back the cookie")


def test_with_an_identity_provider_the_page_says_so(browser, staff: Manned) -> None:
    told = {"open_id": {"issuer": "https://login.hospital.example/realm", "audience": "firstcall",
                        "roles": {"nurse": "case_manager"}}}  # fmt: skip
    with listening(create_app(staff.home, settings_of(told))) as at, desk(browser, at) as made:
        expect(made.open("/sign-in").locator("main")).to_contain_text("login.hospital.example")
