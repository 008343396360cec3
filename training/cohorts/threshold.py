"""The amount above which a year is a case: fitted or fixed, in whole cents, moved by a trend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from data.errors import InputError, RefusalError
from training.cohorts.split import FITTED_TO, Split
from training.settings.tasks import HighCostTask

YEAR = 365.25


@dataclass(frozen=True)
class Threshold:
    """``cents``, in the money of the as-of date ``on`` (days since 1970; None: of every date).

    ``yearly_trend``: 0.05 raises it by 5 % for an as-of date a year later. ``share``: the upper
    percentile that it was fitted to; None where it was fixed.
    """

    cents: int
    on: int | None = None
    yearly_trend: float = 0.0
    share: float | None = None

    def at(self, as_of: ArrayLike) -> NDArray[np.int64]:
        """The whole cents that the outcome window after each as-of date is judged by."""
        days = np.asarray(as_of, dtype=np.float64)
        return np.rint(self.cents * self.factor(days)).astype(np.int64)

    def factor(self, as_of: ArrayLike) -> NDArray[np.float64]:
        """What the trend makes of an amount between ``on`` and each as-of date."""
        days = np.asarray(as_of, dtype=np.float64)
        if self.on is None:
            return np.ones(days.shape)
        return (1 + self.yearly_trend) ** ((days - self.on) / YEAR)

    def to_json(self) -> dict[str, Any]:
        """What a model keeps: plain numbers, ``on`` as an ISO date."""
        on = None if self.on is None else str(np.datetime64(self.on, "D"))
        return asdict(self) | {"on": on}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Threshold:
        on = kept["on"]
        day = None if on is None else int(np.datetime64(on, "D").astype(np.int64))
        return cls(kept["cents"], day, kept["yearly_trend"], kept["share"])


def threshold_of_model(metadata: Mapping[str, Any]) -> Threshold | None:
    """The threshold that a model was trained with; None for a task without one.

    Raises InputError where `model.json` holds one that cannot be used.
    """
    if metadata.get("threshold"):
        try:
            return Threshold.from_json(metadata["threshold"])
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                "model.json holds no usable threshold: train the model anew."
            ) from error
    cents = metadata["threshold_cents"]
    return None if cents is None else Threshold(cents)


def fitted_threshold(rows: pd.DataFrame, split: Split, task: HighCostTask) -> Threshold:
    """The threshold of a task, in the money of the last training as-of date.

    Fitted (`top_share`): the amount above which that share of the learning rows lie, among those
    whose whole window was seen, each amount first moved to that date by the trend. Test rows have
    no say in it. Fixed (`fixed_threshold_cents`): that amount.
    Raises RefusalError where no learning row was seen for its whole window, InputError where the
    threshold is not below `truncate_cents`, because then nobody could be a case.
    """
    seen = _seen(rows, split)
    on = int(seen["as_of"].max())
    trend = task.yearly_trend
    if task.fixed_threshold_cents is not None:
        made = Threshold(int(task.fixed_threshold_cents), on, trend)
    else:
        made = Threshold(_upper(_moved(seen, on, trend), task.top_share), on, trend, task.top_share)
    if task.truncate_cents is not None and task.truncate_cents <= made.at(rows["as_of"]).max():
        raise InputError(
            f"truncate_cents ({task.truncate_cents}) is not above the threshold of high cost "
            f"({made.cents} cents): nobody could be a case; raise it."
        )
    return made


def percentiles(
    rows: pd.DataFrame, split: Split, task: HighCostTask, threshold: Threshold
) -> pd.DataFrame:
    """How cost is spread among the learning rows: one row a percentile (and the threshold in use),
    columns share (NaN where fixed), in_use, threshold_cents, rows_above, cost_above (shares)."""
    seen = _seen(rows, split)
    amount = _moved(seen, threshold.on, threshold.yearly_trend)
    fitted = () if threshold.share is None else (threshold.share,)
    shares: list[float] = sorted({*task.other_shares, *fitted})
    wanted = [(share, _upper(amount, share), share == threshold.share) for share in shares]
    if threshold.share is None:
        wanted.append((float("nan"), threshold.cents, True))
    total = np.maximum(amount, 0).sum()
    lines = [
        (share, used, cents, float((amount > cents).mean()),
         float(amount[amount > cents].sum() / total) if total > 0 else float("nan"))
        for share, cents, used in wanted
    ]  # fmt: skip
    columns = ["share", "in_use", "threshold_cents", "rows_above", "cost_above"]
    return pd.DataFrame(lines, columns=columns)


def observed_trend(rows: pd.DataFrame, split: Split) -> float:
    """By which share a year the mean amount of the learning rows moved, from the first of their
    as-of dates to the last; NaN where they span less than half a year."""
    seen = _seen(rows, split)
    first, last = int(seen["as_of"].min()), int(seen["as_of"].max())
    means = [seen.loc[seen["as_of"] == day, "amount_cents"].mean() for day in (first, last)]
    if last - first < YEAR / 2 or min(means) <= 0:
        return float("nan")
    return float((means[1] / means[0]) ** (YEAR / (last - first)) - 1)


def threshold_remarks(
    spread: pd.DataFrame, threshold: Threshold, last_as_of: int, trend_seen: float
) -> list[str]:
    """The threshold, the percentiles beside it, its trend: a sentence each."""
    made = []
    for line in spread.to_dict("records"):
        name = f"the costliest {line['share']:.0%}" if line["share"] == line["share"] else "fixed"
        made.append(
            f"{'threshold' if line['in_use'] else 'beside it'} ({name} of learning rows): "
            f"${line['threshold_cents'] / 100:,.0f}; {line['rows_above']:.1%} of them lie above "
            f"and bear {line['cost_above']:.0%} of the cost"
        )
    factor = float(threshold.factor(last_as_of))
    moved = "not known" if trend_seen != trend_seen else f"{trend_seen:+.1%} a year"
    made.append(
        f"the threshold is trended by {threshold.yearly_trend:.1%} a year (factor {factor:.3f} on "
        f"the last date); the mean amount of the learning rows moved by: {moved}"
    )
    return made


def _seen(rows: pd.DataFrame, split: Split) -> pd.DataFrame:
    learning = rows.iloc[split.rows(*FITTED_TO)]
    seen = learning[learning["left_after"].isna()]
    if seen.empty:
        raise RefusalError(
            "No training row of the high-cost task was covered for its whole outcome window: "
            "take in more months."
        )
    return seen


def _moved(seen: pd.DataFrame, on: int | None, trend: float) -> NDArray[np.float64]:
    amount = seen["amount_cents"].to_numpy(dtype=np.float64)
    return amount / Threshold(0, on, trend).factor(seen["as_of"])


def _upper(amount: NDArray[np.float64], share: float) -> int:
    return int(np.quantile(amount, 1 - share, method="higher"))
