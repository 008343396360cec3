"""A pair of models as it lies on the disk: what it is called, and whether it fits this code."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from data.errors import FirstcallError, InputError, RefusalError
from data.home import Home
from serving.model_json import CARD

if TYPE_CHECKING:
    from serving.scoring import Models

TASKS = ("readmission", "high-cost")
_LONGEST_CARD = 2**20
_READMISSION_DAYS = 30


def name_of(task: str) -> str:
    """What a task's model is called in the registry and in BentoML's model store."""
    return f"firstcall-{task}"


@dataclass(frozen=True)
class Placed:
    """The models of one source, at most one a task, as folders.

    `told`: where each comes from, in words ("home", "bento firstcall-readmission:ab12…", "registry
    http://host:5000 version 3"). `named`: how an error speaks of its folder. `key`: another one,
    another pair.
    """

    folders: Mapping[str, Path]
    told: Mapping[str, str]
    named: Mapping[str, str]
    key: str

    def models(self) -> Models:
        """The models, read and built. Raises what `serving.scoring.Models.load` raises, in words
        about `named`."""
        from serving.scoring import Models

        with TemporaryDirectory(prefix="firstcall-models-") as scratch:
            home = Home(Path(scratch))
            home.models.mkdir()
            links = {home.models / task: task for task in self.folders}
            for link, task in links.items():
                link.symlink_to(self.folders[task].absolute(), target_is_directory=True)
            try:
                return Models.load(home)
            except FirstcallError as error:
                raise self._in_own_words(error, links) from None

    def _in_own_words(self, error: FirstcallError, places: Mapping[Path, str]) -> FirstcallError:
        said = str(error)
        for place, task in places.items():
            said = said.replace(str(place), self.named[task])
        return type(error)(said)

    def versions(self) -> dict[str, str]:
        """The version of each model, without building any. Raises what `read_model_files` does."""
        from serving.model import read_model_files, version_of

        return {
            task: version_of(*read_model_files(folder)) for task, folder in self.folders.items()
        }

    def cards(self) -> dict[str, str]:
        """The card of each model that came with one, as Markdown."""
        found = {}
        for task, folder in self.folders.items():
            try:
                found[task] = (folder / CARD).read_text(encoding="utf-8")[:_LONGEST_CARD]
            except (OSError, UnicodeDecodeError):
                continue
        return found

    def refuse_misfits(self) -> None:
        """Asks of each model, without building it, whether this code can ask it.

        Raises InputError where a file is missing or unreadable, RefusalError where one is damaged,
        where the model answers another question, or where its features are no longer computed as
        they were when it was trained.
        """
        for task, folder in self.folders.items():
            try:
                _refuse_misfit(task, folder)
            except FirstcallError as error:
                raise self._in_own_words(error, {folder: task}) from None


def key_of(*parts: object) -> str:
    """32 hex digits that tell one pair from another."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def _refuse_misfit(task: str, folder: Path) -> None:
    """As `RiskModel.load` and `Models.load` do it, but for the trees. LightGBM is not imported:
    the process that starts the workers would keep it for nothing."""
    from features.as_of import fingerprint
    from serving.expected_cost import read_cost_text
    from serving.model import ASKED_ON, read_model_files

    again = f"run `firstcall train --task {task}`."
    _, metadata = read_model_files(folder)
    read_cost_text(folder, metadata)
    wrong = _other_question(task, metadata)
    if wrong is None and metadata["asked_on"] not in ASKED_ON:
        wrong = "is asked on days that are not known"
    if wrong is None:
        try:
            now = fingerprint(metadata["features"])
        except InputError:
            wrong = "uses a feature that is no longer declared"
        else:
            if now != metadata["fingerprint"]:
                wrong = "was trained with other feature definitions"
    if wrong is not None:
        raise RefusalError(f"The model in {folder} {wrong}: {again}")


def _other_question(task: str, metadata: Mapping[str, Any]) -> str | None:
    kind = metadata.get("kind")
    if metadata["task"] != task:
        return "answers another question"
    if kind is None:
        return (
            "does not say which kind of question it answers, because it was trained by an earlier "
            "release"
        )
    if kind != task:
        return "answers a question of another kind"
    days = metadata["horizon_days"]
    if task == "readmission" and days != _READMISSION_DAYS:
        return f"is about {days} days after a discharge, and the night asks about 30"
    return None
