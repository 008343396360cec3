"""What a run writes as JSON is JSON to everybody."""

from __future__ import annotations

import json
from pathlib import Path

from training.evaluation.evaluate import Interval
from training.statistics.json_file import write_json


def strictly(path: Path) -> object:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


def test_what_is_not_known_is_null_however_deep_it_lies(tmp_path: Path) -> None:
    nan = float("nan")
    told = {"a": nan, "b": [1.5, {"c": (nan, float("inf"), "x")}], "d": Interval(0.5, nan, 1.0)}
    write_json(tmp_path / "one.json", told)
    assert strictly(tmp_path / "one.json") == {
        "a": None, "b": [1.5, {"c": [None, None, "x"]}], "d": [0.5, None, 1.0],
    }  # fmt: skip
