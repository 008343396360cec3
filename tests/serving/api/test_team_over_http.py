"""The team over HTTP, and patients moved from one panel to another: on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import sqlalchemy as sa

from serving.store import ENTRY_COLUMNS, Store
from serving.store.database import Database
from serving.store.night_tables import score
from serving.store.record_tables import audit
from serving.worklist import BEYOND_CAPACITY
from tests.serving.a_night import a_night
from tests.serving.api.manned import Manned, manifest, rows
from tests.serving.api.test_actions_over_http import act, database, mine
from tests.serving.client import Client

NOW = datetime.now(UTC)
LATE, LATER = (NOW - timedelta(hours=5)).isoformat(), (NOW + timedelta(hours=5)).isoformat()
LEFT = NOW.date() - timedelta(days=2)
PANELS = [{"number": n, "name": name, "slots": 2} for n, name in ((1, "North"), (2, ""), (3, ""))]


def publish_due(held: Database, *places: tuple[str, int, str | None], **told: object) -> str:
    """A night of today whose places are due: patient, panel and when; its manifest has `told`."""
    store = Store(held)
    scores, reasons, _, _, known = a_night(*(patient for patient, *_ in places))
    due = {patient: at for patient, _, at in places}
    scores["discharged_on"] = [LEFT if due[p] else None for p in scores["patient_id"]]
    entries = pd.DataFrame(
        [(n, panel, p, "high", "high cost", at) for n, (p, panel, at) in enumerate(places, 1)],
        columns=[*ENTRY_COLUMNS, "due_at"],
    )
    run_id = store.start(NOW.date() - timedelta(days=1))
    about = manifest(panels=PANELS, enrolled={"1": 4}, data={"origin": "own", "generation": "g",
                                          "carries": ["encounter"]})  # fmt: skip
    store.publish(run_id, scores, reasons, entries, about | told, known)
    return run_id


def move(client: Client, staff: Manned, came_from: int, to: int | None, *patients: str,
         who: str = "sue"):  # fmt: skip
    body = {"from": came_from, "to": to, "patients": [*patients] or None}
    return client.post("/v1/panel-moves", json=body, headers=staff.header(who))


def team(client: Client, staff: Manned):
    return client.get("/v1/team", headers=staff.header("sue")).json()


def test_the_team_counts_the_work_of_each_panel(anew: Client, fresh: Manned) -> None:
    run_id = publish_due(
        database(anew), ("a1", 1, LATE), ("b1", 2, LATE), ("a2", 1, LATER), ("b2", 2, LATE)
    )
    act(anew, fresh, "no_answer", f"{run_id}:1")
    act(anew, fresh, "contacted", f"{run_id}:2", "bob")
    told = team(anew, fresh)
    counts = ("number", "name", "people", "places", "listed", "to_call", "overdue")
    assert [tuple(one[name] for name in counts) for one in told["panels"]] == [
        (1, "North", ["ann", "eva"], 2, 2, 2, 1), (2, "", ["bob"], 2, 2, 1, 1),
        (3, "", [], 2, 0, 0, 0),
    ]  # fmt: skip
    assert [one["enrolled"] for one in told["panels"]] == [4, 0, 0]
    assert told["has_admissions"]
    late = {"due before it was listed": 2, "nobody called": 1}  # the list came after LATE
    assert told["outreach"] == {
        "due": 3, "outcomes": late, "recorded": {"no_answer": 1, "contacted": 1},
    }  # fmt: skip
    assert [one["outreach"]["due"] for one in told["panels"]] == [1, 2, 0]


def test_what_was_taken_back_does_not_count(anew: Client, fresh: Manned) -> None:
    run_id = publish_due(database(anew), ("a1", 1, LATE))
    made = act(anew, fresh, "contacted", f"{run_id}:1").json()["action_id"]
    act(anew, fresh, "undo", f"{run_id}:1", undoes=made)
    assert team(anew, fresh)["outreach"] == {
        "due": 1, "outcomes": {"nobody called": 1}, "recorded": {},
    }  # fmt: skip


def test_the_overdue_are_found_on_the_list(anew: Client, fresh: Manned) -> None:
    publish_due(database(anew), ("a1", 1, LATE), ("b1", 2, LATE), ("a2", 1, LATER), ("b2", 2, None))
    assert mine(anew, fresh, "sue", overdue=True, status="any") == ["a1", "b1"]
    assert mine(anew, fresh, "ann", overdue=True) == ["a1"]
    assert mine(anew, fresh, "ann") == ["a1", "a2"]


def test_whoever_is_moved_changes_hands_at_once(anew: Client, fresh: Manned) -> None:
    assert (mine(anew, fresh, "ann"), mine(anew, fresh, "bob")) == (["a1", "a2"], ["b1", "b2"])
    made = move(anew, fresh, 1, 2, "a1")
    assert made.status_code == 201
    assert (made.json()["moved"], made.json()["stayed"]) == (1, 0)
    assert (mine(anew, fresh, "ann"), mine(anew, fresh, "bob")) == (["a2"], ["a1", "b1", "b2"])
    assert anew.get("/v1/patients/a1", headers=fresh.header("ann")).status_code == 403
    assert anew.get("/v1/patients/a1", headers=fresh.header("bob")).json()["manager"] == 2
    assert anew.get("/v1/patients/a1", headers=fresh.header("bob")).json()["place"]["manager"] == 2
    again = move(anew, fresh, 1, 2, "a1")
    assert (again.status_code, again.json()["type"][-8:]) == (409, "moved-on")
    undo = f"/v1/panel-moves/{made.json()['move_id']}/undo"
    assert anew.post(undo, headers=fresh.header("sue")).json()["moved"] == 1
    assert mine(anew, fresh, "ann") == ["a1", "a2"]
    assert anew.post(undo, headers=fresh.header("sue")).status_code == 409


def test_whoever_called_him_from_his_own_list_still_records_it(anew: Client, fresh: Manned) -> None:
    move(anew, fresh, 1, 2, "a1")
    assert act(anew, fresh, "contacted").status_code == 201
    assert mine(anew, fresh, "bob") == ["b1", "b2"]


def test_a_whole_panel_goes_to_the_others_with_who_is_not_listed_today(
    anew: Client, fresh: Manned
) -> None:
    """a1, a2 and old are in panel 1; 2 holds b1 of its two places, 3 none of two."""
    publish_due(database(anew), ("old", 1, None))
    publish_due(database(anew), ("a1", 1, None), ("b1", 2, None), ("a2", 1, None))
    assert move(anew, fresh, 1, None).json()["moved"] == 3
    told = {p: anew.get("/v1/patients", params={"id_begins": p}, headers=fresh.header("sue"))
            .json()["patients"][0]["manager"] for p in ("a1", "a2", "b1")}  # fmt: skip
    assert told == {"a1": 3, "a2": 2, "b1": 2}
    assert anew.app.state.service.store.manager_of("old") in (2, 3)
    assert [one["listed"] for one in team(anew, fresh)["panels"]] == [0, 2, 1]


def test_what_cannot_be_moved_is_refused_in_one_sentence(anew: Client, fresh: Manned) -> None:
    for came_from, to, detail in (
        (1, 9, "to names no panel of the list"),
        (1, 1, "to must be another panel than that in which they are"),
    ):
        answer = move(anew, fresh, came_from, to, "a1")
        assert (answer.status_code, answer.json()["detail"]) == (422, detail)
    assert move(anew, fresh, 2, 1, "a1", "nobody").status_code == 409
    assert mine(anew, fresh, "ann") == ["a1", "a2"]


def test_nobody_but_a_supervisor_moves_anybody(anew: Client, fresh: Manned) -> None:
    for who in ("ann", "ida", "max", "scope runs"):
        assert move(anew, fresh, 1, 2, "a1", who=who).status_code == 403
    refused = [one for one in rows(database(anew), audit) if one["what"] == "refused"]
    assert len(refused) == 4


def test_who_was_discharged_and_has_no_place_is_named(anew: Client, fresh: Manned) -> None:
    publish_due(database(anew), ("a1", 1, LATE), ("b1", 2, LATE), ("a2", 1, LATE), ("b2", 2, LATE))
    told = [
        ("b1", BEYOND_CAPACITY, "low"), ("a1", "in hospice", "high"), ("a2", None, "high"),
        ("b2", BEYOND_CAPACITY, "high"),
    ]  # fmt: skip
    with database(anew).writing() as connection:
        for patient, left_out, tier in told:
            connection.execute(
                sa.update(score)
                .where(score.c.patient_id == patient, score.c.discharged_on.is_not(None))
                .values(left_out=left_out, readmission_tier=tier)
            )
    answer = anew.get("/v1/team/unlisted", headers=fresh.header("sue")).json()
    assert [(one["patient_id"], one["manager"]) for one in answer["patients"]] == [
        ("b2", 2), ("b1", 2),
    ]  # fmt: skip
    assert not answer["has_more"]
    first = anew.get("/v1/team/unlisted?limit=1", headers=fresh.header("sue")).json()
    assert [one["patient_id"] for one in first["patients"]] == ["b2"]
    assert first["has_more"]
    looks = [one for one in rows(database(anew), audit) if one["what"] == "unlisted"]
    assert [one["patient_id"] for one in looks] == ["b2", "b1", "b2"]
