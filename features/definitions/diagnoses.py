"""Diagnoses: one column a CCS category, the chronic ones first seen or seen again, and how many.

Every category has a column; which ones a model learns from is decided in training, by how often
they are seen there. What was seen for the first time looks back one year: where a source reaches
back less far, more is new than truly is. Comorbidity groups and scores stand in `comorbidity`.
"""

from __future__ import annotations

from dataclasses import replace

from data.codes import diagnosis_concepts
from features.definitions.declaration import Channel, Feature, How, Unit
from features.definitions.patterns import BEFORE, Counted
from features.definitions.sensitivity import sensitive_diagnosis
from features.definitions.words import plain
from features.window import Window

ACTIONABLE = frozenset((
    49, 50, 98, 99, 101, 106, 108, 127, 128, 158, 651, 653, 657, 659, 660, 661,
))  # fmt: skip
"""CCS categories that a case manager can do something about."""
FOLLOWED = (42, 49, 50, 101, 106, 108, 109, 127, 128, 158, 653, 657, 659, 660, 661)
"""CCS categories of lasting illness, told also when first seen and when seen again (chosen for
firstcall): what a patient has just learnt of, and what has not come to rest."""


_CONCEPTS = {number: plain(name) for number, name in diagnosis_concepts().items()}


def _of_category(
    number: int, suffix: str, how: How, words: str, zero: str, unit: Unit, days: int,
    noun: tuple[str, str] | None = None, before: int = 0,
) -> Feature:  # fmt: skip
    return Feature(
        name=f"diagnosis_{number}_{suffix}", family="diagnoses", concept=_CONCEPTS[number],
        words=f"{words} {Window(days).words}", zero=f"{zero} {Window(days).words}", unit=unit,
        source="diagnosis", feed="diagnosis",
        channel=Channel(f"diagnosis_{number}", (f"DX/{number}",)), how=how, window=Window(days),
        noun=noun, before=before, actionable=number in ACTIONABLE,
        sensitive=sensitive_diagnosis(number),
    )  # fmt: skip


def _count(number: int) -> Feature:
    concept = _CONCEPTS[number]
    return _of_category(
        number, "365", "count", f"{{value}} diagnoses of {concept}", f"no diagnosis of {concept}",
        "count", 365, noun=("diagnosis", "diagnoses"),
    )  # fmt: skip


def _first_seen(number: int) -> Feature:
    concept = _CONCEPTS[number]
    return _of_category(
        number, "new_90", "new", f"{concept} first seen", f"{concept} not first seen",
        "yes or no", 90, before=BEFORE,
    )  # fmt: skip


def _seen_again(number: int) -> Feature:
    concept, when = _CONCEPTS[number], "both early and late"
    return _of_category(
        number, "recurrent_365", "recurrent", f"{concept} diagnosed {when}",
        f"{concept} not diagnosed {when}", "yes or no", 365,
    )  # fmt: skip


def _counted(name: str, codes: tuple[str, ...], noun: tuple[str, str]) -> Counted:
    return Counted("diagnoses", Channel(name, codes), noun, "diagnosis", "diagnosis")


_ALL = _counted("diagnoses", ("DX/*",), ("coded diagnosis", "coded diagnoses"))
_KIND = ("chronic condition", "chronic conditions")
_CHRONIC = _counted("chronic_conditions", ("CHRONIC/*",), _KIND)
_UNKNOWN = replace(
    _counted("unknown_diagnoses", ("DX/0",),
             ("diagnosis with an unknown code", "diagnoses with an unknown code")),
    predictor=False,
)  # fmt: skip
"""No predictor: how many codes the lists do not know tells how old the lists are."""

FEATURES: tuple[Feature, ...] = (
    *_ALL.counts((30, 90, 365)), *_ALL.trends((180,)), *_ALL.days_since(),
    *_ALL.distinct((90, 365, 730), ("different kind of diagnosis", "different kinds of diagnosis")),
    *_CHRONIC.distinct((90, 365, 730), _KIND),
    *_CHRONIC.distinct_new((90,), _KIND),
    *_CHRONIC.distinct_recurrent((365,), _KIND),
    *_UNKNOWN.counts((365,)), *_UNKNOWN.days_since(),
    *map(_count, _CONCEPTS),
    *(made(number) for number in FOLLOWED for made in (_first_seen, _seen_again)),
)  # fmt: skip
