"""Who was seen: facilities, clinicians, specialties, and who prescribes.

A contact with a specialty is the first day of any encounter, a stay or a visit, whose clinician
has it. Specialties are the words of CMS's list of provider specialties in lower case, as far as a
source follows them. Primary care is what CMS takes for it: general, family, internal, paediatric
and geriatric medicine. Psychiatry and addiction medicine are no part of the contacts with
specialists, which are not masked. What is told is counted: a visit without the name of a clinician
or a facility adds to no number of them.
"""

from __future__ import annotations

from features.definitions.declaration import Channel, Feature, Sensitive
from features.definitions.patterns import Counted

_GERIATRIC = ("geriatric medicine*", "geriatrics*")
_PRIMARY_CARE = (
    "primary care", "general practice", "family practice", "family medicine", "internal medicine",
    "general internal medicine", "pediatric medicine", "pediatrics", *_GERIATRIC,
)  # fmt: skip
_SPECIALTIES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("cardiology", "cardiology",
     ("cardio*", "interventional cardio*", "clinical cardiac*", "advanced heart failure*")),
    ("pulmonology", "lung medicine", ("pulmon*",)),
    ("nephrology", "kidney medicine", ("nephro*",)),
    ("oncology", "cancer medicine",
     ("oncology*", "hematology/oncology*", "hematology-oncology*", "hematology oncology*",
      "hematology and oncology*", "hematology & oncology*", "medical oncology*",
      "radiation oncology*", "surgical oncology*", "gynecological oncology*",
      "gynecological/oncology*", "gynecologic oncology*")),
    ("neurology", "neurology", ("neurolog*",)),
    ("gastroenterology", "gastroenterology", ("gastroenter*",)),
    ("surgery", "surgery",
     ("general surgery*", "vascular surgery*", "cardiac surgery*", "thoracic surgery*",
      "orthop*", "neurosurgery*", "urology*", "plastic*", "colorectal surgery*",
      "hand surgery*", "surgery*")),
    ("mental_health", "mental health care",
     ("psych*", "geriatric psych*", "clinical psych*", "licensed clinical social worker*",
      "clinical social worker*", "mental health*", "marriage and family therap*",
      "neuropsychiatry*")),
    ("addiction_medicine", "addiction medicine", ("addiction*",)),
    ("geriatrics", "medicine of old age", _GERIATRIC),
    ("palliative_care", "palliative care", ("palliative*", "hospice and palliative*")),
)  # fmt: skip
"""A specialty's name in features, in words, and the words of sources for it."""
_OTHER_SPECIALTIES = (
    "allergy*", "critical care*", "dermatology*", "endocrin*", "gynecology*", "haematology*",
    "hematology*", "hematopoietic*", "infectious*", "interventional pain*", "obstetrics*",
    "ophthalmology*", "optometry*", "otolaryngology*", "pain*", "physical medicine*", "podiatry*",
    "rheumatology*", "sleep medicine*", "sports medicine*",
)  # fmt: skip
"""Further specialists, without a feature of their own."""
_SENSITIVE: dict[str, Sensitive] = {
    "mental_health": "mental health",
    "addiction_medicine": "substance use",
}
_NO_SPECIALIST = frozenset((*_SENSITIVE, "geriatrics"))


def _contacts(
    name: str, words: str, specialties: tuple[str, ...], sensitive: Sensitive | None = None
) -> Counted:
    return Counted(
        "utilisation", Channel(name, tuple(f"SPECIALTY/{said}" for said in specialties)),
        (f"contact with {words}", f"contacts with {words}"), "encounter", "specialty",
        sensitive=sensitive, dated=name == "primary_care",
    )  # fmt: skip


_PRIMARY = _contacts("primary_care", "primary care", _PRIMARY_CARE)
_SPECIALISTS = Counted(
    "utilisation",
    Channel("specialists", tuple(
        f"SPECIALTY/{said}"
        for said in (
            *(s for name, _, own in _SPECIALTIES if name not in _NO_SPECIALIST for s in own),
            *_OTHER_SPECIALTIES,
        )
    )),
    ("contact with a specialist", "contacts with specialists"), "encounter", "specialty",
)  # fmt: skip
_ANY = Counted("utilisation", Channel("specialties", ("SPECIALTY/*",)),
               ("specialty", "specialties"), "encounter", "specialty")  # fmt: skip
_FACILITIES = Counted("utilisation", Channel("facilities", ("FACILITY/*",)),
                      ("facility", "facilities"), "encounter", "facility")  # fmt: skip
_CLINICIANS = Counted("utilisation", Channel("clinicians", ("PROVIDER/*",)),
                      ("clinician", "clinicians"), "encounter", "provider")  # fmt: skip
_PRESCRIBERS = Counted("utilisation", Channel("prescribers", ("PRESCRIBER/*",)),
                       ("prescriber", "prescribers"), "drug_fill", "prescriber")  # fmt: skip

FEATURES: tuple[Feature, ...] = (
    *_FACILITIES.distinct((90, 365), ("different facility", "different facilities")),
    *_CLINICIANS.distinct((90, 365), ("different clinician", "different clinicians")),
    *_PRESCRIBERS.distinct((90, 365), ("different prescriber", "different prescribers")),
    *_ANY.distinct((365,), ("different specialty", "different specialties")),
    *_PRIMARY.counts((90, 365)), *_PRIMARY.days_since(),
    *_SPECIALISTS.counts((90, 365)), *_SPECIALISTS.days_since(),
    *(
        feature
        for name, words, own in _SPECIALTIES
        for feature in _contacts(name, words, own, _SENSITIVE.get(name)).counts((365,))
    ),
)  # fmt: skip
