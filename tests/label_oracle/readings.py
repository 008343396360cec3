"""Points on which DEFINITIONS.md is silent and the two implementations read it differently.

The defaults are what the second implementation read first, without having seen the other. Where
`training` reads otherwise, `OF_TRAINING` says so, and the labels are compared under its reading:
that the two agree there is a fact about the code and not about the definition.

Corrected here, and no switch, because the text tells it once it is read again: Z51.89 belongs to
CCS 254 ("V57, Z51.89 …; other CCS 254"), and "the first admission in the window" comes after the
index discharge in the order of stays, also where both fall on one day.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Readings:
    """Each field is one silent point.

    `open_stay_overlaps`: a stay without a discharge lasts beyond every later day, so that whatever
    begins after it joins. `training` knows of it its first day only, and lets join what it would
    let join a stay of that one day: a record that was never closed would swallow all later stays.
    Of two stays admitted on one day it takes the open one first.

    `leaves_alive_on_day_of_death`: who dies on the day of discharge with a disposition other than
    "died" was discharged alive and died on day 0. `training` takes each death between admission
    and discharge, both included, as one in hospital.

    `covered_during_stay`: the 12 months before admission and the 30 days after discharge are told,
    the days of the stay are not. CMS wants them covered; `training` asks of them only the day of
    admission and the day of discharge.

    `unknown_facility_joins`: where a facility is not known, nothing says "another hospital" or "the
    same". `training` takes the disposition's word for a transfer then, and joins a same-day return
    with the same principal diagnosis, which would join either way.

    `hospice_in_the_year`: "hospice excluded" does not say when. Read first: discharged to hospice,
    or a hospice encounter that begins between admission and the day after discharge. `training`
    takes whoever was in hospice, or left any inpatient stay for it (an emergency visit is none), on
    any day of the time of enrolment, from discharge - 365 to discharge + 30.

    `pregnancy_returns_count`: "pregnancy excluded" is said of index stays. `training` looks past
    returns for pregnancy as it does past planned ones: childbirth is no readmission.

    `outliers_have_known_outcomes`: whether index stays whose outcome is not known yet count towards
    "outlying numbers of stays". They did at first; `training` counts those with a known outcome.

    `newborn_by_last_stay`: which stay of an episode tells a newborn. The second implementation asks
    the first, for birth is no admission to the hospital that a child is transferred to; `training`
    asks the last, as for other diagnoses and dispositions.

    `leaves_by_dying_days`: whoever is not covered on some day before his death has left coverage,
    however near death was. `training` takes coverage that ends up to 31 days before a death as
    having lasted until then, because it is often told by months.
    """

    open_stay_overlaps: bool = True
    leaves_alive_on_day_of_death: bool = True
    covered_during_stay: bool = True
    unknown_facility_joins: bool = False
    hospice_in_the_year: bool = False
    pregnancy_returns_count: bool = True
    outliers_have_known_outcomes: bool = False
    newborn_by_last_stay: bool = False
    leaves_by_dying_days: int = 0


FIRST_READINGS = Readings()
OF_TRAINING = Readings(
    open_stay_overlaps=False,
    leaves_alive_on_day_of_death=False,
    covered_during_stay=False,
    unknown_facility_joins=True,
    hospice_in_the_year=True,
    pregnancy_returns_count=False,
    outliers_have_known_outcomes=True,
    newborn_by_last_stay=True,
    leaves_by_dying_days=31,
)
