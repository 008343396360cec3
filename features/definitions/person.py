"""Person: age, sex, coverage. Race, death and calendar time are never features.

Coverage looks back one year: over a longer time the days that a source holds are counted rather
than the days that somebody was covered, and they tell the date. A product is one of the words
that payers use for it, in lower case; a source that knows only "HMO" for a Medicare plan tells
managed care and not Medicare Advantage. Payers and products are missing where a source tells none;
where it tells them of some spans only, a span without one is in none of them.
"""

from __future__ import annotations

from features.definitions.declaration import Channel, Feature
from features.window import Window

SPANS = Channel("coverage", ("COVER/*",), "last day")
_PAYERS = (
    ("medicare", "Medicare"),
    ("medicaid", "Medicaid"),
    ("commercial", "a commercial payer"),
)
_HMO = ("hmo*", "health maintenance*", "medicare advantage hmo*", "fee for service and hmo")
_PPO = ("ppo*", "preferred provider*", "medicare advantage ppo*")
_PRODUCTS = (
    ("managed_care", "a managed-care product",
     (*_HMO, *_PPO, "pos*", "point of service*", "point-of-service*", "epo*",
      "exclusive provider*", "managed*", "medicare advantage*", "medicare part c*")),
    ("hmo", "an HMO", _HMO),
    ("ppo", "a PPO", _PPO),
    ("fee_for_service", "a fee-for-service product", ("fee for service", "fee-for-service*",
                                                      "ffs*", "indemnity*",
                                                      "original medicare*")),
    ("medicare_advantage", "Medicare Advantage", ("medicare advantage*", "medicare part c*")),
)  # fmt: skip
"""A product's name in features, in words, and the words of payers for it."""


def _covered(name: str, channel: Channel, words: str, zero: str, feed: str = "coverage") -> Feature:
    return Feature(
        name=name, family="person", concept="coverage", words=words, zero=zero, unit="yes or no",
        source="coverage", feed=feed, channel=channel, how="covered_now",
    )  # fmt: skip


def _days_covered(days: int) -> Feature:
    return Feature(
        name=f"coverage_days_{days}", family="person", concept="coverage",
        words=f"covered on {{value}} of the last {days} days", unit="days", source="coverage",
        feed="coverage", channel=SPANS, how="covered_days", window=Window(days),
    )  # fmt: skip


FEATURES: tuple[Feature, ...] = (
    Feature(
        name="age", family="person", concept="age", words="{value} years old", unit="years",
        noun=("year", "years"), source="member", feed="member",
        channel=Channel("birth", ("PERSON/born",)), how="age",
    ),
    Feature(
        name="female", family="person", concept="sex", words="female", zero="male",
        unit="yes or no", source="member", feed="member",
        channel=Channel("sex", ("PERSON/female",)), how="last",
    ),
    *map(_days_covered, (90, 365)),
    Feature(
        name="coverage_months_365", family="person", concept="coverage",
        words="covered in {value} months of the last 365 days", noun=("month", "months"),
        zero="covered in no month of the last 365 days", unit="months", source="coverage",
        feed="coverage", channel=SPANS, how="covered_months", window=Window(365),
    ),
    _covered("coverage_now", SPANS, "covered now", "not covered now"),
    *(
        _covered(
            f"coverage_{payer}_now",
            Channel(f"coverage_{payer}", (f"COVER/{payer}",), "last day"),
            f"covered by {words} now",
            f"not covered by {words} now",
            "payer",
        )
        for payer, words in _PAYERS
    ),
    *(
        _covered(
            f"{name}_now",
            Channel(name, tuple(f"PRODUCT/{product}" for product in products), "last day"),
            f"in {words} now",
            f"not in {words} now",
            "product",
        )
        for name, words, products in _PRODUCTS
    ),
)  # fmt: skip
