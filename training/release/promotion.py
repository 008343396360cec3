"""Who is champion: promotion of the challenger where the gate lets it, and the way back.

The registry's alias is the truth, and moves in one step; `home.models/<task>`, which the night and
the service read, follows it. Nothing moves before the files of the new champion are here and can be
asked. A promotion or a rollback that dies between the two is finished by the next call of either,
which then does nothing else; so is one of another home on the same registry. Where the files of a
champion are lost, the next call leaves it. In one home they wait for one another.
"""

from __future__ import annotations

import fcntl
import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from data import intake
from data.errors import FirstcallError, InputError, RefusalError
from data.home import Home
from serving.expected_cost import read_cost_text
from serving.model import RiskModel, publish_model, read_card, read_model_files, version_of
from training.release.gate import Verdict
from training.release.registry import (
    CHALLENGER,
    CHAMPION,
    Version,
    fetch_model,
    move_champion,
    tag_version,
    version_at,
)
from training.settings.setting_types import TASK_NAME
from training.settings.settings_file import cut

VERDICT = "gate.verdict"
"""The tag of a version that holds its verdict."""
PROMOTED_FROM, OVERRIDE, ROLLED_BACK_FROM = "promoted_from", "override", "rolled_back_from"
"""Tags of a champion: who was it before ("" for nobody), the reason of whoever overrode the gate,
and the version from which people went back to it."""
CALLED_BACK = "called_back"
"""The tag of a version that was champion and was called back: the version in its place."""
_LONGEST_REASON = 500


class Moved(NamedTuple):
    """What a call did: `version` is champion now, `before` was ("" for nobody)."""

    what: Literal["promoted", "rolled back", "finished", "was champion"]
    version: str
    before: str


def tags_of_verdict(verdict: Verdict) -> dict[str, str]:
    """What a registered version keeps of its verdict."""
    return {VERDICT: json.dumps(verdict.to_json())}


def promote(home: Home, task: str, override: str | None = None) -> Moved:
    """Make the challenger of `task` champion where it passed the gate beside the present one.

    `override` is the reason of whoever promotes it all the same; it is kept with the version.
    Raises InputError where there is no challenger, no such name of a task, where its files cannot
    be fetched, or where the reason is empty or too long. Raises RefusalError where it cannot be
    asked any more, and, without a reason, where the gate did not let it pass, where it was judged
    beside another champion, was called back before, or was made of other people than those of this
    home or of the champion (see `origin` in `data.contract`).
    """
    _refuse_no_name(task)
    reason = None if override is None else " ".join(override.split())
    if reason is not None and not 0 < len(reason) <= _LONGEST_REASON:
        raise InputError(f"--override: a reason of 1 to {_LONGEST_REASON} characters is needed.")
    with _alone(home), tempfile.TemporaryDirectory() as scratch:
        champion, challenger = (version_at(home, task, alias) for alias in (CHAMPION, CHALLENGER))
        finished, lost = _finished(home, task, champion)
        if finished is not None:
            return finished
        if challenger is None:
            raise InputError(
                f"There is no challenger of {task}: run `firstcall train --task {task}` first."
            )
        before = "" if champion is None else champion.number
        if challenger.number == before:
            if lost is not None:
                raise lost
            return Moved("was champion", before, before)
        if reason is None:
            _refuse(task, challenger, before)
        files = _askable(home, challenger, Path(scratch))
        if reason is None:
            _refuse_other_people(home, task, challenger, files)
        tags = {PROMOTED_FROM: before} | ({} if reason is None else {OVERRIDE: reason})
        _make_champion(home, task, challenger.number, tags, files)
        return Moved("promoted", challenger.number, before)


def roll_back(home: Home, task: str) -> Moved:
    """Make the champion of before champion again; whoever was champion until then is not promoted
    again without a reason.

    Raises InputError where there is no champion, none before it, no such name of a task, or where
    the files of the one before cannot be fetched, RefusalError where that one cannot be asked any
    more.
    """
    _refuse_no_name(task)
    with _alone(home), tempfile.TemporaryDirectory() as scratch:
        champion = version_at(home, task, CHAMPION)
        if champion is None:
            raise InputError(f"There is no champion of {task}.")
        finished, _ = _finished(home, task, champion)
        if finished is not None:
            return finished
        number = champion.tags.get(PROMOTED_FROM, "")
        before = version_at(home, task, CHAMPION, int(number)) if number else None
        if before is None:
            raise InputError(
                f"Version {champion.number} of {task} is the first champion: none before."
            )
        files = _askable(home, before, Path(scratch))
        tag_version(home, task, champion.number, {CALLED_BACK: before.number})
        _make_champion(home, task, before.number, {ROLLED_BACK_FROM: champion.number}, files)
        return Moved("rolled back", before.number, champion.number)


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    """Waits for another promotion or rollback in this home: the files follow the alias that was
    moved last."""
    home.make()
    home.models.mkdir(exist_ok=True)
    with (home.models / ".promotion").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _askable(home: Home, version: Version, scratch: Path) -> Path:
    """The files of a version's model, fetched, whole, and of features as they are declared now."""
    files = fetch_model(home, version, scratch)
    RiskModel.load(files)
    return files


