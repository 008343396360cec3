"""Locks of PostgreSQL that stand for no table: only one night, only one migration at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy import exc

from data.errors import RefusalError

if TYPE_CHECKING:
    from serving.store.database import Database

# Two numbers name a lock: ours, and one of what is locked in which schema.
_OURS = 0x66697273  # "firs"
_NAMES = "(:ours, hashtext(:what || ' of ' || current_schema()))"


@contextmanager
def held(database: Database, what: str, refusal: str) -> Iterator[None]:
    """Holds a lock until the end of the block, or until the process or its connection dies.

    Raises RefusalError with the sentence `refusal` where another session holds it.
    """
    with database.session() as connection:
        names = {"ours": _OURS, "what": what}
        if not connection.scalar(sa.text(f"SELECT pg_try_advisory_lock{_NAMES}"), names):
            raise RefusalError(refusal)
        try:
            yield
        finally:  # the server notices a moment later that a connection has ended
            with suppress(exc.DBAPIError):
                connection.execute(sa.text(f"SELECT pg_advisory_unlock{_NAMES}"), names)


def taken_until_commit(connection: sa.Connection, what: str) -> None:
    """Waits for a lock, and holds it until the transaction ends."""
    query = sa.text(f"SELECT pg_advisory_xact_lock{_NAMES}")
    connection.execute(query, {"ours": _OURS, "what": what})
