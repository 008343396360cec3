"""What one training says on a terminal: who counts, how good it is, and beside what."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from data.small_cells import Counts
from data.terminal import say, table
from training.evaluation.baselines import whole_name
from training.evaluation.by_day import AT_DISCHARGE, Day
from training.evaluation.evaluate import OURS, Evaluation
from training.printed_cost import print_cost_report
from training.recalibrate import RecalibrateReport
from training.release.gate import Verdict
from training.release.promotion import Moved
from training.report.result import share_of_top
from training.statistics.called import share_of
from training.train import TrainReport

_EXACTLY = Counts("invented")


def print_report(report: TrainReport) -> None:
    """Print the attrition, the rows by role, the model beside its baselines, and the remarks."""
    judged = report.evaluation
    task = report.task
    print_attrition(task, report.attrition)
    table(
        f"Rows of {task}", ("role", "rows", "people", "cases", "first day", "last day"),
        [tuple(row) for row in report.counts.itertuples(index=False)], right=(1, 2, 3),
    )  # fmt: skip
    print_scores(
        f"{task}: {judged.rows:,} test rows, {judged.events:,} cases ({judged.base_rate:.1%})",
        judged,
    )
    print_calibration(judged)
    print_days(report.task, report.by_day, report.settings.evaluation.judgeable_events)
    if judged.companion is not None:
        _print_companion(judged.companion)
    if report.cost is not None:
        print_cost_report(report.cost)
    say(
        *(f"  {remark}" for remark in report.remarks),
        f"{report.fitted.rounds} trees; calibrator {report.calibration.why}.",
        "",
    )
    print_verdict(report.task, report.run.version, report.verdict)
    if report.run.files:
        files = report.run.files.removeprefix("file://")
        say(
            f"Version {report.run.version} is model {report.model_version}; its report and card: "
            f"{files}/report.html and {files}/card.html", "",
        )  # fmt: skip


def print_verdict(task: str, version: str, verdict: Verdict) -> None:
    """Print each criterion of the gate, and how to go on."""
    table(
        f"May version {version} of {task} become champion?", ("criterion", "", "why"),
        [(c.name, c.verdict, c.words) for c in verdict.criteria],
    )  # fmt: skip
    left = "the champion stays" if verdict.champion else "there is still no champion"
    said = (
        f"It passed the gate: `firstcall promote --task {task}` makes it champion."
        if verdict.passed
        else f"It did not pass the gate, and {left}. To promote it all the same: "
        f'`firstcall promote --task {task} --override "reason"`.'
    )
    say(said, "")


def print_moved(task: str, moved: Moved) -> None:
    """Print who is champion now."""
    said = {
        "promoted": f"Version {moved.version} of {task} is champion now"
        + (f", in place of version {moved.before}." if moved.before else "."),
        "rolled back": f"Version {moved.version} of {task} is champion again, in place of version "
        f"{moved.before}.",
        "finished": f"Version {moved.version} of {task} was champion already, and its files were "
        "not in place: they are now. Nothing else was done; call again for more.",
        "was champion": f"Version {moved.version} of {task} is champion already.",
    }  # fmt: skip
    say(said[moved.what], "")


def print_recalibration(report: RecalibrateReport) -> None:
    """Print what moved, and the verdict on the challenger that came of it."""
    say(f"{report.task}, version {report.before}: {report.move.why}.")
    if report.run is None or report.verdict is None:
        say("Its risks are right as they are: there is nothing to promote.", "")
        return
    say(
        f"Version {report.run.version} is version {report.before} with the log odds of its risks "
        f"times {report.move.slope:.3f} and {report.move.intercept:+.3f}.",
        "",
    )
    print_verdict(report.task, report.run.version, report.verdict)


def print_days(task: str, days: Sequence[Day], judgeable: int) -> None:
    """Print the model within each day after discharge, beside what it said at discharge; a day of
    fewer than `judgeable` cases is too few to judge it by."""
    rows: list[tuple[object, ...]] = []
    for day in days:
        judged = day.evaluation
        others = [n for n in judged.better_than if whole_name(n) in ("LACE", AT_DISCHARGE)]
        ours = (judged.scores[OURS]["auroc"], judged.scores[OURS]["observed_to_expected"])
        few = ", too few to judge" if judged.events < judgeable else ""
        rows.append((
            day.landmark, judged.rows, judged.events, day.back_unknown, f"{OURS}{few}", *ours, "",
        ))  # fmt: skip
        rows += [
            ("", "", "", "", name, judged.scores[name]["auroc"], "",
             judged.better_than[name]["auroc"])
            for name in others
        ]  # fmt: skip
    if rows:
        table(
            f"{task} within each day after discharge, about the days that are left",
            ("day", "asked", "cases", "back, not known", "score", "AUROC (95 %)",
             "observed : expected", "ours minus it (95 %)"),
            rows, right=(0, 1, 2, 3, 5, 6, 7),
        )  # fmt: skip


def print_scores(title: str, judged: Evaluation) -> None:
    """Print the model beside each baseline, and beside the true risk where it is known."""
    rows: list[tuple[object, ...]] = []
    for name, metrics in judged.scores.items():
        paired = judged.better_than.get(name, {}).get("auroc")
        rows.append((
            name, metrics["auroc"], metrics["auprc"],
            judged.truth.get(f"expected_auroc.{name}"), paired or "",
        ))  # fmt: skip
    if "expected_auroc.latent" in judged.truth:
        rows.append(("true risk", None, None, judged.truth["expected_auroc.latent"], None))
    table(
        title,
        ("score", "AUROC (95 %)", "AUPRC (95 %)", "AUROC against truth", "ours minus it (95 %)"),
        rows, right=(1, 2, 3, 4),
    )  # fmt: skip


def _print_companion(judged: Evaluation) -> None:
    table(
        f"The same scores, where death counts too: {judged.events:,} dead or readmitted "
        f"({judged.base_rate:.1%})",
        ("score", "AUROC (95 %)", "ours minus it (95 %)"),
        [(name, metrics["auroc"], judged.better_than.get(name, {}).get("auroc", ""))
         for name, metrics in judged.scores.items()],
        right=(1, 2),
    )  # fmt: skip


def print_attrition(task: str, attrition: pd.DataFrame) -> None:
    """Print the attrition table: one line a rule."""
    table(
        f"Who counts for {task}",
        ("rule", "taken out", "rows left", "people left", "cases left", "note"),
        [(r["rule"], r["rows_removed"] if r["evaluable"] else "not evaluable", r["rows_left"],
          r["people_left"], r["outcomes_left"], r["note"])
         for r in attrition.astype(object).to_dict("records")],
        right=(1, 2, 3, 4),
    )  # fmt: skip


def print_calibration(judged: Evaluation, counts: Counts = _EXACTLY) -> None:
    """Print whether the risks are right as numbers, and what calling from the top of a list finds;
    `counts`: which shares of people may be told."""
    ours = judged.scores[OURS]
    right = {"calibration_slope": 1, "calibration_intercept": 0, "observed_to_expected": 1}
    rows: list[tuple[object, ...]] = [
        (name.replace("_", " "), ours[name], wanted)
        for name, wanted in right.items() if name in ours
    ]  # fmt: skip
    if judged.truth:
        rows.append(("slope against the true risk", f"{judged.truth['slope']:.3f}", 1))
    table("Calibration on the test rows", ("measure", "value (95 %)", "right is"), rows, (1, 2))
    top = [{str(k): v for k, v in line.items()} for line in judged.capacities.to_dict("records")
           if share_of(line["capacity"]) is not None]  # fmt: skip
    table(
        "Of those called from the top of the list",
        ("score", "called", "lists", "are cases", "of all cases"),
        [(line["score"], line["capacity"], line["lists"],
          *(share_of_top(line, part, counts) for part in ("ppv", "sensitivity"))) for line in top],
        right=(2, 3, 4),
    )  # fmt: skip
