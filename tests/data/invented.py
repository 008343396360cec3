"""One invented population for the tests of its truth and difficulty, judged by plain code.

The labels are worked out here from the canonical files, row by row as DEFINITIONS say, without
the simulator's state and without training.cohorts.outcome.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from data.synthesise import synthesise
from tests.once_a_run import OnceARun

MEMBERS = 24_000
# The rates of the simulation were set while looking at seed 20: another seed judges them.
SEED = 21
LAST = pd.Timestamp("2024-12-31")
DAY = pd.Timedelta(1, "D")
PLANNED_PROCEDURES = {
    "0SRC0J9", "0SR9019", "021009W", "027034Z", "02RF08Z", "0DTN0ZZ", "03CK0ZZ", "0FT44ZZ",
    "0SG00AJ", "0TY00Z0",
}  # fmt: skip
ACUTE_DIAGNOSES = {"I214", "S72001A"}
NO_INDEX = {"F329", "F209", "C3490", "Z5111"}


def expected_auroc(score: np.ndarray, chance: np.ndarray) -> float:
    """AUROC with each row a case by its chance and a non-case by the rest; ties count half."""
    score, chance = np.asarray(score, float), np.asarray(chance, float)
    _, level = np.unique(score, return_inverse=True)
    cases = np.bincount(level, chance)
    others = np.bincount(level, 1.0 - chance)
    below = np.cumsum(others) - others
    return float((cases * (below + 0.5 * others)).sum() / (cases.sum() * others.sum()))


@dataclass(frozen=True)
class Invented:
    directory: Path

    def table(self, name: str) -> pd.DataFrame:
        frame = pq.read_table(self.directory / f"{name}.parquet").to_pandas()
        for column in frame.columns:
            if column.endswith("_on") or column in ("as_of", "since"):
                frame[column] = pd.to_datetime(frame[column])
        return frame

    def final(self, name: str) -> pd.DataFrame:
        """The last version of each fact, the withdrawn ones left out."""
        rows = self.table(name).drop_duplicates().sort_values(["record_id", "known_on"])
        last = rows.groupby("record_id").tail(1)
        return last[~last.reversed]

    @cached_property
    def encounters(self) -> pd.DataFrame:
        return self.final("encounter")

    @cached_property
    def members(self) -> pd.DataFrame:
        return self.final("member").set_index("patient_id")

    @cached_property
    def costs(self) -> pd.DataFrame:
        return self.final("cost")

    @cached_property
    def acute(self) -> pd.DataFrame:
        """Acute stays with principal diagnosis, whether planned, and whether each joins."""
        e = self.encounters
        stays = e[(e.kind == "acute_inpatient") & e.ended_on.notna()]
        stays = stays.sort_values(["patient_id", "started_on", "ended_on"]).copy()
        d = self.final("diagnosis")
        principal = d[d.position == 1].set_index("encounter_id").code
        p = self.final("procedure").set_index("encounter_id").code
        stays["code"] = stays.record_id.map(principal)
        stays["procedure"] = stays.record_id.map(p)
        stays["planned"] = (stays.code == "Z5111") | (
            stays.procedure.isin(PLANNED_PROCEDURES) & ~stays.code.isin(ACUTE_DIAGNOSES)
        )
        before = stays.groupby("patient_id")[["ended_on", "facility_id", "code"]].shift()
        gap = (stays.started_on - before.ended_on).dt.days
        same = stays.facility_id == before.facility_id
        stays["joins"] = ((gap <= 1) & ~same) | ((gap == 0) & same & (stays.code == before.code))
        return stays

    @cached_property
    def index(self) -> pd.DataFrame:
        """One row an index discharge of cms_hwr, with the label and the true risk."""
        a = self.acute
        episodes = a.groupby((~a.joins).cumsum()).agg(
            patient_id=("patient_id", "first"),
            started_on=("started_on", "first"),
            ended_on=("ended_on", "last"),
            encounter_id=("record_id", "last"),
            code=("code", "last"),
            disposition=("disposition", "last"),
            admission_type=("admission_type", "first"),
            planned=("planned", "first"),
        )
        following = episodes.groupby("patient_id")[["started_on", "planned"]].shift(-1)
        days = (following.started_on - episodes.ended_on).dt.days
        episodes["returned"] = (days <= 30) & (following.planned == False)  # noqa: E712
        truth = self.table("truth/discharge")[["encounter_id", "risk", "continued"]]
        episodes = episodes.merge(truth, on="encounter_id")
        episodes = episodes.join(self.members[["birth_on", "death_on"]], on="patient_id")
        never = pd.Timestamp("2200-01-01")
        spans = self.final("coverage").fillna({"end_on": never})
        spans = spans.groupby("patient_id").agg(
            covered_from=("start_on", "max"), covered_to=("end_on", "max")
        )
        episodes = episodes.join(spans, on="patient_id")
        episodes["age"] = (episodes.started_on - episodes.birth_on).dt.days / 365.25
        until = np.minimum(episodes.ended_on + 30 * DAY, episodes.death_on.fillna(never))
        keep = (
            (episodes.age >= 65)
            & (episodes.covered_from <= episodes.started_on - 365 * DAY)
            & (episodes.covered_to >= until)
            & ~episodes.code.isin(NO_INDEX)
            & ~episodes.disposition.isin(["died", "left_against_advice"])
            & (episodes.ended_on <= LAST - 150 * DAY)  # procedures of returns known by then
        )
        return episodes[keep].reset_index(drop=True)

    def count_before(self, events: pd.DataFrame, days: int) -> np.ndarray:
        """How many events each index patient had in the days before the admission."""
        pairs = (
            self.index[["patient_id", "started_on"]]
            .reset_index()
            .merge(events[["patient_id", "started_on"]], on="patient_id", suffixes=("", "_then"))
        )
        ago = (pairs.started_on - pairs.started_on_then).dt.days
        pairs = pairs[(ago > 0) & (ago <= days)]
        return pairs.groupby("index").size().reindex(range(len(self.index)), fill_value=0).values


def invented(once_a_run: OnceARun) -> Invented:
    """The population, made once a run of the tests."""

    def make(folder: Path) -> None:
        synthesise(folder / "population", MEMBERS, seed=SEED, replicates=16)

    return Invented(once_a_run.folder("invented", make) / "population")
