"""The record outlives whoever gives up waiting for it, and whatever goes wrong while it writes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice

import pytest

from serving.api import recording
from serving.api.problems import Refused
from serving.api.recording import Recorder
from serving.store.audit import Audit, Entry


class SlowAudit(Audit):
    """A record whose commits wait until they are let through, and fail where they are told to."""

    def __init__(self) -> None:
        self.through = threading.Semaphore(0)
        self.written: list[str] = []
        self.fails: Exception | None = None

    def write(self, entries: Sequence[Entry]) -> None:
        assert self.through.acquire(timeout=30)
        if self.fails:
            raise self.fails
        self.written += [entry.what for entry in entries]


def look(what: str) -> list[Entry]:
    return [Entry("ann", "case_manager", what)]


def test_some_wait_long_for_the_disk_and_the_others_are_refused_in_a_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So that of 40 threads some are left for /health and for who is asked for."""
    monkeypatch.setattr(recording, "WITHOUT_A_PLACE_SECONDS", 0.05)
    audit = SlowAudit()
    recorder = Recorder(audit)
    with ThreadPoolExecutor(40) as pool:
        asked = [pool.submit(recorder.kept, look(f"look {n}")) for n in range(40)]
        refused = list(islice(as_completed(asked, timeout=30), 40 - recording.WAIT_LONG))
        assert all(isinstance(one.exception(), Refused) for one in refused)
        assert sum(not one.done() for one in asked) == recording.WAIT_LONG
        audit.through.release(40)
        assert all(one.result() is None for one in asked if one not in refused)
    recorder.close()
    assert len(audit.written) == 40  # a look that was begun belongs into the record


def test_who_gives_up_waiting_leaves_the_record_going(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "LONGEST_WAIT", 0.05)
    audit = SlowAudit()
    recorder = Recorder(audit)

    async def one() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.wrap_future(recorder.submit(look("score"))), 0.05)

    asyncio.run(one())
    with pytest.raises(Refused):
        recorder.kept(look("patient"))
    audit.through.release(3)
    monkeypatch.setattr(recording, "LONGEST_WAIT", 30)
    recorder.kept(look("worklist"))
    assert recorder.is_alive
    assert audit.written == ["score", "patient", "worklist"]  # each look that was begun
    recorder.close()
    assert not recorder.is_alive


def test_a_commit_that_fails_refuses_its_own_entries_and_no_later_ones() -> None:
    audit = SlowAudit()
    recorder = Recorder(audit)
    audit.fails = OSError("the disk is full")
    given_up = recorder.submit(look("score"))
    given_up.cancel()
    audit.through.release(5)
    with pytest.raises(Refused):
        recorder.kept(look("patient"))
    audit.fails = None
    recorder.kept(look("worklist"))
    assert audit.written == ["worklist"]
    recorder.close()
