"""Declarations → the arrays that the kernel works with (`features.layout`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import chain
from threading import Lock
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from data.errors import InputError
from features.definitions import FEATURES, feature
from features.definitions.declaration import Channel, Feature
from features.folds import DAYS, HOWS, LAST_DAY
from features.layout import (
    NEEDS_ANCHOR,
    NEEDS_LAST,
    NEEDS_SCORE,
    NEEDS_SUMS,
    SILENT,
    Anchors,
    Declared,
    Heard,
    Profiles,
)
from features.meaning import Meaning, meanings
from features.vocabulary import Vocabulary

_ADDED_UP = frozenset(
    ("count", "any", "sum", "total", "trend", "sum_trend", "new", "recurrent", "distinct",
     "distinct_new", "distinct_recurrent")
)  # fmt: skip
_SUMMED = frozenset(("sum", "total", "sum_trend"))
_OF_LAST = frozenset(("last", "last_is", "last_outside", "days_since", "age", "score"))
_TALLIED = frozenset(("distinct", "distinct_new", "distinct_recurrent", "distinct_now"))
_OF_ITEMS = frozenset(
    ("distinct", "distinct_new", "distinct_recurrent", "distinct_now", "score", "started",
     "stopped")
)  # fmt: skip
_TOLD_AFTER = frozenset(("after", "within", "started", "stopped"))
_NO_EVENT_IS_MISSING = frozenset(
    ("total", "latest", "last", "last_is", "last_outside", "days_since", "age", "min", "max",
     "change", "slope", "gap_days", "percentile", "missing", *_TOLD_AFTER)
)  # fmt: skip
_SPANS = {None: 0, "last day": LAST_DAY, "days": DAYS}
_EVER = 2**30
"""Days of the window of a feature that has none."""
_REMEMBERED = 50_000
"""Codes whose cells one plan keeps for the next vocabulary, so that requests do not fill memory."""
_NAMES_OF_MANY = ("FACILITY/", "PROVIDER/", "PRESCRIBER/")

_OWN, _ITEMS, _SCORED = range(3)
_Key = tuple[Channel, int]
"""A channel, and whether it is asked for its events, for its items, or for a score of them."""


class _Places(NamedTuple):
    """Where a code speaks.

    `where` holds (profile, item; "" for the channel's own). `numbers` says of each, one after the
    other, what the code stands for there: whether by a number of its own (1, 0), that number, and
    the factor of the event's. `reach` is over how many days each asks, `farthest` the longest.
    """

    where: tuple[tuple[int, str], ...]
    numbers: tuple[float, ...]
    reach: tuple[int, ...]
    farthest: int


@dataclass(frozen=True, eq=False)
class Plan:
    """What to compute: a column a feature, in order; then columns for those that a percentile is
    of and that nobody asked for.

    `template` is the row of a patient without events. `percentiles` holds (column, the column
    that it is of, that one's name).
    """

    names: tuple[str, ...]
    template: np.ndarray
    profiles: Profiles
    declared: Declared
    anchors: Anchors
    scores: np.ndarray
    window_days: np.ndarray
    percentiles: tuple[tuple[int, int, str], ...]
    _channels: tuple[Channel | None, ...]  # of each profile; None: of items
    _reach: tuple[int, ...]  # of each profile: over how many days anything asks about it
    _exact: dict[str, tuple[int, ...]]
    _prefixes: dict[str, tuple[int, ...]]
    _items_of: dict[int, dict[str, int]]  # of a profile of scored items: item → place
    _places: dict[str, _Places] = field(default_factory=dict)
    _heard: WeakKeyDictionary[Vocabulary, Heard] = field(default_factory=WeakKeyDictionary)
    _hearing: Lock = field(default_factory=Lock)

    def heard(self, vocabulary: Vocabulary) -> Heard:
        """In which cells each code of a vocabulary speaks; worked out once for each vocabulary."""
        with self._hearing:  # shards are answered on several threads
            found = self._heard.get(vocabulary)
            if found is None:
                found = self._heard[vocabulary] = self._hear(vocabulary.codes)
        return found

    def _hear(self, codes: Sequence[str]) -> Heard:
        places = {code: at for code in codes if (at := self._places.get(code)) is not None}
        new = [code for code in dict.fromkeys(codes) if code not in places]
        places |= {
            code: self._places_of(told) for code, told in zip(new, meanings(new), strict=True)
        }
        if len(self._places) + len(places) > _REMEMBERED:
            self._places.clear()
        if len(places) <= _REMEMBERED:
            kept = {c: at for c, at in places.items() if not c.startswith(_NAMES_OF_MANY)}
            self._places.update(kept)
        profile = list(range(len(self._channels)))
        item = [0] * len(profile)
        cells: dict[tuple[int, str], int] = {}
        start, cell, numbers, reach, farthest = [0], [], [], [], []
        for code in codes:
            spoken = places[code]
            for key in spoken.where:
                at = key[0] if not key[1] else cells.get(key, -1)
                if at < 0:
                    at = cells[key] = len(profile)
                    profile.append(key[0])
                    item.append(self._items_of.get(key[0], {}).get(key[1], 0))
                cell.append(at)
            numbers += spoken.numbers
            reach += spoken.reach
            farthest.append(spoken.farthest)
            start.append(len(cell))
        own, value, factor = np.array(numbers, np.float64).reshape(-1, 3).T
        return Heard(
            np.array(start, np.int32), np.array(cell, np.int32), own > 0,
            np.ascontiguousarray(value), np.ascontiguousarray(factor),
            np.array(profile, np.int32), np.array(item, np.int32),
            np.array(reach, np.int64), np.array(farthest, np.int64),
        )  # fmt: skip

    def _places_of(self, told: Iterable[Meaning]) -> _Places:
        found: dict[tuple[int, str], tuple[float, float, float]] = {}
        for meaning in told:
            for profile in self._profiles_of(meaning.concept):
                name = "" if self._channels[profile] is not None else meaning.concept
                scored = self._items_of.get(profile)
                if scored is None or name in scored:
                    value = meaning.value
                    number = (0.0, 0.0, meaning.factor) if value is None else (1.0, value, 1.0)
                    found.setdefault((profile, name), number)
        reach = tuple(self._reach[profile] for profile, _ in found)
        return _Places(
            tuple(found), tuple(chain.from_iterable(found.values())), reach,
            max(reach, default=SILENT),
        )  # fmt: skip

    def _profiles_of(self, concept: str) -> list[int]:
        found = set(self._exact.get(concept, ()))
        for length in self._prefix_lengths[concept.partition("/")[0]]:
            if (at := self._prefixes.get(concept[:length])) is not None:
                found.update(at)
        return sorted(found)

    @cached_property
    def _prefix_lengths(self) -> Mapping[str, list[int]]:
        """How long the prefixes are that a concept of each family (DX, RX, ...) may have."""
        of_any = {len(prefix) for prefix in self._prefixes if "/" not in prefix}
        lengths = defaultdict(lambda: sorted(of_any))
        for family in {prefix.partition("/")[0] for prefix in self._prefixes if "/" in prefix}:
            own = {len(prefix) for prefix in self._prefixes if prefix.startswith(family + "/")}
            lengths[family] = sorted(own | of_any)
        return lengths


@lru_cache(maxsize=32)
def plan(names: tuple[str, ...] | None, carries: tuple[str, ...]) -> Plan:
    """The plan of the features called `names` (all that there are for None), in that order.

    A feature whose feed is not in `carries` is planned as missing. Raises InputError for a name
    that no feature has.
    """
    return plan_of(FEATURES if names is None else tuple(map(feature, names)), carries)


def plan_of(declared: Sequence[Feature], carries: Iterable[str]) -> Plan:
    """The plan of these features, declared anywhere. Raises InputError where one is there twice."""
    names = [f.name for f in declared]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"The feature {twice[0]!r} is asked for twice: name each one once.")
    carried = set(carries)
    bases = dict.fromkeys(f.of for f in declared if f.of is not None)
    all_of_them = [*declared, *(feature(name) for name in bases if name not in names)]
    column = {f.name: place for place, f in enumerate(all_of_them)}
    computed = [f for f in all_of_them if f.feed in carried and f.how != "percentile"]
    windows = sorted({days for f in computed for days in _lengths(f)})

    asked: dict[_Key, list[Feature]] = {}
    for f in computed:
        asked.setdefault(_key(f), []).append(f)
    for f in computed:
        for channel in _beside(f):
            asked.setdefault((channel, _OWN), [])
    order = sorted(asked, key=lambda key: key[1])  # a channel's own cell is its profile's place
    place = {key: at for at, key in enumerate(order)}
    reach = [max((_reach(f) for f in asked[key]), default=0) for key in order]
    for f in computed:
        for channel in _beside(f):
            at = place[channel, _OWN]
            reach[at] = max(reach[at], _days(f))
    exact: dict[str, list[int]] = {}
    prefixes: dict[str, list[int]] = {}
    for (channel, _), at in place.items():
        for code in channel.codes:
            where = prefixes.setdefault(code[:-1], []) if code.endswith("*") else (
                exact.setdefault(code, []))  # fmt: skip
            where.append(at)
    items_of: dict[int, dict[str, int]] = {}
    for f in computed:
        if f.how == "score":
            items = items_of.setdefault(place[_key(f)], {})
            for item, _ in f.weights:
                items.setdefault(item, len(items))
    return Plan(
        names=tuple(names),
        template=np.array([_without_events(f, carried) for f in all_of_them], np.float32),
        profiles=_profiles([asked[key] for key in order], order, windows, column, items_of),
        declared=_declared(all_of_them, carried, place, items_of),
        anchors=_anchors(computed, place, column),
        scores=np.array([column[f.name] for f in computed if f.how == "score"], np.int64),
        window_days=np.array(windows, np.int64),
        percentiles=tuple(
            (at, column[f.of], f.of) for at, f in enumerate(declared) if f.of is not None
        ),
        _channels=tuple(channel if kind == _OWN else None for channel, kind in order),
        _reach=tuple(reach),
        _exact={code: tuple(at) for code, at in exact.items()},
        _prefixes={prefix: tuple(at) for prefix, at in prefixes.items()},
        _items_of=items_of,
    )


def _key(f: Feature) -> _Key:
    kind = _SCORED if f.how == "score" else _ITEMS if f.how in _OF_ITEMS else _OWN
    return f.channel, kind


def _lengths(f: Feature) -> list[int]:
    """The lengths of windows in which something is added up for this feature."""
    if f.how not in _ADDED_UP:
        return []
    days = _days(f)
    found = [days]
    if f.how in ("trend", "sum_trend", "recurrent", "distinct_recurrent"):
        found.append(days // 2)
    if f.how in ("new", "distinct_new"):
        found.append(f.before)
    return found


def _days(f: Feature) -> int:
    return _EVER if f.window is None else f.window.days


def _beside(f: Feature) -> list[Channel]:
    """The other channels that a feature hears: what happened there alone, not in items."""
    return [channel for channel in (f.anchor, f.unless) if channel is not None]


def _reach(f: Feature) -> int:
    """Over how many days, as_of among them, an event may begin that tells something here. A span
    may have begun at any time."""
    if f.channel.spans is not None:
        return _EVER
    if f.how in ("started", "stopped"):
        return _days(f) + f.before  # looks back from an anchor in the window, or the day before it
    return max(_days(f), f.before if f.how in ("new", "distinct_new") else 0)


def _without_events(f: Feature, carried: set[str]) -> float:
    return np.nan if f.feed not in carried or f.how in _NO_EVENT_IS_MISSING else 0.0


def _profiles(
    asked: list[list[Feature]],
    order: list[_Key],
    windows: list[int],
    column: dict[str, int],
    items_of: dict[int, dict[str, int]],
) -> Profiles:
    rows, window, told, next_slot, tallies = [], [], [], 0, 0
    at = {days: where for where, days in enumerate(windows)}
    for profile, declared in enumerate(asked):
        features = sorted(declared, key=lambda f: HOWS.index(f.how))  # alike ones lie together
        bits = 0
        for f in features:
            bits |= NEEDS_SUMS if f.how in _SUMMED else 0
            bits |= NEEDS_LAST if f.how in _OF_LAST else 0
            bits |= NEEDS_SCORE if f.how == "score" else 0
            bits |= NEEDS_ANCHOR if f.how in ("started", "stopped") else 0
        first_window, first_told = len(window), len(told)
        window.extend(at[d] for d in sorted({d for f in features for d in _lengths(f)}))
        for f in features:
            if f.how in _TOLD_AFTER or f.how == "score":
                continue
            days = _days(f)
            told.append((
                column[f.name], HOWS.index(f.how), at.get(days, 0), at.get(days // 2, 0),
                at.get(f.before, 0), days, tallies if f.how in _TALLIED else -1, 0,
            ))  # fmt: skip
            tallies += f.how in _TALLIED
        rows.append((
            bits, _SPANS[order[profile][0].spans], first_window, len(window), first_told,
            len(told), next_slot if profile in items_of else -1, 0,
        ))  # fmt: skip
        next_slot += len(items_of.get(profile, ()))
    return Profiles(_table(rows), np.array(window, np.int64), _table(told))


def _table(rows: list[tuple[int, ...]]) -> np.ndarray:
    """int32, a row of eight a tuple: half a line of the processor's cache."""
    return np.array(rows, np.int32).reshape(-1, 8)


def _declared(
    features: list[Feature],
    carried: set[str],
    place: dict[_Key, int],
    items_of: dict[int, dict[str, int]],
) -> Declared:
    equals = [f.equals for f in features]
    weights, worse_start, worse, weight_start = [], [0], [], [0]
    for f in features:
        told = f.how == "score" and f.feed in carried
        items = items_of.get(place.get(_key(f), -1), {}) if told else {}
        weight_of = dict(f.weights)
        for item in items:
            weights.append(weight_of.get(item, 0.0))
            worse.extend(items[w] for milder, w in f.suppressed_by if milder == item)
            worse_start.append(len(worse))
        weight_start.append(len(weights))
    how = ["missing" if f.feed not in carried else f.how for f in features]
    return Declared(
        how=np.array([HOWS.index(h) for h in how], np.int64),
        profile=np.array([place.get(_key(f), 0) for f in features], np.int64),
        window=np.array([_days(f) for f in features], np.int64),
        before=np.array([f.before for f in features], np.int64),
        days=np.array([f.days for f in features], np.int64),
        same_day=np.array([f.same_day for f in features], np.int64),
        unless=np.array([_profile_of(f.unless, place) for f in features], np.int64),
        low=np.array([f.limits[0] for f in features], np.float64),
        high=np.array([f.limits[1] for f in features], np.float64),
        level=np.array([f.level for f in features], np.float64),
        divide_by=np.array([f.divide_by for f in features], np.float64),
        equals_start=np.append(0, np.cumsum([len(e) for e in equals])).astype(np.int64),
        equals=np.array([number for e in equals for number in e], np.float64),
        weight_start=np.array(weight_start, np.int64), weight=np.array(weights, np.float64),
        worse_start=np.array(worse_start, np.int64), worse=np.array(worse, np.int64),
    )  # fmt: skip


def _profile_of(channel: Channel | None, place: dict[_Key, int]) -> int:
    return -1 if channel is None else place.get((channel, _OWN), -1)


def _anchors(computed: list[Feature], place: dict[_Key, int], column: dict[str, int]) -> Anchors:
    told: dict[int, list[int]] = {}
    for f in computed:
        if f.anchor is not None:
            told.setdefault(place[f.anchor, _OWN], []).append(column[f.name])
    start = np.append(0, np.cumsum([len(features) for features in told.values()]))
    return Anchors(
        np.array(list(told), np.int64), start.astype(np.int64),
        np.array([f for features in told.values() for f in features], np.int64),
    )  # fmt: skip
