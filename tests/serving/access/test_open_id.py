"""Tokens of an identity provider, a real one on this machine: which are taken, and as whose."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import warnings

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from serving.access.open_id import OpenIdSettings
from serving.access.roles import NotSignedInError, Principal
from tests.serving.access.identity_provider import (
    AUDIENCE,
    ROLES,
    UNKNOWN_KEY,
    Provider,
    checks,
    private_key,
    published,
    refusal,
)

NOT_TAKEN = "The token is not one that this service takes."


@pytest.fixture(scope="module")
def standing():
    provider = Provider([
        published("one"), published("elliptic", "P-256"), published("edwards", "Ed25519"),
        published("encrypts", use="enc"), published("short", "short RSA"),
        {"kty": "oct", "kid": "secret", "k": "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3JldA"},
    ])  # fmt: skip
    yield provider
    provider.stop()


@pytest.fixture(scope="module")
def open_id(standing):
    return checks(standing, algorithms=("RS256", "ES256", "EdDSA"))


def test_a_valid_token_tells_who_asks_and_his_role(standing, open_id):
    assert open_id.principal(standing.token()) == Principal(
        f"{standing.issuer} u-4711", "supervisor"
    )


@pytest.mark.parametrize(
    ("kid", "kind", "algorithm"),
    [("elliptic", "P-256", "ES256"), ("edwards", "Ed25519", "EdDSA"), ("one", "RSA", "RS256")],
)
def test_keys_of_each_kind_are_taken(standing, open_id, kid, kind, algorithm):
    assert open_id.principal(standing.token(kid, kind, algorithm)).role == "supervisor"


# Claims (seconds count from now; None: left out) and what is told.
CLAIMS = [
    ({"iss": "https://evil.example"},           "The token is not from the identity provider of"),
    ({"iss": None},                             NOT_TAKEN),
    ({"aud": "another-service"},                "The token was made for another service."),
    ({"aud": ["another-service"]},              "The token was made for another service."),
    ({"aud": None},                             NOT_TAKEN),
    ({"sub": None},                             NOT_TAKEN),
    ({"sub": ""},                               NOT_TAKEN),
    ({"sub": "a\nb"},                           NOT_TAKEN),
    ({"sub": "u" * 256},                        NOT_TAKEN),
    ({"exp": None},                             NOT_TAKEN),
    ({"exp": float("inf")},                     NOT_TAKEN),
    ({"exp": -61},                              "The token has run out: sign in again."),
    ({"exp": -50},                              ""),       # within the leeway of 60 s
    ({"nbf": 70},                               "The token is not valid yet"),
    ({"nbf": 50},                               ""),
    ({"iat": 70},                               "The token is not valid yet"),
    ({"aud": ["another-service", AUDIENCE]},    ""),
    ({"roles": None},                           "gives this user no role of this service"),
    ({"roles": ["FC-SUPERVISOR"]},              "gives this user no role of this service"),
    ({"roles": {"fc-supervisor": True}},        "gives this user no role of this service"),
    ({"roles": "other, fc-supervisor"},         ""),
    ({"roles": ["fc-nurse"]},                   "does not say which panel this case manager has"),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "told"), CLAIMS, ids=range(len(CLAIMS)))
def test_claims_are_checked(standing, open_id, changed, told):
    now = int(time.time())
    changed = {
        name: now + value if name in ("exp", "nbf", "iat") and isinstance(value, int) else value
        for name, value in changed.items()
    }
    token = standing.token(**changed)
    if told:
        assert told in refusal(open_id, token)
    else:
        assert open_id.principal(token).role == "supervisor"


# The panel's number as the claim holds it, and what is read.
PANELS = [
    (3, 3), ("3", 3), (["3"], 3), ([3], 3), (0, None), (-1, None), ("03", None), (True, None),
    (3.0, None), ("3 4", None), ([3, 4], None), (2**31, None), ("٣", None), (None, None),
]  # fmt: skip


@pytest.mark.parametrize(("held", "read"), PANELS)
def test_a_case_manager_has_the_panel_that_his_token_names(standing, open_id, held, read):
    token = standing.token(roles=["fc-nurse"], firstcall_manager=held)
    if read is None:
        assert "which panel" in refusal(open_id, token)
    else:
        assert open_id.principal(token).manager == read


# The standard claim, and what is read; None: the site's zone.
ZONES = [
    ("America/Denver", "America/Denver"), ("america/denver", "America/Denver"), ("UTC", "UTC"),
    ("Mars/Olympus", None), ("../UTC", None), ("", None), (-7, None), (["UTC"], None), (None, None),
]  # fmt: skip


@pytest.mark.parametrize(("claimed", "zone"), ZONES)
def test_a_user_reads_times_in_the_zone_that_his_token_names(standing, open_id, claimed, zone):
    assert open_id.principal(standing.token(zoneinfo=claimed)).zone == zone


def test_who_has_several_roles_gets_the_first_of_the_settings(standing, open_id):
    token = standing.token(roles=["fc-nurse", "fc-supervisor", "fc-admin"], firstcall_manager=1)
    assert open_id.principal(token) == Principal(f"{standing.issuer} u-4711", "admin")


@pytest.mark.parametrize("held", [["HIV", "violence", "gout"], "HIV, violence", "violence,HIV,"])
def test_matters_that_are_none_of_ours_give_nothing(standing, open_id, held):
    told = open_id.principal(standing.token(firstcall_matters=held))
    assert told.matters == {"HIV", "violence"}
    assert open_id.principal(standing.token(firstcall_matters=7)).matters == frozenset()


@pytest.mark.parametrize(
    ("name", "claims"),
    [
        ("realm_access.roles", {"realm_access": {"roles": ["fc-admin"]}}),
        ("https://firstcall.example/roles", {"https://firstcall.example/roles": ["fc-admin"]}),
        ("groups", {"groups": "fc-admin"}),
    ],
)
def test_the_role_s_claim_is_where_the_settings_say(standing, name, claims):
    assert checks(standing, role_claim=name).principal(standing.token(**claims)).role == "admin"


# What the identity provider calls somebody, and what he reads.
CALLED = [
    ({"name": "Maria Gómez", "preferred_username": "gomez"}, "Maria Gómez"),
    ({"preferred_username": "gomez"}, "gomez"), ({"name": " "}, None), ({"name": 7}, None),
    ({"name": "a\nb"}, None), ({"name": "a" * 201}, None), ({}, None),
]  # fmt: skip


@pytest.mark.parametrize(("claims", "read"), CALLED)
def test_somebody_is_called_as_the_provider_says_and_recorded_by_his_subject(
    standing, open_id, claims, read
):
    told = open_id.principal(standing.token(**claims))
    assert (told.called, told.name) == (read, f"{standing.issuer} u-4711")


# Header, beside a signature that is right.
HEADERS = [
    ({"typ": "at+jwt"},                            ""),
    ({"typ": "JWT"},                               ""),
    ({"typ": None},                                ""),
    ({"typ": "logout+jwt"},                        NOT_TAKEN),
    ({"crit": ["exp"], "exp": 1},                  NOT_TAKEN),
    ({"kid": "nobody's"},                          UNKNOWN_KEY),
    ({"kid": "encrypts"},                          UNKNOWN_KEY),
    ({"kid": "elliptic"},                          UNKNOWN_KEY),    # a key of another kind
]  # fmt: skip


@pytest.mark.parametrize(("header", "told"), HEADERS, ids=range(len(HEADERS)))
def test_headers_are_checked(standing, open_id, header, told):
    token = standing.token(header=header)
    if told:
        assert refusal(open_id, token) == told
    else:
        assert open_id.principal(token).role == "supervisor"


def test_a_token_without_the_id_of_a_key_is_not_taken(standing, open_id):
    assert refusal(open_id, standing.token(kid=None)) == NOT_TAKEN


def test_a_short_key_is_not_taken(standing, open_id):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", jwt.InsecureKeyLengthWarning)
        token = standing.token("short", "short RSA")
    assert refusal(open_id, token) == UNKNOWN_KEY


def test_another_s_signature_is_not_taken(standing, open_id):
    assert refusal(open_id, standing.token(number=1)) == NOT_TAKEN


def test_a_token_whose_claims_were_changed_is_not_taken(standing, open_id):
    head, _, signature = standing.token().split(".")
    forged = _encoded(standing.claims(roles=["fc-admin"]))
    assert refusal(open_id, f"{head}.{forged}.{signature}") == NOT_TAKEN


def _encoded(part):
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize("name", ["none", "None", "NONE", ""])
def test_a_token_without_a_signature_is_not_taken(standing, open_id, name):
    claims = _encoded(standing.claims())
    for signature in ("", "AAAA"):
        token = f"{_encoded({'alg': name, 'kid': 'one'})}.{claims}.{signature}"
        assert refusal(open_id, token) == NOT_TAKEN


@pytest.mark.parametrize("kid", ["one", "secret"])
def test_a_public_key_is_no_shared_secret(standing, open_id, kid):
    """Confusion of algorithms: what everybody may read would sign."""
    public = private_key("RSA").public_key()
    secrets = [
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        json.dumps(published("one")).encode(),
        b"secret secret secret secret secret",
    ]
    for secret in secrets:
        for algorithm in ("HS256", "RS256", "hs256"):
            head = _encoded({"alg": algorithm, "kid": kid, "typ": "JWT"})
            signed = f"{head}.{_encoded(standing.claims())}"
            made = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
            signature = base64.urlsafe_b64encode(made).rstrip(b"=").decode()
            assert refusal(open_id, f"{signed}.{signature}") in (NOT_TAKEN, UNKNOWN_KEY)


def test_keys_are_never_fetched_from_where_a_token_says(standing, open_id):
    evil = Provider([published("one", number=1)])
    try:
        for name, value in (
            ("jku", f"{evil.issuer}/keys"),
            ("x5u", f"{evil.issuer}/keys"),
            ("jwk", published("one", number=1)),
        ):
            assert refusal(open_id, standing.token(number=1, header={name: value})) == NOT_TAKEN
            assert open_id.principal(standing.token(header={name: value})).role == "supervisor"
        assert evil.asked == []
    finally:
        evil.stop()


@given(st.text(max_size=60), st.binary(max_size=60), st.binary(max_size=60))
def test_whatever_is_sent_instead_of_a_token_is_refused(standing, open_id, text, head, body):
    parts = [base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (head, body, head)]
    for token in (text, ".".join(parts)):
        with pytest.raises(NotSignedInError):
            open_id.principal(token)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            name: st.none() | st.integers() | st.text() | st.lists(st.text(), max_size=2)
            | st.dictionaries(st.text(), st.text(), max_size=2)
            for name in ("alg", "kid", "typ", "crit", "b64")
        },
    )
)  # fmt: skip
def test_whatever_a_header_holds_is_refused(standing, open_id, header):
    claims = _encoded(standing.claims())
    with pytest.raises(NotSignedInError):
        open_id.principal(f"{_encoded(header)}.{claims}.AAAA")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"algorithms": ("HS256",)}, "must be one of ES384"),
        ({"algorithms": ("none",)}, "must be one of ES384"),
        ({"algorithms": ()}, "at least 1"),
        ({"issuer": "http://idp.example"}, "https"),
        ({"jwks_url": "file:///etc/keys"}, "https"),
        ({"roles": {}}, "at least 1"),
        ({"roles": {"program": "service"}}, "'case_manager', 'supervisor', 'analyst' or 'admin'"),
        ({"audience": ""}, "at least 1"),
        ({"audiences": ["a"]}, "not permitted"),
    ],
)
def test_unsafe_settings_are_refused(changed, said):
    held = {"issuer": "https://idp.example", "audience": "a", "roles": ROLES} | changed
    with pytest.raises(ValidationError, match=said):
        OpenIdSettings(**held)
