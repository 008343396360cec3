"""On small random patients the labels equal those of the second implementation."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.label_oracle.comparison import high_cost_differences, readmission_differences
from tests.label_oracle.people import Drawn, patients_with_costs, patients_with_stays
from training.settings.tasks import HighCostTask, ReadmissionTask

READMISSION = ReadmissionTask()
ANY_AGE = replace(READMISSION, minimum_age=18, all_payers=True)
PCR_LIKE = replace(READMISSION, definition="pcr_like", minimum_age=18, allowed_gap_days=45)
EVERY_RUN_OUT = HighCostTask(least_complete=0.0)
FEW = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])


@FEW
@given(patients_with_stays(), st.sampled_from((READMISSION, ANY_AGE)))
def test_cms_hwr(drawn: Drawn, task: ReadmissionTask) -> None:
    compared = readmission_differences(drawn.tables, drawn.manifest, task)
    assert compared.differences == []


@FEW
@given(patients_with_stays())
def test_pcr_like(drawn: Drawn) -> None:
    compared = readmission_differences(drawn.tables, drawn.manifest, PCR_LIKE)
    assert compared.differences == []


@FEW
@given(patients_with_costs())
def test_high_cost(drawn: Drawn) -> None:
    compared = high_cost_differences(drawn.tables, drawn.manifest, EVERY_RUN_OUT, 100_000)
    assert compared.differences == []
