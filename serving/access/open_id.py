"""OpenID Connect: who holds a signed token (JWT) of the site's identity provider, and his role.

Any issuer, by configuration: Keycloak, Entra ID, Okta, an EHR's own. The token is an access token
(RFC 9068) or an ID token; checked are its signature by a key that the issuer publishes, issuer,
audience and times (RFC 7519, RFC 8725). Where a token says that its key is to be had (jku, x5u,
jwk, x5c) is never looked at. Nothing of a token stands in an error or a log.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import jwt
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from serving.access.roles import MATTERS, NotSignedInError, Principal
from serving.access.signing_keys import (
    ALGORITHMS,
    TIMEOUT_SECONDS,
    NoSigningKeyError,
    SigningKeys,
    is_secure_url,
)

_TYPES = (None, "jwt", "at+jwt", "application/at+jwt")
_NOT_TAKEN = "The token is not one that this service takes."


class IssuerUnreachableError(NotSignedInError):
    """The identity provider does not publish its keys as it should: nothing is told about the
    token, which may be a good one."""


def _secure(url: str) -> str:
    if not is_secure_url(url):
        raise ValueError("must be an https address, or http on this very machine")
    return url


def _by_key_pair(algorithm: str) -> str:
    if algorithm not in ALGORITHMS:  # with a shared secret, whoever checks tokens could make them
        raise ValueError(f"must be one of {', '.join(ALGORITHMS)}")
    return algorithm


class OpenIdSettings(BaseModel):
    """One identity provider.

    `issuer` and `audience` are compared as they are with `iss` and `aud`. `roles` says which value
    of the claim `role_claim` gives which role; where somebody has several, the first of `roles`
    that he has. A claim within another one is written with a dot (`realm_access.roles`).
    `manager_claim` holds the panel's number of a case manager, `matters_claim` the sensitive
    matters that somebody may see, a list or words with commas between them; one that is none of
    ours gives nothing. `jwks_url` is told by the issuer's discovery document unless it stands here.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: Annotated[str, AfterValidator(_secure)]
    audience: Annotated[str, Field(min_length=1)]
    roles: Annotated[
        Mapping[str, Literal["case_manager", "supervisor", "analyst", "admin"]],
        Field(min_length=1),
    ]
    role_claim: str = "roles"
    manager_claim: str = "firstcall_manager"
    matters_claim: str = "firstcall_matters"
    algorithms: Annotated[
        tuple[Annotated[str, AfterValidator(_by_key_pair)], ...], Field(min_length=1)
    ] = ("RS256", "ES256")
    leeway_seconds: Annotated[int, Field(ge=0, le=300)] = 60
    jwks_url: Annotated[str, AfterValidator(_secure)] | None = None
    timeout_seconds: Annotated[float, Field(gt=0, le=30)] = TIMEOUT_SECONDS


