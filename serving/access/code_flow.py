"""Signing in at the site's identity provider: the authorisation code flow (OpenID Connect Core 1.0,
3.1) with PKCE (RFC 7636, S256).

The browser carries a code from the provider to us, and nothing else; we change it for an ID token,
by a secret of this service or, where it has none, by the proof that we began this sign-in alone.
Neither code nor token nor what the provider answers stands in an error or a log.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, urlencode

from pydantic import SecretStr

from data.errors import InputError
from serving.access.open_id import IssuerUnreachableError, OpenId, discovered
from serving.access.roles import NotSignedInError, Principal
from serving.access.signing_keys import FRESH_SECONDS, TRUSTED_SECONDS, is_secure_url

_LOGGER = logging.getLogger("firstcall.service")
_LARGEST_ANSWER = 2**20
_LONGEST_CODE = 4096
_BETWEEN_TRIES = 5
_ERRORS = (
    "invalid_client", "invalid_grant", "invalid_request", "invalid_scope", "unauthorized_client",
    "unsupported_grant_type",
)  # fmt: skip
"""What a token endpoint says of a request that it refuses (RFC 6749, 5.2)."""
_UNREACHABLE = (
    "The identity provider does not answer as it should: try again in a minute, or sign in with an "
    "account of this service."
)
_NOT_CHANGED = (
    "The identity provider did not confirm this sign-in: begin again, and if that does not help, "
    "ask whoever looks after this service."
)


class CodeFlow:
    """The way to one identity provider and back. Make one a process: it keeps what the provider
    tells of itself for a quarter of an hour, and for an hour longer where it does not answer.

    `back` is where the provider leads to afterwards, as it is registered there.
    """

    def __init__(
        self,
        open_id: OpenId,
        client_id: str,
        back: str,
        secret: SecretStr | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open_id, self._settings = open_id, open_id.settings
        self._client, self.back, self._secret = client_id, back, secret
        self._clock = clock
        self._told: Mapping[str, Any] = {}
        self._told_at = self._tried_at = -float("inf")
        self._lock = threading.Lock()

    @property
    def issuer(self) -> str:
        return self._settings.issuer

    def address(self, state: str, nonce: str, verifier: str) -> str:
        """Where somebody signs in. Raises IssuerUnreachableError. May ask the provider: call it off
        the event loop."""
        place = self._endpoint("authorization_endpoint")
        asked = {
            "response_type": "code",
            "client_id": self._client,
            "redirect_uri": self.back,
            "scope": " ".join(self._settings.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge(verifier),
            "code_challenge_method": "S256",
        }
        return f"{place}{'&' if '?' in place else '?'}{urlencode(asked)}"

    def principal(self, code: str, nonce: str, verifier: str) -> Principal:
        """Who signed in, by the code that his browser brought: role, panel and matters as those of
        a bearer token, from the ID token's claims.

        Raises NotSignedInError, in a sentence that repeats nothing of code or token, and
        IssuerUnreachableError. Asks the provider: call it off the event loop.
        """
        if not 0 < len(code) <= _LONGEST_CODE:
            raise NotSignedInError(_NOT_CHANGED)
        token = self._changed(code, verifier).get("id_token")
        if not isinstance(token, str):
            _LOGGER.error("The identity provider's token endpoint answered without an ID token.")
            raise NotSignedInError(_NOT_CHANGED)
        return self._open_id.principal_of_id_token(token, nonce)

    def _changed(self, code: str, verifier: str) -> Mapping[str, Any]:
        """What the token endpoint answers to a code."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.back,
            "code_verifier": verifier,
        }
        place = self._endpoint("token_endpoint")
        try:
            status, answer = self._posted(place, *self._with_client(form))
        except Exception:  # its text may hold what was sent
            _LOGGER.error("The identity provider's token endpoint does not answer as it should.")
            raise IssuerUnreachableError(_UNREACHABLE) from None
        if status == 200:
            return answer
        said = answer.get("error")
        known = said if said in _ERRORS else "nothing that we know"
        _LOGGER.warning("The token endpoint refused a code (status %d, error: %s).", status, known)
        if status >= 500:
            raise IssuerUnreachableError(_UNREACHABLE)
        raise NotSignedInError(_NOT_CHANGED)

    def _with_client(self, form: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
        """The form and the headers by which the provider knows this service (RFC 6749, 2.3.1)."""
        if self._secret is None:
            return form | {"client_id": self._client}, {}
        secret = self._secret.get_secret_value()
        taken = self._document().get("token_endpoint_auth_methods_supported")
        if isinstance(taken, list) and "client_secret_basic" not in taken:
            return form | {"client_id": self._client, "client_secret": secret}, {}
        pair = f"{quote_plus(self._client)}:{quote_plus(secret)}"
        encoded = base64.b64encode(pair.encode()).decode()
        return form, {"authorization": f"Basic {encoded}"}

    def _posted(
        self, place: str, form: Mapping[str, str], headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, Any]]:
        """Status and JSON object that an address answers to a form; no redirect is followed. Raises
        whatever went wrong."""
        import httpx

        patience = self._settings.timeout_seconds
        until, read = self._clock() + 2 * patience, bytearray()
        with (
            httpx.Client(timeout=patience, follow_redirects=False) as http,
            http.stream(
                "POST", place, data=form, headers={"accept": "application/json", **headers}
            ) as answer,
        ):
            for part in answer.iter_bytes():
                read += part
                if len(read) > _LARGEST_ANSWER or self._clock() > until:
                    raise ValueError("too long an answer")
        told = json.loads(read)
        if not isinstance(told, dict):
            raise ValueError("is no object")
        return answer.status_code, told

    def _endpoint(self, name: str) -> str:
        place = self._document().get(name)
        if not isinstance(place, str) or not is_secure_url(place) or "#" in place:
            _LOGGER.error("The identity provider tells no https address as its %s.", name)
            raise IssuerUnreachableError(_UNREACHABLE)
        return place

    def _document(self) -> Mapping[str, Any]:
        """What the provider tells of itself. Several who ask at once share one try."""
        with self._lock:
            now = self._clock()
            old = now - self._told_at >= FRESH_SECONDS
            if old and now - self._tried_at >= _BETWEEN_TRIES:
                try:
                    self._told = discovered(self._settings)
                    self._told_at = now
                except Exception:  # whatever it sends or fails to send
                    self._tried_at = self._clock()
                    _LOGGER.error("The identity provider does not tell of itself as it should.")
            if self._clock() - self._told_at >= TRUSTED_SECONDS:
                raise IssuerUnreachableError(_UNREACHABLE)
            return self._told


def challenge(verifier: str) -> str:
    """What is shown of a proof before it is asked for.

    >>> challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'
    """
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def secret_in(file: Path) -> SecretStr:
    """The secret that a file holds as its one line. Raises InputError where it holds none."""
    try:
        held = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        held = ""
    if not held or not held.isprintable():
        raise InputError(
            "The file that open_id.client_secret_file names cannot be read, or is no secret."
        )
    return SecretStr(held)
