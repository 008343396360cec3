"""SQL over one canonical table, for what a cohort counts apart from the code that makes it."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from data.duckdb_connection import connect
from data.file_relations import parquet_relation
from training.cohorts.facts import Source

_SPILLED = ".spilled-"


def query(source: Source, sql: str) -> pd.DataFrame:
    """What `sql` answers; it calls the table `rows`.

    What memory does not hold is spilt beside the file, and nowhere else, into a folder of this
    query alone, which is then gone. Of a table in memory nothing is written.
    """
    if not isinstance(source, Path):
        with connect() as connection:
            connection.register("rows", source)
            return connection.sql(sql).to_arrow_table().to_pandas()
    with spill_folder(source.parent) as spill, connect(spill) as connection:
        connection.execute(f"CREATE VIEW rows AS FROM {parquet_relation(source)}")
        return connection.sql(sql).to_arrow_table().to_pandas()


@contextmanager
def spill_folder(beside: Path) -> Iterator[Path]:
    """A folder for one query. What a killed one left there holds patients' rows: the first query
    that finds no other at work removes it."""
    place = os.open(beside, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass  # what lies there may be the other query's
        else:
            for left_behind in beside.glob(f"{_SPILLED}*"):
                shutil.rmtree(left_behind, ignore_errors=True)
        fcntl.flock(place, fcntl.LOCK_SH)
        with TemporaryDirectory(prefix=_SPILLED, dir=beside) as folder:
            yield Path(folder)
    finally:
        os.close(place)
