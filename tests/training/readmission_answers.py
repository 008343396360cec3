"""A cohort of a few people, and each discharge's answer in one word."""

from __future__ import annotations

from typing import Any

from tests.training.small import Person, manifest, together
from training.cohorts.cohort import Cohort, readmission_cohort
from training.settings.tasks import READMISSION, ReadmissionTask


def cohort(*people: Person, task: ReadmissionTask = READMISSION, **changes: Any) -> Cohort:
    return readmission_cohort(together(*people), manifest(**changes), task)


def verdicts(made: Cohort) -> dict[str, str]:
    """Each episode by its last stay: 1, 0, ? (not known), or why it does not count."""
    said = {}
    for row in made.every.to_dict("records"):
        answer = "?" if row["censored"] else str(row["outcome"])
        said[row["encounter_id"]] = row["excluded_by"] or answer
    return said
