"""The pages as they are really served: by `bentoml serve`, in processes of their own."""

from __future__ import annotations

from playwright.sync_api import expect

from data.home import Home
from serving.pages.layout import PAGE_HEADERS
from tests.serving.api.manned import PASSWORD, manned
from tests.serving.pages.asking import got
from tests.serving.pages.browser import desk
from tests.serving.served import OURS, running


def test_sign_in_record_and_sign_out_at_a_service_in_its_own_process(browser, tmp_path) -> None:
    own = manned(Home(tmp_path / "home"))
    with running(OURS, own.home.root, tmp_path / "base") as served:
        with desk(browser, served.address) as made:
            page = made.sign_in("ann", PASSWORD)
            page.get_by_role("button", name="Record: a1 was reached").click()
            expect(page.get_by_role("status")).to_contain_text("Recorded: reached (a1).")
            page.get_by_role("button", name="Sign out").click()
            expect(page.get_by_role("status")).to_have_text("You are signed out.")
        headers = got(served.address, "/sign-in").headers
        assert headers["content-security-policy"] == PAGE_HEADERS["content-security-policy"]
        said = served.said()
    assert "/list/{entry_id}/actions" in said
    assert "/list/2024" not in said
    assert "recorded=" not in said
