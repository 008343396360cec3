"""Utilisation: stays and visits by setting, and what is known of the last acute stay."""

from __future__ import annotations

from data.tables import DISPOSITIONS
from features.definitions.declaration import Channel, Feature, Unit
from features.definitions.patterns import Counted
from features.window import Window

_ALL_WINDOWS = (30, 90, 180, 365, 730)


def _visits(name: str, kind: str, noun: tuple[str, str], **settings: object) -> Counted:
    return Counted(
        family="utilisation",
        channel=Channel(name, (f"ENC/{kind}",)),
        noun=noun,
        source="encounter",
        **{"feed": "encounter", **settings},  # pyright: ignore[reportArgumentType]
    )


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
    _visits("home_health", "home_health/started",
            ("home health episode", "home health episodes"), actionable=True),
    _visits("hospice", "hospice/started", ("hospice stay", "hospice stays")),
    _visits("outpatient_visits", "outpatient/started",
            ("hospital outpatient visit", "hospital outpatient visits")),
    _visits("telehealth_visits", "telehealth/started",
            ("telehealth visit", "telehealth visits"), actionable=True),
)  # fmt: skip
_FACILITIES = Counted("utilisation", Channel("facilities", ("FACILITY/*",)),
                      ("facility", "facilities"), "encounter", "encounter")  # fmt: skip
_CLINICIANS = Counted("utilisation", Channel("clinicians", ("PROVIDER/*",)),
                      ("clinician", "clinicians"), "encounter", "encounter")  # fmt: skip
_PROCEDURES = Counted("utilisation", Channel("procedures", ("PX/*",)),
                      ("procedure", "procedures"), "procedure", "procedure")  # fmt: skip

_DISCHARGED = ACUTE.channel
_EMERGENT = Channel("emergent_stays", ("STAY/emergent",))
_DISPOSITION = Channel("disposition", ("STAY/disposition",))
_PRINCIPAL = Channel("principal_diagnosis", ("STAY/principal", "STAY/principal/known"))
_YEAR = Window(365)


def _last_stay(
    name: str,
    concept: str,
    words: str,
    channel: Channel,
    feed: str = "encounter",
    unit: Unit = "yes or no",
    zero: str | None = None,
    equals: tuple[float, ...] = (),
    actionable: bool = False,
) -> Feature:
    return Feature(
        name=name, family="utilisation", concept=concept, words=words, zero=zero, unit=unit,
        source="diagnosis" if feed == "principal_diagnosis" else "encounter", feed=feed,
        channel=channel, how="last_is" if equals else "last", window=_YEAR, equals=equals,
        actionable=actionable, last_event="acute_stays_days_since",
        noun=("day", "days") if unit == "days" else None,
    )  # fmt: skip


def _went(disposition: str, words: str) -> Feature:
    return _last_stay(
        f"last_stay_to_{disposition}", "where the last stay ended", f"discharged {words}",
        _DISPOSITION, "disposition", zero=f"discharged, but not {words}",
        equals=(float(DISPOSITIONS.index(disposition)),), actionable=True,
    )  # fmt: skip


def _for(name: str, words: str, *categories: int) -> Feature:
    return _last_stay(
        f"last_stay_for_{name}", "cause of the last stay", f"last stay was for {words}",
        _PRINCIPAL, "principal_diagnosis", zero=f"last stay was not for {words}",
        equals=tuple(float(category) for category in categories),
    )  # fmt: skip


def _since_discharge(what: Counted, words: str, zero: str) -> Feature:
    return Feature(
        name=f"{what.channel.name}_since_discharge", family="utilisation",
        concept=f"{what.concept} since the last discharge", words=words, zero=zero,
        unit="yes or no", source="encounter", feed=what.feed, channel=what.channel,
        how="after", window=_YEAR, anchor=_DISCHARGED, actionable=True,
        last_event=f"{what.channel.name}_days_since",
    )  # fmt: skip


