"""Sessions against a model of them: idle, over, ended, disabled, in any order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from serving.access.accounts import add_account, disable, enable, set_password
from serving.access.opaque_tokens import SESSION, minted
from serving.access.roles import NotSignedInError
from serving.access.sessions import (
    SessionSettings,
    begin_session,
    principal_of_session,
    sign_out,
)

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
        from data.errors import InputError

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
