"""Somebody gives his own account another password, by the one that he has.

A wrong one counts as at the sign-in: an open session is no way to guess on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from pydantic import SecretStr

from data.errors import InputError, RefusalError
from serving.access.passwords import PasswordHashing, check_password
from serving.access.sessions import begin_session, end_all_of_account
from serving.access.sign_in import Attempt, SignInSettings, begin_attempt, forgive, held_unchanged
from serving.store.account_tables import account as _account
from serving.store.database import Database


class WrongPasswordError(RefusalError):
    """The password that one has was not the one that was typed, or the account is locked."""


@dataclass(frozen=True)
class NewPassword:
    """The hash of a password that may take the place of the one that was proved."""

    attempt: Attempt
    hashed: SecretStr


def new_password(
    database: Database,
    name: str,
    current: str,
    new: str,
    hashing: PasswordHashing,
    settings: SignInSettings,
    now: datetime | None = None,
) -> NewPassword:
    """Looks whether the account `name` may have the password `new`, and changes nothing yet.

    Takes twice the time of a sign-in: call it off the event loop. Raises InputError where `new` may
    be no password, WrongPasswordError where `current` is not the account's, BusyError where too
    many sign in at this moment.
    """
    check_password(new, name)
    if new == current:
        raise InputError("The new password is the one that you have: take another one.")
    with hashing.place():
        with database.writing() as connection:
            attempt = begin_attempt(connection, name, settings, now or datetime.now(UTC))
        kept = attempt and attempt.password_hash.get_secret_value()
        if not hashing.matches(kept, current) or attempt is None:
            raise _wrong(settings)
        return NewPassword(attempt, SecretStr(hashing.hashed(new)))


def put_in_place(
    connection: sa.Connection,
    made: NewPassword,
    settings: SignInSettings,
    now: datetime | None = None,
) -> str:
    """Gives the account its new password, within a writing transaction; ends all its sessions, and
    returns the token of a new one: whoever else holds a token of before is signed out.

    Raises WrongPasswordError where the password was changed meanwhile, or the account disabled.
    """
    attempt = made.attempt
    if not held_unchanged(connection, attempt):
        raise _wrong(settings)
    name, at = attempt.account.name, now or datetime.now(UTC)
    changed = {"password_hash": made.hashed, "password_set_at": at}
    connection.execute(sa.update(_account).where(_account.c.name == name).values(changed))
    forgive(connection, attempt)
    end_all_of_account(connection, name)
    return begin_session(connection, name, settings.sessions, at)


def _wrong(settings: SignInSettings) -> WrongPasswordError:
    return WrongPasswordError(
        "The password that you have was not the one that you typed, or there were too many wrong "
        f"ones: try again, or wait {settings.locked_minutes} minutes, or ask whoever looks after "
        "this service."
    )
