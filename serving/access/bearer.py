"""From the header `Authorization` of a request to whoever asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from serving.access.opaque_tokens import PROVIDER_SESSION, SERVICE, SESSION
from serving.access.open_id import OpenId
from serving.access.roles import NotSignedInError, Principal
from serving.access.service_tokens import principal_of_token
from serving.access.sessions import SessionSettings, principal_of_session
from serving.store.database import Database


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class WayIn:
    """All ways in of one service. `open_id` is None where no identity provider is configured.

    Nothing is remembered between requests but the identity provider's keys: what is revoked,
    disabled or changed counts from the next request on.
    """

    database: Database
    sessions: SessionSettings = field(default_factory=SessionSettings)
    open_id: OpenId | None = None
    clock: Callable[[], datetime] = _now

    def principal_of(self, authorization: str | None) -> Principal:
        """Who sent this header (None: there was none). Raises NotSignedInError.

        One look-up by an index, for a session now and then a write; call it off the event loop.
        """
        if not authorization:
            raise NotSignedInError("Sign in first: nothing was sent that says who asks.")
        scheme, _, token = authorization.strip().partition(" ")
        if scheme.lower() != "bearer":
            raise NotSignedInError("Sign in first: the header Authorization must be Bearer TOKEN.")
        return self.principal_of_token(token.strip())

    def principal_of_token(self, token: str) -> Principal:
        """Who shows this token: of a session, of a program, or of the identity provider."""
        if token.startswith(SESSION):
            principal = principal_of_session(self.database, token, self.sessions, self.clock())
            if token.startswith(PROVIDER_SESSION) and not self._vouched_for(principal):
                raise NotSignedInError("This session is over: sign in again.")
            return principal
        if token.startswith(SERVICE):
            return principal_of_token(self.database, token, self.clock())
        if token.count(".") == 2 and self.open_id is not None:
            return self.open_id.principal(token)
        raise NotSignedInError("The token is not one that this service takes.")

    def _vouched_for(self, principal: Principal) -> bool:
        """Whether somebody could have signed in like this with what is configured now: that
        identity provider, from the page, and in that role."""
        if self.open_id is None:
            return False
        settings = self.open_id.settings
        return (
            settings.client_id is not None
            and principal.name.partition(" ")[0] == settings.issuer
            and principal.role in settings.roles.values()
        )


__all__ = ["NotSignedInError", "WayIn"]
