from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher

from serving.access.passwords import PasswordHashing
from serving.store import account_tables as tables
from serving.store.database import Database
from tests.serving.databases import postgresql

__all__ = ["database", "directly", "hashing", "opened", "postgresql"]


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def opened(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """A database of each kind, made once: these tests are many and short."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("PG"):
                patch.delenv(name)
        if request.param == "sqlite":
            url = f"sqlite:///{tmp_path_factory.mktemp('access') / 'firstcall.db'}"
        else:
            url = request.getfixturevalue("postgresql").made()
        database = Database.open(url)
        yield database
        database.close()


@pytest.fixture
def database(opened: Database) -> Database:
    """With nobody in it."""
    with opened.writing() as connection:
        for table in (
            tables.session, tables.provider_session, tables.account, tables.service_token,
        ):  # fmt: skip
            connection.execute(sa.delete(table))
        named = tables.sign_in_attempt.c.name != ""
        connection.execute(sa.delete(tables.sign_in_attempt).where(named))
    return opened


@pytest.fixture(scope="session")
def hashing() -> PasswordHashing:
    """argon2id at its cheapest: these tests are about what is done with a hash."""
    return PasswordHashing(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture(autouse=True)
def directly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever proxy this machine has, its own services are asked without it."""
    monkeypatch.setenv("no_proxy", "127.0.0.1,127.0.0.2")
