"""Service tokens: the way in of programs. Each has a name, scopes, and a day on which it ends."""

from __future__ import annotations

import json
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from data.errors import InputError
from serving.access.accounts import checked_name, take_name
from serving.access.opaque_tokens import SERVICE, digest, minted
from serving.access.roles import (
    SCOPES,
    NotSignedInError,
    Principal,
    chosen_matters,
    chosen_scopes,
)
from serving.store.account_tables import service_token as _token
from serving.store.database import BusyDatabaseError, Database

MOST_DAYS = 366
_COLUMNS = tuple(column for column in _token.columns if column.name != "token_sha256")


@dataclass(frozen=True)
class ServiceToken:
    """One program's way in, without the token itself. It opens through `expires_on`, a day of UTC;
    a revoked one stays, and keeps its name, so that the record of what it did stays clear."""

    name: str
    scopes: frozenset[str]
    matters: frozenset[str]
    created_at: datetime
    expires_on: date
    last_used_on: date | None
    revoked_at: datetime | None

    def opens(self, day: date) -> bool:
        return self.revoked_at is None and day <= self.expires_on

    @property
    def principal(self) -> Principal:
        return Principal(self.name, "service", scopes=self.scopes, matters=self.matters)


def add_token(
    database: Database,
    name: str,
    scopes: Collection[str],
    expires_on: date,
    *,
    matters: Collection[str] = (),
    now: datetime | None = None,
) -> str:
    """Makes a service token and returns it, this once. Raises InputError where a token had the name
    before, or an account has it, no scope is given, or it would open for more than a year."""
    at = now or datetime.now(UTC)
    name = checked_name(name, "a service token")
    if not scopes:
        raise InputError(f"--scope: a token needs one at least; there are: {', '.join(SCOPES)}.")
    if not at.date() < expires_on <= at.date() + timedelta(days=MOST_DAYS):
        raise InputError(f"A token lasts for 1 to {MOST_DAYS} days from today.")
    token, kept = minted(SERVICE)
    row = {
        "name": name,
        "token_sha256": kept,
        "scopes": json.dumps(sorted(chosen_scopes(scopes))),
        "matters": json.dumps(sorted(chosen_matters(matters))),
        "created_at": at,
        "expires_on": expires_on,
    }
    with database.writing() as connection:
        take_name(connection, name)
        connection.execute(sa.insert(_token).values(row))
    return token


def service_tokens(database: Database) -> list[ServiceToken]:
    """Every token that was ever made, by name."""
    with database.reading() as connection:
        rows = connection.execute(sa.select(*_COLUMNS).order_by(_token.c.name))
        return [_as_token(row) for row in rows]


def revoke_token(database: Database, name: str, now: datetime | None = None) -> None:
    """Lets nobody in by this token any more, from the next request on. Raises InputError where
    there is none of this name, or it was revoked before."""
    name = checked_name(name, "a service token")
    with database.writing() as connection:
        found = connection.execute(
            sa.update(_token)
            .where(_token.c.name == name, _token.c.revoked_at.is_(None))
            .values(revoked_at=now or datetime.now(UTC))
        )
    if found.rowcount != 1:
        raise InputError(
            f"There is no service token {name!r} that could be revoked; firstcall token list tells "
            "which there are."
        )


def principal_of_token(database: Database, token: str, now: datetime) -> Principal:
    """The program that shows this token. Raises NotSignedInError where it does not open."""
    with database.asking() as connection:
        row = connection.execute(
            sa.select(*_COLUMNS).where(_token.c.token_sha256 == digest(token))
        ).one_or_none()
    found = None if row is None else _as_token(row)
    if found is None or not found.opens(now.date()):
        raise NotSignedInError("This service token is not known, has run out, or was revoked.")
    if found.last_used_on is None or found.last_used_on < now.date():
        _note_use(database, found.name, now.date())
    return found.principal


def _note_use(database: Database, name: str, day: date) -> None:
    """Once a day; where others write just now, at a later use."""
    unnoted = _token.c.last_used_on.is_(None) | (_token.c.last_used_on < day)
    with suppress(BusyDatabaseError), database.writing(at_most=0.5) as connection:
        connection.execute(
            sa.update(_token).where(_token.c.name == name, unnoted).values(last_used_on=day)
        )


def _as_token(row: sa.Row[Any]) -> ServiceToken:
    return ServiceToken(
        row.name, frozenset(json.loads(row.scopes)), frozenset(json.loads(row.matters)),
        row.created_at, row.expires_on, row.last_used_on, row.revoked_at,
    )  # fmt: skip
