"""The first page of a report: what is predicted, of whom, how good it is, and may it be used."""

from __future__ import annotations

from typing import Any

from training.evaluation.evaluate import OURS
from training.report.baseline_notes import notes_on
from training.report.document import Block, Cell, Figures, Heading, Marked, Points, Table, Words
from training.report.figure_words import NOTHING, base_rate, between, decimals, said
from training.report.model_facts import asked_again, source_words
from training.report.recalibrated import test_from, words
from training.report.result import THREE, TWO, list_words, share_of_top, told, verdict_on
from training.report.run_folder import RunFolder
from training.statistics.called import nearest_to_called, share_of

_NOT_REAL = (
    "How good the model is of them says nothing of how good it is of real people, and it refuses "
    "to score real people unless it is told to."
)
ORIGINS = {
    "invented": f"The people are invented. {_NOT_REAL}",
    "public_synthetic": f"The people are those of a public synthetic data set. {_NOT_REAL}",
}
"""What is to be said first of a model by the origin of its data; nothing of real people."""


def summary(run: RunFolder, judgeable: int | None) -> list[Block]:
    """In words; nothing is said that a later section does not show."""
    judged, ours = run.evaluation, run.evaluation["scores"][OURS]
    gate, count = run.told("gate.json"), run.counts.count
    figures = [
        *_figure("AUROC", ours.get("auroc"), "0.5 is chance, 1 is perfect"),
        *_figure("observed : expected cases", ours.get("observed_to_expected"), "1 is right"),
        (f"{count(judged['events'])} of {count(judged['rows'])}",
         f"questions of the test have the outcome ({base_rate(judged, run.counts)})"),
    ]  # fmt: skip
    if gate:
        figures.append(("passed" if gate["passed"] else "not passed",
                        "the gate: may it take the champion's place?"))  # fmt: skip
    blocks: list[Block] = [Figures(tuple(figures))]
    warnings: list[Cell] = []
    if origin := ORIGINS.get(str(run.model["origin"])):
        warnings.append(Marked(origin, "bad"))
    if judgeable is not None and judged["events"] < judgeable:
        warnings.append(Marked(
            f"Too few cases test the model to judge it: {count(judged['events'])}, and {judgeable} "
            "are wanted. Read the intervals, not the values.", "bad",
        ))  # fmt: skip
    if warnings:
        blocks.append(Points(tuple(warnings)))
    blocks += [
        Heading("What is predicted, and of whom"),
        *map(Words, _what_and_whom(run)),
        Heading("How good is it?"),
        Points(tuple(_how_good(run))),
        *_beside(run),
        Words(
            "A score orders outreach. It never denies care, coverage or price, and it does not say "
            "what would help: reasons are associations."
        ),
    ]
    return blocks


def _figure(name: str, interval: list[float] | None, right: str) -> list[tuple[str, str]]:
    """A figure, and under it its name, its interval and how to read it."""
    if interval is None:
        return []
    value, low, high = (said(TWO, part) for part in interval)
    return [(value, f"{name}, 95 % interval {low} to {high}; {right}")]


def verdict(run: RunFolder) -> list[Block]:
    """The gate, criterion by criterion; nothing where the run has no verdict."""
    gate: Any = run.told("gate.json")
    if not gate:
        return []
    missed = [criterion for criterion in gate["criteria"] if not criterion["passed"]]
    before = gate.get("champion")
    passed = (
        "It passed the gate, and may be made champion."
        if gate["passed"]
        else f"It did not pass the gate: {len(missed)} of {len(gate['criteria'])} criteria are "
        "missed. It may still be made champion by somebody who gives a reason, which is kept."
    )
    rows: list[tuple[Cell, ...]] = [
        (c["name"], "not judged" if not c.get("judged", True) else Marked("passed", "good")
         if c["passed"] else Marked("MISSED", "bad"), c["words"])
        for c in gate["criteria"]
    ]  # fmt: skip
    beside = (
        f"It was judged beside version {before}, the champion of that day."
        if before
        else "There was no champion to judge it beside."
    )
    return [
        Words(f"{passed} {beside}"),
        Words(
            "A limit of calibration is missed where the figure lies beyond it and its 95 % "
            "interval leaves out 1: a small test cannot show that all is well, and is not asked "
            "to.",
            note=True,
        ),
        Table("", ("criterion", "verdict", "why"), tuple(rows)),
    ]  # fmt: skip


