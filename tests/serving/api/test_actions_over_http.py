"""A case manager records what was done: once, undone, never overwritten; on both databases."""

from __future__ import annotations

import contextlib
from datetime import UTC, date, datetime, timedelta

import pytest

from data.errors import InputError
from serving.access.accounts import change_account
from serving.access.service_tokens import add_token
from serving.access.sessions import SessionSettings, begin_session
from serving.store.audit import Audit, AuditKey
from serving.store.database import Database
from serving.store.record_tables import action, audit
from tests.serving.a_night import NIGHT
from tests.serving.api.manned import Manned, publish, rows
from tests.serving.client import Client

ANN_1, BOB_1, ANN_2 = "2024-12-31.1:1", "2024-12-31.1:2", "2024-12-31.1:3"
SOON = (date.today() + timedelta(days=9)).isoformat()


def act(client: Client, staff: Manned, kind: str, entry: str = ANN_1, who: str = "ann",
        key: str | None = None, **more: object):  # fmt: skip
    headers = staff.header(who) | ({"idempotency-key": key} if key else {})
    return client.post(f"/v1/worklist/{entry}/actions", json={"kind": kind} | more, headers=headers)


def mine(client: Client, staff: Manned, who: str = "ann", **query: object) -> list[str]:
    answer = client.get("/v1/worklist", params=query, headers=staff.header(who)).json()
    return [one["patient_id"] for one in answer["patients"]]


def database(client: Client) -> Database:
    return client.app.state.service.database


def test_whoever_was_reached_leaves_the_list_and_an_undo_brings_him_back(
    anew: Client, fresh: Manned
) -> None:
    assert mine(anew, fresh) == ["a1", "a2"]
    done = act(anew, fresh, "contacted", note="well; drugs reconciled\nvisit on Friday")
    assert done.status_code == 201
    told = done.json()
    assert told["standing"]["status"] == "contacted"
    assert told["who"] == "ann"
    assert mine(anew, fresh) == ["a2"]
    assert mine(anew, fresh, status="contacted") == ["a1"]
    assert mine(anew, fresh, status="any") == ["a1", "a2"]
    undone = act(anew, fresh, "undo", undoes=told["action_id"])
    assert undone.json()["standing"]["status"] == "open"
    assert mine(anew, fresh) == ["a1", "a2"]
    page = anew.get("/v1/patients/a1", headers=fresh.header("ann")).json()
    assert [(one["kind"], one["note"]) for one in page["actions"]] == [
        ("undo", None), ("contacted", "well; drugs reconciled\nvisit on Friday"),
    ]  # fmt: skip


def test_the_same_key_is_done_once_and_answered_the_same(anew: Client, fresh: Manned) -> None:
    first = act(anew, fresh, "no_answer", key="key-00000001")
    again = act(anew, fresh, "no_answer", key="key-00000001")
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert len(rows(database(anew), action)) == 1
    other = act(anew, fresh, "contacted", key="key-00000001")
    assert other.status_code == 422
    assert other.json()["type"] == "urn:firstcall:problem:key-reused"
    assert act(anew, fresh, "no_answer", BOB_1, "bob", key="key-00000001").status_code == 201


