"""What a training keeps of itself: parameters and tags of the run, and its files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from features.history import Histories
from serving.model import RiskModel, write_model
from training.by_day import Day
from training.calibrate import CalibrationChoice
from training.evaluate import Evaluation
from training.fit import Fitted
from training.gate import Verdict
from training.registry import MODEL_VERSION
from training.tasks import Task, described, flat, task_file


def parameters_of(
    task: Task, fitted: Fitted, choice: CalibrationChoice, names: list[str]
) -> dict[str, str]:
    """Every setting, and what the fit and the choice of a calibrator came to."""
    return flat(task) | {
        "fitted.rounds": str(fitted.rounds),
        "fitted.stopped_at": json.dumps(fitted.stopped_at),
        "fitted.features": str(len(names)),
        "calibration.chosen": choice.calibrator.kind,
        "calibration.why": choice.why,
    }


def tags_of(manifest: Mapping[str, Any], model: RiskModel, histories: Histories) -> dict[str, str]:
    """Which data, features and model."""
    return {
        "data.source": str(manifest.get("source", "")),
        "data.origin": str(manifest["origin"]),
        "data.through": str(manifest["data_through"]),
        "data.fingerprint": str(histories.manifest.get("content", "")),
        "features.fingerprint": model.metadata["fingerprint"],
        MODEL_VERSION: model.version,
    }


def write_run_files(
    folder: Path,
    task: Task,
    text: str,
    model: RiskModel,
    attrition: pd.DataFrame,
    counts: pd.DataFrame,
    evaluation: Evaluation,
    remarks: tuple[str, ...],
    cost: str | None,
    by_day: tuple[Day, ...],
    verdict: Verdict,
) -> None:
    """The model's files into `folder/model`, its settings, tables and figures beside it."""
    write_model(folder / "model", text, model.metadata, cost)
    attrition.to_csv(folder / "attrition.csv", index=False)
    counts.to_csv(folder / "counts.csv", index=False)
    settings = pd.DataFrame(described(task), columns=["setting", "value", "meaning"])
    settings.to_csv(folder / "settings.csv", index=False)
    (folder / "task.toml").write_text(task_file(task), encoding="utf-8")
    shown = evaluation.to_json() | {"remarks": list(remarks)}
    if by_day:
        shown["by_day"] = [day.to_json() for day in by_day]
    for name, told in (("evaluation", shown), ("gate", verdict.to_json())):
        (folder / f"{name}.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
