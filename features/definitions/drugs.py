"""Drugs: fills, classes on hand, what changed at discharge, and the classes a caller asks about.

A fill is a span of the days that it supplies, its own day the first; supplies of two fills are not
stored up one after the other. A drug is on hand while such a span holds as_of. A fill that does
not tell how many days it lasts covers none: days are those that the source tells.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from data.sensitive_matters import Sensitive
from features.definitions.declaration import Channel, Feature
from features.definitions.last_stay import changed_since_discharge, since_discharge
from features.definitions.patterns import Counted
from features.definitions.sensitivity import sensitive_drug

_FILLS = Counted(
    "drugs", Channel("drug_fills", ("RX/*",)), ("prescription filled", "prescriptions filled"),
    "drug_fill", "drug_fill", actionable=True,
)  # fmt: skip
_CLASSES = Counted(
    "drugs",
    Channel("drug_classes", tuple(f"RX/{letter}*" for letter in "ABCDGHJLMNPRSV"), "days"),
    ("drug class", "drug classes"), "drug_fill", "drug_class", actionable=True,
)  # fmt: skip
_HIGH_RISK = replace(
    _CLASSES,
    channel=Channel(
        "high_risk_classes",
        tuple(f"RX/{c}" for c in ("A10A", "B01A", "C01A", "C01B", "H02A", "L04A", "N02A", "N05A",
                                  "N05B", "N05C")),
        "days",
    ),
    noun=("high-risk drug class", "high-risk drug classes"),
)  # fmt: skip
"""Classes that often bring people to hospital: insulin, anticoagulants and antiplatelets, digoxin
and antiarrhythmics, steroids, immunosuppressants, opioids, antipsychotics and sedatives (chosen
for firstcall; after Budnitz 2011 and the Beers criteria)."""

_LONG_TERM = replace(
    _CLASSES,
    channel=Channel(
        "long_term_classes",
        tuple(f"RX/{c}*" for c in ("A10", "B01A", "C", "H03A", "L04", "N03A", "N04", "N05A",
                                   "N06A", "N06D", "R03A", "R03B")),
        "days",
    ),
    noun=("class of long-term drugs", "classes of long-term drugs"),
)  # fmt: skip
"""Classes that are taken for years: that one ran out says something, unlike a course that ended
(chosen for firstcall)."""


def _codes(classes: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"RX/{c}*" if len(c) < 4 else f"RX/{c}" for c in classes)


def _first(*sensitive: Sensitive | None) -> Sensitive | None:
    return next((found for found in sensitive if found), None)


def _of_class(
    name: str, words: str, *classes: str, covered: tuple[int, ...] = (),
    gaps: tuple[int, ...] = (), on_hand: bool = False,
) -> list[Feature]:  # fmt: skip
    fills = Counted(
        "drugs", Channel(name, _codes(classes), "days"),
        (f"fill of {words}", f"fills of {words}"), "drug_fill", "drug_class",
        actionable=True, sensitive=_first(*map(sensitive_drug, classes)),
    )  # fmt: skip
    supplied = _as_supply(fills).supply(covered, gaps, words) if on_hand or covered else []
    return [*fills.counts((365,)), *fills.days_since(), *supplied]


def _as_supply(counted: Counted) -> Counted:
    """Told only where fills tell their class and how many days they last: else none would ever be
    on hand."""
    return replace(counted, feed="drug_supply")


def _for_life(
    name: str, words: str, *classes: str, gaps: tuple[int, ...] = (180,)
) -> list[Feature]:
    """Drugs that are taken every day: days covered in a year, and gaps in half of one."""
    return _of_class(name, words, *classes, covered=(365,), gaps=gaps)


def _on_hand(counted: Counted) -> Feature:
    return Feature(
        name=f"{counted.channel.name}_now", family="drugs", concept=counted.concept,
        words=f"{{value}} {counted.noun[1]} on hand now", noun=counted.noun,
        zero=f"no {counted.noun[1]} on hand now", unit="count", source="drug_fill",
        feed="drug_supply", channel=counted.channel, how="distinct_now", actionable=True,
    )  # fmt: skip


FEATURES: tuple[Feature, ...] = (
    *_FILLS.counts((30, 90, 180, 365, 730)), *_FILLS.trends((180,)), *_FILLS.days_since(),
    *replace(_FILLS, feed="days_supply").sums(
        (90, 365), "supply", ("day", "days"), "of drugs supplied"
    ),
    since_discharge(_FILLS, "a prescription filled since the last discharge",
                    "no prescription filled since the last discharge", same_day=True),
    *_CLASSES.distinct((90, 180, 365), ("different drug class", "different drug classes")),
    _on_hand(_CLASSES),
    _on_hand(_HIGH_RISK),
    changed_since_discharge(_CLASSES, "started", "started"),
    changed_since_discharge(_as_supply(_LONG_TERM), "stopped", "run out and not filled again"),
    *_for_life("anticoagulants", "anticoagulants or antiplatelets", "B01A"),
    *_for_life("insulins", "insulin", "A10A", gaps=()),  # a vial lasts as long as it lasts
    *_for_life("glucose_lowering", "glucose-lowering drugs", "A10B"),
    *_of_class("opioids", "opioids", "N02A", covered=(180,)),
    *_for_life("diuretics", "diuretics", "C03"),
    *_for_life("heart_drugs", "drugs for heart failure or rhythm", "C01A", "C01B", gaps=()),
    *_of_class("nitrates", "nitrates", "C01D"),
    *_for_life("beta_blockers", "beta blockers", "C07A"),
    *_for_life("renin_drugs", "ACE inhibitors or related drugs", "C09"),
    *_for_life("statins", "lipid-lowering drugs", "C10"),
    *_for_life("inhalers", "inhaled drugs for the airways", "R03A", "R03B"),
    *_of_class("corticosteroids", "corticosteroids", "H02A", on_hand=True),
    *_of_class("antibiotics", "antibiotics", "J01"),
    *_of_class("anticonvulsants", "anticonvulsants", "N03A"),
    *_of_class("dementia_drugs", "drugs for dementia", "N06D"),
    *_of_class("cancer_drugs", "drugs against cancer", "L01", "L02"),
    *_of_class("anti_inflammatories", "anti-inflammatory drugs", "M01A", on_hand=True),
    *_for_life("antipsychotics", "antipsychotics", "N05A"),
    *_for_life("antidepressants", "antidepressants", "N06A"),
    *_of_class("sedatives", "sedatives", "N05B", "N05C", covered=(180,)),
    *_of_class("addiction_drugs", "drugs against dependence", "N07B", on_hand=True),
)  # fmt: skip
