"""Every look and action goes into the audit record before it is answered, many in one commit.

A commit waits for the disk. Requests that are answered at the same time share one: while a commit
is on its way, whatever else is to be recorded gathers, and goes with the next.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future

from data.errors import FirstcallError, where
from serving.api.problems import Refused
from serving.store.audit import Audit, Entry
from serving.store.write_turns import WITHOUT_A_PLACE_SECONDS

_LOGGER = logging.getLogger("firstcall.service")
LONGEST_WAIT = 30.0
"""Seconds that an answer waits for its record, and is then not given."""

WAIT_LONG = 10
"""How many threads of a worker may wait so long for their records: beside those that wait to write
themselves (`serving.store.write_turns`) some are left, for who is asked for and for /health."""

_Waiting = tuple[Sequence[Entry], "Future[None]"]


class Recorder:
    """Writes entries from one thread. What cannot be recorded is not answered: `kept` refuses.

    Who gives up waiting leaves his entries in the queue: they are written all the same, because a
    look that was begun belongs into the record.
    """

    def __init__(self, audit: Audit) -> None:
        self._audit = audit
        self._wait_long = threading.BoundedSemaphore(WAIT_LONG)
        self._waiting: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="audit", daemon=True)
        self._thread.start()

    def submit(self, entries: Sequence[Entry]) -> Future[None]:
        """Hands entries over; the future is done when they are on the disk."""
        future: Future[None] = Future()
        if entries:
            self._waiting.put((entries, future))
        else:
            future.set_result(None)
        return future

    def kept(self, entries: Sequence[Entry]) -> None:
        """Waits until entries are on the disk. Raises Refused where they cannot be written."""
        may_wait_long = self._wait_long.acquire(blocking=False)
        try:
            self.submit(entries).result(LONGEST_WAIT if may_wait_long else WITHOUT_A_PLACE_SECONDS)
        except Exception as error:
            raise not_recorded(error) from error
        finally:
            if may_wait_long:
                self._wait_long.release()

    @property
    def is_alive(self) -> bool:
        """Whether anything can be recorded: without it nothing is answered."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Writes what waits, then ends."""
        self._waiting.put(None)
        self._thread.join(LONGEST_WAIT)

    def _write(self) -> None:
        while (first := self._waiting.get()) is not None:
            together, last = [first], False
            while not self._waiting.empty() and not last:
                one = self._waiting.get()
                last = one is None
                if one is not None:
                    together.append(one)
            self._write_together(together)
            if last:
                return

    def _write_together(self, together: Sequence[_Waiting]) -> None:
        try:
            self._audit.write([entry for entries, _ in together for entry in entries])
        except Exception as error:
            for _, future in together:
                _tell(future, error)
            return
        for _, future in together:
            _tell(future, None)


def _tell(future: Future[None], error: Exception | None) -> None:
    """Ends the waiting of whoever has not given it up: his future is cancelled then, and takes no
    result."""
    if not future.set_running_or_notify_cancel():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)


def not_recorded(error: BaseException) -> Refused:
    """The refusal of an answer whose look or action could not be recorded."""
    said = str(error) if isinstance(error, FirstcallError) else where(error)
    _LOGGER.error("An answer was not given, because it could not be recorded (%s).", said)
    return Refused("not-ready", "this cannot be recorded now, so it is not answered: ask again")
