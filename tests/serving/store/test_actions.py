"""What was done about patients: nothing is overwritten, everything can be undone once."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.errors import InputError
from serving.store import actions
from serving.store.actions import KINDS, MovedOnError, NewAction
from serving.store.audit import Audit, AuditKey
from serving.store.database import Database
from serving.store.standings import Status, status

TODAY = date(2025, 1, 2)
OTHERS = {"deferred": {"until": TODAY + timedelta(days=7)},
          "override": {"tier": "high", "reason": "lives alone"},
          "closed": {"reason": "goals met"}, "note": {"note": "speaks Polish"}}  # fmt: skip


def do(database: Database, new: NewAction, patient="p", who="a", seen=None) -> actions.Action:
    with database.writing() as connection:
        record = Audit(database, AuditKey(b"k" * 32))
        return actions.take(
            connection, record, new, patient, "2024-12-31.1", 1, who, "case_manager", seen
        )


def stands(database: Database, patient="p", today=TODAY) -> Status:
    with database.reading() as connection:
        return status(actions.of_patients(connection, [patient]).get(patient, []), today)


STEPS = [
    # what is done                                             → status, and when it is asked
    ([], "open", 0),
    (["contacted"], "contacted", 0),
    (["no_answer"], "no answer", 0),
    (["no_answer", "contacted"], "contacted", 0),
    (["enrolled", "declined"], "declined", 0),
    (["do_not_contact"], "do not contact", 0),
    (["closed"], "closed", 0),
    (["deferred"], "deferred", 6),       # deferred for 7 days: not due on the sixth
    (["deferred"], "open", 7),           # due on the seventh
    (["contacted", "deferred"], "open", 7),
    (["contacted", "override"], "contacted", 0),
    (["contacted", "undo"], "open", 0),
    (["no_answer", "contacted", "undo"], "no answer", 0),
    (["override"], "open", 0),
    (["note"], "open", 0),
    (["contacted", "note"], "contacted", 0),
    (["no_answer", "note", "undo"], "no answer", 0),
]  # fmt: skip


@pytest.mark.parametrize(("steps", "expected", "days"), STEPS)
def test_the_newest_action_that_was_not_undone_counts(
    database: Database, steps: list[str], expected: str, days: int
) -> None:
    last = None
    for kind in steps:
        more = {"undoes": last.action_id} if kind == "undo" and last else OTHERS.get(kind, {})
        new = NewAction(kind, **more)
        actions.fitting(new, TODAY)
        last = do(database, new)
    assert stands(database, today=TODAY + timedelta(days=days)).name == expected


def test_an_override_is_kept_with_its_reason_whatever_is_done_after_it(database: Database) -> None:
    do(database, NewAction("override", tier="high", reason="lives alone"))
    do(database, NewAction("no_answer"))
    override = stands(database).override
    assert override is not None
    assert (override.tier, override.reason, override.who) == ("high", "lives alone", "a")


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (NewAction("deferred"), "until"),
        (NewAction("contacted", until=TODAY + timedelta(days=1)), "until"),
        (NewAction("deferred", until=TODAY), "until: must be a day after today"),
        (NewAction("deferred", until=TODAY + timedelta(days=366)), "until: must be within a year"),
        (NewAction("override", reason="r"), "tier"),
        (NewAction("override", tier="high"), "reason: is needed for override"),
        (NewAction("closed", reason="  "), "reason: is needed for closed"),
        (NewAction("note"), "note: is needed for a note alone"),
        (NewAction("note", note=" \n"), "note: is needed for a note alone"),
        (NewAction("contacted", tier="high"), "tier"),
        (NewAction("undo"), "undoes"),
        (NewAction("contacted", undoes="0" * 32), "undoes"),
        (NewAction("called"), "kind: must be one of"),  # pyright: ignore[reportArgumentType]
    ],
)
def test_an_action_that_lacks_what_it_needs_is_refused_by_field(new: NewAction, said: str) -> None:
    with pytest.raises(InputError, match=said):
        actions.fitting(new, TODAY)


def test_a_call_may_be_deferred_by_a_whole_year() -> None:
    actions.fitting(NewAction("deferred", until=TODAY + actions.FURTHEST), TODAY)


def test_whoever_acts_on_what_is_no_longer_so_is_told(database: Database) -> None:
    first = do(database, NewAction("no_answer"), who="a", seen="none")
    with pytest.raises(MovedOnError, match="look again"):
        do(database, NewAction("declined"), who="b", seen="none")
    assert stands(database).name == "no answer"
    do(database, NewAction("contacted"), who="b", seen=first.action_id)
    do(database, NewAction("enrolled"), who="c")  # who does not ask is not checked
    assert stands(database).name == "enrolled"


def test_only_an_action_of_this_patient_is_undone_and_once(database: Database) -> None:
    mine, other = do(database, NewAction("contacted")), do(database, NewAction("contacted"), "q")
    for undoes in (other.action_id, "0" * 32):
        with pytest.raises(InputError, match="no action of this patient"):
            do(database, NewAction("undo", undoes=undoes))
    undone = do(database, NewAction("undo", undoes=mine.action_id))
    with pytest.raises(InputError, match="undone already"):
        do(database, NewAction("undo", undoes=mine.action_id))
    with pytest.raises(InputError, match="no action of this patient"):
        do(database, NewAction("undo", undoes=undone.action_id))
    assert stands(database).name == "open"
    assert stands(database, "q").name == "contacted"


def test_nothing_recorded_is_ever_changed(database: Database) -> None:
    do(database, NewAction("contacted", note="asks to be called\nin the afternoon"))
    for statement in ("UPDATE action SET note = 'x'", "DELETE FROM action"):
        with pytest.raises(Exception, match=r"."), database.writing() as connection:
            connection.execute(sa.text(statement))
    with database.reading() as connection:
        [kept] = actions.of_patients(connection, ["p"])["p"]
    assert kept.note == "asks to be called\nin the afternoon"
    assert kept.at.tzinfo is not None


def plain_status(done: list[tuple[str, int | None]]) -> str:
    """The slow, obvious second rule: strike out what was undone, then look at the last one, unless
    somebody said not to contact."""
    struck = [n for kind, n in done if kind == "undo"]
    left = [kind for place, (kind, _) in enumerate(done) if place not in struck]
    told = [kind for kind in left if kind not in ("undo", "override", "note")]
    if "do_not_contact" in told:
        return "do not contact"
    return told[-1].replace("_", " ") if told else "open"


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 20)), max_size=8))
def test_status_is_what_a_plain_reading_says(
    database: Database, drawn: list[tuple[str, int]]
) -> None:
    with database.reading() as connection:
        number = connection.scalar(sa.text("SELECT count(*) FROM action"))
    patient, done, made, undone = f"p{number}.{len(drawn)}", [], [], set()
    for kind, pick in drawn:
        if kind == "undo":
            free = [n for n, (k, _) in enumerate(done) if k != "undo" and n not in undone]
            if not free:
                continue
            target = free[pick % len(free)]
            undone.add(target)
            made.append(do(database, NewAction("undo", undoes=made[target].action_id), patient))
            done.append(("undo", target))
        else:
            made.append(do(database, NewAction(kind, **OTHERS.get(kind, {})), patient))
            done.append((kind, None))
    now = stands(database, patient)
    assert now.name == plain_status(done)
    assert now.newest == (made[-1].action_id if made else None)
