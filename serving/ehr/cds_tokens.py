"""Which EHR calls our CDS Hooks services: the token (JWT) of every call, checked as CDS Hooks 2.0
says under "Trusting CDS Clients".

Of the header: `alg` (a key pair's; never `none` or a shared secret), `kid`, `typ` JWT, and `jku`
only where it is the address that is configured for that issuer; no other address is ever fetched.
Of the claims: `iss` (of the configured clients), `aud` (the address that was called), `exp` and
`iat`, `jti` (each once), and `tenant` where the client has some configured.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

import jwt

from serving.access.signing_keys import ALGORITHMS, NoSigningKeyError

if TYPE_CHECKING:
    from serving.access.signing_keys import SigningKeys
    from serving.ehr.settings import CdsClient

LEEWAY_SECONDS = 30
"""How far the clocks of two houses may differ."""
_LONGEST_TOKEN = 8192
_LONGEST_NAME = 255


class ClientNotTrustedError(Exception):
    """A call that comes from no client of ours. `reason` is for the record of the service and holds
    nothing of the token; whoever called is told no more than 401, so that nothing is learnt from
    trying (CDS Hooks, best practices)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SeenTokens(Protocol):
    """Tokens that were used, so that none is used twice."""

    def add(self, issuer: str, jti: str, until: datetime) -> bool:
        """Notes a token that ends at `until`; False where it was there before. Two calls with one
        token at one time: one of them gets True."""
        ...


class SeenTokensInMemory:
    """Of one process. Several workers need one in the database, or a token passes once in each."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._until: dict[tuple[str, str], datetime] = {}
        self._lock = threading.Lock()
        self._sweep_at = now()

    def add(self, issuer: str, jti: str, until: datetime) -> bool:
        with self._lock:
            now = self._now()
            if now >= self._sweep_at:
                self._until = {key: end for key, end in self._until.items() if end > now}
                self._sweep_at = now + timedelta(minutes=1)
            if (issuer, jti) in self._until:
                return False
            self._until[issuer, jti] = until
            return True


@dataclass(frozen=True)
class TrustedCaller:
    """Whoever was found to call: the client as configured, and the tenant that the token names."""

    client: CdsClient
    tenant: str | None


class CdsTokens:
    """Checks the tokens of all configured clients. Make one a process: it keeps their keys."""

    def __init__(
        self,
        clients: Sequence[CdsClient],
        seen: SeenTokens,
        keys: Callable[[CdsClient], SigningKeys] | None = None,
    ) -> None:
        """`keys` gives the keys of a client in place of its own `keys()`."""
        self._clients = {
            client.issuer: (client, client.keys() if keys is None else keys(client))
            for client in clients
        }
        self._seen = seen

    def caller(self, authorization: str | None, addresses: Collection[str]) -> TrustedCaller:
        """Who calls, from the `Authorization` header. `addresses` are the URLs by which clients
        know what they call: "https://cds.example/cds-services/firstcall-patient-view".

        Raises ClientNotTrustedError. May fetch keys: call it off the event loop.
        """
        token = _bearer(authorization)
        header = _header(token)
        client, keys = self._client_of(token)
        if "jku" in header and (client.jwks_url is None or header["jku"] != client.jwks_url):
            raise ClientNotTrustedError("jku is not the address configured for the issuer")
        try:
            claims = jwt.decode(
                token,
                keys.key(header["kid"], header["alg"]),
                algorithms=[header["alg"]],
                audience=list(addresses),
                issuer=client.issuer,
                leeway=LEEWAY_SECONDS,
                options={
                    "require": ["iss", "aud", "exp", "iat", "jti"],
                    "enforce_minimum_key_length": True,
                },
            )
        except NoSigningKeyError:
            raise ClientNotTrustedError("no key of the issuer to check it with") from None
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
            raise ClientNotTrustedError(_why(error)) from None
        return self._admitted(client, claims)

    def _client_of(self, token: str) -> tuple[CdsClient, SigningKeys]:
        """The client that the token names, which is not believed before its key has been tried."""
        try:
            claims = jwt.decode(token, options={"verify_signature": False})
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            raise ClientNotTrustedError("is no token") from None
        issuer = claims.get("iss")
        found = self._clients.get(issuer) if isinstance(issuer, str) else None
        if found is None:
            raise ClientNotTrustedError("the issuer is not configured")
        return found

    def _admitted(self, client: CdsClient, claims: Mapping[str, Any]) -> TrustedCaller:
        begins, ends = _seconds(claims["iat"]), _seconds(claims["exp"])
        jti, tenant = claims["jti"], claims.get("tenant")
        if not 0 < ends - begins <= client.longest_seconds:
            raise ClientNotTrustedError("is made for longer than the client may")
        if not isinstance(jti, str) or not 0 < len(jti) <= _LONGEST_NAME:
            raise ClientNotTrustedError("jti is no name")
        if not (tenant is None or isinstance(tenant, str)):
            raise ClientNotTrustedError("tenant is no name")
        if client.tenants and tenant not in client.tenants:
            raise ClientNotTrustedError("the tenant is not configured")
        until = datetime.fromtimestamp(ends, UTC) + timedelta(seconds=LEEWAY_SECONDS + 1)
        if not self._seen.add(client.issuer, jti, until):
            raise ClientNotTrustedError("was used before")
        return TrustedCaller(client, tenant)


def _bearer(authorization: str | None) -> str:
    scheme, _, token = (authorization or "").strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise ClientNotTrustedError("there is no bearer token")
    if len(token) > _LONGEST_TOKEN:
        raise ClientNotTrustedError("is too long")
    return token.strip()


def _header(token: str) -> dict[str, Any]:
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise ClientNotTrustedError("is no token") from None
    if header.get("alg") not in ALGORITHMS:
        raise ClientNotTrustedError("the algorithm is not accepted")
    kind, kid = header.get("typ"), header.get("kid")
    if not isinstance(kind, str) or kind.upper() != "JWT":  # RFC 7519: upper case is recommended
        raise ClientNotTrustedError("typ is not JWT")
    if not isinstance(kid, str) or not kid:
        raise ClientNotTrustedError("there is no kid")
    if "crit" in header:  # RFC 7515: what must be understood, and is not
        raise ClientNotTrustedError("crit is not understood")
    return header


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ClientNotTrustedError("a time is no number")
    return value


def _why(error: Exception) -> str:
    match error:
        case jwt.ExpiredSignatureError():
            return "has run out"
        case jwt.ImmatureSignatureError():
            return "is not valid yet"
        case jwt.InvalidAudienceError():
            return "was made for another address"
        case jwt.MissingRequiredClaimError():
            return "lacks a claim that is required"
        case jwt.InvalidAlgorithmError() | jwt.InvalidSignatureError() | jwt.InvalidKeyError():
            return "the signature is not the issuer's"
        case _:
            return "is no token that can be read"
