"""Actions and consents are held by the record: what is changed behind its back is found."""

import json
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa

from serving.store import actions, consents
from serving.store.actions import NewAction
from serving.store.audit import Audit, AuditKey, Entry
from serving.store.database import Database
from serving.store.record_tables import action, audit, consent
from serving.store.row_digest import FIELDS, row_digest

RUN = "2024-12-31.1"
OVERRIDE = NewAction("override", tier="high", reason="lives alone")
DEFERRED = NewAction("deferred", until=date(2030, 1, 9), note="nach 17 Uhr, „Tür links“")


@pytest.fixture
def record(database: Database) -> Audit:
    return Audit(database, AuditKey(b"k" * 32))


def act(record: Audit, database: Database, new: NewAction, patient: str = "p1") -> str:
    with database.writing() as connection:
        made = actions.take(connection, record, new, patient, RUN, 7, "r.gomez", "case_manager")
    return made.action_id


def say(record: Audit, database: Database, patient: str, matter: str, given: bool) -> None:
    with database.writing() as connection:
        consents.declare(connection, record, patient, matter, given, "command line", "admin")


@pytest.fixture
def filled(record: Audit, database: Database) -> Audit:
    """Actions 1 to 3 and consents 1 to 3, between other entries."""
    record.write([Entry("r.gomez", "case_manager", "patient", "p1", RUN)])
    act(record, database, OVERRIDE)
    say(record, database, "p1", "substance use", True)
    act(record, database, DEFERRED, "p2")
    say(record, database, "p2", "HIV", True)
    say(record, database, "p1", "substance use", False)
    record.write([Entry("r.gomez", "case_manager", "patient", "p2", RUN)])
    act(record, database, NewAction("contacted"), "p2")
    return record


