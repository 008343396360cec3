"""A small identity provider: it publishes keys on this machine and signs tokens."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from serving.access.open_id import OpenId, OpenIdSettings
from serving.access.roles import NotSignedInError

AUDIENCE = "firstcall"
ROLES = {"fc-admin": "admin", "fc-supervisor": "supervisor", "fc-nurse": "case_manager"}
UNKNOWN_KEY = "The token is signed by a key that nobody here knows."


@cache
def private_key(kind: str, number: int = 0) -> Any:
    """A key pair: the same for the same kind and number, as long as the process lives."""
    match kind:
        case "RSA":
            return rsa.generate_private_key(65537, 2048)
        case "short RSA":
            return rsa.generate_private_key(65537, 1024)
        case "P-256":
            return ec.generate_private_key(ec.SECP256R1())
        case _:
            return ed25519.Ed25519PrivateKey.generate()


def published(kid: str, kind: str = "RSA", number: int = 0, **members: object) -> dict[str, Any]:
    """The public half of a key as a JWK Set holds it."""
    public = private_key(kind, number).public_key()
    algorithm = {"P-256": ECAlgorithm, "Ed25519": OKPAlgorithm}.get(kind, RSAAlgorithm)
    return {**algorithm.to_jwk(public, as_dict=True), "kid": kid, "use": "sig", **members}


class Provider:
    """Its address is `issuer`; `keys` may be changed, `documents` replaced, `stop` brings it down.
    `asked` lists the paths that were asked for."""

    def __init__(self, keys: list[dict[str, Any]], host: str = "127.0.0.1") -> None:
        self.keys = keys
        self.asked: list[str] = []
        self.documents: dict[str, Any] = {}
        self._host = host
        self._start(0)
        self.issuer = f"http://{host}:{self._port}"

    def _start(self, port: int) -> None:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked.append(self.path)
                answer = provider.document(self.path)
                if isinstance(answer, str):  # a redirect
                    self.send_response(302)
                    self.send_header("Location", answer)
                    self.end_headers()
                    return
                body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(404 if answer is None else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                provider.asked.append(self.path)
                sent = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
                shown = self.headers.get("authorization")
                status, answer = provider.answered(self.path, sent, shown)
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer((self._host, port), Handler)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def document(self, path: str) -> Any:
        if path in self.documents:
            return self.documents[path]
        if path == "/.well-known/openid-configuration":
            return {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys"}
        return {"keys": self.keys} if path == "/keys" else None

    def answered(self, path: str, sent: str, shown: str | None) -> tuple[int, Any]:
        """Status and answer to a form; `shown` is the header Authorization."""
        return 404, None

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def start_again(self) -> None:
        self._start(self._port)

    def claims(self, **changed: object) -> dict[str, Any]:
        """Those of a valid token; a claim that is changed to None is left out."""
        now = int(time.time())
        held = {
            "iss": self.issuer, "aud": AUDIENCE, "sub": "u-4711", "iat": now, "nbf": now,
            "exp": now + 300, "roles": ["fc-supervisor"],
        } | changed  # fmt: skip
        return {name: value for name, value in held.items() if value is not None}

    def token(
        self,
        kid: str | None = "one",
        kind: str = "RSA",
        algorithm: str = "RS256",
        number: int = 0,
        header: dict[str, Any] | None = None,
        **changed: object,
    ) -> str:
        """A token with these claims, signed by a key of ours under the id `kid`."""
        headers = ({"kid": kid} if kid is not None else {}) | (header or {})
        key = private_key(kind, number)
        return jwt.encode(self.claims(**changed), key, algorithm, headers)


def checks(
    provider: Provider, clock: Callable[[], float] = time.monotonic, **changed: object
) -> OpenId:
    """What checks the provider's tokens."""
    held = {"issuer": provider.issuer, "audience": AUDIENCE, "roles": ROLES} | changed
    return OpenId(OpenIdSettings.model_validate(held), clock)


def refusal(open_id: OpenId, token: str) -> str:
    """What is said of a token that is not taken, which repeats nothing of it."""
    with pytest.raises(NotSignedInError) as refused:
        open_id.principal(token)
    assert not any(part in str(refused.value) for part in token.split(".") if part)
    assert refused.value.__cause__ is None
    return str(refused.value)
