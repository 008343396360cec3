"""The small identity provider with the authorisation code flow: people sign in there."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.serving.access.identity_provider import Provider, published

CLIENT = "firstcall-pages"
SECRET = "planted secret: 4711/%&"


class CodeProvider(Provider):
    """Whoever is led to /authorize is led on to another host of the provider, as where one provider
    leads to another, and signs in there by a link. `changed` are claims of the next ID token that
    are otherwise than they should be, `signed` how its signature is; with `error` it refuses
    everybody; a public client where `secret` is None."""

    def __init__(self, back: str) -> None:
        super().__init__([published("one")], "localhost")
        self.back = back
        self.made_right()
        self._begun: dict[str, Mapping[str, str]] = {}
        self.codes: list[str] = []
        self.tokens: list[str] = []

    def made_right(self) -> None:
        """Forgets whatever was otherwise."""
        self.secret: str | None = None
        self.methods = ["client_secret_basic", "client_secret_post"]
        self.changed: dict[str, Any] = {}
        self.signed: dict[str, Any] = {}
        self.error: str | None = None
        self.documents = {}

    @property
    def other_host(self) -> str:
        """The same by another name, so that browsers take it for another site."""
        return self.issuer.replace("localhost", "127.0.0.1")

    def document(self, path: str) -> Any:
        place = urlsplit(path)
        asked = {name: held[0] for name, held in parse_qs(place.query).items()}
        match place.path:
            case _ if path in self.documents:
                return self.documents[path]
            case "/.well-known/openid-configuration":
                return {
                    "issuer": self.issuer,
                    "jwks_uri": f"{self.issuer}/keys",
                    "authorization_endpoint": f"{self.issuer}/authorize?realm=one",
                    "token_endpoint": f"{self.issuer}/token",
                    "token_endpoint_auth_methods_supported": self.methods,
                }
            case "/authorize":
                assert asked["client_id"] == CLIENT
                assert asked["redirect_uri"] == self.back
                assert (asked["response_type"], asked["scope"]) == ("code", "openid roles")
                assert (asked["realm"], asked["code_challenge_method"]) == ("one", "S256")
                return f"{self.other_host}/login?{place.query}"
            case "/login":
                on = f'<a href="/done?{place.query.replace("&", "&amp;")}">Go on as u-4711</a>'
                return f"<!doctype html><title>Sign in</title>{on}".encode()
            case "/done":
                return self._led_back(asked)
        return super().document(path)

    def _led_back(self, asked: Mapping[str, str]) -> str:
        if self.error is not None:
            return f"{self.back}?{urlencode({'error': self.error, 'state': asked['state']})}"
        code = f"planted-code-{secrets.token_hex(8)}"
        self._begun[code] = asked
        self.codes.append(code)
        told = {"code": code, "state": asked["state"], "iss": self.issuer}
        return f"{self.back}?{urlencode(told)}"

    def answered(self, path: str, sent: str, shown: str | None) -> tuple[int, Any]:
        form = {name: held[0] for name, held in parse_qs(sent).items()}
        if not self._knows(form, shown):
            return 401, {"error": "invalid_client"}
        begun = self._begun.pop(form["code"], None)  # a code is good for once
        proof = hashlib.sha256(form["code_verifier"].encode()).digest()
        proved = base64.urlsafe_b64encode(proof).decode().rstrip("=")
        if (
            begun is None
            or (form["grant_type"], form["redirect_uri"]) != ("authorization_code", self.back)
            or begun["code_challenge"] != proved
        ):
            return 400, {"error": "invalid_grant", "error_description": "planted-description"}
        claims = {"aud": CLIENT, "nonce": begun["nonce"], "sub": "planted-subject"} | self.changed
        self.tokens.append(self.token(**self.signed, **claims))
        return 200, {"id_token": self.tokens[-1], "access_token": "planted", "token_type": "Bearer"}

    def _knows(self, form: Mapping[str, str], shown: str | None) -> bool:
        if self.secret is None:
            return form.get("client_id") == CLIENT and shown is None
        if "client_secret_basic" not in self.methods:
            return (form.get("client_id"), form.get("client_secret")) == (CLIENT, self.secret)
        encoded = (shown or "").removeprefix("Basic ")
        name, _, secret = base64.b64decode(encoded).decode().partition(":")
        pair = parse_qs(f"n={name}&s={secret}")
        return pair == {"n": [CLIENT], "s": [self.secret]} and "client_secret" not in form
