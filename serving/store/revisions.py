"""Which revision of the tables a database has, and its way to another one (Alembic)."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from data.errors import InputError, RefusalError
from serving.store import advisory_lock

if TYPE_CHECKING:
    from serving.store.database import Database

VERSION_TABLE = "firstcall_revision"
"""Alembic's table under a name of our own: MLflow may keep its tables in the same database."""
NOTHING = "base"
"""The revision of a database without tables."""

LOST = {
    "0001": "every night: runs, scores, reasons, lists and panels",
    "0002": "every account, session and service token",
    "0003": "the audit record, every action and consent, and the answers to keyed requests",
    "0004": "the refusal of an SQLite file to replace a row of the record",
    "0005": "when outreach was due, what changed on each list, and which discharges were told when",
    "0006": "who moved whom to another panel, and that the nights keep to it",
    "0007": "the sessions by way of the identity provider, and everybody's own time zone",
}
"""What is lost where a database goes back to before a revision."""
HOLDS_RECORD = "0003"
"""The revision that made the audit record."""

_MIGRATIONS = Path(__file__).parent / "migrations"
_FIRST_TABLES = ("run", "score", "reason", "worklist", "published")
"""What every store had that was made before there were revisions."""


@cache
def revisions() -> tuple[str, ...]:
    """Every revision that this release knows, the oldest first, by the names of their files."""
    return tuple(sorted(p.name[:4] for p in (_MIGRATIONS / "versions").glob("[0-9]*.py")))


def head() -> str:
    """The revision that this release works with."""
    return revisions()[-1]


def revision(database: Database) -> str | None:
    """The revision of a database; None where it has none, as an empty one."""
    with database.reading() as connection:
        return _revision(connection)


def upgrade(database: Database) -> None:
    """Brings a database to the newest revision, in one transaction. Whoever comes second waits, and
    finds nothing to do.

    Raises RefusalError where it is of a newer release, or where its tables are somebody else's.
    """
    with database.writing() as connection:
        _alone(connection)
        if _standing(connection, database) != head():
            _refuse_strangers(connection, database)
            _alembic("upgrade", connection, "head")


def downgrade(database: Database, to: str) -> None:
    """Takes a database back to an older revision, in one transaction; what only newer ones hold is
    lost. "base" drops every table.

    Raises InputError where `to` is no older revision, RefusalError as `upgrade`.
    """
    with database.writing() as connection:
        _alone(connection)
        _taken_back(connection, database, to)
        _alembic("downgrade", connection, to)


def lost(database: Database, to: str) -> list[str]:
    """What `downgrade` would lose, a revision each, the newest first. Raises as it does."""
    with database.reading() as connection:
        return [LOST[one] for one in _taken_back(connection, database, to)]


def _taken_back(connection: sa.Connection, database: Database, to: str) -> list[str]:
    """The revisions between a database's own and an older one, the newest first."""
    now = _standing(connection, database)
    older = () if now is None else (NOTHING, *(r for r in revisions() if r < now))
    if to not in older:
        raise InputError(
            f"{to!r} is no older revision of the database: "
            + (f"choose one of {', '.join(older)}." if older else "it has no tables yet.")
        )
    back = [r for r in revisions() if now is not None and r <= now and (to == NOTHING or r > to)]
    return back[::-1]


def made_ready(database: Database, wanted: bool | None) -> None:
    """Sees to it that a database has the newest revision, or refuses it: see `Database.open`."""
    with database.reading() as connection:
        now = _standing(connection, database)
        if now == head():
            return
        empty = now is None and not _ours(connection)
    if wanted is None and database.is_postgresql and not empty:
        _refuse_strangers_of(database)
        raise RefusalError(
            f"The database at {database.place} is of an earlier release of firstcall: run "
            "`firstcall store upgrade`."
        )
    upgrade(database)


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.scalar(sa.text(f"SELECT version_num FROM {VERSION_TABLE}"))


def _standing(connection: sa.Connection, database: Database) -> str | None:
    """The revision. Raises RefusalError where this release does not know it."""
    now = _revision(connection)
    if now is not None and now not in revisions():
        raise RefusalError(
            f"The database at {database.place} is of a newer release of firstcall (revision {now}; "
            f"this one knows up to {head()}): install that release."
        )
    return now


def _ours(connection: sa.Connection) -> set[str]:
    """The tables that are there under a name that one of ours has."""
    from serving.store.tables import metadata

    return set(sa.inspect(connection).get_table_names()) & set(metadata.tables)


def _refuse_strangers(connection: sa.Connection, database: Database) -> None:
    """Tables without a revision are adopted where they are those that firstcall once made so."""
    if _revision(connection) is not None:
        return
    there = _ours(connection)
    if there and (database.is_postgresql or not there.issuperset(_FIRST_TABLES)):
        raise RefusalError(
            f"The database at {database.place} has a table {min(there)} that is not of firstcall: "
            "give firstcall a database or a schema of its own."
        )


def _refuse_strangers_of(database: Database) -> None:
    with database.reading() as connection:
        _refuse_strangers(connection, database)


def _alone(connection: sa.Connection) -> None:
    """Nobody else changes tables until the transaction ends. (Who writes on SQLite is alone.)"""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
        connection.execute(sa.text("SET LOCAL lock_timeout = 0"))
        advisory_lock.taken_until_commit(connection, "migration")
        connection.execute(sa.text("SET LOCAL lock_timeout = '30s'"))


def _alembic(command: str, connection: sa.Connection, to: str) -> None:
    from alembic import command as commands
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    run: Any = getattr(commands, command)
    run(config, to)
