"""`firstcall bento`: the service and the promoted models of a home as one Bento."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import typer

from data.errors import InputError
from data.home import Home
from data.terminal import say

bentos = typer.Typer()
_ROOT = Path(__file__).resolve().parents[2]


@bentos.command("bento")
def bento(context: typer.Context) -> None:
    """Build the service and the promoted models into one Bento, to be served anywhere.

    The models go into BentoML's model store (BENTOML_HOME) by tag, and the Bento names them; no
    other data go in. `bentoml serve TAG` serves it, `bentoml export TAG FILE` takes it elsewhere.

    Example: firstcall bento
    """
    home = context.obj.home
    say(*built(home))


def built(home: Home) -> list[str]:
    """Builds it; gives what is to be told. Raises InputError where the checkout is not here or
    BentoML cannot build, and what `bento_store.save` raises."""
    from serving.models.bento_store import MODELS, save

    if not (_ROOT / "bentofile.yaml").is_file():
        raise InputError("A Bento is built from the project's own folder, which is not here.")
    tags = save(home)
    done = subprocess.run(
        [sys.executable, "-m", "bentoml", "build", "--output", "tag", str(_ROOT)],
        cwd=_ROOT, capture_output=True, text=True, check=False,
        env=os.environ | {MODELS: " ".join(tags.values()), "BENTOML_DO_NOT_TRACK": "True"},
    )  # fmt: skip
    lines = done.stdout.split()
    tag = next((line for line in reversed(lines) if line.startswith("__tag__:")), None)
    if done.returncode or tag is None:
        last = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()[-1]
        raise InputError(f"BentoML could not build the Bento: {last}")
    name = tag.removeprefix("__tag__:")
    return [
        f"Built {name} with {', '.join(tags.values())}.",
        f"Serve it with: FIRSTCALL_HOME={home.root} bentoml serve {name}",
    ]
