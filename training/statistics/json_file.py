"""JSON files as every reader takes them: a number that is not known is null."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write_json(path: Path, told: Mapping[str, Any]) -> None:
    """What is told as one JSON file. NaN and the infinities, which JSON does not know, become null;
    raises TypeError where a value has no form in JSON."""
    path.write_text(json.dumps(_known(told), indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _known(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _known(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_known(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
