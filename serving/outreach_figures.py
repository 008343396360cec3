"""How outreach went: of the calls after a discharge that lists asked for, what became of each by
the time it was due, and what was recorded in all.

These are counts of work, not of effects: whether calls keep anybody out of hospital is a question
for a comparison (`firstcall impact`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from serving.store.outreach import DueCall, RecordedCall

Outcome = Literal[
    "reached in time", "tried in time", "set aside in time", "no longer to be called",
    "reached late", "not reached", "due before it was listed", "nobody called",
]  # fmt: skip
REACHED = frozenset(("contacted", "enrolled", "declined"))
"""Somebody spoke with the patient."""
TRIED = REACHED | {"no_answer"}
SET_ASIDE = frozenset(("deferred", "do_not_contact", "closed"))
"""Somebody decided that there is no call now."""
ALL_PANELS = 0
"""The number under which all panels together stand."""


@dataclass(frozen=True)
class Outreach:
    """One panel, or all of them. `due` calls after a discharge became due; `outcomes` says what
    became of them and adds up to it. `recorded` counts everything that was recorded at places of
    lists, by kind of action."""

    due: int
    outcomes: Mapping[Outcome, int]
    recorded: Mapping[str, int]


@dataclass(frozen=True)
class Seen:
    """What is known around one call: when each run's list came to those who call (`listed_at`), the
    day on which the patient left hospital `again`, and the runs that found him not to be called any
    more, whatever anybody did (`gone`: dead, in hospital, opted out)."""

    zone: ZoneInfo
    listed_at: Mapping[str, datetime]
    again: date | None = None
    gone: Sequence[str] = ()

    def knew(self, run_id: str, call: DueCall) -> bool:
        """Whether a list told the call: what is recorded from an older one is about something
        else, as it is where patients stand."""
        at, first = self.listed_at.get(run_id), self.listed_at.get(call.first_run)
        return at is None or first is None or at >= first

    def ended_before(self, call: DueCall) -> bool:
        """Whether there was nobody to be called any more by the time the call was due."""
        if self.again is not None and self.again <= call.due_at.astimezone(self.zone).date():
            return True
        ends = (self.listed_at[run] for run in self.gone if run in self.listed_at)
        first = self.listed_at.get(call.first_run)
        return any(at <= call.due_at and (first is None or at > first) for at in ends)


def outcome_of(call: DueCall, recorded: Iterable[RecordedCall], seen: Seen) -> Outcome:
    """What became of a call, from what was recorded about its patient from the day of the discharge
    (in the site's zone) to that of the next one. Whoever was reached late, or was tried or set
    aside late and not reached, is told apart from those of whom the first list came when the call
    was due already."""
    about = [
        one for one in recorded
        if seen.knew(one.run_id, call)
        and call.discharged_on <= (day := one.at.astimezone(seen.zone).date())
        and (seen.again is None or day < seen.again)
    ]  # fmt: skip
    in_time = {one.kind for one in about if one.at <= call.due_at}
    if in_time & REACHED:
        return "reached in time"
    if in_time & TRIED:
        return "tried in time"
    if in_time & SET_ASIDE:
        return "set aside in time"
    if seen.ended_before(call):
        return "no longer to be called"
    kinds = {one.kind for one in about}
    if not kinds & (TRIED | SET_ASIDE):
        return "nobody called"
    listed_at = seen.listed_at.get(call.first_run)
    if listed_at is not None and call.due_at <= listed_at:
        return "due before it was listed"
    return "reached late" if kinds & REACHED else "not reached"


def outreach(
    due: Sequence[DueCall],
    recorded: Sequence[RecordedCall],
    gone: Mapping[str, Sequence[str]],
    listed_at: Mapping[str, datetime],
    span: tuple[datetime, datetime],
    zone: ZoneInfo,
) -> dict[int, Outreach]:
    """By the number of the panel, and of ALL_PANELS: what became of the calls that became due in
    `span` (after its first moment, up to its second), and what was recorded since it began. `due`
    and `recorded` reach back further, and `due` ahead, so that the discharges around each call are
    known; `gone` names by patient the runs that found him not to be called any more."""
    after, until = span
    of_patient: dict[str, list[RecordedCall]] = {}
    kinds: dict[int, Counter[str]] = {ALL_PANELS: Counter()}
    outcomes: dict[int, Counter[Outcome]] = {ALL_PANELS: Counter()}
    for one in recorded:
        of_patient.setdefault(one.patient_id, []).append(one)
        if one.at > after:
            for number in (one.manager, ALL_PANELS):
                kinds.setdefault(number, Counter())[one.kind] += 1
    discharges: dict[str, list[date]] = {}
    for call in due:
        discharges.setdefault(call.patient_id, []).append(call.discharged_on)
    for call in due:
        if not after < call.due_at <= until:
            continue
        later = [day for day in discharges[call.patient_id] if day > call.discharged_on]
        seen = Seen(zone, listed_at, min(later, default=None), gone.get(call.patient_id, ()))
        became = outcome_of(call, of_patient.get(call.patient_id, ()), seen)
        for number in (call.manager, ALL_PANELS):
            outcomes.setdefault(number, Counter())[became] += 1
    return {
        number: Outreach(
            outcomes.get(number, Counter()).total(),
            dict(outcomes.get(number, {})),
            dict(kinds.get(number, {})),
        )
        for number in sorted({*kinds, *outcomes})
    }
