"""One list after another: what was recorded, who knows whom, what changed, whose risk rises."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from data.errors import InputError
from serving.night_list import NightList, capacity_said, list_of_night
from serving.panels import Panel
from serving.settings import ServiceSettings, settings_of
from serving.store import SCORE_COLUMNS, Store, actions
from serving.store.actions import NewAction
from serving.store.audit import Audit, AuditKey
from serving.store.database import Database
from serving.store.night_tables import entry
from serving.worklist import BEYOND_CAPACITY, Capacity
from tests.serving.a_night import reason

FIRST = date(2025, 1, 2)
MODEL = "0f8fad5bd9cb469f"


def score(patient_id: str, **told: Any) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(SCORE_COLUMNS)
    row |= {"patient_id": patient_id, "warnings": "[]", "left_out": ""}
    row |= {"high_cost_risk": 0.1, "high_cost_margin": -2.0, "high_cost_tier": "moderate"}
    return row | told


def discharged(on: date, tier: str = "high") -> dict[str, Any]:
    return {"discharged_on": on, "readmission_risk": 0.2, "readmission_margin": 0.5,
            "readmission_tier": tier}  # fmt: skip


@dataclass
class Nights:
    """Nights over one database, each published."""

    store: Store
    settings: ServiceSettings = field(default_factory=ServiceSettings)
    capacity: Capacity = field(default_factory=lambda: Capacity(2, 2))

    def night(
        self,
        day: date,
        *scores: dict[str, Any],
        version: str = MODEL,
        worked_on: date | None = None,
    ) -> NightList:
        told_too = dict.fromkeys(name for one in scores for name in one)  # what panels ask for
        frame = pd.DataFrame(list(scores), columns=list(dict.fromkeys((*SCORE_COLUMNS, *told_too))))
        made = list_of_night(
            frame, self.store, self.settings, self.capacity, day, version, worked_on
        )
        why = made.listed.left_out.set_index("patient_id")["reason"]
        kept = frame.assign(left_out=frame["patient_id"].map(why).astype(object))
        told = pd.DataFrame([reason(p) for p in made.listed.entries["patient_id"]])
        manifest = {"models": {"high-cost": {"version": version}}}
        none = pd.DataFrame(columns=["patient_id", "score", "low", "high", "lacking"])
        if told.empty:
            told = pd.DataFrame([reason("p")]).iloc[:0]
        told.columns = list(pd.DataFrame([reason("p")]).columns)
        self.store.publish(
            self.store.start(day), kept, told, made.changes.entries, manifest, none,
            gone=made.changes.gone,
        )  # fmt: skip
        return made

    def act(self, patient: str, new: NewAction) -> None:
        """Records an action at the patient's newest place."""
        query = (
            sa.select(entry.c.run_id, entry.c.rank)
            .where(entry.c.patient_id == patient)
            .order_by(entry.c.run_id.desc())
        )
        record = Audit(self.store.database, AuditKey(b"k" * 32))
        with self.store.database.writing() as connection:
            run_id, rank = connection.execute(query).first() or ("", 0)
            actions.take(connection, record, new, patient, run_id, rank, "ann", "case_manager")


@pytest.fixture
def nights(database: Database) -> Iterator[Nights]:
    return Nights(Store(database))


def listed(made: NightList) -> list[str]:
    return made.listed.entries["patient_id"].tolist()


def why_not(made: NightList) -> dict[str, str]:
    return dict(made.listed.left_out.itertuples(index=False))


def told(made: NightList, column: str) -> dict[str, Any]:
    found = made.changes.entries.set_index("patient_id")[column]
    return {p: None if pd.isna(value) else value for p, value in found.items()}


@pytest.mark.parametrize(("new", "why"), [
    (NewAction("contacted"), "reached lately"),
    (NewAction("enrolled"), "somebody's patient already"),
    (NewAction("declined"), "declined"),
    (NewAction("closed", reason="moved away"), "closed by a case manager"),
    (NewAction("do_not_contact"), "not to be contacted"),
    (NewAction("deferred", until=date(2099, 1, 1)), "deferred to a later day"),
    (NewAction("no_answer"), None),
])  # fmt: skip
def test_what_was_recorded_says_who_is_on_the_next_list(nights: Nights, new, why) -> None:
    nights.night(FIRST, score("a"), score("b"))
    nights.act("a", new)
    made = nights.night(FIRST + timedelta(days=1), score("a"), score("b"))
    assert listed(made) == (["b"] if why else ["a", "b"])
    assert why_not(made) == ({"a": why} if why else {})
    gone = made.changes.gone.to_dict("records")
    assert gone == ([{"patient_id": "a", "manager": 1, "why": why}] if why else [])


