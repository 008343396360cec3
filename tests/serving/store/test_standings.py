"""Where patients stand: who is discharged again is to be called again, by what was known when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from serving.guidelines import Guidelines
from serving.store import Store, actions, standings
from serving.store.actions import ActionKind, NewAction
from serving.store.audit import Audit, AuditKey
from serving.store.database import Database
from serving.store.retention import retire
from tests.serving.a_night import a_night

JANUARY, MARCH = date(2025, 1, 5), date(2025, 3, 5)
FIRST, AGAIN = date(2025, 1, 2), date(2025, 3, 3)
SOON = MARCH + timedelta(days=9)


def publish(database: Database, day: date, discharged_on: date | None, listed: bool = True) -> str:
    """A night of "p", whose last discharge of these days is `discharged_on`."""
    store = Store(database)
    scores, *others = a_night("p") if listed else a_night(unlisted=["p"])
    run_id = store.start(day)
    store.publish(run_id, scores.assign(discharged_on=discharged_on), *others)
    return run_id


def act(database: Database, run_id: str, new: NewAction) -> actions.Action:
    record = Audit(database, AuditKey(b"k" * 32))
    with database.writing() as connection:
        return actions.take(connection, record, new, "p", run_id, 1, "ann", "case_manager")


def standing(database: Database) -> standings.Status:
    with database.reading() as connection:
        return standings.standings(connection, ["p", "nobody"], MARCH)["p"]


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


def test_a_list_of_a_mistyped_day_hides_no_later_discharge(database: Database) -> None:
    """It was replaced by one of an earlier day: what was published last is the newest."""
    run_id = publish(database, JANUARY, FIRST)
    act(database, run_id, NewAction("contacted"))
    publish(database, MARCH + timedelta(days=20), FIRST)
    publish(database, MARCH, AGAIN)
    assert stands(database) == "open"


def test_what_a_discharge_opened_stays_open_when_old_runs_are_retired(database: Database) -> None:
    """Of a run that is retired the rows of whoever was not on its list are dropped."""
    run_id = publish(database, JANUARY, None)
    act(database, run_id, NewAction("override", tier="low", reason="in a programme already"))
    act(database, run_id, NewAction("declined"))
    publish(database, MARCH, AGAIN, listed=False)
    for day in (40, 41):
        publish(database, MARCH + timedelta(days=day), None)
    before = standing(database)
    assert (before.name, before.override) == ("open", None)
    assert retire(database, 2).runs == 2
    assert standing(database) == before


def test_a_late_entry_from_an_older_list_opens_nobody(database: Database) -> None:
    """Yesterday's "no answer" is written down after today's call was."""
    old = publish(database, JANUARY, FIRST)
    new = publish(database, MARCH, AGAIN)
    act(database, new, NewAction("contacted"))
    act(database, old, NewAction("no_answer"))
    assert stands(database) == "contacted"


def test_a_discharge_that_is_withdrawn_for_an_earlier_one_closes_again(database: Database) -> None:
    act(database, publish(database, JANUARY, FIRST), NewAction("declined"))
    publish(database, MARCH, AGAIN)
    assert stands(database) == "open"
    publish(database, MARCH + timedelta(days=1), FIRST)
    assert stands(database) == "declined"


def recorded(kind: ActionKind, day: date, place: int, undoes: str | None = None) -> actions.Action:
    at = datetime(day.year, day.month, day.day, 15, tzinfo=UTC)
    return actions.Action(
        place, f"{place:032x}", "p", "r", 1, kind, None, None, None, None, undoes, "ann", at
    )


def on(day: int) -> date:
    return date(2025, 1, day)


RULES = standings.Rules(
    Guidelines(contacted_days=10, declined_days=20, closed_days=5, no_answer_tries=2,
               not_reached_days=4)
)  # fmt: skip


@pytest.mark.parametrize(("what", "today", "status", "again_on"), [
    # what was recorded on which day of January, the day → stands, comes back on
    ([("contacted", 2)], 11, "contacted", 12),  # 2 + 10
    ([("contacted", 2)], 12, "open", None),
    ([("declined", 2)], 21, "declined", 22),  # 2 + 20
    ([("declined", 2)], 22, "open", None),
    ([("closed", 2)], 6, "closed", 7),  # 2 + 5
    ([("closed", 2)], 7, "open", None),
    ([("enrolled", 2)], 31, "enrolled", None),
    ([("no_answer", 2)], 31, "no answer", None),  # one try of two
    ([("no_answer", 2), ("no_answer", 2)], 3, "no answer", None),  # two on one day are one
    ([("no_answer", 2), ("no_answer", 3)], 6, "not reached", 7),  # 3 + 4
    ([("no_answer", 2), ("no_answer", 3)], 7, "open", None),
    ([("no_answer", 2), ("no_answer", 3), ("no_answer", 8)], 8, "no answer", None),  # anew
    ([("no_answer", 2), ("no_answer", 3), ("no_answer", 8), ("no_answer", 9)], 12, "not reached",
     13),
    ([("no_answer", 2), ("contacted", 3), ("no_answer", 4)], 4, "no answer", None),
])  # fmt: skip
def test_the_guideline_says_for_how_long(what, today, status, again_on) -> None:
    taken = [recorded(kind, on(day), place) for place, (kind, day) in enumerate(what, 1)]
    found = standings.status(taken, on(today), None, RULES)
    assert found.name == status
    assert found.again_on == (again_on and on(again_on))
    assert found.before == (taken[-1] if status == "open" else None)
    assert found.waits_for_a_call == (status in ("open", "no answer"))


def test_the_days_of_the_guideline_are_those_of_the_site() -> None:
    """Called on 2 January at 20:00 in Chicago, which is the third in UTC."""
    chicago = ZoneInfo("America/Chicago")
    at = datetime(2025, 1, 2, 20, tzinfo=chicago).astimezone(UTC)
    called = replace(recorded("contacted", on(2), 1), at=at)
    rules = standings.Rules(Guidelines(contacted_days=10), chicago)
    assert standings.status([called], on(11), None, rules).again_on == on(12)
    assert standings.status([called], on(12), None, rules).name == "open"


def test_an_undone_try_does_not_count() -> None:
    taken = [recorded("no_answer", on(2), 1), recorded("no_answer", on(3), 2),
             recorded("undo", on(3), 3, undoes=f"{1:032x}")]  # fmt: skip
    assert standings.status(taken, on(4), None, RULES).name == "no answer"


def test_a_night_of_a_year_ago_opens_nobody(database: Database) -> None:
    """It tells a discharge that was past its days when somebody acted: that is no news."""
    act(database, publish(database, MARCH, None), NewAction("enrolled"))
    publish(database, MARCH - timedelta(days=364), MARCH - timedelta(days=370))
    publish(database, MARCH + timedelta(days=1), None)
    assert stands(database) == "enrolled"


def test_an_enrolled_patient_is_called_after_a_discharge_and_then_is_somebody_s_again() -> None:
    taken = [replace(recorded("enrolled", on(2), 1), known_up_to=on(1))]
    stands = [standings.status(taken, on(day), on(5), RULES) for day in (5, 31)]
    assert [(one.name, one.opened_by) for one in stands] == [("open", "discharge")] * 2
    later = standings.status(taken, date(2025, 2, 4), on(5), RULES)  # 30 days after
    assert (later.name, later.opened_by) == ("enrolled", None)


@pytest.mark.parametrize(("kind", "until", "discharged", "by"), [
    ("contacted", None, None, "guideline"),
    ("contacted", None, on(9), "discharge"),
    ("deferred", on(9), None, "deferral"),
])  # fmt: skip
def test_why_somebody_is_open_again_is_told(kind, until, discharged, by) -> None:
    taken = [replace(recorded(kind, on(2), 1), until=until, known_up_to=on(1))]
    found = standings.status(taken, on(20), discharged, RULES)
    assert (found.name, found.opened_by) == ("open", by)
