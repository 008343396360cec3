"""An EHR's keys and tokens, and the address at which its keys are published."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

ISSUER = "https://ehr.example/"
ADDRESS = "https://cds.example/cds-services/firstcall-patient-view"

_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
KEYS: dict[str, Any] = {
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "RS384": _RSA,
    "RS256": _RSA,
    "PS384": _RSA,
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}
SHORT_RSA = rsa.generate_private_key(public_exponent=65537, key_size=1024)


def jwk(key: Any, kid: str, **more: Any) -> dict[str, Any]:
    """The public part of a key, as it is published."""
    public = key.public_key()
    if isinstance(key, rsa.RSAPrivateKey):
        told = RSAAlgorithm.to_jwk(public, as_dict=True)
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        told = ECAlgorithm.to_jwk(public, as_dict=True)
    else:
        told = OKPAlgorithm.to_jwk(public, as_dict=True)
    return {name: value for name, value in told.items() if name != "key_ops"} | {
        "kid": kid,
        "use": "sig",
        **more,
    }


def token(
    algorithm: str = "ES384",
    key: Any = None,
    header: dict[str, Any] | None = None,
    **claims: Any,
) -> str:
    """A token as an EHR makes it; a claim or header of None is left out."""
    now = int(time.time())
    told = {
        "iss": ISSUER, "aud": ADDRESS, "iat": now, "exp": now + 240, "jti": str(uuid4()),
    } | claims  # fmt: skip
    heads = {"kid": algorithm, "typ": "JWT"} | (header or {})
    return jwt.encode(
        {name: value for name, value in told.items() if value is not None},
        KEYS[algorithm] if key is None else key,
        algorithm,
        # PyJWT itself leaves out a `typ` of None, and writes one where it is not told
        headers={k: v for k, v in heads.items() if v is not None or k == "typ"},
    )


class Published:
    """A JWK Set at an address: what is answered, and how often it was asked for."""

    def __init__(self) -> None:
        self.keys = [jwk(key, algorithm) for algorithm, key in KEYS.items()]
        self.answer: bytes | None = None
        self.status = 200
        self.asked = 0
        self.location: str | None = None
        self.url = ""

    def body(self) -> bytes:
        return self.answer if self.answer is not None else json.dumps({"keys": self.keys}).encode()


@contextmanager
def published() -> Iterator[Published]:
    """A real server on this machine that publishes keys."""
    told = Published()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked += 1
            self.send_response(told.status)
            if told.location is not None:
                self.send_header("Location", told.location)
            body = told.body()
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_address[1]}/jwks"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
