"""A weekly retraining of both tasks, as `firstcall train` does it by the settings that ship."""

from __future__ import annotations

import shutil
from pathlib import Path

from data.home import Home
from tests.bench.measuring import Line, Setting, beside, in_process, under

MEMBERS = 100_000
TASKS = ("readmission", "high-cost")
MOST_MINUTES, MOST_GIGABYTES = 10, 6


def lines(given: Setting) -> list[Line]:
    """One run, each task in a process of its own; no champion stands beside a first training."""
    seed = given.populations.invented(MEMBERS)
    home = Home(given.scratch / "home")
    home.root.mkdir()
    for part in ("tables", "histories", "invented"):  # the truth about them is judged by, too
        shutil.copytree(seed.root / part, home.root / part, symlinks=True, copy_function=_linked)
    found = {task: in_process("train", {"home": str(home.root), "task": task}) for task in TASKS}
    minutes = sum(told["seconds"] for told in found.values()) / 60
    made = [under(f"both tasks retrained on {MEMBERS:,} members", minutes, MOST_MINUTES, "min")]
    for task, told in found.items():
        made.append(beside(f"  {task}", told["seconds"], "its model's own fit", told["fit"]))
        made.append(under("    highest memory", told["peak"], MOST_GIGABYTES, "GB"))
    return made


def _linked(source: str, target: str) -> str:
    """Files that a training only reads need not be copied."""
    Path(target).hardlink_to(source)
    return target
