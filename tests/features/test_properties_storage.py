"""How rows came and where histories lie change no bit: order, copies, shards, threads, files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.home import Home
from data.intake import current, take_in
from features.as_of import features_as_of
from features.history import Histories
from features.writing import write_histories
from tests.features.agreement import (
    CUTS,
    Tables,
    assert_same,
    assert_same_bytes,
    by_oracle,
    examples,
    told,
    worlds,
)
from tests.features.invented_rows import STRANGER, crowd, invented
from tests.features.rows import AS_OF, ago, arrow, histories

SHARDS = (1, 2, 5)


def _index(tables: Mapping[str, list[dict[str, Any]]], *days: date) -> pd.DataFrame:
    patients = sorted({made["patient_id"] for rows in tables.values() for made in rows})
    asked = [(patient, day) for day in days for patient in (*patients[::-1], STRANGER)]
    return pd.DataFrame(asked, columns=["patient_id", "as_of"])


def _taken_in(root: Path, tables: Tables, form: str, seed: int) -> Home:
    """The tables as files of a source, in any order, some lines twice, through intake."""
    random, source = Random(seed), root / "source"
    source.mkdir(parents=True)
    for name, rows in arrow(tables).items():
        order = random.choices(range(rows.num_rows), k=rows.num_rows // 4)
        order += random.sample(range(rows.num_rows), rows.num_rows)
        shuffled = rows.take(pa.array(order, pa.int64())).drop_columns(["source_row"])
        if form == "csv":
            pc.write_csv(shuffled, source / f"{name}.csv")
        else:
            pq.write_table(shuffled, source / f"{name}.parquet")
    (source / "source.json").write_text(json.dumps({"origin": "invented"}))
    home = Home(root / "home")
    take_in(home, "canonical", source)
    return home


@pytest.fixture(scope="module", params=["csv", "parquet"])
def home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Home:
    return _taken_in(tmp_path_factory.mktemp(request.param), crowd(6, 60, 7), request.param, 7)


def _what_was_taken_in(home: Home) -> Tables:
    return {name: pq.read_table(path).to_pylist() for name, path in current(home).tables.items()}


def _every_way(home: Home) -> Iterator[tuple[Histories, int]]:
    for shards in SHARDS:
        held = write_histories(home, shards)
        yield from ((held, threads) for threads in (1, 2, 5))


def test_histories_of_files_that_were_taken_in_are_answered_like_the_oracle(home: Home) -> None:
    """In any number of shards, on any number of threads."""
    tables = _what_was_taken_in(home)
    index = _index(tables, AS_OF, ago(100))
    assert len(index) > 30
    first = None
    for held, threads in _every_way(home):
        found = features_as_of(held, index, threads=threads, cuts=CUTS)
        if first is None:
            first = found
            assert_same(found, by_oracle(tables, index, held.carries), index)
        assert_same_bytes(found, first)


@examples(4)
@given(st.integers(0, 2**32), st.sampled_from(SHARDS), st.sampled_from(("csv", "parquet")))
def test_files_and_rows_in_memory_are_answered_alike(seed: int, shards: int, form: str) -> None:
    with TemporaryDirectory() as folder:
        home = _taken_in(Path(folder), crowd(2, 40, seed), form, seed)
        tables = _what_was_taken_in(home)
        index = _index(tables, AS_OF, ago(31))
        written = write_histories(home, shards)
        found = features_as_of(written, index, threads=2, cuts=CUTS)
        assert_same_bytes(found, told(histories(tables, written.carries), index))


@examples(25)
@given(worlds)
def test_order_and_repetition_of_rows_change_nothing(world: tuple[int, int]) -> None:
    """Not one event, and so no feature either."""
    seed, facts = world
    random = Random(seed)
    tables = invented(random, facts)
    once = histories(tables)
    shuffled = {name: random.sample([*rows, *rows], 2 * len(rows)) for name, rows in tables.items()}
    twice = histories(shuffled)
    assert once.patients() == twice.patients()
    for patient in once.patients():
        one, other = once.events(patient).to_pandas(), twice.events(patient).to_pandas()
        pd.testing.assert_frame_equal(one, other, check_categorical=False)
    index = _index(tables, AS_OF)
    assert_same_bytes(told(once, index), told(twice, index))
