"""Pairs of quick models in a home, as `firstcall promote` puts them there."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from data.home import Home
from serving.model import publish_model, read_model_files, version_of
from serving.schemas import ScoreRequest
from serving.sent_rows import SentRows
from tests.serving.quick import write_quick_model
from tests.serving.test_api import patient, request

TASKS = ("readmission", "high-cost")


@cache
def files(task: str, label: str, **changed: Any) -> tuple[str, dict[str, Any]]:
    """The text of a quick model and its metadata; another label, another version."""
    with TemporaryDirectory() as scratch:
        write_quick_model(Path(scratch), task, label=label, **changed)
        return read_model_files(Path(scratch))


def version(task: str, label: str, **changed: Any) -> str:
    return version_of(*files(task, label, **changed))


def versions(label: str) -> dict[str, str]:
    return {task: version(task, label) for task in TASKS}


def promoted(home: Home, label: str, *tasks: str, **changed: Any) -> None:
    """Puts models of that label into the home."""
    for task in tasks or TASKS:
        text, metadata = files(task, label, **changed)
        publish_model(home.models, task, text, metadata)


def body() -> dict[str, Any]:
    """What a program sends that asks for one patient's score, without an origin."""
    return {name: rows for name, rows in request(patient()).items() if name != "origin"}


def asked() -> SentRows:
    return SentRows.of(ScoreRequest.model_validate(body()))
