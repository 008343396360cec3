from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from data.home import Home
from serving.api.app import create_app
from tests.serving.api.manned import Manned, manned
from tests.serving.client import Client
from tests.serving.databases import Kind, kind, postgresql, url_with_tables

__all__ = ["kind", "postgresql", "url_with_tables"]


@pytest.fixture(scope="module")
def staff(tmp_path_factory) -> Manned:
    """Everybody, on SQLite, for tests that change nothing."""
    return manned(Home(tmp_path_factory.mktemp("manned") / "home"))


@pytest.fixture(scope="module")
def client(staff):
    with Client(create_app(staff.home)) as client:
        yield client


@pytest.fixture(scope="session")
def manned_on(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Kind], tuple[str, Manned]]:
    """Everybody on a database of a kind and its address: made once, to be copied."""

    @cache
    def made(kind: Kind) -> tuple[str, Manned]:
        folder = tmp_path_factory.mktemp("manned")
        if kind == "sqlite":
            url = f"sqlite:///{folder / 'firstcall.db'}"
        else:
            url = request.getfixturevalue("postgresql").made_with_tables()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("FIRSTCALL_DATABASE", url)
            return url, manned(Home(folder / "home"))

    return made


@pytest.fixture
def fresh(
    kind: Kind,
    manned_on: Callable[[Kind], tuple[str, Manned]],
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Manned:
    """Everybody, anew for one test, on either database."""
    url, everybody = manned_on(kind)
    if kind == "sqlite":
        shutil.copy(url.removeprefix("sqlite:///"), tmp_path / "firstcall.db")
        url = f"sqlite:///{tmp_path / 'firstcall.db'}"
    else:
        url = request.getfixturevalue("postgresql").copied(url)
    monkeypatch.setenv("FIRSTCALL_DATABASE", url)
    shutil.copytree(everybody.home.root, tmp_path / "home", symlinks=True)
    return replace(everybody, home=Home(tmp_path / "home"))


@pytest.fixture
def anew(fresh):
    with Client(create_app(fresh.home)) as client:
        yield client
