"""From a request's header to whoever asks: each way in, and nothing else."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.access.accounts import add_account, disable
from serving.access.bearer import WayIn
from serving.access.open_id import OpenId, OpenIdSettings
from serving.access.roles import NotSignedInError
from serving.access.service_tokens import add_token, revoke_token
from serving.access.sessions import begin_session, sign_out
from tests.serving.access.identity_provider import AUDIENCE, Provider, published

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def way_in(database):
    return WayIn(database, clock=lambda: NOON)


@pytest.fixture(scope="module")
def empty(opened):
    return WayIn(opened)


@pytest.fixture
def session(database, hashing, way_in):
    add_account(database, "ann", "case_manager", "three plain words", hashing, manager=2)
    with database.writing() as connection:
        return begin_session(connection, "ann", way_in.sessions, NOON)


@pytest.fixture
def token(database):
    return add_token(database, "ehr", ["fhir"], NOON.date() + timedelta(days=1), now=NOON)


def test_a_session_and_a_service_token_tell_who_asks(way_in, session, token):
    who = way_in.principal_of(f"Bearer {session}")
    assert (who.name, who.role, who.manager, who.scopes) == ("ann", "case_manager", 2, frozenset())
    who = way_in.principal_of(f"Bearer {token}")
    assert (who.name, who.role, who.manager, who.scopes) == ("ehr", "service", None, {"fhir"})


@pytest.mark.parametrize("form", ["bearer {}", "BEARER   {} ", " Bearer {}"])
def test_the_scheme_is_read_whatever_its_case(way_in, token, form):
    assert way_in.principal_of(form.format(token)).name == "ehr"


@pytest.mark.parametrize(
    "form",
    ["{}", "Basic {}", "Bearer", "Bearer {}.", "Bearer x{}", "Bearer {0} {0}", "Bearer {0},{0}"],
)
def test_a_token_counts_whole_and_behind_its_scheme(way_in, token, form):
    with pytest.raises(NotSignedInError):
        way_in.principal_of(form.format(token))


def test_a_token_opens_only_what_it_was_made_for(way_in, session, token):
    for one, other in ((session, "fct_"), (token, "fcs_")):
        with pytest.raises(NotSignedInError):
            way_in.principal_of(f"Bearer {other}{one[4:]}")


def test_what_is_ended_revoked_or_disabled_ends_with_the_next_request(
    database, way_in, session, token
):
    with database.writing() as connection:
        other = begin_session(connection, "ann", way_in.sessions, NOON)
    for end, shown in (
        (lambda: sign_out(database, session), session),
        (lambda: disable(database, "ann"), other),
        (lambda: revoke_token(database, "ehr", NOON), token),
    ):
        assert way_in.principal_of(f"Bearer {shown}")
        end()
        with pytest.raises(NotSignedInError):
            way_in.principal_of(f"Bearer {shown}")


@pytest.mark.parametrize("header", [None, "", " ", "Bearer ", "Negotiate x"])
def test_nothing_shown_is_not_signed_in(way_in, header):
    with pytest.raises(NotSignedInError):
        way_in.principal_of(header)


@given(st.text() | st.text().map(lambda text: f"Bearer {text}")
       | st.sampled_from(("fcs_", "fct_", "a.b.c")).flatmap(
           lambda begin: st.text().map(lambda text: f"Bearer {begin}{text}")))  # fmt: skip
def test_whatever_else_is_sent_is_not_signed_in(empty, header):
    with pytest.raises(NotSignedInError):
        empty.principal_of(header)


def test_a_token_of_an_identity_provider_counts_where_one_is_configured(way_in):
    provider = Provider([published("one")])
    try:
        settings = OpenIdSettings(
            issuer=provider.issuer, audience=AUDIENCE, roles={"fc-supervisor": "supervisor"}
        )
        both = dataclasses.replace(way_in, open_id=OpenId(settings))
        header = f"Bearer {provider.token()}"
        assert both.principal_of(header).name == f"{provider.issuer} u-4711"
        with pytest.raises(NotSignedInError, match="not one that this service takes"):
            way_in.principal_of(header)
        with pytest.raises(NotSignedInError, match="not one that this service takes"):
            both.principal_of(header + "\ud800")
    finally:
        provider.stop()
