"""Utilisation: stays and visits; the windows' edges are the day w − 1 (in) and the day w (out)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tests.features.family_specs import (
    NAN,
    NOTHING,
    Spec,
    Tables,
    same,
    stays,
    together,
    value,
    visits,
)
from tests.features.rows import ago, rows

OPEN = rows("encounter", {"kind": "acute_inpatient", "started_on": ago(3)})
URGENT_AND_PLANNED = together(
    stays((100, 89), admission_type="urgent"),
    stays((60, 55), (10, 7), admission_type="elective"),
    stays((30, 28), admission_type=None),
)

SPECS: list[Spec] = [
    # count
    ("emergency_visits_count_30", visits("emergency", 0, 29, 30), 2),
    ("emergency_visits_count_90", visits("emergency", 0, 29, 30), 3),
    ("emergency_visits_count_90", visits("office", 1), 0),
    ("emergency_visits_count_30", visits("emergency", -1), 0),  # tomorrow
    ("emergency_visits_count_730", visits("emergency", 729, 730), 1),
    ("office_visits_count_180", visits("office", 179, 180), 1),
    ("acute_stays_count_30", stays((40, 29), (40, 30)), 1),  # by the day of discharge
    ("acute_stays_count_30", OPEN, 0),
    ("observation_stays_count_90", visits("observation", 89, 90), 1),
    ("psychiatric_stays_count_365", stays((20, 10), kind="psychiatric_inpatient"), 1),
    ("rehabilitation_stays_count_365", stays((20, 10), kind="rehabilitation_inpatient"), 1),
    ("nursing_stays_count_365", stays((20, 10), kind="skilled_nursing"), 1),
    ("long_term_stays_count_365", stays((20, 10), kind="long_term_care"), 1),
    ("home_health_count_90", visits("home_health", 5), 1),
    ("hospice_count_90", visits("hospice", 5), 1),
    ("outpatient_visits_count_90", visits("outpatient", 5), 1),
    ("telehealth_visits_count_90", visits("telehealth", 5), 1),
    ("missed_appointments_count_90", visits("missed_appointment", 89, 90), 1),
    ("missed_appointments_count_365", visits("missed_appointment", 89, 90), 2),
    ("missed_appointments_count_365", NOTHING, 0),
    ("procedures_count_365", rows("procedure", {"happened_on": ago(4), "code": "0DJ08ZZ"}), 1),
    # trend: the later half less the earlier
    ("emergency_visits_trend_180", visits("emergency", 0, 89, 90, 179, 180), 2 - 2),
    ("emergency_visits_trend_180", visits("emergency", 90), 0 - 1),
    ("emergency_visits_trend_180", visits("emergency", 3, 89), 2 - 0),
    ("emergency_visits_trend_180", NOTHING, 0),
    # recurrent: one in each half of 365 days, the last 182 and the 183 before
    ("emergency_visits_recurrent_365", visits("emergency", 181, 182), 1),
    ("emergency_visits_recurrent_365", visits("emergency", 0, 181), 0),
    ("emergency_visits_recurrent_365", visits("emergency", 182, 364), 0),
    ("emergency_visits_recurrent_365", visits("emergency", 10, 364), 1),
    ("emergency_visits_recurrent_365", visits("emergency", 10, 365), 0),
    ("emergency_visits_recurrent_365", NOTHING, 0),
    ("acute_stays_recurrent_365", stays((20, 10), (300, 290)), 1),
    # days since
    ("emergency_visits_days_since", visits("emergency", 12, 50), 12),
    ("emergency_visits_days_since", visits("emergency", 0), 0),
    ("emergency_visits_days_since", visits("emergency", 729), 729),
    ("emergency_visits_days_since", visits("emergency", 730), NAN),
    ("missed_appointments_days_since", visits("missed_appointment", 12), 12),
    ("acute_stay_open_days_since", OPEN, 3),
    ("acute_stay_open_days_since", stays((10, 7)), NAN),
    # days in stays, by their days of discharge
    ("acute_stays_hospital_days_90", stays((100, 89), (10, 7), (99, 90)), 11 + 3),
    ("acute_stays_hospital_days_90", NOTHING, 0),
    ("acute_stays_longest_365", stays((100, 89), (10, 7)), max(11, 3)),
    ("acute_stays_longest_365", stays((400, 365)), NAN),
    ("post_acute_days_365", together(stays((50, 40), kind="skilled_nursing"),
                                     stays((9, 2), kind="rehabilitation_inpatient")), 10 + 7),
    ("post_acute_days_365", stays((50, 40)), 0),  # acute
    ("post_acute_days_since", stays((50, 40), kind="long_term_care"), 40),
    # planned or not; a stay whose type nobody told is neither
    ("emergent_stays_365", URGENT_AND_PLANNED, 1),
    ("planned_stays_365", URGENT_AND_PLANNED, 2),
    ("planned_stays_365", stays((400, 364), (400, 365), admission_type="elective"), 1),
    ("planned_stays_365", stays((10, 7), admission_type="trauma"), 0),
    ("emergent_stays_365", NOTHING, 0),
    # a stay that tells no type leaves it open whether it was planned; so does a birth
    ("emergent_stays_365", stays((100, 89), admission_type=None), NAN),
    ("emergent_stays_365", stays((10, 7), admission_type="newborn"), NAN),
    ("emergent_stays_365",
     together(stays((100, 89), admission_type=None), stays((9, 8), admission_type="urgent")), 1),
    ("planned_stays_365", stays((10, 7), admission_type=None), NAN),
    ("planned_stays_365", stays((10, 7), admission_type="newborn"), NAN),
    # one of a known type is no emergency, and the other may have been
    ("emergent_stays_365",
     together(stays((99, 89), admission_type=None), stays((9, 8), admission_type="elective")), NAN),
    ("planned_stays_365",
     together(stays((99, 89), admission_type=None), stays((9, 8), admission_type="urgent")), NAN),
    ("planned_stays_365", NOTHING, 0),
    # open
    ("acute_stay_open", OPEN, 1),
    ("acute_stay_open", stays((10, 7)), 0),
    ("acute_stay_open", rows("encounter", {"kind": "acute_inpatient", "started_on": ago(365)}), 0),
    # somebody may live in long-term care for years
    ("nursing_stay_open", rows("encounter", {"kind": "long_term_care", "started_on": ago(999)}), 1),
    ("nursing_stay_open", stays((999, 2), kind="long_term_care"), 0),
    ("nursing_stay_open", OPEN, 0),
    ("nursing_stay_open", rows("encounter", {"kind": "skilled_nursing", "started_on": ago(3)}), 1),
]  # fmt: skip


@pytest.mark.parametrize(("name", "tables", "expected"), SPECS)
def test_value(name: str, tables: Tables, expected: float) -> None:
    assert same(value(name, tables), expected)


def test_an_open_stay_is_open_until_its_discharge_is_known() -> None:
    stay = {"kind": "acute_inpatient", "record_id": "e", "started_on": ago(9)}
    tables = rows("encounter", {**stay, "known_on": ago(9)},
                  {**stay, "ended_on": ago(5), "known_on": ago(3)})  # fmt: skip
    assert value("acute_stay_open", tables, ago(4)) == 1
    assert value("acute_stay_open_days_since", tables, ago(4)) == 9 - 4
    assert value("acute_stays_count_30", tables, ago(4)) == 0
    assert value("acute_stay_open", tables, ago(3)) == 0
    assert value("acute_stays_days_since", tables, ago(3)) == 5 - 3


def test_a_leap_day_counts_as_a_day() -> None:
    leap_day = date(2020, 2, 29)
    tables = rows("encounter", {"kind": "emergency", "started_on": leap_day})
    assert value("emergency_visits_count_30", tables, leap_day + timedelta(days=29)) == 1
    assert value("emergency_visits_count_30", tables, leap_day + timedelta(days=30)) == 0
    assert value("emergency_visits_days_since", tables, date(2020, 3, 1)) == 1
