"""Where a patient stands, as an EHR is told it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from serving.ehr.standing import _SAID, NOTHING_DECIDED, StandingTold
from serving.store.actions import Action
from serving.store.standings import STATUSES, Status

AT = datetime(2025, 1, 3, 3, 30, tzinfo=UTC)  # the evening of 2 January in Chicago


def override(tier: str) -> Action:
    return Action(1, "0" * 32, "P-1", "2024-12-31.1", 1, "override", None, tier,
                  "Mrs Gomez, 12 Elm St", "a note", None, "ann", AT)  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "day"), [("America/Chicago", date(2025, 1, 2)), ("UTC", date(2025, 1, 3))]
)
def test_days_are_those_of_the_site(zone, day):
    now = Status("contacted", AT, "ann", None, override("low"), "0" * 32)
    told = StandingTold.of(now, ZoneInfo(zone))
    assert told == StandingTold("contacted", day, None, "low", day)
    assert "ann" not in repr(told)
    assert "Gomez" not in repr(told)


@pytest.mark.parametrize(
    ("kind", "until", "before"),
    [("declined", None, "declined"), ("no_answer", None, "no answer"),
     ("deferred", date(2025, 1, 9), None)],  # that a call is due tells nothing to an EHR
)  # fmt: skip
def test_what_stood_before_a_new_discharge_is_told_without_who(kind, until, before):
    taken = replace(override("low"), kind=kind, until=until, tier=None, reason=None)
    by = "deferral" if kind == "deferred" else "discharge"
    told = StandingTold.of(Status(before=taken, opened_by=by), ZoneInfo("UTC"))
    day = date(2025, 1, 3) if before else None
    assert told == StandingTold(before=before, before_since=day)
    assert "ann" not in repr(told)
    assert told.takes_suggestions


def test_of_whom_nothing_was_recorded_nothing_is_said():
    assert StandingTold.of(Status(), ZoneInfo("UTC")) == NOTHING_DECIDED
    assert NOTHING_DECIDED.sentences(date(2024, 12, 31), [("readmission", "high")]) == []
    assert NOTHING_DECIDED.in_brief == []
    assert NOTHING_DECIDED.takes_suggestions


def test_every_status_of_the_store_is_said_but_open():
    assert set(_SAID) == set(STATUSES) - {"open"}
    over = {name for name in STATUSES if StandingTold(name).is_over}
    assert over == {"do not contact", "declined", "closed"}


def test_a_risk_without_a_tier_is_left_out_beside_an_override():
    told = StandingTold(override_tier="high", overridden_on=date(2024, 12, 30))
    assert told.sentences(date(2024, 12, 31), [("readmission", None), ("high cost", "low")]) == [
        "High tier by the judgement of care management on 30 December; by the models: high cost "
        "low."
    ]
