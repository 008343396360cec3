"""Sessions against a model of them: idle, over, ended, disabled, in any order."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from data.errors import InputError
from serving.access.accounts import add_account, disable, enable, set_password
from serving.access.opaque_tokens import PROVIDER_SESSION, SESSION, minted
from serving.access.roles import NotSignedInError, Principal
from serving.access.sessions import (
    SessionSettings,
    begin_provider_session,
    begin_session,
    end_all_of,
    end_all_of_provider,
    principal_of_session,
    sign_out,
)
from serving.store.account_tables import provider_session

LASTS = SessionSettings(idle_minutes=30, absolute_hours=12)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def begun(database, name="ann", at=NOON):
    with database.writing() as connection:
        return begin_session(connection, name, LASTS, at)


def is_open(database, token, at):
    try:
        principal_of_session(database, token, LASTS, at)
    except NotSignedInError:
        return False
    return True


@pytest.fixture
def ann(database, hashing):
    return add_account(database, "ann", "supervisor", "three plain words", hashing)


def test_a_session_that_is_not_used_ends_after_half_an_hour(database, ann):
    last = NOON + timedelta(minutes=30) - SECOND
    assert is_open(database, begun(database), last)
    assert not is_open(database, begun(database), last + SECOND)


def test_a_session_that_is_used_ends_after_twelve_hours(database, ann):
    token = begun(database)
    for quarter in range(1, 48):  # 47 quarters of an hour: 11:45
        assert is_open(database, token, NOON + timedelta(minutes=15 * quarter))
    assert is_open(database, token, NOON + timedelta(hours=12) - SECOND)
    assert not is_open(database, token, NOON + timedelta(hours=12))


def test_use_is_noted_once_a_minute(database, ann):
    token = begun(database)
    assert is_open(database, token, NOON + 59 * SECOND)  # not noted: idle counts from 12:00:00
    assert not is_open(database, token, NOON + timedelta(minutes=30))
    token = begun(database)
    assert is_open(database, token, NOON + 60 * SECOND)  # noted: idle counts from 12:01:00
    assert is_open(database, token, NOON + timedelta(minutes=31) - SECOND)


def test_rights_are_those_of_now(database, ann):
    token = begun(database)
    assert principal_of_session(database, token, LASTS, NOON) == ann.principal


def test_nobody_made_this_token(database, ann):
    begun(database)
    for token in (minted(SESSION)[0], "fcs_", "", "fcs_\ud800"):
        assert not is_open(database, token, NOON)


NURSE = Principal(
    f"https://id.hospital.example/{'realm' * 20} u-4711", "case_manager", 3,
    matters=frozenset({"HIV", "violence"}), called="Maria Gómez", zone="America/Denver",
)  # fmt: skip


def test_a_user_of_the_identity_provider_is_who_he_was_as_he_signed_in(database):
    token = begin_provider_session(database, NURSE, LASTS, NOON)
    assert token.startswith(PROVIDER_SESSION)
    told = principal_of_session(database, token, LASTS, NOON)
    assert (told, told.called) == (NURSE, "Maria Gómez")
    assert not is_open(database, token.replace(PROVIDER_SESSION, SESSION), NOON)
    assert not is_open(database, minted(PROVIDER_SESSION)[0], NOON)


def test_his_session_ends_as_every_other(database):
    other = begin_provider_session(database, NURSE, LASTS, NOON)
    token = begin_provider_session(database, NURSE, LASTS, NOON)
    last = NOON + timedelta(minutes=30) - SECOND
    assert is_open(database, token, last)  # noted: idle counts anew
    assert not is_open(database, other, last + SECOND)
    for quarter in range(3, 48):
        assert is_open(database, token, NOON + timedelta(minutes=15 * quarter))
    assert not is_open(database, token, NOON + timedelta(hours=12))
    left = begin_provider_session(database, NURSE, LASTS, NOON)
    sign_out(database, left)
    assert not is_open(database, left, NOON)


def test_those_that_are_over_are_cleared_away_at_the_next_sign_in(database):
    for at in (NOON, NOON + timedelta(minutes=30)):
        begin_provider_session(database, NURSE, LASTS, at)
    with database.reading() as connection:
        assert len(connection.execute(sa.select(provider_session)).all()) == 1


OTHER_NURSE = replace(NURSE, name=NURSE.name + "2")


@pytest.fixture
def several(database, ann):
    """Tokens: two of ann, two of a user of the provider, one of another."""
    tokens = [begun(database) for _ in range(2)]
    users = (NURSE, NURSE, OTHER_NURSE)
    return [*tokens, *(begin_provider_session(database, one, LASTS, NOON) for one in users)]


@pytest.mark.parametrize(
    ("typed", "name", "left"),
    [(" Ann ", "ann", [2, 3, 4]), (f"{NURSE.name} ", NURSE.name, [0, 1, 4])],
)
def test_all_sessions_of_somebody_are_ended_and_nobody_else_s(database, several, typed, name, left):
    assert end_all_of(database, typed) == (name, 2)
    assert [n for n, token in enumerate(several) if is_open(database, token, NOON)] == left


def test_who_is_signed_in_nowhere_has_no_session_to_end(database, ann):
    assert end_all_of(database, "ann") == ("ann", 0)


def test_all_sessions_of_the_provider_are_ended_and_no_account_s(database, several):
    assert end_all_of_provider(database) == 3
    assert [n for n, token in enumerate(several) if is_open(database, token, NOON)] == [0, 1]


@pytest.mark.parametrize(
    ("typed", "told"),
    [("eve", "no account 'eve'"), ("", "cannot be the name of an account"),
     (NURSE.name.partition(" ")[0], "cannot be the name of an account"),
     (f"{NURSE.name}3", "Nobody is signed in as"), (f"{NURSE.name}\udcff", "Nobody is signed in"),
     ("% %", "Nobody is signed in as")],
)  # fmt: skip
def test_of_whom_nothing_is_known_no_session_is_ended(database, several, typed, told):
    with pytest.raises(InputError, match=told):
        end_all_of(database, typed)
    assert all(is_open(database, token, NOON) for token in several)


class Sessions(RuleBasedStateMachine):
    """The model: of each token whose it is, when it began, when use was last noted."""

    tokens = Bundle("tokens")

    def __init__(self, database, hashing):
        super().__init__()
        self.database, self.hashing = database, hashing
        self.now = NOON
        self.open, self.disabled = {}, set()

    @initialize()
    def two_people(self):
        for name in ("ann", "bob"):
            self.there(name)

    def there(self, name):
        try:
            add_account(self.database, name, "analyst", "three plain words", self.hashing)
        except InputError:  # from an example before
            enable(self.database, name)

    @rule(target=tokens, name=st.sampled_from(("ann", "bob")))
    def signs_in(self, name):
        token = begun(self.database, name, self.now)
        self.open[token] = [name, self.now, self.now]
        return token

    @rule(seconds=st.sampled_from((1, 59, 60, 61, 1740, 1799, 1800, 1801, 43_200)))
    def time_passes(self, seconds):
        self.now += timedelta(seconds=seconds)

    @rule(token=tokens)
    def is_used(self, token):
        expected = False
        if token in self.open and self.open[token][0] not in self.disabled:
            _, began, noted = self.open[token]
            unused, lived = (self.now - since for since in (noted, began))
            expected = unused < timedelta(minutes=30) and lived < timedelta(hours=12)
            if expected and unused >= timedelta(minutes=1):
                self.open[token][2] = self.now
        assert is_open(self.database, token, self.now) == expected

    @rule(token=tokens)
    def signs_out(self, token):
        sign_out(self.database, token)
        self.open.pop(token, None)

    @rule(name=st.sampled_from(("ann", "bob")))
    def is_disabled(self, name):
        disable(self.database, name)
        self.disabled.add(name)
        self.end_all_of(name)

    @rule(name=st.sampled_from(("ann", "bob")))
    def is_enabled(self, name):
        enable(self.database, name)
        self.disabled.discard(name)
        self.end_all_of(name)

    @rule(name=st.sampled_from(("ann", "bob")))
    def changes_password(self, name):
        set_password(self.database, name, "another four plain words", self.hashing)
        self.end_all_of(name)

    def end_all_of(self, name):
        self.open = {token: held for token, held in self.open.items() if held[0] != name}


def test_sessions_are_open_exactly_as_the_model_says(database, hashing):
    run_state_machine_as_test(
        lambda: Sessions(database, hashing),
        settings=settings(max_examples=40, stateful_step_count=25, derandomize=True),
    )
