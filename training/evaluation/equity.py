"""The equity audit: whether groups that a score puts at the same risk are equally ill, and whom it
would call.

After Obermeyer et al. 2019 (Science 366:447-453), who found that a score of cost called black
people later than others as ill: less had been spent on them. Illness is counted from claims here as
there, and inherits unequal access itself; on an invented population the true one stands beside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.small_cells import Counts
from training.cohorts.groups import PAYER, RACE, SEX, Grouping
from training.cohorts.need import CAVEAT
from training.evaluation.equity_words import findings_of, lines_of
from training.evaluation.evaluate import Scored, named_for_mlflow
from training.settings.model_settings import EvaluationSettings
from training.statistics.called import CALLED, called
from training.statistics.resampling import resampled

AT = 97
"""The percentile of risk from which groups are compared: Obermeyer's, from which the programme he
looked at took people in without being asked."""
AUDITED = (RACE, PAYER, SEX)
FEWEST = 20
"""Groups of fewer people are not compared: a bootstrap over them would be too sure."""
COUNTED, TRUE = "counted_conditions", "true_conditions"
_STEP = 5
_TABLES = ("at_same_risk", "by_percentile", "shares", "by_label")


@dataclass(frozen=True)
class EquityAudit:
    """One row a grouping of AUDITED and group in each table; x_low and x_high are the 95 % interval
    of x from the bootstrap over patients, the lists and the cut at that risk held as they are.

    ``at_same_risk``: rows and people at the 97th percentile of risk and above, judgeable (FEWEST
    people and as many others there, else the figures are NaN), counted_conditions (mean number of
    active chronic conditions) and counted_conditions_difference from everybody else there.
    ``by_percentile``: the same means, without intervals, by twentieth of risk; percentile is its
    middle. ``shares``: share_of_rows, share_called (of those called by the score),
    share_by_counted_need (of as many called by illness, of the equally ill those with more
    unplanned days, then by the score) and counted_need_minus_score (the one share minus the other).
    ``by_label``: mean cost (dollars), counted_conditions, unplanned_days. Where the truth is known,
    true_conditions and its kin stand beside the counted ones. ``findings``: sentences for the
    reader.
    """

    at_same_risk: pd.DataFrame
    by_percentile: pd.DataFrame
    shares: pd.DataFrame
    by_label: pd.DataFrame
    findings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Everything as plain lists and numbers, None where a figure cannot be told."""
        tables = {
            name: [
                {key: None if pd.isna(value) else value for key, value in line.items()}
                for line in lines_of(getattr(self, name))
            ]
            for name in _TABLES
        }
        return {**tables, "findings": list(self.findings)}

    def flat(self) -> dict[str, float]:
        """The figures for MLflow, such as
        `equity.at_same_risk.payer.medicaid.counted_conditions.low`; bounds of that table alone."""
        made: dict[str, float] = {}
        for name in ("at_same_risk", "shares", "by_label"):
            for line in lines_of(getattr(self, name)):
                of = f"equity.{name}.{line['grouping']}.{line['group']}"
                for column, value in line.items():
                    bound = re.fullmatch(r"(.*)_(low|high)", column)
                    if bound is None and column not in ("grouping", "group", "judgeable"):
                        made[f"{of}.{column}"] = value
                    elif bound is not None and name == "at_same_risk":
                        made[f"{of}.{bound[1]}.{bound[2]}"] = value
        return named_for_mlflow(made)


def equity_audit(
    scored: Scored,
    rows: pd.DataFrame,
    groupings: Sequence[Grouping],
    settings: EvaluationSettings,
    truth_conditions: NDArray[np.float64] | None = None,
    caveat: str = CAVEAT,
    counts: Counts | None = None,
) -> EquityAudit:
    """Audit a score on `rows`, in the order of `scored`.

    `rows` has chronic_conditions (of high cost the need label, see `training.cohorts.need`; of
    readmission
    from `need.with_chronic_conditions`), and unplanned_days where they are known. The percentile of
    risk is that among all rows. `truth_conditions`: `need.true_conditions`. `caveat` says what was
    counted as illness. `counts` guards the shares in the findings; without it, as of real people.
    """
    need = {COUNTED: _column(rows, "chronic_conditions")}
    if truth_conditions is not None:
        need[TRUE] = np.asarray(truth_conditions, dtype=np.float64)
    need = {name: values for name, values in need.items() if np.isfinite(values).any()}
    told = tuple(g for name in AUDITED for g in groupings if g.name == name and g.groups)
    person = np.unique(scored.patient_id.astype(str), return_inverse=True)[1].astype(np.int64)
    below = pd.Series(scored.margin).rank(method="max").to_numpy(dtype=np.float64) - 1
    percentile = 100 * below / max(len(rows), 1)
    lists = _lists(scored, rows, need)
    found: dict[str, list[pd.DataFrame]] = {}
    for grouping in told:
        sums = _Resampled(grouping, person, scored.weights, settings)
        found.setdefault("at_same_risk", []).append(_at_same_risk(sums, need, percentile >= AT))
        found.setdefault("by_percentile", []).append(_by_percentile(sums, need, percentile))
        found.setdefault("shares", []).append(_shares(sums, lists))
        found.setdefault("by_label", []).append(_by_label(sums, scored, rows, need))
    tables = {
        name: pd.concat(found.get(name, [pd.DataFrame()]), ignore_index=True) for name in _TABLES
    }
    not_told = {
        g.name: (int(np.sum(g.of == "")), len(g.of)) for g in groupings if g.name in AUDITED
    }
    parts = {(g.name, group): _parts(g, group, lists) for g in told for group in g.groups}
    findings = findings_of(
        tables["at_same_risk"], tables["shares"], not_told, FEWEST, AT, scored.amount is not None,
        caveat, parts, counts or Counts("own"),
    )  # fmt: skip
    return EquityAudit(**tables, findings=findings)


