"""Who is champion: promotion of the challenger where the gate lets it, and the way back.

The registry's alias is the truth, and moves in one step; `home.models/<task>`, which the night and
the service read, follows it. A promotion or a rollback that dies between the two is finished by the
next call of either, which then does nothing else; so is one of another home on the same registry.
In one home they wait for one another.
"""

from __future__ import annotations

import fcntl
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal, NamedTuple

from data.errors import InputError, RefusalError
from data.home import Home
from serving.model import read_model_files, version_of
from training.gate import Verdict
from training.registry import (
    CHALLENGER,
    CHAMPION,
    Version,
    export_champion,
    move_champion,
    tag_version,
    version_at,
)
from training.setting_types import TASK_NAME
from training.settings_file import cut

VERDICT = "gate.verdict"
"""The tag of a version that holds its verdict."""
PROMOTED_FROM, OVERRIDE, ROLLED_BACK_FROM = "promoted_from", "override", "rolled_back_from"
"""Tags of a champion: who was it before ("" for nobody), the reason of whoever overrode the gate,
and the version from which it was called back."""
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
    Raises InputError where there is no challenger, no such name of a task, or where the reason is
    empty or too long, RefusalError where the gate did not let it pass, or where it was judged
    beside another champion.
    """
    _refuse_no_name(task)
    reason = None if override is None else " ".join(override.split())
    if reason is not None and not 0 < len(reason) <= _LONGEST_REASON:
        raise InputError(f"--override: a reason of 1 to {_LONGEST_REASON} characters is needed.")
    with _alone(home):
        champion, challenger = (version_at(home, task, alias) for alias in (CHAMPION, CHALLENGER))
        if champion is not None and not _is_served(home, task, champion):
            return _finished(home, task, champion)
        if challenger is None:
            raise InputError(
                f"There is no challenger of {task}: run `firstcall train --task {task}` first."
            )
        before = "" if champion is None else champion.number
        if challenger.number == before:
            return Moved("was champion", before, before)
        if reason is None:
            _refuse(task, challenger, before)
        tags = {PROMOTED_FROM: before} | ({} if reason is None else {OVERRIDE: reason})
        _make_champion(home, task, challenger.number, tags)
        return Moved("promoted", challenger.number, before)


def roll_back(home: Home, task: str) -> Moved:
    """Make the champion of before champion again.

    Raises InputError where there is no champion, none before it, or no such name of a task.
    """
    _refuse_no_name(task)
    with _alone(home):
        champion = version_at(home, task, CHAMPION)
        if champion is None:
            raise InputError(f"There is no champion of {task}.")
        if not _is_served(home, task, champion):
            return _finished(home, task, champion)
        before = champion.tags.get(PROMOTED_FROM, "")
        if not before:
            raise InputError(
                f"Version {champion.number} of {task} is the first champion: none before."
            )
        _make_champion(home, task, before, {ROLLED_BACK_FROM: champion.number})
        return Moved("rolled back", before, champion.number)


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    """Waits for another promotion or rollback in this home: the files follow the alias that was
    moved last."""
    home.models.mkdir(parents=True, exist_ok=True)
    with (home.models / ".promotion").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make_champion(home: Home, task: str, number: str, tags: Mapping[str, str]) -> None:
    """What a version keeps of its move, the move, and the files, in this order: it may be killed
    after each."""
    tag_version(home, task, number, tags)
    move_champion(home, task, number)
    export_champion(home, task)


def _finished(home: Home, task: str, champion: Version) -> Moved:
    """Put the files in place of a champion that a call before made, and could not finish."""
    export_champion(home, task)
    return Moved("finished", champion.number, "")


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


def _is_served(home: Home, task: str, champion: Version) -> bool:
    """Whether the files that night and service read are those of this version."""
    folder = home.models / task
    if not folder.is_dir():
        return False
    try:
        text, metadata = read_model_files(folder)
    except (InputError, RefusalError):
        return False
    return version_of(text, metadata) == champion.model_version
