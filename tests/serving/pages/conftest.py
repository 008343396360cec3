from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from data.home import Home
from serving.app import create_app
from tests.serving.api.manned import Manned, manned
from tests.serving.databases import kind, postgresql, url_with_tables
from tests.serving.pages.browser import Desk, desk, listening, running_browser

__all__ = ["kind", "postgresql", "url_with_tables"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """For one file: while it runs, this thread can run no other event loop, which tests of the API
    in the same process do."""
    with running_browser() as started:
        yield started


@pytest.fixture(scope="module")
def staff(tmp_path_factory) -> Manned:
    """Everybody, on SQLite, for tests that change nothing."""
    return manned(Home(tmp_path_factory.mktemp("manned") / "home"))


@pytest.fixture(scope="module")
def address(staff) -> Iterator[str]:
    with listening(create_app(staff.home)) as told:
        yield told


@pytest.fixture
def at_desk(browser, address) -> Iterator[Desk]:
    """A browser at the service over `staff`."""
    with desk(browser, address) as made:
        yield made


@pytest.fixture
def fresh(url_with_tables, tmp_path, monkeypatch) -> Manned:
    """Everybody, anew for one test, on either database."""
    monkeypatch.setenv("FIRSTCALL_DATABASE", url_with_tables)
    return manned(Home(tmp_path / "home"))


@pytest.fixture
def anew(fresh, browser) -> Iterator[Desk]:
    """A browser at the service over `fresh`."""
    with listening(create_app(fresh.home)) as told, desk(browser, told) as made:
        yield made
