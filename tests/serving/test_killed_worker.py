"""One of two workers is killed under load: what was acknowledged is kept, each once."""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path

import httpx
import psutil
import pytest
import sqlalchemy as sa

from data.home import Home
from serving.store.audit import Audit, AuditKey
from serving.store.database import Database
from serving.store.nights import Store
from serving.store.record_tables import action, audit
from tests.serving.a_night import NIGHT, a_night
from tests.serving.client import a_token
from tests.serving.databases import kind, postgresql, url
from tests.serving.served import OURS, Served, running

__all__ = ["kind", "postgresql", "url"]  # fixtures
CALLERS = 6
ENOUGH = 40
"""Actions that are acknowledged before the worker is killed, and as many after."""


class Caller(threading.Thread):
    """Records actions at a place of the list, one after another. Each has a key of its own, and is
    sent again with it until it is acknowledged, as a program would do."""

    def __init__(self, address: str, token: str, rank: int, over: threading.Event) -> None:
        super().__init__(daemon=True)
        self.rank, self.over = rank, over
        self.acknowledged: dict[str, str] = {}
        self.lost = 0
        self.wrong: list[object] = []
        self.client = httpx.Client(
            base_url=address, timeout=120, headers={"authorization": f"Bearer {token}"}
        )

    def run(self) -> None:
        number = 0
        with self.client:
            while not self.over.is_set() and not self.wrong:
                number += 1
                key = f"caller-{self.rank}-{number}"
                while key not in self.acknowledged and not self.wrong:
                    self._send(key)

    def _send(self, key: str) -> None:
        try:
            answer = self.client.post(
                f"/v1/worklist/{NIGHT}.1:{self.rank}/actions",
                json={"kind": "no_answer", "note": key}, headers={"idempotency-key": key},
            )  # fmt: skip
        except httpx.TransportError:
            self.lost += 1
            time.sleep(0.05)
            return
        if answer.status_code == 201:
            self.acknowledged[key] = answer.json()["action_id"]
        else:
            self.wrong.append((answer.status_code, answer.text))


def home_with_a_list(quick_home: Home, root: Path, url: str) -> tuple[Home, str]:
    """A copy of the quick home whose database is at `url`, with CALLERS people on the list; and a
    token that may record actions."""
    home = Home(root)
    ignored = shutil.ignore_patterns("firstcall.db*")
    shutil.copytree(quick_home.root, home.root, symlinks=True, ignore=ignored)
    database = Database.open(url)
    store = Store(database)
    scores, reasons, entries, manifest, known = a_night(*(f"p{n}" for n in range(CALLERS)))
    manifest |= {"capacity": {"managers": 1, "slots": CALLERS}, "warnings": []}
    store.publish(store.start(NIGHT), scores, reasons, entries, manifest, known)
    token = a_token(database, "actions")
    store.close()
    return home, token


def until(callers: list[Caller], acknowledged: int) -> None:
    for _ in range(1200):
        assert not any(caller.wrong for caller in callers), [c.wrong for c in callers]
        if sum(len(caller.acknowledged) for caller in callers) >= acknowledged:
            return
        time.sleep(0.05)
    pytest.fail("too few were acknowledged")


def kill_the_busiest(service: Served) -> None:
    """SIGKILL for the worker that holds most callers."""

    def callers_of(worker: psutil.Process) -> int:
        return sum(one.status == psutil.CONN_ESTABLISHED for one in worker.net_connections("tcp"))

    worker = max(service.workers(), key=callers_of)
    assert callers_of(worker) > 0
    worker.kill()
    worker.wait(30)


def test_what_was_acknowledged_outlives_a_killed_worker_and_nothing_is_done_twice(
    quick_home, tmp_path, url
):
    home, token = home_with_a_list(quick_home, tmp_path / "home", url)
    over = threading.Event()
    more = {"FIRSTCALL_DATABASE": url, "FIRSTCALL_WORKERS": "2"}
    with running(OURS, home.root, tmp_path, **more) as service:
        assert len(service.workers()) == 2
        callers = [Caller(service.address, token, n + 1, over) for n in range(CALLERS)]
        for caller in callers:
            caller.start()
        until(callers, ENOUGH)
        kill_the_busiest(service)
        until(callers, sum(len(c.acknowledged) for c in callers) + ENOUGH)
        over.set()
        for caller in callers:
            caller.join(120)
        for _ in range(600):  # another one takes its place
            if len(service.workers()) == 2:
                break
            time.sleep(0.1)
        assert len(service.workers()) == 2
        health = service.health()
        assert health is not None
        assert health["status"] == "ok"

    database = Database.open(url)
    try:
        with database.reading() as connection:
            kept = {row.note: row.action_id for row in connection.execute(sa.select(action))}
            rows = connection.scalar(sa.select(sa.func.count()).select_from(action))
            recorded = connection.scalar(
                sa.select(sa.func.count()).select_from(audit).where(audit.c.what == "action")
            )
        found = Audit(database, AuditKey.of_home(home)).verify()
    finally:
        database.close()
    acknowledged = {k: v for caller in callers for k, v in caller.acknowledged.items()}
    assert len(acknowledged) >= 2 * ENOUGH
    assert kept == acknowledged, "all that was acknowledged, and nothing else"
    assert rows == recorded == len(acknowledged), "each once, and each in the record"
    assert found.wrong is None
    assert any(caller.lost for caller in callers), "the kill met somebody"