def without_triggers(database: Database, *statements: sa.Executable) -> None:
    """What somebody does who may write to the database as its owner."""
    with database.writing() as connection:
        for table in ("action", "consent"):
            if database.is_postgresql:
                connection.execute(sa.text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
            else:
                for what in ("UPDATE", "DELETE", "INSERT"):
                    connection.execute(sa.text(f"DROP TRIGGER IF EXISTS {table}_stays_{what}"))
        for statement in statements:
            connection.execute(statement)


def row_of(database: Database, table: sa.Table, place: int) -> dict[str, object]:
    with database.reading() as connection:
        row = connection.execute(sa.select(table).where(table.c.place == place)).one()
    return dict(row._mapping)


def test_what_was_recorded_by_the_ways_that_there_are_is_whole(filled: Audit) -> None:
    found = filled.verify()
    assert (found.rows, found.wrong, found.older) == (8, None, 0)
    [told] = [row for row in filled.of_patient("p1") if row["what"] == "action"]
    assert told["detail"]["kind"] == "override"
    [given, withdrawn] = [row for row in filled.of_patient("p1") if "consent" in row["what"]][::-1]
    assert (given["what"], withdrawn["what"]) == ("consent given", "consent withdrawn")
    assert given["detail"]["matter"] == withdrawn["detail"]["matter"] == "substance use"


def _other(value: object, column: sa.Column[object]) -> object:
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 100
    if isinstance(value, datetime):
        return value + timedelta(microseconds=1)
    if isinstance(column.type, sa.Date):
        return date(2031, 1, 1)
    return "x"


TABLES = pytest.mark.parametrize("table", [action, consent], ids=str)


@TABLES
def test_a_change_of_any_column_is_found(
    filled: Audit, database: Database, table: sa.Table
) -> None:
    second = sa.update(table).where(table.c.place == 2)
    kept = row_of(database, table, 2)
    for column in table.columns:
        without_triggers(database, second.values({column: _other(kept[column.name], column)}))
        wrong = filled.verify().wrong
        assert wrong is not None, column
        assert wrong.startswith(f"{table.name.capitalize()} 2"), column
        assert "p2" not in wrong
        moved = table.c.place == (102 if column.name == "place" else 2)
        without_triggers(database, sa.update(table).where(moved).values(kept))
    assert filled.verify().wrong is None


@TABLES
def test_a_row_that_was_removed_is_found(
    filled: Audit, database: Database, table: sa.Table
) -> None:
    for place in (1, 2, 3):
        kept = row_of(database, table, place)
        without_triggers(database, sa.delete(table).where(table.c.place == place))
        assert f"{table.name.capitalize()} {place}, " in str(filled.verify().wrong)
        without_triggers(database, sa.insert(table).values(kept))
    assert filled.verify().wrong is None


@TABLES
def test_a_row_that_stands_in_no_entry_is_found(
    filled: Audit, database: Database, table: sa.Table
) -> None:
    """A row put straight into a table passes its triggers."""
    for place, said in ((-1, "is not as"), (0, "is not as"), (4, "stands in no row")):
        row = row_of(database, table, 3) | {"place": place}
        if table is action:
            row["action_id"] = "0" * 32
        with database.writing() as connection:
            connection.execute(sa.insert(table).values(row))
        wrong = str(filled.verify().wrong)
        assert wrong.startswith(table.name.capitalize())
        assert said in wrong
        without_triggers(database, sa.delete(table).where(table.c.place == place))


def test_two_rows_that_change_places_are_found(filled: Audit, database: Database) -> None:
    moves = [
        sa.update(action).where(action.c.place == place).values(place=to)
        for place, to in ((1, 9), (2, 1), (9, 2))
    ]
    without_triggers(database, *moves)
    assert str(filled.verify().wrong).startswith("Action 1 is not as")


REPLACED = [
    # table, the key that meets a row, which row, and what the new one says otherwise
    (action, "place", 1, {"tier": "low", "reason": "not at all ill", "action_id": "1" * 32}),
    (action, "action_id", 1, {"tier": "low", "place": 50}),
    (action, "undoes", 5, {"place": 50, "action_id": "1" * 32}),
    (consent, "place", 1, {"given": False}),
    (audit, "seq", 1, {"who": "somebody else"}),
]


def test_no_row_is_replaced(filled: Audit, database: Database) -> None:
    """INSERT OR REPLACE on SQLite, ON CONFLICT DO UPDATE on PostgreSQL: neither removes a row by a
    DELETE that a trigger sees."""
    undone = act(filled, database, OVERRIDE, "p3")
    act(filled, database, NewAction("undo", undoes=undone), "p3")
    for table, key, of, change in REPLACED:
        place = table.c.seq if table is audit else table.c.place
        with database.reading() as connection:
            before = connection.execute(sa.select(table).order_by(place)).all()
        row = dict(next(r for r in before if r._mapping[place] == of)._mapping) | change
        with pytest.raises(sa.exc.DBAPIError), database.writing() as connection:
            connection.execute(_put(database, table, row, key))
        with database.reading() as connection:
            assert connection.execute(sa.select(table).order_by(place)).all() == before
    assert filled.verify().wrong is None


def _put(database: Database, table: sa.Table, row: dict[str, object], key: str) -> sa.Executable:
    if not database.is_postgresql:
        return sa.insert(table).prefix_with("OR REPLACE").values(row)
    from sqlalchemy.dialects.postgresql import insert

    put = insert(table).values(row)
    return put.on_conflict_do_update(index_elements=[key], set_=row)


def test_sqlite_replaces_no_row_by_its_rowid(tmp_path) -> None:
    database = Database.open(f"sqlite:///{tmp_path / 'one.db'}")
    record = Audit(database, AuditKey(b"k" * 32))
    act(record, database, OVERRIDE)
    say(record, database, "p1", "HIV", True)
    fresh = {"place": "70", "seq": "70", "action_id": "'2'"}
    for table in (action, consent, audit):
        columns = [column.name for column in table.columns]
        put = f"INSERT OR REPLACE INTO {table.name} (rowid, {', '.join(columns)}) SELECT rowid, "
        put += ", ".join(fresh.get(name, name) for name in columns)
        put += f" FROM {table.name} WHERE rowid = 1"
        with (
            pytest.raises(sa.exc.DBAPIError, match="never changed"),
            database.writing() as connection,
        ):
            connection.execute(sa.text(put))
    assert record.verify().wrong is None
    database.close()


def by_an_earlier_release(record: Audit, database: Database) -> None:
    """Two actions and a consent, each with an entry that carries no digest."""
    at = datetime.now(UTC)
    for place, kind in ((1, "contacted"), (2, "enrolled")):
        row = {
            "place": place, "action_id": f"{place:032x}", "patient_id": "p1", "run_id": RUN,
            "rank": 1, "kind": kind, "who": "r.gomez", "at": at,
        }  # fmt: skip
        about = {"action": row["action_id"], "kind": kind}
        entry = Entry("r.gomez", "case_manager", "action", "p1", RUN, about)
        with database.writing() as connection:
            connection.execute(sa.insert(action).values(row))
            record.append(connection, [entry])
    row = {"place": 1, "patient_id": "p1", "matter": "HIV", "given": True, "who": "m", "at": at}
    with database.writing() as connection:
        connection.execute(sa.insert(consent).values(row))
        record.append(connection, [Entry("m", "admin", "consent given", "p1", None,
                                         {"matter": "HIV"})])  # fmt: skip


def test_what_an_earlier_release_recorded_is_counted_and_held_as_far_as_it_was_told(
    record: Audit, database: Database
) -> None:
    by_an_earlier_release(record, database)
    act(record, database, OVERRIDE)
    say(record, database, "p2", "HIV", True)
    found = record.verify()
    assert (found.rows, found.wrong, found.older) == (5, None, 3)


def test_a_change_of_what_an_earlier_entry_tells_is_found(
    record: Audit, database: Database
) -> None:
    by_an_earlier_release(record, database)
    for table, place, changes in (
        (action, 2, {"kind": "closed", "patient_id": "x", "action_id": "x", "run_id": "x",
                     "who": "x"}),
        (consent, 1, {"given": False, "matter": "violence", "patient_id": "x", "who": "x"}),
    ):  # fmt: skip
        kept = row_of(database, table, place)
        one = table.c.place == place
        for name, other in changes.items():
            without_triggers(database, sa.update(table).where(one).values({name: other}))
            assert f"{table.name.capitalize()} {place} is not as" in str(record.verify().wrong)
            without_triggers(database, sa.update(table).where(one).values(kept))
        without_triggers(database, sa.delete(table).where(one))
        assert f"{table.name.capitalize()} {place}, which row" in str(record.verify().wrong)
        without_triggers(database, sa.insert(table).values(kept))
    assert record.verify().wrong is None


def test_the_digest_is_of_every_column_and_the_same_before_and_after_it_is_stored(
    filled: Audit, database: Database
) -> None:
    tables = {"action": action, "consent": consent}
    for name, table in tables.items():
        assert FIELDS[name] == tuple(column.name for column in table.columns)
    row = {
        "place": 1, "patient_id": "p", "matter": "HIV", "given": True, "who": "m",
        "at": datetime(2025, 1, 2, 3, 4, 5, 6, UTC),
    }  # fmt: skip
    abroad = row | {"at": row["at"].astimezone(timezone(timedelta(hours=5)))}
    bare = row | {"at": row["at"].replace(tzinfo=None)}
    # what sha256sum says of ["consent",1,"p","HIV",true,"m","2025-01-02T03:04:05.000006+00:00"]
    expected = "53dbeb322fdce90ee84e064e284c94ca31ad83de982369cf41d5b186a8561e61"
    assert row_digest("consent", row) == row_digest("consent", abroad) == expected
    assert row_digest("consent", bare) == expected


def test_what_is_rolled_back_leaves_neither_row_nor_entry(
    filled: Audit, database: Database
) -> None:
    def fails() -> None:
        with database.writing() as connection:
            actions.take(connection, filled, OVERRIDE, "p1", RUN, 7, "r.gomez", "case_manager")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    act(filled, database, OVERRIDE)
    found = filled.verify()
    assert (found.rows, found.wrong) == (9, None)
    with database.reading() as connection:
        details = connection.scalars(sa.select(audit.c.detail).where(audit.c.what == "action"))
        assert [json.loads(one)["place"] for one in details] == [1, 2, 3, 4]
