"""What the second implementation says of an invented population, in figures.

    python -m tests.label_oracle                    3,000 people, seed 8
    python -m tests.label_oracle --members 10000

Prints how much was compared and what differs, what the silent points of the definitions would
change, and the planned-readmission rule against what was truly meant.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq

from data.generation import Taken, find_current
from data.home import Home
from data.intake import take_in
from data.synthesise import synthesise
from training.settings.tasks import ReadmissionTask

from .comparison import Compared, readmission_differences
from .facts import NEEDED, patients
from .intent import rule_against_intent
from .pcr import pcr_like
from .readings import FIRST_READINGS, OF_TRAINING
from .readmission import Rules, cms_hwr

CMS_HWR = ReadmissionTask()
PCR_LIKE = replace(CMS_HWR, definition="pcr_like", minimum_age=18, allowed_gap_days=45)
LABELS = ("outcome positive", "outcome negative", "outcome censored")


def say(text: str) -> None:
    sys.stdout.write(text + "\n")


def compared_in_words(compared: Compared) -> str:
    labels = ", ".join(f"{compared.counted[name]:,d} {name.split()[1]}" for name in LABELS)
    episodes = compared.counted["rows of an episode"]
    return f"{episodes:,d} episodes, {labels}; {len(compared.differences)} differences"


def moved_by_silent_points(taken: Taken) -> str:
    """How many labels the readings of `training` change from what was read here first."""
    through = date.fromisoformat(taken.manifest["data_through"])
    rules = Rules(through, taken.manifest["run_out_days"], readings=FIRST_READINGS)
    people = patients({name: taken.read(name) for name in NEEDED}, through).values()
    words = []
    for name, judge, own in (
        ("cms_hwr", cms_hwr, rules),
        ("pcr_like", pcr_like, replace(rules, least_age=18)),
    ):
        first, theirs = (
            {
                stay.id: (stay.index, stay.outcome)
                for patient in people
                for stay in judge(patient, replace(own, readings=readings)).values()
            }
            for readings in (FIRST_READINGS, OF_TRAINING)
        )
        moved = sum(first[stay] != theirs[stay] for stay in first)
        words.append(f"{name} {moved:,d} of {len(first):,d} stays")
    return "; ".join(words)


def main() -> None:
    asked = argparse.ArgumentParser(prog="python -m tests.label_oracle")
    asked.add_argument("--members", type=int, default=3000)
    asked.add_argument("--seed", type=int, default=8)
    arguments = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home")
        synthesise(home.invented, arguments.members, years=4, seed=arguments.seed, replicates=0)
        take_in(home, "canonical", home.invented)
        taken = find_current(home)
        assert taken is not None
        tables = {name: taken.read(name) for name in taken.tables}
        for task in (CMS_HWR, PCR_LIKE):
            compared = readmission_differences(tables, taken.manifest, task)
            say(f"{task.definition}: {compared_in_words(compared)}")
            for difference in compared.differences[:20]:
                say(f"  {difference}")
        say(f"silent points, read otherwise, move: {moved_by_silent_points(taken)}")
        truth = pq.read_table(home.invented / "truth" / "discharge.parquet")
        intent = rule_against_intent(tables, taken.manifest, truth)
        for name, counted in (
            ("all acute stays", intent.all_stays),
            ("those discharged a run-out before the end of the data", intent.seasoned),
            ("admissions that decide an outcome of cms_hwr", intent.deciding),
        ):
            say(f"\nplanned rule against true intent, {name} ({counted.total():,d}):")
            say("\n".join(intent.table(counted)))


if __name__ == "__main__":
    main()
