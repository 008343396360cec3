"""What one browser keeps while somebody signs in at the identity provider, until he comes back.

All that the trip needs is derived from one cookie by the key of the home: the state that the
provider sends back, the nonce of the ID token, the proof of PKCE. So nothing has to be kept here
meanwhile, whichever worker he comes back to, and neither browser nor provider can make any of it.

The cookie is one of its own, SameSite=Lax: the provider leads back from another site, and a browser
brings no Strict cookie from there. It holds where to lead to afterwards, which the provider need
not know: an address may name a patient.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from serving.pages.own_paths import own_path

if TYPE_CHECKING:
    from serving.api.state import Service

TRIP = "__Host-firstcall-trip"
LASTS = timedelta(minutes=10)
"""So long somebody may take to sign in there."""


@dataclass(frozen=True)
class Trip:
    """One sign-in on its way. `cookie` is what the browser keeps; `back`: where it leads to."""

    name: str
    cookie: str
    until: datetime
    back: str
    state: str
    nonce: str
    verifier: str


def begun(service: Service, back: str) -> Trip:
    """A trip that begins now."""
    until = int((datetime.now(UTC) + LASTS).timestamp())
    led = base64.urlsafe_b64encode(back.encode()).decode().rstrip("=")
    told = f"{secrets.token_urlsafe(32)}.{until}.{led}"
    return _trip(service, f"{told}.{service.key.mac('trip', told)}", told)


def of_cookie(service: Service, cookie: str | None, state: str | None) -> Trip | None:
    """The trip of the browser that brings this cookie and the provider's state; None where it is
    not one that was begun there, or it took too long."""
    told, _, seal = (cookie or "").rpartition(".")
    if not told or not _same(seal, service.key.mac("trip", told)):
        return None
    trip = _trip(service, f"{told}.{seal}", told)
    return trip if _same(state or "", trip.state) and datetime.now(UTC) < trip.until else None


def is_first(service: Service, trip: Trip) -> bool:
    """Notes that a trip has ended; False where it had ended before: nobody comes back twice."""
    name = f"sign-in {trip.name}"
    issuer = service.code_flow.issuer if service.code_flow else ""
    return service.seen_tokens.add(issuer, name, trip.until)


def _trip(service: Service, cookie: str, told: str) -> Trip:
    """Of what we sealed ourselves."""
    name, until, led = told.split(".")
    back = base64.urlsafe_b64decode(led + "=" * (-len(led) % 4)).decode()
    state, nonce, verifier = (
        service.key.mac(what, told) for what in ("state of a trip", "nonce of a trip", "its proof")
    )
    ends = datetime.fromtimestamp(int(until), UTC)
    return Trip(name, cookie, ends, own_path(back), state, nonce, verifier)


def _same(sent: str, ours: str) -> bool:
    return hmac.compare_digest(sent.encode("utf-8", "surrogatepass"), ours.encode())