def test_a_key_is_answered_the_same_whatever_changed_since(
    anew: Client, fresh: Manned, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The panel, the day, and what `seen` is compared with: none makes a retry a new request."""
    asked = {"key": "key-00000001", "until": SOON, "seen": "none"}
    first = act(anew, fresh, "deferred", **asked)
    assert first.status_code == 201
    publish(database(anew), {"b2": 2, "a1": 2})  # a night gives a1 to bob
    later = property(lambda _: date.today() + timedelta(days=30))
    monkeypatch.setattr(type(anew.app.state.service), "today", later)  # SOON is over
    again = act(anew, fresh, "deferred", **asked)
    assert (again.status_code, again.content) == (201, first.content)
    assert act(anew, fresh, "deferred", until=SOON, key="key-00000002").status_code == 422
    assert len(rows(database(anew), action)) == 1


def test_a_key_outlives_another_role(anew: Client, fresh: Manned) -> None:
    first = act(anew, fresh, "contacted", key="key-00000001")
    change_account(database(anew), "ann", role="supervisor")
    with database(anew).writing() as connection:
        session = begin_session(connection, "ann", SessionSettings(), datetime.now(UTC))
    headers = {"authorization": f"Bearer {session}", "idempotency-key": "key-00000001"}
    again = anew.post(f"/v1/worklist/{ANN_1}/actions", json={"kind": "contacted"}, headers=headers)
    assert (again.status_code, again.content) == (201, first.content)
    assert len(rows(database(anew), action)) == 1


def test_what_somebody_else_wrote_is_not_in_an_answer_that_is_kept(
    anew: Client, fresh: Manned
) -> None:
    override = {"tier": "low", "reason": "in a programme of the county already"}
    own = act(anew, fresh, "override", who="sue", key="key-00000001", **override)
    assert own.json()["standing"]["override_reason"] == override["reason"]
    other = act(anew, fresh, "contacted", key="key-00000001").json()["standing"]
    assert (other["override_tier"], other["override_reason"]) == ("low", None)


@pytest.mark.parametrize(("nights_later", "status"), [(1, 201), (7, 201), (8, 403)])
def test_whom_a_night_deals_to_another_can_still_be_recorded_from_the_list_of_the_call(
    anew: Client, fresh: Manned, nights_later: int, status: int
) -> None:
    """ann calls a1 from her list; the night after deals him to bob."""
    publish(database(anew), {"b2": 2, "a1": 2}, NIGHT + timedelta(days=nights_later))
    done = act(anew, fresh, "contacted")
    assert done.status_code == status
    if status == 201:
        undone = act(anew, fresh, "undo", undoes=done.json()["action_id"])
        assert undone.json()["standing"]["status"] == "open"
    assert act(anew, fresh, "contacted", who="bob").status_code == 201
    assert anew.get("/v1/patients/a1", headers=fresh.header("ann")).status_code == 403


def test_do_not_contact_stands_whatever_else_is_recorded(anew: Client, fresh: Manned) -> None:
    stop = act(anew, fresh, "do_not_contact").json()["action_id"]
    for kind, more in (("no_answer", {}), ("deferred", {"until": SOON}), ("contacted", {})):
        told = act(anew, fresh, kind, who="sue", **more).json()["standing"]
        assert (told["status"], told["who"]) == ("do not contact", "ann")
    assert mine(anew, fresh) == ["a2"]
    told = act(anew, fresh, "undo", undoes=stop).json()["standing"]
    assert (told["status"], told["who"]) == ("contacted", "sue")


def test_a_digit_of_another_script_names_no_place(client: Client, staff: Manned) -> None:
    for entry in ("2024-12-31.1:\u0662", "\u0662024-12-31.1:2"):
        assert act(client, staff, "contacted", entry).status_code == 422


def test_one_request_sent_many_times_at_once_is_done_once_and_answered_alike(
    anew: Client, fresh: Manned
) -> None:
    asked = {"json": {"kind": "no_answer", "seen": "none"}}
    headers = fresh.header("ann") | {"idempotency-key": "key-00000001"}
    answers = anew.posts(f"/v1/worklist/{ANN_1}/actions", 12, headers=headers, **asked)
    assert {(one.status_code, one.content) for one in answers} == {(201, answers[0].content)}
    assert len(rows(database(anew), action)) == 1


def test_a_program_that_is_called_as_somebody_has_keys_of_its_own(
    anew: Client, fresh: Manned
) -> None:
    done = act(anew, fresh, "no_answer", key="key-00000001").json()
    day = date.today() + timedelta(days=2)
    with contextlib.suppress(InputError):  # the name is refused at all
        token = add_token(database(anew), "ann", ["actions"], day)
        headers = {"authorization": f"Bearer {token}", "idempotency-key": "key-00000001"}
        other = anew.post(
            f"/v1/worklist/{ANN_1}/actions", json={"kind": "no_answer"}, headers=headers
        )
        assert other.json()["action_id"] != done["action_id"]


def test_two_people_on_one_patient_do_not_overwrite_each_other(anew: Client, fresh: Manned) -> None:
    first = act(anew, fresh, "no_answer", seen="none").json()
    late = act(anew, fresh, "declined", who="sue", seen="none")
    assert late.status_code == 409
    assert late.json()["type"] == "urn:firstcall:problem:moved-on"
    seen = first["standing"]["newest_action"]
    assert act(anew, fresh, "declined", who="sue", seen=seen).status_code == 201


def test_a_deferred_call_comes_back_on_its_day(anew: Client, fresh: Manned) -> None:
    told = act(anew, fresh, "deferred", until=SOON).json()
    assert told["standing"]["until"] == SOON
    assert mine(anew, fresh) == ["a2"]


def test_an_override_with_its_reason_stays_beside_the_score(anew: Client, fresh: Manned) -> None:
    act(anew, fresh, "override", tier="low", reason="in a programme of the county already")
    [first, _] = anew.get("/v1/worklist", headers=fresh.header("ann")).json()["patients"]
    assert first["tier"] == "high"
    assert first["standing"]["override_tier"] == "low"
    assert first["standing"]["override_reason"] == "in a programme of the county already"
    assert first["standing"]["status"] == "open"


def test_a_note_alone_is_kept_and_moves_nobody(anew: Client, fresh: Manned) -> None:
    act(anew, fresh, "no_answer")
    told = act(anew, fresh, "note", note="speaks Polish").json()
    assert told["standing"]["status"] == "no answer"
    assert told["standing"]["newest_action"] == told["action_id"]
    page = anew.get("/v1/patients/a1", headers=fresh.header("ann")).json()
    assert [(one["kind"], one["note"]) for one in page["actions"]] == [
        ("note", "speaks Polish"), ("no_answer", None),
    ]  # fmt: skip
    assert act(anew, fresh, "undo", undoes=told["action_id"]).status_code == 201


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"kind": "called"}, "kind"),
        ({"kind": "note"}, "note"),
        ({"kind": "deferred"}, "until"),
        ({"kind": "deferred", "until": "2020-01-01"}, "until"),
        ({"kind": "override", "tier": "high"}, "reason"),
        ({"kind": "closed", "reason": " "}, "reason"),
        ({"kind": "contacted", "note": "x" * 2001}, "note"),
        ({"kind": "contacted", "note": "a\x00b"}, "note"),
        ({"kind": "contacted", "diagnosis": "x"}, "diagnosis"),
        ({"kind": "undo", "undoes": "0" * 32}, "undoes"),
        ({"kind": "contacted", "seen": "yesterday"}, "seen"),
    ],
)
def test_what_does_not_fit_is_refused_by_field_and_nothing_is_recorded(
    client: Client, staff: Manned, sent: dict[str, str], field: str
) -> None:
    answer = client.post(f"/v1/worklist/{ANN_2}/actions", json=sent, headers=staff.header("ann"))
    assert answer.status_code == 422
    assert field in [error["field"] for error in answer.json()["errors"]]
    assert not rows(database(client), action)


def test_an_action_at_a_place_of_an_older_list_is_about_who_stood_there(
    anew: Client, fresh: Manned
) -> None:
    publish(database(anew), {"b2": 2, "a1": 1})
    assert act(anew, fresh, "contacted", ANN_1).status_code == 201
    assert mine(anew, fresh) == []
    [kept] = rows(database(anew), action)
    assert (kept["patient_id"], kept["run_id"], kept["rank"]) == ("a1", "2024-12-31.1", 1)
    assert act(anew, fresh, "contacted", "2024-12-31.9:1", "sue").status_code == 404


def test_every_look_and_action_is_in_the_record_with_run_and_model(
    anew: Client, fresh: Manned
) -> None:
    act(anew, fresh, "contacted")
    anew.get("/v1/patients/a2", headers=fresh.header("ann"))
    anew.get("/v1/worklist", headers=fresh.header("bob"))
    anew.get("/v1/patients/b1", headers=fresh.header("ann"))  # refused
    told = [
        (row["who"], row["what"], row["patient_id"], row["run_id"])
        for row in rows(database(anew), audit)
    ]
    run = "2024-12-31.1"
    assert told == [
        ("ann", "action", "a1", run), ("ann", "patient", "a2", run),
        ("bob", "worklist", "b1", run), ("bob", "worklist", "b2", run),
        ("ann", "refused", "b1", None),
    ]  # fmt: skip
    record = Audit(database(anew), AuditKey.of_home(fresh.home))
    verified = record.verify()
    assert (verified.wrong, verified.older) == (None, 0)
    assert record.of_patient("a2")[0]["detail"]["models"]["readmission"] == "0f8fad5bd9cb469f"


def test_where_nothing_can_be_recorded_nothing_is_shown(anew: Client, fresh: Manned) -> None:
    from serving.store.record_tables import audit_head

    anew.get("/v1/worklist", headers=fresh.header("ann"))
    with database(anew).writing() as connection:
        connection.execute(audit_head.update().values(seal="0" * 64))
    for path in ("/v1/worklist", "/v1/patients/a1", "/v1/patients"):
        answer = anew.get(path, headers=fresh.header("ann"))
        assert answer.status_code == 503
        assert '"a1"' not in answer.text
    assert act(anew, fresh, "contacted").status_code == 503
    assert not rows(database(anew), action)
