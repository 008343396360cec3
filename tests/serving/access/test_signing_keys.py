"""An issuer's keys: fetched seldom, changed, late, wrong."""

import json
import threading

import pytest

from serving.access.signing_keys import (
    BETWEEN_FETCHES,
    FRESH_SECONDS,
    TRUSTED_SECONDS,
    NoSigningKeyError,
    SigningKeys,
    is_secure_url,
)
from tests.serving.ehr.client_keys import KEYS, jwk, published

EC = KEYS["ES384"]


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def there():
    with published() as told:
        yield told


def test_keys_are_fetched_once_while_they_are_fresh(there, clock):
    keys = SigningKeys.at_url(there.url, clock)
    assert there.asked == 0
    for _ in range(5):
        assert keys.key("ES384", "ES384").algorithm_name == "ES384"
        assert keys.key("RS384", "RS384").algorithm_name == "RS384"
    assert there.asked == 1
    clock.seconds += FRESH_SECONDS
    keys.key("ES384", "ES384")
    assert there.asked == 2


def test_a_new_key_is_found_and_one_taken_back_is_gone(there, clock):
    keys = SigningKeys.at_url(there.url, clock)
    keys.key("ES384", "ES384")
    there.keys = [jwk(EC, "new")]
    clock.seconds += BETWEEN_FETCHES
    assert keys.key("new", "ES384")
    with pytest.raises(NoSigningKeyError, match="not among"):
        keys.key("ES384", "ES384")


def test_unknown_names_make_the_issuer_be_asked_once_a_minute_at_most(there, clock):
    keys = SigningKeys.at_url(there.url, clock)
    for n in range(50):
        with pytest.raises(NoSigningKeyError):
            keys.key(f"unknown {n}", "ES384")
    assert there.asked == 1
    clock.seconds += BETWEEN_FETCHES
    for n in range(50):
        with pytest.raises(NoSigningKeyError):
            keys.key(f"unknown {n}", "ES384")
    assert there.asked == 2


def test_an_issuer_that_fails_is_asked_once_a_minute_too(there, clock):
    there.status = 503
    keys = SigningKeys.at_url(there.url, clock)
    for _ in range(20):
        with pytest.raises(NoSigningKeyError, match="could not be had"):
            keys.key("ES384", "ES384")
    assert there.asked == 1
    there.status = 200
    clock.seconds += BETWEEN_FETCHES
    assert keys.key("ES384", "ES384")


@pytest.mark.parametrize("status", [503, 404, 200])
def test_keys_that_are_held_outlive_a_short_outage_and_not_a_long_one(there, clock, status):
    keys = SigningKeys.at_url(there.url, clock)
    keys.key("ES384", "ES384")
    there.status, there.answer = status, b"<html>down for maintenance</html>"
    clock.seconds += TRUSTED_SECONDS - 1
    assert keys.key("ES384", "ES384")
    clock.seconds += 1
    with pytest.raises(NoSigningKeyError, match="could not be had"):
        keys.key("ES384", "ES384")


def test_a_redirect_is_not_followed_even_to_good_keys(there, clock):
    with published() as elsewhere:
        there.status, there.location = 302, elsewhere.url
        with pytest.raises(NoSigningKeyError, match="could not be had"):
            SigningKeys.at_url(there.url, clock).key("ES384", "ES384")
        assert (there.asked, elsewhere.asked) == (1, 0)


@pytest.mark.parametrize(
    "sent", [b"", b"null", b"[]", b"{}", b'{"keys": 7}', b'{"keys": ', b"\xff\xfe"]
)
def test_what_is_no_set_of_keys_is_no_key(there, clock, sent):
    there.answer = sent
    with pytest.raises(NoSigningKeyError):
        SigningKeys.at_url(there.url, clock).key("ES384", "ES384")


@pytest.mark.parametrize(
    "told",
    [
        {"use": "enc"}, {"key_ops": ["encrypt"]}, {"kid": None}, {"kty": "oct", "k": "c2VjcmV0"},
        {"alg": "ES256"}, {"alg": "HS384"}, {"crv": "P-256"}, {"crv": None}, {"x": "!"},
        {"x": None}, {"d": "AAAA"},
    ],
)  # fmt: skip
def test_a_key_that_is_not_for_this_signature_is_not_used(told):
    published = {"keys": [jwk(EC, "k") | told, "x", None, jwk(KEYS["ES256"], "other")]}
    with pytest.raises(NoSigningKeyError):
        SigningKeys(lambda: published).key("k", "ES384")
    assert SigningKeys(lambda: published).key("other", "ES256")


@pytest.mark.parametrize("algorithm", ["none", "HS256", "", "RSA-OAEP"])
def test_only_signatures_by_key_pairs_have_keys(algorithm):
    told = {"keys": [jwk(EC, "k")]}
    with pytest.raises(NoSigningKeyError, match="algorithm is not accepted"):
        SigningKeys(lambda: told).key("k", algorithm)


def test_of_two_keys_of_one_name_the_one_that_fits_is_used():
    told = {"keys": [jwk(KEYS["RS384"], "k"), jwk(EC, "k")]}
    assert SigningKeys(lambda: told).key("k", "ES384").key_type == "EC"
    assert SigningKeys(lambda: told).key("k", "PS384").key_type == "RSA"


def test_a_file_is_read_anew_as_an_address_is_asked_anew(tmp_path, clock):
    file = tmp_path / "keys.json"
    keys = SigningKeys.in_file(file, clock)
    with pytest.raises(NoSigningKeyError):
        keys.key("k", "ES384")
    file.write_text(json.dumps({"keys": [jwk(EC, "k")]}))
    with pytest.raises(NoSigningKeyError):
        keys.key("k", "ES384")
    clock.seconds += BETWEEN_FETCHES
    assert keys.key("k", "ES384")


def test_many_threads_fetch_once(there, clock):
    keys = SigningKeys.at_url(there.url, clock)
    begin, found = threading.Barrier(8), []

    def ask():
        begin.wait()
        found.append(keys.key("ES384", "ES384"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(found), there.asked) == (8, 1)


def test_nobody_waits_for_a_slow_issuer_whose_key_is_held(clock):
    slow, going = threading.Event(), threading.Event()
    told = {"keys": [jwk(EC, "k")]}
    asked = []

    def fetch():
        asked.append(1)
        if len(asked) > 1:
            going.set()
            assert slow.wait(20)
        return told

    keys = SigningKeys(fetch, clock)
    keys.key("k", "ES384")
    clock.seconds += FRESH_SECONDS
    waiting = threading.Thread(target=lambda: keys.key("k", "ES384"))
    waiting.start()
    assert going.wait(20)
    assert keys.key("k", "ES384")  # would hang here until the issuer answers
    assert waiting.is_alive()
    slow.set()
    waiting.join()


@pytest.mark.parametrize(
    ("url", "secure"),
    [
        ("https://ehr.example/jwks", True), ("http://localhost:1/jwks", True),
        ("http://[::1]/jwks", True), ("http://ehr.example", False), ("https://", False),
        ("https://user:pw@ehr.example", False), ("ftp://127.0.0.1/jwks", False),
        ("http://127.0.0.1.evil.example/", False), ("//ehr.example", False), ("https://[", False),
    ],
)  # fmt: skip
def test_keys_come_over_https_but_on_this_very_machine(url, secure):
    assert is_secure_url(url) is secure
    if not secure:
        with pytest.raises(ValueError, match="is not https"):
            SigningKeys.at_url(url)
