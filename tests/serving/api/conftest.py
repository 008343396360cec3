import pytest

from data.home import Home
from serving.api.app import create_app
from tests.serving.api.manned import Manned, manned
from tests.serving.client import Client
from tests.serving.databases import kind, postgresql, url_with_tables

__all__ = ["kind", "postgresql", "url_with_tables"]


@pytest.fixture(scope="module")
def staff(tmp_path_factory) -> Manned:
    """Everybody, on SQLite, for tests that change nothing."""
    return manned(Home(tmp_path_factory.mktemp("manned") / "home"))


@pytest.fixture(scope="module")
def client(staff):
    with Client(create_app(staff.home)) as client:
        yield client


@pytest.fixture
def fresh(url_with_tables, tmp_path, monkeypatch) -> Manned:
    """Everybody, anew for one test, on either database."""
    monkeypatch.setenv("FIRSTCALL_DATABASE", url_with_tables)
    return manned(Home(tmp_path / "home"))


@pytest.fixture
def anew(fresh):
    with Client(create_app(fresh.home)) as client:
        yield client
