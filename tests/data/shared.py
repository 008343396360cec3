"""The folder of real example data, which is no part of the project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def shared_data(name: str) -> Path:
    """The folder `name` of the example data; the calling test is skipped where it is absent."""
    root = os.environ.get("FIRSTCALL_SHARED_DATA")
    beside = Path(__file__).parents[3] / "shared" / "data"
    folder = (Path(root) if root else beside) / name
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent; set FIRSTCALL_SHARED_DATA to try this on real files")
    return folder
