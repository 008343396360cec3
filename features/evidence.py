"""The events behind one value: which of a patient's events a feature is made of.

Plain Python, one rule a fold, and no value: the engine alone computes those. Whoever keeps the
source rows of the evidence and nothing else computes the same value again, with two exceptions. A
principal diagnosis is a fact of two rows, and its event names the diagnosis's row alone. And what
counts items that are new, started, stopped or not left out by a worse one rests on what was *not*
there: it comes out the same as long as no code names two items of the channel of which only one
counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import pyarrow as pa

from features.definitions import feature
from features.definitions.declaration import Channel, Feature, How
from features.definitions.sensitivity import Sensitive, sensitive_concept
from features.event_words import event_words
from features.meaning import Meaning, meanings
from features.window import MONTH_DAYS, Window, days_between, to_date, to_day


@dataclass(frozen=True)
class Evidence:
    """One event behind a value.

    `code` and `value` (NaN: none) are those of the history, so as the source gave them; `concepts`
    are the items that the event counts as, or all that the channel asks it for where items do not
    matter; `counted` is the number that it stands for under the first of them, in the unit of the
    feature before `divide_by`. `is_anchor` marks the event that the others are told after.
    """

    happened_on: date
    known_on: date
    code: str
    value: float
    source_row: str
    concepts: tuple[str, ...]
    counted: float
    is_anchor: bool = False

    @property
    def words(self) -> str:
        """What the event says, once for each of its concepts."""
        said = (event_words(self.code, self.value, concept) for concept in self.concepts)
        return "; ".join(dict.fromkeys(said))

    @property
    def sensitive(self) -> Sensitive | None:
        """What makes the event sensitive, whatever it counts as here (`sensitive_code`)."""
        return sensitive_code(self.code)


def sensitive_code(code: str) -> Sensitive | None:
    """What makes an event code sensitive: the code itself, else the first of its concepts that is.

    A total is not marked (`Feature.sensitive` is None), because it names no condition: whoever
    shows one asks each event of its evidence, and leaves it out or unexplained where one is marked.

    >>> sensitive_code("DX/ICD10CM/B20"), sensitive_code("PRINCIPAL/ICD10CM/F329")
    ('HIV', 'mental health')
    >>> sensitive_code("DX/ICD10CM/I509") is None
    True
    """
    if code.startswith("PRINCIPAL/"):  # its one concept is a number
        code = "DX/" + code.removeprefix("PRINCIPAL/")
    for concept in (code, *(meaning.concept for meaning in meanings([code])[0])):
        why = sensitive_concept(concept)
        if why is not None:
            return why
    return None


def evidence(declared: Feature, events: pa.Table, as_of: date) -> list[Evidence]:
    """The events behind one feature's value at as_of, oldest first.

    `events` are all those of one patient (`Histories.events`). Where the value is 0 or missing
    there may be events too: those that make it so. A percentile rests on the events of the feature
    that it is of. That a feed is not carried is not seen here.
    """
    return Seen(events, as_of).evidence(declared)


class Seen:
    """What was seen of one patient at as_of: asked once for many features."""

    def __init__(self, events: pa.Table, as_of: date) -> None:
        self.as_of = to_day(as_of)
        happened, known, superseded = (
            events.column(name).to_numpy() for name in ("happened_on", "known_on", "superseded_on")
        )
        there = (happened <= self.as_of) & (known <= self.as_of) & (self.as_of < superseded)
        self._rows = events.filter(pa.array(there)).to_pylist()
        codes = sorted({row["code"] for row in self._rows})
        self._meanings = dict(zip(codes, meanings(codes), strict=True))
        self._of_concept: dict[str, list[int]] = {}
        for place, row in enumerate(self._rows):
            for meaning in self._meanings[row["code"]]:
                self._of_concept.setdefault(meaning.concept, []).append(place)

    def __len__(self) -> int:
        """How many events are seen."""
        return len(self._rows)

    def evidence(self, declared: Feature) -> list[Evidence]:
        """The events behind one feature's value (see `evidence`)."""
        if declared.of is not None:
            return self.evidence(feature(declared.of))
        asked = _Asked(declared, self.as_of, self.heard(declared.channel))
        if declared.anchor is None:
            return [self._told(heard) for heard in _RULES[declared.how](asked)]
        in_window = replace(asked, events=self.heard(declared.anchor)).within
        if not in_window:
            return []
        anchor = in_window[-1]
        after = _AFTER[declared.how](asked, anchor.day)
        told = [(anchor.place, self._told(anchor, is_anchor=True))]
        told += [(h.place, self._told(h)) for h in after if h.place != anchor.place]
        return [made for _, made in sorted(told, key=lambda each: each[0])]

    def heard(self, channel: Channel) -> list[_Heard]:
        """The events of a channel, oldest first."""
        prefixes = tuple(code[:-1] for code in channel.codes if code.endswith("*"))
        concepts = {code for code in channel.codes if code in self._of_concept}
        if prefixes:
            concepts |= {concept for concept in self._of_concept if concept.startswith(prefixes)}
        places = sorted({place for concept in concepts for place in self._of_concept[concept]})
        return [self._heard(channel, place, concepts) for place in places]

    def _heard(self, channel: Channel, place: int, concepts: set[str]) -> _Heard:
        row = self._rows[place]
        numbers: dict[str, float] = {}
        for meaning in self._meanings[row["code"]]:
            if meaning.concept in concepts:
                numbers.setdefault(meaning.concept, _number(meaning, row["value"]))
        return _Heard(place, row["happened_on"], numbers, channel.spans)

    def _told(self, heard: _Heard, *, is_anchor: bool = False) -> Evidence:
        row = self._rows[heard.place]
        return Evidence(
            happened_on=to_date(row["happened_on"]),
            known_on=to_date(row["known_on"]),
            code=row["code"],
            value=row["value"],
            source_row=row["source_row"],
            concepts=tuple(heard.numbers),
            counted=heard.value,
            is_anchor=is_anchor,
        )


