"""One patient's rows are those that the whole tables hold, and nobody else's."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from data.home import Home
from data.intake import current
from data.patient_rows import patient_rows
from data.tables import TABLES


@pytest.fixture(scope="module")
def tables(small_home: Home) -> dict[str, Path]:
    return current(small_home).tables


@pytest.fixture(scope="module")
def everybody(tables: dict[str, Path]) -> list[str]:
    return sorted(set(pq.read_table(tables["member"])["patient_id"].to_pylist()))


def _filtered(file: Path, patient: str) -> pa.Table:
    whole = pq.read_table(file)
    return whole.filter(pc.field("patient_id") == patient)


def test_of_everybody_all_rows_of_all_tables_are_read(
    tables: dict[str, Path], everybody: list[str]
) -> None:
    for patient in [everybody[0], everybody[-1], *everybody[1:-1:37]]:
        read = patient_rows(tables, patient)
        assert list(read) == list(TABLES)
        for name, rows in read.items():
            assert rows.schema == TABLES[name].schema
            assert rows.equals(_filtered(tables[name], patient).cast(rows.schema)), name


@pytest.mark.parametrize("patient", ["", "nobody", "%", "P' OR '1'='1", "P\x00", "患者"])
def test_of_a_stranger_there_are_no_rows(tables: dict[str, Path], patient: str) -> None:
    assert all(rows.num_rows == 0 for rows in patient_rows(tables, patient).values())


def test_several_may_be_read_at_the_same_time(
    tables: dict[str, Path], everybody: list[str]
) -> None:
    asked = everybody[:40]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda patient: patient_rows(tables, patient), asked))
    assert together == [patient_rows(tables, patient) for patient in asked]


def test_what_is_taken_in_anew_is_read_anew(
    tables: dict[str, Path], everybody: list[str], tmp_path: Path
) -> None:
    copied = {name: tmp_path / f"{name} [1]*.parquet" for name in tables}
    for name, file in tables.items():
        shutil.copyfile(file, copied[name])
    first, last = everybody[0], everybody[-1]
    assert patient_rows(copied, last) == patient_rows(tables, last)
    whole = pq.read_table(tables["member"])
    pq.write_table(whole.filter(pc.field("patient_id") == first), copied["member"])
    assert patient_rows(copied, last)["member"].num_rows == 0
    assert patient_rows(copied, first) == patient_rows(tables, first)


def test_a_younger_column_that_the_file_lacks_is_there_and_empty(
    tables: dict[str, Path], everybody: list[str], tmp_path: Path
) -> None:
    younger = next(
        (name, column.name)
        for name, table in TABLES.items()
        for column in table.columns
        if column.younger
    )
    name, column = younger
    file = tmp_path / "older.parquet"
    pq.write_table(pq.read_table(tables[name]).drop_columns([column]), file)
    rows = patient_rows(dict(tables) | {name: file}, everybody[0])[name]
    assert rows.num_rows > 0
    assert rows[column].null_count == rows.num_rows
    assert rows.schema == TABLES[name].schema
