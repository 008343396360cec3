"""Model and Runs: what a score is for, whose data it was made of, how the nights went."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from data.home import Home
from serving.app import create_app
from serving.pages.figures import card_of
from serving.store import Store
from serving.store.database import Database, database_url
from tests.serving.a_night import NIGHT
from tests.serving.api.manned import Manned, manned
from tests.serving.pages.browser import Desk, desk, listening

CARD = """# Model card: readmission

## Source attributes

| what | said |
| --- | ---: |
| intended use | To order outreach <b>only</b> |
| wide | %s |

A [link](javascript:alert(1)) and ![a picture](https://elsewhere.example/x.png).
""" % ("a long word " * 30)


def test_the_page_says_what_a_score_is_for_and_what_it_must_not_be_used_for(
    at_desk: Desk, staff: Manned
) -> None:
    at_desk.keep(staff.sessions["ann"])
    page = at_desk.open("/model")
    expect(page.locator("main")).to_contain_text("put patients in an order for outreach")
    expect(page.locator("main")).to_contain_text("must not be used to deny or delay care")
    readmission = page.locator("section", has_text="Return to hospital")
    expect(readmission).to_contain_text("Data through\n30 June 2024", use_inner_text=True)
    expect(readmission).to_contain_text("High: 50 in 100; Moderate: 20 in 100")
    expect(readmission).to_contain_text("invented: not for decisions about real people")
    expect(readmission).to_contain_text("This model came without a card.")
    expect(page.locator("main")).to_contain_text("As of\n31 December 2024", use_inner_text=True)


def test_a_card_is_shown_whole_and_loads_and_runs_nothing(browser, tmp_path) -> None:
    own = manned(Home(tmp_path / "home"))
    (own.home.models / "readmission" / "card.md").write_text(CARD)
    around = {"viewport": {"width": 512, "height": 384}, "bypass_csp": True}
    with listening(create_app(own.home)) as told, desk(browser, told, **around) as made:
        made.keep(own.sessions["ida"])
        page = made.open("/model")
        expect(page.get_by_role("cell", name="To order outreach <b>only</b>")).to_be_hidden()
        page.get_by_text("The whole card, with the source attributes").click()
        expect(page.get_by_role("cell", name="To order outreach <b>only</b>")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 512
        assert Axe().run(page).response["violations"] == []
    written = card_of(CARD)
    assert "<h3>Model card: readmission</h3>" in written
    assert "<h4>Source attributes</h4>" in written
    assert '<td class="right">' in written
    for barred in ("<b>", "<img", "style=", 'href="javascript'):
        assert barred not in written


@pytest.mark.parametrize("who", ["sue", "ida", "max"])
def test_the_nights_stand_with_how_they_ended(browser, tmp_path, who: str) -> None:
    own = manned(Home(tmp_path / "home"))
    opened = Database.open(database_url(own.home))
    Store(opened).start(NIGHT)
    opened.close()
    with listening(create_app(own.home)) as told, desk(browser, told) as made:
        made.keep(own.sessions[who])
        page = made.open("/runs")
        first, second = page.locator("tbody tr").all()
        expect(first).to_contain_text("2024-12-31.2")
        expect(first).to_contain_text("running")
        expect(second).to_contain_text("published")
        expect(second).to_contain_text("This is the list that is shown")
        expect(second).to_contain_text("Return to hospital 0f8fad5bd9cb469f")
        expect(page.locator("main")).to_contain_text("Times are in the zone UTC.")