def _open_stay(name: str, kinds: tuple[str, ...], words: str) -> Feature:
    return Feature(
        name=f"{name}_open", family="utilisation", concept=f"{words} now",
        words=f"{words} now", zero=f"not {words} now", unit="yes or no", source="encounter",
        feed="encounter", channel=Channel(f"{name}_open", tuple(f"ENC/{k}/open" for k in kinds)),
        how="any", window=_YEAR,
    )  # fmt: skip


FEATURES: tuple[Feature, ...] = (
    *ED.counts(_ALL_WINDOWS), *ED.trends((180,)), *ED.days_since(),
    *ACUTE.counts(_ALL_WINDOWS), *ACUTE.trends((180,)), *ACUTE.days_since(),
    *ACUTE.sums((90, 180, 365, 730), "hospital_days", ("day", "days"),
                "in hospital stays that ended"),
    Feature(
        name="acute_stays_longest_365", family="utilisation", concept="length of stay",
        words="longest hospital stay {value} days in the last 365 days", noun=("day", "days"),
        unit="days", source="encounter", feed="encounter", channel=_DISCHARGED, how="max",
        window=_YEAR,
    ),
    *(
        Feature(
            name=f"emergent_stays_{days}", family="utilisation", concept="emergency hospital stays",
            words=f"{{value}} emergency hospital stays that ended {Window(days).words}",
            zero=f"no emergency hospital stays that ended {Window(days).words}",
            noun=("emergency hospital stay", "emergency hospital stays"), unit="count",
            source="encounter", feed="admission_type", channel=_EMERGENT, how="sum",
            window=Window(days), actionable=True, last_event="acute_stays_days_since",
        )
        for days in (180, 365, 730)
    ),
    *OFFICE.counts(_ALL_WINDOWS), *OFFICE.trends((180,)), *OFFICE.days_since(),
    *(f for other in _OTHERS for f in (*other.counts((90, 365)), *other.days_since())),
    *_FACILITIES.distinct((365,), ("different facility", "different facilities")),
    *_CLINICIANS.distinct((90, 365), ("different clinician", "different clinicians")),
    *_PROCEDURES.counts((30, 365)), *_PROCEDURES.days_since(),
    _last_stay("last_stay_days", "length of stay", "last hospital stay of {value} days",
               _DISCHARGED, unit="days", zero="last hospital stay ended on the day it began"),
    _last_stay("last_stay_emergent", "emergency hospital stays",
               "last hospital stay was an emergency", _EMERGENT, "admission_type",
               zero="last hospital stay was planned ahead"),
    _went("home", "home"),
    _went("home_health", "home with home health"),
    _went("skilled_nursing", "to skilled nursing"),
    _went("rehabilitation", "to rehabilitation"),
    _went("acute_transfer", "to another acute hospital"),
    _went("hospice", "to hospice"),
    _went("left_against_advice", "against medical advice"),
    _last_stay("last_stay_principal", "cause of the last stay", "last stay was for {value}",
               _PRINCIPAL, "principal_diagnosis", unit="CCS category"),
    _for("heart_failure", "heart failure", 108),
    _for("heart_attack", "a heart attack", 100),
    _for("arrhythmia", "an arrhythmia", 106),
    _for("stroke", "a stroke", 109),
    _for("copd", "chronic obstructive lung disease", 127),
    _for("pneumonia", "pneumonia", 122, 129),
    _for("sepsis", "sepsis", 2),
    _for("kidney_failure", "kidney failure", 157, 158),
    _for("diabetes", "diabetes", 49, 50),
    _for("gi_bleeding", "gastrointestinal bleeding", 153),
    _for("hip_fracture", "a hip fracture", 226),
    _for("joint", "a joint disorder or replacement", 203),
    _for("complication", "a complication of care", 237, 238),
    _for("cancer", "cancer", *range(11, 46)),
    _since_discharge(OFFICE, "an office visit since the last discharge",
                     "no office visit since the last discharge"),
    _since_discharge(ED, "an emergency visit since the last discharge",
                     "no emergency visit since the last discharge"),
    _open_stay("acute_stay", ("acute_inpatient",), "in hospital"),
    _open_stay("nursing_stay", ("skilled_nursing", "rehabilitation_inpatient", "long_term_care"),
               "in a nursing or rehabilitation stay"),
)  # fmt: skip
