"""The night asks about the discharges that training asks about, from the same day on."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from data.intake import current
from features.writing import current_histories
from serving.population import RECENT, population
from serving.scoring import Models, score
from training.cohorts.cohort import day_of, readmission_cohort
from training.settings.tasks import READMISSION


@pytest.mark.parametrize("days_before_the_end", [0, 45, 200])
def test_the_night_asks_from_the_day_on_that_training_asks_first(small_home, days_before_the_end):
    taken = current(small_home)
    through = date.fromisoformat(taken.manifest["data_through"])
    as_of = through - timedelta(days=days_before_the_end)
    people = population(taken.tables, taken.manifest["carries"], as_of)
    scores = score(people, current_histories(small_home), Models.load(small_home), as_of).scores
    night = scores.set_index("patient_id")["readmission_asked_on"].dropna().map(day_of)

    seen = taken.manifest | {"data_through": as_of.isoformat()}
    every = readmission_cohort(taken.tables, seen, READMISSION).every
    last_day = day_of(as_of)
    recent = every[every["discharged_on"].between(last_day - RECENT.days + 1, last_day)]
    last = recent.sort_values("discharged_on").groupby("patient_id").tail(1)
    trained = last.set_index("patient_id")["as_of"].astype(np.int64)

    assert len(night) > 20
    assert set(night) == {last_day}
    assert (trained.reindex(night.index) <= last_day).all()
    unasked = people.set_index("patient_id").loc[trained.index.difference(night.index)]
    assert (unasked["left_out"] != "").all(), "nobody whom training asks about is lost at night"
