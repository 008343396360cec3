"""A day of calls by invented case managers about invented people, so that whoever looks at the demo
finds a team at work.

How calls end is drawn by SHARES, which are the project's own invention and no finding about
anybody. The draw turns on the demo's seed, the day and the patient alone, so that the same demo has
the same calls. Each is recorded as a real one is, with its entry in the audit record; it is of the
day on which its list is called by.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from typing import Any

from data.errors import InputError
from data.home import Home
from serving.access.demo_access import nurse_of
from serving.settings import ServiceSettings, read_settings
from serving.store import Store, actions, lists, standings
from serving.store.actions import ActionKind, NewAction
from serving.store.audit import Audit, AuditKey
from serving.store.nights import Run

SHARES: Mapping[ActionKind, float] = {
    "contacted": 0.46, "no_answer": 0.27, "enrolled": 0.11, "declined": 0.06, "deferred": 0.06,
    "do_not_contact": 0.02, "closed": 0.02,
}  # fmt: skip
"""How calls end."""
_NOTED = 0.25
"""The share of calls with a note."""
_NOTES: Mapping[ActionKind, Sequence[str]] = {
    "contacted": (
        "Has the new drugs at hand; the follow-up visit is booked.",
        "A daughter helps with the drugs and the way to the practice.",
        "Did not know which drugs to stop; the practice calls back today.",
    ),
    "no_answer": ("No answering machine.",),
    "enrolled": ("Wants a call every week.",),
    "declined": ("Feels well looked after by the family doctor.",),
    "deferred": ("Asks to be called in the afternoon.",),
}
_CLOSED = "Moved in with family out of the region; the new practice has the papers."
_OVERRIDE = "Lives alone since last month, and the insulin is new."
_EACH = timedelta(minutes=50)
"""How long a nurse is about one patient."""


@dataclass(frozen=True)
class _Shift:
    """Who works on a list: panels from number `first` on, each of which calls so many patients from
    the top of its list down from `begins` on; whether the first of them puts one tier right."""

    first: int
    calls: int
    begins: time
    overrides: bool


_WHOLE_DAY = _Shift(1, 6, time(8, 10), overrides=True)
_EARLY = _Shift(2, 3, time(7, 20), overrides=False)
"""Panel 1 is left to whoever looks at the demo."""


def call(home: Home, seed: int) -> dict[str, int]:
    """Has the published list worked on for the whole of its day, by the nurse of each panel; gives
    how often each kind of action was recorded. Raises InputError where there is no list."""
    return _recorded(home, seed, _WHOLE_DAY)


def call_early(home: Home, seed: int) -> dict[str, int]:
    """The same of those who begin before the day does."""
    return _recorded(home, seed, _EARLY)


def _recorded(home: Home, seed: int, shift: _Shift) -> dict[str, int]:
    settings, store = read_settings(home), Store.of_home(home)
    done: Counter[str] = Counter()
    try:
        run = store.published()
        if run is None:
            raise InputError("There is no list yet: run `firstcall nightly --as-of DAY` first.")
        audit = Audit(store.database, AuditKey.of_home(home))
        audit.begin()
        with store.database.writing() as connection:
            planned = _planned(connection, run, settings, seed, shift)
            for place, new, at in sorted(planned, key=lambda one: one[2]):
                actions.take(
                    connection, audit, new, place["patient_id"], run.run_id, place["rank"],
                    nurse_of(place["manager"]), "case_manager", at=at,
                )  # fmt: skip
                done[new.kind] += 1
    finally:
        store.close()
    return dict(done)


def _planned(
    connection: Any, run: Run, settings: ServiceSettings, seed: int, shift: _Shift
) -> Iterator[tuple[dict[str, Any], NewAction, datetime]]:
    """What is recorded, panel by panel: the place, the action, and when (UTC)."""
    day = date.fromisoformat(str(run.manifest["worked_on"]))
    opens = datetime.combine(day, shift.begins, settings.zone).astimezone(UTC)
    places = [one for one in lists.entries(connection, run.run_id)
              if one["manager"] >= shift.first]  # fmt: skip
    stands = standings.standings(
        connection, [one["patient_id"] for one in places], day, settings.rules
    )
    of_panel: dict[int, list[dict[str, Any]]] = {}
    for place in places:
        if stands[place["patient_id"]].waits_for_a_call:
            of_panel.setdefault(place["manager"], []).append(place)
    if shift.overrides:
        waiting = of_panel.get(shift.first, [])
        wrong = next((one for one in waiting if one["tier"] == "moderate"), None)
        if wrong is not None:
            waiting.remove(wrong)  # is called another day
            yield wrong, NewAction("override", tier="high", reason=_OVERRIDE), opens
    for waiting in of_panel.values():
        for number, place in enumerate(waiting[: shift.calls]):
            yield place, _ended(seed, day, place["patient_id"]), opens + number * _EACH


def _ended(seed: int, day: date, patient_id: str) -> NewAction:
    """How a call ends."""
    drawn = hashlib.sha256(f"{seed} {day} {patient_id}".encode()).digest()
    share, noted, which, days = (int.from_bytes(drawn[n : n + 4]) / 2**32 for n in range(0, 16, 4))
    kinds: tuple[ActionKind, ...] = tuple(SHARES)
    limits = accumulate(SHARES.values())
    kind = kinds[min(sum(share >= limit for limit in limits), len(kinds) - 1)]
    words = _NOTES.get(kind, ()) if noted < _NOTED else ()
    return NewAction(
        kind,
        until=day + timedelta(days=1 + int(3 * days)) if kind == "deferred" else None,
        reason=_CLOSED if kind == "closed" else None,
        note=words[int(which * len(words))] if words else None,
    )
