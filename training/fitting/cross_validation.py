"""Losses on people whom a fit did not see, fold by fold: what search and selection decide by."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from serving.calibrator import HIGHEST, LOWEST, sigmoid
from serving.model import load_lightgbm
from training.fitting.calibrate import clustered_error, losses
from training.fitting.datasets import dataset
from training.fitting.fit import FEWEST_TO_STOP, parameters, sending_missing_far
from training.fitting.learner import Learner
from training.fitting.monotone import monotone_constraints
from training.fitting.side_by_side import THREADS_OF_A_FIT, side_by_side
from training.settings.model_settings import FitSettings

if TYPE_CHECKING:
    from lightgbm import Booster

OnFold = Callable[[int, float], None]


@dataclass(frozen=True)
class FoldFit:
    """A fit on all folds but one. ``out``: the rows of that one (positions among the learning
    rows). ``columns``: what it learned from (positions among the names). ``best``: the trees at
    which the log loss of those rows was lowest; the booster has some more."""

    out: NDArray[np.int64]
    columns: NDArray[np.int64]
    booster: Booster
    best: int


@dataclass(frozen=True)
class CrossValidated:
    """``losses``: the log loss of each learning row by the fit that did not see it, at ``rounds``
    trees, the mean of where the folds stopped: as many as a model of these settings would have."""

    losses: NDArray[np.float64]
    rounds: int
    fits: tuple[FoldFit, ...]


class CrossValidation:
    """The learning rows of a training, dealt into folds of patients; nobody else is looked at.

    A fold is stopped by the rows that it is judged on, as in `training.fitting.fit.fit`: its log
    loss is a little too good, and alike for all that are compared.
    """

    def __init__(self, learner: Learner, folds: int) -> None:
        places = learner.learning
        self.names = list(learner.names)
        self._matrix, self._places = learner.matrix, places
        self.outcome, self.weights = learner.outcome[places], learner.weights[places]
        self.start = None if learner.start is None else learner.start[places]
        self.fold = learner.folds(places, replace(learner.task.fit, folds=folds))
        self.folds, self.repeats = folds, learner.repeats
        self._share = learner.share[places]
        _, self.person = np.unique(self._share, return_inverse=True)

    @property
    def enough(self) -> bool:
        """Whether each fold has, and leaves, cases enough for a log loss to tell anything."""
        cases = self.outcome * np.minimum(self.weights, 1)
        inside = np.bincount(self.fold, cases, minlength=self.folds)
        return bool(np.minimum(inside, cases.sum() - inside).min() >= FEWEST_TO_STOP)

    def digest(self) -> str:
        """sha256 (hex) over everything that the losses hang on beside the settings."""
        digest = hashlib.sha256("\n".join(self.names).encode())
        X = self.array(np.arange(len(self._places)))
        digest.update(f"\n{X.shape} {self.repeats!r}\n".encode())
        none = np.zeros(0)
        for held in (
            X, self.outcome, self.weights, self._share, self.fold,
            none if self.start is None else self.start,
        ):  # fmt: skip
            digest.update(np.ascontiguousarray(held).data)
        return digest.hexdigest()

    def array(
        self, rows: NDArray[np.int64], columns: NDArray[np.int64] | None = None
    ) -> NDArray[np.float32]:
        """These columns (all for None) of the learning rows at `rows`, copied."""
        names = self.names if columns is None else [self.names[column] for column in columns]
        return self._matrix.array(names, self._places[rows])

    def of(
        self,
        settings: FitSettings,
        columns: Sequence[NDArray[np.int64]] | None = None,
        on_fold: OnFold | None = None,
    ) -> CrossValidated:
        """Fit once a fold. `columns`: those that each fold learns from, all for None. `on_fold` is
        told each fold and its log loss at its best; whatever it raises ends the work."""
        every = np.arange(len(self.names))
        fits: list[FoldFit] = []

        def fit(k: int) -> FoldFit:
            return self._fit(k, every if columns is None else columns[k], settings)

        with closing(side_by_side(fit, range(self.folds), settings.threads)) as in_order:
            for k, made in enumerate(in_order):
                fits.append(made)
                if on_fold is not None:
                    on_fold(k, self.log_loss(self._losses(made, made.best), made.out))
        rounds = round(float(np.mean([made.best for made in fits])))
        of_rows = np.empty(len(self.outcome))
        for made in fits:
            of_rows[made.out] = self._losses(made, rounds)
        return CrossValidated(of_rows, rounds, tuple(fits))

    def log_loss(
        self, of_rows: NDArray[np.float64], rows: NDArray[np.int64] | None = None
    ) -> float:
        """The weighted mean of the losses of the learning rows, or of those at `rows`."""
        return float(
            np.average(of_rows, weights=self.weights[slice(None) if rows is None else rows])
        )

    def standard_error(self, differences: NDArray[np.float64]) -> float:
        """Of the weighted mean of paired differences, one a learning row, clustered by patient."""
        return clustered_error(differences * self.weights, self.person, self.weights)

    def margin_and_start(self, margin: NDArray[np.float64], rows: NDArray) -> NDArray[np.float64]:
        """The whole log odds of the learning rows at `rows`, of what a booster adds to them."""
        return margin if self.start is None else margin + self.start[rows]

    def _fit(self, k: int, columns: NDArray[np.int64], settings: FitSettings) -> FoldFit:
        lightgbm = load_lightgbm()
        names = [self.names[column] for column in columns]
        monotone = monotone_constraints(names) if settings.monotone else None
        taking = parameters(settings, len(self.outcome), self.repeats, monotone)
        out, rest = np.flatnonzero(self.fold == k), np.flatnonzero(self.fold != k)

        def part(rows: NDArray[np.int64], reference: object = None) -> object:
            return dataset(
                lambda places: self.array(places, columns), rows, self.outcome, self.weights,
                names, taking, self.start, monotone, reference,
            )  # fmt: skip

        train = part(rest)
        grown = lightgbm.train(
            taking, train, num_boost_round=settings.rounds, valid_sets=[part(out, train)],
            callbacks=[lightgbm.early_stopping(settings.patience, verbose=False)],
            keep_training_booster=True,  # with the trees after the best
        )  # fmt: skip
        text = grown.model_to_string(num_iteration=-1)
        if monotone is not None:
            text = sending_missing_far(text, monotone)
        return FoldFit(out, columns, lightgbm.Booster(model_str=text), max(grown.best_iteration, 1))

    def _losses(self, made: FoldFit, rounds: int) -> NDArray[np.float64]:
        margin = np.asarray(made.booster.predict(
            self.array(made.out, made.columns), raw_score=True,
            num_iteration=min(rounds, made.booster.current_iteration()),
            num_threads=THREADS_OF_A_FIT,
        ), dtype=np.float64)  # fmt: skip
        return losses_of(self.margin_and_start(margin, made.out), self.outcome[made.out])


def losses_of(log_odds: NDArray[np.float64], outcome: NDArray[np.float64]) -> NDArray[np.float64]:
    """The log loss of each row; risks are clipped as those of a model are."""
    return losses(np.clip(sigmoid(log_odds), LOWEST, HIGHEST), outcome)
