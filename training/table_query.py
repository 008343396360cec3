"""SQL over one canonical table, for what a cohort counts apart from the code that makes it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pandas as pd

from data.duckdb_connection import connect
from data.file_relations import parquet_relation
from training.facts import Source


def query(source: Source, sql: str) -> pd.DataFrame:
    """What `sql` answers; it calls the table `rows`.

    What memory does not hold is spilt into a folder of this query alone, which is then gone.
    """
    with tempfile.TemporaryDirectory() as spill, connect(Path(spill)) as connection:
        if isinstance(source, Path):
            connection.execute(f"CREATE VIEW rows AS FROM {parquet_relation(source)}")
        else:
            connection.register("rows", source)
        return connection.sql(sql).to_arrow_table().to_pandas()