def _number(meaning: Meaning, value: float) -> float:
    return value * meaning.factor if meaning.value is None else meaning.value


@dataclass(frozen=True)
class _Heard:
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

    def only(self, items: Iterable[str]) -> _Heard:
        return replace(self, numbers={item: self.numbers[item] for item in items})


@dataclass(frozen=True)
class _Asked:
    """One feature's events at as_of, whenever they happened."""

    declared: Feature
    as_of: int
    events: list[_Heard]

    @cached_property
    def oldest(self) -> float:
        """The first day of the window."""
        window = self.declared.window
        return -math.inf if window is None else window.first_day(self.as_of)

    @cached_property
    def within(self) -> list[_Heard]:
        return [e for e in self.events if e.day >= self.oldest]

    @cached_property
    def valued(self) -> list[_Heard]:
        return [e for e in self.within if not math.isnan(e.value)]

    @cached_property
    def by_item(self) -> dict[str, list[_Heard]]:
        """The events of each item, whenever they happened."""
        found: dict[str, list[_Heard]] = {}
        for e in self.events:
            for item in e.numbers:
                found.setdefault(item, []).append(e)
        return found

    def ago(self, e: _Heard) -> int:
        return days_between(e.day, self.as_of)


def _all(asked: _Asked) -> Sequence[_Heard]:
    return asked.within


def _last(asked: _Asked) -> Sequence[_Heard]:
    return asked.within[-1:]


def _valued(asked: _Asked) -> Sequence[_Heard]:
    return asked.valued


def _adding(asked: _Asked) -> Sequence[_Heard]:
    """Those that move a sum: their whole value is not 0."""
    return [e for e in asked.valued if _whole(e.value) != 0]


def _extreme(asked: _Asked) -> Sequence[_Heard]:
    values = [e.value for e in asked.valued]
    if not values:
        return []
    held = min(values) if asked.declared.how == "min" else max(values)
    return [e for e in asked.valued if e.value == held]


def _ends(asked: _Asked) -> Sequence[_Heard]:
    return asked.valued if len(asked.valued) < 2 else [asked.valued[0], asked.valued[-1]]


def _outside(asked: _Asked) -> Sequence[_Heard]:
    low, high = asked.declared.limits
    if not asked.valued:
        return asked.within  # what cannot be read makes it missing
    return [e for e in asked.valued if not low <= e.value <= high]


def _whole(value: float) -> float:
    return value if math.isinf(value) else round(value)


