"""A further night: only the shards that its rows touch are written, and no answer shows it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from data.home import Home
from features import writing
from features.as_of import features_as_of
from features.history import Histories
from features.shards import shard_number
from features.writing import current_histories, files_of, write_histories
from tests.features.rows import AS_OF, ago, histories, row
from tests.features.taken_in import IDS, INDEX, WORLD, World, take_in


def _versions_of(world: World, table: str, patient: str) -> list[dict[str, Any]]:
    return [row for row in world[table] if row["patient_id"] == patient]


def _somebody_with(table: str, place: int) -> str:
    return sorted({row["patient_id"] for row in WORLD[table]})[place]


REVERSED, ADJUSTED = _somebody_with("cost", 0), _somebody_with("cost", 5)
LATE, CODED, CORRECTED = IDS[10], IDS[17], _somebody_with("drug_fill", 2)


def _late(world: World) -> None:
    """A row of three years ago that nobody had known of."""
    world["diagnosis"].append(
        row("diagnosis", 1, patient_id=LATE, record_id="late", happened_on=ago(1100),
            known_on=AS_OF, code="I509")
    )  # fmt: skip


def _reversal(world: World) -> None:
    last = max(_versions_of(world, "cost", REVERSED), key=lambda row: row["known_on"])
    world["cost"].append({**last, "known_on": AS_OF + timedelta(days=9), "reversed": True})


def _adjustment(world: World) -> None:
    first = min(_versions_of(world, "cost", ADJUSTED), key=lambda row: row["known_on"])
    world["cost"].append({**first, "known_on": AS_OF + timedelta(days=8), "allowed_cents": 77})


def _new_patient(world: World) -> None:
    world["encounter"].append(
        row("encounter", 2, patient_id="new", record_id="new", started_on=ago(3))
    )


def _new_code(world: World) -> None:
    world["lab_result"].append(
        row("lab_result", 3, patient_id=CODED, record_id="new", happened_on=ago(2), loinc="1-8",
            value=1.0)
    )  # fmt: skip


def _a_row_of_other_provenance(world: World) -> None:
    told = _versions_of(world, "drug_fill", CORRECTED)[0]
    told["source_row"] = "corrected.csv:1"


NIGHTS: dict[str, tuple[Callable[[World], None], str]] = {
    "late row": (_late, LATE),
    "reversal": (_reversal, REVERSED),
    "adjustment of an old fact": (_adjustment, ADJUSTED),
    "new patient": (_new_patient, "new"),
    "new code": (_new_code, CODED),
    "provenance": (_a_row_of_other_provenance, CORRECTED),
}
SHARDS = 8


def _with(*nights: str) -> World:
    world = deepcopy(WORLD)
    for night in nights:
        NIGHTS[night][0](world)
    return world


def _matrix(written: Histories) -> bytes:
    index = pd.concat([INDEX, pd.DataFrame({"patient_id": ["new"], "as_of": [AS_OF]})])
    later = index.assign(as_of=AS_OF + timedelta(days=30))
    return features_as_of(written, pd.concat([index, later])).to_numpy().tobytes()


def _stat(home: Home, names: set[str]) -> dict[str, tuple[int, int]]:
    return {
        name: ((home.histories / name).stat().st_ino, (home.histories / name).stat().st_mtime_ns)
        for name in names
    }


@pytest.mark.parametrize("nights", [(), *((night,) for night in NIGHTS), tuple(NIGHTS)])
def test_a_night_rewrites_the_shards_that_it_touches_and_no_other(
    tmp_path: Path, nights: tuple[str, ...]
) -> None:
    home = take_in(tmp_path / "a", WORLD)
    before = write_histories(home, SHARDS)
    stat = _stat(home, files_of(before.manifest))
    world = _with(*nights)
    take_in(tmp_path / "a", world, generation="g2")
    after = current_histories(home)

    touched = {int(shard_number([NIGHTS[night][1]], SHARDS)[0]) for night in nights}
    for number, (old, new) in enumerate(
        zip(before.manifest["shards"], after.manifest["shards"], strict=True)
    ):
        assert (old == new) == (number not in touched)
    # what nothing touches keeps its files, and what was there stays for whoever reads it
    assert files_of(before.manifest) <= {path.name for path in home.histories.iterdir()}
    kept = [before.manifest["shards"][n] for n in range(SHARDS) if n not in touched]
    names = {named[file] for named in kept for file in ("events", "index")}
    assert _stat(home, names) == {name: stat[name] for name in names}
    old_codes, new_codes = before.vocabulary.codes, after.vocabulary.codes
    assert new_codes[: len(old_codes)] == old_codes

    whole = write_histories(take_in(tmp_path / "b", world), SHARDS)
    assert _matrix(after) == _matrix(whole) == _matrix(histories(world))
    assert after.manifest["content"] == whole.manifest["content"]
    for patient in after.patients():
        assert repr(after.events(patient).to_pylist()) == repr(whole.events(patient).to_pylist())


def test_the_order_of_the_nights_does_not_show(tmp_path: Path) -> None:
    contents = []
    for name, nights in (("a", tuple(NIGHTS)), ("b", tuple(NIGHTS)[::-1])):
        home = take_in(tmp_path / name, WORLD)
        write_histories(home, SHARDS)
        for night in range(1, len(nights) + 1):
            take_in(tmp_path / name, _with(*nights[:night]), generation=f"n{night}")
            current_histories(home)
        contents.append(Histories.open(home.histories).manifest["content"])
    assert contents[0] == contents[1]


def test_a_night_of_a_feed_that_was_not_carried_before(tmp_path: Path) -> None:
    few = {**WORLD, "lab_result": []}
    home = take_in(tmp_path / "a", few)
    current = json.loads((home.tables / "current.json").read_text())
    current["carries"].remove("lab_result")
    (home.tables / "current.json").write_text(json.dumps(current))
    assert "lab_result" not in write_histories(home, SHARDS).carries
    take_in(tmp_path / "a", WORLD, generation="g2")
    assert _matrix(current_histories(home)) == _matrix(histories(WORLD))


def test_a_shard_whose_file_is_gone_is_written_again(tmp_path: Path) -> None:
    home = take_in(tmp_path, WORLD)
    first = write_histories(home, SHARDS)
    (home.histories / first.manifest["shards"][3]["events"]).unlink()
    assert write_histories(home).manifest == first.manifest
    assert _matrix(Histories.open(home.histories)) == _matrix(histories(WORLD))


def test_the_number_of_shards_stays_until_another_is_asked_for(tmp_path: Path) -> None:
    home = take_in(tmp_path, WORLD)
    assert write_histories(home).shards == 16
    assert write_histories(home, 5).shards == 5
    take_in(tmp_path, _with("late row"), generation="g2")
    assert current_histories(home).shards == 5
    assert write_histories(home).shards == 5


def test_shards_grow_with_what_was_taken_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = take_in(tmp_path, WORLD)
    write_histories(home)
    rows = sum(map(len, WORLD.values()))
    monkeypatch.setattr(writing, "ROWS_A_SHARD", rows // 60 + 1)
    assert write_histories(home).shards == 16  # 64 would be better, but not by enough
    monkeypatch.setattr(writing, "ROWS_A_SHARD", rows // 120 + 1)
    grown = write_histories(home)
    assert grown.shards == 128
    assert _matrix(grown) == _matrix(histories(WORLD))


@pytest.mark.parametrize(
    "killed_in",
    ["partition.partition", "writing.write_shard", "writing._write_vocabulary",
     "writing.replace_file", "writing.shutil.rmtree"],
)  # fmt: skip
def test_a_writer_that_is_killed_leaves_histories_that_are_read(
    tmp_path: Path, killed_in: str
) -> None:
    """A real process dies by SIGKILL: before the manifest is replaced the old histories are
    valid, afterwards the new ones, and what it left behind goes with the next writing."""
    home = take_in(tmp_path, WORLD)
    before = write_histories(home, SHARDS)
    world = _with(*NIGHTS)
    take_in(tmp_path, world, generation="g2")
    module, _, name = killed_in.partition(".")
    told = subprocess.run(
        [sys.executable, "-c", _DIES, str(home.root), f"features.{module}", name],
        cwd=Path(__file__).parents[2], check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert told.returncode == -signal.SIGKILL, told.stderr
    found = Histories.open(home.histories)
    new = killed_in == "writing.shutil.rmtree"
    assert found.manifest["generation"] == ("g2" if new else "g1")
    assert _matrix(found) == _matrix(histories(world if new else WORLD))
    assert _matrix(before) == _matrix(histories(WORLD))  # who was reading goes on
    after = write_histories(home)
    assert _matrix(after) == _matrix(histories(world))
    left = {path.name for path in home.histories.iterdir()}
    kept = files_of(found.manifest) | files_of(after.manifest)
    assert left == kept | {"manifest.json", "writing"}


_DIES = """
import importlib, os, signal, sys
from pathlib import Path
from data.home import Home
from features import writing
module, name = importlib.import_module(sys.argv[2]), sys.argv[3]
calls = 0
def dies(*given, **named):
    global calls
    calls += 1
    if calls == 2 or name != "write_shard":
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*given, **named)
*path, name = name.split(".")
for part in path:
    module = getattr(module, part)
real = getattr(module, name)
setattr(module, name, dies)
if name == "partition":
    writing.partition = dies
from features.writing import current_histories
current_histories(Home(Path(sys.argv[1])))
"""
