"""One night at a time: the right to write one, held by a file that the system frees."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data.errors import RefusalError

REFUSAL = "Another night is running on this store: wait until it has ended."


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Holds the lock at `path` until the end, or until the process dies.

    Raises RefusalError (`REFUSAL`) where another process holds it.
    """
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RefusalError(REFUSAL) from None
        yield
