"""From `bentoml serve` of a Bento with its models to the first answer: with nothing compiled, and
again."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import httpx

from data.home import Home
from tests.bench.live import to_serve, trained_home
from tests.bench.measuring import Line, Setting, beside
from tests.serving.served import environment, running, token_of
from tests.serving.test_api import patient, request

ROOT = Path(__file__).resolve().parents[2]


def lines(given: Setting) -> list[Line]:
    """Ready in under 20 s in a clean folder with a clean cache; then with what was compiled."""
    home = to_serve(trained_home(given), given.scratch / "served")
    bento = _built(home, given.scratch)
    clean = given.scratch / "clean"
    clean.mkdir()
    cold = _until_answered(bento, home, given.scratch / "first", clean)
    warm = _until_answered(bento, home, given.scratch / "second", clean)
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import bentoml"], check=True)
    framework = time.perf_counter() - began
    ready = Line(
        "ready from a Bento with both models, nothing compiled", cold, "import bentoml", framework,
        cold / framework, "under 20 s", cold < 20,
    )  # fmt: skip
    return [ready, beside("  again", warm, "import bentoml", framework)]


def _built(home: Home, scratch: Path) -> Path:
    """A Bento from a copy of the checkout, with the models of the home inside."""
    tree = scratch / "tree"
    tree.mkdir()
    for room in ("data", "features", "serving"):
        shutil.copytree(ROOT / room, tree / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("bentofile.yaml", "pyproject.toml", "firstcall.py"):
        shutil.copy(ROOT / name, tree / name)
    around = environment(home.root, scratch / "build")
    firstcall = [
        sys.executable,
        "-W",
        "ignore",
        "-c",
        "import firstcall; firstcall.main()",
        "bento",
    ]
    subprocess.run(firstcall, cwd=tree, env=around, check=True, stdout=subprocess.DEVNULL)
    kept = scratch / "build" / "bentoml" / "bentos" / "firstcall-service"
    [bento] = [one for one in kept.iterdir() if one.is_dir()]
    return bento


def _until_answered(bento: Path, home: Home, base: Path, cwd: Path) -> float:
    """Seconds to a first score. What is compiled is kept in the home."""
    header = token_of(home, "score")
    shutil.copytree(bento.parents[2], base / "bentoml")
    began = time.perf_counter()
    with running(bento, home.root, base, cwd) as served:
        sent = request(patient())
        answer = httpx.post(f"{served.address}/v1/score", json=sent, headers=header, timeout=60)
        assert answer.status_code == 200, answer.text
        return time.perf_counter() - began
