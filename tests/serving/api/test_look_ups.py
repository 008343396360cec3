"""Requests that wait with one header share a look-up, and none is told what held before it came."""

from __future__ import annotations

import asyncio
import threading

import pytest

from serving.access.roles import NotSignedInError, Principal
from serving.api.look_ups import LookUps

HEADER = "Bearer fct_x"


class Door:
    """Tells the name that stands on it when a look-up begins; each header waits to be let
    through."""

    def __init__(self) -> None:
        self.name: str | None = "before"
        self.began, self.looks = threading.Semaphore(0), 0
        self.through = {HEADER: threading.Semaphore(0), None: threading.Semaphore(0)}

    def look_up(self, header: str | None) -> Principal:
        name = self.name
        self.looks += 1
        self.began.release()
        assert self.through[header].acquire(timeout=30)
        if name is None:
            raise NotSignedInError("revoked")
        return Principal(f"{name} {header}", "service")


async def begun(door: Door) -> None:
    assert await asyncio.to_thread(door.began.acquire, timeout=30)


def test_those_who_come_meanwhile_share_the_next_look_up_and_see_what_changed():
    door = Door()
    looks = LookUps(door.look_up)

    async def ask() -> None:
        first = asyncio.create_task(looks.principal_of(HEADER))
        await begun(door)
        door.name = "after"
        later = [asyncio.create_task(looks.principal_of(HEADER)) for _ in range(9)]
        other = asyncio.create_task(looks.principal_of(None))
        await begun(door)  # another header waits for nobody
        door.through[HEADER].release()
        door.through[None].release()
        assert (await first).name == f"before {HEADER}"
        assert (await other).name == "after None"
        await begun(door)
        door.through[HEADER].release()
        assert {one.name for one in await asyncio.gather(*later)} == {f"after {HEADER}"}
        door.through[HEADER].release()
        assert (await looks.principal_of(HEADER)).name == f"after {HEADER}"
        assert door.looks == 4

    asyncio.run(ask())


def test_a_refusal_is_told_to_each_and_not_kept():
    door = Door()
    looks = LookUps(door.look_up)

    async def ask() -> None:
        first = asyncio.create_task(looks.principal_of(HEADER))
        await begun(door)
        door.name = None
        later = [asyncio.create_task(looks.principal_of(HEADER)) for _ in range(3)]
        gone = later.pop()
        await asyncio.sleep(0)
        gone.cancel()
        door.through[HEADER].release(2)
        assert (await first).name == f"before {HEADER}"
        for one in later:
            with pytest.raises(NotSignedInError):
                await one
        door.name = "again"
        door.through[HEADER].release()
        assert (await looks.principal_of(HEADER)).name == f"again {HEADER}"

    asyncio.run(ask())


def test_a_first_caller_who_gives_up_leaves_the_others_theirs():
    door = Door()
    looks = LookUps(door.look_up)

    async def ask() -> None:
        first = asyncio.create_task(looks.principal_of(HEADER))
        await begun(door)
        second = asyncio.create_task(looks.principal_of(HEADER))
        await asyncio.sleep(0)
        first.cancel()
        door.through[HEADER].release(2)
        assert (await second).name == f"before {HEADER}"
        assert door.looks == 2

    asyncio.run(ask())
