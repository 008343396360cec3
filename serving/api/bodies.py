"""The body of a request: how large it may be, and how long it may take to arrive.

FastAPI parses a body on the event loop, where everybody waits for it, and what is parsed takes many
times the memory of its bytes. So every route takes as much as it needs (`Rule.body`) and
no more, and nothing of a body is read before its sender was admitted.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from serving.api.problems import Refused

if TYPE_CHECKING:
    from starlette.types import Message, Receive

SMALL_BODY = 64 * 2**10
"""Bytes that do for every route whose rule does not say otherwise."""
EHR_BODY = 2**20
"""Bytes of what an EHR sends along: a Patient and an Encounter with all that hangs on them."""
LARGEST_BODY = 32 * 2**20
"""Bytes of any body; the most rows to be scored in their plainest form come to about 30 MB."""
BODY_SECONDS = 60
"""How long a whole body may take to arrive."""


class TooLarge(Refused):
    """An HTTPException, because FastAPI lets those through while it reads a body."""

    def __init__(self) -> None:
        super().__init__("too-large", "the request is too large")


def bounded(receive: Receive, most: int, said: str | None) -> Receive:
    """What gives a body piece by piece as `receive` does, from now on. `said` is its length as the
    header says it.

    Raises Refused: 413 at once where more than `most` bytes are said to come, and as soon as more
    have come, 408 where the whole has not come within BODY_SECONDS.
    """
    if said is not None and int(said) > most:
        raise TooLarge
    until = asyncio.get_running_loop().time() + BODY_SECONDS
    read, is_whole = 0, False

    async def receive_some() -> Message:
        nonlocal read, is_whole
        if is_whole:  # the next message comes when the sender has gone
            return await receive()
        try:
            async with asyncio.timeout_at(until):
                message = await receive()
        except TimeoutError:
            raise Refused(
                "too-slow", "the body took too long to arrive", {"Connection": "close"}
            ) from None
        read += len(message.get("body", b""))
        if read > most:
            raise TooLarge
        is_whole = not message.get("more_body", False)
        return message

    return receive_some
