"""The live service beside `mlflow models serve`: one patient's raw rows, scored and explained, and
the bare risk of ready-made features.

Ours is asked POST /v1/score with the rows of one patient of about 200 events, and answers both
risks, the expected cost, reasons and the scores that clinicians know, signed in and recorded.
Theirs is asked for one booster's risk of one row of features (`dataframe_split`). Both have two
workers on the same two cores, which the client shares.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
import pyarrow.parquet as pq

from data.home import Home
from data.intake import current
from data.tables import TABLES
from serving.access.service_tokens import add_token
from serving.scoring import Models
from serving.store.database import Database, database_url
from tests.bench.http_load import Load, load
from tests.bench.measuring import Line, Setting

MEMBERS = 20_000
SECONDS = 20.0
WORKERS = 2
FEWEST, MOST = 180, 220
"""Canonical rows of a patient who is asked about."""


def lines(given: Setting) -> list[Line]:
    """One connection: at most half of their p50 and p99. Sixteen: at least twice their answers a
    second, and our p99 under 250 ms. Before that, what is compared."""
    home = _home(given)
    models = Models.load(home)
    bodies, features = given.scratch / "bodies.json", given.scratch / "features.json"
    rows = _write_bodies(home, bodies)
    _write_features(models, features)
    with _theirs(models, given.scratch) as port:
        theirs = _loads(port, "/invocations", features, {})
    with _ours(home, given.scratch) as (port, token):
        header = {"authorization": f"Bearer {token}"}
        ours = _loads(port, "/v1/score", bodies, header)
    shapes = ", ".join(
        f"{task}: {len(m.features)} features, {m.booster.num_trees()} trees"
        for task, m in models.by_task.items()
    )
    return [
        Line(f"two workers each on {os.cpu_count()} cores; ours: {rows:.0f} rows a request, "
             f"{bodies.stat().st_size / 1e3 / _PEOPLE:.0f} kB of JSON, batches as they come; "
             f"theirs: a row of features (dataframe_split); {shapes}", 0),
        *_one(ours[1], theirs[1]),
        *_sixteen(ours[16], theirs[16]),
    ]  # fmt: skip


_PEOPLE = 200


def _one(ours: Load, theirs: Load) -> list[Line]:
    return [
        _ratio("one connection, p50", ours.p50, theirs.p50, 0.5),
        _ratio("one connection, p99", ours.p99, theirs.p99, 0.5),
        _none_failed("one connection", ours, theirs),
    ]


def _sixteen(ours: Load, theirs: Load) -> list[Line]:
    ratio = ours.a_second / theirs.a_second
    return [
        Line("16 connections, answers a second", ours.a_second, "theirs", theirs.a_second, ratio,
             "at least 2 ×", ratio >= 2, "/s"),
        Line("16 connections, p99", ours.p99, "theirs", theirs.p99, bar="under 250 ms",
             met=ours.p99 < 250, unit="ms"),
        _none_failed("16 connections", ours, theirs),
    ]  # fmt: skip


def _ratio(what: str, ours: float, theirs: float, most: float) -> Line:
    ratio = ours / theirs
    return Line(what, ours, "theirs", theirs, ratio, f"at most {most:g} ×", ratio <= most, "ms")


def _none_failed(what: str, ours: Load, theirs: Load) -> Line:
    failed = ours.failed + theirs.failed
    answered = ours.answered + theirs.answered
    return Line(f"{what}, failed", failed, "of", answered, bar="none", met=not failed, unit="")


def _loads(port: int, path: str, bodies: Path, headers: Mapping[str, str]) -> dict[int, Load]:
    load(port, path, bodies, 4, 5.0, headers)  # warms up
    return {n: load(port, path, bodies, n, SECONDS, headers) for n in (1, 16)}


def _home(given: Setting) -> Home:
    """A home with both models: that of FIRSTCALL_BENCH_HOME, or of an invented population that is
    trained once and kept."""
    named = os.environ.get("FIRSTCALL_BENCH_HOME")
    if named:
        return Home(Path(named))
    from training.release.promotion import promote
    from training.train import train

    home = given.populations.invented(MEMBERS)
    for task in ("readmission", "high-cost"):
        if not (home.models / task).exists():
            train(home, task)
            promote(home, task, "a benchmark on invented people")
    return home


def _write_bodies(home: Home, file: Path) -> float:
    """Requests about _PEOPLE patients; how many rows each has on average."""
    taken = current(home)
    counts: dict[str, int] = {}
    for name in TABLES:
        ids = pq.read_table(taken.tables[name], columns=["patient_id"])["patient_id"]
        for one in ids.value_counts().to_pylist():
            counts[one["values"]] = counts.get(one["values"], 0) + one["counts"]
    chosen = sorted(p for p, n in counts.items() if FEWEST <= n <= MOST)[:_PEOPLE]
    sent: dict[str, dict[str, list[dict[str, object]]]] = {one: {} for one in chosen}
    for name in TABLES:
        rows = pq.read_table(taken.tables[name], filters=[("patient_id", "in", chosen)])
        for row in rows.to_pylist():
            told = {k: str(v) if hasattr(v, "isoformat") else v
                    for k, v in row.items() if v is not None}  # fmt: skip
            sent[row["patient_id"]].setdefault(name, []).append(told)
    asked = {"as_of": str(taken.manifest["data_through"]), "origin": taken.manifest["origin"]}
    bodies = [json.dumps(asked | rows) for rows in sent.values()]
    file.write_text(json.dumps(bodies), encoding="utf-8")
    return float(np.mean([counts[one] for one in chosen]))


def _write_features(models: Models, file: Path) -> None:
    model = models.by_task["readmission"]
    rng = np.random.default_rng(1)
    names = list(model.features)
    bodies = [
        json.dumps({"dataframe_split": {"columns": names,
                                        "data": [rng.poisson(2.0, len(names)).tolist()]}})
        for _ in range(_PEOPLE)
    ]  # fmt: skip
    file.write_text(json.dumps(bodies), encoding="utf-8")


@contextmanager
def _theirs(models: Models, scratch: Path) -> Iterator[int]:
    import mlflow.lightgbm

    folder, port = scratch / "mlflow-model", _free_port()
    mlflow.lightgbm.save_model(
        models.by_task["readmission"].booster, str(folder), pip_requirements=["lightgbm"]
    )
    command = ["mlflow", "models", "serve", "-m", str(folder), "-p", str(port), "--env-manager",
               "local", "--workers", str(WORKERS)]  # fmt: skip
    here = str(Path(sys.executable).parent)  # it starts its workers by name
    path = {"PATH": f"{here}{os.pathsep}{os.environ['PATH']}"}
    with _running([sys.executable, "-m", *command], port, "/ping", path):
        yield port


@contextmanager
def _ours(home: Home, scratch: Path) -> Iterator[tuple[int, str]]:
    served = Home(scratch / "served")
    served.make()
    for name in ("models", "tables"):
        (served.root / name).symlink_to((home.root / name).resolve(), target_is_directory=True)
    database = Database.open(database_url(served))
    token = add_token(database, "bench", ["score"], datetime.now(UTC).date() + timedelta(days=2))
    database.close()
    port = _free_port()
    command = ["bentoml", "serve", "serving.service:Firstcall", "--port", str(port)]
    more = {"FIRSTCALL_HOME": str(served.root), "FIRSTCALL_WORKERS": str(WORKERS),
            "BENTOML_HOME": str(scratch / "bentoml")}  # fmt: skip
    with _running([sys.executable, "-m", *command], port, "/health", more):
        yield port, token


@contextmanager
def _running(
    command: list[str], port: int, path: str, environment: Mapping[str, str]
) -> Iterator[None]:
    process = subprocess.Popen(
        command, env=os.environ | environment, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        for _ in range(600):
            if process.poll() is not None:
                raise RuntimeError(f"{command[2]} ended before it answered")
            try:
                answer = httpx.get(f"http://127.0.0.1:{port}{path}", timeout=5)
                if answer.status_code == 200 and "not ready" not in answer.text:
                    break
            except httpx.TransportError:
                pass
            time.sleep(0.2)
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _free_port() -> int:
    import socket

    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]
