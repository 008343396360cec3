"""Signing in: who is let in, what is told to the others, and what locks an account."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher

from serving.access.accounts import accounts, add_account, disable, enable, set_password, unlock
from serving.access.passwords import BusyError, PasswordHashing
from serving.access.roles import NotSignedInError
from serving.access.sessions import SessionSettings, principal_of_session
from serving.access.sign_in import SignInSettings, sign_in
from serving.store.account_tables import account, sign_in_attempt

RIGHT, WRONG = "three plain words", "three other words"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SETTINGS = SignInSettings()
SESSIONS = SessionSettings()


def minutes(number):
    return NOON + timedelta(minutes=number)


@pytest.fixture
def ann(database, hashing):
    return add_account(database, "ann", "supervisor", RIGHT, hashing)


def attempts(database, name="ann"):
    """Attempts begun, the last one forgiven."""
    with database.reading() as connection:
        row = connection.execute(
            sa.select(sign_in_attempt).where(sign_in_attempt.c.name == name)
        ).one()
    return row.begun, row.forgiven


def let_in(database, hashing, password, at=NOON, name="ann"):
    """What a sign-in brings; None where it is refused: always in the same words."""
    try:
        return sign_in(database, name, password, hashing, SETTINGS, at)
    except NotSignedInError as refused:
        if str(refused) != SETTINGS.refusal:
            raise
        return None


def test_name_and_password_open_a_session(database, hashing, ann):
    opened = sign_in(database, " ANN ", RIGHT, hashing, SETTINGS, NOON)
    assert opened.account == ann
    assert opened.until == minutes(12 * 60)
    assert principal_of_session(database, opened.token, SESSIONS, NOON) == ann.principal
    assert opened.token.startswith("fcs_")
    assert opened.token not in repr(opened)


# What each sign-in brings, one after the other: minute, password, whether it is let in.
LOCK_OUT = [
    [(0, WRONG, False)] * 4 + [(0, RIGHT, True)],                         # 4 wrong ones, then right
    [(0, WRONG, False)] * 5 + [(0, RIGHT, False), (14, RIGHT, False)],    # 5: locked for 15 minutes
    [(0, WRONG, False)] * 5 + [(15, RIGHT, True)],                        # 15 minutes are over
    [(0, WRONG, False)] * 4 + [(0, RIGHT, True)] + [(1, WRONG, False)] * 4 + [(1, RIGHT, True)],
    [(0, WRONG, False)] * 5 + [(15, WRONG, False)] * 4 + [(15, RIGHT, True)],  # counted anew
    [(0, WRONG, False)] * 5 + [(15, WRONG, False)] * 5 + [(16, RIGHT, False), (30, RIGHT, True)],
    [(0, WRONG, False)] * 5 + [(14, WRONG, False)] * 9 + [(15, RIGHT, True)],  # as long
    [(n, WRONG, False) for n in range(0, 500, 100)] + [(401, RIGHT, False)],  # slowly
]  # fmt: skip


@pytest.mark.parametrize("tried", LOCK_OUT, ids=range(len(LOCK_OUT)))
def test_five_wrong_passwords_in_a_row_lock_for_a_quarter_of_an_hour(database, hashing, ann, tried):
    told = [let_in(database, hashing, word, minutes(at)) is not None for at, word, _ in tried]
    assert told == [whether for *_, whether in tried]


def test_one_account_s_lock_is_not_another_s(database, hashing, ann):
    add_account(database, "bob", "analyst", RIGHT, hashing)
    for _ in range(5):
        assert let_in(database, hashing, WRONG) is None
    assert accounts(database)[0].locked_until == minutes(15)
    assert let_in(database, hashing, RIGHT, name="bob")
    unlock(database, "ann")
    assert let_in(database, hashing, RIGHT)


def test_another_password_unlocks(database, hashing, ann):
    for _ in range(5):
        let_in(database, hashing, WRONG)
    set_password(database, "ann", "another four plain words", hashing)
    assert let_in(database, hashing, RIGHT) is None
    assert let_in(database, hashing, "another four plain words")


NO_NAMES = ["eve", "", "  ", "a" * 10_000, "a\x00b", "ann'--", "\ud800", "\N{KELVIN SIGN}im"]


@pytest.mark.parametrize("name", NO_NAMES, ids=range(len(NO_NAMES)))
def test_a_name_that_is_no_account_s_is_counted_and_hashed_like_any_other(
    database, hashing, ann, name
):
    before, _ = attempts(database, "")
    hashed = Counting()
    assert let_in(database, hashed, RIGHT, name=name) is None
    assert (attempts(database, "")[0], attempts(database)[0]) == (before + 1, 0)
    assert hashed.verified == 1
    for _ in range(20):  # nobody's row never locks anything
        let_in(database, hashing, RIGHT, name=name)
    assert let_in(database, hashing, RIGHT)


def test_a_locked_account_costs_the_same_work(database, hashing, ann):
    for _ in range(5):
        let_in(database, hashing, WRONG)
    hashed = Counting()
    before, _ = attempts(database, "")
    assert let_in(database, hashed, RIGHT) is None
    assert (hashed.verified, attempts(database, "")[0]) == (1, before + 1)


@pytest.mark.parametrize("password", ["", "x" * 1_000_000, "\ud800" * 12, "\x00" * 12])
def test_what_is_no_password_is_wrong_and_counts(database, hashing, ann, password):
    assert let_in(database, hashing, password) is None
    assert attempts(database) == (1, 0)


def test_who_is_disabled_is_not_let_in_and_not_told_why(database, hashing, ann):
    disable(database, "ann")
    assert let_in(database, hashing, RIGHT) is None
    enable(database, "ann")
    assert let_in(database, hashing, RIGHT)


def test_who_is_sent_away_because_many_sign_in_has_not_tried(database, ann):
    full = PasswordHashing(CHEAP, at_once=1, waiting=0)
    with full.place(), pytest.raises(BusyError):
        sign_in(database, "ann", WRONG, full, SETTINGS, NOON)
    assert attempts(database) == (0, 0)


def test_a_hash_of_older_parameters_is_renewed_as_its_owner_signs_in(database, hashing, ann):
    def kept():
        with database.reading() as connection:
            return connection.scalar(sa.select(account.c.password_hash)).get_secret_value()

    old, stronger = kept(), PasswordHashing(PasswordHasher(2, 16, 1))
    assert let_in(database, stronger, WRONG) is None
    assert kept() == old
    assert let_in(database, stronger, RIGHT)
    assert "$m=16,t=2,p=1$" in kept()
    assert let_in(database, stronger, RIGHT)


CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class Counting(PasswordHashing):
    """Counts the hashes that were compared."""

    def __init__(self):
        super().__init__(CHEAP)
        self.verified = 0

    def matches(self, kept, password):
        self.verified += 1
        return super().matches(kept, password)


class Meanwhile(PasswordHashing):
    """Lets something happen while it hashes."""

    def __init__(self, happens, argon2=CHEAP):
        super().__init__(argon2)
        self.happens = happens

    def matches(self, kept, password):
        self.happens()
        return super().matches(kept, password)


def test_a_wrong_password_that_was_begun_later_is_not_forgiven(database, hashing, ann):
    for _ in range(3):
        let_in(database, hashing, WRONG)
    slow = Meanwhile(lambda: let_in(database, hashing, WRONG))
    assert let_in(database, slow, RIGHT)  # attempt 4; while it is hashed, 5 is begun
    assert attempts(database) == (5, 4)
    for _ in range(4):
        let_in(database, hashing, WRONG)  # 6, 7, 8, 9: five wrong ones in a row
    assert let_in(database, hashing, RIGHT) is None


def test_a_right_password_forgives_no_later_one_that_locked(database, hashing, ann):
    def both():
        assert let_in(database, hashing, RIGHT)  # 2
        for _ in range(5):
            let_in(database, hashing, WRONG)  # 3 to 7: locked

    assert let_in(database, Meanwhile(both), RIGHT)  # 1
    assert attempts(database) == (7, 2)
    assert let_in(database, hashing, RIGHT) is None


def test_whoever_is_disabled_while_his_password_is_hashed_gets_no_session(database, hashing, ann):
    assert let_in(database, Meanwhile(lambda: disable(database, "ann")), RIGHT) is None


def test_a_password_that_is_changed_while_it_is_hashed_opens_nothing(database, hashing, ann):
    slow = Meanwhile(lambda: set_password(database, "ann", "another four plain words", hashing))
    assert let_in(database, slow, RIGHT) is None


def test_a_hash_that_is_renewed_while_another_sign_in_hashes_disturbs_it_not(
    database, hashing, ann
):
    stronger = PasswordHasher(2, 16, 1)
    slow = Meanwhile(lambda: let_in(database, PasswordHashing(stronger), RIGHT), stronger)
    assert let_in(database, slow, RIGHT)
