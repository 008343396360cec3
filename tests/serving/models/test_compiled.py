"""What is compiled is compiled once, by two processes, and anew where the code has changed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from data.home import Home
from serving.answers import Scorer
from serving.models import compiled
from serving.models.compiled import begin_compiling, in_turn
from serving.models.placed import Placed
from serving.scoring import Models

TASKS = ("readmission", "high-cost")


@pytest.fixture
def placed(quick_home: Home) -> Placed:
    folders = {task: quick_home.models / task for task in TASKS}
    told = dict.fromkeys(TASKS, "at hand")
    return Placed(folders, told, told, "")


def test_both_parts_are_made_once_and_leave_nothing_for_a_worker_to_compile(
    placed: Placed, quick_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, kept = Home(tmp_path / "home"), tmp_path / "compiled"
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(kept))
    running = begin_compiling(home, placed)
    assert len(running) == 2
    with in_turn(home):  # as a worker waits
        assert [one.wait(5) for one in running] == [0, 0]
    made = {file.name for file in kept.rglob("*.nb?")}
    assert any(name.startswith("kernel.answer") for name in made)
    assert any(name.startswith("tree_shares._add_shares") for name in made)
    assert any(name.startswith("stay_kernel.stay_facts") for name in made)
    assert begin_compiling(home, placed) == []


def test_other_code_is_compiled_anew(
    placed: Placed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As another Bento, or the same folder after an upgrade: what was compiled of it is stale."""
    code, kept = tmp_path / "code", tmp_path / "compiled"
    for name in ("features", "serving"):
        (code / name).mkdir(parents=True)
    (code / "features" / "kernel.py").write_text("1")
    (code / "serving" / "tree_shares.py").write_text("1")
    monkeypatch.setattr(compiled, "_CODE", code)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(kept))
    first = compiled._mark("features")
    assert first == compiled._mark("features")
    assert first != compiled._mark("rest")
    moved = shutil.copytree(code, tmp_path / "moved")
    monkeypatch.setattr(compiled, "_CODE", moved)
    assert compiled._mark("features") != first
    monkeypatch.setattr(compiled, "_CODE", code)
    written = (code / "features" / "kernel.py").stat()
    os.utime(code / "features" / "kernel.py", ns=(written.st_atime_ns, written.st_mtime_ns + 1))
    assert compiled._mark("features") != first


def test_what_is_left_compiles_nothing_of_the_two_large_parts(quick_home: Home) -> None:
    from features.kernel import answer

    Scorer(Models.load(quick_home)).warm_up()
    assert len(answer.signatures) == 1  # as `_compile_features` asks: no second kind of arrays