def _in_months_above(asked: _Asked) -> Sequence[_Heard]:
    assert asked.declared.window is not None
    sums = [0.0] * (asked.declared.window.days // MONTH_DAYS)
    adding = [e for e in _adding(asked) if asked.ago(e) // MONTH_DAYS < len(sums)]
    for e in adding:
        sums[asked.ago(e) // MONTH_DAYS] += _whole(e.value)
    return [e for e in adding if sums[asked.ago(e) // MONTH_DAYS] > asked.declared.level]


def _new_or_not(asked: _Asked) -> Sequence[_Heard]:
    """Those in the window; where there are earlier ones, these too: by them it is not new."""
    return [e for e in asked.events if asked.ago(e) < asked.declared.before]


def _covering(asked: _Asked) -> Sequence[_Heard]:
    window = asked.declared.window
    assert window is not None
    if asked.declared.how == "covered_months":
        window = Window(window.days - window.days % MONTH_DAYS)
    first = window.first_day(asked.as_of)
    return [e for e in asked.events if e.last_day() >= max(e.day, first)]


def _covering_now(asked: _Asked) -> Sequence[_Heard]:
    return [e for e in asked.events if e.holds(asked.as_of)]


def _distinct(asked: _Asked) -> Sequence[_Heard]:
    return _of_items({item: [e for e in events if e.day >= asked.oldest][-1:]
                      for item, events in asked.by_item.items()})  # fmt: skip


def _distinct_new(asked: _Asked) -> Sequence[_Heard]:
    chosen: dict[str, list[_Heard]] = {}
    for item, events in asked.by_item.items():
        known = [e for e in events if asked.ago(e) < asked.declared.before]
        if known and known[0].day >= asked.oldest:
            chosen[item] = known[-1:]
    return _of_items(chosen)


def _distinct_recurrent(asked: _Asked) -> Sequence[_Heard]:
    assert asked.declared.window is not None
    later_half = asked.declared.window.later_half(asked.as_of)
    chosen: dict[str, list[_Heard]] = {}
    for item, events in asked.by_item.items():
        earlier = [e for e in events if asked.oldest <= e.day < later_half]
        later = [e for e in events if e.day >= later_half]
        if earlier and later:
            chosen[item] = [earlier[-1], later[-1]]
    return _of_items(chosen)


def _distinct_now(asked: _Asked) -> Sequence[_Heard]:
    return _of_items({item: [e for e in events if e.holds(asked.as_of, item)][-1:]
                      for item, events in asked.by_item.items()})  # fmt: skip


def _scored(asked: _Asked) -> Sequence[_Heard]:
    last = {item: events[-1] for item, events in asked.by_item.items()
            if events[-1].day >= asked.oldest}  # fmt: skip
    left_out = {item for item, worse in asked.declared.suppressed_by if worse in last}
    weighing = {item for item, weight in asked.declared.weights if weight != 0}
    return _of_items({item: [e] for item, e in last.items() if item in weighing - left_out})


def _before_it(asked: _Asked, anchor: int) -> int:
    """The last day that counts as before the anchor."""
    return anchor - 1 if asked.declared.same_day else anchor


def _after(asked: _Asked, anchor: int) -> Sequence[_Heard]:
    if asked.declared.how == "within":
        return [e for e in asked.events
                if 0 < days_between(anchor, e.day) <= asked.declared.days]  # fmt: skip
    return [e for e in asked.events if e.day > _before_it(asked, anchor)]


def _started(asked: _Asked, anchor: int) -> Sequence[_Heard]:
    chosen: dict[str, list[_Heard]] = {}
    for item, events in asked.by_item.items():
        day = _before_it(asked, anchor)
        earlier = [e for e in events if 0 <= days_between(e.day, day) < asked.declared.before]
        if events[-1].day > day and not earlier:
            chosen[item] = events[-1:]
    return _of_items(chosen)


def _stopped(asked: _Asked, anchor: int) -> Sequence[_Heard]:
    chosen: dict[str, list[_Heard]] = {}
    for item, events in asked.by_item.items():
        day = _before_it(asked, anchor)
        goes_on = events[-1].day > day or any(e.holds(asked.as_of, item) for e in events)
        if not goes_on:
            chosen[item] = [e for e in events if e.day <= day and e.holds(anchor, item)][-1:]
    return _of_items(chosen)


def _of_items(chosen: dict[str, list[_Heard]]) -> Sequence[_Heard]:
    """Each chosen event once, under the items that it was chosen for."""
    items: dict[int, tuple[_Heard, list[str]]] = {}
    for item, events in chosen.items():
        for e in events:
            items.setdefault(e.place, (e, []))[1].append(item)
    return [e.only(names) for _, (e, names) in sorted(items.items())]


_RULES: dict[How, Callable[[_Asked], Sequence[_Heard]]] = {
    "count": _all, "any": _all, "total": _all, "trend": _all, "recurrent": _all,
    "sum": _adding, "sum_trend": _adding, "months_above": _in_months_above,
    "last": _last, "last_is": _last, "last_outside": _last, "days_since": _last, "age": _last,
    "min": _extreme, "max": _extreme, "change": _ends, "outside": _outside,
    "slope": _valued, "new": _new_or_not,
    "covered_days": _covering, "covered_months": _covering, "gap_days": _covering,
    "covered_now": _covering_now,
    "distinct": _distinct, "distinct_new": _distinct_new,
    "distinct_recurrent": _distinct_recurrent, "distinct_now": _distinct_now, "score": _scored,
}  # fmt: skip
_AFTER: dict[How, Callable[[_Asked, int], Sequence[_Heard]]] = {
    "after": _after, "within": _after, "started": _started, "stopped": _stopped,
}  # fmt: skip
