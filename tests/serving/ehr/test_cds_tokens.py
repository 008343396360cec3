"""Which EHR calls: tokens with real keys, and every way in which one may be wrong."""

import base64
import hashlib
import hmac
import json
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm
from pydantic import ValidationError

from serving.access.signing_keys import SigningKeys
from serving.ehr.cds_tokens import CdsTokens, ClientNotTrustedError, SeenTokensInMemory
from serving.ehr.settings import CdsClient
from tests.serving.ehr.client_keys import ADDRESS, ISSUER, KEYS, SHORT_RSA, jwk, published, token


@pytest.fixture(scope="module")
def there():
    with published() as told:
        yield told


@pytest.fixture
def client(there):
    return CdsClient(issuer=ISSUER, jwks_url=there.url)


@pytest.fixture
def tokens(client):
    return CdsTokens([client], SeenTokensInMemory())


def refused(tokens, sent, addresses=(ADDRESS,)):
    with pytest.raises(ClientNotTrustedError) as told:
        tokens.caller(sent, list(addresses))
    assert told.value.__cause__ is None
    assert told.value.reason == str(told.value)
    return told.value.reason


def bearer(*args, **more):
    return "Bearer " + token(*args, **more)


@pytest.mark.parametrize("algorithm", list(KEYS))
def test_a_token_of_a_configured_client_is_taken(tokens, client, algorithm):
    told = tokens.caller(bearer(algorithm), [ADDRESS])
    assert told.client == client
    assert told.tenant is None


@pytest.mark.parametrize("aud", [ADDRESS, [ADDRESS], ["https://other.example", ADDRESS]])
def test_a_token_is_made_for_the_address_alone_or_among_others(tokens, aud):
    assert tokens.caller(bearer(aud=aud), [ADDRESS])


NOW = int(time.time())


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"iss": "https://other.example/"}, "the issuer is not configured"),
        ({"iss": None}, "the issuer is not configured"),
        ({"iss": ISSUER.rstrip("/")}, "the issuer is not configured"),
        ({"aud": "https://cds.example"}, "was made for another address"),
        ({"aud": "https://cds.example/cds-services"}, "was made for another address"),
        ({"aud": ADDRESS + "/"}, "was made for another address"),
        ({"aud": []}, "lacks a claim that is required"),
        ({"aud": None}, "lacks a claim that is required"),
        ({"exp": NOW - 60, "iat": NOW - 200}, "has run out"),
        ({"exp": None}, "lacks a claim that is required"),
        ({"iat": None}, "lacks a claim that is required"),
        ({"jti": None}, "lacks a claim that is required"),
        ({"iat": NOW + 120}, "is not valid yet"),
        ({"nbf": NOW + 120}, "is not valid yet"),
        ({"exp": NOW + 3600}, "is made for longer than the client may"),
        ({"iat": NOW - 1000, "exp": NOW + 100}, "is made for longer than the client may"),
        ({"iat": NOW + 20, "exp": NOW + 10}, "is made for longer than the client may"),
        ({"exp": str(NOW + 10**6)}, "a time is no number"),
        ({"exp": True}, "has run out"),
        ({"exp": float("nan")}, "is no token that can be read"),
        ({"jti": ""}, "jti is no name"),
        ({"jti": "x" * 256}, "jti is no name"),
        ({"jti": 7}, "is no token that can be read"),
        ({"tenant": 7}, "tenant is no name"),
    ],
)
def test_a_token_with_a_claim_that_is_wrong_is_refused(tokens, changed, reason):
    late = int(time.time()) - NOW  # the table was written down before other tests ran
    now = {k: v + late if type(v) is int and v > 10**9 else v for k, v in changed.items()}
    assert refused(tokens, bearer(**now)) == reason


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"kid": "nobody's"}, "no key of the issuer to check it with"),
        ({"kid": "ES256"}, "no key of the issuer to check it with"),  # of another curve
        ({"kid": "RS384"}, "no key of the issuer to check it with"),  # of another kind
        ({"kid": None}, "there is no kid"),
        ({"kid": ""}, "there is no kid"),
        ({"typ": None}, "typ is not JWT"),
        ({"typ": "at+jwt"}, "typ is not JWT"),
        ({"jku": "https://evil.example/jwks"}, "jku is not the address configured for the issuer"),
        ({"jku": ""}, "jku is not the address configured for the issuer"),
        ({"jku": ["x"]}, "jku is not the address configured for the issuer"),
    ],
)
def test_a_token_with_a_header_that_is_wrong_is_refused(tokens, header, reason):
    assert refused(tokens, bearer(header=header)) == reason


def test_the_address_of_keys_may_stand_in_the_token_where_it_is_the_configured_one(tokens, there):
    assert tokens.caller(bearer(header={"jku": there.url}), [ADDRESS])


def test_an_address_of_keys_that_is_not_configured_is_never_asked(client):
    with published() as foreign:
        tokens = CdsTokens([client], SeenTokensInMemory())
        key = KEYS["ES384"]
        sent = bearer("ES384", key, {"jku": foreign.url})
        assert "jku" in refused(tokens, sent)
        assert foreign.asked == 0


