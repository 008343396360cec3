"""Ten minutes of what a day brings: scores, lists, patients, evidence, searches, actions and EHRs,
all at the same time, on a service of two workers. Nothing may fail, and memory stays flat.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from statistics import median
from typing import Any

import httpx
import numpy as np

from data.intake import current
from serving.nightly import run_night
from serving.store.nights import Store
from tests.bench.live import to_serve, trained_home, write_bodies
from tests.bench.measuring import Line, Setting
from tests.serving.served import OURS, Served, running, token_of

SECONDS = float(os.environ.get("FIRSTCALL_BENCH_SECONDS", "600"))
CALLERS = 12
WARM = 0.2
"""Share of the time after which memory counts as settled."""
_MEGABYTE = 2**20


@dataclass
class _Seen:
    """How long answers took by what was asked, those that are not as expected, and the workers'
    memory."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    wrong: Counter[str] = field(default_factory=Counter)
    memory: list[tuple[float, float]] = field(default_factory=list)


def lines(given: Setting) -> list[Line]:
    """No wrong answer, and at most a twentieth more memory at the end than once it had settled."""
    trained = trained_home(given)
    home = to_serve(trained, given.scratch / "served")
    through = date.fromisoformat(str(current(home).manifest["data_through"]))
    run_night(home, through)
    store = Store.of_home(home)
    run = store.published()
    assert run is not None
    listed = [one["patient_id"] for one in store.search(run.run_id, queue="high cost", limit=200)]
    store.close()
    bodies = given.scratch / "bodies.json"
    write_bodies(home, bodies)
    header = token_of(home)
    with running(OURS, home.root, given.scratch, FIRSTCALL_WORKERS="2") as served:
        day = _Day(header, run.run_id, listed, json.loads(bodies.read_text(encoding="utf-8")))
        seen = asyncio.run(_run(served, day))
        said = served.said()
    assert "Traceback" not in said, "the service wrote a traceback"
    before, after = _settled(seen.memory)
    every = sum(map(len, seen.seconds.values()))
    return [
        Line(f"{SECONDS:.0f} s, {every / SECONDS:.0f} answers a second: wrong ones "
             f"{dict(seen.wrong) or ''}", sum(seen.wrong.values()), "of", every, bar="none",
             met=not seen.wrong, unit=""),
        Line("memory of both workers at the end", after, "once settled", before, after / before,
             "at most 1.05 ×", after <= 1.05 * before, "MB"),
        *(Line(f"{name}, {len(took):,} times, p50", _milliseconds(took, 50), "p99",
               _milliseconds(took, 99), unit="ms") for name, took in sorted(seen.seconds.items())),
    ]  # fmt: skip


def _milliseconds(seconds: list[float], percentile: int) -> float:
    return 1000 * float(np.percentile(seconds, percentile))


def _settled(memory: list[tuple[float, float]]) -> tuple[float, float]:
    """Medians of the second fifth of the time, and of the last one."""
    early = [held for at, held in memory if WARM * SECONDS <= at < 2 * WARM * SECONDS]
    late = [held for at, held in memory if at >= SECONDS * (1 - WARM)]
    return median(early), median(late)


@dataclass(frozen=True)
class _Day:
    """What is asked, by whom, about whom."""

    header: dict[str, str]
    run_id: str
    listed: list[str]
    bodies: list[str]

    def ask(self, rng: np.random.Generator) -> tuple[str, str, str, dict[str, Any], int]:
        """Something to ask: its name, method, path, what goes with it, and the status expected."""
        name = rng.choice(list(self.kinds), p=[w for w, _ in self.kinds.values()])
        return (name, *self.kinds[name][1](rng))

    @property
    def kinds(self) -> dict[str, tuple[float, Callable[[np.random.Generator], Any]]]:
        """By name: how often it is asked, and what it is."""
        return {
            "score": (0.40, lambda rng: ("POST", "/v1/score", self._body(rng), 200)),
            "wrong rows": (0.03, lambda _: ("POST", "/v1/score", {"json": {"as_of": 3}}, 422)),
            "worklist": (0.10, lambda _: ("GET", "/v1/worklist", {}, 200)),
            "patient": (0.15, lambda rng: ("GET", f"/v1/patients/{self._who(rng)}", {}, 200)),
            "evidence": (0.05, lambda rng: (
                "GET", f"/v1/patients/{self._who(rng)}/evidence",
                {"params": {"concept": "emergency visits", "risk": "high-cost"}}, 200)),
            "rescore": (0.05, lambda rng: (
                "POST", f"/v1/patients/{self._who(rng)}/rescore", {"json": {}}, 200)),
            "search": (0.05, lambda rng: (
                "GET", "/v1/patients", {"params": {"id_begins": self._who(rng)[:6]}}, 200)),
            "action": (0.07, self._action),
            "FHIR": (0.05, lambda rng: (
                "GET", "/fhir/R4/RiskAssessment",
                {"params": {"patient": f"Patient/{self._who(rng)}"}}, 200)),
            "card": (0.03, self._card),
            "health": (0.02, lambda _: ("GET", "/health", {}, 200)),
        }  # fmt: skip

    def _who(self, rng: np.random.Generator) -> str:
        return str(rng.choice(self.listed))

    def _body(self, rng: np.random.Generator) -> dict[str, Any]:
        return {"content": self.bodies[rng.integers(len(self.bodies))],
                "headers": {"content-type": "application/json"}}  # fmt: skip

    def _action(self, rng: np.random.Generator) -> tuple[str, str, dict[str, Any], int]:
        place = f"/v1/worklist/{self.run_id}:{rng.integers(1, 11)}/actions"
        kind = str(rng.choice(["contacted", "no_answer", "enrolled"]))
        key = {"idempotency-key": str(uuid.uuid4())}
        return "POST", place, {"json": {"kind": kind}, "headers": key}, 201

    def _card(self, rng: np.random.Generator) -> tuple[str, str, dict[str, Any], int]:
        hook = {"hook": "patient-view", "hookInstance": str(uuid.uuid4()), "prefetch": {},
                "context": {"userId": "Practitioner/p", "patientId": self._who(rng)}}  # fmt: skip
        return "POST", "/cds-services/firstcall-patient-view", {"json": hook}, 200


async def _run(served: Served, day: _Day) -> _Seen:
    seen = _Seen()
    until = time.monotonic() + SECONDS
    async with httpx.AsyncClient(
        base_url=served.address, headers=day.header, timeout=60,
        limits=httpx.Limits(max_connections=CALLERS),
    ) as client:  # fmt: skip
        await asyncio.gather(
            _watch(served, seen, until),
            *(_call(client, day, n, seen, until) for n in range(CALLERS)),
        )
    return seen


async def _call(
    client: httpx.AsyncClient, day: _Day, number: int, seen: _Seen, until: float
) -> None:
    rng = np.random.default_rng(number)
    while time.monotonic() < until:
        name, method, path, more, expected = day.ask(rng)
        began = time.perf_counter()
        try:
            answer = await client.request(method, path, **more)
        except httpx.RemoteProtocolError:
            seen.wrong[f"{name}: the connection was cut"] += 1
            continue
        finally:
            seen.seconds[name].append(time.perf_counter() - began)
        if answer.status_code != expected:
            seen.wrong[f"{name}: {answer.status_code}"] += 1


async def _watch(served: Served, seen: _Seen, until: float) -> None:
    workers, began = served.workers(), time.monotonic()
    while time.monotonic() < until:
        held = sum(worker.memory_info().rss for worker in workers) / _MEGABYTE
        seen.memory.append((time.monotonic() - began, held))
        await asyncio.sleep(SECONDS / 120)
