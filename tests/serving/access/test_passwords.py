"""What may be a password, and what is kept of it."""

from __future__ import annotations

import threading

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from data.errors import InputError
from serving.access import passwords
from serving.access.passwords import (
    BusyError,
    PasswordHashing,
    check_password,
    generated_password,
)

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)

# password, what is said against it ("": nothing)
RULES = [
    ("elevenchars",                 "too short"),
    ("twelve chars",                ""),                 # 12; no digit, no capital is asked for
    ("ääääöööößßßü",                ""),                 # 12 characters, 24 bytes
    (" " * 12,                      "tried first"),      # one character over and over
    ("ababababababab",              "tried first"),      # two
    ("aaabbbccc123",                ""),
    ("Password1234",                "tried first"),      # "password" and digits after it
    ("Firstcall 2026!",             "tried first"),
    ("firstcall for ever",          ""),
    ("correct horse battery staple", "tried first"),
    ("123456789012",                "tried first"),
    ("ann.lee@clinic.example",      "name"),             # it is the account's
    ("Ann.Lee@clinic.example 2026", "name"),
    ("x7 " * 333 + "y",             ""),                 # 999 + 1 characters
    ("x7 " * 333 + "yz",            "too long"),         # 999 + 2
    ("lone surrogate \ud800",       "no text"),
]  # fmt: skip


@pytest.mark.parametrize(("password", "against"), RULES, ids=range(len(RULES)))
def test_length_is_asked_for_and_little_else(password, against):
    if not against:
        check_password(password, "ann.lee@clinic.example")
        return
    with pytest.raises(InputError, match=against) as refused:
        check_password(password, "ann.lee@clinic.example")
    assert password.strip() == "" or password not in str(refused.value)


def test_generated_passwords_may_be_used_and_differ():
    made = {generated_password() for _ in range(1000)}
    assert len(made) == 1000
    for one in made:
        check_password(one, "ann")
    assert {len(one) for one in made} == {29}  # 25 characters and 4 hyphens


@given(st.text(max_size=30), st.text(max_size=30))
def test_a_hash_matches_its_password_and_no_other(password, other):
    hashing = PasswordHashing(CHEAP)
    try:
        kept = hashing.hashed(password)
    except InputError:
        password.encode(errors="surrogatepass")
        with pytest.raises(UnicodeEncodeError):
            password.encode()
        return
    assert password == "" or password not in kept or len(password) < 4
    assert hashing.matches(kept, password)
    assert hashing.matches(kept, other) == _same(password, other)
    assert not hashing.matches(None, password)


def _same(one: str, other: str) -> bool:
    from unicodedata import normalize

    return normalize("NFC", one) == normalize("NFC", other)


def test_a_password_typed_in_parts_is_the_same():
    hashing = PasswordHashing(CHEAP)
    assert hashing.matches(hashing.hashed("M\u00fcnchen im Mai"), "Mu\u0308nchen im Mai")


def test_nothing_matches_what_is_no_hash_or_too_long():
    hashing = PasswordHashing(CHEAP)
    assert not hashing.matches("rubbish", "three plain words")
    kept = hashing.hashed("x" * 1001)
    assert not hashing.matches(kept, "x" * 1001)


def test_the_hash_is_argon2id_with_the_parameters_in_use_and_is_renewed_with_them(monkeypatch):
    monkeypatch.setattr(passwords, "PasswordHasher", PasswordHasher)  # that of real use again
    kept = PasswordHashing().hashed("three plain words")
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert not PasswordHashing().outdated(kept)
    assert PasswordHashing(CHEAP).outdated(kept)


def test_more_than_may_wait_are_refused_at_once_and_places_come_back():
    hashing = PasswordHashing(CHEAP, at_once=1, waiting=1)
    taken, leave = threading.Barrier(3), threading.Event()

    def hold():
        with hashing.place():
            taken.wait()
            leave.wait()

    holders = [threading.Thread(target=hold) for _ in range(2)]
    for one in holders:
        one.start()
    taken.wait()
    with pytest.raises(BusyError, match="try again"), hashing.place():
        pass
    leave.set()
    for one in holders:
        one.join()
    with hashing.place():
        pass
