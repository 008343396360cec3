"""The episode that a recent discharge ends, by what was known on the day: tiny tables."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from data.home import Home
from data.intake import current
from features.history import Histories
from serving.api.app import create_app
from serving.known_scores import known_of
from serving.population import RECENT, population
from tests.features.rows import CARRIES as EVERY_FEED
from tests.serving.client import Client
from tests.serving.test_api import patient, request
from tests.serving.test_population import AS_OF, CARRIES, cover, days_ago, member, stay, tables
from tests.training.test_outcome_oracle import stays_of_some
from training.cohorts.cohort import day_of, readmission_cohort
from training.cohorts.episodes import with_episodes
from training.settings.tasks import READMISSION

TOMORROW = days_ago(-1)


def at(start: int, end: int | None, hospital: str | None = "south", **given: Any) -> dict[str, Any]:
    """An acute stay from so many days ago until so many days ago."""
    ended = None if end is None else days_ago(end)
    return stay(started=days_ago(start), ended=ended, facility_id=hospital, **given)


LAST = at(12, 10, "north", record_id="last")


def ill(encounter: str, code: str = "J189", **given: Any) -> dict[str, Any]:
    told = {"encounter_id": encounter, "code_system": "ICD10CM", "code": code, "position": 1}
    return {**told, "happened_on": days_ago(10), "known_on": days_ago(10), **given}


SAME_DAY = at(20, 12, "north", record_id="before")
JOINED = [
    # beside the stay from 12 to 10 days ago in the hospital north: admitted so many days ago
    ("nothing", [], [], 12),
    ("another hospital until the same day", [at(20, 12)], [], 20),
    ("another hospital until the day before", [at(20, 13)], [], 20),
    ("another hospital until two days before", [at(20, 14)], [], 12),
    ("the same hospital until the same day", [at(20, 12, "north")], [], 12),
    ("an overlap in the same hospital", [at(20, 11, "north")], [], 20),
    ("a short stay in a long one", [at(30, 9), at(25, 20, "north")], [], 30),
    ("a chain of three", [at(20, 12), at(30, 21, "west")], [], 30),
    ("a chain that is broken", [at(20, 12), at(30, 22, "west")], [], 20),
    ("back in a hospital of the chain", [at(14, 12), at(20, 14, "north")], [], 20),
    ("a stay that is known tomorrow", [at(20, 12, known_on=TOMORROW)], [], 12),
    ("a stay that was withdrawn", [
        at(20, 12, record_id="e"),
        at(20, 12, record_id="e", known_on=days_ago(3), reversed=True)], [], 12),
    ("a stay that is withdrawn tomorrow", [
        at(20, 12, record_id="e"), at(20, 12, record_id="e", known_on=TOMORROW, reversed=True)],
     [], 20),
    ("a chain whose middle was withdrawn", [
        at(20, 12, record_id="e"), at(30, 21, "west"),
        at(20, 12, record_id="e", known_on=days_ago(3), reversed=True)], [], 12),
    ("a stay that was adjusted", [
        at(20, 12, record_id="e"), at(20, 15, record_id="e", known_on=days_ago(3))], [], 12),
    ("no hospital named, sent to another", [at(20, 13, None, disposition="acute_transfer")], [],
     20),
    ("no hospital named, sent home", [at(20, 12, None, disposition="home")], [], 12),
    ("a hospital named tomorrow", [
        at(20, 12, None, record_id="e"), at(20, 12, record_id="e", known_on=TOMORROW)], [], 12),
    ("back on the same day for the same", [SAME_DAY], [ill("before"), ill("last")], 20),
    ("back on the same day for another thing", [SAME_DAY], [ill("before"), ill("last", "N390")],
     12),
    ("back on the same day, for the same not first", [SAME_DAY],
     [ill("before"), ill("last", position=2)], 12),
    ("back on the next day for the same", [at(20, 13, "north", record_id="before")],
     [ill("before"), ill("last")], 12),
    ("back on the same day, for what is known tomorrow", [SAME_DAY],
     [ill("before"), ill("last", known_on=TOMORROW)], 12),
    ("back on the same day, its diagnosis corrected", [SAME_DAY],
     [ill("before"), ill("last", "N390", record_id="d"),
      ill("last", record_id="d", known_on=days_ago(3))], 20),
    ("observation until the same day", [at(20, 12, kind="observation")], [], 12),
    ("an open stay, whose end was lost", [at(13, None)], [], 13),
    ("an open stay, long ago", [at(20, None)], [], 12),
]  # fmt: skip


def told(stays: list[dict[str, Any]], diagnoses: list[dict[str, Any]]) -> tuple[pd.DataFrame, Any]:
    """What population says of one person, and the tables."""
    rows = tables(member=[member()], coverage=[cover()], encounter=[LAST, *stays],
                  diagnosis=diagnoses)  # fmt: skip
    return population(rows, CARRIES, AS_OF), rows


@pytest.mark.parametrize(("case", "stays", "diagnoses", "days"), JOINED,
                         ids=[row[0] for row in JOINED])  # fmt: skip
def test_the_episode_was_admitted(case, stays, diagnoses, days):
    people, rows = told(stays, diagnoses)
    [person] = people.to_dict("records")
    assert person["admitted_on"].date() == days_ago(days)

    left = (AS_OF - person["discharged_on"].date()).days
    yes = np.array([True])
    found = known_of(["p"], people["admitted_on"].to_numpy(), yes, yes,
                     Histories.of_tables(rows, CARRIES), AS_OF)  # fmt: skip
    lace = found.set_index("score").loc["lace", "low"]
    length = {1: 1, 2: 2, 3: 3, 4: 4, 5: 4, 6: 4, 7: 5, 10: 5, 20: 7, 21: 7}[days - left]
    assert lace == length, "L alone is known for certain"


def test_length_and_urgency_are_of_the_whole_episode():
    urgent = {**LAST, "admission_type": "emergency"}
    for before, lace in (([], 2 + 3), ([at(20, 12, admission_type="elective")], 5 + 0)):
        rows = tables(member=[member()], coverage=[cover()], encounter=[urgent, *before])
        admitted = population(rows, CARRIES, AS_OF)["admitted_on"].to_numpy()
        yes = np.array([True])
        held = Histories.of_tables(rows, EVERY_FEED)
        found = known_of(["p"], admitted, yes, yes, held, AS_OF).set_index("score").loc["lace"]
        assert (found["low"], found["high"], found["lacking"]) == (lace, lace, "")


def test_without_a_recent_discharge_there_is_no_episode():
    for stays in ([], [stay(started=days_ago(40), ended=days_ago(30))], [stay(ended=None)]):
        people = population(tables(member=[member()], encounter=stays), CARRIES, AS_OF)
        assert people["admitted_on"].isna().all()


def test_over_the_api_it_is_the_same(quick_home: Home) -> None:
    """From 14 to 20 May: 6 days; with the hospital before it 14, whatever else LACE counts."""
    moved = patient()
    moved["encounter"].append({
        "patient_id": "p1", "record_id": "p1-t", "kind": "acute_inpatient",
        "started_on": "2024-05-06", "ended_on": "2024-05-13", "known_on": "2024-05-13",
        "disposition": "acute_transfer",
    })  # fmt: skip
    with Client(create_app(quick_home)) as client:
        alone, both = (
            client.post("/v1/score", json=request(rows)).json()["patients"][0]["known_scores"][0]
            for rows in (patient(), moved)
        )
    assert (alone["name"], both["name"]) == ("lace", "lace")
    assert both["low"] - alone["low"] == 7 - 4
    assert both["high"] - alone["high"] == 7 - 4


FIRST = date(2024, 1, 1)
LATE = FIRST + timedelta(75)


@settings(max_examples=80)
@given(stays_of_some())
def test_where_all_is_known_it_is_trainings_episode(stays: pd.DataFrame) -> None:
    def day(number: float | None) -> date | None:
        return None if number is None else FIRST + timedelta(number)

    encounters, diagnoses = [], []
    for row in stays.astype(object).where(stays.notna(), None).to_dict("records"):
        encounters.append({
            "record_id": row["encounter_id"], "patient_id": row["patient_id"],
            "kind": "acute_inpatient", "started_on": day(row["admitted_on"]),
            "ended_on": day(row["discharged_on"]), "facility_id": row["facility_id"],
            "disposition": row["disposition"], "known_on": LATE,
        })  # fmt: skip
        if row["principal_code"]:
            diagnoses.append({
                "patient_id": row["patient_id"], "encounter_id": row["encounter_id"],
                "code_system": "ICD10CM", "code": row["principal_code"], "position": 1,
                "happened_on": day(row["admitted_on"]), "known_on": LATE,
            })  # fmt: skip
    people = population(tables(encounter=encounters, diagnosis=diagnoses), CARRIES, LATE)
    found = people.set_index("patient_id")["admitted_on"].dropna().dt.date.to_dict()

    joined = with_episodes(stays)
    joined["began"] = joined.groupby("episode")["admitted_on"].transform("min")
    closed = joined[joined["discharged_on"] > 75 - RECENT.days]
    last = closed.sort_values(["discharged_on", "admitted_on", "encounter_id"], kind="stable")
    expected = last.groupby("patient_id").tail(1).set_index("patient_id")["began"]
    assert found == {who: day(began) for who, began in expected.items()}


def test_on_the_invented_population_it_is_trainings_episode(small_home: Home) -> None:
    taken = current(small_home)
    through = date.fromisoformat(taken.manifest["data_through"])
    compared = transfers = 0
    for back in range(0, 600, RECENT.days):
        as_of = through - timedelta(days=back)
        people = population(taken.tables, taken.manifest["carries"], as_of)
        night = people.set_index("patient_id")["admitted_on"].dropna().map(day_of)
        seen = taken.manifest | {"data_through": as_of.isoformat()}
        every = readmission_cohort(taken.tables, seen, READMISSION).every
        last_day = day_of(as_of)
        recent = every[every["discharged_on"].between(last_day - RECENT.days + 1, last_day)]
        last = recent.sort_values(["discharged_on", "admitted_on"], kind="stable")
        trained = last.groupby("patient_id").tail(1).set_index("patient_id")
        both = night.index.intersection(trained.index)
        assert night[both].tolist() == trained.loc[both, "admitted_on"].tolist()
        assert trained.index.difference(night.index).empty
        compared += len(both)
        transfers += int((trained.loc[both, "stays"] > 1).sum())
    assert compared > 300
    assert transfers > 5
