"""The door to the database: addresses, errors in words, and several who write at once."""

import subprocess
import sys
import textwrap
import time
import traceback
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

import pytest
import sqlalchemy as sa

from data.errors import FirstcallError, InputError, RefusalError
from data.home import Home
from serving.api.recording import LONGEST_WAIT
from serving.store import Store, write_turns
from serving.store import database as databases
from serving.store.database import Database, database_url
from tests.serving.a_night import NIGHT, a_night
from tests.serving.databases import PASSWORD

ROOT = Path(__file__).resolve().parents[3]


def told_by(refused):
    return "".join(traceback.format_exception(refused.value))


def test_the_address_is_the_homes_file_unless_one_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("FIRSTCALL_DATABASE", raising=False)
    home = Home(tmp_path / "a b?c%d#e" / "home")
    database = Database.open(database_url(home))
    assert database.file == home.store_database
    assert home.store_database.exists()
    database.close()
    monkeypatch.setenv("FIRSTCALL_DATABASE", "postgresql://h/db")
    assert database_url(home) == "postgresql://h/db"
    monkeypatch.setenv("FIRSTCALL_DATABASE", "")
    assert Path(sa.make_url(database_url(home)).database) == home.store_database


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("firstcall.db", "The address of the database cannot be read: give sqlite:///PATH"),
        ("postgresql://me:hunter2@h:port/db", "cannot be read"),
        ("mysql://me:hunter2@h/db", "firstcall cannot use a database of mysql: give"),
        ("postgresql+psycopg2://me:hunter2@h/db", "cannot use a database of postgresql+psycopg2"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite:///nowhere/deeper/x.db", "There is no folder nowhere/deeper for the SQLite"),
        ("postgresql://me:hunter2@127.0.0.1:1/db",
         "The database at postgresql://127.0.0.1:1/db cannot be reached: connection failed:"),
        ("postgresql://me:hunter2@/db?host=/nowhere", "at postgresql:///db cannot be reached"),
        ("postgresql://me@127.0.0.1:1/db?password=hunter2", "cannot be reached"),
        ("postgresql://me@127.0.0.1:1/db?hunter=2", "cannot be reached: invalid connection option"),
    ],
)  # fmt: skip
def test_what_is_no_database_is_refused_in_one_sentence(url, said):
    with pytest.raises(InputError) as refused:
        Database.open(url)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    assert str(refused.value).endswith(".")
    assert "hunter2" not in told_by(refused)


def test_a_wrong_password_is_told_without_it(postgresql):
    url = postgresql.made()
    name = url.partition("@/")[2].partition("?")[0]
    for wrong in ("other%40word", "other"):
        with pytest.raises(InputError) as refused:
            Database.open(postgresql.url(name, password=wrong))
        assert "authentication failed" in str(refused.value)
        assert not any(w in told_by(refused) for w in ("other", PASSWORD))


def test_a_file_that_is_no_database_is_told(tmp_path):
    path = tmp_path / "letter.db"
    path.write_text("Dear colleague, " * 100)
    with pytest.raises(InputError, match=r"letter\.db cannot be used: file is not a database\.$"):
        Database.open(f"sqlite:///{path}")


def test_sqlite_keeps_what_was_acknowledged_and_checks_its_references(tmp_path):
    database = Database.open(f"sqlite:///{tmp_path / 'firstcall.db'}")
    with database.reading() as connection:
        found = {
            name: connection.scalar(sa.text(f"PRAGMA {name}"))
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    database.close()


def test_postgresql_answers_in_utc_and_waits_for_nobody_forever(postgresql):
    database = Database.open(postgresql.made_with_tables())
    with database.reading() as connection:
        found = {
            name: connection.scalar(sa.text(f"SHOW {name}"))
            for name in ("timezone", "lock_timeout", "transaction_isolation",
                         "transaction_read_only", "idle_in_transaction_session_timeout")
        }  # fmt: skip
    assert found == {
        "timezone": "UTC", "lock_timeout": "30s", "transaction_isolation": "repeatable read",
        "transaction_read_only": "on", "idle_in_transaction_session_timeout": "10min",
    }  # fmt: skip
    with database.writing() as connection:
        assert connection.scalar(sa.text("SHOW transaction_isolation")) == "read committed"
    database.close()


def test_a_reader_writes_nothing_on_postgresql(postgresql):
    database = Database.open(postgresql.made_with_tables())
    with pytest.raises(sa.exc.InternalError), database.reading() as connection:
        connection.execute(sa.text("DELETE FROM run"))
    database.close()


def test_a_restarted_postgresql_is_found_again(postgresql):
    """Connections that the server ended are noticed as they are taken, and replaced."""
    database = Database.open(postgresql.made_with_tables())
    store = Store(database)
    store.publish(store.start(NIGHT), *a_night("a"))
    postgresql.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'keeper';"
    )
    assert store.published() is not None
    database.close()


