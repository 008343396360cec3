"""May a challenger become champion? Each criterion with its verdict, in words that can be signed.

A challenger is judged on its own test rows, beside the champion on the very same ones. A limit of
calibration is missed where the whole 95 % interval lies beyond it: small tests cannot show that all
is well, and are not asked to. Against the champion it is the other way round: the interval has to
show that the challenger is not worse by more than the margin, because the champion stays where
nothing is shown. What is too good goes by the value itself, because a leak is dearer than an alarm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.evaluate import OURS, Evaluation, Interval, Scored, evaluate
from training.groups import Grouping
from training.list_churn import ListChurn
from training.model_settings import EvaluationSettings, GateSettings
from training.plausibility import Plausibility

CHAMPION_SCORE = "champion"
"""What the champion is called among the scores of an evaluation."""
_SHARE_LEARNED = 0.25
"""A group is to have at least this part of the share among the learned that it has among the
asked."""
_FEWEST_ASKED = 20
"""Rows of a group, under which its share among the learned is chance."""


@dataclass(frozen=True)
class Criterion:
    """One question to the challenger, whether it passed, and why, in a sentence."""

    name: str
    passed: bool
    words: str


@dataclass(frozen=True)
class Verdict:
    """``champion``: the version that was champion when the challenger was judged, "" for none."""

    criteria: tuple[Criterion, ...]
    champion: str

    @property
    def passed(self) -> bool:
        return all(criterion.passed for criterion in self.criteria)

    @property
    def missed(self) -> tuple[str, ...]:
        """The sentences of what it did not pass."""
        return tuple(c.words for c in self.criteria if not c.passed)

    def to_json(self) -> dict[str, Any]:
        """Everything as plain lists and texts."""
        return {
            "passed": self.passed, "champion": self.champion,
            "criteria": [
                {"name": c.name, "passed": c.passed, "words": c.words} for c in self.criteria
            ],
        }  # fmt: skip

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Verdict:
        """The verdict that `to_json` gave. Raises KeyError or TypeError where it gave none such."""
        criteria = (Criterion(c["name"], c["passed"], c["words"]) for c in told["criteria"])
        return cls(tuple(criteria), told["champion"])


@dataclass(frozen=True)
class Group:
    """Some of the people: which test rows are theirs, and their share of the rows learned from."""

    name: str
    rows: NDArray[np.bool_]
    share_learned: float


def verdict_of(
    evaluation: Evaluation,
    scored: Scored,
    groups: Sequence[Group],
    champion: str,
    why_not: str,
    settings: EvaluationSettings,
    gate: GateSettings,
    may_pass: bool = True,
    churn: ListChurn | None = None,
    plausible: Plausibility | None = None,
) -> Verdict:
    """The verdict on a challenger that was judged as `evaluation` on the rows of `scored`.

    `champion` is the version that is champion now, "" for none. It stands among the scores as
    CHAMPION_SCORE, unless `why_not` says why it does not; `may_pass`: it can be done without.
    `churn` and `plausible` are None where they were not looked at: no list can change where no
    champion was asked, and the settings may ask for neither.
    """
    ours = evaluation.scores[OURS]
    compared = not why_not
    return Verdict(
        (
            _beside_champion(evaluation, champion, gate)
            if compared
            else _beside_baseline(evaluation, why_not, may_pass=may_pass),
            _not_too_good(ours["auroc"], gate),
            _within(
                "calibration in total", "observed : expected", ours["observed_to_expected"],
                gate.least_observed, gate.most_observed,
            ),
            _within(
                "calibration slope", "the calibration slope", ours["calibration_slope"],
                gate.least_slope, gate.most_slope,
            ),
            _worst_group(scored, groups, settings, gate, compared=compared),
            _learned_from(groups),
            *([] if churn is None else [_little_churn(churn, champion, gate)]),
            *([] if plausible is None else [_plausible(plausible, gate)]),
        ),
        champion,
    )  # fmt: skip


def _beside_champion(evaluation: Evaluation, champion: str, gate: GateSettings) -> Criterion:
    paired = evaluation.better_than[CHAMPION_SCORE]["auroc"]
    return Criterion(
        "ranking", paired.low >= -gate.auroc_margin,
        f"AUROC minus that of the champion, version {champion}, on the same rows: {paired}; its "
        f"lower bound is to be {-gate.auroc_margin:g} at least",
    )  # fmt: skip


def _beside_baseline(evaluation: Evaluation, why_not: str, *, may_pass: bool) -> Criterion:
    rated = {n: s["auroc"].value for n, s in evaluation.scores.items() if n != OURS}
    if not rated:
        return Criterion("ranking", may_pass, f"{why_not}, and no baseline to compare with")
    best = max(rated, key=lambda other: (rated[other], other))
    paired = evaluation.better_than[best]["auroc"]
    return Criterion(
        "ranking", may_pass and paired.high > 0,
        f"{why_not}: AUROC minus that of the best baseline, {best}: {paired}; its upper "
        "bound is to be above 0",
    )  # fmt: skip


def _not_too_good(auroc: Interval, gate: GateSettings) -> Criterion:
    return Criterion(
        "too good to be true", auroc.value <= gate.most_auroc,
        f"AUROC {auroc}: above {gate.most_auroc:g} it would be more than what is published, and a "
        "reason to look for what leaks from the future",
    )  # fmt: skip


def _within(name: str, what: str, found: Interval, least: float, most: float) -> Criterion:
    return Criterion(
        name, found.low <= most and found.high >= least,
        f"{what} is {found}; its interval is to reach into {least:g} to {most:g}",
    )  # fmt: skip


def _worst_group(
    scored: Scored,
    groups: Sequence[Group],
    settings: EvaluationSettings,
    gate: GateSettings,
    *,
    compared: bool,
) -> Criterion:
    """Calibration, and ranking beside the champion, in each group with cases enough."""
    lacking, missed, judged = [], [], []
    for group in groups:
        part = scored.part(np.flatnonzero(group.rows))
        if part.outcome.sum() < settings.judgeable_events:
            lacking.append(group.name)
            continue
        beside = {n: s for n, s in part.baselines.items() if compared and n == CHAMPION_SCORE}
        bare = replace(part, baselines=beside, truth=None, companion=None, amount=None)
        found = evaluate(bare, settings)
        ratio = found.scores[OURS]["observed_to_expected"]
        judged.append(f"{group.name} {ratio}")
        if ratio.low > gate.most_observed_in_group or ratio.high < gate.least_observed_in_group:
            missed.append(f"observed : expected of {group.name} is {ratio}")
        if compared:
            paired = found.better_than[CHAMPION_SCORE]["auroc"]
            if paired.high < -gate.auroc_margin:
                missed.append(f"AUROC minus the champion's among {group.name} is {paired}")
    limits = f"{gate.least_observed_in_group:g} to {gate.most_observed_in_group:g}"
    words = (
        f"{'; '.join(missed)}; each group's observed : expected is to reach into {limits}, and no "
        "group is to be ordered worse than by the champion"
        if missed
        else f"observed : expected by group: {', '.join(judged)}; to reach into {limits}"
        if judged
        else "no group has cases enough to be judged"
    )
    few = f"; too few cases to judge: {', '.join(lacking)}" if lacking and judged else ""
    return Criterion("worst group", not missed, words + few)


def _learned_from(groups: Sequence[Group]) -> Criterion:
    """Whoever is asked about was learned from."""
    asked = {
        group.name: float(group.rows.mean()) for group in groups
        if group.rows.sum() >= _FEWEST_ASKED
    }  # fmt: skip
    learned = {group.name: group.share_learned for group in groups}
    missing = [n for n, share in asked.items() if learned[n] < _SHARE_LEARNED * share]
    words = ", ".join(f"{n} {learned[n]:.0%} and {asked[n]:.0%}" for n in missing or asked)
    return Criterion(
        "who it learned from", not missing,
        f"of the rows learned from and of those asked about are {words}"
        + ("; it has hardly learned from some of those whom it is asked about" if missing else ""),
    )  # fmt: skip


def _little_churn(churn: ListChurn, champion: str, gate: GateSettings) -> Criterion:
    words = f"of the top {churn.share:.0%} of version {champion}, all would be called again"
    if churn.changed:
        words = (
            f"of the top {churn.share:.0%} of version {champion}, {churn.changed:.0%} would not be "
            f"called any more; learned again from resampled people ({churn.refits} times), that "
            f"version itself would lose {churn.natural:.0%}; it may be {gate.most_churn:g} times "
            "that"
        )
    most = gate.most_churn * churn.natural
    return Criterion("change of the list", churn.changed <= most, words)


def _plausible(found: Plausibility, gate: GateSettings) -> Criterion:
    return Criterion(
        "plausibility", found.share < gate.most_lowered,
        f"{found.words}; it is to be fewer than {gate.most_lowered:.0%}",
    )  # fmt: skip


def groups_of(of_tests: Sequence[Grouping], of_learned: Sequence[Grouping]) -> list[Group]:
    """Each group of the rows that test; both are of `training.groups.groupings_of`, of the rows
    that test and of those that the model was fitted to."""
    return [
        Group(group, asked.of == group,
              float((learned.of == group).mean()) if len(learned.of) else 0.0)
        for asked, learned in zip(of_tests, of_learned, strict=True) for group in asked.groups
    ]  # fmt: skip