def signed_by_hand(header, claims, sign):
    def part(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=")

    begun = b".".join(part(json.dumps(one).encode()) for one in (header, claims))
    return "Bearer " + (begun + b"." + part(sign(begun))).decode()


def _sign(begun):
    return ECAlgorithm(ECAlgorithm.SHA384).sign(begun, KEYS["ES384"])


def claims():
    return jwt.decode(token(), options={"verify_signature": False})


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "", None, 7])
def test_a_token_without_a_signature_is_refused(tokens, alg):
    header = {"alg": alg, "typ": "JWT", "kid": "ES384"}
    sent = signed_by_hand(header, claims(), lambda _: b"")
    assert refused(tokens, sent) in ("the algorithm is not accepted", "is no token")


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
def test_a_public_key_is_no_shared_secret(tokens, alg):
    # The known confusion: the public key's text as the secret of an HMAC.
    secret = KEYS["RS384"].public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )  # fmt: skip
    name = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}[alg]
    sent = signed_by_hand(
        {"alg": alg, "typ": "JWT", "kid": "RS384"},
        claims(),
        lambda begun: hmac.digest(secret, begun, getattr(hashlib, name)),
    )
    assert refused(tokens, sent) == "the algorithm is not accepted"


def test_a_token_of_another_key_of_the_same_name_is_refused(tokens):
    from cryptography.hazmat.primitives.asymmetric import ec

    sent = bearer("ES384", ec.generate_private_key(ec.SECP384R1()))
    assert refused(tokens, sent) == "the signature is not the issuer's"


def test_a_token_changed_after_it_was_signed_is_refused(tokens):
    head, _, signature = token().split(".")
    body = base64.urlsafe_b64encode(json.dumps(claims()).encode()).rstrip(b"=").decode()
    assert refused(tokens, f"Bearer {head}.{body}.{signature}") == (
        "the signature is not the issuer's"
    )


def test_a_key_is_bound_to_the_algorithm_that_it_was_published_for(client, there):
    told = {"keys": [jwk(KEYS["RS384"], "k", alg="RS384")]}
    tokens = CdsTokens([client], SeenTokensInMemory(), lambda _: SigningKeys(lambda: told))
    assert tokens.caller(bearer("RS384", header={"kid": "k"}), [ADDRESS])
    assert refused(tokens, bearer("RS256", header={"kid": "k"})) == (
        "no key of the issuer to check it with"
    )


def test_a_short_key_is_not_trusted(client):
    told = {"keys": [jwk(SHORT_RSA, "RS384")]}
    tokens = CdsTokens([client], SeenTokensInMemory(), lambda _: SigningKeys(lambda: told))
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        sent = bearer("RS384", SHORT_RSA)
    assert refused(tokens, sent) == "no key of the issuer to check it with"


def test_a_header_that_must_be_understood_and_is_not_is_refused(tokens):
    for crit in (["b64"], ["exp"], ["http://example.invalid/unknown"], []):
        header = {"alg": "ES384", "typ": "JWT", "kid": "ES384", "crit": crit, "b64": True}
        sent = signed_by_hand(header, claims(), _sign)
        assert refused(tokens, sent) in ("crit is not understood", "is no token")
    # The very same without `crit` is taken: it is the header that is refused.
    header = {"alg": "ES384", "typ": "JWT", "kid": "ES384"}
    assert tokens.caller(signed_by_hand(header, claims(), _sign), [ADDRESS])


def test_a_token_is_taken_once(tokens):
    sent = bearer()
    assert tokens.caller(sent, [ADDRESS])
    assert refused(tokens, sent) == "was used before"
    assert refused(tokens, bearer(jti=claims_of(sent)["jti"])) == "was used before"


def claims_of(sent):
    return jwt.decode(sent.removeprefix("Bearer "), options={"verify_signature": False})


def test_a_token_that_is_refused_uses_up_no_name(tokens):
    jti = "a-name"
    assert refused(tokens, bearer("ES384", KEYS["ES384"], aud="https://other.example", jti=jti))
    forged = bearer(header={"kid": "nobody's"}, jti=jti)
    assert refused(tokens, forged)
    assert tokens.caller(bearer(jti=jti), [ADDRESS])


def test_of_many_calls_with_one_token_at_one_time_one_is_taken(tokens):
    sent = bearer()
    tokens.caller(bearer(), [ADDRESS])  # the keys are there
    taken, begin = [], threading.Barrier(8)

    def call():
        begin.wait()
        with suppress(ClientNotTrustedError):
            taken.append(tokens.caller(sent, [ADDRESS]))

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 1


