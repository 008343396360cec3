"""The models that were fetched from a registry, kept in the home: FIRSTCALL_HOME/registry-models.

Each pair has a folder of its own, which is written under another name and renamed; `current` is a
link to the pair that was taken into use last. A service that starts while its registry is down
goes on with that one.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from data.durable import sync_folder
from data.home import Home
from serving.models.placed import TASKS, Placed, key_of
from serving.models.registry_client import RegisteredVersion, RegistryClient

_ABOUT = "registry.json"
_CURRENT = "current"
_KEPT = 3
"""Pairs that are kept: the one in use, the one before, and one that is being tried."""


class RegistryCopy:
    """The fetched pairs of one registry."""

    def __init__(self, home: Home, place: str) -> None:
        """`place`: the registry's address as it is told (`registry_client.shown`)."""
        self._home = home
        self._root = home.root / "registry-models"
        self._place = place

    def fetched(self, client: RegistryClient, versions: Mapping[str, RegisteredVersion]) -> Placed:
        """The pair of these versions, fetched unless it is here. Raises InputError as the client
        does; what is here then stays as it was."""
        key = self.key(versions)
        folder = self._root / key
        if not (folder / _ABOUT).is_file():
            with self._alone():
                if not (folder / _ABOUT).is_file():
                    self._fetch(client, versions, folder)
        return self._placed(folder, {task: v.number for task, v in versions.items()})

    def key(self, versions: Mapping[str, RegisteredVersion]) -> str:
        """What tells a pair of versions from another."""
        told = sorted((task, v.name, v.number, v.run_id) for task, v in versions.items())
        return key_of(self._place, told)

    def last(self) -> Placed | None:
        """The pair that was taken into use last, of this registry; None where there is none."""
        folder = (self._root / _CURRENT).resolve()
        try:
            about = json.loads((folder / _ABOUT).read_bytes())
            if about["place"] != self._place:
                return None
            numbers = {task: str(about["versions"][task]) for task in about["versions"]}
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return self._placed(folder, numbers, ", the last fetched copy")

    def keep(self, placed: Placed) -> None:
        """Says that a pair was taken into use, and removes those that nobody needs any more."""
        with self._alone():
            link = self._root / f".{_CURRENT}.link"
            link.unlink(missing_ok=True)
            link.symlink_to(placed.key, target_is_directory=True)
            link.replace(self._root / _CURRENT)
            (self._root / placed.key).touch()  # the newest of all
            sync_folder(self._root)
            pairs = [p for p in self._root.iterdir() if p.is_dir() and not p.is_symlink()]
            for old in sorted(pairs, key=lambda p: p.stat().st_mtime_ns, reverse=True)[_KEPT:]:
                shutil.rmtree(old, ignore_errors=True)

    def _fetch(
        self, client: RegistryClient, versions: Mapping[str, RegisteredVersion], folder: Path
    ) -> None:
        draft = folder.with_name(f".{folder.name}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        try:
            for task, version in versions.items():
                (draft / task).mkdir(parents=True)
                client.fetch(version, draft / task)
            numbers = {task: version.number for task, version in versions.items()}
            about = {"place": self._place, "versions": numbers}
            (draft / _ABOUT).write_text(json.dumps(about), encoding="utf-8")
            for held in sorted(draft.rglob("*")):
                _sync(held)
            sync_folder(draft)
            shutil.rmtree(folder, ignore_errors=True)  # what is left of one without its end
            draft.rename(folder)
            sync_folder(self._root)
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _placed(self, folder: Path, numbers: Mapping[str, str], remark: str = "") -> Placed:
        told = {
            task: f"registry {self._place} version {numbers[task]}{remark}"
            for task in TASKS
            if task in numbers
        }
        return Placed({task: folder / task for task in told}, told, told, folder.name)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Workers share the copies: one of them fetches, the others wait and find it."""
        self._home.make()
        self._root.mkdir(mode=0o700, exist_ok=True)
        with (self._root / ".fetching").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _sync(path: Path) -> None:
    if path.is_dir():
        sync_folder(path)
        return
    with path.open("rb") as file:
        os.fsync(file.fileno())
