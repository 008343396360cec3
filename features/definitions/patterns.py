"""The usual sets of features over one channel, so that a family declares what it counts once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from features.definitions.declaration import Channel, Feature, How, Sensitive, Unit
from features.window import Window

BEFORE = 365
"""Days that "first" looks back: what was not seen in them counts as not seen before."""


@dataclass(frozen=True)
class Counted:
    """What is counted: events of one channel, under one name, for people in one noun.

    Where `dated`, the family declares its `days_since` too, so that a reason can tell the day.
    """

    family: str
    channel: Channel
    noun: tuple[str, str]
    source: str
    feed: str
    actionable: bool = False
    sensitive: Sensitive | None = None
    predictor: bool = True
    dated: bool = True

    @property
    def concept(self) -> str:
        return self.noun[1]

    @property
    def _since(self) -> str | None:
        return f"{self.channel.name}_days_since" if self.dated else None

    def counts(self, days: Iterable[int]) -> list[Feature]:
        """How many, in each window."""
        return [
            self._feature(
                f"count_{w}", how="count", window=Window(w), noun=self.noun,
                words=f"{{value}} {self.noun[1]} {Window(w).words}",
                zero=f"no {self.noun[1]} {Window(w).words}", last_event=self._since,
            )
            for w in days
        ]  # fmt: skip

    def trends(self, days: Iterable[int]) -> list[Feature]:
        """The later half of each window less the earlier half; windows of an even length."""
        return [
            self._feature(
                f"trend_{w}", how="trend", window=Window(w), noun=self.noun,
                words=f"{{value}} more {_half(self.noun[1], w)}",
                fewer=f"{{value}} fewer {_half(self.noun[1], w)}",
                zero=f"as many {self.noun[1]} {Window(w // 2).words} as in the {w // 2} before",
                last_event=self._since,
            )
            for w in days
        ]  # fmt: skip

    def days_since(self, days: int = 730) -> list[Feature]:
        """Days from the last one to as_of; missing where there is none in the window."""
        return [
            self._feature(
                "days_since", how="days_since", window=Window(days), unit="days",
                noun=("day", "days"), words=f"{{value}} days since the last {self.noun[0]}",
                zero=f"the last {self.noun[0]} on the same day",
            )
        ]  # fmt: skip

    def recurrent(self, days: Iterable[int]) -> list[Feature]:
        """Whether there is one in each half of each window."""
        return [
            self._feature(
                f"recurrent_{w}", how="recurrent", window=Window(w), unit="yes or no",
                words=f"{self.noun[1]} both early and late {Window(w).words}",
                zero=f"no {self.noun[1]} both early and late {Window(w).words}",
                last_event=self._since,
            )
            for w in days
        ]  # fmt: skip

    def sums(
        self, days: Iterable[int], name: str, noun: tuple[str, str], what: str
    ) -> list[Feature]:
        """Sum of the events' values in each window: `noun` is the value's, `what` follows it."""
        return [
            self._feature(
                f"{name}_{w}", how="sum", window=Window(w), unit="days", noun=noun,
                words=f"{{value}} {noun[1]} {what} {Window(w).words}",
                zero=f"no {noun[1]} {what} {Window(w).words}", last_event=self._since,
            )
            for w in days
        ]  # fmt: skip

    def distinct(self, days: Iterable[int], noun: tuple[str, str]) -> list[Feature]:
        """How many different ones, in each window; `noun` says of what."""
        return [self._items(f"distinct_{w}", "distinct", w, noun) for w in days]

    def distinct_new(self, days: Iterable[int], noun: tuple[str, str]) -> list[Feature]:
        """How many different ones in each window that the year up to as_of had not before it."""
        return [
            self._items(f"new_{w}", "distinct_new", w, noun, "first seen ", BEFORE) for w in days
        ]

    def distinct_recurrent(self, days: Iterable[int], noun: tuple[str, str]) -> list[Feature]:
        """How many different ones have an event in each half of each window."""
        return [
            self._items(
                f"recurrent_{w}", "distinct_recurrent", w, noun, "seen both early and late "
            )
            for w in days
        ]

    def supply(self, covered: Iterable[int], gaps: Iterable[int], what: str) -> list[Feature]:
        """Of spans: whether one holds as_of, and in each window the days with and without one;
        `what` is what is on hand in them."""
        return [
            self._feature(
                "covered_now", how="covered_now", unit="yes or no", words=f"{what} on hand now",
                zero=f"no {what} on hand now", last_event=self._since,
            ),
            *(
                self._feature(
                    f"covered_days_{w}", how="covered_days", window=Window(w), unit="days",
                    words=f"{what} on hand on {{value}} days {Window(w).words}",
                    zero=f"no {what} on hand {Window(w).words}", noun=("day", "days"),
                )
                for w in covered
            ),
            *(
                self._feature(
                    f"gap_days_{w}", how="gap_days", window=Window(w), unit="days",
                    words=f"{{value}} days without {what} on hand {Window(w).words}",
                    zero=f"no day without {what} on hand {Window(w).words}",
                    noun=("day", "days"),
                )
                for w in gaps
            ),
        ]  # fmt: skip

    def _items(
        self, suffix: str, how: How, days: int, noun: tuple[str, str], what: str = "",
        before: int = 0,
    ) -> Feature:  # fmt: skip
        return self._feature(
            suffix, how=how, window=Window(days), noun=noun, before=before,
            words=f"{{value}} {noun[1]} {what}{Window(days).words}",
            zero=f"no {noun[1]} {what}{Window(days).words}",
        )  # fmt: skip

    def _feature(self, suffix: str, *, unit: Unit = "count", **declared: Any) -> Feature:
        return Feature(
            name=f"{self.channel.name}_{suffix}", family=self.family, concept=self.concept,
            unit=unit, source=self.source, feed=self.feed, channel=self.channel,
            actionable=self.actionable, sensitive=self.sensitive, predictor=self.predictor,
            **declared,
        )  # fmt: skip


def _half(noun: str, days: int) -> str:
    return f"{noun} {Window(days // 2).words} than in the {days // 2} before"
