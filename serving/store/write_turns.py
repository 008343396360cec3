"""Who may write to an SQLite file next: the threads of one process wait for one another here.

SQLite has one writer at a time, and whoever waits for a writer of another process (a night that is
published) holds a connection and a thread all the while. Here one thread alone waits for the file;
the others wait for that one without a connection, and those beyond `places` for a moment only, so
that connections and threads are left for whoever reads.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

PLACES = 20
"""Half of the threads that answer a worker's requests (anyio has 40)."""
WITHOUT_A_PLACE_SECONDS = 3.0


class NoTurnError(Exception):
    """Others were writing all the time that was given."""


class WriteTurns:
    """The turns of one process at one file. `seconds`: how long anybody waits; `places`: how many
    may wait so long, None: all of them."""

    def __init__(self, seconds: float, places: int | None = None) -> None:
        self.seconds = seconds
        self._places = None if places is None else threading.BoundedSemaphore(places)
        self._turn = threading.Lock()

    @contextmanager
    def taken(self, at_most: float | None = None, for_others: bool = False) -> Iterator[float]:
        """Waits for the turn, `at_most` so many seconds, and holds it; gives the seconds that are
        left to wait for the file. Who writes `for_others` needs no place. Raises NoTurnError where
        it did not come."""
        places = None if for_others else self._places
        has_place = places is None or places.acquire(blocking=False)
        seconds = self.seconds if has_place else min(self.seconds, WITHOUT_A_PLACE_SECONDS)
        seconds = seconds if at_most is None else min(seconds, at_most)
        until = time.monotonic() + seconds
        try:
            if not self._turn.acquire(timeout=seconds):
                raise NoTurnError
            try:
                yield max(0.0, until - time.monotonic())
            finally:
                self._turn.release()
        finally:
            if has_place and places is not None:
                places.release()
