"""Fits as a training makes them, on any rows of its matrix: what search, selection, backtests,
learning curve and stability have in common with the model itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving.calibrator import sigmoid
from serving.model import load_lightgbm
from training.cohorts.landmarks import CLOCK, Landmarks
from training.cohorts.split import LEARNING, Split, share_of
from training.fitting.fit import Fitted, fit, folds_of
from training.fitting.matrix import Matrix, learnable
from training.fitting.monotone import either_way, monotone_constraints
from training.fitting.side_by_side import THREADS_OF_A_FIT
from training.settings.model_settings import FitSettings
from training.settings.tasks import Task


@dataclass(frozen=True)
class Learner:
    """What is learned from, and how.

    ``matrix``: every question of a training. ``split``: the role of each. ``names``: the columns
    that are learned from. ``start``: the log odds that each row begins from, None where all begin
    alike. ``share``: the hash of each row's patient in [0, 1), by which people are dealt into
    folds. ``weights``: what each row counts. ``repeats``: how many rows tell of one stay.
    """

    matrix: Matrix
    split: Split
    task: Task
    names: tuple[str, ...]
    start: NDArray[np.float64] | None
    share: NDArray[np.float64]
    weights: NDArray[np.float64]
    repeats: float = 1.0

    @classmethod
    def of(
        cls,
        matrix: Matrix,
        split: Split,
        task: Task,
        landmarks: Landmarks | None = None,
        offset: NDArray[np.float64] | None = None,
    ) -> Learner:
        """Of a training's matrix; ``names`` are all that its learning rows can teach. `offset` is
        added to what each row begins from (`training.fitting.treated.Treated.offset`)."""
        learning = split.rows(*LEARNING)
        names = learnable(matrix, learning, task.fit.least_seen)
        start, repeats = None, 1.0
        if landmarks is not None:
            names = [name for name in names if name not in CLOCK]
            start = landmarks.start
            first = int((matrix.rows["landmark"].iloc[learning] == 0).sum())
            repeats = len(learning) / max(first, 1)
        if task.fit.monotone:
            either = either_way(names, after_discharge=landmarks is not None)
            names = [name for name in names if name not in either]
        if offset is not None:
            start = offset if start is None else start + offset
        return cls(
            matrix, split, task, tuple(names), start,
            share_of(matrix.rows["patient_id"], task.split.salt),
            matrix.rows["weight"].to_numpy(dtype=np.float64), repeats,
        )  # fmt: skip

    @property
    def learning(self) -> NDArray[np.int64]:
        """The places of the rows that a booster is fitted on."""
        return self.split.rows(*LEARNING)

    @property
    def outcome(self) -> NDArray[np.float64]:
        """1 a case, 0 none; one entry a row of the matrix."""
        return self.matrix.rows["outcome"].to_numpy(dtype=np.float64)

    def folds(self, places: NDArray[np.int64], settings: FitSettings) -> NDArray[np.int64]:
        """Which fold each of these rows validates, -1 for none
        (`training.fitting.fit.folds_of`)."""
        return folds_of(self.share[places], self.split.role[places], settings)

    def fit(
        self,
        places: NDArray[np.int64] | None = None,
        names: Sequence[str] | None = None,
        settings: FitSettings | None = None,
        rounds: int | None = None,
        times: NDArray[np.float64] | None = None,
    ) -> Fitted:
        """A fit on the rows at `places` (all that learn for None), stopped as the settings say, or
        of `rounds` trees where they are given.

        `times`: how often each of these rows counts, such as in a bootstrap; those that do not
        are left out.
        """
        places = self.learning if places is None else places
        settings = settings or self.task.fit
        weights = self.weights[places]
        if times is not None:
            places, weights = places[times > 0], (weights * times)[times > 0]
        columns = list(names or self.names)
        return fit(
            lambda rows: self.matrix.array(columns, places[rows]),
            self.outcome[places], weights, columns,
            self.folds(places, settings), settings,
            None if self.start is None else self.start[places], self.repeats,
            monotone_constraints(columns) if settings.monotone else None, rounds,
        )  # fmt: skip

    def margin(
        self, text: str, places: NDArray[np.int64], names: Sequence[str] | None = None
    ) -> NDArray[np.float64]:
        """What a fitted booster says of the rows at `places`, in log odds, without their start."""
        booster = load_lightgbm().Booster(model_str=text)
        taken = self.matrix.array(list(names or self.names), places)
        return np.asarray(booster.predict(taken, raw_score=True, num_threads=THREADS_OF_A_FIT))

    def risk(self, margin: NDArray[np.float64], places: NDArray[np.int64]) -> NDArray[np.float64]:
        """The probability of these rows by their margin, not calibrated."""
        return sigmoid(margin if self.start is None else margin + self.start[places])
