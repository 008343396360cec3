"""The record of looks and actions: what is written stays, and any change of it is found."""

import json
import os
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from data.errors import InputError, RefusalError
from serving.store.audit import Audit, AuditKey, Entry, OtherKeyError
from serving.store.database import Database
from serving.store.record_tables import audit as table
from serving.store.record_tables import audit_head as head


@pytest.fixture
def record(database: Database) -> Audit:
    return Audit(database, AuditKey(b"k" * 32))


def look(number: int) -> Entry:
    return Entry("r.gomez", "case_manager", "patient", f"p{number}", "2024-12-31.1", {"n": number})


def without_triggers(database: Database, *statements: sa.Executable) -> None:
    """What somebody does who may write to the database as its owner."""
    with database.writing() as connection:
        if database.is_postgresql:
            connection.execute(sa.text("ALTER TABLE audit DISABLE TRIGGER ALL"))
        else:
            for what in ("UPDATE", "DELETE", "INSERT"):
                connection.execute(sa.text(f"DROP TRIGGER IF EXISTS audit_stays_{what}"))
        for statement in statements:
            connection.execute(statement)


def test_a_new_record_is_whole_and_empty(record: Audit) -> None:
    found = record.verify()
    assert (found.rows, found.wrong) == (0, None)
    assert found.head == record.head() == "0:" + "0" * 64


def test_what_is_written_is_read_back_and_holds_together(record: Audit) -> None:
    record.write([look(1), look(2)])
    record.write([])
    record.write([Entry("t", "service", "score", "p1", None, {"models": {"readmission": "ab"}})])
    found = record.verify()
    assert (found.rows, found.wrong, found.head) == (3, None, record.head())
    newest, oldest = record.of_patient("p1")
    assert (newest["seq"], newest["who"], newest["what"], newest["detail"]) == (
        3, "t", "score", {"models": {"readmission": "ab"}},
    )  # fmt: skip
    assert (oldest["seq"], oldest["run_id"]) == (1, "2024-12-31.1")
    assert oldest["at"].endswith("+00:00")


@pytest.mark.parametrize("change", [
    sa.update(table).where(table.c.seq == 2).values(who="somebody else"),
    sa.delete(table).where(table.c.seq == 2),
    sa.delete(table),
])  # fmt: skip
def test_the_database_itself_refuses_to_change_a_row(
    record: Audit, database: Database, change: sa.Executable
) -> None:
    record.write([look(n) for n in (1, 2, 3)])
    with pytest.raises(Exception, match=r"."), database.writing() as connection:
        connection.execute(change)
    assert record.verify().wrong is None


CHANGES = {
    "who": (sa.update(table).where(table.c.seq == 2).values(who="x"), "Row 2"),
    "when": (sa.update(table).where(table.c.seq == 2).values(at="2020-01-01"), "Row 2"),
    "patient": (sa.update(table).where(table.c.seq == 1).values(patient_id=None), "Row 1"),
    "detail": (sa.update(table).where(table.c.seq == 3).values(detail="{}"), "Row 3"),
    "chain": (sa.update(table).where(table.c.seq == 3).values(chain="0" * 64), "Row 3"),
    "one removed": (sa.delete(table).where(table.c.seq == 2), "rows are missing"),
    "first removed": (sa.delete(table).where(table.c.seq == 1), "rows are missing"),
    "last removed": (sa.delete(table).where(table.c.seq == 3), "ends with row 2"),
    "all removed": (sa.delete(table), "ends with row 0"),
    "seal": (sa.update(head).values(seal="0" * 64), "not sealed"),
    "head removed": (sa.delete(head), "no head"),
    "head moved": (sa.update(head).values(seq=2), "not sealed"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_any_change_behind_our_back_is_found(record: Audit, database: Database, what: str) -> None:
    record.write([look(n) for n in (1, 2, 3)])
    statement, said = CHANGES[what]
    without_triggers(database, statement)
    wrong = record.verify().wrong
    assert wrong is not None
    assert said in wrong
    assert "p1" not in wrong


def test_rows_that_change_places_are_found(record: Audit, database: Database) -> None:
    record.write([look(n) for n in (1, 2, 3)])
    swap = [
        sa.update(table).where(table.c.seq == seq).values(seq=to)
        for seq, to in ((1, 9), (2, 1), (9, 2))
    ]
    without_triggers(database, *swap)
    assert "Row 1" in str(record.verify().wrong)


def test_rows_and_head_taken_off_the_end_together_are_found(
    record: Audit, database: Database
) -> None:
    record.write([look(1), look(2)])
    with database.reading() as connection:
        before = connection.execute(sa.select(table).where(table.c.seq == 1)).one()
    cut = sa.update(head).values(seq=1, chain=before.chain)
    without_triggers(database, sa.delete(table).where(table.c.seq == 2), cut)
    assert "not sealed" in str(record.verify().wrong)
    with pytest.raises(RefusalError, match="firstcall audit verify"):
        record.write([look(3)])


def test_an_old_head_put_back_with_its_rows_is_found_by_a_head_that_was_noted(
    record: Audit, database: Database
) -> None:
    record.write([look(1)])
    with database.reading() as connection:
        old = connection.execute(sa.select(head)).one()
    record.write([look(2)])
    noted = record.head()
    back = sa.update(head).values(seq=old.seq, chain=old.chain, seal=old.seal)
    without_triggers(database, sa.delete(table).where(table.c.seq == 2), back)
    assert record.verify().wrong is None
    assert "replaced or cut" in str(record.verify(noted).wrong)
    record.write([look(7)])
    assert "replaced or cut" in str(record.verify(noted).wrong)


def test_what_was_noted_earlier_is_still_held(record: Audit) -> None:
    noted = [record.head()]
    for n in range(3):
        record.write([look(n)])
        noted.append(record.head())
    assert all(record.verify(one).wrong is None for one in noted)
    with pytest.raises(InputError, match="SEQ:CHAIN"):
        record.verify("12:not-a-chain")


def test_another_key_finds_nothing_whole_and_writes_nothing(
    record: Audit, database: Database
) -> None:
    record.write([look(1)])
    other = Audit(database, AuditKey(b"o" * 32))
    with pytest.raises(OtherKeyError, match="The key of this home is not the one"):
        other.verify()
    with pytest.raises(RefusalError, match="another key"):
        other.write([look(2)])
    assert record.verify().rows == 1


def test_many_who_write_at_once_make_one_chain(record: Audit) -> None:
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda n: record.write([look(n), look(n)]), range(40)))
    found = record.verify()
    assert (found.rows, found.wrong) == (80, None)


def test_an_action_that_fails_leaves_no_row(record: Audit, database: Database) -> None:
    def fails() -> None:
        with database.writing() as connection:
            record.append(connection, [look(1)])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    record.write([look(2)])
    assert record.verify().rows == 1


def test_fields_cannot_flow_into_one_another() -> None:
    key = AuditKey(os.urandom(32))
    assert key.mac("ab", "c") != key.mac("a", "bc")
    assert key.mac("a") != key.mac("a", "")
    assert json.loads(json.dumps("\ud800")) == "\ud800"
    assert key.mac("\ud800") != key.mac("?")
