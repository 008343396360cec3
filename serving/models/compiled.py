"""The compiled loops, made once where they are not kept from before: beside the start of the
workers, which wait for them, in place of within each. They take some fifteen seconds."""

from __future__ import annotations

import fcntl
import gc
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from data.home import Home
from serving.models.placed import Placed

_CODE = Path(__file__).resolve().parents[2]
_LOCK = ".compiling"


def begin_compiling(home: Home, placed: Placed) -> subprocess.Popen[bytes] | None:
    """Starts to compile in a process of its own, which holds the turn until it has done; None where
    everything is kept from before. What goes wrong there each worker meets, and tells, itself."""
    if _is_kept():
        return None
    with _lock(home) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", __name__,
             *(f"{task}={folder.absolute()}" for task, folder in placed.folders.items())],
            cwd=_CODE, pass_fds=[lock.fileno()],  # the lock goes with the file
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip


@contextmanager
def in_turn(home: Home) -> Iterator[None]:
    """Waits for whoever compiles: what one has made the next ones read."""
    with _lock(home) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _lock(home: Home) -> IO[str]:
    home.make()
    return (home.root / _LOCK).open("a")


def _is_kept() -> bool:
    kept = os.environ.get("NUMBA_CACHE_DIR") or _CODE / "features"
    return any(Path(kept).rglob("kernel.answer*.nbi"))


def _compile(arguments: Sequence[str]) -> None:
    gc.disable()  # looking for garbage among a compiler's objects takes a fifth of the time
    from serving.answers import Scorer

    folders = {task: Path(folder) for task, _, folder in (a.partition("=") for a in arguments)}
    told = dict.fromkeys(folders, "at hand")
    Scorer(Placed(folders, told, told, "").models()).warm_up()


if __name__ == "__main__":
    _compile(sys.argv[1:])
