"""A request that is sent twice with one key is done once."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from serving.store.database import Database
from serving.store.idempotency import KEPT_FOR, KeyedRequest, OtherRequestError, answered, keep
from serving.store.record_tables import keyed_answer as table

ASKED = KeyedRequest.of("r.gomez", "key-0001", "actions 2024-12-31.1:1", b"{}")


def kept(database: Database, request: KeyedRequest = ASKED) -> tuple[int, str] | None:
    with database.reading() as connection:
        return answered(connection, request)


def test_the_same_request_is_answered_the_same(database: Database) -> None:
    assert kept(database) is None
    with database.writing() as connection:
        keep(connection, ASKED, 201, '{"a": 1}')
    assert kept(database) == (201, '{"a": 1}')


@pytest.mark.parametrize("other", [
    KeyedRequest.of("r.gomez", "key-0001", "actions 2024-12-31.1:1", b'{"x": 1}'),
    KeyedRequest.of("r.gomez", "key-0001", "actions 2024-12-31.1:2", b"{}"),
])  # fmt: skip
def test_a_key_that_was_used_for_something_else_is_refused(
    database: Database, other: KeyedRequest
) -> None:
    with database.writing() as connection:
        keep(connection, ASKED, 201, "{}")
    with pytest.raises(OtherRequestError, match="Idempotency-Key"):
        kept(database, other)


def test_everybody_has_keys_of_his_own(database: Database) -> None:
    other = KeyedRequest.of("b.okoro", "key-0001", "actions 2024-12-31.1:1", b"{}")
    with database.writing() as connection:
        keep(connection, ASKED, 201, "{}")
    assert kept(database, other) is None


def test_one_key_is_kept_once(database: Database) -> None:
    with database.writing() as connection:
        keep(connection, ASKED, 201, "first")
    with pytest.raises(sa.exc.IntegrityError), database.writing() as connection:
        keep(connection, ASKED, 201, "second")
    assert kept(database) == (201, "first")


def test_old_answers_are_dropped(database: Database) -> None:
    with database.writing() as connection:
        keep(connection, ASKED, 201, "{}")
        connection.execute(
            sa.update(table).values(at=datetime.now(UTC) - KEPT_FOR - timedelta(minutes=1))
        )
        keep(connection, KeyedRequest.of("r", "key-0002", "x", b""), 200, "{}")
    assert kept(database) is None
