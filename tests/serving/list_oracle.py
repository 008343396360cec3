"""The list by its rules read aloud, person by person: slow, and nothing of `serving.worklist`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

TIERS = ("high", "moderate", "low")
DISCHARGED, COSTLY = "recently discharged", "high cost"
Risk = tuple[float, str] | None
"""A margin and its tier."""


@dataclass(frozen=True)
class Person:
    """Somebody who may stand on a list."""

    patient_id: str
    excluded: str = ""
    readmission: Risk = None
    high_cost: Risk = None
    discharged_on: date | None = None
    override: str | None = None
    rising: bool = False

    def judged(self, risk: Risk) -> int:
        """The place of the tier among TIERS, 3 without a risk."""
        return 3 if risk is None else TIERS.index(self.override or risk[1])

    def due(self, today: date, missed_after: int | None) -> date:
        """The day on which outreach is due; one that never comes where none is."""
        on = self.discharged_on
        if on is None or (missed_after is not None and today > on + timedelta(days=missed_after)):
            return date.max
        return on + timedelta(days=2)


Place = tuple[str, str, str, int]
"""patient, tier, queue, manager"""


def slow_list(
    people: Sequence[Person],
    slots: Mapping[int, int],
    kept: int,
    today: date,
    missed_after: int | None,
    known_to: Mapping[str, int],
) -> list[Place]:
    """The list that is worked on a day; `slots` by panel, all of which take everybody."""

    def by_readmission(one: Person) -> tuple[object, ...]:
        assert one.readmission is not None
        due = one.due(today, missed_after)
        return one.judged(one.readmission), due, -one.readmission[0], one.patient_id

    def by_both(one: Person) -> tuple[object, ...]:
        first, second = one.judged(one.readmission), one.judged(one.high_cost)
        due = one.due(today, missed_after)
        if first <= second:
            assert one.readmission is not None
            return first, due, 0, 0, -one.readmission[0], one.patient_id
        assert one.high_cost is not None
        return second, due, 1, 0 if one.rising else 1, -one.high_cost[0], one.patient_id

    may = [one for one in people if not one.excluded and (one.readmission or one.high_cost)]
    urgent = sorted((o for o in may if o.judged(o.readmission) < 2), key=by_readmission)[:kept]
    rest = sorted((o for o in may if o not in urgent), key=by_both)
    order = [(one, one.judged(one.readmission), DISCHARGED) for one in urgent]
    order += [(one, *((by_both(one)[0], (DISCHARGED, COSTLY)[by_both(one)[2]]))) for one in rest]
    order = order[: sum(slots.values())]
    taken = dict.fromkeys(slots, 0)
    manager: dict[str, int] = {}
    for one, *_ in order:
        number = known_to.get(one.patient_id)
        if number in slots and taken[number] < slots[number]:
            manager[one.patient_id] = number
            taken[number] += 1
    for one, *_ in order:
        if one.patient_id not in manager:
            number = min((Fraction(taken[n], slots[n]), n) for n in slots if taken[n] < slots[n])[1]
            manager[one.patient_id] = number
            taken[number] += 1
    return [(o.patient_id, TIERS[tier], queue, manager[o.patient_id]) for o, tier, queue in order]
