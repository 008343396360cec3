"""What an unfinished training keeps, so that `train --resume` need not begin at its beginning.

Each finished stage is a folder of plain files (NumPy arrays, JSON, text; nothing that runs when it
is read) in the home's `unfinished/<task>`, written aside, brought onto the disk and put into its
place by one rename: it is there whole or not at all. All are kept under one key of everything that
they hang on; under another key none of them is used. They are about patients: for their owner
alone, and removed when the training is recorded.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import data
from data.durable import sync_folder
from data.errors import InputError, RefusalError
from data.home import Home
from features.as_of import fingerprint
from features.definitions import FEATURES
from training.settings.tasks import Task, flat

FIT = "fit"
"""The stage that is kept last."""
_KEY, _SUMS, _DRAFT = "key.json", "sums.json", ".new"
_PARTS = {"settings": "settings", "data": "data", "features": "features", "code": "code"}
_LIBRARIES = ("lightgbm", "numpy", "optuna", "pandas", "scikit-learn")
_PACKAGES = ("data", "features", "serving", "training")
_MOST_NAMED = 3

_Made = TypeVar("_Made")


def key_of(task: Task, histories: Mapping[str, Any], intake: Mapping[str, Any]) -> dict[str, str]:
    """Everything that a training's stages hang on: each setting, the data (`histories` and `intake`
    are their manifests), the features, the code and the libraries."""
    names = [declared.name for declared in FEATURES]
    return {
        **{f"settings {name}": value for name, value in flat(task).items()},
        "data of the histories": str(histories.get("content", "")),
        "data as taken in": _sum_of_json(intake),
        "features as defined": fingerprint(names),
        "code of firstcall": code_fingerprint(),
        **{f"code of {name}": version(name) for name in _LIBRARIES},
    }


def code_fingerprint(root: Path | None = None) -> str:
    """sha256 (hex) over the sources of the four rooms below `root` (where firstcall lies), code
    lists among them: what is changed in them may change any stage, and no version number tells of
    it. Raises FileNotFoundError where a room holds none."""
    root, digest = root or Path(data.__file__).resolve().parents[1], hashlib.sha256()
    for package in _PACKAGES:
        paths = sorted(p for p in (root / package).rglob("*") if p.suffix in (".py", ".csv"))
        if not paths:
            raise FileNotFoundError(f"{root / package} holds no source")
        for path in paths:
            digest.update(f"{path.relative_to(root).as_posix()}\n".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


@dataclass(frozen=True)
class Checkpoints:
    """The stages of one training. ``folder``: where they lie; a scratch folder where another
    training of the task keeps its own in the home. ``keeps``: whether anything outlives it."""

    folder: Path
    keeps: bool
    tell: Callable[[str], None]

    def kept(
        self,
        name: str,
        make: Callable[[], _Made],
        write: Callable[[Path, _Made], None],
        read: Callable[[Path], _Made],
    ) -> _Made:
        """The stage `name`: read where it was kept, else made, and kept.

        `write(folder, value)` puts files into an empty folder, `read(folder)` makes the value of
        them; where a file is damaged, or `read` raises ValueError, KeyError or TypeError, the stage
        is made again and `tell` hears of it. Raises InputError where it cannot be written.
        """
        if not self.keeps:
            return make()
        place = self.folder / name
        if place.is_dir():
            try:
                _check(place)
                return read(place)
            except (OSError, ValueError, KeyError, TypeError):
                self.tell(f"What was kept of the stage {name} cannot be used: it is made again.")
                shutil.rmtree(place)
        made = make()
        try:
            self._put(place, made, write)
        except OSError as error:
            raise InputError(
                f"The stage {name} cannot be kept in {self.folder}: make room there."
            ) from error
        return made

    def help_after(self, error: BaseException) -> bool:
        """Whether a training that ended by `error` gets further by going on from here: a stage is
        kept, and the error is no refusal that would come again. Before the model is fitted a
        refusal is about data and settings alone, and these are the same then."""
        if not self.keeps:
            return False
        stages = _stages(self.folder)
        return bool(stages) and (FIT in stages or not isinstance(error, RefusalError))

    @property
    def search_storage(self) -> Path:
        """Where `training.fitting.search` keeps its trials; it does so itself, trial by trial."""
        return self.folder / "search.db"

    def recorded(self) -> None:
        """The training is recorded: nothing of it is needed here any more."""
        if self.keeps:
            _remove(self.folder)

    def _put(self, place: Path, made: _Made, write: Callable[[Path, _Made], None]) -> None:
        draft = place.with_name(place.name + _DRAFT)
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        write(draft, made)
        _write_durably(draft / _SUMS, json.dumps(_sums(draft), sort_keys=True).encode())
        for path in draft.iterdir():
            path.chmod(0o600)
            _sync(path)
        sync_folder(draft)
        draft.rename(place)
        sync_folder(self.folder)


def _stages(folder: Path) -> list[str]:
    """The names of the stages that are kept whole, in the order in which they were made."""
    if not folder.is_dir():
        return []
    whole = [p for p in folder.iterdir() if p.is_dir() and p.suffix != _DRAFT]
    return [p.name for p in sorted(whole, key=lambda p: (p.stat().st_mtime_ns, p.name))]


@contextmanager
def checkpoints(
    unfinished: Path,
    task: str,
    key: Mapping[str, str],
    resume: bool,
    tell: Callable[[str], None],
) -> Iterator[Checkpoints]:
    """The checkpoints of a training of `task` in the folder `unfinished` of the home.

    Without `resume` whatever an earlier training left is removed. With it, stages are read back
    where their key is this one. `tell` hears one sentence in either case, with the stages; where
    the key is another, naming what, such as "The unfinished training of readmission had other
    settings (fit.max_depth): it begins anew."; where there are none; and where another training of
    the task runs in the same home: this one then keeps nothing.
    """
    with ExitStack() as held:
        if not held.enter_context(_alone(unfinished, task)):
            tell(
                f"Another training of {task} runs in this home: this one keeps nothing to resume "
                "from."
            )
            scratch = held.enter_context(tempfile.TemporaryDirectory())
            yield Checkpoints(Path(scratch), False, tell)
            return
        folder = unfinished / task
        why = _why_not(folder, task, key)
        if why and resume:
            tell(why)
            resume = False
        there = ", ".join(_stages(folder))
        if resume:
            tell(
                f"Goes on with the unfinished training of {task}: kept are {there or 'no stages'}."
            )
        else:
            if there and not why:
                tell(f"An unfinished training of {task} ({there}) is thrown away: --resume would "
                     "have gone on with it.")  # fmt: skip
            _remove(folder)
            folder.mkdir(mode=0o700)
            _write_durably(folder / f"{_KEY}{_DRAFT}", json.dumps(dict(key)).encode())
            (folder / f"{_KEY}{_DRAFT}").rename(folder / _KEY)
            sync_folder(folder)
            sync_folder(unfinished)
        yield Checkpoints(folder, True, tell)


@contextmanager
def _alone(unfinished: Path, task: str) -> Iterator[bool]:
    """Whether no other process has the task's checkpoints; the system frees those of a dead one."""
    Home(unfinished.parent).make()
    unfinished.mkdir(mode=0o700, exist_ok=True)
    # beside the folder, which comes and goes
    lock = os.open(unfinished / f".{task}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(lock)


def _why_not(folder: Path, task: str, key: Mapping[str, str]) -> str | None:
    """The sentence that says why nothing in `folder` can be gone on with; None where it can."""
    try:
        kept = json.loads((folder / _KEY).read_bytes())
    except FileNotFoundError:
        return f"Nothing of an unfinished training of {task} is kept: it begins anew."
    except (OSError, ValueError, RecursionError):
        kept = None
    if not isinstance(kept, dict):
        return f"What is kept of the unfinished training of {task} cannot be read: it begins anew."
    other = [name for name in {**kept, **key} if kept.get(name) != key.get(name)]
    if not other:
        return None
    said = []
    for part in _PARTS:
        names = sorted(n.removeprefix(f"{part} ") for n in other if n.startswith(f"{part} "))
        if names:
            more = ", …" if len(names) > _MOST_NAMED else ""
            said.append(f"{part} ({', '.join(names[:_MOST_NAMED])}{more})")
    return f"The unfinished training of {task} had other {' and '.join(said)}: it begins anew."


def _remove(folder: Path) -> None:
    """The key first: what is half removed is not taken for whole."""
    (folder / _KEY).unlink(missing_ok=True)
    if folder.is_dir():
        sync_folder(folder)
        shutil.rmtree(folder)
        sync_folder(folder.parent)


def _check(place: Path) -> None:
    """Raises ValueError where a file is another than was written."""
    if json.loads((place / _SUMS).read_bytes()) != _sums(place):
        raise ValueError("damaged")


def _sums(folder: Path) -> dict[str, str]:
    sums = {}
    for path in sorted(folder.iterdir()):
        if path.name != _SUMS:
            with path.open("rb") as file:
                sums[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return sums


def _sum_of_json(told: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()


def _write_durably(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
