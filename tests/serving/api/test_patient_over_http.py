"""One patient's page: his risks over time, and what is said where something is lacking."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest

from serving.store import ENTRY_COLUMNS, Store
from tests.serving.a_night import a_night
from tests.serving.api.manned import Manned, manifest
from tests.serving.client import Client

DISCHARGED = date(2024, 12, 20)


def publish(client: Client, day: date, all_days: float, left: float, version: str,
            data: dict[str, str] | None = None) -> None:  # fmt: skip
    """A night of a1, discharged on DISCHARGED, by a readmission model of this version."""
    store = Store(client.app.state.service.database)
    scores, told, _, _, known = a_night("a1")
    scores = scores.assign(
        readmission_risk=left, readmission_all_days_risk=all_days, readmission_tier="high",
        readmission_asked_on=day, discharged_on=DISCHARGED, readmission_null_reason=None,
    )  # fmt: skip
    models = {
        "readmission": {"version": version, "horizon_days": 30},
        "high-cost": {"version": "h", "horizon_days": 365},
    }
    entries = pd.DataFrame([(1, 1, "a1", "high", "high cost")], columns=list(ENTRY_COLUMNS))
    about = manifest(models=models, warnings=["without a feed of admissions nobody is recent"])
    about |= {} if data is None else {"data": data}
    store.publish(store.start(day), scores, told, entries, about, known)


def page(client: Client, staff: Manned) -> dict[str, Any]:
    return client.get("/v1/patients/a1", headers=staff.header("ann")).json()


def test_over_time_the_days_left_and_the_model_stand_beside_each_risk(
    anew: Client, fresh: Manned
) -> None:
    publish(anew, date(2025, 1, 4), 0.20, 0.12, "one")  # 15 days after: 15 of 30 are left
    publish(anew, date(2025, 1, 14), 0.20, 0.04, "two")  # 25 days after: 5 are left
    told = page(anew, fresh)["over_time"][-2:]
    names = ("readmission_risk", "readmission_days_left", "readmission_all_days_risk", "models")
    assert {one["discharged_on"] for one in told} == {DISCHARGED.isoformat()}
    assert [tuple(one[name] for name in names) for one in told] == [
        (0.12, 15, 0.20, {"readmission": "one", "high-cost": "h"}),
        (0.04, 5, 0.20, {"readmission": "two", "high-cost": "h"}),
    ]


def test_what_holds_of_the_whole_night_is_said_of_each_patient(anew: Client, fresh: Manned) -> None:
    publish(anew, date(2025, 1, 4), 0.20, 0.12, "one")
    assert page(anew, fresh)["run_warnings"] == ["without a feed of admissions nobody is recent"]


def test_a_list_that_is_days_old_says_so_of_real_people(
    anew: Client, fresh: Manned, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = type(anew.app.state.service)
    day = date(2025, 1, 4)
    old = "this list is of 2025-01-04, 4 days ago: what is newer is not in it"
    for origin, later, told in (("own", 3, False), ("own", 4, True), ("invented", 4, False)):
        publish(anew, day, 0.20, 0.12, "one", {"origin": origin, "generation": "g"})
        on = property(lambda _, days=later: day + timedelta(days))
        monkeypatch.setattr(service, "today", on)
        assert (old in page(anew, fresh)["run_warnings"]) is told
        listed = anew.get("/v1/worklist", headers=fresh.header("ann")).json()
        assert (old in listed["warnings"]) is told
        card = anew.get("/fhir/R4/RiskAssessment?patient=Patient/a1", headers=fresh.header("all"))
        assert (old in card.text) is told


def test_where_no_rows_are_at_hand_nothing_is_taken_for_an_empty_history(
    client: Client, staff: Manned
) -> None:
    said = "the timeline cannot be read here: what was taken in is not at hand"
    assert said in page(client, staff)["warnings"]
    header = staff.header("ann")
    evidence = client.get(
        "/v1/patients/a1/evidence", params={"concept": "emergency visits"}, headers=header
    )
    anew = client.post("/v1/patients/a1/rescore", headers=header)
    for answer in (evidence, anew):
        assert answer.status_code == 503
        assert answer.json()["type"] == "urn:firstcall:problem:not-ready"
        assert str(staff.home.root) not in answer.text
