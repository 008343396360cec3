"""The door to the database: an SQLite file, or PostgreSQL.

SQLite lets many read beside one who writes (WAL); a writer asks for the right to write as he begins
and waits for others, because a reader who turns writer would fail instead of waiting. How long, and
that nobody who reads waits with him, is told in `serving.store.write_turns`. What a
database refuses is told in one sentence of ours, without the address's password and without any
value: the driver's own text of a broken constraint would hold a patient's id.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc

from data.errors import FirstcallError, InputError, RefusalError
from data.home import Home
from serving.store.revisions import made_ready
from serving.store.write_turns import PLACES, NoTurnError, WriteTurns

VARIABLE = "FIRSTCALL_DATABASE"


class DatabaseError(FirstcallError):
    """The database does not answer as it should: whoever asks over HTTP asks again later."""


class UnreachableDatabaseError(DatabaseError, InputError):
    """It cannot be reached, or not be used."""


class BusyDatabaseError(DatabaseError, RefusalError):
    """It is busy with somebody else's work."""


COMMAND_WAITS = 60.0
"""Seconds that who wants to write to SQLite waits for another writer: longer than a large night is
written."""
ANSWER_WAITS = 25.0
"""The same where an answer depends on it, which is given up before long
(`serving.api.recording.LONGEST_WAIT`)."""
_SQLITE_CONNECTIONS, _IN_A_RUSH = 16, 16
"""That stay open, as many as requests are usually answered at a time, and as many more."""
POSTGRESQL_CONNECTIONS = 15
"""The most that one process has: a worker, a night, a command."""

_SESSION = (
    "SET TIME ZONE 'UTC'",
    "SET statement_timeout = '60s'",
    "SET lock_timeout = '30s'",
    "SET idle_in_transaction_session_timeout = '10min'",  # a worker that hangs holds no lock
)
_FORMS = (
    "give sqlite:///PATH, with the path of a file, or postgresql://USER:PASSWORD@HOST:PORT/NAME"
)


def database_url(home: Home) -> str:
    """FIRSTCALL_DATABASE; where it is not set the SQLite file of the home, which is made."""
    named = os.environ.get(VARIABLE)
    if named:
        return named
    home.make()
    file = sa.URL.create("sqlite", database=str(home.store_database))
    return file.render_as_string(hide_password=False)


