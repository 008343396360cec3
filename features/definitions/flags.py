"""Chronic conditions that a yearly summary flags (CMS's CCW), apart from coded diagnoses.

A year's summary closes on 31 December and speaks for the whole year: its flags have no day of
their own, so nothing here counts days, and 365 days hold one summary at most.
"""

from __future__ import annotations

from data.concepts import read_codelist
from features.definitions.declaration import Channel, Feature
from features.definitions.diagnoses import ACTIONABLE
from features.definitions.patterns import Counted
from features.definitions.sensitivity import sensitive_diagnosis
from features.window import Window

_YEAR = Window(365)
_CONDITIONS = {
    43: ("cancer", "cancer"),
    49: ("diabetes", "diabetes"),
    101: ("ischaemic_heart_disease", "ischaemic heart disease"),
    108: ("heart_failure", "heart failure"),
    109: ("stroke", "a stroke or transient ischaemic attack"),
    127: ("copd", "chronic obstructive lung disease"),
    158: ("kidney_disease", "chronic kidney disease"),
    203: ("arthritis", "rheumatoid arthritis or osteoarthritis"),
    206: ("osteoporosis", "osteoporosis"),
    653: ("dementia", "Alzheimer's disease or another dementia"),
    657: ("depression", "depression"),
}
"""CCS category of a flag → its name in features, its name in words."""


def _flag(ccs: int) -> Feature:
    name, words = _CONDITIONS[ccs]
    flagged = f"flagged as having {words} by a yearly summary {_YEAR.words}"
    return Feature(
        name=f"flag_{name}_365", family="flags", concept=words, words=flagged,
        zero=f"not {flagged}", unit="yes or no", source="diagnosis", feed="yearly_flags",
        channel=Channel(f"flag_{name}", (f"FLAG/{ccs}",)), how="any", window=_YEAR,
        actionable=ccs in ACTIONABLE, sensitive=sensitive_diagnosis(ccs),
    )  # fmt: skip


_FLAGGED = sorted({int(row["concept"]) for row in read_codelist("ccw")})
_NOUN = ("condition flagged by a yearly summary", "conditions flagged by a yearly summary")
_ALL = Counted(
    "flags", Channel("yearly_flags", tuple(f"FLAG/{ccs}" for ccs in _FLAGGED)), _NOUN,
    "diagnosis", "yearly_flags",
)  # fmt: skip

FEATURES: tuple[Feature, ...] = (*map(_flag, _FLAGGED), *_ALL.distinct((_YEAR.days,), _NOUN))