def _column(rows: pd.DataFrame, name: str) -> NDArray[np.float64]:
    if name not in rows:
        return np.full(len(rows), np.nan)
    return rows[name].to_numpy(dtype=np.float64)


def _lists(
    scored: Scored, rows: pd.DataFrame, need: Mapping[str, NDArray[np.float64]]
) -> dict[str, NDArray[np.bool_]]:
    """Who is called by the score, and who by each need: the illest first, of the equally ill those
    with more unplanned days (where illness is counted, too), then by the score."""
    ordered = {"called": scored.margin}
    if COUNTED in need:
        ties = (_column(rows, "unplanned_days"), scored.margin)
        ordered["by_counted_need"] = _place(need[COUNTED], *ties)
    if TRUE in need:
        ordered["by_true_need"] = _place(need[TRUE], scored.margin)
    return {
        name: called(score, scored.period, scored.patient_id, CALLED)
        for name, score in ordered.items()
    }


def _parts(
    grouping: Grouping, group: str, lists: Mapping[str, NDArray[np.bool_]]
) -> list[tuple[int, int]]:
    """How many of the rows whose group is told, and of those that each list calls, are of `group`,
    and how many there are."""
    ours, told = grouping.of == group, grouping.of != ""
    return [
        (int((ours & taken).sum()), int((told & taken).sum()))
        for taken in (np.ones(len(told), dtype=bool), *lists.values())
    ]


def _place(first: NDArray[np.float64], *ties: NDArray[np.float64]) -> NDArray[np.float64]:
    """A score that orders by `first`, then by each of `ties`; what is missing comes last."""
    keys = [np.where(np.isfinite(key), key, -np.inf) for key in (first, *ties)]
    made = np.empty(len(first))
    made[np.lexsort(keys[::-1])] = np.arange(len(first))
    return made