class Database:
    """One database and the connections to it. Threads may share it; a process that was forked may
    not: each opens its own."""

    def __init__(self, engine: sa.Engine, place: str, turns: WriteTurns | None = None) -> None:
        """`turns`: of those who write to an SQLite file."""
        self._engine = engine
        self._turns = turns
        self.place = place
        """Where it lies, as a user may be told: without user and password."""
        self.is_postgresql = engine.dialect.name == "postgresql"
        begin = (
            {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            if self.is_postgresql
            else {"begin": "BEGIN"}
        )
        self._reading = engine.execution_options(**begin)
        self._writing = engine.execution_options(begin="BEGIN IMMEDIATE")
        alone = {"isolation_level": "AUTOCOMMIT"} if self.is_postgresql else {"begin": ""}
        self._asking = engine.execution_options(**alone)

    @classmethod
    def open(cls, url: str, upgrade: bool | None = None, answers: bool = False) -> Database:
        """Opens the database at `url` ("sqlite:///PATH" or "postgresql://…"), or makes its tables.

        `upgrade`: whether one that an earlier release left is brought up to date; None: an SQLite
        file and an empty PostgreSQL are, another PostgreSQL is refused; False: nothing is looked at
        or changed. `answers`: requests are answered from it, which wait for a writer of an SQLite
        file for ANSWER_WAITS and not for COMMAND_WAITS. Raises InputError where the address is
        neither or nothing answers there, RefusalError where the database is behind (and `upgrade`
        is None), or of a newer release.
        """
        address = _address(url)
        if address.drivername == "sqlite":
            database = _sqlite(address, answers)
        else:
            database = _postgresql(address)
        try:
            if upgrade is not False:
                made_ready(database, upgrade)
        except BaseException:
            database.close()
            raise
        return database

    @property
    def file(self) -> Path | None:
        """The SQLite file, None of PostgreSQL."""
        return None if self.is_postgresql else Path(self._engine.url.database or "")

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """One snapshot: whatever is read in it is of one moment.

        Raises InputError where the database cannot be reached, RefusalError where it took too long.
        """
        with self._told(), self._reading.begin() as connection:
            yield connection

    @contextmanager
    def asking(self) -> Iterator[sa.Connection]:
        """For one statement that only reads, without a transaction around it. Raises as `reading`
        does."""
        with self._told(), self._asking.connect() as connection:
            yield connection

    @contextmanager
    def writing(
        self, at_most: float | None = None, for_others: bool = False
    ) -> Iterator[sa.Connection]:
        """One transaction, kept whole at the end or, on an error, not at all.

        `at_most`: the seconds for which whoever can do without it waits for another writer of an
        SQLite file; `for_others`: one thread, for which those wait in whose place it writes. Raises
        as `reading` does; sqlalchemy.exc.IntegrityError where a constraint
        forbids a row.
        """
        turn = nullcontext() if self._turns is None else self._turns.taken(at_most, for_others)
        with self._told(), turn as seconds, self._writing.connect() as connection:
            if seconds is not None:
                connection.execution_options(waits_ms=int(seconds * 1000))
            with connection.begin():
                yield connection

    @contextmanager
    def together(self) -> Iterator[Database]:
        """One transaction for all that is read and written through the database that this gives:
        it is kept whole at the end or not at all. Raises as `writing` does."""
        with self.writing() as connection:
            yield _Together(self, connection)

    @contextmanager
    def session(self) -> Iterator[sa.Connection]:
        """A connection of one's own that ends with the block, and all that it holds with it. Every
        statement is a transaction."""
        with self._told(), self._engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.detach()  # it is closed, not given back, with what it holds
            yield connection

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What the database refuses, in words that hold no password and no value."""
        try:
            yield
        except exc.DBAPIError as error:
            raise self._in_words(error) from None
        except NoTurnError:
            raise self._busy_with_writers() from None
        except exc.TimeoutError:
            raise BusyDatabaseError(
                f"All connections to the database at {self.place} are taken: ask again in a moment."
            ) from None

    def _in_words(self, error: exc.DBAPIError) -> Exception:
        said = str(error.orig).partition("\n")[0].strip()
        if not self.is_postgresql:
            return self._of_sqlite(error, said)
        state = getattr(error.orig, "sqlstate", None)
        if state == "42501":
            return BusyDatabaseError(
                f"The database at {self.place} forbids this to the user of its address: grant him "
                "the right to make tables in its schema and to change them."
            )
        connecting = error.statement is None
        if not isinstance(error, exc.OperationalError) and not connecting:
            return _without_values(error)
        if state in (
            "57014",
            "55P03",
            "40001",
            "40P01",
        ):  # cancelled, lock, serialisation, deadlock
            return BusyDatabaseError(
                f"The database at {self.place} took too long or was busy with somebody else's "
                "work: ask again in a moment."
            )
        for secret in _secrets(self._engine.url):
            said = said.replace(secret, "***")
        return UnreachableDatabaseError(
            f"The database at {self.place} cannot be reached: {said.rstrip('.')}."
        )

    def _of_sqlite(self, error: exc.DBAPIError, said: str) -> Exception:
        if isinstance(error, exc.IntegrityError):
            return error  # SQLite names columns only
        if "locked" in said:
            return self._busy_with_writers()
        if type(error) in (exc.OperationalError, exc.DatabaseError):
            return UnreachableDatabaseError(f"The database at {self.place} cannot be used: {said}.")
        return error

    def _busy_with_writers(self) -> BusyDatabaseError:
        return BusyDatabaseError(
            f"Others are writing to the database at {self.place}, and did not end in time: ask "
            "again in a moment."
        )


class _Together(Database):
    """A database of which every transaction is a part of one that somebody else ends."""

    def __init__(self, whole: Database, connection: sa.Connection) -> None:
        self.place, self.is_postgresql = whole.place, whole.is_postgresql
        self._connection = connection

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        yield self._connection

    @contextmanager
    def writing(
        self, at_most: float | None = None, for_others: bool = False
    ) -> Iterator[sa.Connection]:
        yield self._connection


def _without_values(error: exc.DBAPIError) -> exc.DBAPIError:
    """The same error with what was wrong, and without the row that was wrong."""
    diagnosis = getattr(error.orig, "diag", None)
    names = [getattr(diagnosis, f"{kind}_name", None) for kind in ("constraint", "table", "column")]
    about = ", ".join(name for name in names if name)
    kind: Any = type(error.orig)
    told = kind.__name__ + (f" ({about})" if about else "")
    if isinstance(error, exc.ProgrammingError) and diagnosis is not None:
        told = f"{told}: {diagnosis.message_primary}"  # about the statement, which holds no value
    return type(error)(error.statement, None, kind(told), hide_parameters=True)


def _secrets(url: sa.URL) -> list[str]:
    named = [value for name, value in url.query.items() if "password" in name]
    return [secret for secret in (url.password, *named) if isinstance(secret, str) and secret]


def _address(url: str) -> sa.URL:
    try:
        address = sa.make_url(url.strip())
    except (exc.ArgumentError, ValueError):  # its text repeats the address, password and all
        raise InputError(f"The address of the database cannot be read: {_FORMS}.") from None
    if address.drivername in ("sqlite", "sqlite+pysqlite"):
        return address.set(drivername="sqlite")
    if address.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        return address.set(drivername="postgresql+psycopg")
    raise InputError(f"firstcall cannot use a database of {address.drivername}: {_FORMS}.")


def _sqlite(address: sa.URL, answers: bool) -> Database:
    path = Path(address.database or "")
    if address.database in (None, "", ":memory:") or address.host or address.query:
        raise InputError(f"The address names no file for the SQLite database: {_FORMS}.")
    if not path.parent.is_dir():
        raise InputError(f"There is no folder {path.parent} for the SQLite database: make it.")
    turns = WriteTurns(ANSWER_WAITS, PLACES) if answers else WriteTurns(COMMAND_WAITS)
    engine = sa.create_engine(
        address, hide_parameters=True, pool_size=_SQLITE_CONNECTIONS, max_overflow=_IN_A_RUSH,
        execution_options={"waits_ms": int(turns.seconds * 1000)},
    )  # fmt: skip
    event.listen(engine, "connect", _connected_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return Database(engine, str(path), turns)


def _connected_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # SQLAlchemy says BEGIN itself, for reads too
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: sa.Connection) -> None:
    options = connection.get_execution_options()
    begin = options.get("begin", "BEGIN")
    driver: Any = connection.connection.dbapi_connection
    driver.execute(f"PRAGMA busy_timeout={options['waits_ms']}")  # each transaction has its own
    if begin:
        connection.exec_driver_sql(begin)


def _postgresql(address: sa.URL) -> Database:
    engine = sa.create_engine(
        address,
        hide_parameters=True,
        pool_pre_ping=True,
        pool_size=POSTGRESQL_CONNECTIONS,
        max_overflow=0,  # so that an operator can tell how many there are at most
        connect_args={
            "connect_timeout": 10,
            "application_name": "firstcall",
            "keepalives_idle": 60,  # the session that holds a night's lock says nothing for hours
        },
    )
    event.listen(engine, "connect", _connected_postgresql)
    port = f":{address.port}" if address.port else ""
    return Database(engine, f"postgresql://{address.host or ''}{port}/{address.database or ''}")


def _connected_postgresql(connection: Any, _: object) -> None:
    with connection.cursor() as cursor:
        for statement in _SESSION:
            cursor.execute(statement)
    connection.commit()
