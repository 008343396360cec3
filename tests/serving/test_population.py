"""Who is scored as of a day: tiny tables, and what was known of them then."""

from datetime import date, timedelta

import pyarrow as pa
import pytest

from data.tables import TABLES
from serving.population import population

AS_OF = date(2024, 6, 30)
CARRIES = tuple(TABLES)


def days_ago(days):
    return AS_OF - timedelta(days)


ADMITTED, DISCHARGED = days_ago(12), days_ago(10)


def tables(**rows):
    made = {}
    for name, table in TABLES.items():
        given = [
            dict.fromkeys(table.names)
            | {"patient_id": "p", "known_on": days_ago(400), "reversed": False, "source_row": "s"}
            | {"record_id": f"{name}{n}"}
            | row
            for n, row in enumerate(rows.get(name, []))
        ]
        made[name] = pa.Table.from_pylist(given, schema=table.schema)
    return made


def member(**row):
    return {"birth_on": date(1950, 1, 1), **row}


def cover(**row):
    return {"start_on": date(2020, 1, 1), **row}


def stay(kind="acute_inpatient", started=ADMITTED, ended=DISCHARGED, **row):
    return {"kind": kind, "started_on": started, "ended_on": ended, "known_on": ended or started,
            **row}  # fmt: skip


def one(carries=CARRIES, **rows):
    rows = {"member": [member()], "coverage": [cover()]} | rows
    people = population(tables(**rows), carries, AS_OF)
    assert list(people["patient_id"]) == ["p"]
    return people.iloc[0]


def test_alive_covered_and_discharged_ten_days_ago():
    person = one(encounter=[stay()])
    assert person["discharged_on"].date() == days_ago(10)
    assert person["left_out"] == ""


@pytest.mark.parametrize(("days", "recent"), [(29, True), (30, False)])
def test_a_discharge_counts_for_thirty_days(days, recent):
    person = one(encounter=[stay(started=days_ago(40), ended=days_ago(days))])
    assert (person["discharged_on"] == person["discharged_on"]) == recent


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ({"member": [member(death_on=days_ago(3), known_on=days_ago(1))]}, "died"),
        ({"member": [member(), member(record_id="member0", death_on=days_ago(3),
                                      known_on=days_ago(-1))]}, ""),  # known tomorrow
        ({"encounter": [stay(disposition="died")]}, "died"),
        ({"coverage": []}, "not covered"),
        ({"coverage": [cover(end_on=days_ago(1))]}, "not covered"),
        ({"coverage": [cover(end_on=days_ago(0))]}, ""),
        ({"coverage": [cover(), cover(record_id="coverage0", end_on=days_ago(9),
                                      known_on=days_ago(2))]}, "not covered"),
        ({"coverage": [cover(), cover(record_id="coverage0", known_on=days_ago(2),
                                      reversed=True)]}, "not covered"),
        ({"encounter": [stay(ended=None)]}, "in hospital now"),
        ({"encounter": [stay(kind="observation", ended=None)]}, "in hospital now"),
        ({"encounter": [stay(ended=None, record_id="e"), stay(record_id="e")]}, ""),
        ({"encounter": [stay(started=days_ago(59), ended=None)]}, "in hospital now"),
        ({"encounter": [stay(started=days_ago(60), ended=None)]}, ""),  # its end was lost
        ({"encounter": [stay(started=days_ago(40), ended=None), stay()]}, ""),
        ({"encounter": [stay(disposition="acute_transfer")]}, "transferred to another hospital"),
        ({"encounter": [stay(started=days_ago(14), ended=days_ago(12),
                             disposition="acute_transfer"), stay()]}, ""),
        ({"encounter": [stay(kind="skilled_nursing", ended=None)]}, "in a nursing facility now"),
        ({"encounter": [stay(kind="long_term_care", ended=None)]}, "in a nursing facility now"),
        ({"encounter": [stay(kind="skilled_nursing")]}, ""),
        ({"encounter": [stay(kind="skilled_nursing", ended=days_ago(-1), known_on=days_ago(3))]},
         "in a nursing facility now"),
        ({"encounter": [stay(), stay(kind="skilled_nursing", started=DISCHARGED, ended=None)]},
         "in a nursing facility now"),
        ({"encounter": [stay(kind="skilled_nursing", started=days_ago(30), ended=None), stay()]},
         ""),  # a hospital took him from there, and sent him elsewhere
        ({"encounter": [stay(kind="skilled_nursing", started=days_ago(60), ended=None)]}, ""),
        ({"encounter": [stay(kind="skilled_nursing", started=days_ago(3), ended=None),
                        stay(started=days_ago(1), ended=None)]}, "in hospital now"),
        ({"encounter": [stay(kind="hospice", ended=None)]}, "in hospice"),
        ({"encounter": [stay(kind="hospice", started=days_ago(120), ended=days_ago(90))]}, ""),
        ({"encounter": [stay(disposition="hospice")]}, "in hospice"),
        ({"member": [], "coverage": [cover(known_on=days_ago(-5))]},
         "nothing was known of this person"),
    ],
)  # fmt: skip
def test_why_somebody_is_left_out(rows, why):
    assert one(**rows)["left_out"] == why


def test_an_open_stay_beside_a_recent_discharge_is_in_hospital():
    person = one(encounter=[stay(), stay(started=days_ago(2), ended=None)])
    assert person["left_out"] == "in hospital now"
    assert person["discharged_on"].date() == days_ago(10)


def test_without_a_coverage_feed_everybody_known_is_covered():
    carries = [name for name in CARRIES if name != "coverage"]
    assert one(carries, coverage=[])["left_out"] == ""


def test_a_row_known_tomorrow_changes_nothing():
    rows = {"encounter": [stay()]}
    later = {"encounter": [stay(), stay(record_id="encounter0", known_on=days_ago(-1),
                                        disposition="died")]}  # fmt: skip
    assert one(**rows).equals(one(**later))


def test_a_discharge_known_late_is_seen_on_the_day_it_became_known():
    person = one(encounter=[
        stay(record_id="e", ended=None),
        stay(record_id="e", known_on=days_ago(4)),
        stay(record_id="e", known_on=days_ago(1), drg="291"),
    ])  # fmt: skip
    assert person["discharged_on"].date() == days_ago(10)
    assert person["discharge_seen_on"].date() == days_ago(4)


def test_cover_counts_since_its_last_gap():
    spans = [
        cover(end_on=date(2023, 5, 31)),
        cover(start_on=date(2023, 6, 1), end_on=date(2023, 12, 31)),  # no gap
        cover(start_on=date(2024, 2, 1)),  # January is the gap
    ]
    assert one(coverage=spans)["covered_since"].date() == date(2024, 2, 1)
    assert one(coverage=spans[:2])["covered_since"].date() == date(2020, 1, 1)
