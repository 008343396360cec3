"""The known limits of a model: what its run shows, or any model of its kind has, one sentence
each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.evaluation.evaluate import OURS
from training.report.document import Cell, Marked
from training.report.figure_words import base_rate, between
from training.report.result import THREE, told
from training.report.run_folder import RunFolder
from training.report.summary import ORIGINS

CMS, PCR = "cms_hwr", "pcr_like"
_OF_LABEL = {
    CMS: "The outcome follows a published definition on claims (CMS's hospital-wide readmission, "
    "by AHRQ's map of diagnoses and not CMS's own): planned returns do not count, deaths do not "
    "count (they are told apart), and stays that the data do not hold are not seen.",
    PCR: "The outcome is made after the idea of NCQA's Plan All-Cause Readmissions, and is not "
    "that measure, which is licensed: none of its value sets is used, and its rates cannot be set "
    "beside published ones. Stays that the data do not hold are not seen.",
    "high-cost": "Cost is not need: past and future cost reflect access to care, and people who "
    "get too little care look cheap.",
    "encounter": "The outcome is an encounter as the source reports it: who cannot get there has "
    "none.",
}  # fmt: skip
_NO_PEOPLE = ("joined with another stay", "not discharged", "outcome not known yet")
"""How rules begin that take out rows of people who are looked at otherwise, or later."""
_RIGHT = {
    "observed_to_expected": ("observed : expected", 1.0),
    "calibration_slope": ("calibration slope", 1.0),
    "calibration_intercept": ("calibration intercept", 0.0),
    "true_slope": ("slope against the true risk", 1.0),
}
"""A figure of calibration → its words, and what is right."""


def limits_of(run: RunFolder) -> tuple[Cell, ...]:
    """Each limit of the model of a run."""
    model, count = run.model, run.counts.count
    found: list[Cell] = []
    if origin := ORIGINS.get(str(model["origin"])):
        found.append(Marked(origin, "bad"))
    if age := model["trained_on"].get("minimum_age"):
        found.append(f"It learned of nobody under {age}: scores of younger people carry a warning.")
    found += [
        *_excluded(run),
        _OF_LABEL[_label_of(run)],
        "Reasons are associations: they say what the score hangs on, and not what would help.",
        "It was tested on other people of the source that it was trained on, at a later time, and "
        "on no other site; what is validated elsewhere stands above.",
        "It predicts under usual practice. Whether calling people changes anything is another "
        "question, and whoever is called because of a high score falls back by himself "
        "(regression to the mean).",
        *_off(run),
    ]
    unproven = [name for name, metrics in run.evaluation["better_than"].items()
                if "auroc" in metrics and not metrics["auroc"][1] > 0]  # fmt: skip
    if unproven:
        found.append(Marked(f"Not shown to be better than {', '.join(unproven)}.", "bad"))
    few = [_group(row) for row in run.records("subgroups.csv") or []
           if row.get("judgeable") is False]  # fmt: skip
    if few:
        found.append(f"Too few cases to judge it among {', '.join(few)}.")
    judged = run.evaluation
    found.append(
        f"{count(judged['events'])} cases among {count(judged['rows'])} questions "
        f"({base_rate(judged, run.counts)}) tested it: the intervals say how much that is."
    )
    return tuple(found)


def _label_of(run: RunFolder) -> str:
    kind = str(run.model.get("kind"))
    if kind == "readmission":
        return PCR if PCR in str(run.model["label"]) else CMS
    return kind if kind in _OF_LABEL else "encounter"


def _excluded(run: RunFolder) -> list[Cell]:
    """Whom the rules of the cohort took out, and whom they could not tell."""
    rules = (run.records("attrition.csv") or [])[1:]
    took = [str(line["rule"]) for line in rules
            if line["evaluable"] and line["rows_removed"]
            and not str(line["rule"]).startswith(_NO_PEOPLE)]  # fmt: skip
    untold = [str(line["rule"]) for line in rules if not line["evaluable"]]
    found: list[Cell] = []
    if took:
        found.append(f"Neither learned from nor tested: {'; '.join(took)}. Who lives of them is "
                     "asked about by night all the same, with a warning.")  # fmt: skip
    if untold:
        found.append(f"Not told by the source, so that they are among the others: "
                     f"{'; '.join(untold)}.")  # fmt: skip
    return found


def _off(run: RunFolder) -> list[Cell]:
    """Each figure of calibration whose 95 % interval does not hold what is right: in total, and by
    group."""
    ours = run.evaluation["scores"][OURS]
    found: list[Cell] = [
        Marked(f"Its risks do not fit those who tested it: {words} is {told(THREE, ours[name])}, "
               f"and {right:.0f} is right.", "bad")
        for name, (words, right) in _RIGHT.items() if _beside(ours.get(name), right)
    ]  # fmt: skip
    looked_at = 0
    off = []
    for row in run.records("subgroups.csv") or []:
        for name, (words, right) in _RIGHT.items():
            interval = _interval(row, name)
            looked_at += interval is not None
            if _beside(interval, right):
                assert interval is not None
                off.append(f"{words} of {_group(row)} {between(THREE, *interval)}")
    if off:
        found.append(Marked(
            f"By group its risks do not fit: {'; '.join(off)} (1 is right; of {looked_at} such "
            "intervals one in twenty leaves out 1 by chance alone).", "bad",
        ))  # fmt: skip
    return found


def _interval(row: Mapping[str, Any], name: str) -> list[float] | None:
    values = [row.get(f"{name}{end}") for end in ("", "_low", "_high")]
    if row.get("judgeable") is not True or not all(isinstance(v, int | float) for v in values):
        return None
    return [float(v) for v in values if v is not None]


def _beside(interval: list[float] | None, right: float) -> bool:
    return interval is not None and not interval[1] <= right <= interval[2]


def _group(row: Mapping[str, Any]) -> str:
    return f"{row.get('grouping')}: {row.get('group')}"
