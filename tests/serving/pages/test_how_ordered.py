"""The Model page says how the list is ordered, and what each threshold asks and finds."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from data.home import Home
from serving.app import create_app
from serving.pages.how_ordered import order_of, thresholds_of
from serving.store import Store
from serving.store.nights import Run
from tests.serving.a_night import NIGHT, a_night
from tests.serving.api.manned import manifest, manned
from tests.serving.pages.browser import desk, listening

OWNER = "Dr A. Rivera, quality board"


def tier(begins: float, people: int | None, listed: int | None, expected: float | None):
    return {"from": begins, "people": people, "listed": listed, "expected": expected}


def told(**more: Any) -> dict[str, Any]:
    """A manifest as a night of this release writes it."""
    about = {"version": "0f8fad5bd9cb469f", "horizon_days": 365,
             "tiers": {"high": 0.21, "moderate": 0.05}}  # fmt: skip
    return manifest(
        models={"high-cost": about}, capacity={"managers": 4, "slots": 25, "places": 100},
        data={"origin": "invented", "generation": "g", "carries": ["encounter", "member"]},
        worked_on="2025-01-01", kept_for_discharged=0.5,
        outreach={"within": "2 business days", "missed_after_days": None},
        tiers={"high-cost": {
            "owner": OWNER, "high": tier(0.21, 1234, 99, 0.2961),
            "moderate": tier(0.05, None, None, None), "low": tier(0.0, 0, 0, None),
        }},
    ) | more  # fmt: skip


def run(about: dict[str, Any]) -> Run:
    return Run("2024-12-31.1", NIGHT, "published", about)


def test_each_threshold_stands_with_value_owner_workload_and_yield() -> None:
    high, moderate, low = thresholds_of(run(told()))
    assert (high.task, high.tier, high.begins, high.owner) == (
        "high-cost", "high", "21 in 100", OWNER
    )  # fmt: skip
    assert (high.people, high.listed, high.expected) == ("1,234", "99", "30 in 100")
    assert (moderate.begins, moderate.people, moderate.expected) == (
        "5 in 100", "not told", "not told"
    )  # fmt: skip
    assert (low.begins, low.people, low.expected) == ("any risk below", "0", "nobody is")


def test_of_a_run_of_before_only_what_it_told_is_shown() -> None:
    about = told()
    del about["tiers"], about["kept_for_discharged"], about["worked_on"], about["outreach"]
    first, *_ = thresholds_of(run(about))
    assert (first.begins, first.people, first.expected, first.owner) == (
        "21 in 100", "not told", "not told", "not told"
    )  # fmt: skip
    assert not any("places" in one or "due" in one for one in order_of(run(about)))
    assert thresholds_of(run(manifest())) == []
    assert thresholds_of(run({})) == []
    assert order_of(run({})) == order_of(run(about))


@pytest.mark.parametrize(
    ("more", "said", "not_said"),
    [
        ({}, "50 of the 100 places go first to people who left hospital", "off"),
        ({"kept_for_discharged": 0.014}, "1 of the 100 places goes first to whoever", "off"),
        ({"kept_for_discharged": 0.29}, "29 of the 100 places go first", "28 of"),
        ({"kept_for_discharged": 0}, "No places are kept", "go first"),
        ({}, "due within 2 business days of the discharge", "counts as missed"),
        ({"outreach": {"within": "48 hours", "missed_after_days": 5}},
         "More than 5 days after the discharge outreach counts as missed", "2 business days"),
        ({"data": {"carries": ["member"]}}, "The queue of the recently discharged is off", "due"),
        ({}, "No place goes by a draw.", "The last"),
        ({"randomised": {"share": 0.1, "salt": "s"}}, "The last 10% of the places go by a draw",
         "No place goes"),
    ],
)  # fmt: skip
def test_the_order_is_told_as_it_held(more, said, not_said) -> None:
    sentences = order_of(run(told(**more)))
    assert sum(said in one for one in sentences) == 1
    assert not any(not_said in one for one in sentences)


def test_the_page_shows_it_on_a_small_screen_too(browser, tmp_path) -> None:
    own = manned(Home(tmp_path / "home"))
    store = Store.of_home(own.home)
    scores, reasons, entries, _, known = a_night("a1", "b1")
    store.publish(store.start(NIGHT), scores, reasons, entries, told(), known)
    store.close()
    around = {"viewport": {"width": 320, "height": 640}, "bypass_csp": True}
    with listening(create_app(own.home)) as address, desk(browser, address, **around) as made:
        made.keep(own.sessions["ann"])
        page = made.open("/model")
        part = page.get_by_role("region", name="How the list is ordered")
        expect(part.get_by_role("listitem").nth(1)).to_contain_text("50 of the 100 places")
        first = part.get_by_role("row").nth(1)
        expect(first).to_contain_text("21 in 100")
        expect(first).to_contain_text("30 in 100")
        expect(first).to_contain_text(OWNER)
        expect(part).to_contain_text("The list has 100 places.")
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        assert Axe().run(page).response["violations"] == []
