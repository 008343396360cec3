"""What is said to have been counted as illness is what was counted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from data.home import Home
from tests.training.test_equity import FEW, scored_of
from training.cohorts.need import CAVEAT, CAVEAT_OF_YEAR_BEFORE
from training.evaluation.audited import audited, groupings_in
from training.fitting.prepared import prepare
from training.settings.tasks import HIGH_COST, READMISSION, Task


@pytest.mark.parametrize(
    ("task", "caveat", "other"),
    [(READMISSION, CAVEAT_OF_YEAR_BEFORE, "of the following year"),
     (replace(HIGH_COST, months_between=3), CAVEAT, "before the question")],
)  # fmt: skip
def test_the_year_of_the_illness_is_named(
    small_home: Home, task: Task, caveat: str, other: str
) -> None:
    prepared = prepare(small_home, replace(task, evaluation=FEW))
    places = prepared.split.rows("test")
    rows = prepared.matrix.part(places).rows
    scored = scored_of(
        np.arange(len(rows)), patient_id=rows["patient_id"].to_numpy(dtype=object),
        weights=rows["weight"].to_numpy(dtype=np.float64),
    )  # fmt: skip
    groupings = tuple(
        grouping.part(places)
        for grouping in groupings_in(prepared.matrix, prepared.tables, prepared.manifest)
    )
    said = audited(
        scored, rows, groupings, prepared.tables, prepared.manifest, prepared.truth,
        prepared.task.evaluation,
    ).findings[-1]  # fmt: skip
    assert said.startswith(caveat[0].upper() + caveat[1:])
    assert other not in said
