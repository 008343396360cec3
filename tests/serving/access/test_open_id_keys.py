"""The keys of an identity provider: when they are fetched and forgotten, and what is believed."""

from __future__ import annotations

import pytest

from serving.access.open_id import IssuerUnreachableError
from serving.access.roles import NotSignedInError
from tests.serving.access.identity_provider import UNKNOWN_KEY, Provider, checks, published, refusal


class Clock:
    def __init__(self):
        self.seconds = 1000.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def provider():
    provider = Provider([published("one")])
    yield provider
    provider.stop()


KEYS = ["/.well-known/openid-configuration", "/keys"]


def test_keys_are_fetched_once_for_many_tokens(provider):
    open_id = checks(provider)
    for _ in range(3):
        open_id.principal(provider.token())
    assert provider.asked == KEYS


def test_keys_are_fetched_where_the_settings_say(provider):
    provider.documents["/elsewhere"] = {"keys": provider.keys}
    open_id = checks(provider, jwks_url=f"{provider.issuer}/elsewhere")
    open_id.principal(provider.token())
    assert provider.asked == ["/elsewhere"]


def test_a_new_key_is_learned_and_a_withdrawn_one_forgotten(provider):
    clock = Clock()
    open_id = checks(provider, clock)
    old, new = provider.token(), provider.token("two", number=2)
    assert refusal(open_id, new) == UNKNOWN_KEY
    provider.keys = [published("two", number=2)]
    clock.seconds += 59
    assert refusal(open_id, new) == UNKNOWN_KEY  # asked less than a minute ago
    assert provider.asked == KEYS
    clock.seconds += 1
    assert open_id.principal(new).role == "supervisor"
    assert refusal(open_id, old) == UNKNOWN_KEY
    assert provider.asked == KEYS * 2


def test_tokens_of_unknown_keys_ask_the_issuer_once_a_minute(provider):
    clock = Clock()
    open_id = checks(provider, clock)
    for second in range(180):  # 0, 60 and 120 seconds
        clock.seconds = 1000.0 + second
        assert refusal(open_id, provider.token(f"kid-{second}", number=1)) == UNKNOWN_KEY
        open_id.principal(provider.token())
    assert provider.asked == KEYS * 3


def test_while_the_issuer_is_down_its_known_keys_still_open(provider):
    clock = Clock()
    open_id = checks(provider, clock)
    token, other = provider.token(), provider.token("two", number=2)
    assert open_id.principal(token).role == "supervisor"
    provider.stop()
    clock.seconds += 3600
    assert open_id.principal(token).role == "supervisor"
    with pytest.raises(IssuerUnreachableError, match="try again in a minute"):
        open_id.principal(other)
    clock.seconds += 3600
    with pytest.raises(IssuerUnreachableError):  # not for ever: a key may have been withdrawn
        open_id.principal(token)
    provider.start_again()
    clock.seconds += 60
    assert open_id.principal(token).role == "supervisor"


def test_an_issuer_that_never_answered_is_told_so(provider):
    clock = Clock()
    open_id = checks(provider, clock)
    token = provider.token()
    provider.stop()
    with pytest.raises(IssuerUnreachableError, match=r"^The identity provider does not answer"):
        open_id.principal(token)
    provider.start_again()
    with pytest.raises(IssuerUnreachableError):
        open_id.principal(token)
    assert provider.asked == []
    clock.seconds += 60
    assert open_id.principal(token).role == "supervisor"


# Where it is asked, and what is no answer.
ODD = [
    ("/.well-known/openid-configuration", b"<html>"),
    ("/.well-known/openid-configuration", {"issuer": "https://evil.example", "jwks_uri": "KEYS"}),
    ("/.well-known/openid-configuration", {"issuer": "ISSUER"}),
    ("/.well-known/openid-configuration", {"issuer": "ISSUER", "jwks_uri": "file:///etc/passwd"}),
    ("/.well-known/openid-configuration", {"issuer": "ISSUER", "jwks_uri": 7}),
    ("/keys", b""),
    ("/keys", []),
    ("/keys", {"keys": {}}),
    ("/keys", "http://127.0.0.1:9/keys"),  # a redirect
    ("/keys", b"[" * 100_000),
]  # fmt: skip


@pytest.mark.parametrize(("path", "answer"), ODD, ids=range(len(ODD)))
def test_an_issuer_that_answers_something_else_is_not_believed(provider, path, answer):
    if isinstance(answer, dict):
        said = {"ISSUER": provider.issuer, "KEYS": f"{provider.issuer}/keys"}
        answer = {
            name: said.get(value, value) if isinstance(value, str) else value
            for name, value in answer.items()
        }
    provider.documents[path] = answer
    open_id = checks(provider)
    with pytest.raises(NotSignedInError) as refused:
        open_id.principal(provider.token())
    assert str(refused.value).startswith("The identity provider does not answer")


def test_keys_without_encryption_from_elsewhere_are_not_fetched(provider):
    elsewhere = Provider(provider.keys, "127.0.0.2")
    try:
        provider.documents["/.well-known/openid-configuration"] = {
            "issuer": provider.issuer, "jwks_uri": f"{elsewhere.issuer}/keys"
        }  # fmt: skip
        with pytest.raises(IssuerUnreachableError):
            checks(provider).principal(provider.token())
        assert elsewhere.asked == []
    finally:
        elsewhere.stop()
