"""Drugs: fills, different classes, days of supply, and the classes that a caller asks about."""

from __future__ import annotations

from features.definitions.declaration import Channel, Feature
from features.definitions.patterns import Counted
from features.definitions.sensitivity import Sensitive, sensitive_drug

_FILLS = Counted(
    "drugs", Channel("drug_fills", ("RX/*",)), ("prescription filled", "prescriptions filled"),
    "drug_fill", "drug_fill", actionable=True,
)  # fmt: skip
_CLASSES = Counted(
    "drugs", Channel("drug_classes", tuple(f"RX/{letter}*" for letter in "ABCDGHJLMNPRSV")),
    ("drug class", "drug classes"), "drug_fill", "drug_class", actionable=True,
)  # fmt: skip


def _first(*sensitive: Sensitive | None) -> Sensitive | None:
    return next((found for found in sensitive if found), None)


def _of_class(name: str, words: str, *classes: str) -> list[Feature]:
    sensitive = _first(*map(sensitive_drug, classes))
    fills = Counted(
        "drugs", Channel(name, tuple(f"RX/{c}*" if len(c) < 4 else f"RX/{c}" for c in classes)),
        (f"fill of {words}", f"fills of {words}"), "drug_fill", "drug_class",
        actionable=True, sensitive=sensitive,
    )  # fmt: skip
    return [*fills.counts((365,)), *fills.days_since()]


FEATURES: tuple[Feature, ...] = (
    *_FILLS.counts((30, 90, 180, 365, 730)), *_FILLS.trends((180,)), *_FILLS.days_since(),
    *_FILLS.sums((90, 365), "supply", ("day", "days"), "of drugs supplied"),
    *_CLASSES.distinct((90, 180, 365), ("different drug class", "different drug classes")),
    *_of_class("anticoagulants", "anticoagulants and antiplatelets", "B01A"),
    *_of_class("insulins", "insulin", "A10A"),
    *_of_class("glucose_lowering", "glucose-lowering drugs", "A10B"),
    *_of_class("opioids", "opioids", "N02A"),
    *_of_class("diuretics", "diuretics", "C03"),
    *_of_class("heart_drugs", "drugs for heart failure and rhythm", "C01A", "C01B"),
    *_of_class("nitrates", "nitrates", "C01D"),
    *_of_class("beta_blockers", "beta blockers", "C07A"),
    *_of_class("renin_drugs", "ACE inhibitors and related drugs", "C09"),
    *_of_class("statins", "lipid-lowering drugs", "C10"),
    *_of_class("inhalers", "inhaled drugs for the airways", "R03"),
    *_of_class("corticosteroids", "corticosteroids", "H02A"),
    *_of_class("antibiotics", "antibiotics", "J01"),
    *_of_class("anticonvulsants", "anticonvulsants", "N03A"),
    *_of_class("dementia_drugs", "drugs for dementia", "N06D"),
    *_of_class("cancer_drugs", "drugs against cancer", "L01", "L02"),
    *_of_class("antipsychotics", "antipsychotics", "N05A"),
    *_of_class("antidepressants", "antidepressants", "N06A"),
    *_of_class("sedatives", "sedatives", "N05B", "N05C"),
    *_of_class("addiction_drugs", "drugs against dependence", "N07B"),
)  # fmt: skip
