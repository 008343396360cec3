"""What is looked at before any worker is started, and how a worker ends that cannot start."""

from __future__ import annotations

import os
import sqlite3
import time

import pytest

from data.home import Home
from serving.store.database import Database
from serving.store.revisions import downgrade, revisions
from tests.serving.served import OURS, refused, running

DOWN = "postgresql://me:hunter2@127.0.0.1:1/db"
WRONG_TABLE = '[next_steps]\n"missed appointments" = "Call."\n'


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch):
    for name in list(os.environ):
        if name.startswith("PG") or name in ("FIRSTCALL_DATABASE", "FIRSTCALL_AUDIT_KEY"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("more", "table", "code", "said"),
    [
        ({"FIRSTCALL_DATABASE": DOWN}, "", 2,
         "The database at postgresql://127.0.0.1:1/db cannot be reached: connection failed: "),
        ({"FIRSTCALL_DATABASE": "mysql://me:hunter2@h/db"}, "", 2,
         "firstcall cannot use a database of mysql: "),
        ({"FIRSTCALL_AUDIT_KEY": "hunter2"}, "", 2, "What FIRSTCALL_AUDIT_KEY holds is no key of "),
        ({}, WRONG_TABLE, 2, "next_steps.toml: the suggestion to 'missed appointments' must begin"),
        ({"FIRSTCALL_HOME": "/proc/none"}, "", 2, "FIRSTCALL_HOME cannot be read or written: "),
    ],
)  # fmt: skip
def test_what_every_worker_would_end_with_ends_the_start_in_one_sentence(
    tmp_path, more, table, code, said
):
    home = Home(tmp_path / "home")
    home.make()
    (home.root / "next_steps.toml").write_text(table)
    ended, [sentence] = refused(OURS, home.root, tmp_path, **more)
    assert ended == code
    assert sentence.startswith(f"firstcall: {said}")
    assert "hunter2" not in sentence
    assert not home.store_database.exists()


def test_a_database_of_an_earlier_or_a_newer_release_ends_the_start(tmp_path, postgresql):
    url = postgresql.made_with_tables()
    database = Database.open(url)
    downgrade(database, revisions()[0])
    database.close()
    name = url.partition("@/")[2].partition("?")[0]
    home = Home(tmp_path / "home")
    assert refused(OURS, home.root, tmp_path, FIRSTCALL_DATABASE=url) == (
        3, [f"firstcall: The database at postgresql:///{name} is of an earlier release of "
            "firstcall: run `firstcall store upgrade`."],
    )  # fmt: skip
    file = tmp_path / "newer.db"
    Database.open(f"sqlite:///{file}").close()
    with sqlite3.connect(file) as newer:
        newer.execute("UPDATE firstcall_revision SET version_num = '9999'")
    newer.close()
    code, [said] = refused(OURS, home.root, tmp_path, FIRSTCALL_DATABASE=f"sqlite:///{file}")
    assert (code, "is of a newer release of firstcall (revision 9999" in said) == (3, True)


def test_a_worker_that_cannot_start_again_says_why_in_one_sentence(tmp_path):
    home = Home(tmp_path / "home")
    with running(OURS, home.root, tmp_path, ready=False) as service:
        (home.root / "audit.key").write_text("no key")
        [worker] = service.workers()
        before = len(service.said())
        worker.kill()
        said = ""
        for _ in range(600):
            said = service.said()[before:]
            if "Application startup failed" in said:
                break
            time.sleep(0.1)
        assert (
            "firstcall: What the file audit.key of the home holds is no key of the audit record: "
            "it has to be 64 hex digits.\n" in said
        )
        assert "Traceback" not in said
