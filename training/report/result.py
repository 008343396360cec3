"""What a report says of a result: ranking beside the baselines, calibration, capacities, days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from data.small_cells import Counts
from training.evaluation.by_day import AT_DISCHARGE
from training.evaluation.evaluate import OURS
from training.report.baseline_notes import notes_on
from training.report.document import Block, Cell, Heading, Marked, Table, Words
from training.report.figure_words import (
    NOTHING,
    Form,
    base_rate,
    between,
    decimals,
    per_cent,
    said,
    table_of,
)
from training.report.run_folder import RunFolder

THREE, TWO = decimals(3), decimals(2)
_OF_COMPANION = "LACE"
"""The baseline that was made for death or unplanned readmission, the companion outcome itself."""


def told(form: Form, interval: list[float] | None) -> str:
    """An interval as `evaluation.json` holds it: [value, low, high]."""
    return NOTHING if interval is None else between(form, *interval)


def score_cell(name: str) -> Cell:
    """The name of a score; ours stands out."""
    return Marked(name, "strong") if name == OURS else name


def verdict_on(paired: Sequence[float | None]) -> Marked:
    """Whether a paired difference is better: yes or no where the whole interval is on one side."""
    _, low, high = paired
    if low is None or high is None:
        return Marked("not shown", "missing")
    if low > 0:
        return Marked("yes", "good")
    return Marked("no, worse", "bad") if high < 0 else Marked("not shown", "missing")


def ranking(run: RunFolder) -> list[Block]:
    """The model beside each baseline on the same rows."""
    blocks: list[Block] = [
        Words(
            "How well people are put in order. AUROC is the share of pairs of a case and another "
            "person in which the case stands higher: 0.5 is chance, 1 is perfect. Each difference "
            "is paired: both scores are judged on the same people, drawn again and again; the "
            "model is better where the whole interval of the difference lies above 0."
        ),
        *score_blocks(run, "The model beside the scores that people use without one"),
    ]
    truth = run.evaluation.get("truth") or {}
    if truth:
        blocks.append(Words(
            f"The people are invented, so that their true risk is known on {int(truth['rows']):,} "
            "of the rows. The truth itself, known in advance, would reach the AUROC of the row "
            "“the true risk”: nobody can do better.", note=True,
        ))  # fmt: skip
    return [*blocks, *companion_blocks(run)]


def score_blocks(run: RunFolder, caption: str) -> list[Block]:
    """The table of scores, and for what other outcomes they were made."""
    judged = run.evaluation
    return [score_table(caption, judged), *notes_on(judged["scores"])]


def companion_blocks(run: RunFolder) -> list[Block]:
    """The same scores judged by death or readmission; nothing where no death is told."""
    companion = run.evaluation.get("companion")
    if not companion:
        return []
    others = [name for name in companion["scores"] if not name.startswith(_OF_COMPANION)]
    return [
        Heading("The same scores, where death counts too"),
        Words(
            f"{run.counts.count(companion['events'])} people died or were readmitted "
            f"({base_rate(companion, run.counts)}). Who dies cannot be readmitted: judged by "
            "readmission alone, the dying would look safe."
        ),
        score_table("Judged by death or readmission", companion),
        *notes_on(others, "death or unplanned readmission"),
    ]


def score_table(caption: str, judged: Mapping[str, Any]) -> Table:
    """One row a score of `judged`, an evaluation as `evaluation.json` holds it."""
    truth, within = judged.get("truth") or {}, judged.get("within_period_auroc") or {}
    rows: list[list[Cell]] = []
    for name, metrics in judged["scores"].items():
        paired = judged["better_than"].get(name, {}).get("auroc")
        rows.append([
            score_cell(name), told(THREE, metrics.get("auroc")), told(THREE, metrics.get("auprc")),
            said(THREE, within.get(name)), said(THREE, truth.get(f"expected_auroc.{name}")),
            told(THREE, paired) if paired else "", verdict_on(paired) if paired else "",
        ])  # fmt: skip
    if truth:
        rows.append(["the true risk", NOTHING, NOTHING, NOTHING,
                     said(THREE, truth.get("expected_auroc.latent")), "", ""])  # fmt: skip
    header = ("score", "AUROC (95 %)", "AUPRC (95 %)", "AUROC within periods",
              "AUROC against the truth", "model minus it (95 %)", "better?")  # fmt: skip
    kept = [place for place in range(len(header)) if place != 4 or truth]
    return Table(
        caption, tuple(header[place] for place in kept),
        tuple(tuple(row[place] for place in kept) for row in rows),
        frozenset(range(1, len(kept) - 1)),
    )  # fmt: skip


def calibration(run: RunFolder) -> list[Block]:
    """Whether a risk of 20 % comes true for one in five."""
    ours, truth = run.evaluation["scores"][OURS], run.evaluation.get("truth") or {}
    lines = [
        ("observed : expected", "observed_to_expected", "1",
         "cases seen for each that the risks add up to; above 1 the risks are too low"),
        ("calibration slope", "calibration_slope", "1",
         "below 1 the risks are too bold at both ends, above 1 too timid"),
        ("calibration intercept", "calibration_intercept", "0",
         "what all risks together are off by, in log odds"),
        ("Brier score", "brier", "small", "mean squared error of the risks"),
        ("log loss", "log_loss", "small", "how surprised the risks are by what happened"),
    ]  # fmt: skip
    rows: list[tuple[Cell, ...]] = [
        (what, told(THREE if key in ("brier", "log_loss") else TWO, ours[key]), right, words)
        for what, key, right, words in lines if key in ours
    ]  # fmt: skip
    if truth:
        rows.append(("slope against the true risk", said(TWO, truth.get("slope")), "1",
                     "the same slope, without the chance of who fell ill"))  # fmt: skip
    return [
        Words(
            "Whether the risks are right as numbers: of a hundred people with a risk of 20 %, "
            "twenty should have the outcome."
        ),
        Table("Calibration on the rows that test",
              ("measure", "value (95 %)", "right is", "meaning"), tuple(rows), frozenset((1, 2))),
    ]  # fmt: skip


def list_words(run: RunFolder) -> str:
    """What one list of the test is; see `training.evaluation.evaluate.periods_of`."""
    if run.model.get("kind") == "readmission":
        return "the discharges of one calendar month"
    return "everybody who is asked about on one day"


def share_of_top(line: Mapping[str, Any], part: str, counts: Counts) -> str:
    """A share of a row of `training.evaluation.capacities` with its interval where the run has one;
    of real people NOTHING where it would tell a small group."""
    whole = {"ppv": "called", "sensitivity": "cases"}.get(part)
    if whole is not None and whole in line and counts.small(line["found"], line[whole]):
        return NOTHING
    if counts.hides(line.get("called", 0)):
        return NOTHING
    value, low, high = (line.get(f"{part}{end}") for end in ("", "_low", "_high"))
    if value is None or low is None or high is None:
        return said(per_cent, value)
    return between(per_cent, value, low, high)


def capacities(run: RunFolder) -> list[Block]:
    """What calling from the top of a list finds."""
    found = {(line["score"], line["capacity"]): line for line in run.evaluation["capacities"]}
    scores, sizes = (tuple(dict.fromkeys(key[place] for key in found)) for place in (0, 1))
    lists = {size: max(line["lists"] for (_, s), line in found.items() if s == size)
             for size in sizes}  # fmt: skip
    header = ("score", *(f"{size} (of {lists[size]} lists)" for size in sizes))
    captions = {
        "ppv": "Of those called, so many are cases (PPV)",
        "sensitivity": "Of all cases, so many are among those called (sensitivity)",
        "cost_captured": "Of all cost of the outcome window, so much is theirs",
    }
    tables = []
    for part, caption in captions.items():
        cells = {key: share_of_top(line, part, run.counts) for key, line in found.items()}
        if any(cell != NOTHING for cell in cells.values()):
            rows = tuple(
                (score_cell(score), *(cells.get((score, size), NOTHING) for size in sizes))
                for score in scores
            )
            tables.append(Table(caption, header, rows, frozenset(range(1, len(header)))))
    return [
        Words(
            "Nobody can call everybody. So many are taken from the top of each list of the test. A "
            f"list is {list_words(run)}; all lists that are long enough are counted together: "
            "cases found of all called, and of all cases. In brackets 95 % intervals. By chance, "
            f"{base_rate(run.evaluation, run.counts)} of those called would be cases."
        ),
        *tables,
        *notes_on(map(str, scores)),
    ]


def days(run: RunFolder, judgeable: int | None) -> list[Block]:
    """Each landmark alone; nothing where the run has none."""
    found = run.evaluation.get("by_day") or []
    if not found:
        return []
    rows: list[tuple[Cell, ...]] = []
    for day in found:
        ours = day["scores"][OURS]
        before = day["better_than"].get(AT_DISCHARGE, {}).get("auroc")
        few = judgeable is not None and day["events"] < judgeable
        rows.append((
            str(day["landmark"]), run.counts.count(day["rows"]), run.counts.count(day["events"]),
            told(THREE, ours.get("auroc")), told(THREE, before) if before else "",
            told(TWO, ours.get("observed_to_expected")),
            Marked("too few to judge", "missing") if few else "",
        ))  # fmt: skip
    blocks: list[Block] = [
        Words(
            "The question is asked again on later days, about the days that are left, of whoever "
            "is not back. Each day is judged alone: pooled, a score would look good by knowing "
            "that fewer days are left. “More than at discharge” is the worth of what has become "
            "known since, on the same people."
        ),
        Table(
            "Within each day after discharge",
            ("day", "asked", "cases", "AUROC (95 %)", "more than at discharge (95 %)",
             "observed : expected (95 %)", ""),
            tuple(rows), frozenset(range(6)),
        ),
    ]  # fmt: skip
    counted = run.records("landmarks.csv")
    if counted:
        blocks.append(table_of(
            "Who was asked on each later day, and who was not", counted, run.counts,
            labels={
                "landmark": "day", "known_back": "known to be back",
                "back_unknown": "back, and nobody knew", "not_yet": "discharge not known yet",
            },
        ))  # fmt: skip
    return blocks
