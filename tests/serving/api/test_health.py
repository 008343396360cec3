"""What everybody is told of the service's health, what operators are, and what it costs."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import event

from data.home import Home
from serving.api import operators
from serving.api.app import create_app
from serving.models.in_use import ModelsInUse
from serving.settings import RateLimits, ServiceSettings
from tests.serving.api.manned import Manned, manned
from tests.serving.client import Client

NOBODY = {"authorization": ""}
SHORT = {"status", "published"}
WHOLE = SHORT | {"reason", "models", "sources", "remark", "silent"}
INSIDE = "registry http://models.hospital.example:5000/path version 3"


@pytest.fixture
def inside(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The models come from a registry whose address is nobody's business."""
    monkeypatch.setattr(ModelsInUse, "sources", {"readmission": INSIDE})
    monkeypatch.setattr(client.app.state.service.in_use, "remark", f"{INSIDE} does not fit")


def test_everybody_is_told_whether_it_is_well_and_how_old_the_list_is(
    client: Client, staff: Manned, inside: None
) -> None:
    for who in ("", "ann", "eva", "scope score", "scope cds", "scope patients", "scope worklist"):
        header = staff.header(who) if who else NOBODY
        answer = client.get("/health", headers=header)
        assert answer.json() == {"status": "ok", "published": "2024-12-31"}, who


@pytest.mark.parametrize("who", ["max", "sue", "ida", "all", "scope metrics", "scope runs"])
def test_operators_are_told_which_models_answer_and_from_where(
    client: Client, staff: Manned, inside: None, who: str
) -> None:
    told = client.get("/health", headers=staff.header(who)).json()
    assert set(told) == WHOLE
    assert (told["sources"], told["reason"]) == ({"readmission": INSIDE}, None)
    assert set(told["models"]) == {"readmission", "high-cost"}


def test_a_token_that_is_none_is_refused_and_counted_as_everywhere(fresh: Manned) -> None:
    """Or it would say without end which tokens are right."""
    with Client(
        create_app(fresh.home, ServiceSettings(rates=RateLimits(unknown_per_minute=2)))
    ) as client:
        guess = {"authorization": "Bearer fcs_guess"}
        answers = [client.get("/health", headers=guess) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [401, 401, 429]
        assert client.get("/health", headers=NOBODY).status_code == 200


def test_it_is_not_ready_where_nothing_can_be_recorded(anew: Client, fresh: Manned) -> None:
    anew.app.state.service.recorder.close()
    assert anew.get("/health", headers=NOBODY).json()["status"] == "not ready"
    told = anew.get("/health", headers=fresh.header("max")).json()
    assert told["status"] == "not ready"
    assert told["reason"].startswith("Nothing can be recorded any more")
    assert "firstcall_ready 0.0" in anew.get("/v1/metrics", headers=fresh.header("max")).text


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets time pass, and no other does."""
    now = [1000.0]
    monkeypatch.setattr(operators, "monotonic", lambda: now[0])

    def passes(seconds: float) -> None:
        now[0] += seconds

    return passes


def test_the_database_is_asked_once_a_second_however_many_ask(
    anew: Client, clock: Callable[[float], None]
) -> None:
    asked: list[str] = []
    engine = anew.app.state.service.database._engine
    event.listen(engine, "before_cursor_execute", lambda *about: asked.append(about[2]))

    async def many() -> set[int]:
        asking = (anew._http.get("/health", headers=NOBODY) for _ in range(30))
        return {answer.status_code for answer in await asyncio.gather(*asking)}

    assert anew._runner.run(many()) == {200}
    first = list(asked)
    assert sum("published" in statement for statement in first) == 1
    clock(0.9)
    anew._runner.run(many())
    assert asked == first
    clock(0.2)
    anew._runner.run(many())
    assert len(asked) == 2 * len(first)


def test_a_database_that_does_not_answer_is_asked_once_a_second_too(
    tmp_path: Path, clock: Callable[[float], None]
) -> None:
    home = manned(Home(tmp_path / "home")).home
    with Client(create_app(home, ServiceSettings())) as client:
        with sqlite3.connect(home.store_database) as broken:
            broken.execute("ALTER TABLE published RENAME TO gone")
        for _ in range(3):
            assert client.get("/health", headers=NOBODY).status_code == 503
        with sqlite3.connect(home.store_database) as mended:
            mended.execute("ALTER TABLE gone RENAME TO published")
        assert client.get("/health", headers=NOBODY).status_code == 503  # as it was said
        clock(1.1)
        assert client.get("/health", headers=NOBODY).json()["status"] == "ok"
