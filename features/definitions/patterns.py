"""The usual sets of features over one channel, so that a family declares what it counts once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from features.definitions.declaration import Channel, Feature, Sensitive
from features.window import Window


@dataclass(frozen=True)
class Counted:
    """What is counted: events of one channel, under one name, for people in one noun."""

    family: str
    channel: Channel
    noun: tuple[str, str]
    source: str
    feed: str
    actionable: bool = False
    sensitive: Sensitive | None = None

    @property
    def concept(self) -> str:
        return self.noun[1]

    def counts(self, days: Iterable[int]) -> list[Feature]:
        """How many, in each window."""
        return [
            self._feature(
                f"count_{w}", how="count", window=Window(w), noun=self.noun,
                words=f"{{value}} {self.noun[1]} {Window(w).words}",
                zero=f"no {self.noun[1]} {Window(w).words}",
                last_event=f"{self.channel.name}_days_since",
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
                last_event=f"{self.channel.name}_days_since",
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

    def sums(
        self, days: Iterable[int], name: str, noun: tuple[str, str], what: str
    ) -> list[Feature]:
        """Sum of the events' values in each window: `noun` is the value's, `what` follows it."""
        return [
            self._feature(
                f"{name}_{w}", how="sum", window=Window(w), unit="days", noun=noun,
                words=f"{{value}} {noun[1]} {what} {Window(w).words}",
                zero=f"no {noun[1]} {what} {Window(w).words}",
                last_event=f"{self.channel.name}_days_since",
            )
            for w in days
        ]  # fmt: skip

    def distinct(self, days: Iterable[int], noun: tuple[str, str]) -> list[Feature]:
        """How many different event codes, in each window; `noun` says of what."""
        return [
            self._feature(
                f"distinct_{w}", how="distinct", window=Window(w), noun=noun,
                words=f"{{value}} {noun[1]} {Window(w).words}",
                zero=f"no {noun[1]} {Window(w).words}",
            )
            for w in days
        ]  # fmt: skip

    def _feature(self, suffix: str, **declared: object) -> Feature:
        settings = {
            "family": self.family,
            "concept": self.concept,
            "unit": "count",
            "source": self.source,
            "feed": self.feed,
            "channel": self.channel,
            "actionable": self.actionable,
            "sensitive": self.sensitive,
            **declared,
        }
        return Feature(name=f"{self.channel.name}_{suffix}", **settings)  # pyright: ignore[reportArgumentType]


def _half(noun: str, days: int) -> str:
    return f"{noun} {Window(days // 2).words} than in the {days // 2} before"
