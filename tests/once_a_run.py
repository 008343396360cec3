"""What takes long to make and is only read: made once a run of pytest, whichever of its processes
asks for it first; the others wait for it."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


class OnceARun:
    """Folders of this run by name. One who fails to make a folder leaves it to the next to try."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @classmethod
    def of(cls, request: pytest.FixtureRequest, factory: pytest.TempPathFactory) -> OnceARun:
        base = factory.getbasetemp()
        # each process of pytest-xdist has a folder of its own within that of the run
        return cls(base.parent if hasattr(request.config, "workerinput") else base)

    def folder(self, name: str, make: Callable[[Path], object]) -> Path:
        """The folder `name`, which `make` fills."""
        folder, whole = self._root / f"once-{name}", self._root / f"once-{name}.whole"
        with (self._root / f"once-{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not whole.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(mode=0o700)
                make(folder)
                whole.touch()
        return folder
