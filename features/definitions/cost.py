"""Cost: allowed amounts by kind of service; claims and yearly totals are kept apart.

A person without claims has cost 0; a person without a yearly total has an unknown one. Percentiles
are among the cut points that are kept with a model; without one they are missing.

A yearly total stands on 31 December, and a source may know it the same day or much later. What is
told is the last year whose total is known: two years are never added up as one, and none is
forgotten before the next is known.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from data.tables import COST_KINDS
from features.definitions.declaration import Channel, Feature
from features.window import Window

_WORDS = {
    "total": "of care",
    "inpatient": "of inpatient care",
    "outpatient": "of outpatient care",
    "professional": "of professional services",
    "pharmacy": "of drugs",
    "post_acute": "of post-acute care",
    "other": "of other services",
}
_LEVELS = (500, 2_000, 10_000)
"""US dollars in a month of 30 days: above a routine month, a costly one, one with a hospital stay
(chosen for firstcall)."""
_YEAR = Window(365)


def _amount(name: str, words: str, **declared: Any) -> Feature:
    return Feature(
        name=name, family="cost", words=words, unit="US dollars", source="cost",
        divide_by=100.0, **declared,
    )  # fmt: skip


def _channel(prefix: str, kind: str) -> Channel:
    name = f"{prefix.lower()}_{kind}"
    return Channel(name, (f"{prefix}/*" if kind == "total" else f"{prefix}/{kind}",))


def _claims(kind: str, days: Iterable[int], halves: Iterable[int]) -> list[Feature]:
    channel, what = _channel("COST", kind), _WORDS[kind]
    common = {"concept": f"cost {what}", "feed": "cost_claim", "channel": channel}
    sums = [
        _amount(f"{channel.name}_{w}", f"{{value}} {what} {Window(w).words}",
                zero=f"no cost {what} {Window(w).words}", how="sum", window=Window(w), **common)
        for w in days
    ]  # fmt: skip
    trends = [
        _amount(
            f"{channel.name}_trend_{w}",
            f"{{value}} more {what} {Window(w // 2).words} than in the {w // 2} before",
            fewer=f"{{value}} less {what} {Window(w // 2).words} than in the {w // 2} before",
            zero=f"as much {what} {Window(w // 2).words} as in the {w // 2} before",
            how="sum_trend", window=Window(w), **common,
        )
        for w in halves
    ]  # fmt: skip
    return [*sums, *trends]


def _years(kind: str) -> list[Feature]:
    channel, what = _channel("COSTYEAR", kind), _WORDS[kind]
    common = {"concept": f"cost {what}", "feed": "cost_year", "channel": channel}
    return [
        _amount(f"{channel.name}_{name}", f"{{value}} {what} in {span} known",
                zero=f"no cost {what} in {span} known", how="latest", days=years,
                window=Window(365 * (years + 1)), **common)
        for years, name, span in ((1, "last_year", "the last calendar year"),
                                  (2, "last_two_years", "the last two calendar years"))
    ]  # fmt: skip


_ALL = _channel("COST", "total")


def _months_above(dollars: int) -> Feature:
    return Feature(
        name=f"cost_total_months_above_{dollars}_365", family="cost", concept="cost of care",
        words=f"more than ${dollars:,} of care in {{value}} of the months {_YEAR.words}",
        zero=f"no month with more than ${dollars:,} of care {_YEAR.words}", unit="share",
        source="cost", feed="cost_claim", channel=_ALL, how="months_above",
        level=100.0 * dollars, window=_YEAR,
    )  # fmt: skip


_LEARNT_FROM = "those the model learnt from"


def _percentile(of: Feature, name: str, span: str) -> Feature:
    return Feature(
        name=f"{of.channel.name}_percentile_{name}", family="cost", concept=of.concept,
        words=f"{of.concept} {span} at or above that of {{value}}% of {_LEARNT_FROM}",
        zero=f"{of.concept} {span} below that of nearly all of {_LEARNT_FROM}",
        unit="percentile", source="cost", feed=of.feed, channel=of.channel, how="percentile",
        window=of.window, of=of.name,
    )  # fmt: skip


_TOTALS = _claims("total", (30, 90, 180, 365, 730), (180,))
_YEARS = _years("total")

FEATURES: tuple[Feature, ...] = (
    *_TOTALS,
    *(f for kind in COST_KINDS for f in _claims(kind, (90, 365), ())),
    *_claims("pharmacy", (), (180,)),
    *_claims("inpatient", (), (180,)),
    *_claims("outpatient", (), (180,)),
    _amount("cost_total_largest_365", "largest single amount billed {value} in the last 365 days",
            concept="cost of care", feed="cost_claim", channel=_ALL, how="max",
            window=_YEAR),
    Feature(
        name="cost_total_count_365", family="cost", concept="cost of care",
        words="{value} amounts billed in the last 365 days",
        zero="no amounts billed in the last 365 days", noun=("amount", "amounts"), unit="count",
        source="cost", feed="cost_claim", channel=_ALL, how="count", window=_YEAR,
    ),
    Feature(
        name="cost_total_days_since", family="cost", concept="cost of care",
        words="{value} days since the last billed service", noun=("day", "days"),
        zero="the last billed service on the same day", unit="days", source="cost",
        feed="cost_claim", channel=_ALL, how="days_since", window=Window(730),
    ),
    *map(_months_above, _LEVELS),
    *(_percentile(f, str(days), f.period) for f in _TOTALS for days in (90, 365)
      if f.name == f"cost_total_{days}"),
    *_YEARS,
    _percentile(_YEARS[0], "last_year", "in the last calendar year known"),
    *(f for kind in ("inpatient", "outpatient", "professional") for f in _years(kind)),
)  # fmt: skip
