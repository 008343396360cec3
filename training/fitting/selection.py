"""Which columns help: those that never do are left out of the model, and that is said.

A column is judged on people whom the fit did not see. Its SHAP share of a row is taken out of the
margin; where the log loss then rises, the column helps. This costs one pass over some rows, while
fitting again without each of some hundred columns would cost as many trainings.

What is dropped must do no harm: all folds are fitted again without, and the columns stay where
their cross-validated log loss is worse than with all by more than one standard error of the paired
difference (clustered by patient). For that comparison each fold leaves out what did not help on the
*other* folds, so that its own rows have no say in what is dropped before they are asked about it.
Whoever shares his signal with many columns loses little when one of them goes and much when all
do; hence a second, narrower set is tried where the first does harm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.fitting.cross_validation import CrossValidation, FoldFit, losses_of
from training.fitting.learner import Learner
from training.fitting.side_by_side import THREADS_OF_A_FIT, side_by_side
from training.settings.search_settings import SelectionSettings

LEAST_HELP = (1.0, 0.0)
"""How many standard errors above 0 the help of a kept column lies: the first of these that does no
harm is taken."""


@dataclass(frozen=True)
class ColumnHelp:
    """One column. ``splits``: its cuts in the fits of all folds. ``help``: by how much the log loss
    of held-out rows rises without its share; ``standard_error``: of that, clustered by patient.
    ``folds_helped``: the folds in which it is above 0."""

    name: str
    splits: int
    help: float
    standard_error: float
    folds_helped: int
    kept: bool


@dataclass(frozen=True)
class Selected:
    """``names``: the columns to learn from, in the learner's order; ``dropped``: the others.
    ``columns``: what was found of each, empty where none was judged."""

    names: tuple[str, ...]
    dropped: tuple[str, ...]
    words: str
    columns: tuple[ColumnHelp, ...] = ()

    @property
    def table(self) -> pd.DataFrame:
        """One row a column, in the learner's order: what `ColumnHelp` says."""
        names = [entry.name for entry in fields(ColumnHelp)]
        return pd.DataFrame([asdict(column) for column in self.columns], columns=names)

    def to_json(self) -> dict[str, Any]:
        """Everything as plain lists and numbers, which `from_json` reads back to the same."""
        return asdict(self)

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Selected:
        """Raises KeyError or TypeError where it is not what `to_json` wrote."""
        columns = tuple(ColumnHelp(**column) for column in told["columns"])
        return cls(tuple(told["names"]), tuple(told["dropped"]), told["words"], columns)


@dataclass(frozen=True)
class _FoldHelp:
    """Sums over the people of one fold, of which mean and clustered error are made for any folds
    together: ``total``, ``squares`` and ``crossed`` one entry a column (d, d x d and d x w, summed
    over people), ``weight`` and ``weight_squares`` of w; d and w are a person's sums over rows."""

    total: NDArray[np.float64]
    squares: NDArray[np.float64]
    crossed: NDArray[np.float64]
    weight: float
    weight_squares: float


def select(learner: Learner, settings: SelectionSettings) -> Selected:
    """The columns to learn from, found on the learning rows alone, in folds of patients.

    All are kept where `settings` ask for no selection, where a fold has too few cases to say
    anything, where none helps, and where leaving any out does harm.
    """
    names = learner.names
    if not settings.drop_unhelpful:
        return Selected(names, (), f"all {len(names)} columns are learned from: no selection")
    folds = CrossValidation(learner, settings.folds)
    if not folds.enough:
        return Selected(names, (), f"all {len(names)} columns are learned from: a fold of a "
                        "selection would have too few cases to tell anything")  # fmt: skip
    fit = learner.task.fit
    whole = folds.of(fit)
    found = list(side_by_side(
        lambda made: help_in(folds, made, settings.rows), whole.fits, fit.threads
    ))  # fmt: skip
    with_all = folds.log_loss(whole.losses)
    kept, tried = np.ones(len(names), bool), []
    for least in LEAST_HELP:
        candidate = _helps(found, least)
        if candidate.all() or not candidate.any():
            continue
        of_folds = [_helps(found[:k] + found[k + 1 :], least) for k in range(settings.folds)]
        if not all(part.any() for part in of_folds):
            continue
        made = folds.of(fit, [np.flatnonzero(part) for part in of_folds])
        difference = made.losses - whole.losses
        without = folds.log_loss(made.losses)
        error = folds.standard_error(difference)
        tried.append((int((~candidate).sum()), without, error))
        if folds.log_loss(difference) <= error:
            kept = candidate
            break
    mean, error = _mean_and_error(found)
    splits = _splits(whole.fits, len(names))
    helped = np.sum([fold.total > 0 for fold in found], axis=0)
    columns = tuple(
        ColumnHelp(name, int(splits[j]), float(mean[j]), float(error[j]), int(helped[j]),
                   bool(kept[j]))
        for j, name in enumerate(names)
    )  # fmt: skip
    left = tuple(name for name, keep in zip(names, kept, strict=True) if keep)
    dropped = tuple(name for name, keep in zip(names, kept, strict=True) if not keep)
    helping = int(_helps(found, 0.0).sum())
    words = _words(len(names), len(dropped), helping, settings.folds, with_all, tried)
    return Selected(left, dropped, words, columns)


