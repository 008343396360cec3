"""What a training of high cost says on a terminal beside the usual."""

from __future__ import annotations

import pandas as pd

from data.terminal import say, table
from training.cohorts.completion import EVERY
from training.cohorts.control_totals import LEFT_OUT
from training.cohorts.need import CAVEAT
from training.evaluation.bloomers import Bloomers
from training.evaluation.cost_report import CostReport
from training.evaluation.evaluate import Interval
from training.evaluation.judged_cost import JudgedCost
from training.statistics.called import CALLED, nearest_to_called, top_of

_AGES = 7
"""Claim ages printed; the file holds all."""
_CONDITIONS = 12
"""Condition groups printed, the largest; the file holds all."""


def print_cost_report(report: CostReport) -> None:
    """Print completion factors, control totals, bloomers and the need label."""
    if not report.tables["completion"].empty:
        print_completion(report.tables["completion"])
    print_control_totals(report.tables["control_totals"])
    print_bloomers(report.bloomers)
    table(
        f"Need of those called first: the {top_of(CALLED)} of each list",
        ("score", "chronic conditions", "unplanned days", "of all unplanned days"),
        [(r["score"], r["chronic_conditions"], r["unplanned_days"],
          _share(r["share_of_unplanned_days"])) for r in report.need.to_dict("records")],
        right=(1, 2, 3),
    )  # fmt: skip
    if report.need_truth is not None:
        table(
            "Counted need beside the true one, known of invented people alone",
            ("group", "rows", "true conditions", "counted", "told of them", "unplanned days",
             "cost"),
            [(r["group"], r["rows"], r["true_conditions"], r["counted_conditions"],
              _share(r["told"]), r["unplanned_days"], f"${r['cost']:,.0f}")
             for r in report.need_truth.to_dict("records")],
            right=range(1, 7),
        )  # fmt: skip
    say(f"  {CAVEAT}", "")
    print_expected_cost(report.judged)


def print_completion(completion: pd.DataFrame) -> None:
    """Print the share of the final amount that is known at each claim age: a line a kind."""
    ages = range(_AGES)
    wide = completion.pivot_table(index="kind", columns="age_months", values="completion")
    kinds = [EVERY, *(kind for kind in wide.index if kind != EVERY)]
    table(
        "Share of the final amount known, by claim age in months of 30 days",
        ("kind", *(str(age) for age in ages)),
        [(kind, *(_percent(wide[age].get(kind)) if age in wide else None for age in ages))
         for kind in kinds if kind in wide.index],
        right=range(1, _AGES + 1),
    )  # fmt: skip


def print_control_totals(totals: pd.DataFrame) -> None:
    """Print where each dollar of the source went: a line a calendar year, and the sum."""
    columns = ["allowed_cents", "label_cents", *LEFT_OUT, "other_coverage_cents"]
    years = totals.groupby("year")[columns].sum()
    lines = [(str(year), *values) for year, values in zip(years.index, years.to_numpy(),
                                                          strict=True)]  # fmt: skip
    lines.append(("all", *years.sum().to_numpy()))
    table(
        "Control totals in dollars: the source's, and where they went",
        ("year", "source", "in a label", "no member row", "nobody asked", "outside windows",
         "counted otherwise"),
        [(year, *(f"{cents / 100:,.0f}" for cents in values)) for year, *values in lines],
        right=range(1, 7),
    )  # fmt: skip


def print_bloomers(told: Bloomers) -> None:
    """Print the model beside its baselines among those who were not high-cost before."""
    counts = told.counts
    scores = told.evaluation.scores if told.evaluation else {}
    share = nearest_to_called(told.found["share"])
    columns = {} if share is None else {
        f"{kind} in the {top_of(share)}": f"{kind}_found" for kind in ("bloomers", "stayers")
    }  # fmt: skip
    parts = told.found[told.found["share"] == share].set_index("score")
    rows = []
    for name in dict.fromkeys([*told.found["score"], *scores]):
        metrics = scores.get(name, {})
        found = [_share(parts[c].get(name, float("nan"))) for c in columns.values()]
        rows.append((name, metrics.get("auroc"), metrics.get("auprc"), *found))
    table(
        f"Bloomers: {counts['bloomers']:,} of the cases were not high-cost in the year before, "
        f"{counts['stayers']:,} were, of {counts['cases_not_known']:,} it is not known",
        ("score", "AUROC among those not high-cost before", "AUPRC", *columns),
        rows, right=range(1, 3 + len(columns)),
    )  # fmt: skip


def print_expected_cost(judged: JudgedCost) -> None:
    """Print expected beside actual cost: by decile, by condition group, and how well it fits."""
    for title, column, lines in (
        ("decile of expected cost", "decile", judged.deciles),
        ("condition", "condition", judged.conditions.head(_CONDITIONS)),
    ):
        table(
            f"Expected cost by {title} (in total: {judged.total}; 1 is right)",
            (column, "rows", "expected", "actual", "expected / actual (95 %)"),
            [(r[column], r["rows"], f"${r['expected']:,.0f}", f"${r['actual']:,.0f}",
              Interval(r["ratio"], r["low"], r["high"])) for r in lines.to_dict("records")],
            right=range(1, 5),
        )  # fmt: skip
    table(
        "How well expected cost fits",
        ("score", "rows", "R squared", "Cumming's measure", "mean error"),
        [(r["score"], r["rows"], r["r_squared"], r["cpm"], f"${r['mean_error']:,.0f}")
         for r in judged.fit.to_dict("records")],
        right=range(1, 5),
    )  # fmt: skip


def _percent(value: float | None) -> str | None:
    return None if value is None or value != value else f"{value:.1%}"


def _share(value: float) -> str:
    return "–" if value != value else f"{value:.0%}"
