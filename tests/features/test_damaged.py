"""Histories that are damaged, moved or half written: one sentence, and nothing left behind."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.errors import RefusalError
from data.home import Home
from features import writing
from features.as_of import features_as_of
from features.history import Histories
from features.writing import current_histories, write_histories
from tests.features.taken_in import INDEX, WORLD, take_in


def _one(home: Home, what: str) -> Path:
    named = max(Histories.open(home.histories).manifest["shards"], key=lambda shard: shard["rows"])
    return home.histories / named[what]


def _with_column(path: Path, name: str, values: np.ndarray) -> None:
    table = pq.read_table(path)
    at = table.schema.get_field_index(name)
    pq.write_table(table.set_column(at, table.schema.field(at), pa.array(values)), path)


@pytest.mark.parametrize("number", [1_900_000_000, -1])
def test_a_code_that_is_no_place_in_the_vocabulary_is_refused(tmp_path: Path, number: int) -> None:
    home = take_in(tmp_path, WORLD)
    held = write_histories(home)
    path = _one(home, "events")
    codes = pq.read_table(path, columns=["code"])["code"].to_numpy().copy()
    codes[-1] = number
    _with_column(path, "code", codes)
    with pytest.raises(RefusalError, match="is damaged"):
        features_as_of(held, INDEX)


def test_an_index_that_points_outside_is_refused(tmp_path: Path) -> None:
    home = take_in(tmp_path, WORLD)
    held = write_histories(home)
    path = _one(home, "index")
    first = pq.read_table(path, columns=["first_event"])["first_event"].to_numpy().copy()
    first[-1] = 10**9
    _with_column(path, "first_event", first)
    with pytest.raises(RefusalError, match="is damaged"):
        features_as_of(held, INDEX)


def test_a_file_that_holds_nothing_is_refused_with_what_to_do(tmp_path: Path) -> None:
    home = take_in(tmp_path, WORLD)
    held = write_histories(home)
    _one(home, "events").write_bytes(b"")
    with pytest.raises(RefusalError, match="remove that folder and run `firstcall intake` again"):
        features_as_of(held, INDEX)


def test_a_file_that_is_gone_is_written_again_before_anybody_reads(tmp_path: Path) -> None:
    home = take_in(tmp_path, WORLD)
    expected = features_as_of(write_histories(home), INDEX).to_numpy().tobytes()
    _one(home, "index").unlink()
    assert features_as_of(current_histories(home), INDEX).to_numpy().tobytes() == expected


def test_a_manifest_that_names_files_elsewhere_is_refused(tmp_path: Path) -> None:
    home = take_in(tmp_path, WORLD)
    write_histories(home)
    file = home.histories / "manifest.json"
    manifest = json.loads(file.read_text())
    for shard in manifest["shards"]:
        shard["events"] = f"../{shard['events']}"
    file.write_text(json.dumps(manifest))
    with pytest.raises(RefusalError, match="lie elsewhere"):
        features_as_of(Histories.open(home.histories), INDEX)


def test_what_fails_leaves_no_rows_behind_and_neither_does_what_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = take_in(tmp_path, WORLD)
    write_histories(home)
    with monkeypatch.context() as patched:
        patched.setattr(writing, "_write_vocabulary", lambda *_: 1 / 0)
        take_in(tmp_path, {**WORLD, "cost": []}, generation="g2")
        with pytest.raises(ZeroDivisionError):
            write_histories(home, 3)
    assert not list(home.histories.glob("unfinished-*"))
    (home.histories / "unfinished-by-one-who-was-killed").mkdir()
    current_histories(home)
    assert not list(home.histories.glob("unfinished-*"))
