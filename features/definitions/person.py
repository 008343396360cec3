"""Person: age, sex, coverage. Race, death and calendar time are never features.

Coverage looks back one year: over a longer time the days that a source holds are counted rather
than the days that somebody was covered, and they tell the date.
"""

from __future__ import annotations

from features.definitions.declaration import Channel, Feature
from features.window import Window

SPANS = Channel("coverage", ("COVER/*",))
_MANAGED = Channel("managed_care", ("PRODUCT/hmo*", "PRODUCT/ppo*", "PRODUCT/managed*"))


def _covered(name: str, channel: Channel, words: str, zero: str) -> Feature:
    return Feature(
        name=name,
        family="person",
        concept="coverage",
        words=words,
        zero=zero,
        unit="yes or no",
        source="coverage",
        feed="coverage",
        channel=channel,
        how="covered_now",
    )


FEATURES: tuple[Feature, ...] = (
    Feature(
        name="age",
        family="person",
        concept="age",
        words="{value} years old",
        unit="years",
        source="member",
        feed="member",
        channel=Channel("birth", ("PERSON/born",)),
        how="age",
    ),
    Feature(
        name="female",
        family="person",
        concept="sex",
        words="female",
        zero="male",
        unit="yes or no",
        source="member",
        feed="member",
        channel=Channel("sex", ("PERSON/female",)),
        how="last",
    ),
    *(
        Feature(
            name=f"coverage_days_{days}",
            family="person",
            concept="coverage",
            words=f"covered on {{value}} of the last {days} days",
            unit="days",
            source="coverage",
            feed="coverage",
            channel=SPANS,
            how="covered_days",
            window=Window(days),
        )
        for days in (90, 365)
    ),
    _covered("coverage_now", SPANS, "covered now", "not covered now"),
    *(
        _covered(
            f"coverage_{payer}_now",
            Channel(f"coverage_{payer}", (f"COVER/{payer}",)),
            f"covered by {words} now",
            f"not covered by {words} now",
        )
        for payer, words in (
            ("medicare", "Medicare"),
            ("medicaid", "Medicaid"),
            ("commercial", "a commercial payer"),
        )
    ),
    _covered(
        "managed_care_now", _MANAGED, "in a managed-care product", "in no managed-care product"
    ),
)
