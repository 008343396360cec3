"""The one set of tables of the database, and the names that its constraints get.

A module of tables declares them on `metadata`; `tables.py` imports all of these modules.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "%(table_name)s_by_%(column_0_N_name)s",
    }
)

PatientId = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
"""The type of every column that holds a patient's id: PostgreSQL orders it by code points, as
SQLite and Python do, and finds the ids that begin with something by the index."""