@pytest.mark.parametrize(("tenant", "taken"), [("north", True), ("south", False), (None, False)])
def test_where_tenants_are_configured_the_token_names_one_of_them(there, tenant, taken):
    client = CdsClient(issuer=ISSUER, jwks_url=there.url, tenants=("north",))
    tokens = CdsTokens([client], SeenTokensInMemory())
    if taken:
        assert tokens.caller(bearer(tenant=tenant), [ADDRESS]).tenant == tenant
    else:
        assert refused(tokens, bearer(tenant=tenant)) == "the tenant is not configured"


def test_a_client_may_be_allowed_tokens_of_a_longer_life(there):
    client = CdsClient(issuer=ISSUER, jwks_url=there.url, longest_seconds=3600)
    tokens = CdsTokens([client], SeenTokensInMemory())
    now = int(time.time())
    assert tokens.caller(bearer(iat=now, exp=now + 3600), [ADDRESS])
    assert refused(tokens, bearer(iat=now, exp=now + 3601))


def test_keys_may_be_handed_over_in_a_file_and_then_no_token_names_an_address(tmp_path, there):
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"keys": there.keys}))
    tokens = CdsTokens([CdsClient(issuer=ISSUER, jwks_file=file)], SeenTokensInMemory())
    assert tokens.caller(bearer(), [ADDRESS])
    assert "jku" in refused(tokens, bearer(header={"jku": there.url}))


def test_each_client_is_checked_with_its_own_keys(there):
    other = CdsClient(issuer="https://clinic.example", jwks_url=there.url)
    told = {"keys": [jwk(KEYS["ES256"], "ES256")]}
    clients = [CdsClient(issuer=ISSUER, jwks_url=there.url), other]
    tokens = CdsTokens(
        clients,
        SeenTokensInMemory(),
        lambda client: SigningKeys(lambda: told) if client == other else client.keys(),
    )
    assert tokens.caller(bearer("ES256", iss=other.issuer), [ADDRESS]).client == other
    assert refused(tokens, bearer("ES384", iss=other.issuer))


@pytest.mark.parametrize(
    "sent",
    [None, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer a.b", "Bearer a.b.c", "Bearer ....",
     "Bearer " + "x" * 9000, "Bearer \u00e4.\u00e4.\u00e4"],
)  # fmt: skip
def test_what_is_no_token_is_refused(tokens, sent):
    assert refused(tokens, sent) in ("there is no bearer token", "is too long", "is no token")


def _encoded(part):
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


PARTS = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [b"{}", b"[]", b"null", b'{"alg":"ES384"}', b'{"alg":"ES384","kid":"ES384","typ":"JWT"}',
         b'{"iss":"https://ehr.example/"}', b'{"iss":{}}', b"[" * 3000]
    ),
).map(_encoded)  # fmt: skip


@given(PARTS, PARTS, PARTS)
def test_whatever_is_sent_is_refused_and_never_an_error(head, body, signature):
    told = {"keys": [jwk(KEYS["ES384"], "ES384")]}
    client = CdsClient(issuer=ISSUER, jwks_url="https://ehr.example/jwks")
    tokens = CdsTokens([client], SeenTokensInMemory(), lambda _: SigningKeys(lambda: told))
    assert refused(tokens, f"Bearer {head}.{body}.{signature}")


def test_a_reason_never_holds_anything_of_the_token(tokens):
    planted = "PATIENT-4711"
    for sent in (
        bearer(iss=planted),
        bearer(aud=planted),
        bearer(jti=[planted]),
        bearer(exp=planted),
        bearer(header={"kid": planted}),
        bearer(header={"jku": planted}),
        bearer(header={"typ": planted}),
    ):
        assert planted not in refused(tokens, sent)


def test_a_seen_token_is_forgotten_when_it_has_ended():
    clock = [datetime(2026, 1, 1, tzinfo=UTC)]
    seen = SeenTokensInMemory(lambda: clock[0])
    until = clock[0] + timedelta(minutes=5)
    assert seen.add("a", "1", until)
    assert not seen.add("a", "1", until)
    assert seen.add("b", "1", until)
    clock[0] += timedelta(minutes=4)
    assert not seen.add("a", "1", until)
    clock[0] += timedelta(minutes=2)
    assert seen.add("a", "1", clock[0] + timedelta(minutes=5))


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({}, "needs one of jwks_url and jwks_file"),
        ({"jwks_url": "https://a.example", "jwks_file": "b"}, "needs one of"),
        ({"jwks_url": "http://ehr.example/jwks"}, "must be an https address"),
        ({"jwks_url": "file:///etc/passwd"}, "must be an https address"),
        ({"jwks_url": "https://ehr.example", "patient_system": "mrn"}, "must be an absolute URI"),
        ({"jwks_url": "https://ehr.example", "longest_seconds": 4000}, "less than or equal"),
        ({"jwks_url": "https://ehr.example", "matters": ["HlV"]}, "Input should be"),
        ({"jwks_url": "https://ehr.example", "jwks": "x"}, "Extra inputs"),
    ],
)
def test_a_client_that_is_not_configured_well_is_refused(told, words):
    with pytest.raises(ValidationError, match=words):
        CdsClient.model_validate({"issuer": ISSUER, **told})