def help_in(folds: CrossValidation, made: FoldFit, rows: int) -> _FoldHelp:
    """How each column helps at most `rows` of the rows that a fit did not see, evenly spaced among
    them in the matrix's order (SHAP values cost milliseconds a row)."""
    spaced = np.linspace(0, len(made.out) - 1, min(rows, len(made.out)))
    sampled = made.out[np.unique(np.round(spaced).astype(np.int64))]
    shares = np.asarray(made.booster.predict(
        folds.array(sampled, made.columns), pred_contrib=True, num_iteration=made.best,
        num_threads=THREADS_OF_A_FIT,
    ), dtype=np.float64)  # fmt: skip
    outcome, weights = folds.outcome[sampled], folds.weights[sampled]
    log_odds = folds.margin_and_start(shares.sum(axis=1), sampled)
    with_it = losses_of(log_odds, outcome)
    people, person = np.unique(folds.person[sampled], return_inverse=True)
    of_person = np.bincount(person, weights)
    total, squares, crossed = np.zeros((3, len(folds.names)))
    for j, column in enumerate(made.columns):
        if not shares[:, j].any():
            continue  # no row is told anything by it
        without = losses_of(log_odds - shares[:, j], outcome)
        d = np.bincount(person, (without - with_it) * weights, minlength=len(people))
        total[column], squares[column], crossed[column] = d.sum(), d @ d, d @ of_person
    return _FoldHelp(total, squares, crossed, float(of_person.sum()), float(of_person @ of_person))


def _mean_and_error(folds: Sequence[_FoldHelp]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The weighted mean help of each column over all rows sampled, and its clustered error."""
    weight = sum(fold.weight for fold in folds)
    mean = np.sum([fold.total for fold in folds], axis=0) / weight
    squares = np.sum([fold.squares for fold in folds], axis=0)
    crossed = np.sum([fold.crossed for fold in folds], axis=0)
    of_weights = sum(fold.weight_squares for fold in folds)
    # sum over people of (d - mean x w) squared
    centred = np.maximum(squares - 2 * mean * crossed + mean**2 * of_weights, 0)
    return mean, np.sqrt(centred) / weight


def _helps(folds: Sequence[_FoldHelp], least: float) -> NDArray[np.bool_]:
    mean, error = _mean_and_error(folds)
    return mean > least * error


def _splits(fits: Sequence[FoldFit], count: int) -> NDArray[np.int64]:
    made = np.zeros(count, np.int64)
    for fit in fits:
        made[fit.columns] += fit.booster.feature_importance("split", iteration=fit.best)
    return made


def _words(
    every: int,
    dropped: int,
    helping: int,
    folds: int,
    with_all: float,
    tried: list[tuple[int, float, float]],
) -> str:
    if dropped:
        _, without, _ = tried[-1]
        return (
            f"{dropped} of {every} columns did not help people held out of {folds} folds and were "
            f"left out; cross-validated log loss {with_all:.5f} with all, {without:.5f} without "
            "them"
        )
    said = f"all {every} columns are learned from"
    if tried:
        count, without, error = tried[-1]
        return (
            f"{said}: without the {count} that did not help people held out of {folds} folds the "
            f"cross-validated log loss would be {without:.5f} instead of {with_all:.5f}, worse by "
            f"more than one standard error ({error:.5f})"
        )
    if helping == 0:
        return f"{said}: none of them helped people held out of {folds} folds"
    return f"{said}: each of them helped people held out of {folds} folds"
