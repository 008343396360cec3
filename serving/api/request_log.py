"""What the service writes down about a request: method, route template, status, time. Never a
body, a path that was asked for, a value, or the text of an exception: any of them may name a
patient."""

from __future__ import annotations

import logging
import os
import re
import uuid
from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders

from data.errors import where
from serving.api.bodies import LARGEST_BODY, TooLarge
from serving.api.problems import PROBLEMS, Form, Refused, form_at, kind_of, problem

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_OWN_NAMES = ("localhost", "127.0.0.1", "::1")
ON_EVERY_ANSWER = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=31536000",  # browsers heed it over TLS alone
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
"""Nothing of an answer is kept by caches, framed by other pages, or taken for something else."""

_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_LENGTH = re.compile(rb"[0-9]{1,18}")
_LOGGER = logging.getLogger("firstcall.requests")
_TALKATIVE = (
    "uvicorn.error", "uvicorn.access", "uvicorn.asgi", "asyncio", "fastapi",
    "bentoml", "bentoml.access", "bentoml.serve", "bentoml._internal.server.http_app",
    "bentoml._internal.server.base_app", "_bentoml_impl.server.app",
)  # fmt: skip


class _NoDetails(logging.Filter):
    """Cuts an exception down to its type and place, and drops the path of a request."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name == "uvicorn.access":
            return False
        if isinstance(record.msg, str) and record.msg.startswith("Exception on %s"):
            record.msg, record.args = "Exception on a request", ()
        info = record.exc_info
        if isinstance(info, tuple) and isinstance(info[1], BaseException):
            record.msg, record.args = f"{record.getMessage()} ({where(info[1])})", ()
        record.exc_info = record.exc_text = record.stack_info = None
        return True


def keep_details_out() -> None:
    """Puts the filter on every logger of the framework that may be told of a request, and on the
    handlers of the root logger, which take whatever else is raised."""
    details = _NoDetails()
    for name in _TALKATIVE:
        logger = logging.getLogger(name)
        if not any(isinstance(f, _NoDetails) for f in logger.filters):
            logger.addFilter(details)
    for handler in logging.getLogger().handlers:
        if not any(isinstance(f, _NoDetails) for f in handler.filters):
            handler.addFilter(details)
    _LOGGER.setLevel(logging.INFO)


class _NotOurName(Refused):
    def __init__(self) -> None:
        super().__init__("not-our-name", PROBLEMS["not-our-name"][1])


def trusted_hosts() -> frozenset[str]:
    """Names that the service answers to: those of this machine, and FIRSTCALL_HOSTS (names or
    addresses with commas between them)."""
    named = os.environ.get("FIRSTCALL_HOSTS", "").split(",")
    return frozenset((*_OWN_NAMES, *(n.strip().strip("[]").lower() for n in named if n.strip())))


def _host(scope: Scope) -> str | None:
    """The name that a request was sent to, without its port; None where it is not plain."""
    sent = [value for name, value in scope["headers"] if name == b"host"]
    try:
        host = sent[0].decode("ascii") if len(sent) == 1 else ""
        return None if set(host) & set("/?#@\\ ") else urlsplit(f"//{host}").hostname
    except ValueError:
        return None


class RequestLog:
    """The outermost middleware: refuses foreign host names, limits the body, keeps answers out of
    caches, catches everything, writes the access line.

    A page elsewhere can point its own name at this machine (DNS rebinding) and would then read
    answers as its own: hence the host names.
    """

    def __init__(
        self,
        app: ASGIApp,
        largest_body: int = LARGEST_BODY,
        seen: Callable[[str, str, int, float], None] | None = None,
        form: Form = form_at,
    ) -> None:
        """`seen` is told of each request: method, route template, status and seconds. `form` is the
        form of a problem."""
        self.app = app
        self.largest_body = largest_body
        self.seen = seen
        self.form = form
        self.hosts = trusted_hosts()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status, read = perf_counter(), 0, 0
        request_id = str(uuid.uuid4())
        scope.setdefault("state", {})["request_id"] = request_id

        async def counted_receive() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self.largest_body:
                raise TooLarge
            return message

        async def noted_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in ON_EVERY_ANSWER.items():
                    headers.setdefault(name, value)  # a page says itself what it may load
            await send(message)

        note = ""
        try:
            if _host(scope) not in self.hosts:
                raise _NotOurName
            length = dict(scope["headers"]).get(b"content-length", b"0")
            if not _LENGTH.fullmatch(length) or int(length) > self.largest_body:
                raise TooLarge
            await self.app(scope, counted_receive, noted_send)
        except (TooLarge, _NotOurName) as refused:
            if not status:
                await self._told(refused, scope, request_id)(scope, receive, noted_send)
        except Exception as error:
            note = f" ({where(error)})"
            if not status:
                failed = Refused("failed", "the service failed: see its log")
                await self._told(failed, scope, request_id)(scope, receive, noted_send)
        milliseconds = (perf_counter() - began) * 1000
        route = getattr(scope.get("route"), "path", "(no route)")
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        _LOGGER.info("%s %s %d %.1f ms %s%s", method, route, status, milliseconds, request_id, note)
        if self.seen is not None:
            self.seen(method, route, status, milliseconds / 1000)

    def _told(self, refused: Refused, scope: Scope, request_id: str) -> Response:
        said = problem(kind_of(refused), refused.status_code, str(refused.detail), request_id)
        return self.form(scope, said, None)


__all__ = ["LARGEST_BODY", "RequestLog", "keep_details_out", "trusted_hosts", "where"]
