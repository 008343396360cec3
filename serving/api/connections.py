"""Workers share one listening socket, and one that is idle when many callers come takes most of
them. Callers keep their connections, so that it would have most of the work for hours."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

ENDS_EACH = 20


class SpreadConnections:
    """Ends a connection with every twentieth answer of this worker (`Connection: close`, which HTTP
    clients heed by themselves): the caller's next one is taken by whoever is free first. The more a
    worker has to do, the more it sheds."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._answers = count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def ending_send(message: Message) -> None:
            if message["type"] == "http.response.start" and next(self._answers) % ENDS_EACH == 0:
                MutableHeaders(scope=message)["connection"] = "close"
            await send(message)

        await self.app(scope, receive, ending_send)
