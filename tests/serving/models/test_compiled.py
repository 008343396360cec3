"""What is compiled is compiled once, by two processes, and anew where the code has changed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from data.home import Home
from serving.models import compiled
from serving.models.compiled import begin_compiling, in_turn
from serving.models.placed import Placed
from tests.serving.quick import write_quick_model

_WORKER = """
import sys
from pathlib import Path
from data.home import Home
from features import kernel, news, stay_kernel
from serving import tree_shares
from serving.answers import Scorer
from serving.scoring import Models
Scorer(Models.load(Home(Path(sys.argv[1])))).warm_up()
loops = (kernel.answer, news._last, stay_kernel.stay_facts,
         tree_shares._fill, tree_shares._add_leaves, tree_shares._add_shares)
for loop in loops:
    print(loop.__name__, sum(loop.stats.cache_hits.values()) > 0, *loop.stats.cache_misses.values())
"""
TASKS = ("readmission", "high-cost")


@pytest.fixture
def served(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("served"))


@pytest.fixture
def placed(served: Home) -> Placed:
    """Two models, that of readmissions with landmarks, which alone asks for the last news."""
    folders = {task: served.models / task for task in TASKS}
    write_quick_model(folders["readmission"], "readmission", landmark_log_odds=[-4.0] * 30)
    write_quick_model(folders["high-cost"], "high-cost")
    told = dict.fromkeys(TASKS, "at hand")
    return Placed(folders, told, told, "")


def test_both_parts_are_made_once_and_leave_nothing_for_a_worker_to_compile(
    placed: Placed, served: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, kept = Home(tmp_path / "home"), tmp_path / "compiled"
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(kept))
    running = begin_compiling(home, placed)
    assert len(running) == 2
    with in_turn(home):  # as a worker waits
        assert [one.wait(5) for one in running] == [0, 0]
    made = {file.name.partition("-")[0] for file in kept.rglob("*.nbc")}
    assert made == {
        "kernel.answer", "kernel._sizes", "stay_kernel.stay_facts", "news._last",
        "tree_shares._fill", "tree_shares._goes_left", "tree_shares._add_leaves",
        "tree_shares._add_shares",
    }  # fmt: skip
    assert begin_compiling(home, placed) == []
    worker = subprocess.run(
        [sys.executable, "-c", _WORKER, str(served.root)], check=True, capture_output=True
    )
    said = worker.stdout.decode().splitlines()
    assert [line.split()[1:] for line in said] == [["True"]] * 6, f"a worker compiled: {said}"


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
    (code / "features" / "kernel.py").touch()
    assert compiled._mark("features") == first
    (code / "features" / "kernel.py").write_text("2")
    assert compiled._mark("features") != first


def test_a_mark_takes_the_place_of_that_of_other_code(
    placed: Placed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numba has written over what that stood for: who goes back compiles anew."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(compiled, "_compile_features", lambda: None)
    for name in ("features.0", "rest.0"):
        (tmp_path / name).touch()
    compiled._compile("features", [])
    left = {file.name for file in tmp_path.iterdir()}
    assert left == {compiled._mark("features").name, "rest.0"}
