"""What each threshold of a tier asks of the team tonight, and what it is expected to find.

The workload is the people of the tier who may be called; the expected yield is the mean of their
calibrated risks: of 100 such people so many are expected to have what the risk is about. The tier
of a readmission goes by the risk as on the day of discharge, but whoever is called was discharged
days ago and is not back: of him the risk of the days that are left is to be expected. (A model that
knows no days tells that of the whole window on each of them: of it the yield is too high.)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from data.small_cells import Counts
from serving.eligibility import may_be_called
from serving.model import RiskModel
from serving.worklist import TIERS

EXPECTED_BY = {"readmission": "readmission_risk", "high-cost": "high_cost_risk"}
"""The risk, of the store's score columns, of what is still to come: of a readmission in the days
that are left."""


def tiers_of_night(
    scores: pd.DataFrame, listed: pd.Series, models: Mapping[str, RiskModel], counts: Counts
) -> dict[str, dict[str, Any]]:
    """By task who decided its thresholds (`owner`), and of each tier of TIERS: `from`, the risk
    that it begins at, of a readmission as on the day of discharge; `people` of it who may be
    called; `listed` of these; `expected`, the mean of their risks (EXPECTED_BY). None where there
    is nobody, or where `counts` does not tell so few.

    `scores` has one row a person: patient_id, left_out as the night publishes it, each task's tier
    and the risk of EXPECTED_BY; `listed` holds the ids of those on the list. The tier is the
    score's, whatever a case manager gave instead.
    """
    may = may_be_called(scores["left_out"]).to_numpy()
    on_list = scores["patient_id"].isin(listed).to_numpy()
    told: dict[str, dict[str, Any]] = {}
    for task, model in models.items():
        tier = scores[f"{task.replace('-', '_')}_tier"].to_numpy(dtype=object)
        risk = scores[EXPECTED_BY[task]].to_numpy(dtype=np.float64)
        limits = model.limits
        of_tier = [may & (tier == name) for name in TIERS]
        people = counts.together([int(rows.sum()) for rows in of_tier])
        places = counts.together(
            [int((rows & on_list).sum()) for rows in of_tier], [n is None for n in people]
        )
        told[task] = {"owner": limits.owner} | {
            name: {
                "from": begins,
                "people": n,
                "listed": there,
                "expected": round(float(risk[rows].mean()), 4) if n else None,
            }
            for name, begins, rows, n, there in zip(
                TIERS, (limits.high, limits.moderate, 0.0), of_tier, people, places, strict=True
            )
        }
    return told
