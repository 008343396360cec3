"""What became of each call after a discharge, by a table that can be read."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.outreach_figures import ALL_PANELS, REACHED, Seen, outcome_of, outreach
from serving.store.outreach import DueCall, RecordedCall

CHICAGO = ZoneInfo("America/Chicago")
LEFT = date(2025, 1, 6)
DUE_AT = datetime(2025, 1, 8, 18, tzinfo=UTC)


def hours(number: float) -> datetime:
    """So many hours before (−) or after the call was due."""
    return DUE_AT + timedelta(hours=number)


LISTED_AT = {"before": hours(-70), "first": hours(-30), "second": hours(-6)}
"""The lists of three nights; the first one that told the call is "first"."""


def call(patient="p", manager=1, due_at=DUE_AT, left=LEFT, first="first") -> DueCall:
    return DueCall(patient, left, due_at, manager, first)


def done(kind: str, at: float, patient="p", manager=1, run="first") -> RecordedCall:
    return RecordedCall(patient, kind, hours(at), run, manager)


def became(*recorded: RecordedCall, one: DueCall | None = None, **seen: object) -> str:
    listed_at: dict[str, datetime] = LISTED_AT
    return outcome_of(one or call(), recorded, Seen(CHICAGO, listed_at, **seen))


TABLE = [
    # what was recorded, hours from when the call was due       → what became of it
    ([], "nobody called"),
    ([("contacted", -1)], "reached in time"),
    ([("contacted", 0)], "reached in time"),
    ([("contacted", 0.1)], "reached late"),
    ([("no_answer", -5)], "tried in time"),
    ([("no_answer", -5), ("contacted", 3)], "tried in time"),
    ([("no_answer", -5), ("contacted", -3)], "reached in time"),
    ([("enrolled", -1)], "reached in time"),
    ([("declined", -1)], "reached in time"),
    ([("deferred", -1)], "set aside in time"),
    ([("deferred", -2), ("no_answer", -1)], "tried in time"),
    ([("do_not_contact", -1)], "set aside in time"),
    ([("no_answer", 1), ("contacted", 9)], "reached late"),
    ([("no_answer", 2)], "not reached"),
    ([("closed", 2)], "not reached"),
    ([("override", -1)], "nobody called"),
    ([("note", -1)], "nobody called"),
    ([("contacted", -54)], "reached in time"),    # 6 January, 12:00 UTC: the day of the discharge
    ([("contacted", -62)], "nobody called"),      # 04:00 UTC: in Chicago still 5 January
]  # fmt: skip


@pytest.mark.parametrize(("recorded", "expected"), TABLE)
def test_what_becomes_of_a_call(recorded, expected) -> None:
    assert became(*(done(kind, at) for kind, at in recorded)) == expected


def test_a_call_that_was_due_before_the_first_list_told_it() -> None:
    late = call(first="late")
    for at in (0, 8):
        seen = Seen(CHICAGO, LISTED_AT | {"late": hours(at)})
        assert outcome_of(late, [], seen) == "nobody called"
        after = [done("contacted", 9, run="late")]
        assert outcome_of(late, after, seen) == "due before it was listed"


def test_what_is_recorded_from_a_list_that_did_not_know_is_about_something_else() -> None:
    """As where patients stand: a new discharge opens whoever was reached before it was told."""
    assert became(done("contacted", -20, run="before")) == "nobody called"
    assert became(done("contacted", -20, run="second")) == "reached in time"
    assert became(done("contacted", -20, run="a run of long ago")) == "reached in time"


def test_one_call_is_about_one_discharge() -> None:
    """The next discharge, on 9 January, ends what is recorded about the first."""
    again = date(2025, 1, 9)
    assert became(done("contacted", 20), again=again) == "nobody called"
    assert became(done("contacted", 4), again=again) == "reached late"
    assert became(done("contacted", -2), again=again) == "reached in time"


def test_who_was_not_to_be_called_any_more_when_it_was_due_blames_nobody() -> None:
    assert became(gone=["second"]) == "no longer to be called"
    assert became(done("no_answer", -8), gone=["second"]) == "tried in time"
    assert became(gone=["before"]) == "nobody called"  # of the list before this discharge
    assert became(one=call(due_at=hours(-7)), gone=["second"]) == "nobody called"
    assert became(again=date(2025, 1, 8)) == "no longer to be called"
    assert became(again=date(2025, 1, 9)) == "nobody called"


SPAN = (hours(-30 * 24), DUE_AT)


def told_of(due, recorded, until=DUE_AT, gone=None):
    return outreach(due, recorded, gone or {}, LISTED_AT, (SPAN[0], until), CHICAGO)


def test_calls_that_are_not_due_yet_or_were_long_ago_are_not_counted() -> None:
    long_ago = call("r", 1, SPAN[0], LEFT - timedelta(days=30))
    due = [call("p"), call("q", 2, DUE_AT + timedelta(days=1)), long_ago]
    recorded = [done("no_answer", -1), done("contacted", -1, "q", 2), done("contacted", -721, "r")]
    told = told_of(due, recorded)
    assert (told[1].due, told[1].outcomes, told[1].recorded) == (
        1, {"tried in time": 1}, {"no_answer": 1},
    )  # fmt: skip
    assert (told[2].due, told[2].outcomes, told[2].recorded) == (0, {}, {"contacted": 1})
    assert told[ALL_PANELS].due == 1
    assert told[ALL_PANELS].recorded == {"no_answer": 1, "contacted": 1}


def test_two_discharges_of_one_patient_are_two_calls() -> None:
    """1 January never called; 6 January called on the 7th."""
    first = call("p", 1, hours(-5 * 24), LEFT - timedelta(days=5), "before")
    told = told_of([first, call("p")], [done("contacted", -24)])
    assert told[ALL_PANELS].outcomes == {"nobody called": 1, "reached in time": 1}


def test_a_discharge_whose_call_is_not_due_yet_ends_what_is_recorded_about_the_one_before() -> None:
    """Left on the 6th and again on the 9th; called on the 9th, a day before that call is due."""
    second = call("p", 1, hours(48), LEFT + timedelta(days=3))
    told = told_of([call("p"), second], [done("contacted", 20)], until=hours(24))
    assert told[ALL_PANELS].outcomes == {"nobody called": 1}


def test_where_nothing_was_due_or_recorded_all_panels_tell_so() -> None:
    told = told_of([], [])
    assert {n: (one.due, one.outcomes, one.recorded) for n, one in told.items()} == {
        ALL_PANELS: (0, {}, {})
    }


_kinds = st.sampled_from(["contacted", "no_answer", "enrolled", "deferred", "closed", "note"])
_records = st.lists(
    st.tuples(_kinds, st.integers(-60, 60), st.sampled_from("pqr"), st.integers(1, 3))
)
_due = st.lists(st.tuples(st.sampled_from("pqr"), st.integers(1, 3), st.integers(-30, 30)),
                unique_by=lambda one: one[0])  # fmt: skip


@given(_due, _records, st.integers(-40, 40), st.sets(st.sampled_from("pqr")))
def test_the_outcomes_add_up_to_the_calls_that_were_due(due, records, now, gone) -> None:
    calls = [call(p, n, hours(at)) for p, n, at in due]
    recorded = [done(*one) for one in records]
    told = told_of(calls, recorded, hours(now), dict.fromkeys(gone, ("second",)))
    panels = [one for number, one in told.items() if number != ALL_PANELS]
    everybody = told[ALL_PANELS]
    for one in told.values():
        assert sum(one.outcomes.values()) == one.due
    for name in ("outcomes", "recorded"):
        added: Counter[str] = Counter()
        for one in panels:
            added.update(getattr(one, name))
        assert dict(added) == getattr(everybody, name)
    is_due = [one for one in calls if one.due_at <= hours(now)]
    assert everybody.due == len(is_due)
    spoken_with = {patient for kind, _, patient, _ in records if kind in REACHED}
    assert everybody.outcomes.get("reached in time", 0) <= sum(
        one.patient_id in spoken_with for one in is_due
    )
