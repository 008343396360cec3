"""Passwords: what may be one, and its argon2id hash. A password is never kept, logged or repeated.

Rules after NIST SP 800-63B: length alone, no mixture of characters is asked for, nothing runs out;
refused are the name and the commonest ones. Twelve characters lie between the 8 of its revision 3
and the 15 of revision 4 where a password is all that is shown; five wrong ones in a row lock the
account (`serving.access.sign_in`).
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from unicodedata import normalize

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from data.errors import InputError, RefusalError

SHORTEST, LONGEST = 12, 1000
_FEWEST_DIFFERENT = 4

_COMMON = frozenset((
    "0123456789", "abc", "abcd", "abcdefghijkl", "admin", "administrator", "asdfghjkl",
    "asdfghjklqwertyuiop", "baseball", "basketball", "changeme", "changemechangeme",
    "correct horse battery staple", "correcthorsebatterystaple", "firstcall", "football",
    "iloveyou", "letmein", "letmeinletmein", "liverpool", "manchester", "michelle", "monkey",
    "p@ssw0rd", "p@ssword", "pa$$word", "passw0rd", "password", "passwordpassword", "princess",
    "qwerty", "qwertyqwerty", "qwertyuiop", "qwertyuiop[]", "qwertyuiopasdfghjkl", "secret",
    "starwars", "summer", "sunshine", "superman", "trustno", "unbelievable", "user", "welcome",
    "winter", "1q2w3e4r5t6y", "1qaz2wsx3edc", "1qazxsw23edc", "zaq12wsxcde3", "q1w2e3r4t5y6",
    "123qweasdzxc", "qweasdzxc123", "1qaz@wsx3edc", "123456789abc", "12345qwertyuiop",
    "123456qwerty", "qwe123qwe123", "abc123abc123", "123123123123", "123456123456",
    "112233445566", "987654321098", "123456789012", "1234567890123", "12345678910", "1234567890",
    "12345678901234567890",
))  # fmt: skip
"""The commonest ones, in lower case; also with digits and signs put after them."""


class BusyError(RefusalError):
    """More people sign in at this moment than the service hashes for at once."""


def _bytes(password: str) -> bytes | None:
    """What is hashed: UTF-8 of the composed form (NFC), so that ü typed on another keyboard is the
    same ü. None where it is no text."""
    try:
        return normalize("NFC", password).encode()
    except UnicodeEncodeError:
        return None


def check_password(password: str, name: str) -> None:
    """Raises InputError where this may not be the password of the account `name`: "The password is
    too short: take at least 12 characters; a few words will do."."""
    if _bytes(password) is None:
        raise InputError("The password holds something that is no text: type another one.")
    if len(password) < SHORTEST:
        raise InputError(
            f"The password is too short: take at least {SHORTEST} characters; a few words will do."
        )
    if len(password) > LONGEST:
        raise InputError(f"The password is too long: take at most {LONGEST:,} characters.")
    folded = password.casefold().strip()
    bare = folded.rstrip(string.digits + string.punctuation + " ")
    if len(set(folded)) < _FEWEST_DIFFERENT or {folded, bare} & _COMMON:
        raise InputError("The password is one of those that are tried first: take another one.")
    if name in (folded, bare):
        raise InputError("The password is the name of the account: take another one.")


def generated_password() -> str:
    """A password that nobody chose: 120 random bits, in five groups of five."""
    letters = string.ascii_lowercase.replace("l", "").replace("o", "") + "23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(5))


class PasswordHashing:
    """argon2id with the defaults of argon2-cffi (RFC 9106, low memory: 64 MiB each).

    At most `at_once` of them run in this process and `waiting` more may wait: who comes on top is
    refused at once, so that signing in takes neither all memory nor all threads.
    """

    def __init__(
        self, argon2: PasswordHasher | None = None, at_once: int = 2, waiting: int = 8
    ) -> None:
        self._argon2 = argon2 or PasswordHasher()
        self._running = BoundedSemaphore(at_once)
        self._places = BoundedSemaphore(at_once + waiting)
        self._nobodys = self._argon2.hash(secrets.token_bytes(16))

    @contextmanager
    def place(self) -> Iterator[None]:
        """Holds a place among those who may hash. Raises BusyError where all are taken."""
        if not self._places.acquire(blocking=False):
            raise BusyError("Many people sign in at this moment: try again in a few seconds.")
        try:
            yield
        finally:
            self._places.release()

    def hashed(self, password: str) -> str:
        """The hash, its salt and parameters in it. Raises InputError where it is no text."""
        plain = _bytes(password)
        if plain is None:
            raise InputError("The password holds something that is no text: type another one.")
        with self._running:
            return self._argon2.hash(plain)

    def matches(self, kept: str | None, password: str) -> bool:
        """Whether this is the password. None for `kept`, and what is no password at all, cost the
        same work and match nothing, so that time does not tell which names there are."""
        plain = _bytes(password) if len(password) <= LONGEST else None
        with self._running:
            try:
                self._argon2.verify(kept or self._nobodys, plain or b"")
            except (VerificationError, InvalidHashError):
                return False
        return kept is not None and plain is not None

    def outdated(self, kept: str) -> bool:
        """Whether a hash was made with other parameters than are in use now."""
        return self._argon2.check_needs_rehash(kept)
