"""May a challenger become champion? Each criterion with its verdict, in words that can be signed.

A challenger is judged on its own test rows, beside the champion on the very same ones. Under a
least number of cases nothing is decided: intervals are then so wide that noise passes as well. A
limit of calibration is missed where the figure lies beyond it and is shown to be off, its 95 %
interval leaving out what is right. Against the champion it
is the other way round: the interval has to show that the challenger is not worse by more than the
margin, because the champion stays where nothing is shown; and where it is shown to be worse, by
however little, it does not pass either, so that many small steps do not lead down. Nobody passes
who is worse than a baseline that is known of cases enough. What is too good goes by the value
itself, because a leak is dearer than an alarm. What cannot be told of these people is "not judged",
which is no pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.cohorts.groups import Grouping
from training.evaluation.evaluate import OURS, Evaluation, Interval, Scored
from training.evaluation.intervals import paired_auroc
from training.robustness.list_churn import ListChurn
from training.robustness.plausibility import Plausibility
from training.settings.model_settings import EvaluationSettings, GateSettings
from training.statistics.called import top_of

CHAMPION_SCORE = "champion"
"""What the champion is called among the scores of an evaluation."""


@dataclass(frozen=True)
class Criterion:
    """One question to the challenger, whether it passed, and why, in a sentence. What was not
    `judged` stands in nobody's way, and nobody may say that it was passed."""

    name: str
    passed: bool
    words: str
    judged: bool = True

    @property
    def verdict(self) -> str:
        """In a word or two."""
        return "not judged" if not self.judged else "passed" if self.passed else "MISSED"


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
                {"name": c.name, "passed": c.passed, "words": c.words, "judged": c.judged}
                for c in self.criteria
            ],
        }  # fmt: skip

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Verdict:
        """The verdict that `to_json` gave. Raises KeyError or TypeError where it gave none such."""
        criteria = tuple(
            Criterion(c["name"], c["passed"], c["words"], c.get("judged", True))
            for c in told["criteria"]
        )
        for c in criteria:
            if (type(c.name), type(c.passed), type(c.words), type(c.judged)) != (
                str, bool, str, bool
            ):  # fmt: skip
                raise TypeError("a criterion is of another form")
        if not criteria:
            raise TypeError("a verdict has criteria")
        return cls(criteria, told["champion"])


@dataclass(frozen=True)
class Group:
    """Some of the people: which test rows are theirs, and their share of the rows learned from."""

    grouping: str
    name: str
    rows: NDArray[np.bool_]
    share_learned: float


@dataclass(frozen=True)
class Calibration:
    """What calibration is judged by: the ``evaluation`` of some test rows, their figures by group
    (``by_group``, see `training.evaluation.subgroups.subgroups`), and in words which of the rows
    they are."""

    evaluation: Evaluation
    by_group: pd.DataFrame
    of_whom: str = ""


