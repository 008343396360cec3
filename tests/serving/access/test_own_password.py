"""Somebody gives his account another password: by the one that he has, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from data.errors import InputError
from serving.access.accounts import add_account, disable, set_password
from serving.access.own_password import WrongPasswordError, new_password, put_in_place
from serving.access.roles import NotSignedInError
from serving.access.sessions import principal_of_session
from serving.access.sign_in import SignInSettings, sign_in

OLD, NEW = "three plain words", "another four plain words"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SETTINGS = SignInSettings()


@pytest.fixture
def signed_in(database, hashing):
    """Tokens of two sessions of ann, and one of bob."""
    for name in ("ann", "bob"):
        add_account(database, name, "analyst", OLD, hashing)
    return [opened(database, hashing, name, OLD) for name in ("ann", "ann", "bob")]


def opened(database, hashing, name, password, at=NOON):
    return sign_in(database, name, password, hashing, SETTINGS, at).token


def changed(database, hashing, current=OLD, new=NEW, at=NOON):
    """The token of the session that goes on."""
    made = new_password(database, "ann", current, new, hashing, SETTINGS, at)
    with database.writing() as connection:
        return put_in_place(connection, made, SETTINGS, at)


def is_open(database, token):
    try:
        return bool(principal_of_session(database, token, SETTINGS.sessions, NOON))
    except NotSignedInError:
        return False


def test_it_takes_the_place_of_the_old_one_and_a_new_session_that_of_all_before(
    database, hashing, signed_in
):
    anew = changed(database, hashing)
    assert [is_open(database, token) for token in signed_in] == [False, False, True]
    assert principal_of_session(database, anew, SETTINGS.sessions, NOON).name == "ann"
    with pytest.raises(NotSignedInError):
        opened(database, hashing, "ann", OLD)
    assert opened(database, hashing, "ann", NEW)


def test_wrong_ones_lock_the_account_as_at_the_sign_in(database, hashing, signed_in):
    for _ in range(SETTINGS.wrong_in_a_row):
        with pytest.raises(WrongPasswordError) as refused:
            changed(database, hashing, "not the one it is")
    assert "wait 15 minutes" in str(refused.value)
    with pytest.raises(WrongPasswordError):
        changed(database, hashing)
    with pytest.raises(NotSignedInError):
        opened(database, hashing, "ann", OLD)
    later = NOON + timedelta(minutes=15)
    changed(database, hashing, at=later)
    assert opened(database, hashing, "ann", NEW, later)


def test_a_right_one_forgives_those_before_it(database, hashing, signed_in):
    for current, new in ((OLD, NEW), (NEW, OLD)):
        for _ in range(SETTINGS.wrong_in_a_row - 1):
            with pytest.raises(WrongPasswordError):
                changed(database, hashing, "not the one it is", new)
        changed(database, hashing, current, new)


@pytest.mark.parametrize(
    ("new", "told"),
    [(OLD, "is the one that you have"), ("short", "too short"), ("ann1234567890", "the name"),
     ("passwordpassword", "tried first")],
)  # fmt: skip
def test_what_may_be_none_is_refused_and_counts_as_no_attempt(
    database, hashing, signed_in, new, told
):
    for _ in range(SETTINGS.wrong_in_a_row + 1):
        with pytest.raises(InputError, match=told):
            changed(database, hashing, new=new)
    changed(database, hashing)


@pytest.mark.parametrize("meanwhile", ["changed", "disabled"])
def test_an_account_that_was_changed_meanwhile_stays_as_it_is(
    database, hashing, signed_in, meanwhile
):
    made = new_password(database, "ann", OLD, NEW, hashing, SETTINGS, NOON)
    if meanwhile == "changed":
        set_password(database, "ann", "what an administrator gave", hashing)
    else:
        disable(database, "ann")
    with pytest.raises(WrongPasswordError), database.writing() as connection:
        put_in_place(connection, made, SETTINGS, NOON)
    with pytest.raises(NotSignedInError):
        opened(database, hashing, "ann", NEW)
