"""Signing in with name and password: too many wrong ones lock an account for a while.

An attempt is counted before the password is tried, and forgiven where it was right. So at most
`wrong_in_a_row` passwords are tried before a lock, however many workers try at once, and a worker
that dies has counted. What an attempt forgives is itself and those before it: a wrong password that
was begun later stays counted.

Whatever the reason is (no such name, wrong password, locked, disabled), the answer is one and the
same sentence. One of its own for a locked account would say that there is such a name; and since a
right password gets the same answer while the account is locked, guessing on tells nothing. Whoever
was locked out reads in it what to do: wait, or ask. The work is the same too: for names that are no
account's a hash is computed and an attempt counted like for any other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from serving.access.accounts import Account, as_account, login_name
from serving.access.passwords import PasswordHashing
from serving.access.roles import NotSignedInError
from serving.access.sessions import SessionSettings, begin_session
from serving.store.account_tables import account as _account
from serving.store.account_tables import sign_in_attempt as _attempt
from serving.store.database import Database

_NOBODYS = ""  # the row that counts for names that are no account's; it never locks


class SignInSettings(BaseModel):
    """After `wrong_in_a_row` wrong passwords an account is locked for `locked_minutes`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    wrong_in_a_row: Annotated[int, Field(ge=1)] = 5
    locked_minutes: Annotated[int, Field(ge=1)] = 15
    sessions: SessionSettings = SessionSettings()

    @property
    def locked_for(self) -> timedelta:
        return timedelta(minutes=self.locked_minutes)

    @property
    def refusal(self) -> str:
        """The one sentence for whoever is not let in."""
        return (
            "The name or the password is wrong, or there were too many wrong ones: check both, or "
            f"wait {self.locked_minutes} minutes, or ask whoever looks after this service."
        )


@dataclass(frozen=True)
class SignedIn:
    """Who signed in, and the token of his session, which is shown this once. `until` is when it
    ends in any case."""

    token: str = field(repr=False)
    account: Account
    until: datetime


@dataclass(frozen=True)
class Attempt:
    """An attempt that was counted: its number, and what the password has to match."""

    number: int
    account: Account
    password_hash: SecretStr
    password_set_at: datetime


def sign_in(
    database: Database,
    name: str,
    password: str,
    hashing: PasswordHashing,
    settings: SignInSettings,
    now: datetime | None = None,
) -> SignedIn:
    """Opens a session for whoever knows name and password.

    Takes a tenth of a second or more, nearly all of it the hash: call it off the event loop. Raises
    NotSignedInError with one and the same sentence whatever is wrong, BusyError where too many
    sign in at this moment (no attempt is counted then).
    """
    at = now or datetime.now(UTC)
    with hashing.place():
        with database.writing() as connection:
            begun = begin_attempt(connection, login_name(name), settings, at)
        kept = begun and begun.password_hash.get_secret_value()
        if not hashing.matches(kept, password) or begun is None or kept is None:
            raise NotSignedInError(settings.refusal)
        renewed = hashing.hashed(password) if hashing.outdated(kept) else None
    with database.writing() as connection:
        token = _succeed(connection, begun, renewed, settings, at)
    if token is None:
        raise NotSignedInError(settings.refusal)
    return SignedIn(token, begun.account, at + settings.sessions.absolute)


def begin_attempt(
    connection: sa.Connection, name: str | None, settings: SignInSettings, now: datetime
) -> Attempt | None:
    """Counts an attempt of the account, within a writing transaction; of nobody where there is no
    such account or it is locked, and then returns None."""
    found = connection.execute(
        sa.select(_account).where(_account.c.name == (name or _NOBODYS))
    ).one_or_none()
    number = None if found is None else _counted(connection, found.name, settings, now)
    if found is None or number is None:
        nobodys = _attempt.c.name == _NOBODYS
        connection.execute(sa.update(_attempt).where(nobodys).values(begun=_attempt.c.begun + 1))
        return None
    return Attempt(number, as_account(found), found.password_hash, found.password_set_at)


def _counted(
    connection: sa.Connection, name: str, settings: SignInSettings, now: datetime
) -> int | None:
    """The number of the attempt that begins; None where the account is locked: that counts not."""
    row = connection.execute(
        sa.select(_attempt).where(_attempt.c.name == name).with_for_update()
    ).one()
    if row.locked_until is not None and now < row.locked_until:
        return None
    number = row.begun + 1
    forgiven = row.forgiven if row.locked_until is None else row.begun
    locks = number - forgiven >= settings.wrong_in_a_row
    connection.execute(
        sa.update(_attempt)
        .where(_attempt.c.name == name)
        .values(
            begun=number,
            forgiven=forgiven,
            locked_until=now + settings.locked_for if locks else None,
        )
    )
    return number


def _succeed(
    connection: sa.Connection,
    begun: Attempt,
    renewed: str | None,
    settings: SignInSettings,
    now: datetime,
) -> str | None:
    """Forgives what came before, and opens a session; None where the account was disabled or its
    password changed while the hash was computed."""
    if not held_unchanged(connection, begun):
        return None
    name = begun.account.name
    if renewed is not None:
        connection.execute(
            sa.update(_account)
            .where(_account.c.name == name)
            .values(password_hash=SecretStr(renewed))
        )
    forgive(connection, begun)
    return begin_session(connection, name, settings.sessions, now)


def held_unchanged(connection: sa.Connection, attempt: Attempt) -> bool:
    """Whether the account is as it was when the attempt began; it stays so until the transaction
    ends."""
    of_account = _account.c.name == attempt.account.name
    row = connection.execute(sa.select(_account).where(of_account).with_for_update()).one_or_none()
    return row is not None and not row.disabled and row.password_set_at == attempt.password_set_at


def forgive(connection: sa.Connection, attempt: Attempt) -> None:
    """Forgives an attempt whose password was right, and those before it."""
    connection.execute(
        sa.update(_attempt)
        .where(_attempt.c.name == attempt.account.name, _attempt.c.forgiven < attempt.number)
        .values(forgiven=attempt.number, locked_until=None)
    )
