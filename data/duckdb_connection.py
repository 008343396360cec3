"""The one door to DuckDB: threads and memory stated, nothing fetched, nothing printed."""

from __future__ import annotations

from pathlib import Path

import duckdb

THREADS = 2
MEMORY = "4GB"


def connect(
    spill: Path | None = None,
    database: Path | None = None,
    threads: int = THREADS,
    memory: str = MEMORY,
) -> duckdb.DuckDBPyConnection:
    """A connection to `database`, or to one in memory.

    What does not fit into `memory` is spilt into the folder `spill`, and nowhere else: without
    one nothing of a patient is written, and a query that needs more fails. No extension is
    fetched or loaded, and no bar of progress is drawn between the lines of whoever reads what
    this process prints.
    """
    connection = duckdb.connect(
        database or ":memory:",
        config={
            "threads": threads,
            "memory_limit": memory,
            "temp_directory": "" if spill is None else str(spill),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    # in a notebook no bar is drawn, and DuckDB refuses to be told so
    if connection.execute("SELECT current_setting('enable_progress_bar')").fetchall()[0][0]:
        connection.execute("SET enable_progress_bar = false")
    return connection