def test_whom_a_panel_follows_already_is_counted(nights: Nights) -> None:
    made = nights.night(FIRST, *(score(p) for p in "abcd"))
    (of_a,) = made.listed.entries.query("patient_id == 'a'")["manager"]
    for patient in "ab":
        nights.act(patient, NewAction("enrolled"))
    nights.act("b", NewAction("closed", reason="goals met"))
    nights.act("c", NewAction("contacted"))
    later = nights.night(FIRST + timedelta(days=1), *(score(p) for p in "abcd"))
    assert later.enrolled == {of_a: 1}
    dead = nights.night(FIRST + timedelta(days=2), score("a", left_out="died"), score("b"))
    assert dead.enrolled == {}


def test_the_recently_discharged_without_a_place_are_counted(nights: Nights) -> None:
    """Four places. Of six who were discharged, two have none; one of them left long ago."""
    long_ago = FIRST - timedelta(days=20)
    people = [score(p, **discharged(FIRST)) for p in "abcd"]
    people += [score("x", **discharged(FIRST, "low")), score("y", **discharged(long_ago, "low"))]
    people += [score("z", left_out="in hospice", **discharged(long_ago)), score("w")]
    made = nights.night(FIRST, *people)
    assert listed(made) == ["a", "b", "c", "d"]
    assert made.unlisted == {"people": 2, "overdue": 1, "not_reached": 0}


def test_whom_nobody_reached_in_several_tries_is_counted(database: Database) -> None:
    settings = settings_of({"worklist": {"guidelines": {"no_answer_tries": 1}}})
    nights = Nights(Store(database), settings)
    nights.night(FIRST, score("a", **discharged(FIRST)), score("b"))
    for patient in "ab":
        nights.act(patient, NewAction("no_answer"))
    made = nights.night(FIRST + timedelta(days=1), score("a", **discharged(FIRST)), score("b"))
    assert listed(made) == []
    assert made.unlisted == {"people": 0, "overdue": 0, "not_reached": 1}


def test_whoever_is_discharged_again_is_on_the_next_list(nights: Nights) -> None:
    nights.night(FIRST, score("a"))
    nights.act("a", NewAction("contacted"))
    later = FIRST + timedelta(days=5)
    assert listed(nights.night(later - timedelta(days=1), score("a"))) == []
    made = nights.night(later, score("a", **discharged(later)))
    assert listed(made) == ["a"]
    assert told(made, "change_why") == {"a": "discharged on 7 January"}


def test_a_deferred_call_is_on_the_list_of_its_day(nights: Nights) -> None:
    """The list of a night is worked on the day after."""
    nights.night(FIRST, score("a"))
    nights.act("a", NewAction("deferred", until=date(2099, 1, 4)))
    assert listed(nights.night(date(2099, 1, 2), score("a"))) == []
    assert listed(nights.night(date(2099, 1, 3), score("a"))) == ["a"]


def test_where_data_lag_behind_the_day_of_the_calls_counts(nights: Nights) -> None:
    nights.settings = settings_of({"worklist": {"outreach": {"missed_after_days": 7}}})
    nights.night(FIRST, score("a"))
    nights.act("a", NewAction("deferred", until=date(2099, 1, 4)))
    late = {"worked_on": date(2099, 1, 4)}
    left = discharged(date(2098, 12, 27))
    made = nights.night(date(2098, 12, 28), score("a"), score("b", **left), **late)
    assert listed(made) == ["b", "a"]
    assert told(made, "due_at") == {"a": None, "b": None}  # eight days after, it is missed
    made = nights.night(date(2098, 12, 28), score("b", **discharged(date(2099, 1, 2))), **late)
    assert made.overdue == 0  # due at noon of that day
    later = {"worked_on": date(2099, 1, 5)}
    made = nights.night(date(2098, 12, 28), score("b", **discharged(date(2099, 1, 2))), **later)
    assert made.overdue == 1