def verdict_of(
    evaluation: Evaluation,
    calibration: Calibration,
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
    ours, fit = evaluation.scores[OURS], calibration.evaluation.scores[OURS]
    compared = not why_not
    enough = calibration.evaluation.events >= gate.least_cases
    return Verdict(
        (
            _enough(evaluation.events, gate),
            *([_beside_champion(evaluation, calibration, champion, gate)] if compared else []),
            _beside_baselines(
                evaluation, scored, why_not, gate, may_pass=may_pass,
                to_show=bool(champion) and not compared,
            ),
            _not_too_good(ours["auroc"], evaluation.events, gate),
            _within(
                "calibration in total", f"observed : expected{calibration.of_whom}",
                fit["observed_to_expected"], gate.least_observed, gate.most_observed, enough,
            ),
            _within(
                "calibration slope", f"the calibration slope{calibration.of_whom}",
                fit["calibration_slope"], gate.least_slope, gate.most_slope, enough,
            ),
            _worst_group(calibration, gate),
            *([_ordered_groups(scored, groups, settings, gate)] if compared else []),
            _learned_from(groups, gate),
            *([] if churn is None else [_little_churn(churn, champion, gate)]),
            *([] if plausible is None else [_plausible(plausible, gate)]),
        ),
        champion,
    )  # fmt: skip


def _enough(events: int, gate: GateSettings) -> Criterion:
    return Criterion(
        "cases enough", events >= gate.least_cases,
        f"{events:,} cases test, and {gate.least_cases} are needed"
        + ("" if events >= gate.least_cases else
           ": nothing is decided, because noise could pass as well; wait for more months, or take "
           "in more people"),
    )  # fmt: skip


def _beside_champion(
    evaluation: Evaluation, calibration: Calibration, champion: str, gate: GateSettings
) -> Criterion:
    paired = evaluation.better_than[CHAMPION_SCORE]["auroc"]
    return Criterion(
        "beside the champion", paired.low >= -gate.auroc_margin and paired.high >= 0,
        f"AUROC minus that of version {champion} on the same rows: {paired}; its lower bound is to "
        f"be {-gate.auroc_margin:g} at least, and its upper bound not below 0"
        + ("; both are held against outcomes that help has changed, which a model of the risk "
           "without help does not tell" if calibration.of_whom else ""),
    )  # fmt: skip


def _beside_baselines(
    evaluation: Evaluation,
    scored: Scored,
    why_not: str,
    gate: GateSettings,
    *,
    may_pass: bool,
    to_show: bool,
) -> Criterion:
    """Not shown to be worse than any baseline; `to_show`: shown to be better than each. Baselines
    are known on rows of their own (HOSPITAL where its items are), so that their own AUROCs do not
    tell which of them is hardest to beat; one that is known on too few cases is not asked."""
    name, before = "beside the baselines", f"{why_not}: " if why_not else ""
    bounds, few = {}, []
    for other in evaluation.scores:
        if other in (OURS, CHAMPION_SCORE):
            continue
        if scored.outcome[np.isfinite(scored.baselines[other])].sum() < gate.least_cases:
            few.append(other)
            continue
        paired = evaluation.better_than[other]["auroc"]
        bounds[other] = paired.low if to_show else paired.high
    unknown = f"; known on too few cases to judge by: {', '.join(few)}" if few else ""
    if not bounds:
        return Criterion(
            name, may_pass and not to_show,
            f"{before}there is no baseline to compare with{unknown}",
            judged=not may_pass or to_show,
        )  # fmt: skip
    nearest = min(bounds, key=lambda other: (bounds[other], other))
    return Criterion(
        name, may_pass and bounds[nearest] > 0,
        f"{before}AUROC minus that of {nearest}, the nearest of {_many(len(bounds))}: "
        f"{evaluation.better_than[nearest]['auroc']}; its {'lower' if to_show else 'upper'} bound "
        f"is to be above 0{unknown}",
    )  # fmt: skip


def _many(baselines: int) -> str:
    return "one baseline" if baselines == 1 else f"{baselines} baselines"


def _not_too_good(auroc: Interval, events: int, gate: GateSettings) -> Criterion:
    name = "too good to be true"
    if events < gate.least_cases:
        return Criterion(name, passed=True, words="too few cases to tell", judged=False)
    return Criterion(
        name, auroc.value <= gate.most_auroc,
        f"AUROC {auroc}: above {gate.most_auroc:g} it would be a reason to look for what leaks "
        "from the future",
    )  # fmt: skip


def _within(
    name: str, what: str, found: Interval, least: float, most: float, enough: bool
) -> Criterion:
    off = _is_off(found, least, most)
    return Criterion(
        name, not off,
        f"{what} is {found}; it is to lie within {least:g} to {most:g}, or its interval to hold 1"
        + ("" if enough or off else ": too few cases to tell"),
        judged=enough or off,
    )  # fmt: skip


def _is_off(found: Interval, least: float, most: float) -> bool:
    """Whether what is right where it is 1 lies beyond its limits, and not by chance."""
    return not (least <= found.value <= most or found.low <= 1 <= found.high)


def _worst_group(calibration: Calibration, gate: GateSettings) -> Criterion:
    """Calibration in each group with cases enough."""
    name, table = "worst group", calibration.by_group
    least, most = gate.least_observed_in_group, gate.most_observed_in_group
    limits = f"{least:g} to {most:g}"
    lacking, missed, judged = [], [], []
    for line in table.to_dict("records"):
        if not line["judgeable"]:
            lacking.append(line["group"])
            continue
        ratio = Interval(*(line[f"observed_to_expected{end}"] for end in ("", "_low", "_high")))
        judged.append(f"{line['group']} {ratio}")
        if _is_off(ratio, least, most):
            missed.append(f"observed : expected of {line['group']} is {ratio}")
    if not judged:
        return Criterion(name, True, "no group has cases enough to be judged", judged=False)
    words = (
        f"{'; '.join(missed)}; each group's observed : expected is to lie within {limits}, or its "
        "interval to hold 1"
        if missed
        else f"observed : expected by group{calibration.of_whom}: {', '.join(judged)}; to lie "
        f"within {limits}, or the interval to hold 1"
    )
    few = f"; too few cases to judge: {', '.join(lacking)}" if lacking else ""
    return Criterion(name, not missed, words + few)


def _ordered_groups(
    scored: Scored, groups: Sequence[Group], settings: EvaluationSettings, gate: GateSettings
) -> Criterion:
    """Ranking beside the champion in each group with cases enough."""
    name, missed, judged = "ranking by group", [], []
    for group in groups:
        part = scored.part(np.flatnonzero(group.rows))
        if part.outcome.sum() < settings.judgeable_events:
            continue
        paired = paired_auroc(part, part.baselines[CHAMPION_SCORE], settings)
        judged.append(f"{group.name} {paired}")
        if paired.high < -gate.auroc_margin:
            missed.append(f"{group.name} {paired}")
    if not judged:
        return Criterion(name, True, "no group has cases enough to be judged", judged=False)
    return Criterion(
        name, not missed,
        f"AUROC minus the champion's among {', '.join(missed or judged)}; the upper bound of each "
        f"is to be {-gate.auroc_margin:g} at least",
    )  # fmt: skip


def _learned_from(groups: Sequence[Group], gate: GateSettings) -> Criterion:
    """Whoever is asked about was learned from."""
    asked = {
        group.name: float(group.rows.mean()) for group in groups
        if group.rows.sum() >= gate.fewest_asked
    }  # fmt: skip
    learned = {group.name: group.share_learned for group in groups}
    missing = [n for n, share in asked.items() if learned[n] < gate.least_learned * share]
    words = ", ".join(f"{n} {learned[n]:.0%} and {asked[n]:.0%}" for n in missing or asked)
    return Criterion(
        "who it learned from", not missing,
        f"of the rows learned from and of those asked about are {words}"
        + ("; it has hardly learned from some of those whom it is asked about" if missing else ""),
    )  # fmt: skip


def _little_churn(churn: ListChurn, champion: str, gate: GateSettings) -> Criterion:
    top = f"of the {top_of(churn.share)} of version {champion}"
    words = f"{top}, all would be called again"
    if churn.changed:
        words = (
            f"{top}, {churn.changed:.0%} would not be called any more; learned again from "
            f"resampled people ({churn.refits} times), that version itself would lose "
            f"{churn.natural:.0%}; it may be {gate.most_churn:g} times that"
        )
    if churn.changed and churn.called < gate.fewest_called:
        words += f"; {churn.called} called are too few to judge by"
        return Criterion("change of the list", True, words, judged=False)
    most = gate.most_churn * churn.natural
    return Criterion("change of the list", churn.changed <= most, words)


def _plausible(found: Plausibility, gate: GateSettings) -> Criterion:
    return Criterion(
        "plausibility", found.share < gate.most_lowered,
        f"{found.words}; it is to be fewer than {gate.most_lowered:.0%}",
    )  # fmt: skip


def groups_of(of_tests: Sequence[Grouping], of_learned: Sequence[Grouping]) -> list[Group]:
    """Each group of the rows that test; both are of `training.cohorts.groups.groupings_of`, of the
    rows that test and of those that the model was fitted to."""
    return [
        Group(asked.name, group, asked.of == group,
              float((learned.of == group).mean()) if len(learned.of) else 0.0)
        for asked, learned in zip(of_tests, of_learned, strict=True) for group in asked.groups
    ]  # fmt: skip
