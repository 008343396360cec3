"""pcr_like, stay by stay.

Readings chosen where DEFINITIONS.md is silent:

Q1. Stays less than two calendar days apart join, in whatever hospital; acute inpatient and
    observation stays join with one another.
Q2. Age and payer are those on the day of discharge: 18 to 64 with any coverage, or 18 and more
    where a span of Medicare holds that day.
Q3. Enrolment runs from discharge - 365 to discharge + 30, the day of discharge included. At most
    one run of days without coverage, of at most 45 days, lies in the 365 days before discharge;
    none from the discharge on. A death after discharge excuses nobody.
Q4. A same-day stay is an episode that begins and ends on one day; death and pregnancy are told by
    the episode's last stay. Hospice is its disposition, or a hospice encounter: see `readings`.
Q5. Exclusions are of index stays: a return for pregnancy (a switch, see `readings`) or of one day
    counts. Pregnancy is a
    principal diagnosis of CCS 177 to 196.
Q6. Planned returns "do not count": they neither count nor block, the next return is looked at.
    A return is an episode, admitted within 30 days; its first stay tells whether it was planned.
Q7. Outlying numbers are so many index stays of one person, discharged in one calendar year, whether
    or not their outcomes are known (a switch, see `readings`); those stays keep their labels and
    are kept apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from .facts import Patient, age, covered, covered_by, covered_throughout, days
from .planned import planned_rule, pregnancy
from .readings import Readings
from .readmission import Judged, Rules, died_within, left_alive, window_is_known
from .stays import Episode, Stay, episodes, joins_as_pcr, last_stay, stays_of, still_open

KINDS = ("acute_inpatient", "observation")
INPATIENT = (
    "acute_inpatient", "psychiatric_inpatient", "rehabilitation_inpatient", "skilled_nursing",
    "long_term_care", "observation",
)  # fmt: skip
LONGEST_GAP = 45


def pcr_like(patient: Patient, rules: Rules) -> dict[str, Judged]:
    """Every acute inpatient and observation stay of one patient, judged, by record_id."""
    judged: dict[str, Judged] = {}
    found = episodes(stays_of(patient, KINDS, rules.readings), joins_as_pcr, rules.readings)
    for place, episode in enumerate(found):
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
        outcome, decided_by, why = _outcome(found[place + 1 :], last, rules)
        judged[last.id] = Judged(
            last.id, names, (), known, outcome, decided_by, why,
            died_within(patient, last, rules.horizon),
        )  # fmt: skip
    return judged


def _gaps(patient: Patient, last: Stay) -> list[int]:
    """Lengths of the runs of days without coverage in the 365 days before discharge."""
    assert last.discharged is not None
    runs: list[int] = []
    before = True
    for day in days(last.discharged - timedelta(days=365), last.discharged - timedelta(days=1)):
        now = covered(patient, day)
        if not now and before:
            runs.append(0)
        if not now:
            runs[-1] += 1
        before = now
    return runs


def _tried(patient: Patient, first: Stay, last: Stay, rules: Rules) -> list[str]:
    failed: list[str] = []
    assert last.discharged is not None
    years = age(patient, last.discharged)
    medicare = covered_by(patient, last.discharged, "medicare")
    if years < rules.least_age:
        failed.append("too young")
    if years > 64 and not medicare:
        failed.append("too old, and not in Medicare")
    runs = _gaps(patient, last)
    if len(runs) > 1 or any(run > LONGEST_GAP for run in runs):
        failed.append("enrolled before")
    if not covered_throughout(patient, last.discharged, last.discharged + timedelta(days=30)):
        failed.append("enrolled after")
    if first.admitted == last.discharged:
        failed.append("same day")
    if not left_alive(patient, last, rules.readings):
        failed.append("alive")
    if pregnancy(last):
        failed.append("pregnancy")
    if _in_hospice(patient, first, last, rules.readings):
        failed.append("hospice")
    return failed


def _in_hospice(patient: Patient, first: Stay, last: Stay, readings: Readings) -> bool:
    assert last.discharged is not None
    if last.disposition == "hospice":
        return True
    for encounter in patient["encounter"]:
        begins, ends = encounter["started_on"], encounter["ended_on"] or date.max
        left_for_it = encounter["disposition"] == "hospice" and encounter["kind"] in INPATIENT
        if left_for_it and readings.hospice_in_the_year:
            begins = ends
        elif encounter["kind"] != "hospice":
            continue
        if readings.hospice_in_the_year:
            year_before = last.discharged - timedelta(days=365)
            if begins <= last.discharged + timedelta(days=30) and ends >= year_before:
                return True
        elif first.admitted <= begins <= last.discharged + timedelta(days=1):
            return True
    return False


def outliers(
    judged: Iterable[Judged], discharged: Mapping[str, date], at_least: int, readings: Readings
) -> set[int]:
    """Calendar years in which one person has so many index stays that they are kept apart."""
    counted = [stay for stay in judged if stay.index]
    if readings.outliers_have_known_outcomes:
        counted = [stay for stay in counted if stay.known]
    years = [discharged[stay.id].year for stay in counted]
    return {year for year in years if years.count(year) >= at_least}


def _outcome(later: list[Episode], last: Stay, rules: Rules) -> tuple[str, str | None, str]:
    assert last.discharged is not None
    window_ends = last.discharged + timedelta(days=rules.horizon)
    if not window_is_known(last, rules):
        return "censored", None, "window and run-out have not passed"
    for episode in later:
        if (
            episode[0].admitted <= window_ends
            and planned_rule(episode[0], rules.all_payers) is None
            and (rules.readings.pregnancy_returns_count or not pregnancy(episode[0]))
        ):
            return "positive", episode[0].id, "unplanned"
    return "negative", None, "no unplanned return"
