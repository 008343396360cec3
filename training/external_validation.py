"""The champion of one home judged on the people of another: external validation.

Nobody there was learned from, so that all of them test. Nothing is registered or promoted by it.
Of real people what is written holds no count under 11, the others to tens, and no figure of so few.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data import intake
from data.errors import InputError, RefusalError
from data.home import Home
from serving.model import RiskModel
from training.evaluation.evaluate import Interval
from training.examine import Examined, examine
from training.fitting.challenger import label_of
from training.settings.tasks import HighCostTask, Task, kind_of, task_called
from training.statistics.json_file import write_json
from training.statistics.small_cells import Counts

FILES = ("validation.json", "scores.csv", "capacities.csv", "subgroups.csv")
_PARTS = (("events", "rows"), ("found", "called"), ("found", "cases"))
_COUNTS = {"people", *(name for pair in _PARTS for name in pair)}


@dataclass(frozen=True)
class Validation:
    """``model_version`` and ``label`` are the champion's, ``made_of`` the origin of the people that
    it was made of, ``origin`` that of those it was judged on; ``judgeable``: fewer cases are too
    few to judge."""

    task: str
    label: str
    model_version: str
    made_of: str
    origin: str
    data_through: str
    judgeable: int
    examined: Examined

    @property
    def counts(self) -> Counts:
        """How counts of the people it was judged on may be told."""
        return Counts(self.origin)

    def remarks(self) -> tuple[str, ...]:
        """What the reader of the figures should know, without an exact count of real people."""
        judged, told = self.examined.evaluation, []
        if self.made_of != self.origin:
            told.append(
                f"the model was made of people of origin {self.made_of.replace('_', ' ')}, and is "
                f"judged on people of origin {self.origin.replace('_', ' ')}"
            )
        few = f"{judged.events} cases"
        told += [
            f"{self.counts.count(judged.events)} cases{words.removeprefix(few)}"
            if words.startswith(few) else words
            for words in judged.remarks
        ]  # fmt: skip
        return (*told, *self.examined.equity.findings)

    def to_json(self) -> dict[str, Any]:
        """Everything as plain lists and numbers, None where it is not known or may not be told."""
        found = self.examined.evaluation.to_json() | {"remarks": list(self.remarks())}
        equity = self.examined.equity.to_json()
        if self.counts.guarded:  # tables without counts cannot say of how few they are
            equity = {name: equity[name] for name in ("at_same_risk", "findings")}
        return {
            "task": self.task, "label": self.label, "model_version": self.model_version,
            "made_of": self.made_of, "origin": self.origin, "data_through": self.data_through,
            "evaluation": _guarded(found, self.counts),
            "subgroups": _guarded(_records(self.examined.by_group), self.counts),
            "equity": _guarded(equity, self.counts),
        }  # fmt: skip

    def write(self, folder: Path) -> None:
        """Write FILES into `folder`, which is made where it is not: everything, and as tables the
        scores (one row a score and figure), the capacities and the groups."""
        folder.mkdir(parents=True, exist_ok=True)
        told, judged = self.to_json(), self.examined.evaluation
        scores = [
            (kind, name, metric, *interval)
            for kind, held in (("score", judged.scores), ("ours minus it", judged.better_than))
            for name, metrics in held.items() for metric, interval in metrics.items()
        ]  # fmt: skip
        columns = ["what", "score", "figure", *Interval._fields]
        write_json(folder / FILES[0], told)
        for name, table in zip(
            FILES[1:],
            (pd.DataFrame(scores, columns=columns),
             pd.DataFrame(told["evaluation"]["capacities"], columns=judged.capacities.columns),
             pd.DataFrame(told["subgroups"], columns=self.examined.by_group.columns)),
            strict=True,
        ):  # fmt: skip
            table.to_csv(folder / name, index=False)


def validate(home: Home, task: str, on: Home) -> Validation:
    """Judge the champion of `task` in `home` on the people of `on`, beside the baselines there.
    `task` is a name or a file of settings, by which cohort and figures are made.

    Raises InputError where there is no champion, where nothing was taken in under `on`, or where it
    is `home` itself; RefusalError where the champion was made for another question than the
    settings ask, cannot be asked any more, or there are no cases to judge it by.
    """
    chosen = task_called(task)
    if on.root.resolve() == home.root.resolve():
        raise InputError(
            f"--on: {on.root} is the home of the champion, which learned from people there; name "
            "another home."
        )
    folder = home.models / chosen.name
    if not folder.exists():
        raise InputError(
            f"There is no champion of {chosen.name} in {home.root}: `firstcall train --task "
            f"{chosen.name}` and `firstcall promote --task {chosen.name}` make one."
        )
    model = RiskModel.load(folder, chosen.name)
    _refuse_another_question(model, chosen)
    manifest = intake.current(on).manifest
    examined, counts = examine(on, model, chosen), Counts(str(manifest["origin"]))
    judged = examined.evaluation
    if counts.small(judged.events, judged.rows):
        raise RefusalError(
            f"Among {counts.count(judged.rows)} rows of real people in {on.root} are so few cases, "
            "or so few others, that no figure of them may be told: take in more months."
        )
    return Validation(
        chosen.name, model.metadata["label"], model.version, str(model.metadata["origin"]),
        counts.origin, str(manifest["data_through"]), chosen.evaluation.judgeable_events, examined,
    )  # fmt: skip


def _refuse_another_question(model: RiskModel, task: Task) -> None:
    told = model.metadata
    own: dict[str, Any] = {"kind": kind_of(task), "horizon_days": task.horizon_days}
    if not isinstance(task, HighCostTask):  # of which the label holds the model's own threshold
        own |= {"label": label_of(task, None, None), "minimum_age": task.minimum_age}
    made = {"minimum_age": told["trained_on"].get("minimum_age")} | dict(told)
    other = [name for name, value in own.items() if made.get(name) != value]
    if other:
        raise RefusalError(
            f"The champion of {task.name} was trained for another question than the settings ask "
            f"({', '.join(other)}): train anew, or name the settings that it was trained by."
        )


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in line.items()} for line in table.to_dict("records")]


def _guarded(told: Any, counts: Counts) -> Any:
    """The same, in which no small group of real people can be told, in whatever depth."""
    if isinstance(told, list | tuple):
        return [_guarded(one, counts) for one in told]
    if not isinstance(told, Mapping):
        return told.item() if isinstance(told, np.generic) else told
    many = {name: int(told[name]) for name in _COUNTS if _is_count(told.get(name))}
    few = any(map(counts.hides, many.values())) or any(
        part in many and whole in many and counts.small(many[part], many[whole])
        for part, whole in _PARTS
    )
    made = {}
    for name, value in told.items():
        if name in many:
            shown = None if counts.hides(many[name]) else counts.drawn(many[name])
            made[name] = shown if counts.guarded else many[name]
        elif isinstance(value, float):
            made[name] = None if few or _tells_few(name, told, many, counts) else float(value)
        else:
            made[name] = _guarded(value, counts)
    return made


def _is_count(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _tells_few(name: str, told: Mapping[str, Any], many: Mapping[str, int], counts: Counts) -> bool:
    """Whether a share of a group (see `training.evaluation.subgroups`) tells how few of it were
    called, or how few of those were cases."""
    if not name.startswith(("called", "sensitivity", "ppv")) or "called" in many:
        return False
    share, found = told.get("called", np.nan), told.get("sensitivity", np.nan)
    if not {"rows", "events"} <= set(many) or not np.isfinite([share, found]).all():
        return False
    called, cases = round(share * many["rows"]), round(found * many["events"])
    return any((
        counts.small(called, many["rows"]), counts.small(cases, many["events"]),
        counts.small(cases, called),
    ))  # fmt: skip
