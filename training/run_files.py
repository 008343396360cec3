"""What a training keeps of itself: parameters and tags of the run, and its files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from data.small_cells import Counts
from features.history import Histories
from serving.model import RiskModel, write_model
from training.evaluation.explained import explain
from training.fitting.calibrate import CalibrationChoice
from training.fitting.fit import Fitted
from training.fitting.prepared import Prepared
from training.pictures.cost_picture import draw_cost
from training.pictures.equity_picture import draw_equity
from training.pictures.pictures_by_day import draw_days
from training.pictures.plots import draw
from training.pictures.shares_picture import draw_shares
from training.release.judged import Judged
from training.release.registry import MODEL_VERSION
from training.settings.tasks import Task, described, flat, task_file
from training.statistics.json_file import write_json


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
    text: str,
    cost_text: str | None,
    model: RiskModel,
    prepared: Prepared,
    judged: Judged,
    remarks: tuple[str, ...],
) -> None:
    """The model's files into `folder/model`, its settings, tables, figures and pictures beside it.

    `text` and `cost_text` are the model's boosters as LightGBM wrote them."""
    label, pictures = model.metadata["label"], folder / "pictures"
    counts = Counts(str(prepared.manifest["origin"]))
    write_model(folder / "model", text, model.metadata, cost_text)
    _write_tables(folder, prepared)
    shown = judged.evaluation.to_json() | {"remarks": list(remarks)}
    if judged.by_day:
        shown["by_day"] = [day.to_json() for day in judged.by_day]
        draw_days(pictures, judged.by_day, label, counts)
    write_json(folder / "evaluation.json", shown)
    write_json(folder / "gate.json", judged.verdict.to_json())
    judged.subgroups.to_csv(folder / "subgroups.csv", index=False)
    judged.disparities.to_csv(folder / "disparities.csv", index=False)
    write_json(folder / "equity.json", judged.equity.to_json())
    draw_equity(pictures, judged.equity, label)
    draw(pictures, judged.scored, judged.evaluation, label, counts)
    rows = judged.tested.rows
    explained = explain(model, judged.tested.X, rows["as_of"], rows["patient_id"])
    explained.importance.to_csv(folder / "importance.csv", index=False)
    draw_shares(pictures, explained, label, counts)
    if judged.cost is not None and prepared.cohort.of_cost is not None:
        judged.cost.write(folder / "cost")
        draw_cost(pictures / "cost.png", judged.cost.judged, prepared.cohort.of_cost.amount, counts)


def _write_tables(folder: Path, prepared: Prepared) -> None:
    task = prepared.task
    prepared.cohort.attrition.to_csv(folder / "attrition.csv", index=False)
    prepared.counts.to_csv(folder / "counts.csv", index=False)
    if prepared.landmarks is not None:
        prepared.landmarks.counts.to_csv(folder / "landmarks.csv", index=False)
    write_json(folder / "treated.json", prepared.treated.to_json())
    settings = pd.DataFrame(described(task), columns=["setting", "value", "meaning"])
    settings.to_csv(folder / "settings.csv", index=False)
    (folder / "task.toml").write_text(task_file(task), encoding="utf-8")
