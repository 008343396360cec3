"""A person's risk is the same alone and among others."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from features.history import Histories
from serving.model import LANDMARKS, RiskModel
from serving.population import population
from serving.scoring import Models, score
from tests.serving.quick import write_quick_model
from tests.serving.test_population import CARRIES, cover, member, stay, tables

NIGHT = date(2024, 5, 21)
FALLING = np.linspace(-1, -5, 365).tolist()


def risk_of_p(models: Models, *others: str) -> float:
    """The risk of high cost of p, who left hospital 20 days ago; `others` never were in one."""
    left = NIGHT - timedelta(20)
    told = tables(
        member=[member(patient_id=name) for name in ("p", *others)],
        coverage=[cover(patient_id=name) for name in ("p", *others)],
        encounter=[stay(started=left - timedelta(4), ended=left)],
    )
    people = population(told, CARRIES, NIGHT)
    scored: pd.DataFrame = score(people, Histories.of_tables(told, CARRIES), models, NIGHT).scores
    return scored.set_index("patient_id")["high_cost_risk"]["p"]


def test_high_cost_is_no_question_by_the_day_after_a_discharge(tmp_path: Path) -> None:
    write_quick_model(tmp_path, "high-cost")
    model = RiskModel.load(tmp_path)
    plain = Models({"high-cost": model})
    assert risk_of_p(plain) == risk_of_p(plain, "q")
    # no file can say so; if a model held log odds by day, the task would decide and not the data
    by_day = replace(model, metadata={**model.metadata, LANDMARKS: FALLING})
    strange = Models({"high-cost": by_day})
    assert risk_of_p(strange) == risk_of_p(strange, "q")
