"""The figures at full size: `make evidence`. People of one seed train, people of another test.

Three invented populations: A (100,000) trains the two models, B (100,000, another seed) tests
them, R (500,000) trains the reference, which says how much is attainable from what is visible.
Each expected AUROC counts a row as a case with its true risk as weight, and as a non-case with
the rest, so that luck in the outcomes plays no part.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from data import intake
from data.home import Home
from data.progress import listen, stage
from data.synthesise import synthesise
from data.terminal import say, shown_stage, table
from features.writing import current_histories
from serving.model import RiskModel
from training.evaluate import OURS, Evaluation
from training.examine import examine, examine_by_day
from training.printed import print_days
from training.promotion import promote
from training.tasks import READMISSION
from training.train import train

BASELINE = {"readmission": "LACE", "high-cost": "prior-year cost"}
REFERENCE = "reference"
LEAST_CLOSED = 0.6
SLOPE = (0.9, 1.1)


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

    def train(self, task: str) -> RiskModel:
        """The model of this population, trained as `firstcall train` does, once."""
        folder = self.home.models / task
        if not folder.exists():
            train(self.home, task)
            promote(self.home, task, override="what the figures of the README are told of")
        return RiskModel.load(folder)


def told(task: str, found: Evaluation) -> bool:
    """Print the scores side by side; whether every bar of the task is met."""
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
    return better and closed >= LEAST_CLOSED and SLOPE[0] <= slope <= SLOPE[1]


def main() -> int:
    """Run it whole; what was made before is used again. Exit code 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(".firstcall/evidence"))
    parser.add_argument("--members", type=int, default=100_000, help="of A and B")
    parser.add_argument("--reference", type=int, default=500_000, help="members of R")
    asked = parser.parse_args()
    listen(shown_stage)
    folder = asked.folder.resolve()
    ours = Population(Home(folder / "A"), asked.members, 11, 0)
    test = Population(Home(folder / "B"), asked.members, 12, 36)
    attainable = Population(Home(folder / "R"), asked.reference, 13, 0)
    for population in (ours, test, attainable):
        population.make()
    met = []
    for task in BASELINE:
        references = {REFERENCE: attainable.train(task)}
        model = ours.train(task)
        met.append(told(task, examine(test.home, model, references=references)))
        if model.has_landmarks:
            print_days(
                task, examine_by_day(test.home, model), READMISSION.evaluation.judgeable_events
            )
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
