"""Real processes that do something in the same moment."""

from __future__ import annotations

import multiprocessing
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from data.home import Home
from training.release.registry import Registered, record
from training.release.tracking import registry_uri, tracking_uri

_barriers: list[Barrier] = []


def at_once(calls: list[tuple[Any, ...]], *, with_mlflow: bool = True) -> list[Any]:
    """What each call gave, in a process of its own; all begin when the last process is ready.

    A call is a function and its arguments. `with_mlflow`: it is imported before, which is slow.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        len(calls), context, initializer=_keep, initargs=(context.Barrier(len(calls)),)
    ) as pool:
        begun = [pool.submit(_when_all_are, with_mlflow, *call) for call in calls]
        return [each.result() for each in begun]


def _keep(barrier: Barrier) -> None:
    _barriers.append(barrier)


def _when_all_are(with_mlflow: bool, call: Callable[..., Any], *arguments: Any) -> Any:
    if with_mlflow:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import mlflow.store.model_registry.sqlalchemy_store
            import mlflow.store.tracking.sqlalchemy_store  # noqa: F401
    _barriers[0].wait(timeout=300)
    return call(*arguments)


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
