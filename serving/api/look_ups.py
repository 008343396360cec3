"""Who asks is looked up anew for every request; requests that wait at the same time share one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from anyio import to_thread

from serving.access.roles import Principal


class LookUps:
    """Look-ups by the header Authorization, off the event loop.

    Programs send many requests at a time with one token. Those that come while a look-up of their
    header is on its way share the next one, so that each is told what held after it came: who was
    revoked or disabled is refused from the next request on.
    """

    def __init__(self, look_up: Callable[[str | None], Principal]) -> None:
        self._look_up = look_up
        self._running: dict[str | None, asyncio.Task[Principal]] = {}
        self._next: dict[str | None, asyncio.Task[Principal]] = {}

    async def principal_of(self, header: str | None) -> Principal:
        """What `look_up` says. Whoever gives up waiting takes nothing from others."""
        if header not in self._running:
            told = self._begin(header, None)
        elif header not in self._next:
            told = self._next[header] = self._begin(header, self._running[header])
        else:
            told = self._next[header]
        return await asyncio.shield(told)

    def _begin(
        self, header: str | None, before: asyncio.Task[Principal] | None
    ) -> asyncio.Task[Principal]:
        told = asyncio.create_task(self._told(header, before))
        told.add_done_callback(_seen)
        if before is None:
            self._running[header] = told
        return told

    async def _told(self, header: str | None, before: asyncio.Task[Principal] | None) -> Principal:
        if before is not None:
            await asyncio.wait([before])
            self._running[header] = self._next.pop(header)
        try:
            return await to_thread.run_sync(self._look_up, header)
        finally:
            if header not in self._next:
                del self._running[header]


def _seen(told: asyncio.Task[Principal]) -> None:
    """Where everybody who waited has gone, nobody is left to take a refusal."""
    if not told.cancelled():
        told.exception()
