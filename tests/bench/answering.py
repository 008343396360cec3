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
from pathlib import Path

import httpx
import numpy as np

from serving.scoring import Models
from tests.bench.http_load import Load, load
from tests.bench.live import PEOPLE, to_serve, trained_home, write_bodies
from tests.bench.measuring import Line, Setting
from tests.serving.served import OURS, free_port, running, token_of

SECONDS = 20.0
WORKERS = 2


def lines(given: Setting) -> list[Line]:
    """One connection: at most half of their p50 and p99. Sixteen: at least twice their answers a
    second, and our p99 under 250 ms. Before that, what is compared."""
    home = trained_home(given)
    models = Models.load(home)
    bodies, features = given.scratch / "bodies.json", given.scratch / "features.json"
    rows = write_bodies(home, bodies)
    _write_features(models, features)
    with _theirs(models, given.scratch) as port:
        theirs = _loads(port, "/invocations", features, {})
    home = to_serve(home, given.scratch / "served")
    with running(OURS, home.root, given.scratch, FIRSTCALL_WORKERS=str(WORKERS)) as served:
        port = int(served.address.rpartition(":")[2])
        ours = _loads(port, "/v1/score", bodies, token_of(home, "score"))
    shapes = ", ".join(
        f"{task}: {len(m.features)} features, {m.booster.num_trees()} trees"
        for task, m in models.by_task.items()
    )
    return [
        Line(f"two workers each on {os.cpu_count()} cores; ours: {rows:.0f} rows a request, "
             f"{bodies.stat().st_size / 1e3 / PEOPLE:.0f} kB of JSON, batches as they come; "
             f"theirs: a row of features (dataframe_split); {shapes}", 0),
        *_one(ours[1], theirs[1]),
        *_sixteen(ours[16], theirs[16]),
    ]  # fmt: skip


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


def _write_features(models: Models, file: Path) -> None:
    model = models.by_task["readmission"]
    rng = np.random.default_rng(1)
    names = list(model.features)
    bodies = [
        json.dumps({"dataframe_split": {"columns": names,
                                        "data": [rng.poisson(2.0, len(names)).tolist()]}})
        for _ in range(PEOPLE)
    ]  # fmt: skip
    file.write_text(json.dumps(bodies), encoding="utf-8")


@contextmanager
def _theirs(models: Models, scratch: Path) -> Iterator[int]:
    from mlflow.lightgbm import save_model

    folder, port = scratch / "mlflow-model", free_port()
    save_model(models.by_task["readmission"].booster, str(folder), pip_requirements=["lightgbm"])
    command = ["mlflow", "models", "serve", "-m", str(folder), "-p", str(port), "--env-manager",
               "local", "--workers", str(WORKERS)]  # fmt: skip
    here = str(Path(sys.executable).parent)  # it starts its workers by name
    path = {"PATH": f"{here}{os.pathsep}{os.environ['PATH']}"}
    with _running([sys.executable, "-m", *command], port, "/ping", path):
        yield port


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
