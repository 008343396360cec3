"""Opaque tokens: 256 random bits behind a prefix, of which the database holds the SHA-256 alone.

Guessing one is out of the question, so a fast hash without salt is enough, and it can be looked up
by an index. The prefix lets a scanner of secrets find one that was left in a file.
"""

from __future__ import annotations

import hashlib
import secrets

SESSION = "fcs_"
PROVIDER_SESSION = SESSION + "p."
"""Of a session that the identity provider vouched for; no other one begins so, for none of the
random characters is a dot."""
SERVICE = "fct_"


def minted(prefix: str) -> tuple[str, str]:
    """A new token and its digest. Show the token once, keep the digest."""
    token = prefix + secrets.token_urlsafe(32)
    return token, digest(token)


def digest(token: str) -> str:
    """What the database holds of a token; for text that is none, of nothing that was minted."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
