"""Which of a channel's events are behind a value: one rule a fold, in plain Python."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from features.definitions.declaration import Feature, How
from features.window import MONTH_DAYS, Window, days_between


@dataclass(frozen=True)
class Heard:
    """One event in one channel: the concepts that it is asked for, each with its number."""

    place: int
    day: int
    numbers: dict[str, float]
    spans: str | None

    @property
    def value(self) -> float:
        return next(iter(self.numbers.values()))

    def last_day(self, item: str | None = None) -> float:
        """The last day of the span that it is; before its own day where it holds none."""
        value = self.value if item is None else self.numbers[item]
        if math.isinf(value):
            return value
        if self.spans == "days":
            return self.day - 1 if math.isnan(value) else self.day + int(value) - 1
        return math.inf if math.isnan(value) else int(value)

    def holds(self, day: int, item: str | None = None) -> bool:
        return self.day <= day <= self.last_day(item)

    def only(self, items: Iterable[str]) -> Heard:
        return replace(self, numbers={item: self.numbers[item] for item in items})


@dataclass(frozen=True)
class Asked:
    """One feature's events at as_of, whenever they happened."""

    declared: Feature
    as_of: int
    events: list[Heard]

    @cached_property
    def oldest(self) -> float:
        """The first day of the window."""
        window = self.declared.window
        return -math.inf if window is None else window.first_day(self.as_of)

    @cached_property
    def within(self) -> list[Heard]:
        return [e for e in self.events if e.day >= self.oldest]

    @cached_property
    def valued(self) -> list[Heard]:
        return [e for e in self.within if not math.isnan(e.value)]

    @cached_property
    def unvalued(self) -> list[Heard]:
        return [e for e in self.within if math.isnan(e.value)]

    @cached_property
    def by_item(self) -> dict[str, list[Heard]]:
        """The events of each item, whenever they happened."""
        found: dict[str, list[Heard]] = {}
        for e in self.events:
            for item in e.numbers:
                found.setdefault(item, []).append(e)
        return found

    def ago(self, e: Heard) -> int:
        return days_between(e.day, self.as_of)


def _all(asked: Asked) -> Sequence[Heard]:
    return asked.within


def _last(asked: Asked) -> Sequence[Heard]:
    return asked.within[-1:]


def _valued(asked: Asked) -> Sequence[Heard]:
    return asked.valued


def _moving(asked: Asked) -> Sequence[Heard]:
    """Those that move a sum: their whole value is not 0."""
    return [e for e in asked.valued if _whole(e.value) != 0]


def _adding(asked: Asked) -> Sequence[Heard]:
    """What moves the sum; where that leaves 0, also what has no value and makes it missing."""
    moving = _moving(asked)
    hidden = [] if sum(_whole(e.value) for e in moving) else asked.unvalued
    return sorted([*moving, *hidden], key=lambda e: e.place)


def _adding_in_halves(asked: Asked) -> Sequence[Heard]:
    """What moves the sums; of a half that has no value at all, what makes it missing."""
    assert asked.declared.window is not None
    later_half = asked.declared.window.later_half(asked.as_of)
    told = {e.day >= later_half for e in asked.valued}
    hidden = [e for e in asked.unvalued if (e.day >= later_half) not in told]
    return sorted([*_moving(asked), *hidden], key=lambda e: e.place)


def _latest(asked: Asked) -> Sequence[Heard]:
    days = sorted({e.day for e in asked.valued})[-asked.declared.days :]
    return [e for e in asked.valued if e.day in days]


def _extreme(asked: Asked) -> Sequence[Heard]:
    values = [e.value for e in asked.valued]
    if not values:
        return []
    held = min(values) if asked.declared.how == "min" else max(values)
    return [e for e in asked.valued if e.value == held]


def _ends(asked: Asked) -> Sequence[Heard]:
    return asked.valued if len(asked.valued) < 2 else [asked.valued[0], asked.valued[-1]]


def _outside(asked: Asked) -> Sequence[Heard]:
    low, high = asked.declared.limits
    outside = [e for e in asked.valued if not low <= e.value <= high]
    return outside or asked.unvalued  # what cannot be read makes it missing


def _whole(value: float) -> float:
    return value if math.isinf(value) else round(value)


