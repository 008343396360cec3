"""Diagnoses: one column a CCS category, Charlson groups, LACE items, and how many conditions."""

from __future__ import annotations

from data.codes import CHARLSON_GROUPS, CHARLSON_NAMES, diagnosis_concepts
from features.definitions.declaration import Channel, Feature, Sensitive
from features.definitions.patterns import Counted
from features.definitions.sensitivity import sensitive_diagnosis
from features.window import Window

_NO_COLUMN = frozenset((
    10, *range(218, 225),  # immunisation; the newborn
    *range(170, 181), *range(182, 196),  # gynaecology and births, but 181 and 196 in general
    30, 31, 46, 56, 61, 76, 77, 78, 165, 166, 167, 213, 214, 215, 216, 217,  # rare in the old
    86, 87, 88, 90, 91, 92, 94, 124, 136, 137, 142, 208, 209, 228, 235, 236, 239, 240,  # minor
    255, 256, 258, 259, 260,  # administrative, screening, residual
))  # fmt: skip
"""CCS categories without a column of their own; they count in the totals all the same."""

ACTIONABLE = frozenset((
    49, 50, 98, 99, 101, 106, 108, 127, 128, 158, 651, 653, 657, 659, 660, 661,
))  # fmt: skip
"""CCS categories that a case manager can do something about."""
CHRONIC = (
    5, 6, 38, 39, 40, 42, 49, 50, 53, 56, 59, 61, 79, 80, 81, 82, 83, 95, 96, 97, 98, 99, 101,
    103, 104, 105, 106, 108, 113, 114, 115, 127, 128, 138, 144, 151, 158, 199, 202, 203, 204, 205,
    206, 210, 651, 653, 657, 658, 659, 660, 661,
)  # fmt: skip
"""CCS categories that are counted as chronic conditions (chosen for firstcall)."""

_SENSITIVE_GROUPS: dict[str, Sensitive] = {"hiv": "HIV"}


def _plain(name: str) -> str:
    """AHRQ's name as it stands in a sentence: "Hypertension with complications" → lower case."""
    text = name.replace("`", "'").replace("; ", ", ").split(" (except")[0].split(" [")[0]
    return text if text[:2].isupper() else text[:1].lower() + text[1:]


def _category(number: int, name: str) -> Feature:
    concept = _plain(name)
    period = Window(365).words
    return Feature(
        name=f"diagnosis_{number}_365", family="diagnoses", concept=concept,
        words=f"{{value}} diagnoses of {concept} {period}", noun=("diagnosis", "diagnoses"),
        zero=f"no diagnosis of {concept} {period}", unit="count", source="diagnosis",
        feed="diagnosis", channel=Channel(f"diagnosis_{number}", (f"DX/{number}",)), how="count",
        window=Window(365), actionable=number in ACTIONABLE,
        sensitive=sensitive_diagnosis(number),
    )  # fmt: skip


def _group(group: str) -> Feature:
    name = _plain(CHARLSON_NAMES[group])
    return Feature(
        name=f"charlson_{group}", family="diagnoses", concept=name, words=f"a record of {name}",
        zero=f"no coded record of {name}", unit="yes or no", source="diagnosis", feed="diagnosis",
        channel=Channel(f"charlson_{group}", (f"CHARLSON/{group}",)), how="any",
        sensitive=_SENSITIVE_GROUPS.get(group),
    )  # fmt: skip


def _counted(name: str, codes: tuple[str, ...], noun: tuple[str, str]) -> Counted:
    return Counted("diagnoses", Channel(name, codes), noun, "diagnosis", "diagnosis")


_ALL = _counted("diagnoses", ("DX/*",), ("coded diagnosis", "coded diagnoses"))
_CHRONIC = _counted("chronic_conditions", tuple(f"DX/{n}" for n in CHRONIC),
                    ("chronic condition", "chronic conditions"))  # fmt: skip
_CHARLSON = _counted(
    "charlson_groups", ("CHARLSON/*",), ("serious chronic condition", "serious chronic conditions")
)
_LACE = _counted(
    "lace_items", ("LACE/*",), ("serious condition (LACE index)", "serious conditions (LACE index)")
)
_UNKNOWN = _counted(
    "unknown_diagnoses", ("DX/0",),
    ("diagnosis with an unknown code", "diagnoses with an unknown code"),
)  # fmt: skip

FEATURES: tuple[Feature, ...] = (
    *_ALL.counts((30, 90, 365)), *_ALL.trends((180,)), *_ALL.days_since(),
    *_ALL.distinct((90, 365, 730), ("different kind of diagnosis", "different kinds of diagnosis")),
    *_CHRONIC.distinct((90, 365, 730), ("chronic condition", "chronic conditions")),
    *_CHARLSON.distinct((365, 730), ("serious chronic condition", "serious chronic conditions")),
    *_LACE.distinct((365,), ("serious condition (LACE index)", "serious conditions (LACE index)")),
    *_UNKNOWN.counts((365,)), *_UNKNOWN.days_since(),
    *(_group(group) for group in CHARLSON_GROUPS),
    *(
        _category(number, name)
        for number, name in diagnosis_concepts().items()
        if number not in _NO_COLUMN
    ),
)  # fmt: skip
