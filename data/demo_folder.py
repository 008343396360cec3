"""The folder that a demo empties each time that it runs, and only a folder that a demo made."""

from __future__ import annotations

import shutil
from pathlib import Path

from data.command_line import shown
from data.errors import InputError
from data.home import Home

_MARK = "made-by-the-demo"


def begin_anew(root: Path) -> None:
    """Make `root` an empty folder of the demo. Raises InputError where it holds files that no demo
    made; they stay."""
    if root.exists() and not (root / _MARK).exists() and any(root.iterdir()):
        raise InputError(
            f"{shown(root)} holds files that no demo made: give the demo a folder of its own "
            "with `firstcall --home .firstcall/demo demo`."
        )
    shutil.rmtree(root, ignore_errors=True)
    Home(root).make()
    (root / _MARK).write_text("The demo empties this folder each time that it runs.\n")
