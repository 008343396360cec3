"""Each `How` of `features.definitions.declaration`, one event after the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from features.definitions.declaration import Channel, Feature
from tests.oracle.seen import EPOCH, NOTHING, Seen

DAY = timedelta(days=1)
MONTH = timedelta(days=30)


@dataclass(frozen=True)
class Event:
    """One event of a channel: `items` are the concepts that the channel asks it for."""

    day: date
    items: tuple[str, ...]
    value: float
    last_day: date | None  # of the span of days that it is; None where it is none


class Told:
    """Everything seen of one patient, asked for by channel; oldest first."""

    def __init__(self, seen: list[Seen]) -> None:
        self.seen = [(s, s.concepts) for s in seen]
        self.concepts = {concept for _, named in self.seen for concept, _ in named}

    def of(self, channel: Channel) -> list[Event]:
        prefixes = tuple(code[:-1] for code in channel.codes if code.endswith("*"))
        asked = self.concepts.intersection(channel.codes)
        if prefixes:
            asked |= {concept for concept in self.concepts if concept.startswith(prefixes)}
        events = []
        for s, named in self.seen if asked else []:
            items = [(concept, value) for concept, value in named if concept in asked]
            if items:
                value = items[0][1]
                last_day = _last_day(channel, s.day, value)
                events.append(Event(s.day, tuple(c for c, _ in items), value, last_day))
        return events


def _last_day(channel: Channel, first: date, value: float) -> date | None:
    if channel.spans == "last day":
        return date.max if math.isnan(value) else EPOCH + timedelta(days=int(value))
    if channel.spans == "days" and value > 0:
        return first + timedelta(days=int(value) - 1)
    return None


@dataclass(frozen=True)
class Asked:
    """One feature's events at as_of: all of them, and those in the window."""

    feature: Feature
    as_of: date
    told: Told
    events: list[Event]

    @property
    def days(self) -> int:
        assert self.feature.window is not None, f"{self.feature.how} needs a window"
        return self.feature.window.days

    @property
    def oldest(self) -> date:
        """The first day of the window."""
        return self.as_of - timedelta(days=self.days - 1) if self.feature.window else date.min

    @property
    def within(self) -> list[Event]:
        return [e for e in self.events if e.day >= self.oldest]

    @property
    def values(self) -> list[float]:
        return _values(self.within)

    @property
    def middle(self) -> date:
        """The last day of the window's earlier half."""
        return self.as_of - timedelta(days=self.days // 2)

    @property
    def later_half(self) -> list[Event]:
        return [e for e in self.within if e.day > self.middle]

    @property
    def earlier_half(self) -> list[Event]:
        return [e for e in self.within if e.day <= self.middle]

    @property
    def months(self) -> list[tuple[date, date]]:
        """First and last day of each month of 30 days in the window, the latest first."""
        ends = [self.as_of - n * MONTH for n in range(self.days // 30)]
        assert ends, f"{self.feature.how} needs a window of 30 days at least"
        return [(end - MONTH + DAY, end) for end in ends]

    @property
    def covered(self) -> set[date]:
        """The days of the window in a span, whenever that began."""
        return {
            max(e.day, self.oldest) + n * DAY
            for e in self.events
            if e.last_day is not None
            for n in range((min(e.last_day, self.as_of) - max(e.day, self.oldest)).days + 1)
        }

    @property
    def anchor(self) -> date | None:
        """The day of the anchor's last event in the window."""
        assert self.feature.anchor is not None, f"{self.feature.how} needs an anchor"
        days = [e.day for e in self.told.of(self.feature.anchor) if e.day >= self.oldest]
        return days[-1] if days else None

    def of_items(self) -> dict[str, Asked]:
        """The same question for each item alone, whenever it had an event."""
        items = sorted({item for e in self.events for item in e.items})
        return {
            item: Asked(self.feature, self.as_of, self.told,
                        [e for e in self.events if item in e.items])
            for item in items
        }  # fmt: skip


def folded(feature: Feature, told: Told, as_of: date) -> float:
    """The value of a feature whose feed is carried, before `divide_by`; not of a percentile."""
    asked = Asked(feature, as_of, told, told.of(feature.channel))
    if feature.how in ("after", "within", "started", "stopped"):
        anchor = asked.anchor
        return NOTHING if anchor is None else _AFTER[feature.how](asked, anchor)
    return _FOLDS[feature.how](asked)


def _values(events: Iterable[Event]) -> list[float]:
    return [e.value for e in events if not math.isnan(e.value)]


def _summed(events: Iterable[Event]) -> float:
    return sum(_values(events))


def _sum(asked: Asked) -> float:
    amount = _summed(asked.within)
    hidden = any(math.isnan(e.value) for e in asked.within)
    return NOTHING if amount == 0 and hidden else amount


def _sum_trend(asked: Asked) -> float:
    halves = asked.later_half, asked.earlier_half
    if any(half and not _values(half) for half in halves):
        return NOTHING
    return _summed(halves[0]) - _summed(halves[1])


def _latest(asked: Asked) -> float:
    valued = [e for e in asked.within if not math.isnan(e.value)]
    days = sorted({e.day for e in valued})
    if len(days) < asked.feature.days:
        return NOTHING
    return _summed(e for e in valued if e.day in days[-asked.feature.days :])


def _last(asked: Asked) -> float:
    return asked.within[-1].value if asked.within else NOTHING


def _of_last(asked: Asked, holds: Callable[[float], bool]) -> float:
    last = _last(asked)
    return NOTHING if math.isnan(last) else float(holds(last))


def _outside(feature: Feature, value: float) -> bool:
    least, most = feature.limits
    return not least <= value <= most


def _how_many_outside(asked: Asked) -> float:
    found = sum(_outside(asked.feature, value) for value in asked.values)
    return NOTHING if found == 0 and len(asked.values) < len(asked.within) else found


def _age(asked: Asked) -> float:
    if not asked.within:
        return NOTHING
    born, today = asked.within[-1].day, asked.as_of
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def _change(asked: Asked) -> float:
    return asked.values[-1] - asked.values[0] if len(asked.values) > 1 else NOTHING


def _slope(asked: Asked) -> float:
    points = [(Fraction(e.day.toordinal()), Fraction(e.value)) for e in asked.within
              if not math.isnan(e.value)]  # fmt: skip
    if len(points) < 3 or points[-1][0] - points[0][0] < 90:
        return NOTHING
    mean_day = sum(day for day, _ in points) / len(points)
    mean_value = sum(value for _, value in points) / len(points)
    rise = sum((day - mean_day) * (value - mean_value) for day, value in points)
    return float(365 * rise / sum((day - mean_day) ** 2 for day, _ in points))


def _months_above(asked: Asked) -> float:
    if not asked.within:
        return 0
    months = [[e for e in asked.events if first <= e.day <= last] for first, last in asked.months]
    above = sum(_summed(month) > asked.feature.level for month in months)
    if above == 0 and any(math.isnan(e.value) for month in months for e in month):
        return NOTHING
    return above / len(months)


def _new(asked: Asked) -> float:
    before = [e for e in asked.events if e.day < asked.oldest
              and (asked.as_of - e.day).days < asked.feature.before]  # fmt: skip
    return 1 if asked.within and not before else 0


def _recurrent(asked: Asked) -> float:
    return 1 if asked.later_half and asked.earlier_half else 0


def _holds(events: Iterable[Event], day: date) -> bool:
    return any(e.last_day is not None and e.day <= day <= e.last_day for e in events)


def _covered_months(asked: Asked) -> float:
    covered = asked.covered
    return sum(any(first <= day <= last for day in covered) for first, last in asked.months)


def _gap_days(asked: Asked) -> float:
    covered = asked.covered
    return (asked.as_of - min(covered)).days + 1 - len(covered) if covered else NOTHING


def _score(asked: Asked) -> float:
    there = {item for e in asked.within for item in e.items}
    left_out = {item for item, worse in asked.feature.suppressed_by if worse in there}
    return math.fsum(weight for item, weight in asked.feature.weights
                     if item in there and item not in left_out)  # fmt: skip


def _first_day_after(asked: Asked, anchor: date) -> date:
    return anchor if asked.feature.same_day else anchor + timedelta(days=1)


def _after(asked: Asked, anchor: date) -> float:
    return 1 if any(e.day >= _first_day_after(asked, anchor) for e in asked.events) else 0


def _within(asked: Asked, anchor: date) -> float:
    last = anchor + timedelta(days=asked.feature.days)
    if any(anchor < e.day <= last for e in asked.events):
        return 1
    unless = asked.feature.unless
    if unless is not None and any(anchor <= e.day <= last for e in asked.told.of(unless)):
        return NOTHING
    return 0 if last <= asked.as_of else NOTHING


def _started(asked: Asked, anchor: date) -> float:
    begin = _first_day_after(asked, anchor)
    earliest = begin - timedelta(days=asked.feature.before)
    return sum(
        any(e.day >= begin for e in item.events)
        and not any(earliest <= e.day < begin for e in item.events)
        for item in asked.of_items().values()
    )


def _stopped(asked: Asked, anchor: date) -> float:
    return sum(
        _holds([e for e in item.events if e.day < _first_day_after(asked, anchor)], anchor)
        and not _holds(item.events, asked.as_of)
        and not any(e.day >= _first_day_after(asked, anchor) for e in item.events)
        for item in asked.of_items().values()
    )


_AFTER: dict[str, Callable[[Asked, date], float]] = {
    "after": _after, "within": _within, "started": _started, "stopped": _stopped,
}  # fmt: skip
_FOLDS: dict[str, Callable[[Asked], float]] = {
    "count": lambda a: len(a.within),
    "any": lambda a: 1 if a.within else 0,
    "sum": _sum,
    "total": lambda a: _sum(a) if a.within else NOTHING,
    "latest": _latest,
    "trend": lambda a: len(a.later_half) - len(a.earlier_half),
    "sum_trend": _sum_trend,
    "last": _last,
    "last_is": lambda a: _of_last(a, lambda value: value in a.feature.equals),
    "last_outside": lambda a: _of_last(a, lambda value: _outside(a.feature, value)),
    "days_since": lambda a: (a.as_of - a.within[-1].day).days if a.within else NOTHING,
    "age": _age,
    "min": lambda a: min(a.values, default=NOTHING),
    "max": lambda a: max(a.values, default=NOTHING),
    "change": _change,
    "slope": _slope,
    "outside": _how_many_outside,
    "months_above": _months_above,
    "new": _new,
    "recurrent": _recurrent,
    "covered_days": lambda a: len(a.covered),
    "covered_now": lambda a: 1 if _holds(a.events, a.as_of) else 0,
    "covered_months": _covered_months,
    "gap_days": _gap_days,
    "distinct": lambda a: len({item for e in a.within for item in e.items}),
    "distinct_new": lambda a: sum(_new(item) for item in a.of_items().values()),
    "distinct_recurrent": lambda a: sum(_recurrent(item) for item in a.of_items().values()),
    "distinct_now": lambda a: sum(_holds(i.events, a.as_of) for i in a.of_items().values()),
    "score": _score,
}
