"""Declarations → the numbers that the kernel works with."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from features import kernel
from features.definitions import FEATURES, feature
from features.definitions.declaration import Channel, Feature
from features.window import WINDOWS, Window

_NEEDS = {
    "min": kernel.NEEDS_SPREAD,
    "max": kernel.NEEDS_SPREAD,
    "change": kernel.NEEDS_SPREAD,
    "distinct": kernel.NEEDS_DISTINCT,
    "covered_days": kernel.NEEDS_COVER,
    "covered_now": kernel.NEEDS_COVER,
}
_BUCKETS = {window.days: place for place, window in enumerate(WINDOWS)}


@dataclass(frozen=True)
class Plan:
    """What to compute: one place a feature in each of the arrays of `features`, in order.

    `exact` and `prefixes` say which channels (places in `needs`) an event code speaks in.
    """

    names: tuple[str, ...]
    features: tuple[np.ndarray, ...]
    needs: np.ndarray
    exact: dict[str, tuple[int, ...]]
    prefixes: dict[str, tuple[int, ...]]
    _found: dict[str, tuple[int, ...]] = field(default_factory=dict, compare=False)

    def channels_of(self, codes: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """The channels of each event code: starts (one more than codes), and channels in a row."""
        starts, channels = [0], []
        for code in codes:
            found = self._found.get(code)
            if found is None:
                found = self._found[code] = self._channels_of_one(code)
            channels.extend(found)
            starts.append(len(channels))
        return np.array(starts, np.int64), np.array(channels, np.int64)

    def _channels_of_one(self, code: str) -> tuple[int, ...]:
        found = set(self.exact.get(code, ()))
        for length in range(len(code) + 1):
            found.update(self.prefixes.get(code[:length], ()))
        return tuple(sorted(found))


@lru_cache(maxsize=32)
def plan(names: tuple[str, ...] | None, carries: tuple[str, ...]) -> Plan:
    """The plan of the features called `names` (all that there are for None), in that order.

    A feature whose feed is not in `carries` is planned as missing. Raises InputError for a name
    that no feature has.
    """
    declared = FEATURES if names is None else tuple(map(feature, names))
    computed = [f for f in declared if f.feed in carries]
    places: dict[Channel, int] = {}
    for f in computed:
        for channel in (f.channel, f.anchor):
            if channel is not None:
                places.setdefault(channel, len(places))
    needs = np.zeros(max(len(places), 1), np.int64)
    for f in computed:
        needs[places[f.channel]] |= _NEEDS.get(f.how, 0)
    exact: dict[str, list[int]] = {}
    prefixes: dict[str, list[int]] = {}
    for channel, place in places.items():
        for code in channel.codes:
            if code.endswith("*"):
                prefixes.setdefault(code[:-1], []).append(place)
            else:
                exact.setdefault(code, []).append(place)
    return Plan(
        names=tuple(f.name for f in declared),
        features=_arrays(declared, carries, places),
        needs=needs,
        exact={code: tuple(at) for code, at in exact.items()},
        prefixes={prefix: tuple(at) for prefix, at in prefixes.items()},
    )


def window_days() -> np.ndarray:
    """Lengths of the declared windows, ascending (int64): the kernel's buckets."""
    return np.array([window.days for window in WINDOWS], np.int64)


def _arrays(
    declared: Collection[Feature], carries: Collection[str], places: dict[Channel, int]
) -> tuple[np.ndarray, ...]:
    carried = [f.feed in carries for f in declared]
    how = [
        kernel.HOWS.index(f.how if has else "missing")
        for f, has in zip(declared, carried, strict=True)
    ]
    equals = [f.equals for f in declared]
    return (
        np.array(how, np.int64),
        np.array([places.get(f.channel, 0) for f in declared], np.int64),
        np.array([_bucket(f.window) for f in declared], np.int64),
        np.array([_half(f) for f in declared], np.int64),
        np.array([places.get(f.anchor, 0) if f.anchor else 0 for f in declared], np.int64),
        np.array([f.divide_by for f in declared], np.float64),
        np.append(0, np.cumsum([len(numbers) for numbers in equals])).astype(np.int64),
        np.array([number for numbers in equals for number in numbers], np.float64),
    )


def _bucket(window: Window | None) -> int:
    return len(WINDOWS) if window is None else _BUCKETS[window.days]


def _half(f: Feature) -> int:
    """The bucket of half the window: a trend's window is twice as long as another one."""
    if f.how not in ("trend", "sum_trend") or f.window is None:
        return 0
    return _BUCKETS[f.window.days // 2]
