"""The models in use: read from where the last promotion put them, and refused where they do not
fit what the night and the service ask."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from data.errors import InputError, RefusalError
from data.home import Home
from features.definitions import feature
from serving.list_settings import Task, TierSettings
from serving.model import RiskModel, TierLimits
from serving.population import RECENT

TASKS = ("readmission", "high-cost")


@dataclass(frozen=True)
class Models:
    """The models in use, by task; at least one."""

    by_task: Mapping[str, RiskModel]

    @classmethod
    def load(cls, home: Home) -> Models:
        """Reads `home.models/<task>`. Raises InputError where there is no model at all, and
        whatever `RiskModel.load` raises where one does not fit; RefusalError where one answers
        another kind of question, or a readmission model other days than the night asks about."""
        there = [task for task in TASKS if (home.models / task).exists()]
        if not there:
            raise InputError(
                f"There is no model in {home.models}: `firstcall train --task readmission`, then "
                "`firstcall promote --task readmission`, and so with high-cost."
            )
        loaded = {task: RiskModel.load(home.models / task, task) for task in there}
        for task, model in loaded.items():
            _refuse_another_question(home.models / task, task, model.metadata)
        return cls(loaded)

    def of_site(self, tiers: Mapping[Task, TierSettings]) -> Models:
        """The same models with the limits of tiers that a site decided on, by task; without any,
        a model's own hold. Versions stay: a limit changes nobody's risk."""
        limited = dict(self.by_task)
        for task, said in tiers.items():
            if task in limited:
                limits = TierLimits(said.high, said.moderate, said.owner)
                limited[task] = replace(limited[task], site_limits=limits)
        return Models(limited)

    @cached_property
    def versions(self) -> dict[str, str]:
        """The version of each model, by task."""
        return {task: model.version for task, model in self.by_task.items()}

    @cached_property
    def carries(self) -> list[str]:
        """The feeds that any of the models was trained on, those of its features included."""
        return sorted(
            {feed for model in self.by_task.values() for feed in model.metadata["carries"]}
            | {feature(name).feed for model in self.by_task.values() for name in model.features}
        )

    @cached_property
    def _feeds(self) -> Mapping[str, frozenset[str]]:
        """The feeds of each model's features, by task."""
        return {
            task: frozenset(feature(name).feed for name in model.features)
            for task, model in self.by_task.items()
        }

    def warnings(self, carries: Collection[str], as_of: date | None = None) -> list[str]:
        """What must be said of every answer from data that carry the feeds `carries`; with the
        day of a night also whether a model has seen what comes after it."""
        said = []
        for task, model in self.by_task.items():
            population = {"invented": "an invented population", "public_synthetic":
                          "public synthetic data"}.get(model.metadata["origin"])  # fmt: skip
            if population:
                said.append(
                    f"the {task} model was trained on {population}: not for decisions about "
                    "real people"
                )
            if model.metadata["asked_on"] == "31 December":
                said.append(f"the {task} model is asked on 31 December only")
            tested_from = model.metadata["trained_on"].get("test_from")
            if as_of is not None and tested_from and as_of.isoformat() < tested_from:
                said.append(
                    f"the {task} model has seen outcomes from after {as_of}: it looks better on "
                    "this day than it is"
                )
            lacking = self._feeds[task] - set(carries)
            if lacking:
                said.append(
                    f"the {task} model was trained with feeds that are not here: "
                    + ", ".join(sorted(lacking))
                )
        return said


def _refuse_another_question(folder: Path, task: str, metadata: Mapping[str, Any]) -> None:
    again, kind = f"run `firstcall train --task {task}`.", metadata.get("kind")
    if kind is None:
        raise RefusalError(
            f"The model in {folder} does not say which kind of question it answers, because it was "
            f"trained by an earlier release: {again}"
        )
    if kind != task:
        raise RefusalError(f"The model in {folder} answers a question of another kind: {again}")
    days = metadata["horizon_days"]
    if task == "readmission" and days != RECENT.days:
        raise RefusalError(
            f"The model in {folder} is about {days} days after a discharge, and the night asks "
            f"about {RECENT.days}: {again}"
        )
