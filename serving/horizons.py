"""How long the outcome windows are, and what is left of one on the day of a question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from serving.scoring import Models

_USUAL = {"readmission": 30, "high-cost": 365}
"""Days of each window where nothing tells them."""


def horizons_of_run(manifest: Mapping[str, Any]) -> dict[str, int]:
    """The days of each window in a run, by task; a run of before it was told has the usual ones."""
    models = manifest.get("models", {})
    return {task: int(models.get(task, {}).get("horizon_days", n)) for task, n in _USUAL.items()}


def horizons_of_models(models: Models) -> dict[str, int]:
    """The days of each window of the models in use, by task."""
    there = {task: int(model.metadata["horizon_days"]) for task, model in models.by_task.items()}
    return _USUAL | there


def days_left(row: Mapping[str, Any], horizons: Mapping[str, int]) -> int | None:
    """How many days of the window after the discharge the readmission risk of a person (the
    store's score columns) is about; None where there is none."""
    if row["readmission_risk"] is None:
        return None
    since = row["readmission_asked_on"] - row["discharged_on"]
    return max(horizons["readmission"] - since.days, 0)