def test_a_connection_that_ends_in_the_middle_is_told_in_one_sentence(postgresql):
    database = Database.open(postgresql.made_with_tables())

    def cut_off():
        with database.writing() as connection:
            pid = connection.scalar(sa.text("SELECT pg_backend_pid()"))
            postgresql.sql(f"SELECT pg_terminate_backend({pid});")
            connection.execute(sa.text("SELECT 1"))

    with pytest.raises(InputError, match=r"^The database at postgresql:///made_\w+ cannot be"):
        cut_off()
    with database.reading() as connection:
        assert connection.scalar(sa.text("SELECT 1")) == 1
    database.close()


def test_a_statement_that_takes_too_long_is_told_in_one_sentence(postgresql):
    database = Database.open(postgresql.made_with_tables())

    def wait():
        with database.reading() as connection:
            connection.execute(sa.text("SET LOCAL statement_timeout = 10"))
            connection.execute(sa.text("SELECT pg_sleep(60)"))

    with pytest.raises(RefusalError, match="took too long or was busy with somebody else's work"):
        wait()
    database.close()


def test_who_may_not_make_tables_is_told_so(postgresql):
    url = postgresql.made()
    name = url.partition("@/")[2].partition("?")[0]
    postgresql.sql(f"ALTER DATABASE {name} OWNER TO postgres;")
    with pytest.raises(RefusalError, match="forbids this to the user of its address"):
        Database.open(url)


@pytest.mark.parametrize("answers", [True, False])
def test_sqlite_says_who_is_waited_for(tmp_path, monkeypatch, answers):
    monkeypatch.setattr(databases, "ANSWER_WAITS" if answers else "COMMAND_WAITS", 0.5)
    url = f"sqlite:///{tmp_path / 'firstcall.db'}"
    one, other = (Database.open(url, answers=answers) for _ in range(2))
    said = r"^Others are writing to the database at .*firstcall\.db, and did not end in time: ask"
    with one.writing() as connection:
        connection.execute(sa.text("UPDATE run SET status = 'abandoned'"))
        for waiting in (other, one):  # for the file, and for a thread of the same process
            with pytest.raises(RefusalError, match=said), waiting.writing():
                pass
    with other.writing():
        pass
    one.close()
    other.close()


def test_an_answer_gives_up_waiting_for_its_place_before_it_is_given_up_itself():
    assert databases.ANSWER_WAITS < LONGEST_WAIT < databases.COMMAND_WAITS


def test_whoever_reads_is_answered_while_many_wait_to_write(tmp_path, monkeypatch):
    """A night holds the right to write. Of 40 actions, as many as there are threads, 20 wait for it
    and the others are refused in a moment, so that threads are left too."""
    monkeypatch.setattr(write_turns, "WITHOUT_A_PLACE_SECONDS", 0.5)
    url = f"sqlite:///{tmp_path / 'firstcall.db'}"
    night, service = Database.open(url), Database.open(url, answers=True)
    run_id = Store(night).start(NIGHT)

    def act(n):
        with service.writing() as connection:
            connection.execute(
                sa.text("INSERT INTO allocation VALUES (:run, :who, 'high cost', 'randomised in')"),
                {"run": run_id, "who": f"p{n}"},
            )

    with ThreadPoolExecutor(40) as pool:
        with night.writing():
            acting = [pool.submit(act, n) for n in range(40)]
            refused = list(islice(as_completed(acting, timeout=60), 20))
            assert all(isinstance(one.exception(), RefusalError) for one in refused)
            with ExitStack() as at_once:
                for _ in range(24):
                    connection = at_once.enter_context(service.reading())
                    assert connection.scalar(sa.text("SELECT count(*) FROM allocation")) == 0
            assert sum(not one.done() for one in acting) == 20
        kept = [one.result() for one in acting if one not in refused]
    with service.reading() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM allocation")) == len(kept) == 20
    night.close()
    service.close()