def _what_and_whom(run: RunFolder) -> list[str]:
    model, count = run.model, run.counts.count
    trained = model["trained_on"]
    asked = {
        "readmission": "It is asked of people who have left hospital, at discharge and on later "
        "days, of whoever is not back.",
        "high-cost": "It is asked of members about their next year"
        + (", on 31 December." if model["asked_on"] == "31 December" else ", on any day."),
    }.get(str(model.get("kind")), "It is asked of members, on any day.")
    age = trained.get("minimum_age")
    about = f" aged {age} or more" if age else ""
    learned = ""
    if "rows" in trained:
        learned = (
            f" It learned from {count(trained['rows'])} questions about {count(trained['people'])} "
            f"people{about}, {count(trained['cases'])} of them with the outcome, asked from "
            f"{trained['first_as_of']} to {trained['last_as_of']}{asked_again(run)}."
        )
    if recalibrated := words(run):
        learned += f" It was {recalibrated}."
    tested = (
        f"It was tested on {count(run.evaluation['rows'])} questions about "
        f"{count(run.evaluation['people'])} people"
    )
    if first := test_from(run):
        tested += f" from {first} on, a time that it learned nothing of"
    return [
        f"The model says how likely this is: {model['label']}. {asked}",
        f"The data reach until {model['data_through']} (source: {source_words(run)}; origin: "
        f"{str(model['origin']).replace('_', ' ')}).{learned} {tested}.",
    ]


def _how_good(run: RunFolder) -> list[str]:
    ours = run.evaluation["scores"][OURS]
    told_of = []
    if "auroc" in ours:
        pairs = between(decimals(0), *(100 * part for part in ours["auroc"]))
        told_of.append(
            "Ranking: of a hundred pairs of a case and another person, it puts the case higher in "
            f"{pairs}; by chance it would be 50."
        )
    if "observed_to_expected" in ours:
        value, low, high = ours["observed_to_expected"]
        how = "the interval holds 1, so that they may be right in total"
        if not low <= 1 <= high:
            how = f"its risks are too {'low' if value > 1 else 'high'} in total"
        told_of.append(
            "Calibration: for each case that the risks add up to, "
            f"{between(TWO, value, low, high)} were seen; {how}."
        )
    return [*told_of, *_use(run)]


def _use(run: RunFolder) -> list[str]:
    """What calling from the top of each list finds, beside chance and the best of the other scores;
    of the shares that were asked about, one is told."""
    judged, counts = run.evaluation, run.counts
    by_share = [(share_of(str(line["capacity"])), line) for line in judged["capacities"]]
    told_of = nearest_to_called(share for share, _ in by_share if share is not None)
    if told_of is None:
        return []
    lines = {str(line["score"]): line for share, line in by_share if share == told_of}
    ours = lines.pop(OURS, None)
    cases = NOTHING if ours is None else share_of_top(ours, "ppv", counts)
    if ours is None or cases == NOTHING:
        return []
    use = (
        f"Use: of the {100 * told_of:g} % called first of each list ({list_words(run)}), {cases} "
        f"are cases, beside {base_rate(judged, counts)} by chance"
    )
    others = {
        name: line for name, line in lines.items() if share_of_top(line, "ppv", counts) != NOTHING
    }
    best = max(others, key=lambda name: others[name]["ppv"], default=None)
    if best is not None:
        use += (
            f" and {share_of_top(others[best], 'ppv', counts)} by {best}, the best of the other "
            "scores there"
        )
    found = share_of_top(ours, "sensitivity", counts)
    if found == NOTHING:
        return [f"{use}."]
    return [f"{use}; {found} of all cases are among them."]


def _beside(run: RunFolder) -> list[Block]:
    rows: list[tuple[Cell, ...]] = [
        (name, told(THREE, metrics["auroc"]), verdict_on(metrics["auroc"]))
        for name, metrics in run.evaluation["better_than"].items() if "auroc" in metrics
    ]  # fmt: skip
    if not rows:
        return []
    table = Table(
        "Beside the scores that people use without a model, on the same people",
        ("score", "the model's AUROC minus its (95 %)", "is the model better?"), tuple(rows),
        frozenset((1,)),
    )  # fmt: skip
    notes = notes_on(run.evaluation["scores"])
    if all(str(better) != "not shown" for *_, better in rows):
        return [table, *notes]
    return [
        table, *notes,
        Words(
            "“Not shown” is no “equal”: the interval of the difference holds 0, so that this test "
            "cannot tell.", note=True,
        ),
    ]  # fmt: skip
