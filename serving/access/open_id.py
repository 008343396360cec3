"""OpenID Connect: who holds a signed token (JWT) of the site's identity provider, and his role.

Any issuer, by configuration: Keycloak, Entra ID, Okta, an EHR's own. The token is an access token
(RFC 9068) or an ID token; checked are its signature by a key that the issuer publishes, issuer,
audience and times (RFC 7519, RFC 8725). Where a token says that its key is to be had (jku, x5u,
jwk, x5c) is never looked at. Nothing of a token stands in an error or a log.
"""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, Self

import jwt
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from serving.access.roles import MATTERS, NotSignedInError, Principal
from serving.access.signing_keys import (
    ALGORITHMS,
    TIMEOUT_SECONDS,
    NoSigningKeyError,
    SigningKeys,
    is_secure_url,
)
from serving.access.time_zones import time_zone

_TYPES = (None, "jwt", "at+jwt", "application/at+jwt")
_ID_TOKEN_TYPES = (None, "jwt")
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
    ours gives nothing. The standard claim `zoneinfo`, where it names a time zone, is the one in
    which somebody reads times.
    `jwks_url` is told by the issuer's discovery document unless it stands here.
    `client_id` is what the provider calls this service: with it people sign in there from the page,
    by ID tokens that hold the same claims. Then `client_secret_file` is a path from the home (none:
    a public client, by PKCE alone), and `scopes` are asked for.
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
    client_id: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    client_secret_file: Annotated[str, Field(min_length=1)] | None = None
    scopes: tuple[Annotated[str, Field(pattern=r"^[!#-\[\]-~]+$")], ...] = ("openid",)

    @model_validator(mode="after")
    def _of_the_page(self) -> Self:
        if self.client_secret_file and not self.client_id:
            raise ValueError("client_secret_file is of no use without client_id")
        if "openid" not in self.scopes:
            raise ValueError("scopes must hold openid: without it there is no ID token")
        return self


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
        return self._as_principal(self._claims(token, self.settings.audience, _TYPES))

    def principal_of_id_token(self, token: str, nonce: str) -> Principal:
        """The same of an ID token that was made for `client_id` and for the sign-in with this
        nonce: OpenID Connect Core 1.0, 3.1.3.7."""
        client = self.settings.client_id
        if client is None:
            raise NotSignedInError(_NOT_TAKEN)
        claims = self._claims(token, client, _ID_TOKEN_TYPES, ("iat", "nonce"))
        held, audience = claims["nonce"], claims["aud"]
        if not isinstance(held, str) or not hmac.compare_digest(_bytes(held), _bytes(nonce)):
            raise NotSignedInError("The token was made for another sign-in: begin again.")
        several = isinstance(audience, list) and len(audience) > 1
        if claims.get("azp", None if several else client) != client:
            raise NotSignedInError("The token was made for another service.")
        return self._as_principal(claims)

    def _as_principal(self, claims: Mapping[str, Any]) -> Principal:
        role = self._role(claims)
        manager = self._manager(claims) if role == "case_manager" else None
        return Principal(
            f"{self.settings.issuer} {claims['sub']}", role, manager,
            matters=self._matters(claims), called=_called(claims),
            zone=time_zone(claims.get("zoneinfo")),  # OpenID Connect Core 1.0, 5.1
        )  # fmt: skip

    def _claims(
        self,
        token: str,
        audience: str,
        types: Sequence[str | None],
        required: Sequence[str] = (),
    ) -> Mapping[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError):
            raise NotSignedInError(_NOT_TAKEN) from None
        algorithm, kid, kind = (header.get(name) for name in ("alg", "kid", "typ"))
        if (
            algorithm not in self.settings.algorithms
            or not isinstance(kid, str)
            or (kind.lower() if isinstance(kind, str) else kind) not in types
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
                audience=audience,
                issuer=self.settings.issuer,
                leeway=self.settings.leeway_seconds,
                options={
                    "require": ["exp", "iss", "aud", "sub", *required],
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
        url = self.settings.jwks_url or _secure(discovered(self.settings)["jwks_uri"])
        told = _fetched(url, self.settings.timeout_seconds)
        if not isinstance(told["keys"], list):
            raise ValueError("is no JWK Set")
        self._reachable = True
        return told

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


def _bytes(text: str) -> bytes:
    """A text as bytes, whatever JSON can hold: half a surrogate pair too."""
    return text.encode(errors="surrogatepass")


def _called(claims: Mapping[str, Any]) -> str | None:
    """The name that a person reads (OpenID Connect Core 1.0, 5.1)."""
    for name in ("name", "preferred_username"):
        held = claims.get(name)
        if isinstance(held, str) and held.isprintable() and 0 < len(held.strip()) <= 200:
            return held.strip()
    return None


def discovered(settings: OpenIdSettings) -> Mapping[str, Any]:
    """What the issuer tells of itself (OpenID Connect Discovery 1.0, 4). Raises ValueError where
    that is not to be believed, and whatever went wrong on the way."""
    place = settings.issuer.rstrip("/") + "/.well-known/openid-configuration"
    told = _fetched(place, settings.timeout_seconds)
    if not isinstance(told, dict) or told.get("issuer") != settings.issuer:
        raise ValueError("is the document of another issuer")
    return told


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
