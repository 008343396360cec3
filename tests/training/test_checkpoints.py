"""What an unfinished training keeps: whole or not at all, of the same key or not used."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.errors import InputError, RefusalError
from tests.training.killed_training import KEY, POINTS, STAGES
from training.fitting.checkpoints import checkpoints, code_fingerprint, key_of
from training.fitting.fit import Fitted
from training.fitting.matrix import Matrix
from training.fitting.stage_files import read_fitted, read_matrix, write_fitted, write_matrix
from training.settings.tasks import HIGH_COST, READMISSION

ROOT = Path(__file__).parents[2]


def test_a_training_killed_at_every_point_goes_on_to_the_same_bytes(tmp_path):
    subprocess.run([sys.executable, "-m", "tests.training.killed_training", str(tmp_path)],
                   cwd=ROOT, check=True)  # fmt: skip
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    ended = json.loads((tmp_path / "ended.json").read_text())
    assert ended == [0, *[-signal.SIGKILL] * len(POINTS), 0]
    assert (killed / "model.txt").read_bytes() == (whole / "model.txt").read_bytes()
    assert (whole / "made").read_text().splitlines() == list(STAGES)
    #  killed when made and when written: made three times; when kept: not again; a trial is kept
    #  as it ends
    assert (killed / "made").read_text().splitlines() == [
        stage for stage in STAGES for _ in range(1 if stage.startswith("trial") else 3)
    ]
    told = (killed / "told").read_text().splitlines()
    assert {line.partition(": ")[0] for line in told} == {
        "Goes on with the unfinished training of readmission"
    }
    assert told[0].endswith(": kept are no stages.")
    assert [path.name for path in (killed / "unfinished").iterdir()] == [".readmission.lock"]


class Told(list[str]):
    def __call__(self, sentence: str) -> None:
        self.append(sentence)


def write_text(folder: Path, value: str) -> None:
    (folder / "value.txt").write_text(value)


def read_text(folder: Path) -> str:
    return (folder / "value.txt").read_text()


def run(home: Path, key: dict[str, str], resume: bool, value: str) -> tuple[str, list[str]]:
    """A training of one stage, which is not recorded: what it came to, and what was told."""
    told = Told()
    with checkpoints(home, "readmission", key, resume, told) as kept:
        return kept.kept("stage", lambda: value, write_text, read_text), told


GOES_ON = "Goes on with the unfinished training of readmission: kept are stage."
THROWN_AWAY = (
    "An unfinished training of readmission (stage) is thrown away: --resume would have gone on "
    "with it."
)


def test_without_resume_everything_begins_anew(tmp_path):
    assert run(tmp_path, KEY, False, "first") == ("first", [])
    assert run(tmp_path, KEY, False, "second") == ("second", [THROWN_AWAY])
    assert run(tmp_path, KEY, True, "third") == ("second", [GOES_ON])


def test_another_key_begins_anew_and_says_what_is_another(tmp_path):
    run(tmp_path, KEY, False, "old")
    other = KEY | {"settings fit.seed": "2"}
    assert run(tmp_path, other, True, "new") == (
        "new",
        ["The unfinished training of readmission had other settings (fit.seed): it begins anew."],
    )
    assert run(tmp_path, other, True, "newer") == ("new", [GOES_ON])
    more = other | {"data as taken in": "b", **{f"settings a{n}": "1" for n in range(4)}}
    [sentence] = run(tmp_path, more, True, "newest")[1]
    assert sentence == (
        "The unfinished training of readmission had other settings (a0, a1, a2, …) and data (as "
        "taken in): it begins anew."
    )


def test_nothing_kept_or_a_key_that_cannot_be_read_is_said(tmp_path):
    assert run(tmp_path, KEY, True, "made")[1] == [
        "Nothing of an unfinished training of readmission is kept: it begins anew."
    ]
    for damaged in (b"{", b"[]", b"\xff"):
        (tmp_path / "readmission" / "key.json").write_bytes(damaged)
        value, [sentence] = run(tmp_path, KEY, True, "again")
        assert (value, "cannot be read: it begins anew" in sentence) == ("again", True)


@pytest.mark.parametrize("damage", ["changed", "removed", "added", "sums", "unlisted"])
def test_a_damaged_stage_is_made_again_and_that_is_said(tmp_path, damage):
    run(tmp_path, KEY, False, "first")
    stage = tmp_path / "readmission" / "stage"
    {
        "changed": lambda: (stage / "value.txt").write_text("fxrst"),
        "removed": lambda: (stage / "value.txt").unlink(),
        "added": lambda: (stage / "more.txt").write_text(""),
        "sums": lambda: (stage / "sums.json").write_text("{"),
        "unlisted": lambda: (stage / "sums.json").unlink(),
    }[damage]()
    assert run(tmp_path, KEY, True, "second") == (
        "second",
        [GOES_ON, "What was kept of the stage stage cannot be used: it is made again."],
    )
    assert run(tmp_path, KEY, True, "third") == ("second", [GOES_ON])


def test_a_second_training_at_once_keeps_nothing_and_says_so(tmp_path):
    told = Told()
    run(tmp_path, KEY, False, "kept before")
    with checkpoints(tmp_path, "readmission", KEY, True, lambda _: None) as first:
        with checkpoints(tmp_path, "readmission", KEY, False, told) as second:
            made = second.kept("stage", lambda: "second", write_text, read_text)
            scratch = second.search_storage.parent
            assert (made, scratch.is_dir()) == ("second", True)
            second.recorded()
        assert not scratch.exists()
        assert scratch not in (first.folder, tmp_path)
        assert first.kept("stage", lambda: "first", write_text, read_text) == "kept before"
        with checkpoints(tmp_path, "high-cost", KEY, False, told) as of_another_task:
            assert of_another_task.keeps
    assert told == [
        "Another training of readmission runs in this home: this one keeps nothing to resume from."
    ]
    assert run(tmp_path, KEY, True, "x") == ("kept before", [GOES_ON])  # the lock is free again


def test_an_error_in_a_training_leaves_what_it_kept(tmp_path):
    def fails() -> str:
        with checkpoints(tmp_path, "readmission", KEY, False, Told()) as kept:
            kept.kept("stage", lambda: "first", write_text, read_text)
            return kept.kept("next", lambda: str(1 // 0), write_text, read_text)

    with pytest.raises(ZeroDivisionError):
        fails()
    assert run(tmp_path, KEY, True, "second") == ("first", [GOES_ON])


def test_going_on_helps_after_what_need_not_come_again_and_where_a_stage_is_kept(tmp_path):
    failed, refused = InputError("no room"), RefusalError("too few cases")
    with checkpoints(tmp_path, "readmission", KEY, False, Told()) as kept:
        helps = []
        (kept.folder / "matrix.new").mkdir()  # half written
        for stage in (None, "matrix", "fit"):
            if stage:
                kept.kept(stage, lambda: "made", write_text, read_text)
            helps.append([kept.help_after(error)
                          for error in (failed, KeyboardInterrupt(), refused)])  # fmt: skip
        assert helps == [[False] * 3, [True, True, False], [True] * 3]
        with checkpoints(tmp_path, "readmission", KEY, False, Told()) as second:
            assert not second.help_after(failed)


def test_everything_is_for_its_owner_alone_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        with checkpoints(tmp_path / "unfinished", "readmission", KEY, False, Told()) as kept:
            kept.kept("stage", lambda: "first", write_text, read_text)
    finally:
        os.umask(before)
    found = sorted((tmp_path / "unfinished").rglob("*"))
    assert {path.name for path in found} == {
        ".readmission.lock", "readmission", "key.json", "stage", "value.txt", "sums.json",
    }  # fmt: skip
    for path in [tmp_path / "unfinished", *found]:
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path.name


def test_what_cannot_be_written_is_one_sentence(tmp_path):
    def full(folder: Path, value: str) -> None:
        raise OSError(28, "No space left on device")

    with (
        pytest.raises(InputError, match="The stage stage cannot be kept in"),
        checkpoints(tmp_path, "readmission", KEY, False, Told()) as kept,
    ):
        kept.kept("stage", lambda: "first", full, read_text)


def test_a_matrix_and_a_fit_are_read_as_they_were_written(tmp_path):
    rows = pd.DataFrame(
        {"patient_id": ["p", "q"], "as_of": [19_000, 19_001], "outcome": [0.0, 1.0]}
    )
    X = pd.DataFrame({"a": [1.0, np.nan], "b": [-0.0, 3e-45]}, dtype="float32")
    write_matrix(tmp_path, Matrix(X, rows, {"a": [0.1, 0.2]}))
    again = read_matrix(tmp_path, rows)
    pd.testing.assert_frame_equal(again.X, X, check_exact=True)
    assert again.X.to_numpy().tobytes() == X.to_numpy().tobytes()
    assert again.cuts == {"a": [0.1, 0.2]}
    assert again.rows.equals(rows)
    for others in (rows.iloc[::-1], rows.iloc[:1], rows.assign(as_of=[19_000, 19_002])):
        with pytest.raises(ValueError, match="the matrix is of"):
            read_matrix(tmp_path, others)
    held = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b'"p"' not in held
    fitted = Fitted("tree\r\n\n", 3, (2, 4))
    write_fitted(tmp_path, fitted)
    assert read_fitted(tmp_path) == fitted


def test_the_key_tells_settings_data_features_and_code_apart():
    task = READMISSION
    key = key_of(task, {"content": "h"}, {"source": "canonical"})
    assert key == key_of(task, {"content": "h", "format": 9}, {"source": "canonical"})

    def changed(*other) -> set[str]:
        now = key_of(*other)
        return {name for name in key | now if key.get(name) != now.get(name)}

    deeper = replace(task, fit=replace(task.fit, max_depth=3))
    assert changed(deeper, {"content": "h"}, {"source": "canonical"}) == {"settings fit.max_depth"}
    assert changed(task, {"content": "i"}, {"source": "canonical"}) == {"data of the histories"}
    assert changed(task, {"content": "h"}, {"source": "omop"}) == {"data as taken in"}
    assert "settings top_share" in changed(HIGH_COST, {"content": "h"}, {"source": "canonical"})
    assert key["code of firstcall"] == code_fingerprint()
    assert key["code of firstcall"] == code_fingerprint(Path(__file__).parents[2])
    assert len(key["features as defined"]) == 64
    assert all(name.split()[0] in ("settings", "data", "features", "code") for name in key)


def test_one_line_of_one_file_of_any_room_makes_the_code_another(tmp_path: Path) -> None:
    for room in ("data", "features", "serving", "training"):
        (tmp_path / room / "deeper").mkdir(parents=True)
        (tmp_path / room / "deeper" / "one.py").write_text("one = 1\n")
    sums = {code_fingerprint(tmp_path)}
    for room in ("data", "features", "serving", "training"):
        (tmp_path / room / "deeper" / "one.py").write_text("one = 2\n")
        sums.add(code_fingerprint(tmp_path))
    assert len(sums) == 5
    (tmp_path / "training" / "deeper" / "one.py").unlink()
    with pytest.raises(FileNotFoundError, match="holds no source"):
        code_fingerprint(tmp_path)
