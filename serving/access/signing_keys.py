"""The public keys of whoever signs tokens for us: a JWK Set (RFC 7517) at a URL or in a file.

Keys are kept and fetched anew every quarter of an hour, and once more where a token names a key
that is not among them, because issuers change their keys; never more than once a minute, whatever
is sent to us, and whether or not the fetch succeeds. Where it fails, the keys that are held are
trusted for an hour longer, so that a short outage at the issuer locks nobody out.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt

ALGORITHMS = (
    "ES384", "RS384", "ES256", "ES512", "RS256", "RS512", "PS256", "PS384", "PS512", "EdDSA",
)  # fmt: skip
"""Signatures that are accepted: with a key pair. Neither `none` nor a shared secret (HS…)."""
_KEY_TYPE = {"ES": "EC", "RS": "RSA", "PS": "RSA", "Ed": "OKP"}
_CURVE = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "EdDSA": "Ed25519"}
FEWEST_RSA_BITS = 2048

FRESH_SECONDS = 15 * 60
TRUSTED_SECONDS = FRESH_SECONDS + 60 * 60
BETWEEN_FETCHES = 60
TIMEOUT_SECONDS = 5
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class NoSigningKeyError(Exception):
    """There is no key to check a signature with. Its text holds nothing of the token."""


def is_secure_url(url: str) -> bool:
    """Whether a URL is https with a host, or http on this very machine.

    >>> is_secure_url("https://ehr.example/jwks"), is_secure_url("http://ehr.example/jwks")
    (True, False)
    >>> is_secure_url("http://127.0.0.1:8080/jwks"), is_secure_url("file:///etc/passwd")
    (True, False)
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    if not host or parts.username is not None:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)


class SigningKeys:
    """The keys of one issuer, safe with several threads.

    `fetch` returns the JWK Set as it was sent, and may raise what it likes; `now` is a clock in
    seconds that only runs forward.
    """

    def __init__(
        self, fetch: Callable[[], object], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch, self._now = fetch, now
        self._keys: Mapping[str, Sequence[Mapping[str, Any]]] = {}
        self._fetched_at = self._tried_at = -float("inf")
        self._lock = threading.Lock()

    @classmethod
    def at_url(cls, url: str, now: Callable[[], float] = time.monotonic) -> SigningKeys:
        """Of a JWK Set at a URL, which is https but on this very machine; redirects are not
        followed. Raises ValueError where it is not."""
        if not is_secure_url(url):
            raise ValueError("is not https")
        client = jwt.PyJWKClient(url, cache_jwk_set=False, timeout=TIMEOUT_SECONDS)
        return cls(client.fetch_data, now)

    @classmethod
    def in_file(cls, path: Path, now: Callable[[], float] = time.monotonic) -> SigningKeys:
        """Of a JWK Set in a file, which is read anew as a URL is asked anew."""
        return cls(lambda: json.loads(path.read_text(encoding="utf-8")), now)

    def key(self, kid: str, algorithm: str) -> jwt.PyJWK:
        """The key of this name, bound to this algorithm and to no other.

        Raises NoSigningKeyError where there is none, it was made for another algorithm, or the
        issuer's keys could not be had.
        """
        if algorithm not in ALGORITHMS:
            raise NoSigningKeyError("the signature's algorithm is not accepted")
        named = self._named(kid)
        if not named:
            raise NoSigningKeyError("the key is not among the issuer's")
        fitting = [key for key in named if _fits(key, algorithm)]
        if not fitting:
            raise NoSigningKeyError("the key was made for another algorithm")
        return _bound(fitting[0], algorithm)

    def _named(self, kid: str) -> Sequence[Mapping[str, Any]]:
        now = self._now()
        if kid in self._keys and now - self._fetched_at < FRESH_SECONDS:
            return self._keys[kid]
        usable = kid in self._keys and now - self._fetched_at < TRUSTED_SECONDS
        if self._lock.acquire(blocking=not usable):  # nobody waits for news of a key that is held
            try:
                self._look_again(kid)
            finally:
                self._lock.release()
        if self._now() - self._fetched_at >= TRUSTED_SECONDS:
            raise NoSigningKeyError("the issuer's keys could not be had")
        return self._keys.get(kid, ())

    def _look_again(self, kid: str) -> None:
        now = self._now()
        stale = now - self._fetched_at >= FRESH_SECONDS
        if (stale or kid not in self._keys) and now - self._tried_at >= BETWEEN_FETCHES:
            self._tried_at = now
            self._refresh(now)

    def _refresh(self, now: float) -> None:
        try:
            held = _by_name(self._fetch())
        except Exception:  # whatever an issuer sends or fails to send, the keys held stay
            return
        self._keys, self._fetched_at = held, now


def _by_name(sent: object) -> dict[str, list[Mapping[str, Any]]]:
    """The public keys of a JWK Set that check signatures, by name; one that was published with its
    private part is nobody's alone any more, and is left out. Raises ValueError where it is none."""
    keys = sent.get("keys") if isinstance(sent, Mapping) else None
    if not isinstance(keys, list):
        raise ValueError("is no JWK Set")
    found: dict[str, list[Mapping[str, Any]]] = {}
    for key in keys:
        if not isinstance(key, Mapping) or key.get("use", "sig") != "sig" or "d" in key:
            continue
        kid, uses = key.get("kid"), key.get("key_ops", ["verify"])
        if isinstance(kid, str) and kid and isinstance(uses, list) and "verify" in uses:
            found.setdefault(kid, []).append(key)
    return found


def _fits(key: Mapping[str, Any], algorithm: str) -> bool:
    """Whether a key is of the kind that makes signatures of an algorithm."""
    curve = key.get("crv")
    return (
        key.get("alg", algorithm) == algorithm
        and key.get("kty") == _KEY_TYPE[algorithm[:2]]
        and curve == _CURVE.get(algorithm, curve)
    )


def _bound(told: Mapping[str, Any], algorithm: str) -> jwt.PyJWK:
    try:
        key = jwt.PyJWK(dict(told), algorithm)
    except (jwt.PyJWTError, TypeError, ValueError, LookupError, AttributeError):
        raise NoSigningKeyError("the key cannot be read") from None
    if key.key_type == "RSA" and key.key.key_size < FEWEST_RSA_BITS:
        raise NoSigningKeyError("the key is too short")
    return key
