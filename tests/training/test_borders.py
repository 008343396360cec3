"""Of serving, training takes the model, what goes with it, and its reasons: nothing else."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHARED = {
    "serving.model", "serving.model_json", "serving.booster", "serving.calibrator",
    "serving.expected_cost", "serving.reasons", "serving.tree_shares",
}  # fmt: skip


def test_every_other_module_of_serving_is_forbidden_to_training():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = [
        contract
        for contract in settings["tool"]["importlinter"]["contracts"]
        if contract["type"] == "forbidden" and contract["source_modules"] == ["training"]
    ]
    there = {
        f"serving.{path.stem}"
        for path in (ROOT / "serving").iterdir()
        if (path.suffix == ".py" and path.name != "__init__.py") or (path / "__init__.py").exists()
    }
    assert there >= SHARED
    assert set(contract["forbidden_modules"]) == there - SHARED
    assert len(contract["forbidden_modules"]) == len(set(contract["forbidden_modules"]))
