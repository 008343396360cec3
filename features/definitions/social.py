"""Social needs, as diagnosis codes and screening tell of them, and the deprivation of the area.

Nobody who was never asked is taken to have no need: what a screening answered is missing where
there is none, or where the last answer was declined. How many answers told of a need is missing
where there is no answer, or where all of them were declined.
"""

from __future__ import annotations

from data.codes import SOCIAL_NEED_NAMES, SOCIAL_NEEDS
from data.sensitive_matters import Sensitive
from features.definitions.declaration import Channel, Feature
from features.definitions.patterns import Counted
from features.window import Window

_KINDS = tuple(need for need in SOCIAL_NEEDS if need != "none")
_SENSITIVE: dict[str, Sensitive] = {"violence": "violence"}
_NEEDS = Counted(
    "social", Channel("social_needs", ("NEED/*",)),
    ("record of a social need", "records of a social need"), "diagnosis", "diagnosis",
    actionable=True,
)  # fmt: skip
_SCREENING = Counted(
    "social", Channel("screening", ("SCREEN/*",)),
    ("answer about social needs", "answers about social needs"), "screening", "screening",
    actionable=True,
)  # fmt: skip


def _concept(need: str) -> str:
    return f"social need: {SOCIAL_NEED_NAMES[need].lower()}"


def _on_record(need: str) -> Feature:
    name = SOCIAL_NEED_NAMES[need].lower()
    return Feature(
        name=f"need_{need}_730", family="social", concept=_concept(need),
        words=f"social need on record: {name}", zero=f"no social need on record: {name}",
        unit="yes or no", source="diagnosis", feed="diagnosis",
        channel=Channel(f"need_{need}", (f"NEED/{need}",)), how="any", window=Window(730),
        actionable=True, sensitive=_SENSITIVE.get(need),
    )  # fmt: skip


def _told(need: str) -> Feature:
    name = SOCIAL_NEED_NAMES[need].lower()
    return Feature(
        name=f"screened_{need}_730", family="social", concept=_concept(need),
        words=f"told of a social need when last asked: {name}",
        zero=f"told of no social need when last asked: {name}", unit="yes or no",
        source="screening", feed="screening",
        channel=Channel(f"screened_{need}", (f"SCREEN/{need}",)), how="last_is", equals=(1.0,),
        window=Window(730), actionable=True, sensitive=_SENSITIVE.get(need),
    )  # fmt: skip


_YEAR = Window(365)

FEATURES: tuple[Feature, ...] = (
    *map(_on_record, _KINDS),
    *_NEEDS.counts((365,)),
    *_NEEDS.distinct((730,), ("different social need", "different social needs")),
    *_NEEDS.days_since(),
    *map(_told, _KINDS),
    Feature(
        name="screening_needs_365", family="social", concept=_SCREENING.concept,
        words=f"{{value}} answers that told of a social need {_YEAR.words}",
        zero=f"no answer that told of a social need {_YEAR.words}", noun=("answer", "answers"),
        unit="count", source="screening", feed="screening", channel=_SCREENING.channel, how="total",
        window=_YEAR, actionable=True, last_event="screening_days_since",
    ),
    *_SCREENING.distinct((365,), ("kind of social need asked about",
                                  "kinds of social need asked about")),
    *_SCREENING.days_since(),
    Feature(
        name="area_index", family="social", concept="deprivation of the area",
        words="lives in an area of deprivation {value} out of 100", unit="percentile",
        source="member", feed="area_index", channel=Channel("area_index", ("PERSON/area_index",)),
        how="last",
    ),
)  # fmt: skip
