"""Who takes whom: panels with their places, and to which of them each patient of a list goes.

A panel is the work of one case manager. It has so many places on a list, and takes everybody, or
the people of some regions, practices or conditions. On the list are, in its order, all for whom a
place can be found, if need be by seating somebody before them elsewhere: nobody is passed over
because an earlier one happened to take the one place that would have suited him.

Then each goes to the case manager who knows him (in whose panel he was last), where that panel
takes him and has room; the others go, in order, to the panel of which the smallest share of places
is taken, so that each has a like share of the work and of the list's top.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Panel(BaseModel):
    """One case manager's work: `number` from 1, as accounts name it; `slots`: places on a list.

    `regions`, `practices` and `conditions` say whom it takes (`serving.panel_traits`): of each that
    is given a person must fit one; whoever has none that is known fits only panels that do not ask.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int = Field(ge=1, le=10_000)
    slots: int = Field(ge=0, le=100_000)
    name: str = Field(default="", max_length=80)
    regions: frozenset[str] = frozenset()
    practices: frozenset[str] = frozenset()
    conditions: frozenset[str] = frozenset()

    @property
    def takes_everybody(self) -> bool:
        """Whether it has a place for whoever comes."""
        return not (self.regions or self.practices or self.conditions)

    def takes(self, one: Traits) -> bool:
        """Whether somebody belongs here: by what it asks, or because a supervisor put him here."""
        return one.put_in == self.number or (
            (not self.regions or one.region in self.regions)
            and (not self.practices or one.practice in self.practices)
            and (not self.conditions or not self.conditions.isdisjoint(one.conditions))
        )


@dataclass(frozen=True)
class Traits:
    """What of a person says to which panel he belongs; None and empty: not known. `put_in`: the
    number of the panel to which a supervisor moved him."""

    region: str | None = None
    practice: str | None = None
    conditions: frozenset[str] = frozenset()
    put_in: int | None = None


def equal_panels(managers: int, slots: int) -> tuple[Panel, ...]:
    """So many panels of one size that take everybody."""
    return tuple(Panel(number=n, slots=slots) for n in range(1, managers + 1))


def panels_of_run(manifest: Mapping[str, Any]) -> tuple[Panel, ...]:
    """The panels of a published list, by its manifest; of one from before panels had names, as many
    as it says, of which the places are not known, but for those of panels of one size."""
    told = manifest.get("panels")
    if told is not None:
        return tuple(Panel.model_validate(one) for one in told)
    capacity = manifest.get("capacity", {})
    return equal_panels(capacity.get("managers", 0), capacity.get("slots", 0))


def spread(count: int, panels: Sequence[Panel], held: Mapping[int, int]) -> list[int]:
    """The numbers of the panels to which so many people go, one after the other: each to that of
    which the smallest share is taken, beside what each holds already; none to a panel without
    places, unless no other has any. Raises ValueError where there is no panel."""
    now, goes = dict(held), []
    open_ones = [one for one in panels if one.slots] or panels
    for _ in range(count):
        first = min(
            open_ones, key=lambda one: ((now[one.number] + 1) / max(one.slots, 1), one.number)
        )
        now[first.number] += 1
        goes.append(first.number)
    return goes


def by_number(panels: Sequence[Panel]) -> tuple[Panel, ...]:
    """The panels in the order of their numbers. Raises ValueError where two have the same."""
    numbers = [panel.number for panel in panels]
    if len(set(numbers)) < len(numbers):
        raise ValueError("two panels have the same number")
    return tuple(sorted(panels, key=lambda panel: panel.number))


class Seating:
    """Who sits where, while a list is made. Persons are positions in its order."""

    def __init__(self, panels: Sequence[Panel]) -> None:
        self._panels = panels
        self._slots = [panel.slots for panel in panels]
        self._free = list(self._slots)
        self._seated: list[list[int]] = [[] for _ in panels]
        self._fitting: dict[int, Sequence[int]] = {}
        self._closed: set[int] = set()
        self.panel_of: dict[int, int] = {}

    def _emptiest(self, fitting: Sequence[int]) -> int | None:
        """The place, among panels, of that with the smallest share taken; None: all are full."""
        free = [at for at in fitting if self._free[at]]
        return min(free, key=lambda at: (1 - self._free[at] / self._slots[at], at), default=None)

    def seat_with(self, person: int, fitting: Sequence[int], wished: int | None) -> bool:
        """Gives a person a place in the panel that knows him, if it takes him and has room."""
        if wished is None or wished not in fitting or not self._free[wished]:
            return False
        self._fitting[person] = fitting
        self._put(person, wished)
        return True

    def seat(self, person: int, fitting: Sequence[int]) -> bool:
        """Finds a place for a person in one of the panels that take him. Whether there was one:
        else nothing has changed."""
        if self._closed.issuperset(fitting):
            return False
        self._fitting[person] = fitting
        at = self._emptiest(fitting)
        if at is None:
            at = self._made_room(fitting)
        if at is None:
            return False
        self._put(person, at)
        return True

    def _put(self, person: int, at: int) -> None:
        self._free[at] -= 1
        self._seated[at].append(person)
        self.panel_of[person] = at

    def _made_room(self, fitting: Sequence[int]) -> int | None:
        """Moves people who were seated, along the shortest way that ends at a free place, so that
        one of the full panels has room; those who came last move first."""
        came_from: dict[int, tuple[int, int] | None] = dict.fromkeys(fitting)
        waiting = deque(fitting)
        while waiting:
            at = waiting.popleft()
            for person in reversed(self._seated[at]):
                for other in self._fitting[person]:
                    if other in came_from:
                        continue
                    came_from[other] = (at, person)
                    if self._free[other]:
                        return self._moved(other, came_from)
                    waiting.append(other)
        self._closed.update(came_from)  # all full, of people who fit nowhere else: for good
        return None

    def _moved(self, end: int, came_from: Mapping[int, tuple[int, int] | None]) -> int:
        at = end
        while (step := came_from[at]) is not None:
            before, person = step
            self._seated[before].remove(person)
            self._free[before] += 1
            self._put(person, at)
            at = before
        return at


def seated(
    panels: Sequence[Panel],
    traits: Sequence[Traits] | None,
    known_to: Sequence[int | None],
) -> list[int | None]:
    """The number of the panel of each person of an order; None for whom no place was found.

    `known_to` holds the number of the panel that each was in last, None of who was in none;
    `traits` what panels ask of each, None where they ask nothing.
    """
    at_number = {panel.number: at for at, panel in enumerate(panels)}
    everywhere = [at for at, panel in enumerate(panels) if panel.slots]
    fitting = [everywhere] * len(known_to)
    if traits is not None:
        of = {one: [at for at in everywhere if panels[at].takes(one)] for one in set(traits)}
        fitting = [of[one] for one in traits]
    wished = [None if number is None else at_number.get(number) for number in known_to]
    on_list, first = [], Seating(panels)
    room = sum(panel.slots for panel in panels)
    for person, fits in enumerate(fitting):
        if len(on_list) == room:
            break
        if first.seat(person, fits):
            on_list.append(person)
    final = Seating(panels)
    others = [p for p in on_list if not final.seat_with(p, fitting[p], wished[p])]
    for person in others:
        if not final.seat(person, fitting[person]):
            raise AssertionError("whoever had a place finds one")
    return [
        panels[final.panel_of[p]].number if p in final.panel_of else None
        for p in range(len(known_to))
    ]
