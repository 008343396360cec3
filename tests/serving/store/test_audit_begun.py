"""A record is begun once, with one key: whoever takes it away, or has lost the key, is told."""

import os
import stat
import subprocess
import sys

import pytest
import sqlalchemy as sa

from data.errors import InputError, RefusalError
from data.home import Home
from serving.store import actions
from serving.store.actions import NewAction
from serving.store.audit import KEY_VARIABLE, Audit, AuditKey, Entry, OtherKeyError
from serving.store.database import Database
from serving.store.record_tables import action, audit, audit_head, consent

NOT_THIS_KEY = "The key of this home is not the one that the record was begun with"
LOOK = Entry("r.gomez", "case_manager", "patient", "p1", "2024-12-31.1")


@pytest.fixture(autouse=True)
def no_key_of_the_environment(monkeypatch) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)


@pytest.fixture
def home(tmp_path) -> Home:
    return Home(tmp_path / "home")


def record_of(home: Home, database: Database) -> Audit:
    """As a process that starts now sees it."""
    return Audit(database, AuditKey.of_home(home))


def emptied(database: Database, *tables: sa.Table) -> None:
    """What the owner of the database does with no key and no right to the home."""
    with database.writing() as connection:
        for table in tables:
            if database.is_postgresql:
                connection.execute(sa.text(f"ALTER TABLE {table.name} DISABLE TRIGGER ALL"))
            else:
                connection.execute(sa.text(f"DROP TRIGGER IF EXISTS {table.name}_stays_DELETE"))
            connection.execute(sa.delete(table))


def files_of(home: Home) -> list[str]:
    return sorted(p.name for p in home.root.iterdir()) if home.root.exists() else []


def acted(record: Audit, database: Database) -> None:
    with database.writing() as connection:
        actions.take(
            connection, record, NewAction("contacted"), "p1", "2024-12-31.1", 1, "r.gomez",
            "case_manager",
        )  # fmt: skip


def test_a_home_whose_record_is_not_begun_is_whole_and_gets_no_key(
    home: Home, database: Database
) -> None:
    assert record_of(home, database).verify().wrong is None
    assert record_of(home, database).of_patient("p1") == []
    assert files_of(home) == []


@pytest.mark.parametrize("ask", ["begin", "append"])
def test_another_one_that_begins_the_record_a_moment_before_is_no_loss(
    home: Home, database: Database, monkeypatch, ask: str
) -> None:
    """On PostgreSQL both look for a head first: who finds none finds the other's note, or rows."""
    if not database.is_postgresql:
        pytest.skip("SQLite lets one writer look at a time")
    first, second = record_of(home, database), record_of(home, database)
    looked = second._was_begun

    def meanwhile() -> bool:
        first.write([LOOK])
        return looked()

    monkeypatch.setattr(second, "_was_begun", meanwhile)
    if ask == "begin":
        second.begin()
    else:
        with database.writing() as connection:
            second.append(connection, [LOOK])
    monkeypatch.undo()
    assert record_of(home, database).verify().wrong is None


def test_a_home_without_the_key_is_told_so_and_gets_no_other_one(
    home: Home, database: Database
) -> None:
    record_of(home, database).write([LOOK])
    kept = (home.root / "audit.key").read_bytes()
    (home.root / "audit.key").unlink()
    for ask in (
        lambda: record_of(home, database).verify(),
        lambda: record_of(home, database).begin(),
        lambda: record_of(home, database).write([LOOK]),
    ):
        with pytest.raises(OtherKeyError, match=NOT_THIS_KEY):
            ask()
    assert len(record_of(home, database).of_patient("p1")) == 1
    assert "audit.key" not in files_of(home)
    (home.root / "audit.key").write_bytes(kept)
    record_of(home, database).write([LOOK])
    assert record_of(home, database).verify().rows == 2


def test_a_key_that_is_another_ones_is_told_apart_from_a_head_that_was_changed(
    home: Home, database: Database
) -> None:
    record_of(home, database).write([LOOK])
    with database.writing() as connection:
        connection.execute(sa.update(audit_head).values(seq=9))
    assert "head of the record is not sealed" in str(record_of(home, database).verify().wrong)
    (home.root / "audit.key").write_text("ab" * 32)
    with pytest.raises(OtherKeyError, match=NOT_THIS_KEY):
        record_of(home, database).verify()


def test_another_home_makes_no_key_for_a_record_that_is_begun(
    home: Home, database: Database, tmp_path
) -> None:
    record_of(home, database).write([LOOK])
    other = Home(tmp_path / "other")
    with pytest.raises(OtherKeyError, match=NOT_THIS_KEY):
        record_of(other, database).write([LOOK])
    assert files_of(other) == []
    assert record_of(home, database).verify().rows == 1


@pytest.mark.parametrize("tables", [(audit, audit_head), (audit, audit_head, action)])
def test_a_record_that_was_emptied_is_not_begun_anew(
    home: Home, database: Database, tables: tuple[sa.Table, ...]
) -> None:
    running = record_of(home, database)
    running.write([LOOK])
    acted(running, database)
    emptied(database, *tables)
    for record in (running, record_of(home, database)):
        assert "is gone" in str(record.verify().wrong)
        with pytest.raises(RefusalError, match="is gone"):
            record.write([LOOK])
        with pytest.raises(RefusalError, match="is gone"):
            acted(record, database)
    with database.reading() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(audit_head)) == 0


