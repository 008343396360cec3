"""Sessions: what somebody who signed in shows with each request, until he leaves or is idle.

The session of an account has the role and rights that the account has now. That of a user of the
identity provider has those that his ID token gave him as he signed in: nothing asks the provider
about him again before he signs in anew.
"""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Annotated, Any

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field

from data.errors import InputError
from serving.access.accounts import COLUMNS, as_account, checked_name, must_exist
from serving.access.opaque_tokens import PROVIDER_SESSION, SESSION, digest, minted
from serving.access.roles import NotSignedInError, Principal
from serving.store.account_tables import account as _account
from serving.store.account_tables import provider_session as _of_provider
from serving.store.account_tables import session as _session
from serving.store.database import BusyDatabaseError, Database

_NOTED_EVERY = timedelta(minutes=1)


class SessionSettings(BaseModel):
    """How long a session lasts: so long without use, and so long in any case. Its use is noted at
    most once a minute, so who was active may have to sign in again up to a minute early."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    idle_minutes: Annotated[int, Field(ge=2)] = 30
    absolute_hours: Annotated[int, Field(ge=1)] = 12

    @property
    def idle(self) -> timedelta:
        return timedelta(minutes=self.idle_minutes)

    @property
    def absolute(self) -> timedelta:
        return timedelta(hours=self.absolute_hours)


def begin_session(
    connection: sa.Connection, name: str, settings: SessionSettings, now: datetime
) -> str:
    """Opens a session of an account within a writing transaction, and returns its token; sessions
    that are over by now are cleared away."""
    token, kept = minted(SESSION)
    _begin(connection, _session, {"token_sha256": kept, "name": name}, settings, now)
    return token


def begin_provider_session(
    database: Database, principal: Principal, settings: SessionSettings, now: datetime
) -> str:
    """Opens a session of a user of the identity provider, and returns its token; those that are
    over by now are cleared away."""
    token, kept = minted(PROVIDER_SESSION)
    held = {
        "token_sha256": kept, "name": principal.name, "called": principal.called,
        "role": principal.role,
        "manager": principal.manager, "matters": json.dumps(sorted(principal.matters)),
        "time_zone": principal.zone,
    }  # fmt: skip
    with database.writing() as connection:
        _begin(connection, _of_provider, held, settings, now)
    return token


def _begin(
    connection: sa.Connection,
    table: sa.Table,
    held: dict[str, Any],
    settings: SessionSettings,
    now: datetime,
) -> None:
    over = (table.c.created_at <= now - settings.absolute) | (
        table.c.last_used_at <= now - settings.idle
    )
    # sign-ins at once each take what the others leave: in no order they would wait for each other
    free = sa.select(table.c.token_sha256).where(over).with_for_update(skip_locked=True)
    connection.execute(sa.delete(table).where(table.c.token_sha256.in_(free)))
    connection.execute(sa.insert(table).values(held | {"created_at": now, "last_used_at": now}))


def principal_of_session(
    database: Database, token: str, settings: SessionSettings, now: datetime
) -> Principal:
    """Who is signed in by this token, with the role and rights that he has now (of a user of the
    identity provider: that he had as he signed in).

    Raises NotSignedInError where the session is over, was ended, or never was, or its account is
    disabled.
    """
    table, kept = _table_of(token), digest(token)
    query = sa.select(_of_provider, _of_provider.c.created_at.label("since"))
    if table is _session:
        query = sa.select(*COLUMNS, _session.c.created_at.label("since"), _session.c.last_used_at)
        query = query.join(_session, _session.c.name == _account.c.name).where(~_account.c.disabled)
    query = query.where(table.c.token_sha256 == kept)
    with database.reading() as connection:
        row = connection.execute(query).one_or_none()
    if (
        row is None
        or now >= row.since + settings.absolute
        or now >= row.last_used_at + settings.idle
    ):
        raise NotSignedInError("This session is over: sign in again.")
    if now >= row.last_used_at + _NOTED_EVERY:
        _note_use(database, table, kept, now)
    if table is _session:
        return as_account(row).principal
    matters = frozenset(json.loads(row.matters))
    return Principal(
        row.name, row.role, row.manager, matters=matters, called=row.called, zone=row.time_zone
    )


def _table_of(token: str) -> sa.Table:
    return _of_provider if token.startswith(PROVIDER_SESSION) else _session


def _note_use(database: Database, table: sa.Table, kept: str, now: datetime) -> None:
    # while a night is published it may stay unnoted: the next request notes it
    with suppress(BusyDatabaseError), database.writing(at_most=0.5) as connection:
        connection.execute(
            sa.update(table)
            .where(table.c.token_sha256 == kept, table.c.last_used_at < now)
            .values(last_used_at=now)
        )


def sign_out(database: Database, token: str) -> None:
    """Ends a session; nothing happens where there is none."""
    table = _table_of(token)
    with database.writing() as connection:
        connection.execute(sa.delete(table).where(table.c.token_sha256 == digest(token)))


def end_all_of_account(connection: sa.Connection, name: str) -> int:
    """Ends every session of an account, within a writing transaction, and says how many there were;
    those that had run out and were not yet cleared away count too, here and in what follows."""
    return connection.execute(sa.delete(_session).where(_session.c.name == name)).rowcount


def end_all_of(database: Database, typed: str) -> tuple[str, int]:
    """Ends every session of an account, or of a user of an identity provider ("issuer subject", as
    the record names him). Gives the name as the record has it, and how many sessions there were.

    Raises InputError where there is no such account, or where no user of a provider has a session
    by the name: nothing else is known of him.
    """
    issuer, blank, subject = typed.strip().partition(" ")
    if blank:
        return _end_all_of_user(database, f"{issuer} {subject}")
    name = checked_name(typed, "an account")
    with database.writing() as connection:
        must_exist(connection, name)
        return name, end_all_of_account(connection, name)


def _end_all_of_user(database: Database, name: str) -> tuple[str, int]:
    ended = 0
    if name.isprintable():  # as every subject is that was let in
        of_user = _of_provider.c.name == name
        with database.writing() as connection:
            ended = connection.execute(sa.delete(_of_provider).where(of_user)).rowcount
    if not ended:
        raise InputError(
            f"Nobody is signed in as {name!r}: a user of the identity provider is called by issuer "
            "and subject with a blank between them, as in the record."
        )
    return name, ended


def end_all_of_provider(database: Database) -> int:
    """Ends the sessions of everybody who signed in with an identity provider, and says how many
    there were."""
    with database.writing() as connection:
        return connection.execute(sa.delete(_of_provider)).rowcount
