"""Where a query on a table spills, and what becomes of what a killed one left."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from training.cohorts.table_query import query, spill_folder

ROWS = pa.table({"cents": [1, 2, 3]})
SPILL = "SELECT current_setting('temp_directory') AS place, sum(cents) AS cents FROM rows"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "generation" / "cost.parquet"
    path.parent.mkdir()
    pq.write_table(ROWS, path)
    return path


def leave_behind(folder: Path) -> Path:
    """A spilt row of a process that ends in the middle, without any cleaning up."""
    child = os.fork()
    if child == 0:
        with spill_folder(folder) as spill:
            (spill / "left").touch()
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    (left,) = folder.glob(".spilled-*/left")
    return left


def test_a_file_spills_beside_itself_and_leaves_nothing(file: Path) -> None:
    found = query(file, SPILL).iloc[0]
    assert found["cents"] == 1 + 2 + 3
    assert Path(found["place"]).parent == file.parent
    assert list(file.parent.iterdir()) == [file]


def test_a_table_in_memory_is_written_nowhere() -> None:
    found = query(ROWS, SPILL).iloc[0]
    assert (found["place"], found["cents"]) == ("", 1 + 2 + 3)


def test_what_a_killed_query_left_goes_with_the_next_one(file: Path) -> None:
    left = leave_behind(file.parent)
    query(file, SPILL)
    assert not left.exists()
    assert list(file.parent.iterdir()) == [file]


def test_what_another_query_at_work_holds_stays(file: Path) -> None:
    with spill_folder(file.parent) as theirs:
        (theirs / "rows").touch()
        left = leave_behind(file.parent)
        query(file, SPILL)
        assert (theirs / "rows").exists()
        assert left.exists(), "it may be of a query at work"
    query(file, SPILL)
    assert list(file.parent.iterdir()) == [file]


def test_a_query_that_fails_leaves_nothing(file: Path) -> None:
    with pytest.raises(Exception, match="no_such_column"):
        query(file, "SELECT no_such_column FROM rows")
    assert list(file.parent.iterdir()) == [file]
