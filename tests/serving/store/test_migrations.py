"""Tables as the migrations make them: as declared, forward and back, on both databases."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from data.errors import InputError, RefusalError
from serving.store import Store
from serving.store.database import Database
from serving.store.revisions import (
    NOTHING,
    VERSION_TABLE,
    downgrade,
    head,
    revision,
    revisions,
    upgrade,
)
from serving.store.tables import metadata
from tests.serving.a_night import NIGHT, a_night, drawn


def tables_of(database):
    with database.reading() as connection:
        return set(sa.inspect(connection).get_table_names()) - {VERSION_TABLE}


def rows_of(database, name):
    table = metadata.tables[name]
    with database.reading() as connection:
        return connection.execute(sa.select(table).order_by(*table.primary_key.columns)).all()


def at_revision(database, told):
    with database.writing() as connection:
        connection.execute(sa.text(f"UPDATE {VERSION_TABLE} SET version_num = :r"), {"r": told})


def test_the_revisions_are_those_that_alembic_finds(database):
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "serving:store/migrations")
    scripts = ScriptDirectory.from_config(config)
    assert [s.revision for s in scripts.walk_revisions()][::-1] == list(revisions())
    assert scripts.get_current_head() == head() == revision(database)


def test_what_the_migrations_make_is_what_is_declared(url):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    database = Database.open(url)
    with database.reading() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE, "compare_server_default": True}
        )
        assert compare_metadata(context, metadata) == []
    assert tables_of(database) == set(metadata.tables)
    database.close()


def test_a_difference_would_be_seen(database):
    """That the comparison above can fail: it tells of a missing index, column and table."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with database.writing() as connection:
        for change in ("DROP INDEX score_of_patient", "DROP TABLE allocation",
                       "ALTER TABLE reason DROP COLUMN sensitive"):  # fmt: skip
            connection.execute(sa.text(change))
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        found = {difference[0] for difference in compare_metadata(context, metadata)}
    assert found == {"add_index", "add_table", "add_column"}


@pytest.mark.parametrize("to", [NOTHING, *revisions()[:-1]])
def test_back_and_forth_on_filled_tables(database, to):
    """What an older revision holds is still there afterwards; "base" holds nothing."""
    store = Store(database)
    known = [("a", "lace", 1.0, 2.0, "x")]
    store.publish(store.start(NIGHT), *a_night("a", "b", known=known), drawn(b="in"))
    kept = {} if to == NOTHING else {name: rows_of(database, name) for name in OF_THE_NIGHTS}
    assert all(kept.values())
    downgrade(database, to)
    assert revision(database) == (None if to == NOTHING else to)
    assert set(kept) <= tables_of(database) <= set(metadata.tables)
    assert to == "0003" or tables_of(database) != set(metadata.tables)
    assert kept or not tables_of(database)
    upgrade(database)
    assert revision(database) == head()
    assert tables_of(database) == set(metadata.tables)
    for name, rows in kept.items():
        assert rows_of(database, name) == rows
    store.publish(store.start(NIGHT), *a_night("c"))
    assert store.patient(store.published().run_id, "c") is not None


OF_THE_NIGHTS = (
    "run", "score", "reason", "worklist", "known_score", "allocation", "published", "assignment",
)  # fmt: skip


def test_there_is_no_way_back_to_a_revision_that_is_none(database):
    for wrong in (head(), "0000", "9999", "", "head"):
        with pytest.raises(InputError, match="is no older revision"):
            downgrade(database, wrong)
    downgrade(database, NOTHING)
    with pytest.raises(InputError, match="it has no tables yet"):
        downgrade(database, NOTHING)


def test_a_database_of_a_newer_release_is_refused(url):
    made = Database.open(url)
    at_revision(made, "9999")
    for wanted in (None, True):
        with pytest.raises(RefusalError, match=r"newer release of firstcall \(revision 9999; this"):
            Database.open(url, upgrade=wanted)
    made.close()


def test_sqlite_upgrades_itself_and_a_postgresql_that_is_filled_waits_to_be_told(url, kind):
    database = Database.open(url)
    downgrade(database, "0001")
    database.close()
    if kind == "postgresql":
        with pytest.raises(RefusalError, match="run `firstcall store upgrade`") as refused:
            Database.open(url)
        assert "keeper" not in str(refused.value)
        database = Database.open(url, upgrade=False)
        assert revision(database) == "0001"
        database.close()
        Database.open(url, upgrade=True).close()
    database = Database.open(url)
    assert revision(database) == head()
    database.close()


def test_several_who_make_a_database_at_once_all_succeed(url):
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(Database.open, [url] * 6))
    for database in made:
        assert Store(database).published() is None
        assert revision(database) == head()
        database.close()


def test_a_migration_that_fails_leaves_the_database_as_it_was(url):
    """A name that a later revision needs is taken: nothing of the earlier revisions stays."""
    database = Database.open(url, upgrade=False)
    with database.writing() as connection:
        connection.execute(sa.text("CREATE TABLE audit_of_patient (kilometres INTEGER)"))
    with pytest.raises((sa.exc.ProgrammingError, InputError), match="audit_of_patient"):
        upgrade(database)
    assert tables_of(database) == {"audit_of_patient"}
    assert revision(database) is None
    database.close()


def test_a_table_of_somebody_else_under_one_of_our_names_is_refused(url):
    database = Database.open(url, upgrade=False)
    with database.writing() as connection:
        connection.execute(sa.text("CREATE TABLE audit (kilometres INTEGER)"))
    with pytest.raises(RefusalError, match="has a table audit that is not of firstcall"):
        Database.open(url)
    with pytest.raises(RefusalError, match="has a table audit that is not of firstcall"):
        upgrade(database)
    assert tables_of(database) == {"audit"}
    assert revision(database) is None
    database.close()


def test_tables_beside_ours_are_left_alone(url):
    """MLflow keeps a revision of its own in `alembic_version`."""
    other = Database.open(url, upgrade=False)
    with other.writing() as connection:
        connection.execute(sa.text("CREATE TABLE alembic_version (version_num TEXT)"))
        connection.execute(sa.text("INSERT INTO alembic_version VALUES ('1b5f0d9ad7c1')"))
    database = Database.open(url)
    assert tables_of(database) == {"alembic_version", *metadata.tables}
    downgrade(database, NOTHING)
    assert tables_of(database) == {"alembic_version"}
    database.close()
    other.close()


def test_opening_what_is_up_to_date_imports_no_alembic(url):
    Database.open(url).close()
    told = "import sys; from serving.store.database import Database; Database.open(sys.argv[1])"
    told += ".close(); print([n for n in sys.modules if n.startswith(('alembic', 'mako'))])"
    done = subprocess.run(
        [sys.executable, "-c", told, url],
        env=os.environ, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "[]"