def _make_champion(
    home: Home, task: str, number: str, tags: Mapping[str, str], files: Path
) -> None:
    """What a version keeps of its move, the move, and the files, in this order: it may be killed
    after each."""
    tag_version(home, task, number, tags)
    move_champion(home, task, number)
    publish_files(home, task, files)


def publish_files(home: Home, task: str, files: Path) -> None:
    """Put a model's files where the night and the service read them, its card with them, in one
    step."""
    text, metadata = read_model_files(files)
    cost = read_cost_text(files, metadata)
    publish_model(home.models, task, text, metadata, cost, read_card(files))


def _finished(
    home: Home, task: str, champion: Version | None
) -> tuple[Moved | None, FirstcallError | None]:
    """The files of a champion that a call before made, and could not finish, put in their place;
    (None, None) where they are there already or nobody is champion. What keeps them from it, as
    the second, where they cannot be had or asked."""
    if champion is None:
        return None, None
    served = _served(home, task)
    if served and served == champion.model_version:
        return None, None
    with tempfile.TemporaryDirectory() as scratch:
        try:
            files = _askable(home, champion, Path(scratch))
        except FirstcallError as lost:
            return None, lost
        if served == version_of(*read_model_files(files)):
            return None, None
        publish_files(home, task, files)
    return Moved("finished", champion.number, ""), None


def _served(home: Home, task: str) -> str:
    """The version of the files that night and service read, "" where they are not whole."""
    folder = home.models / task
    if not folder.is_dir():
        return ""
    try:
        return version_of(*read_model_files(folder))
    except (InputError, RefusalError):
        return ""


def _refuse_no_name(task: str) -> None:
    if re.fullmatch(TASK_NAME, task) is None:
        raise InputError(
            f"--task: {cut(task)} is no name of a task: small letters, digits and hyphens, such as "
            "readmission."
        )


def _refuse(task: str, challenger: Version, champion: str) -> None:
    """Raises RefusalError where the verdict on the challenger does not let it become champion."""
    try:
        verdict = Verdict.from_json(json.loads(challenger.tags[VERDICT]))
    except (KeyError, TypeError, ValueError):
        raise RefusalError(
            f"Version {challenger.number} of {task} was not judged by the gate: train anew."
        ) from None
    if challenger.tags.get(CALLED_BACK):
        raise RefusalError(
            f"Version {challenger.number} of {task} was champion and was called back: train anew. "
            f'To promote it all the same: `firstcall promote --task {task} --override "reason"`.'
        )
    if verdict.champion != champion:
        said = f"version {verdict.champion}" if verdict.champion else "no champion"
        raise RefusalError(
            f"Version {challenger.number} of {task} was judged beside {said}, and version "
            f"{champion or 'none'} is champion now: train anew."
        )
    if verdict.missed:
        missed = ". And: ".join(verdict.missed)
        raise RefusalError(
            f"Version {challenger.number} of {task} did not pass the gate: {missed}. To promote it "
            f'all the same: `firstcall promote --task {task} --override "reason"`.'
        )


def _refuse_other_people(home: Home, task: str, challenger: Version, files: Path) -> None:
    """Raises RefusalError where a model was made of other people (such as invented ones) than those
    of this home, or than the model in use."""
    of = str(read_model_files(files)[1].get("origin"))
    others = {}
    if (home.tables / "current.json").exists():
        others["this home holds people"] = str(intake.current(home).manifest["origin"])
    if _served(home, task):
        told = read_model_files(home.models / task)[1]
        others["the model in use was made of people"] = str(told.get("origin"))
    for where, origin in others.items():
        if origin != of:
            raise RefusalError(
                f"Version {challenger.number} of {task} was made of people of origin {of}, and "
                f"{where} of origin {origin}. To promote it all the same: `firstcall promote "
                f'--task {task} --override "reason"`.'
            )