class _Resampled:
    """Sums over the rows of each group: once as they are, and once a replicate.

    Rows of one person and group are added up first, so that a replicate costs one pass over people.
    """

    def __init__(
        self,
        grouping: Grouping,
        person: NDArray[np.int64],
        weights: NDArray[np.float64],
        settings: EvaluationSettings,
    ) -> None:
        self.name, self.groups = grouping.name, grouping.groups
        self.of = pd.Index(self.groups).get_indexer(pd.Index(grouping.of)).astype(np.int64)
        self.person, self.weights, self.settings = person, weights, settings

    def once(self, columns: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        """Of each column, weighted and NaN left out: shape (groups, columns)."""
        told = np.flatnonzero(self.of >= 0)
        return np.column_stack([
            np.bincount(
                self.of[told], np.nan_to_num(self.weights * column)[told], len(self.groups)
            ).astype(np.float64)
            for column in columns
        ])  # fmt: skip

    def sums(self, columns: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        """The same and its replicates: shape (1 + replicates, groups, columns)."""
        told = np.flatnonzero(self.of >= 0)
        people = int(self.person.max()) + 1
        cell, place = np.unique(self.of[told] * people + self.person[told], return_inverse=True)
        by_cell = np.column_stack([
            np.bincount(place, np.nan_to_num(self.weights * column)[told], len(cell))
            for column in columns
        ])  # fmt: skip
        # cells stand in the order of their groups, of which none is empty
        starts = np.searchsorted(cell, np.arange(len(self.groups)) * people)
        who = cell % people
        drawn = resampled(np.arange(people), self.settings.replicates, self.settings.seed)
        replicates = [np.add.reduceat(by_cell * times[who][:, None], starts) for times in drawn]
        return np.stack([self.once(columns), *replicates])

    def counts(self, rows: NDArray[np.bool_]) -> dict[str, list[int]]:
        """How many of `rows`, and people in them, each group has."""
        of = [np.flatnonzero(rows & (self.of == place)) for place in range(len(self.groups))]
        return {
            "rows": [len(r) for r in of], "people": [len(np.unique(self.person[r])) for r in of]
        }  # fmt: skip

    def table(self, columns: Mapping[str, Any]) -> pd.DataFrame:
        return pd.DataFrame({"grouping": self.name, "group": list(self.groups), **columns})


def _at_same_risk(
    sums: _Resampled, need: Mapping[str, NDArray[np.float64]], top: NDArray[np.bool_]
) -> pd.DataFrame:
    counts = sums.counts(top)
    people = np.array(counts["people"])
    everybody = len(np.unique(sums.person[top & (sums.of >= 0)]))
    worth = (people >= FEWEST) & (everybody - people >= FEWEST)
    columns: dict[str, Any] = {**counts, "judgeable": worth}
    for name, values in need.items():
        known = (np.isfinite(values) & top).astype(np.float64)
        total, many = np.moveaxis(sums.sums([values * known, known]), 2, 0)
        mean = _ratio(total, many)
        others = _ratio(total.sum(1, keepdims=True) - total, many.sum(1, keepdims=True) - many)
        columns |= _intervals(name, mean, worth)
        columns |= _intervals(f"{name}_difference", mean - others, worth)
    return sums.table(columns)


def _by_percentile(
    sums: _Resampled, need: Mapping[str, NDArray[np.float64]], percentile: NDArray[np.float64]
) -> pd.DataFrame:
    step = (percentile // _STEP).astype(np.int64)
    parts = []
    for number in range(100 // _STEP):
        of_step = step == number
        counts = sums.counts(of_step)
        columns: dict[str, Any] = {"percentile": _STEP * (number + 0.5), **counts}
        enough = np.array(counts["people"]) >= FEWEST
        for name, values in need.items():
            known = (np.isfinite(values) & of_step).astype(np.float64)
            total, many = sums.once([values * known, known]).T
            columns[name] = np.where(enough, _ratio(total, many), np.nan)
        parts.append(sums.table(columns))
    return pd.concat(parts).sort_values(["grouping", "group", "percentile"], kind="stable")


def _shares(sums: _Resampled, lists: Mapping[str, NDArray[np.bool_]]) -> pd.DataFrame:
    taken = [np.ones(len(sums.of)), *(one.astype(np.float64) for one in lists.values())]
    total = sums.sums(taken)
    share = np.moveaxis(_ratio(total, total.sum(1, keepdims=True)), 2, 0)
    counts = sums.counts(np.ones(len(sums.of), dtype=bool))
    worth = np.array(counts["people"]) >= FEWEST
    columns: dict[str, Any] = {**counts}
    for name, values in zip(("of_rows", *lists), share, strict=True):
        columns |= _intervals(f"share_{name}", values, worth)
    for name, values in zip(lists, share[1:], strict=True):
        if name != "called":
            minus = f"{name.removeprefix('by_')}_minus_score"
            columns |= _intervals(minus, values - share[1], worth)
    return sums.table(columns)


def _by_label(
    sums: _Resampled,
    scored: Scored,
    rows: pd.DataFrame,
    need: Mapping[str, NDArray[np.float64]],
) -> pd.DataFrame:
    labels = {
        "cost": np.full(len(rows), np.nan) if scored.amount is None else scored.amount / 100,
        **need, "unplanned_days": _column(rows, "unplanned_days"),
    }  # fmt: skip
    counts = sums.counts(np.ones(len(sums.of), dtype=bool))
    worth = np.array(counts["people"]) >= FEWEST
    columns: dict[str, Any] = {**counts}
    for name, values in labels.items():
        known = np.isfinite(values).astype(np.float64)
        if known.any():
            total, many = np.moveaxis(sums.sums([values, known]), 2, 0)
            columns |= _intervals(name, _ratio(total, many), worth)
    return sums.table(columns)


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    """NaN where there is nothing below."""
    above, below = np.broadcast_arrays(above, below)
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0)


def _intervals(
    name: str, values: NDArray[np.float64], worth: NDArray[np.bool_]
) -> dict[str, NDArray[np.float64]]:
    """x, x_low and x_high of each group; `values` has a row for the rows themselves, then one a
    replicate."""
    low, high = np.full((2, values.shape[1]), np.nan)
    for place in np.flatnonzero(worth):
        drawn = values[1:, place][np.isfinite(values[1:, place])]
        if len(drawn):
            low[place], high[place] = np.quantile(drawn, [0.025, 0.975])
    return {
        name: np.where(worth, values[0], np.nan), f"{name}_low": low, f"{name}_high": high
    }  # fmt: skip
