"""A supervisor's day in a real browser: who has how much, whom nobody called, who takes over."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from serving.app import create_app
from serving.reached_alike import FEW, NOBODY_ELSE, NOT_TOLD
from serving.store.database import Database, database_url
from tests.serving.api.manned import Manned
from tests.serving.api.test_team_over_http import LATE, LATER, publish_due
from tests.serving.pages.asking import form_token, got, posted
from tests.serving.pages.browser import Desk, desk, listening
from tests.serving.pages.test_manners import serious
from tests.serving.pages.test_my_list import shown


@pytest.fixture
def due(fresh: Manned) -> Iterator[Database]:
    """Of four patients a1 and b1 should have been called hours ago."""
    opened = Database.open(database_url(fresh.home))
    publish_due(opened, ("a1", 1, LATE), ("b1", 2, LATE), ("a2", 1, LATER), ("b2", 2, None))
    yield opened
    opened.close()


def work(page: Page) -> list[list[str]]:
    """The numbers of each panel: on the list, to call, done, overdue, enrolled."""
    rows = page.locator(".work tbody tr").all()
    return [[cell.inner_text().split()[0] for cell in row.locator("td").all()] for row in rows]


def test_a_supervisor_finds_the_overdue_and_gives_them_to_somebody_else(
    anew: Desk, fresh: Manned, due: Database
) -> None:
    anew.keep(fresh.sessions["sue"])
    page = anew.open("/team")
    expect(page.locator(".heading")).to_contain_text("4 patients to call · 2 calls are overdue")
    assert work(page) == [
        ["2", "2", "0", "1", "4"], ["2", "2", "0", "1", "0"], ["0", "0", "0", "0", "0"],
    ]  # fmt: skip
    page.get_by_role("link", name="2 calls are overdue").click()
    overdue = page.locator("section[aria-labelledby=overdue]")
    assert overdue.locator("tbody th").all_inner_texts() == ["a1", "b1"]
    expect(overdue.locator("tbody tr").first).to_contain_text("Overdue by 5 h")
    overdue.get_by_label("Move a1 to").select_option("Panel 2")
    overdue.get_by_role("button", name="Move a1").click()
    expect(page.get_by_role("status")).to_contain_text("Moved: a1, from panel 1 to panel 2.")
    assert [row[0] for row in work(page)] == ["1", "3", "0"]
    expect(page.locator(".work")).to_contain_text("1 more than there are places")
    page.locator(".work tbody tr").nth(1).get_by_role("link", name=re.compile("overdue")).click()
    assert shown(page) == ["a1", "b1"]
    page.go_back()
    page.get_by_role("button", name="Undo this move").click()
    assert [row[0] for row in work(page)] == ["2", "2", "0"]
    expect(page.get_by_role("status")).to_contain_text("Taken back: a1, from panel 2 to panel 1.")
    expect(page.locator(".moves li")).to_have_count(1)
    expect(page.locator(".moves li")).to_contain_text("Taken back.")


def test_whoever_is_away_gives_his_whole_panel_to_the_others(
    anew: Desk, fresh: Manned, due: Database
) -> None:
    anew.keep(fresh.sessions["sue"])
    page = anew.open("/team")
    page.get_by_label("From").select_option("Panel 1 (North)")
    page.get_by_role("button", name="Move everybody").click()
    expect(page.get_by_role("status")).to_contain_text("2 patients, from panel 1 to panel 3.")
    assert [row[0] for row in work(page)] == ["0", "2", "2"]
    anew.keep(fresh.sessions["ann"])
    expect(anew.open("/").locator("h2").first).to_have_text("Nobody is on this list")


def test_a_move_on_what_is_no_longer_so_is_refused(
    anew: Desk, fresh: Manned, due: Database
) -> None:
    token, sue = form_token(anew.address, fresh, "sue"), fresh.sessions["sue"]
    form = {"form_token": token, "patient": "a1", "from": "1", "to": "2", "back": "/team"}
    first, second = (posted(anew.address, "/team/moves", form, sue) for _ in range(2))
    assert (first.status_code, first.headers["location"][:12]) == (303, "/team?moved=")
    assert second.status_code == 409
    assert "Something was recorded since you looked" in second.text
    whole_panel = {name: form[name] for name in ("form_token", "from")} | {"to": "1"}
    same = posted(anew.address, "/team/moves", whole_panel, sue).headers["location"]
    assert same == "/team?wrong=same#moving"
    assert "Choose another panel" in got(anew.address, same.partition("#")[0], sue).text
    for wrong in ({"to": "9"}, {"to": "1"}, {"to": "x"}, {"from": "", "to": "2"}):
        assert posted(anew.address, "/team/moves", form | wrong, sue).status_code == 422
    undo = first.headers["location"].removeprefix("/team?moved=")
    back = {"form_token": token, "back": "//elsewhere.org/"}
    undone = posted(anew.address, f"/team/moves/{undo}/undo", back, sue)
    assert undone.headers["location"].startswith("/?moved=")


def test_without_a_list_the_team_says_so(anew: Desk, fresh: Manned) -> None:
    held = Database.open(database_url(fresh.home))
    with held.writing() as connection:
        connection.exec_driver_sql("DELETE FROM published")
    held.close()
    page = got(anew.address, "/team", fresh.sessions["sue"])
    assert page.status_code == 200
    assert "No list has been published yet" in page.text


def test_without_a_feed_of_admissions_nothing_is_due_and_the_page_says_so(
    anew: Desk, fresh: Manned
) -> None:
    held = Database.open(database_url(fresh.home))
    with held.writing() as connection:
        connection.exec_driver_sql(
            "UPDATE run SET manifest = replace(manifest, '\"data\": {', "
            '\'"data": {"carries": ["coverage"], \')'
        )
    held.close()
    page = got(anew.address, "/team", fresh.sessions["sue"]).text
    assert "nobody counts as recently discharged" in page
    assert "Overdue</th>" not in page
    assert "calls are overdue" not in page


TIERS = {
    "tiers": {"high-cost": {"owner": "Dr. Ada Bell", **{
        name: {"from": begins, "people": people, "listed": 2, "expected": expected}
        for name, begins, people, expected in (
            ("high", 0.2, 40, 0.41), ("moderate", 0.1, None, None), ("low", 0.0, 900, 0.02),
        )
    }}},
    "models": {"high-cost": {"version": "0f8fad5bd9cb469f", "horizon_days": 365,
                             "tiers": {"high": 0.2, "moderate": 0.1}}},
}  # fmt: skip


def of_group(group: str, listed: int | None, **told: float | str | None) -> dict[str, object]:
    compared = dict.fromkeys(("ratio", "ratio_low", "ratio_high"))
    return {"attribute": "sex", "group": group, "people": 500, "listed": listed, "with_need": 60,
            "with_need_listed": 12, "readmission_high": 1, "high_cost_high": 3,
            **compared, **told}  # fmt: skip


EQUITY = {"need": "a Charlson index of 3 or more", "caveat": "illness is counted from claims",
          "rows": [
              of_group("women", 20, ratio=0.5, ratio_low=0.3, ratio_high=0.8),
              of_group("men", None, ratio=1.1, ratio_low=0.7, ratio_high=1.6),
              of_group("other", 0, ratio=0.0, ratio_low=0.0, ratio_high=0.93),
              of_group("hidden", 30, why_no_ratio=NOT_TOLD),
              of_group("alone", 30, why_no_ratio=NOBODY_ELSE),
              of_group("small", 2, why_no_ratio=FEW),
              of_group("not known", 2),  # as a night of before told it
          ]}  # fmt: skip


def test_what_tiers_ask_and_whether_the_list_reaches_every_group(
    browser: Browser, fresh: Manned
) -> None:
    held = Database.open(database_url(fresh.home))
    unlisted = {"people": 146, "overdue": 145}
    publish_due(held, ("a1", 1, LATE), ("b1", 2, LATER), equity=EQUITY, unlisted=unlisted, **TIERS)
    held.close()
    with listening(create_app(fresh.home)) as address:
        for scheme in ("light", "dark"):
            with desk(browser, address, color_scheme=scheme, bypass_csp=True) as made:
                made.keep(fresh.sessions["sue"])
                page = made.open("/team")
                assert serious(page) == []
                without_place = page.locator(".unlisted").inner_text()
                page.set_viewport_size({"width": 360, "height": 800})
                assert page.evaluate("document.documentElement.scrollWidth") <= 360
                page.set_viewport_size({"width": 1280, "height": 800})
                rows = page.locator(".equity tbody tr").all_inner_texts()
                tiers = page.locator(".tiers-told tbody tr").all_inner_texts()
    assert without_place.startswith("146 more patients were discharged lately, may be called,")
    assert "the calls to 145 of them were overdue already." in without_place
    told = [row.split("\t") for row in rows]
    assert [row[0] for row in told[:4]] == ["Sex", "Women", "Men", "Other"]
    assert [row[1:5] for row in told[1:3]] == [["500", "20", "60", "12"],
                                               ["500", "not told", "60", "12"]]  # fmt: skip
    assert told[1][5].endswith("(0.30 to 0.80): less often")
    assert told[2][5].endswith("(0.70 to 1.60): no difference shown")
    assert told[3][5].endswith("(0.00 to 0.93): less often")
    assert [row[5] for row in told[4:]] == [
        "not told", "nobody else who is ill is on the list", "too few to compare",
        "too few to compare",
    ]  # fmt: skip
    assert [row.split("\t") for row in tiers] == [
        ["High cost", "High", "20 in 100", "40", "41 in 100", "2", "Dr. Ada Bell"],
        ["High cost", "Moderate", "10 in 100", "not told", "not told", "2", "Dr. Ada Bell"],
        ["High cost", "Low", "any risk below", "900", "2 in 100", "2", "Dr. Ada Bell"],
    ]


def test_a_patient_is_given_to_somebody_else_from_his_own_page(
    anew: Desk, fresh: Manned, due: Database
) -> None:
    anew.keep(fresh.sessions["ann"])
    assert anew.open("/patients/a1").get_by_role("button", name="Move a1").count() == 0
    anew.keep(fresh.sessions["sue"])
    page = anew.open("/patients/a1?days=90")
    page.get_by_label("Move a1 to").select_option("Panel 2")
    page.get_by_role("button", name="Move a1").click()
    expect(page.get_by_role("status")).to_contain_text("Moved: a1, from panel 1 to panel 2.")
    expect(page.locator(".heading p").first).to_contain_text("Panel 2")
    assert anew.path.startswith("/patients/a1?days=90&moved=")
    assert got(anew.address, "/patients/a1", fresh.sessions["ann"]).status_code == 403
    assert got(anew.address, "/patients/a1", fresh.sessions["bob"]).status_code == 200
    assert (
        "Moved here from panel 1 by sue, today"
        in got(anew.address, "/", fresh.sessions["bob"]).text
    )
    page.get_by_role("button", name="Undo this move").click()
    expect(page.locator(".heading p").first).to_contain_text("Panel 1")
    assert "Moved here" not in got(anew.address, "/", fresh.sessions["ann"]).text
