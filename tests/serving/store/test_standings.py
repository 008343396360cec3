"""Where patients stand: who is discharged again is to be called again, by what was known when."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from serving.store import Store, actions
from serving.store.actions import NewAction
from serving.store.audit import Audit, AuditKey
from serving.store.database import Database
from tests.serving.a_night import a_night

JANUARY, MARCH = date(2025, 1, 5), date(2025, 3, 5)
FIRST, AGAIN = date(2025, 1, 2), date(2025, 3, 3)
SOON = MARCH + timedelta(days=9)


def publish(database: Database, day: date, discharged_on: date | None) -> str:
    """A night of "p", whose last discharge of these days is `discharged_on`."""
    store = Store(database)
    scores, *others = a_night("p")
    run_id = store.start(day)
    store.publish(run_id, scores.assign(discharged_on=discharged_on), *others)
    return run_id


def act(database: Database, run_id: str, new: NewAction) -> actions.Action:
    record = Audit(database, AuditKey(b"k" * 32))
    with database.writing() as connection:
        return actions.take(connection, record, new, "p", run_id, 1, "ann", "case_manager")


def standing(database: Database) -> actions.Status:
    with database.reading() as connection:
        return actions.standings(connection, ["p", "nobody"], MARCH)["p"]


def stands(database: Database) -> str:
    return standing(database).name


@pytest.mark.parametrize(("told_then", "told_now", "kind", "status"), [
    # told by the list of the call, told now, what was done   → stands
    (FIRST, FIRST, "contacted", "contacted"),  # the same discharge
    (FIRST, AGAIN, "contacted", "open"),
    (None, AGAIN, "contacted", "open"),  # called about cost, discharged since
    (FIRST, None, "contacted", "contacted"),  # no discharge of late
    (None, None, "contacted", "contacted"),
    (FIRST, AGAIN, "no_answer", "open"),
    (FIRST, AGAIN, "declined", "open"),
    (FIRST, AGAIN, "enrolled", "open"),
    (FIRST, AGAIN, "closed", "open"),
    (FIRST, AGAIN, "deferred", "open"),
    (FIRST, AGAIN, "do_not_contact", "do not contact"),
    (AGAIN, FIRST, "contacted", "contacted"),  # the later stay was withdrawn by its source
])  # fmt: skip
def test_a_discharge_that_the_list_of_the_call_did_not_tell_opens_anew(
    database: Database, told_then, told_now, kind, status
) -> None:
    run_id = publish(database, JANUARY, told_then)
    until, reason = (SOON if kind == "deferred" else None), ("moved" if kind == "closed" else None)
    act(database, run_id, NewAction(kind, until=until, reason=reason))
    publish(database, MARCH, told_now)
    now = standing(database)
    assert now.name == status
    assert (now.before and now.before.kind) == (kind if status == "open" else None)


@pytest.mark.parametrize(("told_then", "told_now", "tier"), [
    (FIRST, FIRST, "low"), (FIRST, AGAIN, None), (None, AGAIN, None), (FIRST, None, "low"),
])  # fmt: skip
def test_an_override_does_not_outlive_the_discharge_that_it_was_made_about(
    database: Database, told_then, told_now, tier
) -> None:
    low = NewAction("override", tier="low", reason="in a programme of the county already")
    act(database, publish(database, JANUARY, told_then), low)
    run_id = publish(database, MARCH, told_now)
    found = standing(database).override
    assert (found and found.tier) == tier
    act(database, run_id, low)
    found = standing(database).override
    assert found is not None


def test_what_a_discharge_opened_stays_open_when_no_run_tells_it_any_more(
    database: Database,
) -> None:
    """A run tells the discharges of the last 30 days."""
    run_id = publish(database, JANUARY, None)
    act(database, run_id, NewAction("override", tier="low", reason="in a programme already"))
    act(database, run_id, NewAction("declined"))
    publish(database, MARCH, AGAIN)
    publish(database, MARCH + timedelta(days=40), None)
    now = standing(database)
    assert (now.name, now.before and now.before.kind) == ("open", "declined")
    assert now.override is None


def test_whoever_is_called_after_the_window_of_his_discharge_is_done(database: Database) -> None:
    """The list of the call tells no discharge any more, but the runs before it did."""
    publish(database, MARCH, AGAIN)
    run_id = publish(database, MARCH + timedelta(days=40), None)
    act(database, run_id, NewAction("contacted"))
    assert stands(database) == "contacted"
    publish(database, MARCH + timedelta(days=41), None)
    assert stands(database) == "contacted"


def test_a_call_that_is_due_is_told_with_what_stood(database: Database) -> None:
    run_id = publish(database, JANUARY, None)
    act(database, run_id, NewAction("deferred", until=MARCH))
    now = standing(database)
    assert (now.name, now.before and now.before.kind, now.until) == ("open", "deferred", None)


@pytest.mark.parametrize("kind", ["no_answer", "contacted", "enrolled", "declined", "deferred"])
def test_do_not_contact_outlasts_every_other_action_until_it_is_undone(
    database: Database, kind
) -> None:
    run_id = publish(database, JANUARY, FIRST)
    stop = act(database, run_id, NewAction("do_not_contact"))
    act(database, run_id, NewAction(kind, until=MARCH if kind == "deferred" else None))
    publish(database, MARCH, AGAIN)
    assert stands(database) == "do not contact"
    act(database, run_id, NewAction("undo", undoes=stop.action_id))
    assert stands(database) == "open"


def test_what_was_known_counts_and_not_the_day_of_the_discharge(database: Database) -> None:
    """The discharge of 2 January is known by the list of March only; the call was in between."""
    act(database, publish(database, JANUARY, None), NewAction("contacted"))
    publish(database, MARCH, FIRST)
    assert stands(database) == "open"


def test_a_call_about_the_new_discharge_closes_it_and_its_undo_opens_it(database: Database) -> None:
    act(database, publish(database, JANUARY, FIRST), NewAction("contacted"))
    run_id = publish(database, MARCH, AGAIN)
    assert stands(database) == "open"
    done = act(database, run_id, NewAction("contacted"))
    assert stands(database) == "contacted"
    act(database, run_id, NewAction("undo", undoes=done.action_id))
    assert stands(database) == "open"