def test_an_override_says_where_somebody_stands(nights: Nights) -> None:
    people = [score("a"), score("b", high_cost_tier="high")]
    nights.night(FIRST, *people)
    nights.act("a", NewAction("override", tier="high", reason="lives alone"))
    nights.act("b", NewAction("override", tier="low", reason="in a programme of the county"))
    made = nights.night(FIRST + timedelta(days=1), *people)
    assert told(made, "tier") == {"a": "high", "b": "low"}
    assert told(made, "change_why") == {
        "a": "high tier, moderate before", "b": "low tier, high before"
    }  # fmt: skip


def test_patients_stay_with_who_knows_them_and_the_work_is_even(nights: Nights) -> None:
    first = nights.night(FIRST, *(score(p) for p in "abcd"))
    assert told(first, "manager") == {"a": 1, "b": 2, "c": 1, "d": 2}
    nights.act("a", NewAction("declined"))
    # e comes before all others; 2 keeps both of his, 1 has c and takes e
    made = nights.night(FIRST + timedelta(days=1),
                        *(score(p) for p in "abcd"), score("e", high_cost_tier="high"))  # fmt: skip
    assert told(made, "manager") == {"e": 1, "b": 2, "c": 1, "d": 2}
    assert told(made, "change") == {"e": "new", "b": None, "c": None, "d": None}


def test_a_night_that_is_run_again_is_compared_with_the_day_before(nights: Nights) -> None:
    nights.night(FIRST, score("a"))
    next_day = FIRST + timedelta(days=1)
    once = nights.night(next_day, score("a"), score("b"))
    again = nights.night(next_day, score("a"), score("b"))
    for made in (once, again):
        assert told(made, "change") == {"a": None, "b": "new"}
    pd.testing.assert_frame_equal(once.changes.entries, again.changes.entries)


def test_whoever_is_overdue_is_first_of_his_tier_and_counted(nights: Nights) -> None:
    people = [
        score("fresh", **discharged(FIRST) | {"readmission_margin": 3.0}),
        score("late", **discharged(FIRST - timedelta(days=4)) | {"readmission_margin": 0.1}),
        score("moderate", **discharged(FIRST - timedelta(days=9), "moderate")),
    ]
    made = nights.night(FIRST, *people)
    assert listed(made) == ["late", "fresh", "moderate"]
    assert told(made, "due_at") == {
        "late": "2024-12-31T12:00:00+00:00",
        "fresh": "2025-01-04T12:00:00+00:00",
        "moderate": "2024-12-26T12:00:00+00:00",
    }
    assert made.overdue == 2


def test_outreach_that_is_missed_takes_nobody_s_turn(nights: Nights) -> None:
    nights.settings = settings_of({"worklist": {"outreach": {"missed_after_days": 7}}})
    old = discharged(FIRST - timedelta(days=7))  # the list is worked on the eighth day
    made = nights.night(FIRST, score("old", **old), score("new", **discharged(FIRST)))
    assert listed(made) == ["new", "old"]
    assert told(made, "due_at")["old"] is None


def test_a_risk_that_rises_comes_first_of_its_tier(nights: Nights) -> None:
    month_ago = FIRST - timedelta(days=31)
    nights.night(month_ago, score("a", high_cost_risk=0.1), score("b", high_cost_risk=0.06))
    people = [score("a", high_cost_risk=0.1, high_cost_margin=-1.9),
              score("b", high_cost_risk=0.09), score("c", high_cost_risk=0.09)]  # fmt: skip
    made = nights.night(FIRST, *people)
    assert listed(made) == ["b", "a", "c"]
    assert told(made, "rose_from") == {"b": 0.06, "a": None, "c": None}
    other = nights.night(FIRST + timedelta(days=1), *people, version="another")
    assert listed(other) == ["a", "b", "c"]  # risks of two models are not compared


def test_panels_take_whom_they_are_for(nights: Nights) -> None:
    nights.capacity = Capacity(of_panels=(Panel(number=3, slots=1), Panel(number=5, slots=1)))
    made = nights.night(FIRST, score("a"), score("b"), score("c"))
    assert told(made, "manager") == {"a": 3, "b": 5}
    assert why_not(made) == {"c": BEYOND_CAPACITY}
    assert nights.capacity.told == {"managers": 2, "slots": 1, "places": 2}


def test_the_command_and_the_settings_do_not_both_say_how_many() -> None:
    panels = (Panel(number=1, slots=3), Panel(number=2, slots=5))
    assert capacity_said(panels).places == 8
    assert capacity_said((), 6, 20).places == 120
    assert capacity_said((), slots=20).places == 80
    with pytest.raises(InputError, match="leave out --managers and --slots"):
        capacity_said(panels, slots=20)
