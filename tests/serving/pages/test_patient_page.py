"""A patient's page over a real night of invented people, in a real browser: whom, why, what next;
pictures with their numbers; evidence; what happened; one sheet of paper."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest
from playwright.sync_api import Page, expect

from data.home import Home
from serving.access.accounts import add_account
from serving.access.passwords import PasswordHashing
from serving.access.sessions import SessionSettings, begin_session
from serving.app import create_app
from serving.nightly import run_night
from serving.store.database import Database, database_url
from serving.store.record_tables import audit
from serving.worklist import Capacity
from tests.serving.api.manned import PASSWORD, rows
from tests.serving.pages.asking import got
from tests.serving.pages.browser import desk, listening
from tests.serving.pages.test_manners import serious

NIGHT = date(2024, 12, 31)
PEOPLE = {"ann": ("case_manager", 1), "bob": ("case_manager", 2), "sue": ("supervisor", None)}
PRINTED = re.compile(rb"/Type\s*/Page[^s]")


@dataclass(frozen=True)
class Clinic:
    """Two nights of an invented population; where it is served, a session of each account, and the
    address of ann's first patient."""

    home: Home
    address: str
    sessions: dict[str, str]
    first: str


@pytest.fixture(scope="module")
def clinic(small_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    folder = tmp_path_factory.mktemp("clinic")
    shutil.copytree(small_home.root, folder / "home", symlinks=True)
    home = Home(folder / "home")
    for day in (NIGHT - timedelta(days=3), NIGHT):
        run_night(home, day, Capacity(managers=2, slots=10))
    database, sessions = Database.open(database_url(home)), {}
    for name, (role, manager) in PEOPLE.items():
        add_account(database, name, role, PASSWORD, PasswordHashing(), manager=manager)
        with database.writing() as connection:
            sessions[name] = begin_session(connection, name, SessionSettings(), datetime.now(UTC))
    database.close()
    with listening(create_app(home)) as address:
        listed = got(address, "/", sessions["ann"]).text
        found = re.search(r'class="id" href="([^"]+)"', listed)
        assert found is not None
        yield Clinic(home, address, sessions, found[1])


@pytest.fixture
def opened(browser, clinic: Clinic) -> Iterator[Page]:
    """The page of ann's first patient."""
    with desk(browser, clinic.address) as made:
        made.keep(clinic.sessions["ann"])
        yield made.open(clinic.first)


def test_from_the_list_to_the_patient_why_to_call_and_what_to_do(browser, clinic: Clinic) -> None:
    with desk(browser, clinic.address) as made:
        made.keep(clinic.sessions["ann"])
        page = made.open("/")
        row = page.locator("tbody tr").first
        name, why = row.locator(".id").inner_text(), row.locator(".main-reason").inner_text()
        tier = row.locator(".tier").inner_text()
        row.locator(".id").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(f"Patient {name}")
        called = page.get_by_role("region", name="Why to call")
        expect(called.locator(".main-reason")).to_have_text(why)
        expect(called.locator(".tier")).to_have_text(f"{tier} tier")
        expect(called).to_contain_text("To call")
        expect(called.locator(".step").first).to_be_visible()
        expect(page.locator(".heading")).to_contain_text("Panel 1")
        page.get_by_role("link", name="Back to the list").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("My list")


def test_both_risks_are_pictures_with_their_numbers_as_text(opened: Page) -> None:
    for name in ("Return to hospital", "High cost"):
        risk = opened.get_by_role("region", name=name, exact=True)
        if risk.locator(".figure").count() == 0:
            expect(risk).to_contain_text("No risk: ")
            continue
        bars, words = risk.locator("svg.bar"), risk.locator(".reasons .words")
        assert bars.count() == words.count() > 0
        for bar, told in zip(bars.all(), words.all(), strict=True):
            way = "raises" if bar.locator(".raises").count() else "lowers"
            assert (bar.get_attribute("aria-label") or "").startswith(way)
            expect(told).to_contain_text(f"{way}, the score's odds ×")
        picture = risk.get_by_role("img", name=f"{name}: the risk over time, in 100")
        expect(picture).to_be_visible()
        risk.get_by_text("All numbers").click()
        newest = risk.locator("tbody tr").first
        expect(newest).to_contain_text("31 December 2024")
        figure = risk.locator(".figure").inner_text()
        expect(newest).to_contain_text(figure)


def test_known_scores_say_what_they_were_made_for(opened: Page) -> None:
    known = opened.get_by_role("region", name="Scores that clinicians know")
    for name in ("LACE", "HOSPITAL", "Charlson"):
        expect(known.locator("tr", has_text=name)).to_contain_text("within")


def test_the_evidence_of_a_reason_with_its_source_rows_and_the_way_back(
    opened: Page, clinic: Clinic
) -> None:
    name = opened.get_by_role("heading", level=1).inner_text()
    links = opened.get_by_role("link", name=re.compile("^Evidence: "))
    addresses = [one.get_attribute("href") or "" for one in links.all()]
    assert addresses
    shown = [got(clinic.address, one.replace("&amp;", "&"), clinic.sessions["ann"]).text
             for one in addresses]  # fmt: skip
    assert any(re.search(r">[a-z_]+\.\w+@\w+:\d+<", page) for page in shown)
    links.first.click()
    expect(opened.get_by_role("heading", level=1)).to_contain_text("Evidence: ")
    opened.get_by_role("link", name="Back to patient").click()
    expect(opened.get_by_role("heading", level=1)).to_have_text(name)
    told = Database.open(database_url(clinic.home))
    looks = [row["what"] for row in rows(told, audit) if row["who"] == "ann"]
    told.close()
    assert looks[-2:] == ["evidence", "patient"]


def test_where_something_is_behind_a_number_nobody_is_told_that_there_is_nothing(
    clinic: Clinic,
) -> None:
    """Of everybody on ann's list, who may see no sensitive matter, the cost of care: of some a
    withheld bill takes all rows with it."""
    ann, withheld = clinic.sessions["ann"], 0
    for path in re.findall(r'class="id" href="([^"]+)"', got(clinic.address, "/", ann).text):
        asked = f"{path}/evidence?concept=cost%20of%20care&risk=high-cost"
        header = {"authorization": f"Bearer {ann}"}
        told = httpx.get(f"{clinic.address}/v1{asked}", headers=header, timeout=30).json()
        bare = [one["is_above_zero"] for one in told["numbers"] if not one["facts"]]
        page = got(clinic.address, asked, ann).text
        assert page.count("Its rows cannot be shown: one of them may be withheld.") == sum(bare)
        assert page.count("there are none behind it") == len(bare) - sum(bare)
        withheld += sum(bare)
    assert withheld > 0


def test_what_happened_is_chosen_by_kind_and_by_how_far_back(opened: Page) -> None:
    story = opened.get_by_role("region", name="What happened")
    everything = story.locator("tbody tr").count()
    story.get_by_label("Kind").select_option(label=_first_kind(story))
    story.get_by_role("button", name="Show").click()
    expect(story.locator("td.kind").first).to_be_visible()
    kinds = set(story.locator("td.kind").all_inner_texts())
    assert len(kinds) == 1
    assert story.locator("tbody tr").count() < everything
    story.get_by_label("How far back").select_option("3660")
    story.get_by_label("Kind").select_option("")
    story.get_by_role("button", name="Show").click()
    expect(story.get_by_label("How far back")).to_have_value("3660")
    assert story.locator("tbody tr").count() >= everything


def _first_kind(story) -> str:
    return story.get_by_label("Kind").locator("option").nth(1).inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_has_to_be_pushed_sideways(
    browser, clinic: Clinic, scheme
) -> None:
    with desk(browser, clinic.address, color_scheme=scheme, bypass_csp=True) as made:
        made.keep(clinic.sessions["ann"])
        page = made.open(clinic.first)
        for each in page.locator("summary").all():
            each.click()
        assert serious(page) == []
        page.set_viewport_size({"width": 320, "height": 640})
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        page.get_by_role("link", name=re.compile("^Evidence: ")).first.click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Evidence: ")
        assert serious(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_it_prints_on_one_sheet_without_forms(browser, clinic: Clinic) -> None:
    """Of everybody on the list; what cannot be pressed is not printed."""
    listed = got(clinic.address, "/", clinic.sessions["ann"]).text
    with desk(browser, clinic.address) as made:
        made.keep(clinic.sessions["ann"])
        page = made.page
        for path in re.findall(r'class="id" href="([^"]+)"', listed):
            made.open(path)
            paper = page.pdf(format="A4", prefer_css_page_size=True)
            assert len(PRINTED.findall(paper)) == 1, path
        page.emulate_media(media="print")
        expect(page.get_by_role("button")).to_have_count(0)
        expect(page.get_by_text("Printed on")).to_be_visible()
        assert page.locator(".happened tr:visible").count() <= 12 + 12  # heads are unseen


def test_a_case_manager_is_refused_the_patient_of_another_and_it_is_recorded(
    clinic: Clinic,
) -> None:
    for path in (clinic.first, f"{clinic.first}/evidence?concept=drugs", "/patients/nobody"):
        answer = got(clinic.address, path, clinic.sessions["bob"])
        assert answer.status_code == 403
        assert "This is not in your panel" in answer.text
    told = Database.open(database_url(clinic.home))
    refused = [row["patient_id"] for row in rows(told, audit)
               if row["who"] == "bob" and row["what"] == "refused"]  # fmt: skip
    told.close()
    name = clinic.first.rpartition("/")[2]
    assert refused == [name, name, "nobody"]


def test_whoever_is_not_there_is_not_found(clinic: Clinic) -> None:
    answer = got(clinic.address, "/patients/nobody", clinic.sessions["sue"])
    assert answer.status_code == 404
    assert "There is nothing here" in answer.text


def test_a_choice_that_there_is_not_is_said_on_a_page(clinic: Clinic) -> None:
    for query in ("kind=purple", "days=0", "days=99999", "at=x"):
        answer = got(clinic.address, f"{clinic.first}?{query}", clinic.sessions["ann"])
        assert answer.status_code == 422, query
        assert "Something in this request does not fit" in answer.text
