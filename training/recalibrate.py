"""The champion with another calibrator: where only the base rate moved, nothing has to be learned.

The rows are those that came after the last one that the champion was made of, of people whom no
fit ever saw, with their outcome known before the test begins. The booster stays, byte by byte; what
comes of it is a challenger like any other, judged by the gate beside the champion.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data import intake
from data.errors import InputError, RefusalError
from data.home import Home
from data.progress import stage
from data.small_cells import Counts
from features.window import to_date
from serving.booster import load_lightgbm
from serving.expected_cost import read_cost_text
from serving.model import LANDMARKS, RiskModel, read_model_files, version_of
from training.cohorts.landmarks import asked_once, start_on
from training.cohorts.split import share_of
from training.fitting.challenger import tiers_of
from training.fitting.learner import Learner
from training.fitting.prepared import Prepared, prepare
from training.fitting.recalibration import Move, choose_move, moved
from training.release.gate import Verdict
from training.release.judged import judge
from training.release.promotion import tags_of_verdict
from training.release.registry import CHAMPION, Registered, Version, fetch_run, record, version_at
from training.report.card import write_card
from training.report.run_report import write_report
from training.run_files import tags_of, write_run_files
from training.settings.tasks import Task, deciding, flat, refuse_a_taken_name, task_called

OF = "recalibrated"
"""Where `model.json` tells of it: the version of the model that was recalibrated, how and why, on
how many rows and cases, first and last day asked (a stay that is asked about on several days counts
once)."""
_SPLIT = ("split.salt", "split.test_share", "split.calibration_share", "split.validation_share")
"""Settings that decide whom no fit ever saw."""


@dataclass(frozen=True)
class RecalibrateReport:
    """What a recalibration did: ``before`` is the champion's version, ``rows`` and ``cases`` are
    those that it was recalibrated on, later landmarks apart. Where nothing moved there is nothing
    to register: ``run`` and ``verdict`` are None."""

    task: str
    before: str
    move: Move
    rows: int
    cases: int
    run: Registered | None = None
    verdict: Verdict | None = None


def recalibrate(home: Home, task: str, settings: Task | None = None) -> RecalibrateReport:
    """Recalibrate the champion of a task on what has become known since it was made, and register
    that as challenger, with the verdict of the gate.

    Raises InputError where there is no champion or its files cannot be read, RefusalError where
    it was split otherwise than the task says now, asks another question or was made of other
    people than those of this home, where it cannot be asked any more, or where too few cases
    (`least_train_events`) have become known since.
    """
    chosen = settings or task_called(task)
    refuse_a_taken_name(chosen)
    version = version_at(home, chosen.name, CHAMPION)
    if version is None:
        raise InputError(f"There is no champion of {chosen.name} to recalibrate: train one first.")
    _refuse_another_split(version, chosen)
    _refuse_another_question(version, chosen)
    with tempfile.TemporaryDirectory() as scratch:
        folder = fetch_run(home, version.run_id, Path(scratch), "model")
        text, metadata = read_model_files(folder)
        cost_text = read_cost_text(folder, metadata)
        champion = RiskModel.load(folder)
    _refuse_other_people(home, version, chosen, metadata)
    prepared = prepare(home, chosen, champion)
    with stage("Recalibrating"):
        places = _rows_since(prepared, champion, chosen)
        learner = _as_it_was_learned(prepared, champion)
        move, model = _moved(champion, learner, prepared, text, places)
    of_move = model.metadata[OF]
    if move.kind == "as it is":
        return RecalibrateReport(
            chosen.name, version.number, move, of_move["rows"], of_move["cases"]
        )
    with stage("Judging it beside the baselines and the champion"):
        judged = judge(home, model, prepared, learner)
    with stage("Recording the run in MLflow"), tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        remarks = (move.why, *prepared.remarks, *judged.remarks(model.metadata["label"]))
        write_run_files(folder, text, cost_text, model, prepared, judged, remarks)
        write_report(folder)
        write_card(folder, chosen.card)
        told = {**version.settings, "calibration.chosen": move.kind, "calibration.why": move.why}
        tags = {**tags_of(prepared.manifest, model, prepared.histories), OF: version.number}
        run = record(home, chosen.name, told, judged.flat(), tags, folder,
                     tags_of_verdict(judged.verdict))  # fmt: skip
    return RecalibrateReport(
        chosen.name, version.number, move, of_move["rows"], of_move["cases"], run, judged.verdict
    )


def _refuse_another_split(version: Version, task: Task) -> None:
    own = flat(task)
    if any(version.settings.get(name) != own[name] for name in _SPLIT):
        raise RefusalError(
            f"Version {version.number} of {task.name}, the champion, was split otherwise than the "
            "settings say, so that nobody knows whom it never saw: train anew."
        )


def _refuse_another_question(version: Version, task: Task) -> None:
    """A calibrator of other outcomes, or of other people, would say other risks in the same
    words."""
    own = flat(task)
    other = sorted(
        name for name in deciding(task)
        if name in own and version.settings.get(name) != own[name]
    )  # fmt: skip
    if other:
        raise RefusalError(
            f"Version {version.number} of {task.name}, the champion, was trained for another "
            f"question than the settings ask ({', '.join(other)}): train anew."
        )


def _refuse_other_people(
    home: Home, version: Version, task: Task, metadata: Mapping[str, Any]
) -> None:
    here, of = str(intake.current(home).manifest["origin"]), str(metadata.get("origin"))
    if here != of:
        raise RefusalError(
            f"Version {version.number} of {task.name}, the champion, was made of people of origin "
            f"{of}, and this home holds people of origin {here}: train anew."
        )


def _rows_since(prepared: Prepared, champion: RiskModel, task: Task) -> NDArray[np.int64]:
    """Those of calibration people that neither the champion nor its calibrator was made of."""
    last = last_day(champion.metadata)
    held = prepared.split.rows("calibration")
    rows = prepared.matrix.rows.iloc[held]
    found = held[first_asked_on(rows) > last]
    once = found[asked_once(prepared.matrix.rows)[found]]
    outcome = prepared.matrix.rows["outcome"].to_numpy(dtype=np.float64)[once]
    least = task.split.least_train_events
    if not least <= outcome.sum() <= len(outcome) - least:
        shown = Counts(str(prepared.manifest["origin"]))
        raise RefusalError(
            f"Since {np.datetime64(last, 'D')}, the last day that the champion of {task.name} "
            f"was made of, {shown.count(int(outcome.sum()))} cases among "
            f"{shown.count(len(outcome))} rows of people whom no fit saw have become known before "
            f"the test begins on {np.datetime64(prepared.split.test_from, 'D')}, and {least} and "
            "as many others are needed: wait for more months."
        )
    return found


def last_day(metadata: Mapping[str, Any]) -> int:
    """The last day (since 1970) on which a row was asked that a model was fitted or calibrated on,
    of a recalibrated one that of its calibrator."""
    told = metadata[OF] if OF in metadata else metadata["trained_on"]
    return int(np.datetime64(told["last_as_of"], "D").astype(np.int64))


def first_asked_on(rows: pd.DataFrame) -> NDArray[np.int64]:
    """The day on which each row was asked; of a stay that is asked about on several days, the first
    of them: its later rows tell of the same outcome."""
    return rows["discharged_on" if "landmark" in rows else "as_of"].to_numpy(dtype=np.int64)


def _as_it_was_learned(prepared: Prepared, champion: RiskModel) -> Learner:
    matrix, task = prepared.matrix, prepared.task
    start = None
    if champion.has_landmarks:
        log_odds = np.asarray(champion.metadata[LANDMARKS], dtype=np.float64)
        start = start_on(matrix.rows, log_odds)
    helped = prepared.treated.offset
    if helped is not None:  # what being reached does is no move of the base rate
        start = helped if start is None else start + helped
    return Learner(
        matrix, prepared.split, task, tuple(champion.features), start,
        share_of(matrix.rows["patient_id"], task.split.salt),
        matrix.rows["weight"].to_numpy(dtype=np.float64), 1.0,
    )  # fmt: skip


def _moved(
    champion: RiskModel,
    learner: Learner,
    prepared: Prepared,
    text: str,
    places: NDArray[np.int64],
) -> tuple[Move, RiskModel]:
    """The move, and the champion by it; its tiers begin anew at the same shares of people."""
    task, margin = prepared.task, learner.margin(text, places)
    start = None if learner.start is None else learner.start[places]
    move = choose_move(
        champion.calibrator, margin, learner.outcome[places], learner.share[places],
        learner.weights[places], start, task.calibration.folds,
    )  # fmt: skip
    calibrator = moved(champion.calibrator, move.intercept, move.slope)
    once = learner.matrix.rows.iloc[places[asked_once(learner.matrix.rows)[places]]]
    metadata = {
        **champion.metadata,
        "calibrator": calibrator.to_json(),
        "tiers": tiers_of(
            calibrator, margin, learner.matrix.rows.iloc[places],
            champion.metadata.get(LANDMARKS), task.tiers,
        ),
        "data_through": str(prepared.manifest["data_through"]),
        OF: {
            "version": champion.version, "how": move.kind, "why": move.why,
            "rows": len(once), "cases": int(once["outcome"].sum()),
            "first_as_of": str(to_date(int(once["as_of"].min()))),
            "last_as_of": str(to_date(int(once["as_of"].max()))),
        },
    }  # fmt: skip
    booster = load_lightgbm().Booster(model_str=text)
    return move, RiskModel(booster, calibrator, metadata, version_of(text, metadata), champion.cost)
