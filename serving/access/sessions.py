"""Sessions: what somebody who signed in shows with each request, until he leaves or is idle."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Annotated

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field

from serving.access.accounts import COLUMNS, as_account
from serving.access.opaque_tokens import SESSION, digest, minted
from serving.access.roles import NotSignedInError, Principal
from serving.store.account_tables import account as _account
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
    over = (_session.c.created_at <= now - settings.absolute) | (
        _session.c.last_used_at <= now - settings.idle
    )
    # sign-ins at once each take what the others leave: in no order they would wait for each other
    free = sa.select(_session.c.token_sha256).where(over).with_for_update(skip_locked=True)
    connection.execute(sa.delete(_session).where(_session.c.token_sha256.in_(free)))
    connection.execute(
        sa.insert(_session).values(token_sha256=kept, name=name, created_at=now, last_used_at=now)
    )
    return token


def principal_of_session(
    database: Database, token: str, settings: SessionSettings, now: datetime
) -> Principal:
    """Who is signed in by this token, with the role and rights that he has now.

    Raises NotSignedInError where the session is over, was ended, or never was, or its account is
    disabled.
    """
    kept = digest(token)
    query = (
        sa.select(*COLUMNS, _session.c.created_at.label("since"), _session.c.last_used_at)
        .join(_session, _session.c.name == _account.c.name)
        .where(_session.c.token_sha256 == kept, ~_account.c.disabled)
    )
    with database.reading() as connection:
        row = connection.execute(query).one_or_none()
    if (
        row is None
        or now >= row.since + settings.absolute
        or now >= row.last_used_at + settings.idle
    ):
        raise NotSignedInError("This session is over: sign in again.")
    if now >= row.last_used_at + _NOTED_EVERY:
        _note_use(database, kept, now)
    return as_account(row).principal


def _note_use(database: Database, kept: str, now: datetime) -> None:
    # while a night is published it may stay unnoted: the next request notes it
    with suppress(BusyDatabaseError), database.writing(at_most=0.5) as connection:
        connection.execute(
            sa.update(_session)
            .where(_session.c.token_sha256 == kept, _session.c.last_used_at < now)
            .values(last_used_at=now)
        )


def sign_out(database: Database, token: str) -> None:
    """Ends a session; nothing happens where there is none."""
    with database.writing() as connection:
        connection.execute(sa.delete(_session).where(_session.c.token_sha256 == digest(token)))