def test_it_is_noticed_under_a_key_of_the_environment_too(
    home: Home, database: Database, monkeypatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "0a" * 32)
    record_of(home, database).begin()
    emptied(database, audit_head)
    assert "is gone" in str(record_of(home, database).verify().wrong)
    assert files_of(home) == ["audit.begun"]


def test_a_home_of_an_earlier_release_notes_a_record_that_it_finds_begun(
    home: Home, database: Database
) -> None:
    record_of(home, database).write([LOOK])
    (home.root / "audit.begun").unlink()  # earlier releases did not write it
    record_of(home, database).write([LOOK])
    emptied(database, audit, audit_head)
    assert "is gone" in str(record_of(home, database).verify().wrong)


def test_actions_and_consents_show_to_any_home_that_a_record_is_missing(
    home: Home, database: Database, tmp_path
) -> None:
    acted(record_of(home, database), database)
    emptied(database, audit, audit_head)
    other = record_of(Home(tmp_path / "other"), database)
    assert "no record of them" in str(other.verify().wrong)
    with pytest.raises(RefusalError, match="no record of them"):
        other.write([LOOK])


def test_another_database_of_the_same_home_has_a_record_of_its_own(
    home: Home, database: Database, tmp_path
) -> None:
    record_of(home, database).write([LOOK])
    second = Database.open(f"sqlite:///{tmp_path / 'second.db'}")
    record = record_of(home, second)
    assert record.verify().wrong is None
    record.write([LOOK])
    assert record.verify().rows == 1
    second.close()


def test_the_file_of_a_home_that_is_moved_is_known_again(home: Home, tmp_path) -> None:
    home.make()
    database = Database.open(f"sqlite:///{home.store_database}")
    record_of(home, database).write([LOOK])
    emptied(database, audit, audit_head)
    database.close()
    moved = Home(home.root.rename(tmp_path / "moved"))
    database = Database.open(f"sqlite:///{moved.store_database}")
    assert "is gone" in str(record_of(moved, database).verify().wrong)
    database.close()


def test_a_first_record_that_is_not_kept_is_begun_the_next_time(
    home: Home, database: Database
) -> None:
    def fails() -> None:
        with database.writing() as connection:
            record = record_of(home, database)
            record.append(connection, [LOOK])
            record.append(connection, [LOOK])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert record_of(home, database).verify().wrong is None
    record_of(home, database).write([LOOK])
    assert record_of(home, database).verify().rows == 1


def test_the_key_of_a_home_is_its_owners_alone_and_stays(home: Home, database: Database) -> None:
    record_of(home, database).begin()
    first = AuditKey.of_home(home).mac("a")
    record_of(home, database).begin()
    assert AuditKey.of_home(home).mac("a") == first
    assert files_of(home) == ["audit.begun", "audit.key"]
    for name in files_of(home):
        assert stat.S_IMODE((home.root / name).stat().st_mode) == 0o600


def test_processes_that_begin_at_once_agree_on_one_key(home: Home, url_with_tables: str) -> None:
    code = (
        "import sys; from pathlib import Path; from data.home import Home; "
        "from serving.store.audit import Audit, AuditKey, Entry; "
        "from serving.store.database import Database; "
        "key = AuditKey.of_home(Home(Path(sys.argv[1]))); "
        "database = Database.open(sys.argv[2]); "
        "Audit(database, key).write([Entry('a', 'admin', 'x')]); print(key.mac('a'))"
    )
    begun = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(home.root), url_with_tables],
            stdout=subprocess.PIPE, text=True, env=os.environ,
        )
        for _ in range(4)
    ]  # fmt: skip
    assert len({one.communicate()[0] for one in begun}) == 1
    assert all(one.returncode == 0 for one in begun)
    database = Database.open(url_with_tables)
    assert record_of(home, database).verify().rows == 4
    database.close()


@pytest.mark.parametrize("held", ["", "abc", "zz" * 32, "00" * 31, "é"])
def test_what_is_no_key_is_refused(tmp_path, monkeypatch, held: str) -> None:
    monkeypatch.setenv(KEY_VARIABLE, held)
    with pytest.raises(InputError, match="64 hex digits"):
        AuditKey.of_home(Home(tmp_path))
    monkeypatch.delenv(KEY_VARIABLE)
    (tmp_path / "audit.key").write_text(held)
    with pytest.raises(InputError, match=r"audit\.key"):
        AuditKey.of_home(Home(tmp_path))


def test_consents_are_among_what_shows_that_a_record_is_missing(
    home: Home, database: Database
) -> None:
    with database.writing() as connection:
        connection.execute(
            sa.insert(consent).values(
                place=1, patient_id="p1", matter="HIV", given=True, who="x",
                at=sa.func.current_timestamp(),
            )
        )  # fmt: skip
    assert "no record of them" in str(record_of(home, database).verify().wrong)