def test_who_writes_for_others_needs_no_place(tmp_path, monkeypatch):
    """The record of all looks, while as many actions wait as may."""
    monkeypatch.setattr(write_turns, "WITHOUT_A_PLACE_SECONDS", 0.1)
    turns = write_turns.WriteTurns(seconds=30, places=1)

    def record() -> bool:
        with turns.taken(for_others=True):
            return True

    def act() -> None:
        with turns.taken():
            pass

    with ThreadPoolExecutor(3) as pool:
        with turns.taken(for_others=True):
            acting = pool.submit(act)
            recording = pool.submit(record)
            time.sleep(0.3)  # longer than whoever has no place waits
            refused = pool.submit(act)
            assert isinstance(refused.exception(10), write_turns.NoTurnError)
            assert not recording.done()
        assert recording.result(10)
        assert acting.exception(10) is None


def test_one_process_has_no_more_connections_to_postgresql_than_are_told(postgresql):
    database = Database.open(postgresql.made_with_tables())
    there = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"

    def look(_):
        with database.reading() as connection:
            connection.execute(sa.text("SELECT pg_sleep(0.1)"))
            return connection.scalar(sa.text(there))

    with ThreadPoolExecutor(40) as pool:
        assert max(pool.map(look, range(80))) <= databases.POSTGRESQL_CONNECTIONS
    database.close()


@pytest.mark.parametrize("broken", ["reference", "key"])
def test_what_breaks_a_constraint_is_told_without_the_row(database, broken):
    run_id = Store(database).start(NIGHT)
    row = {"run": run_id if broken == "key" else "2000-01-01.1", "who": "secret-patient"}
    insert = sa.text("INSERT INTO allocation VALUES (:run, :who, 'high cost', 'randomised in')")

    def insert_twice():
        with database.writing() as connection:
            for _ in range(2):
                connection.execute(insert, row)

    with pytest.raises(sa.exc.IntegrityError) as refused:
        insert_twice()
    assert "secret-patient" not in told_by(refused)
    assert not isinstance(refused.value, FirstcallError)


WRITER = textwrap.dedent(
    """
    import sys
    import sqlalchemy as sa
    from serving.store.database import Database

    database = Database.open(sys.argv[1])
    for n in range(100):
        with database.writing() as connection:
            seen = connection.scalar(sa.text("SELECT rank FROM worklist"))
            connection.execute(sa.text("UPDATE worklist SET rank = :n"), {"n": seen + 1})
    """
)


def test_processes_that_write_at_once_on_sqlite_all_succeed(tmp_path):
    """Each reads, then writes what it read and one more: none of 300 is lost."""
    url = f"sqlite:///{tmp_path / 'firstcall.db'}"
    database = Database.open(url)
    store = Store(database)
    store.publish(store.start(NIGHT), *a_night("a"))
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, url], cwd=ROOT, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    for writer in writers:
        _, said = writer.communicate(timeout=120)
        assert writer.returncode == 0, said.decode()
    assert [row["rank"] for row in store.worklist(store.published().run_id)] == [301]
    database.close()


def test_many_threads_read_beside_one_who_writes(database):
    store = Store(database)
    store.publish(store.start(NIGHT), *a_night(*"abc"))

    def look(_):
        run = store.published()
        return {len(store.worklist(run.run_id)), len(store.search(run.run_id))}

    with ThreadPoolExecutor(12) as pool:
        looks = [pool.submit(look, n) for n in range(100)]
        for _ in range(5):
            store.publish(store.start(NIGHT), *a_night(*"abc"))
        assert all(done.result() == {3} for done in looks)
