"""The notebooks run from top to bottom, one after another in one home that begins empty."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.timeout(1200)  # of a single test here they are three
def test_every_notebook_runs(tmp_path: Path) -> None:
    notebooks = sorted((ROOT / "notebooks").glob("*.ipynb"))
    assert notebooks
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-o", "filterwarnings=default",
         "--nbmake", *map(str, notebooks)],
        cwd=ROOT, env={**os.environ, "FIRSTCALL_HOME": str(tmp_path / "home")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f" {len(notebooks)} passed" in ran.stdout.splitlines()[-1]
