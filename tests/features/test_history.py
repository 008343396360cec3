"""Histories on disk: whole, the same bytes twice, and answered like those in memory."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
import pandas as pd
import pytest

from data.errors import InputError, RefusalError
from data.feeds import DERIVED
from data.home import Home
from data.tables import TABLES
from features import events
from features.as_of import features_as_of
from features.history import Histories
from features.indices import lace, prior_year_cost
from features.ledger import EVENT_SCHEMA
from features.shards import shard_number
from features.writing import current_histories, files_of, write_histories
from tests.features.invented_rows import PATIENTS, STRANGER
from tests.features.rows import AS_OF, histories
from tests.features.taken_in import IDS, INDEX, WORLD, files_named, take_in


@pytest.fixture(scope="module")
def expected() -> pd.DataFrame:
    return features_as_of(histories(WORLD), INDEX, threads=1)


def test_answers_come_in_the_order_of_the_questions(expected: pd.DataFrame) -> None:
    shuffled = INDEX.sample(frac=1, random_state=1)
    found = features_as_of(histories(WORLD), shuffled)
    assert found.index.equals(shuffled.index)
    pd.testing.assert_frame_equal(found.sort_index(), expected)


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    turned = {name: Random(7).sample(rows, len(rows)) for name, rows in WORLD.items()}
    bytes_of = []
    for name, world in (("a", WORLD), ("b", turned)):
        home = take_in(tmp_path / name, world)
        write_histories(home, 4)
        files = sorted(path for path in home.histories.rglob("*") if path.is_file())
        bytes_of.append([(path.relative_to(home.root), path.read_bytes()) for path in files])
    assert len(bytes_of[0]) == 4 * 2 + 3  # the shards, the codes, the manifest and the lock
    assert bytes_of[0] == bytes_of[1]


def test_a_shard_holds_whole_patients_sorted(tmp_path: Path) -> None:
    home = take_in(tmp_path, WORLD)
    written = write_histories(home, 4)
    seen: list[str] = []
    for number in range(4):
        shard = written.shard(number)
        assert shard.vocabulary is written.vocabulary
        ids = shard.patients.to_pylist()
        assert (shard_number(ids, 4) == number).all()
        assert ids == sorted(ids)
        seen += ids
        sources = written.source_rows(number).to_pylist()
        codes = [written.vocabulary.codes[code] for code in shard.code]
        people = np.repeat(ids, np.diff(shard.first_event)).tolist()
        days = shard.happened.tolist(), shard.known.tolist()
        order = list(zip(people, *days, codes, sources, strict=True))
        assert order == sorted(order)
        assert len(order) == written.events_a_shard[number]
        assert len(ids) == written.patients_a_shard[number]
    assert sorted(seen) == written.patients() == IDS


def test_one_patients_events_are_those_in_memory(tmp_path: Path) -> None:
    written, held = write_histories(take_in(tmp_path, WORLD), 4), histories(WORLD)
    for patient in (*IDS, STRANGER):
        told = written.events(patient)
        assert told.schema.equals(EVENT_SCHEMA)
        assert repr(told.to_pylist()) == repr(held.events(patient).to_pylist())
        for other in (written.one(patient), held.one(patient)):
            assert other.patients.to_pylist() == ([patient] if told.num_rows else [])
            assert other.first_event.tolist() == ([0, told.num_rows] if told.num_rows else [0])
            codes = [other.vocabulary.codes[code] for code in other.code]
            assert codes == told.column("code").to_pylist()
            assert other.happened.tolist() == told.column("happened_on").to_pylist()
    assert written.events(STRANGER).num_rows == 0


def test_what_a_source_carries_follows_from_its_rows_too(tmp_path: Path) -> None:
    full = write_histories(take_in(tmp_path / "full", WORLD))
    assert set(DERIVED) <= set(full.carries)
    assert full.data_through == AS_OF
    few = dict(WORLD)
    few["cost"] = [row for row in WORLD["cost"] if row["covers"] == "year"]
    few["drug_fill"] = [row for row in WORLD["drug_fill"] if row["code_system"] == "NDC"]
    few["diagnosis"] = [row for row in WORLD["diagnosis"] if row["code_system"] != "CCW"]
    carried = set(write_histories(take_in(tmp_path / "few", few)).carries)
    assert carried & set(DERIVED) == {"cost_year"}
    # inpatient claims, but yearly totals of more: their sum is not the whole cost
    few["cost"] = [r for r in WORLD["cost"] if r["covers"] == "year" or r["kind"] == "inpatient"]
    assert "cost_claim" not in write_histories(take_in(tmp_path / "part", few)).carries


def test_prior_year_cost_is_of_the_year_where_the_source_tells_costs_by_year(
    tmp_path: Path,
) -> None:
    index = INDEX[: len(IDS)]
    claims = write_histories(take_in(tmp_path / "a", WORLD))
    years = write_histories(take_in(tmp_path / "b", WORLD, cost_covers="year"))
    for written, name in ((claims, "cost_total_365"), (years, "costyear_total_last_year")):
        found = prior_year_cost(written, index).rename(name)
        pd.testing.assert_series_equal(found, features_as_of(written, index, [name])[name])


def test_the_scores_are_the_same_from_disk_and_from_memory(tmp_path: Path) -> None:
    written = write_histories(take_in(tmp_path, WORLD), 5)
    pd.testing.assert_frame_equal(lace(written, INDEX), lace(histories(WORLD), INDEX))


def test_new_histories_replace_the_old_and_leave_nothing_behind(tmp_path: Path) -> None:
    home = take_in(tmp_path, WORLD)
    first = write_histories(home, 2)
    reader = Histories.open(home.histories)
    half_done = home.histories / "unfinished-by-a-killed-run"
    half_done.mkdir()
    only = {name: [r for r in rows if r["patient_id"].startswith(PATIENTS[0])]
            for name, rows in WORLD.items()}  # fmt: skip
    second = write_histories(take_in(tmp_path, only), 2)
    assert reader.patients() == IDS  # who was reading goes on
    assert Histories.open(home.histories).patients() == second.patients() == IDS[:10]
    write_histories(take_in(tmp_path, {name: [] for name in TABLES}), 2)
    left = {path.name for path in home.histories.iterdir()}
    assert left == files_of(second.manifest) | files_named(home) | {"manifest.json", "writing"}
    assert not left & files_of(first.manifest)


def test_writing_twice_keeps_what_is_there(tmp_path: Path) -> None:
    home = take_in(tmp_path, WORLD)
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
    home = take_in(tmp_path, WORLD)
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
    home = take_in(tmp_path, WORLD)
    first = current_histories(home)
    written = (home.histories / "manifest.json").stat().st_mtime_ns
    assert current_histories(home).manifest == first.manifest
    assert (home.histories / "manifest.json").stat().st_mtime_ns == written

    take_in(tmp_path, WORLD, generation="g2")
    again = current_histories(home)
    assert again.manifest == {**first.manifest, "generation": "g2"}
