"""What a report says of a high-cost training beside the usual: amount, bloomers, need, dollars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from training.cohorts.control_totals import LEFT_OUT
from training.cohorts.need import CAVEAT
from training.report.baseline_notes import notes_on
from training.report.document import Block, Cell, Heading, Table, Words
from training.report.figure_words import cents, per_cent, said, table_of
from training.report.result import THREE, TWO, score_cell, told
from training.report.run_folder import RunFolder
from training.statistics.called import top_of

_AGES = 7
"""Claim ages shown, in months; the file holds all."""


def cost_blocks(run: RunFolder) -> list[Block]:
    """Nothing where the run has no such tables."""
    return [
        *_threshold(run), *_expected(run), *_bloomers(run), *_need(run), *_completion(run),
        *_totals(run),
    ]  # fmt: skip


def _threshold(run: RunFolder) -> list[Block]:
    found = run.records("cost/percentiles.parquet")
    if not found:
        return []
    return [
        Heading("Above which amount a year is costly"),
        Words("The amount was fitted on the rows that were learned from; few people bear much of "
              "the cost."),
        table_of(
            "Percentiles of the learning rows", found, run.counts,
            labels={"share": "the costliest", "in_use": "used", "threshold_cents": "amount",
                    "rows_above": "of the rows", "cost_above": "of the cost"},
        ),
    ]  # fmt: skip


def _expected(run: RunFolder) -> list[Block]:
    found = run.told("cost/expected_cost.json")
    if not found:
        return []
    total = told(TWO, found["total"])
    labels = {"ratio": "expected : actual"}
    return [
        Heading("Expected cost"),
        Words(
            f"Beside the risk the model says what a person's year is expected to cost. In total it "
            f"expects {total} times what was spent; 1 is right. A ratio far from 1 in one tenth or "
            "condition says that these people are priced wrongly on average."
        ),
        table_of("By tenth of the rows, from the cheapest", found["deciles"], run.counts,
                 of="ratio", labels={**labels, "decile": "tenth"}),
        table_of("By condition (a person may have several)", found["conditions"], run.counts,
                 of="ratio", labels=labels),
        table_of("How well it fits", found["fit"], run.counts),
    ]  # fmt: skip


def _bloomers(run: RunFolder) -> list[Block]:
    found = run.told("cost/bloomers.json")
    if not found:
        return []
    counts, judged = found["counts"], found.get("evaluation") or {"scores": {}, "better_than": {}}
    parts = {(line["score"], line["share"]): line for line in found["found"]}
    shares = sorted({share for _, share in parts})
    rows: list[tuple[Cell, ...]] = []
    for name in dict.fromkeys(line["score"] for line in found["found"]):
        metrics = judged["scores"].get(name, {})
        paired = judged["better_than"].get(name, {}).get("auroc")
        rows.append((
            score_cell(name), told(THREE, metrics.get("auroc")),
            told(THREE, paired) if paired else "",
            *(said(per_cent, parts.get((name, share), {}).get(kind))
              for share in shares for kind in ("bloomers_found", "stayers_found")),
        ))  # fmt: skip
    columns = [f"{kind} in the {top_of(share)}" for share in shares
               for kind in ("bloomers", "stayers")]  # fmt: skip
    header = ("score", "AUROC among those not costly before (95 %)", "model minus it (95 %)",
              *columns)  # fmt: skip
    count = run.counts.count
    return [
        Heading("Bloomers: costly next year, and not the year before"),
        Words(
            "Whoever is costly often stays so, and last year's cost finds him without a model. The "
            "cases worth finding early are the others: "
            f"{count(counts['bloomers'])} bloomers beside {count(counts['stayers'])} who stay "
            f"costly, and {count(counts['cases_not_known'])} of whom the year before is not known."
        ),
        Table("Who finds them", header, tuple(rows), frozenset(range(1, len(header)))),
        *notes_on({line["score"]: None for line in found["found"]}),
    ]  # fmt: skip


def _need(run: RunFolder) -> list[Block]:
    blocks: list[Block] = []
    called, truth = (run.records(f"cost/{name}.parquet")
                     for name in ("need_of_those_called", "need_against_truth"))  # fmt: skip
    if called:
        blocks.append(table_of(
            "How ill those are whom each score calls first, in the year that follows", called,
            run.counts, labels={"share_of_unplanned_days": "of all unplanned days in hospital",
                                "unplanned_days": "unplanned days"},
        ))  # fmt: skip
    if truth:
        blocks.append(table_of(
            "Counted need beside the true one, known of invented people alone", truth, run.counts,
            labels={"told": "conditions that claims tell of"},
        ))  # fmt: skip
    if not blocks:
        return []
    return [
        Heading("Cost is not need"),
        Words(f"Past cost reflects past access. Beside the cost stands a label of need; {CAVEAT}."),
        *blocks,
    ]


def _completion(run: RunFolder) -> list[Block]:
    found = run.records("cost/completion.parquet")
    if not found:
        return []
    by_kind: dict[str, dict[int, Any]] = {}
    for line in found:
        by_kind.setdefault(line["kind"], {})[int(line["age_months"])] = line["completion"]
    ages = range(_AGES)
    rows = tuple(
        (kind, *(said(per_cent, found_at.get(age)) for age in ages))
        for kind, found_at in by_kind.items()
    )
    return [
        Heading("How complete the claims are"),
        Words("The last months of an extract are incomplete. So much of the final amount is known "
              "of claims of each age:"),
        Table("Share of the final amount known, by age of the claim in months of 30 days",
              ("kind", *(str(age) for age in ages)), rows, frozenset(range(1, _AGES + 1))),
    ]  # fmt: skip


def _totals(run: RunFolder) -> list[Block]:
    blocks: list[Block] = []
    totals = run.records("cost/control_totals.parquet")
    if totals:
        columns = {"allowed_cents": "the source's", "label_cents": "in a label",
                   LEFT_OUT[0]: "no member row", LEFT_OUT[1]: "nobody asked",
                   LEFT_OUT[2]: "outside all windows",
                   "other_coverage_cents": "counted otherwise"}  # fmt: skip
        blocks.append(Table(
            "Control totals: where each dollar of the source went, by calendar year",
            ("year", *columns.values()), tuple(_years(totals, tuple(columns))),
            frozenset(range(1, len(columns) + 1)),
        ))  # fmt: skip
    kinds = run.records("cost/encounters_by_kind.parquet")
    if kinds:
        blocks.append(table_of(
            "Encounters that have no amount, which would be capitated or not priced", kinds,
            run.counts, labels={"judged": "looked at"},
        ))  # fmt: skip
    return [Heading("Where the money went"), *blocks] if blocks else []


def _years(totals: Sequence[Mapping[str, Any]], columns: tuple[str, ...]) -> list[tuple[Cell, ...]]:
    years = sorted({int(line["year"]) for line in totals})
    rows: list[tuple[Cell, ...]] = []
    for name, own in [*((str(year), [t for t in totals if t["year"] == year]) for year in years),
                      ("all", list(totals))]:  # fmt: skip
        rows.append((name, *(cents(sum(line.get(c) or 0 for line in own)) for c in columns)))
    return rows
