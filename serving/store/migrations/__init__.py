"""How the tables came to be: one file in `versions/` for each change, in order (Alembic).

To change the tables:

1. Declare the change where the table is declared (`night_tables.py`, `account_tables.py`, …). A new
   module of tables goes into `tables.py`.
2. Write `versions/000N_what.py`, N one more than the newest: `revision = "000N"`,
   `down_revision` the one before it, `upgrade()` and `downgrade()`. A migration spells out what it
   makes (`op.create_table`, …) and imports no module of tables: these change later, it does not.
   The names of constraints are those of `metadata.naming_convention`, which `op` uses too.
3. It runs on SQLite and on PostgreSQL, each time within one transaction that is open already, on
   PostgreSQL beside readers: no `COMMIT`, no table rewritten without need. SQLite changes a column
   by `op.batch_alter_table`, which loses a table's triggers: those of `audit`, `action` and
   `consent` have to be made again.
4. tests/serving/store/test_migrations.py then compares what the migrations make with what is
   declared, on both databases, and goes back and forth on filled tables.

The newest revision is told by the names of the files, so that opening a database that is up to
date imports no Alembic.
"""
