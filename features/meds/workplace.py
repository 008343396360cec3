"""A folder that holds patients' rows while a dataset is written or taken in, and no longer."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data.errors import InputError


@contextmanager
def workplace(path: Path) -> Iterator[Path]:
    """The folder `path`, empty and for this process alone; it is removed afterwards.

    The name is fixed, so that what a killed process left there goes when the next one begins.
    Whoever moves the folder away keeps it. Raises InputError where another process works in it,
    or where `path` is something else than a folder of this user.
    """
    descriptor = _locked(path)
    try:
        for left_behind in path.iterdir():
            if left_behind.is_dir() and not left_behind.is_symlink():
                shutil.rmtree(left_behind)
            else:
                left_behind.unlink()
        yield path
    finally:
        if _is_at(path, descriptor):
            shutil.rmtree(path, ignore_errors=True)
        os.close(descriptor)


def _locked(path: Path) -> int:
    """A descriptor of the folder that holds its lock; the system frees that of a dead process."""
    while True:
        try:
            path.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except FileNotFoundError:
            continue  # another process has just ended there
        except OSError as error:
            raise InputError(f"{path} is in the way; remove it.") from error
        try:
            if os.fstat(descriptor).st_uid != os.geteuid():
                raise InputError(f"{path} belongs to another user; remove it.")
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(path, descriptor):
                os.fchmod(descriptor, 0o700)
                return descriptor
        except BlockingIOError as error:
            os.close(descriptor)
            raise InputError(
                f"Another command works in {path}; wait until it has ended."
            ) from error
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _is_at(path: Path, descriptor: int) -> bool:
    """Whether the open folder still is the one at `path`."""
    try:
        there, ours = path.lstat(), os.fstat(descriptor)
    except FileNotFoundError:
        return False
    return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)