def _in_months_above(asked: Asked) -> Sequence[Heard]:
    assert asked.declared.window is not None
    sums = [0.0] * (asked.declared.window.days // MONTH_DAYS)
    adding = [e for e in _moving(asked) if asked.ago(e) // MONTH_DAYS < len(sums)]
    for e in adding:
        sums[asked.ago(e) // MONTH_DAYS] += _whole(e.value)
    above = [e for e in adding if sums[asked.ago(e) // MONTH_DAYS] > asked.declared.level]
    return above or [e for e in asked.unvalued if asked.ago(e) // MONTH_DAYS < len(sums)]


def _new_or_not(asked: Asked) -> Sequence[Heard]:
    """Those in the window; where there are earlier ones, these too: by them it is not new."""
    return [e for e in asked.events if asked.ago(e) < asked.declared.before]


def _covering(asked: Asked) -> Sequence[Heard]:
    window = asked.declared.window
    assert window is not None
    if asked.declared.how == "covered_months":
        window = Window(window.days - window.days % MONTH_DAYS)
    first = window.first_day(asked.as_of)
    return [e for e in asked.events if e.last_day() >= max(e.day, first)]


def _covering_now(asked: Asked) -> Sequence[Heard]:
    return [e for e in asked.events if e.holds(asked.as_of)]


def _distinct(asked: Asked) -> Sequence[Heard]:
    return _of_items({item: [e for e in events if e.day >= asked.oldest][-1:]
                      for item, events in asked.by_item.items()})  # fmt: skip


def _distinct_new(asked: Asked) -> Sequence[Heard]:
    chosen: dict[str, list[Heard]] = {}
    for item, events in asked.by_item.items():
        known = [e for e in events if asked.ago(e) < asked.declared.before]
        if known and known[0].day >= asked.oldest:
            chosen[item] = known[-1:]
    return _of_items(chosen)


def _distinct_recurrent(asked: Asked) -> Sequence[Heard]:
    assert asked.declared.window is not None
    later_half = asked.declared.window.later_half(asked.as_of)
    chosen: dict[str, list[Heard]] = {}
    for item, events in asked.by_item.items():
        earlier = [e for e in events if asked.oldest <= e.day < later_half]
        later = [e for e in events if e.day >= later_half]
        if earlier and later:
            chosen[item] = [earlier[-1], later[-1]]
    return _of_items(chosen)


def _distinct_now(asked: Asked) -> Sequence[Heard]:
    return _of_items({item: [e for e in events if e.holds(asked.as_of, item)][-1:]
                      for item, events in asked.by_item.items()})  # fmt: skip


def _scored(asked: Asked) -> Sequence[Heard]:
    last = {item: events[-1] for item, events in asked.by_item.items()
            if events[-1].day >= asked.oldest}  # fmt: skip
    left_out = {item for item, worse in asked.declared.suppressed_by if worse in last}
    weighing = {item for item, weight in asked.declared.weights if weight != 0}
    return _of_items({item: [e] for item, e in last.items() if item in weighing - left_out})


def _before_it(asked: Asked, anchor: int) -> int:
    """The last day that counts as before the anchor."""
    return anchor - 1 if asked.declared.same_day else anchor


def _after(asked: Asked, anchor: int) -> Sequence[Heard]:
    if asked.declared.how == "within":
        return [e for e in asked.events
                if 0 < days_between(anchor, e.day) <= asked.declared.days]  # fmt: skip
    return [e for e in asked.events if e.day > _before_it(asked, anchor)]


def instead(asked: Asked, anchor: int) -> Sequence[Heard]:
    """What came where `within` waits for an event, and makes its absence mean nothing."""
    return [e for e in asked.events
            if 0 <= days_between(anchor, e.day) <= asked.declared.days]  # fmt: skip


def _started(asked: Asked, anchor: int) -> Sequence[Heard]:
    chosen: dict[str, list[Heard]] = {}
    for item, events in asked.by_item.items():
        day = _before_it(asked, anchor)
        earlier = [e for e in events if 0 <= days_between(e.day, day) < asked.declared.before]
        if events[-1].day > day and not earlier:
            chosen[item] = events[-1:]
    return _of_items(chosen)


def _stopped(asked: Asked, anchor: int) -> Sequence[Heard]:
    chosen: dict[str, list[Heard]] = {}
    for item, events in asked.by_item.items():
        day = _before_it(asked, anchor)
        goes_on = events[-1].day > day or any(e.holds(asked.as_of, item) for e in events)
        if not goes_on:
            chosen[item] = [e for e in events if e.day <= day and e.holds(anchor, item)][-1:]
    return _of_items(chosen)


def _of_items(chosen: dict[str, list[Heard]]) -> Sequence[Heard]:
    """Each chosen event once, under the items that it was chosen for."""
    items: dict[int, tuple[Heard, list[str]]] = {}
    for item, events in chosen.items():
        for e in events:
            items.setdefault(e.place, (e, []))[1].append(item)
    return [e.only(names) for _, (e, names) in sorted(items.items())]


RULES: dict[How, Callable[[Asked], Sequence[Heard]]] = {
    "count": _all, "any": _all, "total": _all, "trend": _all, "recurrent": _all,
    "sum": _adding, "sum_trend": _adding_in_halves, "months_above": _in_months_above,
    "last": _last, "last_is": _last, "last_outside": _last, "days_since": _last, "age": _last,
    "min": _extreme, "max": _extreme, "change": _ends, "outside": _outside,
    "slope": _valued, "latest": _latest, "new": _new_or_not,
    "covered_days": _covering, "covered_months": _covering, "gap_days": _covering,
    "covered_now": _covering_now,
    "distinct": _distinct, "distinct_new": _distinct_new,
    "distinct_recurrent": _distinct_recurrent, "distinct_now": _distinct_now, "score": _scored,
}  # fmt: skip
AFTER_RULES: dict[How, Callable[[Asked, int], Sequence[Heard]]] = {
    "after": _after, "within": _after, "started": _started, "stopped": _stopped,
}  # fmt: skip
