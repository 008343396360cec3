"""Histories on disk: whole, the same bytes twice, and answered like those in memory."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from data.errors import InputError, RefusalError
from data.home import Home
from data.tables import TABLES
from features import events
from features.as_of import features_as_of
from features.history import Histories, current_histories, write_histories
from features.indices import prior_year_cost
from features.shards import read_shard, shard_number, shard_path
from tests.features.invented_rows import PATIENTS, STRANGER, invented
from tests.features.rows import AS_OF, CARRIES, ago, arrow, histories

DERIVED = ("cost_claim", "cost_year", "drug_class", "yearly_flags")


def _world() -> dict[str, list[dict[str, Any]]]:
    """Rows of thirty patients."""
    world: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
    for number in range(10):
        for name, rows in invented(Random(number), 60).items():
            for row in rows:
                row["patient_id"] += str(number)
                row["record_id"] += f"/{number}"
                if row.get("encounter_id"):
                    row["encounter_id"] += f"/{number}"
                world[name].append(row)
    return world


def _take_in(
    root: Path, world: dict[str, list[dict[str, Any]]], cost_covers: str = "claim"
) -> Home:
    """The tables as intake leaves them."""
    home = Home(root)
    folder = home.tables / "g1"
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in arrow(world).items():
        pq.write_table(rows, folder / f"{name}.parquet")
    manifest = {
        "generation": "g1",
        "source": "canonical",
        "origin": "invented",
        "carries": [feed for feed in CARRIES if feed not in DERIVED],
        "data_through": AS_OF.isoformat(),
        "cost_covers": cost_covers,
    }
    (home.tables / "current.json").write_text(json.dumps(manifest))
    return home


WORLD = _world()
IDS = sorted({row["patient_id"] for rows in WORLD.values() for row in rows})
INDEX = pd.DataFrame(
    [(i, day) for day in (AS_OF, ago(100)) for i in (*IDS[::-1], STRANGER)],
    columns=["patient_id", "as_of"],
)


@pytest.fixture(scope="module")
def expected() -> pd.DataFrame:
    return features_as_of(histories(WORLD), INDEX, threads=1)


@pytest.mark.parametrize("shards", [1, 3, 16])
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_shards_and_threads_change_no_bit(
    tmp_path: Path, expected: pd.DataFrame, shards: int, threads: int
) -> None:
    written = write_histories(_take_in(tmp_path, WORLD), shards)
    found = features_as_of(written, INDEX, threads=threads)
    assert found.to_numpy().tobytes() == expected.to_numpy().tobytes()
    assert list(found.columns) == list(expected.columns)
    assert set(found.dtypes) == {np.dtype(np.float32)}


def test_answers_come_in_the_order_of_the_questions(expected: pd.DataFrame) -> None:
    shuffled = INDEX.sample(frac=1, random_state=1)
    found = features_as_of(histories(WORLD), shuffled)
    assert found.index.equals(shuffled.index)
    pd.testing.assert_frame_equal(found.sort_index(), expected)


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    turned = {name: Random(7).sample(rows, len(rows)) for name, rows in WORLD.items()}
    bytes_of = []
    for name, world in (("a", WORLD), ("b", turned)):
        home = _take_in(tmp_path / name, world)
        write_histories(home, 4)
        files = sorted(path for path in home.histories.rglob("*") if path.is_file())
        bytes_of.append([(path.relative_to(home.root), path.read_bytes()) for path in files])
    assert len(bytes_of[0]) == 4 + 2  # the shards, the manifest and the lock
    assert bytes_of[0] == bytes_of[1]


def test_a_shard_holds_whole_patients_sorted(tmp_path: Path) -> None:
    home = _take_in(tmp_path, WORLD)
    written = write_histories(home, 4)
    folder = home.histories / written.manifest["folder"]
    seen: list[str] = []
    for number in range(4):
        shard = read_shard(shard_path(folder, number))
        ids = shard.patients.to_pylist()
        assert (shard_number(ids, 4) == number).all()
        assert ids == sorted(ids)
        seen += ids
        events = pq.read_table(shard_path(folder, number)).drop_columns(["value"]).to_pylist()
        order = [(e["patient_id"], e["happened_on"], e["known_on"], e["code"], e["source_row"])
                 for e in events]  # fmt: skip
        assert order == sorted(order)
        assert len(events) == written.manifest["rows"][number]
    assert sorted(seen) == written.patients() == IDS


def test_one_patients_events_are_those_in_memory(tmp_path: Path) -> None:
    written, held = write_histories(_take_in(tmp_path, WORLD), 4), histories(WORLD)
    for patient in (IDS[0], IDS[-1], STRANGER):
        one, other = written.events(patient).to_pandas(), held.events(patient).to_pandas()
        pd.testing.assert_frame_equal(one, other, check_categorical=False, check_dtype=False)
    assert written.events(STRANGER).num_rows == 0


def test_what_a_source_carries_follows_from_its_rows_too(tmp_path: Path) -> None:
    full = write_histories(_take_in(tmp_path / "full", WORLD))
    assert set(DERIVED) <= set(full.carries)
    assert full.data_through == AS_OF
    few = dict(WORLD)
    few["cost"] = [row for row in WORLD["cost"] if row["covers"] == "year"]
    few["drug_fill"] = [row for row in WORLD["drug_fill"] if row["code_system"] == "NDC"]
    few["diagnosis"] = [row for row in WORLD["diagnosis"] if row["code_system"] != "CCW"]
    carried = set(write_histories(_take_in(tmp_path / "few", few)).carries)
    assert carried & set(DERIVED) == {"cost_year"}
    # inpatient claims, but yearly totals of more: their sum is not the whole cost
    few["cost"] = [r for r in WORLD["cost"] if r["covers"] == "year" or r["kind"] == "inpatient"]
    assert "cost_claim" not in write_histories(_take_in(tmp_path / "part", few)).carries


def test_prior_year_cost_is_of_the_year_where_the_source_tells_costs_by_year(
    tmp_path: Path,
) -> None:
    index = INDEX[: len(IDS)]
    claims = write_histories(_take_in(tmp_path / "a", WORLD))
    years = write_histories(_take_in(tmp_path / "b", WORLD, cost_covers="year"))
    for written, name in ((claims, "cost_total_365"), (years, "costyear_total_365")):
        found = prior_year_cost(written, index).rename(name)
        pd.testing.assert_series_equal(found, features_as_of(written, index, [name])[name])


def test_new_histories_replace_the_old_and_leave_nothing_behind(tmp_path: Path) -> None:
    home = _take_in(tmp_path, WORLD)
    first = write_histories(home, 2)
    reader = Histories.open(home.histories)
    half_done = home.histories / "unfinished-by-a-killed-run"
    half_done.mkdir()
    only = {name: [r for r in rows if r["patient_id"].startswith(PATIENTS[0])]
            for name, rows in WORLD.items()}  # fmt: skip
    second = write_histories(_take_in(tmp_path, only), 2)
    assert reader.patients() == IDS  # who was reading goes on
    assert Histories.open(home.histories).patients() == second.patients() == IDS[:10]
    write_histories(_take_in(tmp_path, {name: [] for name in TABLES}), 2)
    folders = {path.name for path in home.histories.iterdir()}
    assert first.manifest["folder"] not in folders
    assert len(folders) == 4  # the events now, those before, the manifest and the lock


def test_writing_twice_keeps_what_is_there(tmp_path: Path) -> None:
    home = _take_in(tmp_path, WORLD)
    first = write_histories(home, 2)
    again = write_histories(home, 2)
    assert first.manifest == again.manifest
    assert again.patients() == IDS


def test_where_nothing_lies_nothing_is_opened(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="firstcall intake"):
        Histories.open(tmp_path)
    with pytest.raises(InputError):
        write_histories(Home(tmp_path))


def test_histories_made_with_other_code_lists_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = _take_in(tmp_path, WORLD)
    write_histories(home, 1)
    monkeypatch.setattr(events, "EVENTS_VERSION", -1)
    with pytest.raises(RefusalError, match="firstcall intake"):
        Histories.open(home.histories)


@pytest.mark.parametrize(
    "index",
    [
        pd.DataFrame({"patient_id": ["p"]}),
        pd.DataFrame({"as_of": [AS_OF]}),
        pd.DataFrame({"patient_id": ["p"], "as_of": [pd.NaT]}),
        pd.DataFrame({"patient_id": ["p", None], "as_of": [AS_OF, AS_OF]}),
    ],
)
def test_a_question_that_is_not_whole_is_refused(index: pd.DataFrame) -> None:
    with pytest.raises(InputError):
        features_as_of(histories(WORLD), index)


def test_no_question_has_no_answer() -> None:
    found = features_as_of(histories(WORLD), INDEX[:0])
    assert found.shape == (0, len(found.columns))


def test_histories_follow_what_was_taken_in_last(tmp_path: Path) -> None:
    """An intake that ended before its histories were whole is made up for by the next reader."""
    home = _take_in(tmp_path, _world())
    first = current_histories(home)
    written = (home.histories / "manifest.json").stat().st_mtime_ns
    assert current_histories(home).manifest == first.manifest
    assert (home.histories / "manifest.json").stat().st_mtime_ns == written

    current = home.tables / "current.json"
    manifest = json.loads(current.read_text())
    (home.tables / "g1").rename(home.tables / "g2")
    current.write_text(json.dumps(manifest | {"generation": "g2"}))
    assert current_histories(home).manifest["generation"] == "g2"
