"""The search for better settings of the fit: Optuna's TPE over cross-validated log loss.

The settings as declared are the first trial, so that nothing is chosen that is worse by the
search's own measure. Another trial is taken only where it is better than they are by more standard
errors of the paired difference (clustered by patient) than chance would make of the best of so
many: one where one was tried beside them, 2.6 where thirty were (Bonferroni's bound). The best of
many trials looks better than it is, and settings that change from training to training without
being shown to help make trainings hard to compare. Settings that are all as good as those declared
are changed by at most one search in six.

A trial is given up early by the folds that it has done. What is compared with the other trials is
the difference from the settings as declared on the same folds: folds differ from one another by
more than settings do.

Trials are kept in SQLite as they end. What is tried next depends on the seed and on the trials
that have ended, and on nothing else: a search that was killed and resumed goes on with the same
trials as one that ran through. Where the minutes end it, the number of trials is the machine's.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from data.errors import InputError
from training.fitting.cross_validation import CrossValidation
from training.fitting.learner import Learner
from training.settings.model_settings import FitSettings
from training.settings.search_settings import BOUNDED, SearchSettings

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial, Trial

SEARCHED = (*BOUNDED, "extra_trees")
_BY_ORDERS_OF_MAGNITUDE = (
    "learning_rate", "num_leaves", "min_data_in_leaf", "feature_fraction", "lambda_l2",
)  # fmt: skip
_WHOLE = ("max_depth", "num_leaves", "min_data_in_leaf")
_DECLARED, _SAID = "losses as declared", "said"
_DIGITS = 4

State = Literal["complete", "pruned"]


@dataclass(frozen=True)
class TrialRecord:
    """One trial. ``folds``: those that were fitted, all of them where ``state`` is complete.
    ``difference``: its log loss minus that of the settings as declared, on those folds.
    ``log_loss``, ``standard_error`` (of the difference) and ``rounds`` (trees): None where it was
    pruned. ``seconds``: what it took, which no two runs have the same."""

    number: int
    state: State
    folds: int
    difference: float
    log_loss: float | None
    standard_error: float | None
    rounds: int | None
    settings: Mapping[str, float | int | bool]
    seconds: float = field(compare=False)


@dataclass(frozen=True)
class Searched:
    """``settings``: those to fit with. ``chosen``: the number of their trial, 0 being the settings
    as declared. ``trials``: all that ended, in order; none where nothing was searched."""

    settings: FitSettings
    chosen: int
    trials: tuple[TrialRecord, ...]
    words: str

    @property
    def table(self) -> pd.DataFrame:
        """One row a trial: what `TrialRecord` says without its seconds, and each setting."""
        columns = ["number", "state", "folds", "difference", "log_loss", "standard_error", "rounds"]
        made = pd.DataFrame(
            [[*(getattr(trial, name) for name in columns),
              *(trial.settings[name] for name in SEARCHED)] for trial in self.trials],
            columns=[*columns, *SEARCHED],
        )  # fmt: skip
        return made.astype({"log_loss": float, "standard_error": float, "rounds": "Int64"})

    def flat(self) -> dict[str, float]:
        """The figures for MLflow."""
        if not self.trials:
            return {}
        declared, chosen = (self.trials[n].log_loss for n in (0, self.chosen))
        assert declared is not None
        assert chosen is not None
        return {
            "search.trials": float(len(self.trials)), "search.chosen": float(self.chosen),
            "search.log_loss": chosen, "search.log_loss_as_declared": declared,
        }  # fmt: skip


def search(
    learner: Learner,
    settings: SearchSettings,
    storage: Path,
    resume: bool = False,
    on_trial: Callable[[TrialRecord], None] | None = None,
) -> Searched:
    """The settings to fit with, found on the learning rows alone, in folds of patients.

    `storage` is a SQLite file for its owner alone. With `resume` the trials in it are kept where
    they are of the same rows, columns, settings and bounds, the time that they took is counted,
    and a trial that was cut off is made again; without, the file is made anew. `on_trial` is told
    each trial as it ends. One process at a time may use the file (`training.fitting.checkpoints`).

    Nothing is searched with no trials, or where a fold has too few cases to say anything. Raises
    InputError where a file to be resumed is damaged.
    """
    declared = learner.task.fit
    if settings.trials == 0:
        return Searched(declared, 0, (), "the settings of the fit are as declared: no search")
    folds = CrossValidation(learner, settings.folds)
    if not folds.enough:
        return Searched(
            declared, 0, (), "the settings of the fit are as declared: a fold of a search would "
            "have too few cases to tell anything",
        )  # fmt: skip
    with _study(storage, _name(folds, declared, settings), settings, resume) as study:
        work = _Work(study, folds, declared, settings)
        _leave_cut_off(study)
        while work.goes_on():
            made = work.next_trial()
            if on_trial is not None:
                on_trial(made)
        return chosen_of(declared, work.ended(), settings)


class _Work:
    """The trials of one study, one after another."""

    def __init__(
        self, study: Study, folds: CrossValidation, declared: FitSettings, settings: SearchSettings
    ) -> None:
        self.study, self.folds, self.declared, self.settings = study, folds, declared, settings
        self.space = space(settings, declared)
        kept = study.user_attrs.get(_DECLARED)
        self.losses = None if kept is None else np.array(kept["losses"], dtype=np.float64)
        self.of_folds: list[float] = [] if kept is None else kept["folds"]

    def ended(self) -> tuple[TrialRecord, ...]:
        return tuple(_record(n, trial) for n, trial in enumerate(_ended(self.study)))

    def goes_on(self) -> bool:
        ended = self.ended()
        spent = sum(trial.seconds for trial in ended)
        return not ended or (
            len(ended) < self.settings.trials and spent < 60 * self.settings.minutes
        )

    def next_trial(self) -> TrialRecord:
        from optuna import TrialPruned
        from optuna.trial import TrialState

        began, number = time.monotonic(), len(_ended(self.study))
        self.study.sampler = _sampler(self.settings, number)
        if number == 0 and not self.study.get_trials(states=(TrialState.WAITING,)):
            self.study.enqueue_trial({name: getattr(self.declared, name) for name in self.space})
        trial = self.study.ask(self.space)
        fit = self.declared if number == 0 else settings_of(trial.params, self.declared, self.space)
        said: dict[str, Any] = {"settings": {name: getattr(fit, name) for name in SEARCHED}}
        reported: list[float] = []
        value = None
        try:
            said |= self._as_made(trial, fit, reported, first=number == 0)
            value = said["log_loss"]
        except TrialPruned:
            said |= {"folds": len(reported), "difference": reported[-1]}
        trial.set_user_attr(_SAID, said | {"seconds": time.monotonic() - began})
        state = TrialState.PRUNED if value is None else TrialState.COMPLETE
        return _record(number, self.study.tell(trial, value, state))

    def _as_made(
        self, trial: Trial, fit: FitSettings, reported: list[float], first: bool
    ) -> dict[str, Any]:
        from optuna import TrialPruned

        of_folds: list[float] = []

        def on_fold(k: int, loss: float) -> None:
            of_folds.append(loss)
            beside = of_folds if first else self.of_folds[: k + 1]
            reported.append(float(np.mean(np.subtract(of_folds, beside))))
            trial.report(reported[-1], k)
            if k + 1 < self.settings.folds and trial.should_prune():
                raise TrialPruned

        made = self.folds.of(fit, on_fold=on_fold)
        if first:
            self.losses, self.of_folds = made.losses, of_folds
            kept = {"losses": made.losses.tolist(), "folds": of_folds}
            self.study.set_user_attr(_DECLARED, kept)
        assert self.losses is not None  # the first trial is never pruned
        difference = made.losses - self.losses
        return {
            "folds": len(of_folds), "difference": self.folds.log_loss(difference),
            "log_loss": self.folds.log_loss(made.losses),
            "standard_error": self.folds.standard_error(difference), "rounds": made.rounds,
        }  # fmt: skip


def space(settings: SearchSettings, declared: FitSettings) -> dict[str, BaseDistribution]:
    """What each setting may be. Where a declared value lies outside its bounds, they reach to it;
    where the lower one is above 0, most are searched by orders of magnitude."""
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    made: dict[str, BaseDistribution] = {}
    for name in BOUNDED:
        now = getattr(declared, name)
        low = min(now, getattr(settings, f"{name}_low"))
        high = max(now, getattr(settings, f"{name}_high"))
        log = name in _BY_ORDERS_OF_MAGNITUDE and low > 0
        kind = IntDistribution if name in _WHOLE else FloatDistribution
        made[name] = kind(low, high, log=log)
    if settings.extra_trees_too:
        made["extra_trees"] = CategoricalDistribution([False, True])
    return made


def settings_of(
    params: Mapping[str, Any], declared: FitSettings, within: Mapping[str, BaseDistribution]
) -> FitSettings:
    """The settings of a trial, as people write numbers: of four digits."""
    told = dict(params)
    for name, value in params.items():
        if isinstance(value, float):
            bounds: Any = within[name]
            told[name] = min(max(float(f"{value:.{_DIGITS}g}"), bounds.low), bounds.high)
    return replace(declared, **told)


def _sampler(settings: SearchSettings, number: int) -> Any:
    """A sampler whose randomness is that of one trial: it has no state that a crash could lose."""
    from optuna.samplers import TPESampler

    [seed] = np.random.SeedSequence([settings.seed, number]).generate_state(1)
    return TPESampler(
        n_startup_trials=settings.startup, seed=int(seed), multivariate=True, constant_liar=False
    )


def _name(folds: CrossValidation, declared: FitSettings, settings: SearchSettings) -> str:
    told = json.dumps([folds.digest(), asdict(declared), settings.deciding()], sort_keys=True)
    return f"search-{hashlib.sha256(told.encode()).hexdigest()[:16]}"


@contextmanager
def _study(storage: Path, name: str, settings: SearchSettings, resume: bool) -> Iterator[Study]:
    import optuna

    for suffix in ("", "-journal", "-wal", "-shm") if not resume else ():
        storage.with_name(storage.name + suffix).unlink(missing_ok=True)
    _refuse_damaged(storage)
    storage.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(storage, os.O_WRONLY | os.O_CREAT, 0o600))  # SQLite's journal follows it
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        kept = optuna.storages.RDBStorage(f"sqlite:///{storage}")
        try:
            yield optuna.create_study(
                storage=kept, study_name=name, direction="minimize", load_if_exists=True,
                sampler=_sampler(settings, 0),
                pruner=optuna.pruners.MedianPruner(n_startup_trials=settings.startup),
            )  # fmt: skip
        finally:
            kept.remove_session()
            kept.engine.dispose()
    finally:
        optuna.logging.set_verbosity(level)


def _refuse_damaged(storage: Path) -> None:
    if not storage.exists():
        return
    try:
        with closing(sqlite3.connect(storage)) as database:
            [said] = database.execute("PRAGMA quick_check").fetchone()
    except sqlite3.DatabaseError as error:
        said = type(error).__name__
    if said != "ok":
        raise InputError(f"{storage} is damaged and no search can go on from it: begin anew.")


def _ended(study: Study) -> list[FrozenTrial]:
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))


def _leave_cut_off(study: Study) -> None:
    """Set aside what was running when its process died; a new trial takes its number."""
    from optuna.trial import TrialState

    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)


def _record(number: int, trial: FrozenTrial) -> TrialRecord:
    said = trial.user_attrs[_SAID]
    return TrialRecord(
        number, "complete" if trial.state.name == "COMPLETE" else "pruned", said["folds"],
        said["difference"], said.get("log_loss"), said.get("standard_error"), said.get("rounds"),
        said["settings"], said["seconds"],
    )  # fmt: skip


def chosen_of(
    declared: FitSettings, trials: tuple[TrialRecord, ...], settings: SearchSettings
) -> Searched:
    """What comes of the trials: of those that are better than the first, the settings as declared,
    by more than `errors_needed` the one of lowest log loss; where there is none, the first."""
    complete = [trial for trial in trials if trial.log_loss is not None]
    needed = errors_needed(len(trials) - 1)
    shown = [t for t in complete if t.difference + needed * (t.standard_error or 0.0) < 0]
    best = min(complete, key=lambda trial: trial.difference)
    chosen = min(shown, key=lambda trial: trial.difference, default=trials[0])
    pruned = len(trials) - len(complete)
    said = (
        f"{len(trials)} settings of the fit were tried ({pruned} given up early): log loss over "
        f"{settings.folds} folds of patients {trials[0].log_loss:.5f} as declared"
    )
    if chosen.number:
        changed = {n: v for n, v in chosen.settings.items() if v != getattr(declared, n)}
        said += (
            f", {chosen.log_loss:.5f} with those of trial {chosen.number}, better by "
            f"{-chosen.difference:.5f} (standard error {chosen.standard_error:.5f}, of which more "
            f"than {needed:.1f} had to be gained), which were "
            f"taken: {', '.join(f'{name} {value}' for name, value in changed.items())}"
        )
    elif best.number:
        said += (
            f", {best.log_loss:.5f} at best, which is not better by more than {needed:.1f} "
            f"standard errors (of {best.standard_error:.5f}), as the best of {len(trials) - 1} has "
            "to be: they stay as declared"
        )
    else:
        said += ", and none was better: they stay as declared"
    if len(trials) < settings.trials:
        said += f"; the search was ended by its {settings.minutes} minutes"
    return Searched(replace(declared, **chosen.settings), chosen.number, trials, said)


def errors_needed(others: int) -> float:
    """How many standard errors the best of `others` has to be better than the settings as declared.

    One where one is tried, which a trial that is no better passes with a chance of 16 %; of more,
    so many that the chance of any passing is at most that (Bonferroni). Those given up early count:
    they would have been taken, had they looked well.
    """
    from scipy.stats import norm

    return max(1.0, float(norm.isf(norm.sf(1) / max(others, 1))))
