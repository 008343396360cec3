"""How often one may ask: by who asks once he is known, by address before that; and how often an
account may be tried, from wherever."""

from __future__ import annotations

from math import ceil
from time import time

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from serving.access.accounts import login_name
from serving.access.roles import Principal
from serving.api.problems import Refused
from serving.settings import RateLimits

SIGN_INS_OF_AN_ACCOUNT = "20/minute"
"""Five wrong passwords lock an account; whoever goes on trying costs the work of a hash each."""


class Limiter:
    """Counts within one worker: two workers together allow twice as much at most. (On the event
    loop, because the other kind of `limits` starts a thread for each count.)"""

    def __init__(self, rates: RateLimits) -> None:
        self._counts = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._person = parse(f"{rates.person_per_minute}/minute")
        self._service = parse(f"{rates.service_per_minute}/minute")
        self._unknown = parse(f"{rates.unknown_per_minute}/minute")
        self._account = parse(SIGN_INS_OF_AN_ACCOUNT)

    async def known(self, principal: Principal) -> None:
        """Counts a request of somebody who is known. Raises Refused (429) above the limit."""
        limit = self._service if principal.role == "service" else self._person
        await self._take(limit, f"known {principal.role} {principal.name}")

    async def unknown(self, address: str) -> None:
        """Counts a request without a valid session or token, of an address. Raises Refused (429)
        above the limit."""
        await self._take(self._unknown, f"unknown {address}")

    async def signing_in(self, address: str) -> None:
        """Counts a sign-in of an address, apart from what else comes from there: a page that asks
        on when its session is over keeps nobody of its house from signing in. Raises Refused (429)
        above the limit."""
        await self._take(self._unknown, f"sign-in {address}")

    async def account(self, typed: str) -> None:
        """Counts a sign-in by the name that was typed, whether there is such an account or not, so
        that many addresses together try it no more often. Raises Refused (429) above the limit."""
        if (name := login_name(typed)) is not None:
            await self._take(self._account, f"account {name}")

    async def _take(self, limit: RateLimitItem, who: str) -> None:
        if await self._counts.hit(limit, who):
            return
        window = await self._counts.get_window_stats(limit, who)
        seconds = max(1, ceil(window.reset_time - time()))
        raise Refused(
            "too-many-requests", "too many requests: ask again later", {"Retry-After": str(seconds)}
        )