class OpenId:
    """Checks the tokens of one identity provider. Make one a process: it keeps the keys."""

    def __init__(
        self, settings: OpenIdSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Fetches nothing yet. `clock` counts the seconds for which keys are kept."""
        self.settings = settings
        self._keys = SigningKeys(self._published_keys, clock)
        self._reachable = True

    def principal(self, token: str) -> Principal:
        """Whose token this is; his name is issuer and subject, which nobody else has.

        Raises NotSignedInError where the token is not valid here or gives no role. May fetch keys:
        call it off the event loop.
        """
        claims = self._claims(token)
        role = self._role(claims)
        manager = self._manager(claims) if role == "case_manager" else None
        return Principal(
            f"{self.settings.issuer} {claims['sub']}", role, manager, matters=self._matters(claims)
        )

    def _claims(self, token: str) -> Mapping[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError):
            raise NotSignedInError(_NOT_TAKEN) from None
        algorithm, kid, kind = (header.get(name) for name in ("alg", "kid", "typ"))
        if (
            algorithm not in self.settings.algorithms
            or not isinstance(kid, str)
            or (kind.lower() if isinstance(kind, str) else kind) not in _TYPES
        ):
            raise NotSignedInError(_NOT_TAKEN)
        try:
            key = self._keys.key(kid, algorithm)
        except NoSigningKeyError:
            raise self._without_key() from None
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=self.settings.audience,
                issuer=self.settings.issuer,
                leeway=self.settings.leeway_seconds,
                options={
                    "require": ["exp", "iss", "aud", "sub"],
                    "enforce_minimum_key_length": True,
                },
            )
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
            raise NotSignedInError(_told(error)) from None
        subject = claims["sub"]
        if not subject or len(subject) > 255 or not subject.isprintable():
            raise NotSignedInError(_NOT_TAKEN)
        return claims

    def _without_key(self) -> NotSignedInError:
        if self._reachable:
            return NotSignedInError("The token is signed by a key that nobody here knows.")
        return IssuerUnreachableError(
            "The identity provider does not answer, so that its tokens cannot be checked: try "
            "again in a minute."
        )

    def _published_keys(self) -> object:
        """The JWK Set of the issuer. Raises whatever went wrong."""
        self._reachable = False
        url = self.settings.jwks_url or self._discovered()
        told = _fetched(url, self.settings.timeout_seconds)
        if not isinstance(told["keys"], list):
            raise ValueError("is no JWK Set")
        self._reachable = True
        return told

    def _discovered(self) -> str:
        """Where the issuer says that its keys are. Raises ValueError where that is not to be
        believed: OpenID Connect Discovery 1.0, 4.3."""
        place = self.settings.issuer.rstrip("/") + "/.well-known/openid-configuration"
        told = _fetched(place, self.settings.timeout_seconds)
        if told["issuer"] != self.settings.issuer:
            raise ValueError("is the document of another issuer")
        return _secure(told["jwks_uri"])

    def _role(self, claims: Mapping[str, Any]) -> Any:
        held = _words(_claim(claims, self.settings.role_claim))
        for value, role in self.settings.roles.items():
            if value in held:
                return role
        raise NotSignedInError(
            "The identity provider gives this user no role of this service: ask whoever looks "
            "after the roles there."
        )

    def _manager(self, claims: Mapping[str, Any]) -> int:
        held = _claim(claims, self.settings.manager_claim)
        if isinstance(held, list) and len(held) == 1:  # so some providers send every attribute
            held = held[0]
        if isinstance(held, str) and re.fullmatch(r"[1-9][0-9]{0,8}", held):
            held = int(held)
        if isinstance(held, bool) or not isinstance(held, int) or not 1 <= held < 2**31:
            raise NotSignedInError(
                "The identity provider does not say which panel this case manager has: ask "
                f"whoever looks after the claim {self.settings.manager_claim} there."
            )
        return held

    def _matters(self, claims: Mapping[str, Any]) -> frozenset[str]:
        return _words(_claim(claims, self.settings.matters_claim)).intersection(MATTERS)


def _fetched(url: str, timeout: float) -> Any:
    """The JSON object at an address; PyJWT's client follows no redirect."""
    return jwt.PyJWKClient(url, cache_jwk_set=False, timeout=timeout).fetch_data()


def _claim(claims: Mapping[str, Any], name: str) -> Any:
    """A claim by its name, which may be a path with dots; None where there is none."""
    if name in claims:  # names that are addresses hold dots of their own
        return claims[name]
    first, _, rest = name.partition(".")
    within = claims.get(first)
    return _claim(within, rest) if rest and isinstance(within, dict) else None


def _words(held: Any) -> frozenset[str]:
    """The values of a claim: a list of texts, or one text with commas between them."""
    listed = held.split(",") if isinstance(held, str) else held if isinstance(held, list) else []
    return frozenset(one.strip() for one in listed if isinstance(one, str))


def _told(error: Exception) -> str:
    """What was wrong with a token, in words that repeat nothing of it."""
    match error:
        case jwt.ExpiredSignatureError():
            return "The token has run out: sign in again."
        case jwt.ImmatureSignatureError():
            return (
                "The token is not valid yet: sign in again, and if that does not help, the clocks "
                "of this service and of the identity provider differ."
            )
        case jwt.InvalidIssuerError():
            return "The token is not from the identity provider of this service."
        case jwt.InvalidAudienceError():
            return "The token was made for another service."
        case _:
            return _NOT_TAKEN
