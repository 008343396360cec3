"""Why the database does not answer is told to whoever looks after the service, and to nobody
else."""

from __future__ import annotations

import logging
import os
import sqlite3

import pytest

from data.home import Home
from serving.api import app, operators
from serving.api.app import create_app
from serving.settings import ServiceSettings
from tests.serving.client import Client
from tests.serving.databases import PASSWORD


@pytest.fixture(autouse=True)
def no_other_database(monkeypatch):
    for name in list(os.environ):
        if name.startswith("PG") or name == "FIRSTCALL_DATABASE":
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def asked_each_time(monkeypatch):
    """What the database said is not kept for a second here."""
    monkeypatch.setattr(operators, "HEALTH_SECONDS", 0.0)


def sentences(caplog):
    return [one.getMessage() for one in caplog.records if one.levelno == logging.ERROR]


def refused(client):
    answer = client.get("/health")
    assert answer.status_code == 503
    assert answer.json()["detail"] == "the database does not answer now: ask again"


def test_its_sentence_is_written_down_once_a_minute(tmp_path, caplog, monkeypatch):
    home = Home(tmp_path / "home")
    with Client(create_app(home, ServiceSettings())) as client:
        assert client.get("/health").status_code == 200
        for table in ("published", "run"):
            with sqlite3.connect(home.store_database) as broken:
                broken.execute(f"ALTER TABLE {table} RENAME TO gone")
            for _ in range(3):
                refused(client)
            broken.execute(f"ALTER TABLE gone RENAME TO {table}")
            broken.close()
        said = [
            f"The database at FIRSTCALL_HOME/firstcall.db cannot be used: no such table: {table}."
            for table in ("published", "run")
        ]
        assert sentences(caplog) == said
        monkeypatch.setattr(app, "_SAID_EVERY_SECONDS", 0.0)
        with sqlite3.connect(home.store_database) as broken:
            broken.execute("ALTER TABLE run RENAME TO gone")
        refused(client)
        broken.close()
        assert sentences(caplog) == [*said, said[1]]


def test_it_holds_no_password(tmp_path, caplog, monkeypatch, postgresql):
    url = postgresql.made_with_tables()
    name = url.partition("@/")[2].partition("?")[0]
    monkeypatch.setenv("FIRSTCALL_DATABASE", url)
    with Client(create_app(Home(tmp_path / "home"), ServiceSettings())) as client:
        assert client.get("/health").status_code == 200
        postgresql.sql(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}';"
        )
        postgresql.sql(f"ALTER DATABASE {name} RENAME TO {name}_gone;")
        refused(client)
    [said] = sentences(caplog)
    assert said.startswith(f"The database at postgresql:///{name} cannot be reached: ")
    assert "does not exist" in said
    assert not any(word in caplog.text for word in (PASSWORD, "p%40ss", "keeper:"))
