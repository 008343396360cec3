"""What calling from the top of a list finds: the cases among those called, and of all cases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.settings.model_settings import EvaluationSettings
from training.statistics.called import lists, top_of
from training.statistics.resampling import resampled

if TYPE_CHECKING:
    from training.evaluation.evaluate import Scored

SHARES = ("ppv", "sensitivity", "cost_captured")
COLUMNS = [
    "score", "capacity", "lists", "called", "found", "cases",
    *(f"{name}{end}" for name in SHARES for end in ("", "_low", "_high")),
]  # fmt: skip


@dataclass(frozen=True)
class _Top:
    """The rows `taken` from the top of the lists that are long enough, and all rows that are
    `asked` about on these; None: all there are."""

    score: str
    capacity: str
    lists: int
    taken: NDArray[np.int64]
    asked: NDArray[np.int64] | None


def capacities(
    scored: Scored, scores: Mapping[str, NDArray[np.float64]], settings: EvaluationSettings
) -> pd.DataFrame:
    """One row a score and capacity: of the lists that are long enough, all together, how many rows
    are ``called``, how many cases are ``found`` among them and how many ``cases`` there are; and
    weighted, with 95 % intervals (x_low, x_high), ``ppv`` (found : called), ``sensitivity`` (found
    : cases) and ``cost_captured`` (the part of all cost that is of those called; NaN where no
    amount is known). The intervals are from the bootstrap over patients, the lists held as they
    are."""
    tops = list(_tops(scored, scores, settings))
    if not tops:
        return pd.DataFrame(columns=COLUMNS)
    point = _shares(scored, tops, np.ones(len(scored.outcome)))
    patients = scored.patient_id.astype(str)
    drawn = np.array([
        _shares(scored, tops, times)
        for times in resampled(patients, settings.replicates, settings.seed)
    ])  # fmt: skip
    made = []
    for place, top in enumerate(tops):
        told = [interval for part in range(len(SHARES))
                for interval in (point[place, part], *_bounds(drawn[:, place, part]))]  # fmt: skip
        asked = scored.outcome if top.asked is None else scored.outcome[top.asked]
        found = int(scored.outcome[top.taken].sum())
        made.append((top.score, top.capacity, top.lists, len(top.taken), found, int(asked.sum()),
                     *told))  # fmt: skip
    return pd.DataFrame(made, columns=COLUMNS)


def _tops(
    scored: Scored, scores: Mapping[str, NDArray[np.float64]], settings: EvaluationSettings
) -> Iterator[_Top]:
    wanted: list[tuple[str, float]] = [(top_of(s), s) for s in settings.shares]
    wanted += [(f"{c} people", float(c)) for c in settings.counts]
    for name, score in scores.items():
        every = list(lists(score, scored.period, scored.patient_id))
        for label, size in wanted:
            takes = [int(np.ceil(size * len(rows))) if size < 1 else int(size) for rows in every]
            long = [(rows, take) for rows, take in zip(every, takes, strict=True)
                    if take <= len(rows)]  # fmt: skip
            if long:
                asked = np.concatenate([rows for rows, _ in long])
                yield _Top(
                    name, label, len(long), np.concatenate([rows[:take] for rows, take in long]),
                    None if len(long) == len(every) else asked,
                )  # fmt: skip


def _shares(scored: Scored, tops: list[_Top], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """SHARES of each, every row counted so many `times`."""
    rows = scored.weights * times
    case, spent = rows * scored.outcome, np.full(len(rows), np.nan)
    if scored.amount is not None:
        spent = rows * np.maximum(scored.amount, 0)
    cases, cost = case.sum(), spent.sum()
    made = np.empty((len(tops), len(SHARES)))
    for place, top in enumerate(tops):
        found = case[top.taken].sum()
        whole = (cases, cost)
        if top.asked is not None:
            whole = (case[top.asked].sum(), spent[top.asked].sum())
        made[place] = (
            _part(found, rows[top.taken].sum()), _part(found, whole[0]),
            _part(spent[top.taken].sum(), whole[1]),
        )  # fmt: skip
    return made


def _part(of: float, whole: float) -> float:
    return of / whole if whole > 0 else float("nan")


def _bounds(drawn: NDArray[np.float64]) -> tuple[float, float]:
    known = drawn[np.isfinite(drawn)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [0.025, 0.975])
    return float(low), float(high)
