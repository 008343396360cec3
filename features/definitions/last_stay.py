"""The last acute stay that ended within a year: what is known of it, and what followed it.

Missing where there is none. Follow-up within 7 or 14 days is told once those days are over, or as
soon as the visit is seen; of who is in hospital from one of them on, or from the day of discharge,
it is missing without a visit. Claims of visits come late: none known is not none.
"""

from __future__ import annotations

from typing import Any

from data.tables import DISPOSITIONS
from features.definitions.declaration import Channel, Feature, Unit
from features.definitions.patterns import Counted
from features.definitions.utilisation import ACUTE, ED, EMERGENT, HOME_HEALTH, MISSED, OFFICE
from features.window import Window

_YEAR = Window(365)
_DISCHARGED = ACUTE.channel
_IN_HOSPITAL = Channel("in_hospital", ("ENC/acute_inpatient/open",))
"""A stay that had ended since would be the last one itself."""
_DISPOSITION = Channel("disposition", ("STAY/disposition",))
_PRINCIPAL = Channel("principal_diagnosis", ("PRINCIPAL", "STAY/principal/known"))
_FOLLOW_UP = Counted(
    "utilisation", Channel("follow_up_visits", ("ENC/office/started", "ENC/telehealth/started")),
    ("office or telehealth visit", "office or telehealth visits"), "encounter", "office_visits",
    actionable=True,
)  # fmt: skip


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


def since_discharge(what: Counted, words: str, zero: str, same_day: bool = False) -> Feature:
    """Whether one came on a later day than the last acute discharge of a year; with `same_day`,
    on its day or later: for what is done on the way home, but not for what may have led there."""
    return Feature(
        name=f"{what.channel.name}_since_discharge", family=what.family,
        concept=f"{what.concept} since the last discharge", words=words, zero=zero,
        unit="yes or no", source=what.source, feed=what.feed, channel=what.channel,
        how="after", window=_YEAR, anchor=_DISCHARGED, same_day=same_day, actionable=True,
        last_event=f"{what.channel.name}_days_since",
    )  # fmt: skip


def _followed_up(days: int) -> Feature:
    visit = f"{_FOLLOW_UP.noun[0]} within {days} days of the last discharge"
    return Feature(
        name=f"follow_up_within_{days}", family="utilisation",
        concept="follow-up after the last discharge", words=f"an {visit}", zero=f"no {visit} known",
        unit="yes or no", source="encounter", feed="office_visits", channel=_FOLLOW_UP.channel,
        how="within", days=days, window=_YEAR, anchor=_DISCHARGED, unless=_IN_HOSPITAL,
        actionable=True,
        last_event="acute_stays_days_since",
    )  # fmt: skip


def changed_since_discharge(what: Counted, how: Any, words: str) -> Feature:
    """How many items of the channel were started, or stopped, since the last acute discharge; what
    is filled on the day of discharge is filled after it."""
    return Feature(
        name=f"{what.channel.name}_{how}_since_discharge", family=what.family,
        concept=f"{what.concept} {words} since the last discharge", unit="count",
        words=f"{{value}} {what.noun[1]} {words} since the last discharge", noun=what.noun,
        zero=f"no {what.noun[1]} {words} since the last discharge", source=what.source,
        feed=what.feed, channel=what.channel, how=how, window=_YEAR, anchor=_DISCHARGED,
        before=180 if how == "started" else 0, same_day=True, actionable=True,
    )  # fmt: skip


FEATURES: tuple[Feature, ...] = (
    _last_stay("last_stay_days", "length of stay", "last hospital stay of {value} days",
               _DISCHARGED, unit="days", zero="last hospital stay ended on the day it began"),
    _last_stay("last_stay_emergent", "emergency hospital stays",
               "last hospital stay was an emergency", EMERGENT, "admission_type",
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
    since_discharge(OFFICE, "an office visit since the last discharge",
                    "no office visit since the last discharge"),
    since_discharge(ED, "an emergency visit since the last discharge",
                    "no emergency visit since the last discharge"),
    since_discharge(HOME_HEALTH, "home health begun since the last discharge",
                    "no home health begun since the last discharge", same_day=True),
    since_discharge(MISSED, "an appointment missed since the last discharge",
                    "no appointment missed since the last discharge"),
    _followed_up(7),
    _followed_up(14),
)  # fmt: skip
