"""How much a challenger would change of the list, beside what chance alone would change of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from serving.model import RiskModel
from training.evaluation.evaluate import Scored
from training.fitting.learner import Learner
from training.robustness.stability import churn, natural_churn
from training.settings.model_settings import FitSettings, GateSettings
from training.statistics.called import called


@dataclass(frozen=True)
class ListChurn:
    """``changed``: the part of those at the top of the champion's lists (the upper ``share`` of
    each) whom the challenger would not call. ``natural``: the same of the champion against itself,
    learned again from resampled people, the mean of ``refits``; 0 of 0 where nothing changed.
    ``called``: the rows at the top of the champion's lists."""

    share: float
    changed: float
    natural: float
    refits: int
    called: int


def list_churn(
    learner: Learner,
    places: NDArray[np.int64],
    scored: Scored,
    champion_margin: NDArray[np.float64],
    champion: RiskModel,
    settings: Mapping[str, str],
    gate: GateSettings,
) -> ListChurn:
    """The churn on the rows at `places` of the learner's matrix, which are those of `scored`.

    The champion is learned again by its own `settings` (`registry.Version.settings`), of its own
    features and as many trees, from the people of today's training.
    """
    at_top = int(called(
        champion_margin, scored.period, scored.patient_id, gate.churn_share
    ).sum())  # fmt: skip
    changed = churn(
        champion_margin, scored.margin, scored.period, scored.patient_id, gate.churn_share
    )
    if changed == 0:  # such as of a recalibration: no chance can change less
        return ListChurn(gate.churn_share, 0.0, 0.0, 0, at_top)
    own = replace(learner, names=tuple(champion.features))
    natural = natural_churn(
        own, champion.booster.num_trees(), fit_settings_of(settings), champion_margin, places,
        scored.period, scored.patient_id, gate.churn_share, learner.task.evaluation.seed,
        gate.churn_refits,
    )  # fmt: skip
    return ListChurn(gate.churn_share, changed, natural, gate.churn_refits, at_top)


def fit_settings_of(settings: Mapping[str, str]) -> FitSettings:
    """How a run was fitted, by its parameters (`tasks.flat`); what they lack is as declared, but a
    run from before there were constraints had none."""
    told = {
        entry.name: json.loads(settings[f"fit.{entry.name}"])
        for entry in fields(FitSettings) if f"fit.{entry.name}" in settings
    }  # fmt: skip
    return FitSettings(**{"monotone": False, **told})
