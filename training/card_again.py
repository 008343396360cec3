"""The card of a registered model written again, by the task's `[card]` of today.

Whoever signs a model off, or validates it, has seen it first: by then its training, which wrote the
card, is over. No model is touched; the run, and the home in which it was promoted, keep the new
card in the place of the old one.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from data.errors import InputError
from data.home import Home
from serving.model import publish_card
from training.release.registry import CHALLENGER, add_to_run, fetch_run, version_at
from training.report.card import write_card
from training.report.run_folder import RunFolder
from training.settings.card_settings import missing_from
from training.settings.tasks import task_called


@dataclass(frozen=True)
class CardAgain:
    """``number``: the registered version whose card it is; ``model_version``: that of its files,
    which card.of_version names; ``missing``: what its card still lacks."""

    task: str
    number: str
    run_id: str
    model_version: str
    missing: tuple[str, ...]


def card_again(home: Home, task: str, number: int | None = None) -> CardAgain:
    """Write card.md and card.html of a version of `task` again, the challenger's where no `number`
    is given, and put them into its run; where it was promoted in this home, what the service reads
    of it has the new card too. `task` is a name or a file of settings.

    Raises InputError where there is no such version or its run cannot be fetched.
    """
    chosen = task_called(task)
    version = version_at(home, chosen.name, CHALLENGER, number)
    if version is None:
        which = "challenger" if number is None else f"version {number}"
        raise InputError(
            f"There is no {which} of {chosen.name}: `firstcall train --task {chosen.name}` "
            "makes one."
        )
    with tempfile.TemporaryDirectory() as scratch:
        folder = fetch_run(home, version.run_id, Path(scratch))
        found = RunFolder.open(folder).version
        paths = write_card(folder, chosen.card, version.number)
        add_to_run(home, version.run_id, paths)
        publish_card(home.models, chosen.name, found, paths[0].read_text(encoding="utf-8"))
    missing = missing_from(chosen.card, found)
    return CardAgain(chosen.name, version.number, version.run_id, found, missing)
