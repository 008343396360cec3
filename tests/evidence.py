"""The figures at full size: `make evidence`. People of one seed train, people of another test.

Three invented populations: A (100,000) trains the two models, T (200,000, another seed) tests
them, R (500,000) trains the reference, which says how much is attainable from what is visible; of
readmission it is asked at discharge, as the test is.
Each expected AUROC counts a row as a case with its true risk as weight, and as a non-case with
the rest, so that luck in the outcomes plays no part.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from data import intake
from data.home import Home
from data.progress import listen, stage
from data.synthesise import synthesise
from data.terminal import say, shown_stage, table
from features.writing import current_histories
from serving.model import RiskModel
from training.evaluation.evaluate import OURS, Interval
from training.examine import Examined, examine, examine_by_day
from training.printed import print_days
from training.release.promotion import promote
from training.settings.lab_settings import LabSettings
from training.settings.tasks import HIGH_COST, READMISSION, Task
from training.train import train

BASELINE = {"readmission": "LACE", "high-cost": "prior-year cost"}
REFERENCE = "reference"
LEAST_CLOSED = 0.8
SLOPE, SLOPE_IN_GROUP = (0.95, 1.05), (0.9, 1.1)
_ONCE = LabSettings(backtest_cuts=0, curve_points=0, stability_refits=0, plausibility_people=0)
REFERENCES: dict[str, Task] = {
    "readmission": replace(READMISSION, landmark_days=(0,), lab=_ONCE),
    "high-cost": replace(HIGH_COST, lab=_ONCE),
}
"""Nothing is learned a second time of what is only compared with."""


@dataclass(frozen=True)
class Population:
    """One invented population, taken in under a folder of its own."""

    home: Home
    members: int
    seed: int
    replicates: int
    """Looks ahead for the true chance of high cost; 0 where nobody is judged on it."""

    def make(self) -> None:
        """Invent it, take it in and write its histories, unless that was done before."""
        if not (self.home.tables / "current.json").exists():
            with stage(f"Inventing {self.members:,} members (seed {self.seed})"):
                synthesise(
                    self.home.invented, self.members, 4, seed=self.seed, replicates=self.replicates
                )
            intake.take_in(self.home, "canonical", self.home.invented)
        current_histories(self.home)

    def train(self, task: str, settings: Task | None = None) -> RiskModel:
        """The model of this population, trained as `firstcall train` does, once."""
        folder = self.home.models / task
        if not folder.exists():
            train(self.home, task, settings)
            promote(self.home, task, override="what the figures of the README are told of")
        return RiskModel.load(folder)


def told(task: str, examined: Examined) -> bool:
    """Print the scores side by side, the groups and the audit; whether every bar is met."""
    found = examined.evaluation
    names = [*(n for n in found.scores if n not in (OURS, REFERENCE)), OURS, REFERENCE]
    lines: list[tuple[object, ...]] = [
        (name, found.truth[f"expected_auroc.{name}"], found.scores[name]["auroc"],
         found.better_than[name]["auroc"] if name not in (OURS, REFERENCE) else None)
        for name in names
    ]  # fmt: skip
    lines.append(("the true risk itself", found.truth["expected_auroc.latent"], None, None))
    table(
        f"{task}: {found.rows:,} rows of {found.people:,} members, {found.events:,} cases "
        f"({found.base_rate:.1%})",
        ("score", "expected AUROC", "AUROC (95 %)", "ours minus it (95 %)"), lines,
        right=(1, 2, 3),
    )  # fmt: skip
    closed = found.truth[f"closed.{BASELINE[task]}.{REFERENCE}"]
    slope = found.truth["slope"]
    say(
        f"  Ours closes {closed:.0%} of the way from {BASELINE[task]} to the reference.",
        f"  True risk on the logit of ours: slope {slope:.3f}, intercept "
        f"{found.truth['intercept']:.3f}; mean true risk {found.truth['mean_true_risk']:.4f}, "
        f"mean of ours {found.truth['mean_our_risk']:.4f}.",
        "",
    )
    better = all(found.beats(name) for name in names if name not in (OURS, REFERENCE))
    in_groups = _groups_told(examined)
    say(*(f"  {sentence.rstrip('.')}." for sentence in examined.equity.findings), "")
    return (
        better and closed >= LEAST_CLOSED and SLOPE[0] <= slope <= SLOPE[1]
        and all(SLOPE_IN_GROUP[0] <= one <= SLOPE_IN_GROUP[1] for one in in_groups)
    )  # fmt: skip


def _groups_told(examined: Examined) -> list[float]:
    """Print the slope of the true risk within each group with cases enough, and give them."""
    judged = examined.by_group[examined.by_group["judgeable"]]
    lines = [
        (line["grouping"], line["group"], int(line["rows"]), int(line["events"]),
         Interval(*(line[f"observed_to_expected{end}"] for end in ("", "_low", "_high"))),
         Interval(*(line[f"true_slope{end}"] for end in ("", "_low", "_high"))))
        for line in judged.to_dict("records")
    ]  # fmt: skip
    table(
        "by group", ("", "group", "rows", "cases", "observed : expected", "slope of the truth"),
        lines, right=(2, 3, 4, 5),
    )  # fmt: skip
    for name in ("at_same_risk", "shares", "by_label"):
        held = getattr(examined.equity, name)
        if len(held):
            say(name.replace("_", " "), held.to_string(index=False, float_format="%.3f"), "")
    return judged["true_slope"].dropna().tolist()


def main() -> int:
    """Run it whole; what was made before is used again. Exit code 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(".firstcall/evidence"))
    parser.add_argument("--members", type=int, default=100_000, help="of A")
    parser.add_argument("--tested", type=int, default=200_000, help="members of T")
    parser.add_argument("--reference", type=int, default=500_000, help="members of R")
    asked = parser.parse_args()
    listen(shown_stage)
    folder = asked.folder.resolve()
    ours = Population(Home(folder / "A"), asked.members, 11, 0)
    test = Population(Home(folder / "T"), asked.tested, 14, 36)
    attainable = Population(Home(folder / "R"), asked.reference, 13, 0)
    for population in (ours, test, attainable):
        population.make()
    met = []
    for task in BASELINE:
        references = {REFERENCE: attainable.train(task, REFERENCES[task])}
        model = ours.train(task)
        met.append(told(task, examine(test.home, model, references=references)))
        if model.has_landmarks:
            print_days(
                task, examine_by_day(test.home, model), READMISSION.evaluation.judgeable_events
            )
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
