"""LightGBM as it is loaded and asked here: late, and with the same threads every time."""

from __future__ import annotations

import os
from types import ModuleType

# LightGBM's threads spin while they wait; where others use the cores, a fit of seconds then takes
# minutes. Read once, when the OpenMP library is loaded: hence here, and not with the import.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

THREADS = int(os.environ.get("FIRSTCALL_THREADS") or 2)
"""Threads of one prediction; where several workers serve, each has its share of the cores. The
result of a row depends neither on them nor on other rows."""


def load_lightgbm() -> ModuleType:
    """Import lightgbm, which takes seconds."""
    import lightgbm

    return lightgbm
