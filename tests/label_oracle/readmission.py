"""cms_hwr, stay by stay.

Readings chosen where DEFINITIONS.md is silent:

R1. Age and the 12 months of enrolment look back from the admission of the episode's first stay;
    discharge, disposition, diagnosis and procedures are those of the episode's last stay, to which
    the outcome belongs.
R2. 12 months are the 365 days before admission; the days of the stay must be covered too, as CMS
    wants it (a switch, see `readings`). "Enrolment for 30 days after discharge or death within
    them" is read as it stands: a death on days 0 to 30 meets the rule, whatever coverage did
    before it.
R3. "Discharged alive": the disposition is not "died", and no death is dated before the discharge.
    A death on the day of discharge with a disposition other than "died" came after leaving; with
    no disposition it came in hospital (a switch, see `readings`).
R4. "Not transferred to another acute hospital": no stay joined that ends later, and the last
    stay's disposition does not say that an acute hospital, which the data do not show, took over.
R5. A rule that cannot be tried for want of a value (no disposition, no principal diagnosis, no
    facility) excludes nobody. The surgical procedure that keeps a cancer stay, and the exempt
    hospital, are those of the episode's last stay.
R6. Newborns are those whose first stay is of admission type "newborn" (a switch, see `readings`).
R7. Readmissions are looked for stay by stay: acute stays outside the index's own episode, admitted
    on days 0 to 30, that come after it in the order of S1. Which of them is planned is told by the
    stay itself and not by the rest of its episode.
R8. An outcome is "known" only when its window and run-out have passed, whatever was seen before.
R9. A death is within the window on days 0 to 30.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from .facts import Patient, age, covered_throughout, died_on
from .planned import (
    exempt_cancer_hospital,
    medical_cancer,
    planned_rule,
    psychiatric,
    rehabilitation,
    rehabilitation_stay,
)
from .readings import FIRST_READINGS, Readings
from .stays import Stay, episodes, joins_as_cms, last_stay, stays_of, still_open

ACUTE = ("acute_inpatient",)


@dataclass(frozen=True)
class Rules:
    """What a task may set, in days; data_through and run-out are those of the source."""

    data_through: date
    run_out: int
    horizon: int = 30
    least_age: int = 65
    enrolled_before: int = 365
    enrolled_after: int = 30
    all_payers: bool = False
    readings: Readings = FIRST_READINGS


@dataclass(frozen=True)
class Judged:
    """One acute stay: its episode, the rules that exclude it, and its outcome where it is index.

    `known` says whether window and run-out have passed. `outcome` is positive, negative or
    censored, and None where the stay is no index; `decided_by` is the admission that decided, `why`
    says how.
    """

    id: str
    episode: tuple[str, ...]
    failed: tuple[str, ...]
    known: bool = False
    outcome: str | None = None
    decided_by: str | None = None
    why: str = ""
    died: bool = False

    @property
    def index(self) -> bool:
        return not self.failed


def cms_hwr(patient: Patient, rules: Rules) -> dict[str, Judged]:
    """Every acute stay of one patient, judged: record_id → what became of it."""
    stays = stays_of(patient, ACUTE, rules.readings)
    judged: dict[str, Judged] = {}
    for episode in episodes(stays, joins_as_cms, rules.readings):
        names = tuple(stay.id for stay in episode)
        last = last_stay(episode, rules.readings)
        for stay in episode:
            if stay is not last:
                judged[stay.id] = Judged(stay.id, names, ("transferred",))
        if still_open(episode):
            judged[last.id] = Judged(last.id, names, ("not discharged",))
            continue
        known = window_is_known(last, rules)
        failed = _tried(patient, episode[0], last, rules)
        if failed:
            judged[last.id] = Judged(last.id, names, tuple(failed), known)
            continue
        outcome, decided_by, why = _outcome(stays, names, last, rules)
        judged[last.id] = Judged(
            last.id, names, (), known, outcome, decided_by, why,
            died_within(patient, last, rules.horizon),
        )  # fmt: skip
    return judged


def window_is_known(last: Stay, rules: Rules) -> bool:
    """Whether discharge + 30 lies no later than data_through - run-out."""
    assert last.discharged is not None
    window_ends = last.discharged + timedelta(days=rules.horizon)
    return window_ends <= rules.data_through - timedelta(days=rules.run_out)


def died_within(patient: Patient, last: Stay, within: int) -> bool:
    death = died_on(patient)
    if death is None or last.discharged is None:
        return False
    return last.discharged <= death <= last.discharged + timedelta(days=within)


def left_alive(patient: Patient, last: Stay, readings: Readings) -> bool:
    death = died_on(patient)
    if last.disposition == "died":
        return False
    if death is None or last.discharged is None or death > last.discharged:
        return True
    if death < last.discharged or last.disposition is None:
        return False
    return readings.leaves_alive_on_day_of_death


def _tried(patient: Patient, first: Stay, last: Stay, rules: Rules) -> list[str]:
    """The rules that exclude an episode, in the order of DEFINITIONS.md."""
    failed: list[str] = []
    assert last.discharged is not None
    if age(patient, first.admitted) < rules.least_age:
        failed.append("age")
    year_before = first.admitted - timedelta(days=rules.enrolled_before)
    until = last.discharged if rules.readings.covered_during_stay else first.admitted
    if not covered_throughout(patient, year_before, until):
        failed.append("enrolled before")
    until = last.discharged + timedelta(days=rules.enrolled_after)
    if not covered_throughout(patient, last.discharged, until) and not died_within(
        patient, last, rules.enrolled_after
    ):
        failed.append("enrolled after")
    if not left_alive(patient, last, rules.readings):
        failed.append("alive")
    if last.disposition == "acute_transfer":
        failed.append("transferred")
    if last.disposition == "left_against_advice":
        failed.append("against advice")
    if psychiatric(last):
        failed.append("psychiatric")
    if rehabilitation(last):
        failed.append("rehabilitation")
    if medical_cancer(last):
        failed.append("cancer")
    if exempt_cancer_hospital(last):
        failed.append("exempt hospital")
    born = last if rules.readings.newborn_by_last_stay else first
    if rules.all_payers and born.admission_type == "newborn":
        failed.append("newborn")
    return failed


def _outcome(
    stays: list[Stay], own: tuple[str, ...], last: Stay, rules: Rules
) -> tuple[str, str | None, str]:
    """(outcome, the admission that decides it, why) of one index discharge."""
    assert last.discharged is not None
    if not window_is_known(last, rules):
        return "censored", None, "window and run-out have not passed"
    window_ends = last.discharged + timedelta(days=rules.horizon)
    for stay in stays[stays.index(last) + 1 :]:
        if stay.id in own or not last.discharged <= stay.admitted <= window_ends:
            continue
        if rehabilitation_stay(stay):
            continue
        day = (stay.admitted - last.discharged).days
        if psychiatric(stay) and last.disposition == "psychiatric" and day <= 1:
            continue
        rule = planned_rule(stay, rules.all_payers)
        if rule is None:
            return "positive", stay.id, "unplanned"
        return "negative", stay.id, rule
    return "negative", None, "no admission"
