"""The figures at full size: `make evidence`. People of one seed train, people of another test.

Three invented populations: A (100,000) trains the two models, B (100,000, another seed) tests
them, R (500,000) trains the reference, which says how much is attainable from what is visible.
Each AUROC is the expected one: a row counts as a case with its true risk as weight, and as a
non-case with the rest, so that luck in the outcomes plays no part.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from data import intake
from data.home import Home
from data.progress import listen, stage
from data.synthesise import synthesise
from data.terminal import say, shown_stage, table
from features.history import Histories, current_histories
from serving.model import RiskModel
from training.evaluate import OURS, evaluate
from training.matrix import build
from training.tasks import Task, task_called
from training.train import cohort_of, scored_by, train

TASKS = ("readmission", "high-cost")
BASELINE = {"readmission": "LACE", "high-cost": "prior-year cost"}
LATENT, REFERENCE = "true risk", "reference (500,000 members)"


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
        return RiskModel.load(folder)


def judge(task: str, ours: RiskModel, reference: RiskModel, people: Population) -> float:
    """Print how each score orders the people, and return the share of the way that ours goes
    from the baseline to the reference."""
    settings: Task = task_called(task)
    taken = intake.current(people.home)
    histories = Histories.open(people.home.histories)
    threshold = ours.metadata["threshold_cents"]
    cohort = cohort_of(taken.tables, taken.manifest, settings, threshold)
    rows = cohort.rows
    if task == "high-cost":
        rows = rows[rows["as_of"].isin(_half_years(rows["as_of"].to_numpy()))]
    matrix = build(histories, rows.reset_index(drop=True))
    truth = people.home.invented / "truth"
    carries = frozenset(taken.manifest["carries"])
    scored = scored_by(ours, matrix, histories, truth, settings, carries)
    attainable = reference.margin(matrix.X)
    beside = {**scored.baselines, REFERENCE: attainable}
    result = evaluate(replace(scored, baselines=beside), settings.evaluation)
    names = [*scored.baselines, OURS, REFERENCE]
    lines: list[tuple[object, ...]] = [
        (name, result.truth[f"expected_auroc.{name}"], result.scores[name]["auroc"],
         result.better_than[name]["auroc"] if name in scored.baselines else None)
        for name in names
    ]  # fmt: skip
    lines.append((LATENT, result.truth["expected_auroc.latent"], None, None))
    table(
        f"{task}: {result.rows:,} rows of {result.people:,} members, {result.events:,} cases "
        f"({result.base_rate:.1%})",
        ("score", "expected AUROC", "AUROC (95 %)", "ours minus it (95 %)"), lines,
        right=(1, 2, 3),
    )  # fmt: skip
    expected = {name: result.truth[f"expected_auroc.{name}"] for name in names}
    floor = expected[BASELINE[task]]
    share = (expected[OURS] - floor) / (expected[REFERENCE] - floor)
    say(
        f"  Ours closes {share:.0%} of the way from {BASELINE[task]} to the reference.",
        f"  True risk on the logit of ours: slope {result.truth['slope']:.3f}, intercept "
        f"{result.truth['intercept']:.3f}; mean true risk {result.truth['mean_true_risk']:.4f}, "
        f"mean of ours {result.truth['mean_our_risk']:.4f}.",
        "",
    )
    return share


def _half_years(days: np.ndarray) -> np.ndarray:
    """Of the as-of days, those that end a half year: the true chances are known on these."""
    dates = np.unique(days).astype("datetime64[D]")
    ends = (dates + 1).astype("datetime64[M]").astype(np.int64) % 6 == 0
    return dates[ends].astype(np.int64)


def main() -> int:
    """Run it whole; what was made before is used again."""
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
    shares = [judge(t, ours.train(t), attainable.train(t), test) for t in TASKS]
    return 0 if min(shares) >= 0.6 else 1


if __name__ == "__main__":
    sys.exit(main())
