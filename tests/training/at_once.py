"""Real processes that do something in the same moment, or are killed in its middle.

A server that has imported once what they need (which takes seconds) and has done nothing else forks
each of them: LightGBM has run no thread of its own there, and no database was opened.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing.context import ForkServerContext
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from data.home import Home
from training.release.registry import Registered, record
from training.release.tracking import registry_uri, tracking_uri

_IMPORTED = (
    "tests.training.at_once", "training.train", "training.release.promotion",
    "mlflow.store.model_registry.sqlalchemy_store", "mlflow.store.tracking.sqlalchemy_store",
)  # fmt: skip
_barriers: list[Barrier] = []


@cache
def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_IMPORTED))
    return context


def at_once(calls: list[tuple[Any, ...]]) -> list[Any]:
    """What each call gave, in a process of its own; all begin when the last process is ready.

    A call is a function and its arguments.
    """
    context = _context()
    about = (context.Barrier(len(calls)), dict(os.environ))
    with ProcessPoolExecutor(len(calls), context, initializer=_begin, initargs=about) as pool:
        begun = [pool.submit(_when_all_are, *call) for call in calls]
        return [each.result() for each in begun]


def how_it_ended(call: Callable[..., Any], *arguments: Any) -> int:
    """How a call in a process of its own ended: 0, or minus the signal."""
    process = _context().Process(target=_alone, args=(dict(os.environ), call, *arguments))
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def _begin(barrier: Barrier, environment: dict[str, str]) -> None:
    _barriers.append(barrier)
    _in_the_environment(environment)


def _in_the_environment(of_the_caller: dict[str, str]) -> None:
    """The server still has that of its start."""
    os.environ.clear()
    os.environ.update(of_the_caller)


def _when_all_are(call: Callable[..., Any], *arguments: Any) -> Any:
    _barriers[0].wait(timeout=300)
    return call(*arguments)


def _alone(environment: dict[str, str], call: Callable[..., Any], *arguments: Any) -> None:
    _in_the_environment(environment)
    call(*arguments)


def kill_this_process(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def record_some(root: Path, labels: list[str]) -> list[Registered]:
    """Record one run after another, each with its label in all that it holds."""
    return [record_one(Home(root), label) for label in labels]


def record_one(home: Home, label: str) -> Registered:
    """Record one run of a small folder of files."""
    files = home.root.parent / f"files-{label}"
    for name in FILES:
        (files / name).parent.mkdir(parents=True, exist_ok=True)
        (files / name).write_text(f"{name} of {label}")
    metrics = {f"metric_{n}": float(n) for n in range(150)}
    tags, about = {"label": label}, {"about": label}
    return record(home, "readmission", {"label": label}, metrics, tags, files, about)


FILES = ("model/model.txt", "pictures/roc.png", "evaluation.json")


def client_of(home: Home) -> Any:
    """MLflow's own client, which warns about itself on first use."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri(home), registry_uri(home))
        client.search_registered_models(max_results=1)
    return client


def assert_whole(client: Any, runs: list[Registered], fetched: Path) -> list[int]:
    """Each run holds all of itself and nothing of another one; gives the numbers of the versions.

    `fetched`: a folder for what is fetched.
    """
    for run in runs:
        kept = client.get_run(run.run_id)
        label = kept.data.params["label"]
        version = client.get_model_version(run.name, run.version)
        assert (version.run_id, version.tags["about"]) == (run.run_id, label)
        assert (kept.info.status, kept.data.tags["label"]) == ("FINISHED", label)
        assert kept.data.metrics == {f"metric_{n}": n for n in range(150)}
        folder = fetched / run.run_id
        folder.mkdir(parents=True)
        client.download_artifacts(run.run_id, "", str(folder))
        told = {p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*.*")}
        assert told == {name: f"{name} of {label}" for name in FILES}
    return sorted(int(run.version) for run in runs)
