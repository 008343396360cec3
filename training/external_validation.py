"""The champion of one home judged on the people of another: external validation.

All of them test but those who are in the first home too, from whom it may have learned. Nothing is
registered or promoted by it.
Of real people what is written holds no count under 11, the others to tens, no figure of so few, and
figures in so few digits that no exact count can be had of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data import intake
from data.errors import InputError, RefusalError
from data.generation import Taken, find_current
from data.home import Home
from data.small_cells import Counts
from features.writing import current_histories
from serving.model import RiskModel
from training.cohorts.cohort import Cohort
from training.cohorts.people_in_both import people_in_both
from training.cohorts.split import patient_roles
from training.evaluation.evaluate import Evaluation, Interval
from training.examine import Examined, examine
from training.fitting.challenger import label_of
from training.release.registry import CHAMPION, Version, version_at
from training.release.tracking import is_embedded
from training.settings.tasks import HighCostTask, Task, deciding, flat, kind_of, task_called
from training.statistics.json_file import write_json

FILES = ("validation.json", "scores.csv", "capacities.csv", "subgroups.csv")
_PARTS = (("events", "rows"), ("found", "called"), ("found", "cases"))
_COUNTS = {"people", *(name for pair in _PARTS for name in pair)}
_SHARES = ("base_rate", "ppv", "sensitivity", "called")
"""Figures, with their bounds, that one count of people divided by another gives."""


@dataclass(frozen=True)
class Validation:
    """``model_version`` and ``label`` are the champion's, ``made_of`` the origin of the people that
    it was made of, ``origin`` that of those it was judged on; ``judgeable``: fewer cases are too
    few to judge; ``notes``: whom it was judged on, and what could not be looked at."""

    task: str
    label: str
    model_version: str
    made_of: str
    origin: str
    data_through: str
    judgeable: int
    examined: Examined
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> Counts:
        """How counts of the people it was judged on may be told."""
        return Counts(self.origin)

    @property
    def judged(self) -> Evaluation:
        """The evaluation without scores that are known of too few real people to be told."""
        return self.examined.evaluation.told(self.counts)

    def remarks(self) -> tuple[str, ...]:
        """What the reader of the figures should know, without an exact count of real people."""
        judged, told = self.judged, []
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
        return (*self.notes, *told, *self.examined.equity.findings)

    def to_json(self) -> dict[str, Any]:
        """Everything as plain lists and numbers, None where it is not known or may not be told."""
        found = self.judged.to_json() | {"remarks": list(self.remarks())}
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
        told, judged = self.to_json(), self.judged
        scores = [
            (kind, name, metric, *(_written(metric, value, self.counts) for value in interval))
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
    settings ask or the data there can answer, or cannot be asked any more, where everybody there is
    in `home` too and may have been learned from, or there are no cases to judge it by.
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
    version = _champion(home, chosen, model)
    _refuse_another_question(model, chosen, version)
    taken = intake.current(on)
    manifest, counts = taken.manifest, Counts(str(taken.manifest["origin"]))
    _refuse_a_copy(home, on, taken)
    learned_from, notes = _in_both(home, taken, chosen, version, counts)
    examined = examine(on, model, chosen, asked_of=_asked_of(on, model, chosen, learned_from))
    judged = examined.evaluation
    if counts.small(judged.events, judged.rows):
        raise RefusalError(
            f"Among {counts.count(judged.rows)} rows of real people in {on.root} are so few cases, "
            "or so few others, that no figure of them may be told: take in more months."
        )
    return Validation(
        chosen.name, model.metadata["label"], model.version, str(model.metadata["origin"]),
        counts.origin, str(manifest["data_through"]), chosen.evaluation.judgeable_events, examined,
        notes,
    )  # fmt: skip


def _champion(home: Home, task: Task, model: RiskModel) -> Version | None:
    """What MLflow keeps of the model in use; None where it keeps nothing, as where the files of the
    model alone were brought here."""
    if is_embedded() and not home.tracking_database.is_file():
        return None
    version = version_at(home, task.name, CHAMPION)
    if version is not None and version.model_version != model.version:
        raise RefusalError(
            f"The files of {task.name} in {home.root} are not those of version {version.number}, "
            f"which MLflow keeps as champion: `firstcall promote --task {task.name}` puts them in "
            "their place."
        )
    return version


def _refuse_another_question(model: RiskModel, task: Task, version: Version | None) -> None:
    told = model.metadata
    own: dict[str, Any] = {"kind": kind_of(task), "horizon_days": task.horizon_days}
    if not isinstance(task, HighCostTask):  # of which the label holds the model's own threshold
        own |= {"label": label_of(task, None, None), "minimum_age": task.minimum_age}
    made = {"minimum_age": told["trained_on"].get("minimum_age")} | dict(told)
    other = [name for name, value in own.items() if made.get(name) != value]
    if version is not None:
        asked, trained = flat(task), version.settings
        other += [name for name in deciding(task) if name not in other and name in asked
                  and trained.get(name) != asked[name]]  # fmt: skip
    if other:
        raise RefusalError(
            f"The champion of {task.name} was trained for another question than the settings ask "
            f"({', '.join(other)}): train anew, or name the settings that it was trained by."
        )


def _refuse_a_copy(home: Home, on: Home, taken: Taken) -> None:
    """The name of what was taken in is a hash of it, and histories have one of what they say."""
    held = find_current(home)
    same = held is not None and held.generation == taken.generation
    manifest = home.histories / "manifest.json"
    if not same and manifest.is_file():
        ours = json.loads(manifest.read_text(encoding="utf-8")).get("content")
        same = ours == current_histories(on).manifest["content"]
    if same:
        raise RefusalError(
            f"--on: {on.root} holds the very histories of the home of the champion, which learned "
            "from people there; name a home of other people."
        )


def _in_both(
    home: Home, taken: Taken, task: Task, version: Version | None, counts: Counts
) -> tuple[NDArray, tuple[str, ...]]:
    """Whom of those taken in the champion may have learned from, and a sentence about it."""
    notes = []
    if version is None:
        notes.append(
            "the settings that the model was trained by are not kept in its home: only what the "
            "model itself tells of its question was compared"
        )
    if find_current(home) is None:
        notes.append(
            "the people that the model was made of are not in its home: whether some of them are "
            "among those judged is not known"
        )
        return np.array([], dtype=object), tuple(notes)
    both = people_in_both(intake.current(home), taken)
    if not len(both):
        return both, tuple(notes)
    tests = np.zeros(len(both), dtype=bool)
    if version is not None:
        salt, share = (version.settings[f"split.{name}"] for name in ("salt", "test_share"))
        split = replace(task.split, salt=salt, test_share=float(share))
        tests = patient_roles(both, split) == "test"
    notes.append(
        f"{counts.count(len(both))} people are in the home of the model too (the same id and day "
        f"of birth): {counts.count(int((~tests).sum()))} of them are left out, because it may have "
        f"learned from them, and {counts.count(int(tests.sum()))} only ever test"
    )
    return both[~tests], tuple(notes)


def _asked_of(
    on: Home, model: RiskModel, task: Task, learned_from: NDArray
) -> Callable[[Cohort], pd.DataFrame]:
    """The rows of whom the model never saw. Raises RefusalError where there are none, and where the
    data there answer another question than the model was trained for."""

    def rows_of(cohort: Cohort) -> pd.DataFrame:
        yearly = cohort.of_cost is not None and cohort.of_cost.yearly
        known = label_of(task, cohort.threshold_cents, cohort.of_cost)
        told, asked_on = model.metadata["label"], "31 December" if yearly else "any"
        if known != told or asked_on != model.metadata["asked_on"]:
            raise RefusalError(
                f'The champion of {task.name} tells "{told}", and what is known of the people in '
                f'{on.root} is "{known}": nothing there can say how right it is.'
            )
        rows = cohort.rows[~cohort.rows["patient_id"].isin(learned_from)].reset_index(drop=True)
        if rows.empty:
            raise RefusalError(
                f"Everybody who counts for {task.name} in {on.root} is in the home of the champion "
                "too, which may have learned from them: name a home of other people."
            )
        return rows

    return rows_of


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in line.items()} for line in table.to_dict("records")]


def _guarded(told: Any, counts: Counts) -> Any:
    """The same, in which no small group of real people can be told, in whatever depth."""
    if isinstance(told, list | tuple):
        return [_guarded(one, counts) for one in told]
    if not isinstance(told, Mapping):
        plain = told.item() if isinstance(told, np.generic) else told
        return _written("", plain, counts) if isinstance(plain, float) else plain
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
            hidden = few or _tells_few(name, told, many, counts)
            made[name] = None if hidden else _written(name, float(value), counts)
        else:
            made[name] = _guarded(value, counts)
    return made


def _written(name: str, value: float, counts: Counts) -> float:
    """Of real people a share as whole per cent and another figure with 3 digits: of an exact one
    the two counts that it is made of can be had."""
    if not counts.guarded:
        return value
    return round(value, 2 if name.startswith(_SHARES) else 3)


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
