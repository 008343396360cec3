"""Which features a risk may only rise with, and with which it may only fall.

What one more unplanned hospital stay can only make more of (stays, days in hospital, diagnoses,
amounts) is never to lower a risk, and the days since the last of them are never to raise it. The
declaration of a feature decides: which events it listens to, and how it folds them.

What such a stay may move up as well as down has no direction (`either_way`): trends, whose earlier
half it may lie in, what the last stay was like, what is new, scores in which some illness counts
below 0; and contacts with primary care, which may be what keeps somebody at home. A model that is
to keep the promise does not learn from these.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from features.definitions import Channel, Feature, feature
from features.events import ACUTE

_OF_STAYS = (f"ENC/{ACUTE}/ended", "STAY/", "PRINCIPAL")
"""How the concepts begin that a stay speaks under once it has ended."""
_EMERGENT = ("STAY/emergent",)
_OF_ITS_CLAIMS = (
    "DX/", "CHRONIC/", "CHARLSON/", "ELIXHAUSER/", "LACE/", "HCC/", "PX/",
    "FACILITY/", "PROVIDER/", "SPECIALTY/",
    *(f"{covers}/{kind}" for covers in ("COST", "COSTYEAR")
      for kind in ("inpatient", "professional", "*")),
)  # fmt: skip
"""And those that its diagnoses, procedures, clinicians and amounts speak under."""
_EMERGENCY_VISITS = ("ENC/emergency/started",)
"""By which many an unplanned stay begins."""
_NO_ILLNESS = frozenset(f"DX/{n}" for n in (10, *range(176, 197), 218, *range(254, 259)))
"""CCS categories that no unplanned stay of this kind is for: immunisation, pregnancy and birth,
rehabilitation, examination, aftercare. Many of them say that somebody was looked after."""
_PRIMARY_CARE = ("SPECIALTY/primary care",)
"""Its doctors see people in hospital, and keep them out of it."""
_GROWS = frozenset(
    ("count", "any", "sum", "total", "max", "latest", "recurrent", "distinct",
     "distinct_recurrent", "months_above")
)  # fmt: skip
"""Folds that one event more, with a value of 0 or above, can only make larger."""
_OF_LAST = frozenset(("last", "last_is", "last_outside"))


def monotone_constraints(names: Sequence[str]) -> list[int]:
    """For each feature 1 where the risk may not fall as it grows, -1 where it may not rise, 0 where
    it may do both: LightGBM's `monotone_constraints`. Raises InputError for a name that none has.

    >>> monotone_constraints(["acute_stays_count_365", "acute_stays_days_since", "age"])
    [1, -1, 0]
    """
    return [_direction(feature(name)) for name in names]


def either_way(names: Sequence[str], *, after_discharge: bool) -> list[str]:
    """The features among `names` that an earlier unplanned stay may move up as well as down.

    `after_discharge`: the questions are asked after a stay that came later still, so that what the
    last stay was like, and what followed it, does not change.

    >>> either_way(["acute_stays_trend_180", "last_stay_days", "age"], after_discharge=True)
    ['acute_stays_trend_180']
    """
    found = []
    for name in names:
        declared = feature(name)
        fixed = after_discharge and _tells_of_last_stay(declared)
        if _moved(declared) and not _direction(declared) and not fixed:
            found.append(name)
    return found


def _direction(declared: Feature) -> int:
    if declared.of is not None:
        return _direction(feature(declared.of))  # a percentile
    speaks = _moved(declared) or _says(declared.channel, _EMERGENCY_VISITS)
    if declared.anchor is not None or _says(declared.channel, _PRIMARY_CARE) or not speaks:
        return 0
    if declared.how == "days_since":
        return -1
    return 1 if _grows(declared) else 0


def _grows(declared: Feature) -> bool:
    if declared.how == "score":  # a worse group that leaves out a milder one hardly ever takes away
        return all(weight >= 0 for _, weight in declared.weights)
    if declared.how == "last":
        return declared.channel.codes == _EMERGENT  # 1 of an emergency, 0 of a planned stay
    return declared.how in _GROWS


def _moved(declared: Feature) -> bool:
    """Whether an unplanned stay more may move it at all."""
    if declared.of is not None:
        return _moved(feature(declared.of))
    if declared.how == "outside" and declared.channel.codes == _EMERGENT:
        return False  # planned stays are counted by what they are not
    heard = (declared.channel, declared.anchor, declared.unless)
    return any(_says(channel, (*_OF_STAYS, *_OF_ITS_CLAIMS)) for channel in heard if channel)


def _tells_of_last_stay(declared: Feature) -> bool:
    if declared.anchor is not None:
        return _says(declared.anchor, _OF_STAYS)
    return declared.how in _OF_LAST and _says(declared.channel, _OF_STAYS)


def _says(channel: Channel, concepts: Collection[str]) -> bool:
    """Whether the channel hears one of the concepts, told by how they begin."""
    return any(
        code.startswith(tuple(concepts)) for code in channel.codes if code not in _NO_ILLNESS
    )
