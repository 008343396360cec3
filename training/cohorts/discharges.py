"""What the rules of a readmission cohort look at: discharges, cover, hospice care, what is known.

Final facts decide here, as they were known on data_through; features never see them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.window import completed_years
from training.cohorts.attrition import Attrition
from training.cohorts.enrolment import Enrolment
from training.cohorts.facts import Source, final_facts

NOT_DISCHARGED = "not discharged as far as the data tell"
ALREADY_BACK = "back, or past the window, when the discharge became known"


@dataclass(frozen=True)
class Cover:
    """Who was covered, by Medicare, by a payer that is not named, and in hospice care, when."""

    any: Enrolment
    medicare: Enrolment
    payer_unknown: Enrolment
    hospice: Enrolment
    payer_named: bool
    hospice_told: bool

    @classmethod
    def of(
        cls,
        tables: Mapping[str, Source],
        through: int,
        patients: pd.Index,
        stays: pd.DataFrame,
        carries: frozenset[str],
    ) -> Cover:
        """From final coverage rows, hospice encounters and stays that ended in hospice care."""
        spans = final_facts(tables["coverage"], ["start_on", "end_on", "payer"], through)
        payer = spans["payer"]
        care = final_facts(
            tables["encounter"], ["kind", "started_on", "ended_on"], through,
            pc.field("kind") == "hospice",
        )  # fmt: skip
        care = care.rename(columns={"started_on": "start_on", "ended_on": "end_on"})
        sent = stays.loc[
            (stays["disposition"] == "hospice") & stays["discharged_on"].notna(),
            ["patient_id", "discharged_on"],
        ]
        sent = sent.assign(start_on=sent["discharged_on"], end_on=sent["discharged_on"])
        columns = ["patient_id", "start_on", "end_on"]
        parts = [part[columns] for part in (care, sent) if len(part)]
        return cls(
            any=Enrolment.of_spans(spans, patients),
            medicare=Enrolment.of_spans(spans[payer == "medicare"], patients),
            payer_unknown=Enrolment.of_spans(spans[payer.isna()], patients),
            hospice=Enrolment.of_spans(pd.concat(parts) if parts else care[columns], patients),
            payer_named=bool(payer.notna().any()),
            hospice_told=bool(len(care)) or "disposition" in carries,
        )


@dataclass(frozen=True)
class Discharges:
    """One entry an episode in every array.

    ``every`` is the frame of `training.cohorts.episodes.episodes_of` with the labels, ``death_on``,
    ``birth_on``, ``censored`` and ``as_of``; ``stays`` are the stays that it was made of;
    ``known_until`` is the last day whose outcomes are complete.
    """

    every: pd.DataFrame
    stays: pd.DataFrame
    cover: Cover
    carries: frozenset[str]
    known_until: int

    @property
    def person(self) -> NDArray[np.int64]:
        return self.every["person"].to_numpy(dtype=np.int64)

    @property
    def still_in(self) -> NDArray[np.bool_]:
        return self.every["discharged_on"].isna().to_numpy()

    @property
    def admitted(self) -> NDArray[np.int64]:
        return self.every["admitted_on"].to_numpy(dtype=np.int64)

    @property
    def left(self) -> NDArray[np.int64]:
        """The day of discharge; of an open stay that of admission, which no rule counts."""
        return self.every["discharged_on"].fillna(self.every["admitted_on"]).to_numpy(np.int64)

    @property
    def death(self) -> NDArray[np.float64]:
        return self.every["death_on"].to_numpy(dtype=np.float64)

    @property
    def censored(self) -> NDArray[np.bool_]:
        return self.every["censored"].to_numpy(dtype=bool)

    @property
    def age_known(self) -> NDArray[np.bool_]:
        return self.every["birth_on"].notna().to_numpy()

    def age(self, on: NDArray[np.int64]) -> NDArray[np.int64]:
        """Completed years on each day; of whoever's birth is unknown, any number."""
        return completed_years(self.every["birth_on"].fillna(0).to_numpy(dtype=np.int64), on)

    def flag(self, name: str) -> NDArray[np.bool_]:
        return self.every[name].to_numpy(dtype=bool)

    def sent(self, where: str) -> NDArray[np.bool_] | None:
        """Whether each went there; None where no disposition is carried."""
        if "disposition" not in self.carries:
            return None
        return (self.every["disposition"] == where).to_numpy(dtype=bool)

    def begin(self, what: str, lifted: Collection[str]) -> Attrition:
        """The attrition table with what all definitions begin with: stays, episodes, open ones,
        deaths in hospital; `lifted` are the rules that the task lifts."""
        known = (self.every["outcome"] == 1).to_numpy() & ~self.censored
        count = len(self.stays)
        rules = Attrition(self.person, known, lifted)
        rules.begin(what, count, self.stays["person"].nunique())
        rules.joined("joined with another stay into one episode", count)
        rules.exclude(NOT_DISCHARGED, self.still_in, key="discharged")
        died = self.sent("died")
        by_date = self.death <= self.left  # before admission too: nobody dead was discharged alive
        rules.exclude(
            "died in hospital", by_date if died is None else died | by_date,
            note="" if died is not None else "by the date of death alone: no disposition is "
            "carried", key="alive",
        )  # fmt: skip
        return rules

    def end(self, rules: Attrition, horizon: int) -> Attrition:
        """What all definitions end with: a question that comes too late is not asked."""
        as_of = self.every["as_of"].to_numpy(dtype=np.float64)
        back = self.every["next_admitted_on"].to_numpy(dtype=np.float64) <= as_of
        rules.exclude(ALREADY_BACK, back | (as_of >= self.left + horizon),
                      note="measured, but nothing is left to predict",
                      key="something_to_predict")  # fmt: skip
        return rules
