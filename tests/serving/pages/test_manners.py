"""What holds for every page: axe, zoom, tablet, dark mode, nothing from elsewhere, print."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from serving.pages import words
from tests.serving.api.manned import Manned
from tests.serving.pages.browser import desk

PAGES = (
    ("sign-in", None, "/sign-in?over=1"),
    ("my list", "ann", "/"),
    ("the list of a supervisor", "sue", "/?manager=2&status=any"),
    ("a list that nobody fits", "sue", "/?find=nobody"),
    ("a patient", "ann", "/patients/a1"),
    ("team", "sue", "/team"),
    ("without a place", "sue", "/team/unlisted"),
    ("model", "ida", "/model"),
    ("runs", "max", "/runs"),
    ("own account", "ann", "/account"),
    ("not permitted", "ann", "/runs"),
    ("not found", "ann", "/nothing"),
    ("not valid", "ann", "/?tier=purple"),
)
every_page = pytest.mark.parametrize(("who", "path"), [one[1:] for one in PAGES],
                                     ids=[one[0] for one in PAGES])  # fmt: skip


def serious(page) -> list[str]:
    """What axe finds that bars somebody, by rule and place."""
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {node['target']}"
        for one in found if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]  # fmt: skip


@every_page
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(
    browser, address: str, staff: Manned, who: str | None, path: str, scheme
) -> None:
    with desk(browser, address, color_scheme=scheme, bypass_csp=True) as made:
        if who is not None:
            made.keep(staff.sessions[who])
        page = made.open(path)
        assert serious(page) == []
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        dark = sum(map(int, re.findall(r"\d+", ground)[:3])) < 3 * 128
        assert dark == (scheme == "dark")


def test_axe_would_find_a_page_that_bars_somebody(browser, address: str) -> None:
    with desk(browser, address, bypass_csp=True) as made:
        page = made.open("/sign-in")
        page.locator("label").first.evaluate("label => label.remove()")
        assert any(one.startswith("label:") for one in serious(page))


@every_page
@pytest.mark.parametrize(
    "size", [(512, 384), (820, 1180), (1280, 800)], ids=["1024 px at 200 %", "tablet", "desk"]
)
def test_no_page_has_to_be_pushed_sideways(
    browser, address: str, staff: Manned, who: str | None, path: str, size: tuple[int, int]
) -> None:
    """At 200 % a window of 1024 × 768 has 512 × 384 CSS pixels."""
    with desk(browser, address, viewport={"width": size[0], "height": size[1]}) as made:
        if who is not None:
            made.keep(staff.sessions[who])
        page = made.open(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
        for one in page.get_by_role("button").all():
            place = one.bounding_box()
            if place is not None:
                assert place["x"] >= 0
                assert place["x"] + place["width"] <= size[0]
                assert place["height"] >= 24  # WCAG 2.2, 2.5.8


@every_page
def test_every_page_says_who_is_signed_in_and_what_a_score_is_not_for(
    at_desk, staff: Manned, who: str | None, path: str
) -> None:
    if who is not None:
        at_desk.keep(staff.sessions[who])
    page = at_desk.open(path)
    assert page.get_by_role("heading", level=1).count() == 1
    expect(page.locator("footer")).to_contain_text("It never denies or delays care")
    signed_in = page.get_by_text(f"Signed in as {who},")
    assert signed_in.count() == (0 if who is None else 1)
    assert at_desk.page.title().endswith("· firstcall")


@pytest.mark.parametrize(
    ("who", "places"),
    [("ann", ["My list", "Model"]), ("sue", ["My list", "Team", "Model", "Runs"]),
     ("ida", ["Model", "Runs"]), ("max", ["Model", "Runs"])],
)  # fmt: skip
def test_the_navigation_leads_to_what_one_may_open_and_nowhere_else(
    at_desk, staff: Manned, who: str, places: list[str]
) -> None:
    at_desk.keep(staff.sessions[who])
    page = at_desk.open("/model")
    links = page.get_by_role("navigation").get_by_role("link")
    assert links.all_inner_texts() == places
    for name in places:
        at_desk.open("/model")
        page.get_by_role("navigation").get_by_role("link", name=name).click()
        current = page.locator("[aria-current=page]")
        expect(current).to_have_text(name)


def test_on_paper_are_no_buttons(at_desk, staff: Manned) -> None:
    at_desk.keep(staff.sessions["ann"])
    page = at_desk.open("/")
    expect(page.get_by_role("button", name="Record: a1 was reached")).to_be_visible()
    page.emulate_media(media="print")
    expect(page.locator(".record").first).to_be_hidden()
    expect(page.get_by_role("navigation")).to_be_hidden()
    expect(page.locator(".main-reason").first).to_be_visible()


def test_each_sentence_of_the_pages_is_there_and_each_is_used() -> None:
    """Names in braces of a name, as in "tier.{…}", stand for any."""
    folder = Path(words.__file__).parent
    written = "\n".join(
        file.read_text(encoding="utf-8") for file in (*folder.glob("*.py"), *folder.rglob("*.html"))
    )
    asked = set(re.findall(r'\b(?:say|count)\(\s*"([a-z_.-]+)"\s*[,)]', written))
    for name in asked:
        assert name in words.WORDS or f"{name}.one" in words.WORDS, name
    begun = re.findall(r'"([a-z_]+\.[a-z_]*)" ~|f"([a-z_]+\.[a-z_]*)\{|\["([a-z.]+)"\]', written)
    begins = tuple(part for parts in begun for part in parts if part)
    lines = [name for name in words.WORDS if not name.endswith((".one", ".many"))]
    either = set(re.findall(r'"([a-z_]+\.[a-z_]+)"', written))
    unused = [one for one in lines if one not in asked | either and not one.startswith(begins)]
    assert unused == []


def test_no_sentence_stands_in_a_template() -> None:
    """Words between tags of a template could not be translated."""
    for file in Path(words.__file__).parent.rglob("*.html"):
        plain = re.sub(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", "", file.read_text("utf-8"), flags=re.S)
        told = re.sub(r"<[^>]*>", " ", plain)
        assert re.findall(r"[A-Za-z]{2,}", told) == [], file.name
