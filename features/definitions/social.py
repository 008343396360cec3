"""Social needs, as far as Z codes tell, and the deprivation of the area."""

from __future__ import annotations

from data.codes import SOCIAL_NEED_NAMES, SOCIAL_NEEDS
from features.definitions.declaration import Channel, Feature
from features.definitions.patterns import Counted
from features.window import Window

_NEEDS = Counted(
    "social", Channel("social_needs", ("NEED/*",)),
    ("record of a social need", "records of a social need"), "diagnosis", "diagnosis",
    actionable=True,
)  # fmt: skip


def _need(need: str) -> Feature:
    name = SOCIAL_NEED_NAMES[need]
    return Feature(
        name=f"need_{need}_730", family="social", concept=f"social need: {name.lower()}",
        words=f"social need on record: {name.lower()}",
        zero=f"no social need on record: {name.lower()}", unit="yes or no", source="diagnosis",
        feed="diagnosis", channel=Channel(f"need_{need}", (f"NEED/{need}",)), how="any",
        window=Window(730), actionable=True,
    )  # fmt: skip


FEATURES: tuple[Feature, ...] = (
    *(_need(need) for need in SOCIAL_NEEDS if need != "none"),
    *_NEEDS.counts((365,)),
    *_NEEDS.distinct((730,), ("different social need", "different social needs")),
    *_NEEDS.days_since(),
    Feature(
        name="area_index", family="social", concept="deprivation of the area",
        words="lives in an area of deprivation {value} out of 100", unit="percentile",
        source="member", feed="area_index", channel=Channel("area_index", ("PERSON/area_index",)),
        how="last",
    ),
)  # fmt: skip
