"""One whole day in a real browser, on either database, over nights of invented people: sign in,
whom to call first, why, the evidence; record, undo, defer, another tier; a supervisor reassigns;
the wrong case manager is refused; a list is published meanwhile; a session is over."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from data.home import Home
from serving.access.accounts import add_account
from serving.access.passwords import PasswordHashing
from serving.access.session_cookie import NAME
from serving.app import create_app
from serving.nightly import run_night
from serving.store.database import Database, database_url
from serving.worklist import Capacity
from tests.serving.api.manned import PASSWORD
from tests.serving.pages.browser import Desk, desk, listening

NIGHT = date(2024, 12, 30)
PLACES = Capacity(managers=2, slots=8)


@pytest.fixture
def home(small_home: Home, url_with_tables: str, tmp_path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("FIRSTCALL_DATABASE", url_with_tables)
    shutil.copytree(small_home.root, tmp_path / "home", symlinks=True)
    made = Home(tmp_path / "home")
    run_night(made, NIGHT, PLACES)
    database = Database.open(database_url(made))
    add_account(database, "sue", "supervisor", PASSWORD, PasswordHashing())
    for number, name in enumerate(("ann", "bob"), 1):
        add_account(database, name, "case_manager", PASSWORD, PasswordHashing(), manager=number)
    database.close()
    return made


@dataclass
class Day:
    """Somebody's browser over one day."""

    desk: Desk

    @property
    def page(self) -> Page:
        return self.desk.page

    def listed(self) -> list[str]:
        self.desk.open("/")
        return self.page.locator("tbody .id").all_inner_texts()

    def comes_as(self, name: str) -> None:
        self.desk.context.clear_cookies()
        self.desk.sign_in(name, PASSWORD)
        expect(self.page.get_by_text(f"Signed in as {name},")).to_be_visible()

    def said(self, words: str) -> None:
        expect(self.page.get_by_role("status").first).to_contain_text(words)


def test_a_day_of_two_case_managers_and_their_supervisor(browser: Browser, home: Home) -> None:
    with listening(create_app(home)) as address, desk(browser, address) as made:
        day = Day(made)
        first, second = _calls(day)
        _supervises(day, first, second)
        _goes_on(day, home, second)


def _calls(day: Day) -> tuple[str, str]:
    """ann finds whom to call first and why, opens the evidence, records, and takes it back."""
    page = day.page
    day.comes_as("ann")
    row = page.locator("tbody tr").first
    expect(row).to_contain_text("Call first")
    first, second = page.locator("tbody .id").all_inner_texts()[:2]
    why = row.locator(".main-reason").inner_text()
    row.get_by_role("link", name=first).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Patient {first}")
    expect(page.locator(".why-call .main-reason").first).to_have_text(why)
    page.get_by_role("link", name=re.compile("Evidence")).first.click()
    expect(page.locator(".source-row").first).to_have_text(
        re.compile(r"^\w+\.(csv|parquet)@[0-9a-f]{8}:\d+")
    )
    page.go_back()
    page.get_by_label("Note (optional)").fill("Well; the insulin is new.")
    page.get_by_role("button", name="Reached").click()
    day.said("Recorded: reached")
    assert first not in day.listed()
    day.desk.open(f"/patients/{first}")
    expect(page.locator("#recorded")).to_be_visible()
    page.get_by_role("button", name=re.compile("Undo")).first.click()
    day.said("Taken back.")
    assert day.listed()[0] == first
    page.get_by_role("link", name=first).click()
    page.locator("summary", has_text="Call again on another day").click()
    later = (NIGHT + timedelta(days=9)).isoformat()
    page.get_by_label("First day of the next call").fill(later)
    page.get_by_role("button", name="Defer the call").click()
    day.said("Recorded: deferred")
    assert first not in day.listed()
    page.get_by_role("link", name=second).click()
    page.locator("summary", has_text="Another tier is right").click()
    page.get_by_label("Tier").select_option("High")
    page.locator("#override_reason").fill("Nobody lives with her any more.")
    page.get_by_role("button", name="Give this tier").click()
    day.said("Recorded: another tier")
    expect(page.locator(".why-call")).to_contain_text("Nobody lives with her")
    return first, second


def _supervises(day: Day, first: str, second: str) -> None:
    """sue sees the work of both panels, looks for the overdue, and gives a patient to bob."""
    page = day.page
    day.comes_as("sue")
    page.get_by_role("link", name="Team").click()
    work = page.locator(".work tbody tr")
    expect(work).to_have_count(2)
    to_call = int(work.first.locator("td").nth(1).inner_text())
    day.desk.open("/?due=overdue")
    overdue = page.locator("tbody .due .overdue").count()
    assert overdue == page.locator("tbody tr").count() - page.locator(".gone tbody tr").count()
    day.desk.open(f"/patients/{second}")
    page.get_by_label(f"Move {second} to").select_option("Panel 2")
    page.get_by_role("button", name=f"Move {second}").click()
    day.said(f"Moved: {second}, from panel 1 to panel 2.")
    page.get_by_role("link", name="Team").click()
    expect(work.first.locator("td").nth(1)).to_have_text(str(to_call - 1))
    day.comes_as("bob")
    assert second in day.listed()
    assert day.desk.open(f"/patients/{second}").title().startswith(f"Patient {second}")
    day.desk.open(f"/patients/{first}")
    expect(page.get_by_role("heading", level=1)).to_have_text("This is not in your panel")


def _goes_on(day: Day, home: Home, second: str) -> None:
    """While bob has the list open the next one is published: his record counts, and he keeps whom
    sue gave him. Then his session is over."""
    page = day.page
    last = day.listed()[-1]
    run_night(home, NIGHT + timedelta(days=1), PLACES)
    page.get_by_role("button", name=f"Record: {last} did not answer").click()
    day.said("Recorded: no answer")
    expect(page.locator(".heading")).to_contain_text("List of 31 December 2024")
    assert second in day.listed()
    day.desk.context.clear_cookies(name=NAME)
    page.get_by_role("button", name=f"Record: {second} was reached").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    expect(page.get_by_role("status")).to_contain_text("was not recorded")
