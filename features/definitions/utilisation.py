"""Utilisation: stays and visits by setting, planned or not, open ones, and missed appointments.

What is known of the last acute stay, and what followed it, stands in `last_stay`; who was seen, in
`clinicians`. Emergency and planned stays are those of which the source says so: a stay whose
admission type it does not tell, or that is a birth, is neither.

An acute stay that began more than a year ago and of which no end is known counts as closed; a stay
in nursing, rehabilitation or long-term care may last for years and is open until its end is known.
"""

from __future__ import annotations

from typing import Any

from features.definitions.declaration import Channel, Feature
from features.definitions.patterns import Counted
from features.window import WINDOWS, Window

_ALL_WINDOWS = tuple(window.days for window in WINDOWS)
_YEAR = Window(365)


def _visits(name: str, kind: str, noun: tuple[str, str], **settings: Any) -> Counted:
    return Counted(
        family="utilisation", channel=Channel(name, (f"ENC/{kind}",)), noun=noun,
        source="encounter", **{"feed": "encounter", **settings},
    )  # fmt: skip


ED = _visits(
    "emergency_visits", "emergency/started", ("emergency visit", "emergency visits"),
    feed="emergency_visits", actionable=True,
)  # fmt: skip
ACUTE = _visits(
    "acute_stays", "acute_inpatient/ended",
    ("hospital discharge", "hospital discharges"), actionable=True,
)  # fmt: skip
OFFICE = _visits(
    "office_visits", "office/started", ("office visit", "office visits"),
    feed="office_visits", actionable=True,
)  # fmt: skip
HOME_HEALTH = _visits(
    "home_health", "home_health/started", ("home health episode", "home health episodes"),
    actionable=True,
)  # fmt: skip
MISSED = _visits(
    "missed_appointments", "missed_appointment/started",
    ("missed appointment", "missed appointments"), feed="missed_appointments", actionable=True,
)  # fmt: skip
_OTHERS = (
    _visits("observation_stays", "observation/started", ("observation stay", "observation stays")),
    _visits("psychiatric_stays", "psychiatric_inpatient/started",
            ("psychiatric stay", "psychiatric stays"), sensitive="mental health"),
    _visits("rehabilitation_stays", "rehabilitation_inpatient/started",
            ("rehabilitation stay", "rehabilitation stays")),
    _visits("nursing_stays", "skilled_nursing/started",
            ("skilled nursing stay", "skilled nursing stays")),
    _visits("long_term_stays", "long_term_care/started",
            ("long-term care stay", "long-term care stays")),
    HOME_HEALTH,
    _visits("hospice", "hospice/started", ("hospice stay", "hospice stays")),
    _visits("outpatient_visits", "outpatient/started",
            ("hospital outpatient visit", "hospital outpatient visits")),
    _visits("telehealth_visits", "telehealth/started",
            ("telehealth visit", "telehealth visits"), actionable=True),
    MISSED,
)  # fmt: skip
_NURSING = ("skilled_nursing", "rehabilitation_inpatient", "long_term_care")
_POST_ACUTE = Counted(
    "utilisation", Channel("post_acute", tuple(f"ENC/{kind}/ended" for kind in _NURSING)),
    ("nursing or rehabilitation discharge", "nursing or rehabilitation discharges"),
    "encounter", "encounter",
)  # fmt: skip
_PROCEDURES = Counted("utilisation", Channel("procedures", ("PX/*",)),
                      ("procedure", "procedures"), "procedure", "procedure")  # fmt: skip

EMERGENT = Channel("emergent_stays", ("STAY/emergent",))
_PLANNED = (0.5, float("inf"))
"""A stay is told as 1 (an emergency) or 0 (planned ahead): the latter lies outside these limits."""


def _stays_by_type(days: int, name: str, kind: str, **how: Any) -> Feature:
    return Feature(
        name=f"{name}_{days}", family="utilisation", concept=f"{kind} hospital stays",
        words=f"{{value}} {kind} hospital stays that ended {Window(days).words}",
        zero=f"no {kind} hospital stays that ended {Window(days).words}",
        noun=(f"{kind} hospital stay", f"{kind} hospital stays"), unit="count",
        source="encounter", feed="admission_type", channel=EMERGENT, window=Window(days),
        last_event="acute_stays_days_since", **how,
    )  # fmt: skip


def _open_stay(name: str, kinds: tuple[str, ...], words: str, window: Window | None) -> Feature:
    return Feature(
        name=f"{name}_open", family="utilisation", concept=f"{words} now",
        words=f"{words} now", zero=f"not {words} now", unit="yes or no", source="encounter",
        feed="encounter", channel=Channel(f"{name}_open", tuple(f"ENC/{k}/open" for k in kinds)),
        how="any", window=window,
    )  # fmt: skip


_IN_HOSPITAL = _open_stay("acute_stay", ("acute_inpatient",), "in hospital", _YEAR)

FEATURES: tuple[Feature, ...] = (
    *ED.counts(_ALL_WINDOWS), *ED.trends((180,)), *ED.recurrent((365,)), *ED.days_since(),
    *ACUTE.counts(_ALL_WINDOWS), *ACUTE.trends((180,)), *ACUTE.recurrent((365,)),
    *ACUTE.days_since(),
    *ACUTE.sums((90, 180, 365, 730), "hospital_days", ("day", "days"),
                "in hospital stays that ended"),
    Feature(
        name="acute_stays_longest_365", family="utilisation", concept="length of stay",
        words="longest hospital stay {value} days in the last 365 days", noun=("day", "days"),
        unit="days", source="encounter", feed="encounter", channel=ACUTE.channel, how="max",
        window=_YEAR,
    ),
    *(_stays_by_type(days, "emergent_stays", "emergency", how="sum", actionable=True)
      for days in (180, 365, 730)),
    *(_stays_by_type(days, "planned_stays", "planned", how="outside", limits=_PLANNED)
      for days in (365, 730)),
    *OFFICE.counts(_ALL_WINDOWS), *OFFICE.trends((180,)), *OFFICE.days_since(),
    *(f for other in _OTHERS for f in (*other.counts((90, 365)), *other.days_since())),
    *_POST_ACUTE.sums((365,), "days", ("day", "days"),
                      "in nursing or rehabilitation stays that ended"),
    *_POST_ACUTE.days_since(),
    *_PROCEDURES.counts((30, 365)), *_PROCEDURES.days_since(),
    _IN_HOSPITAL,
    Feature(
        name="acute_stay_open_days_since", family="utilisation", concept=_IN_HOSPITAL.concept,
        words="{value} days since the hospital admission that has not ended",
        zero="admitted to hospital on the same day", noun=("day", "days"), unit="days",
        source="encounter", feed="encounter", channel=_IN_HOSPITAL.channel, how="days_since",
        window=_YEAR,
    ),
    _open_stay("nursing_stay", _NURSING, "in a nursing or rehabilitation stay", None),
)  # fmt: skip
