"""Runs within the run of a training, as MLflow shows them: one for each trial of a search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from training.fitting.search import Searched


@dataclass(frozen=True)
class NestedRun:
    """``state``: as MLflow names it; KILLED is a trial that was given up early."""

    name: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    state: Literal["FINISHED", "KILLED"]


def trial_runs(searched: Searched) -> tuple[NestedRun, ...]:
    """One a trial: `trial 17` with the settings that it tried and what came of them."""
    made = []
    for trial in searched.trials:
        told = {
            "log_loss": trial.log_loss, "difference": trial.difference,
            "standard_error": trial.standard_error, "rounds": trial.rounds,
            "folds": trial.folds, "seconds": trial.seconds,
        }  # fmt: skip
        metrics = {name: float(value) for name, value in told.items() if value is not None}
        params = {f"fit.{name}": str(value) for name, value in trial.settings.items()}
        state = "FINISHED" if trial.state == "complete" else "KILLED"
        made.append(NestedRun(f"trial {trial.number}", params, metrics, state))
    return tuple(made)
