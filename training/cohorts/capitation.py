"""Encounters without an amount: capitated, carved out or not priced. Missing, never zero."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from training.cohorts.facts import Source, final_facts
from training.cohorts.spending import Spending

NO_CARE = "missed_appointment"


@dataclass(frozen=True)
class Unpriced:
    """``counts``: encounters without an amount of each person and day, to be asked by window;
    None where nobody can tell, and `why_not` says why: amounts name no encounters, or the label is
    made of totals of years.

    ``kinds``: one row a kind of encounter: kind, encounters, without_amount, judged. A kind of
    which no encounter at all has an amount is not judged: its amounts may come without the
    encounter's id. ``amounts_without_encounter``: amounts that name none, drugs not counted.
    """

    counts: Spending | None
    kinds: pd.DataFrame
    amounts_without_encounter: int
    why_not: str = ""

    def remark(self) -> str:
        """What is known of encounters without an amount, in one sentence."""
        if self.counts is None:
            return f"encounters without an amount (capitated): not evaluable, {self.why_not}"
        judged = self.kinds[self.kinds["judged"]]
        lacking, all_of_them = int(judged["without_amount"].sum()), int(judged["encounters"].sum())
        told = (
            f"{lacking:,} of {all_of_them:,} encounters have no amount (capitated or not priced): "
            "missing, not zero"
        )
        others = sorted(self.kinds.loc[~self.kinds["judged"], "kind"])
        if others:
            told += f"; no amount names an encounter of kind {', '.join(others)}: not evaluable"
        return told


def unpriced_encounters(
    tables: Mapping[str, Source], through: int, known_until: int, patients: pd.Index
) -> Unpriced:
    """The final encounters that ended by day `known_until` (until which claims are complete) and
    that no final amount names, each on its last day.

    An amount of 0 is an amount. Missed appointments are no care and are not looked at.
    """
    cost = final_facts(tables["cost"], ["encounter_id", "kind", "covers"], through,
                       pc.field("covers") == "claim")  # fmt: skip
    named = cost["encounter_id"].notna()
    nameless = int((~named & (cost["kind"] != "pharmacy")).sum())
    seen = final_facts(tables["encounter"], ["kind", "started_on", "ended_on"], through,
                       pc.field("kind") != NO_CARE)  # fmt: skip
    seen["last_day"] = seen["ended_on"].fillna(seen["started_on"]).astype(np.int64)
    seen = seen[(seen["last_day"] <= known_until).to_numpy(dtype=bool)]
    priced = pd.Index(cost.loc[named, "encounter_id"].unique()).get_indexer(
        pd.Index(seen["record_id"])
    ) >= 0  # fmt: skip
    kinds = pd.DataFrame({"kind": seen["kind"], "without_amount": ~priced})
    told = kinds.groupby("kind", sort=True)["without_amount"].agg(["size", "sum"]).reset_index()
    told.columns = ["kind", "encounters", "without_amount"]
    told["judged"] = told["without_amount"] < told["encounters"]
    if not told["judged"].any():
        return Unpriced(None, told, nameless, "no amount names its encounter")
    person = patients.get_indexer(pd.Index(seen["patient_id"]))
    judged = set(told.loc[told["judged"], "kind"])
    kind = seen["kind"].map(dict.fromkeys(judged, True)).fillna(False).to_numpy(dtype=bool)
    lacking = np.flatnonzero(~priced & kind & (person >= 0))
    last_day = seen["last_day"].to_numpy(dtype=np.int64)
    counts = Spending.of(person[lacking], last_day[lacking], np.ones(len(lacking)))
    return Unpriced(counts, told, nameless)
