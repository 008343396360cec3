"""Every feature there is, in the declared order: one file a family, or a part of one."""

from __future__ import annotations

from difflib import get_close_matches

from data.errors import InputError
from features.definitions import (
    care_management,
    clinicians,
    comorbidity,
    cost,
    diagnoses,
    drugs,
    flags,
    labs,
    last_stay,
    person,
    social,
    utilisation,
)
from features.definitions.declaration import Channel, Feature

__all__ = ["FEATURES", "Channel", "Feature", "feature"]

FEATURES: tuple[Feature, ...] = (
    *person.FEATURES,
    *utilisation.FEATURES,
    *last_stay.FEATURES,
    *clinicians.FEATURES,
    *cost.FEATURES,
    *diagnoses.FEATURES,
    *comorbidity.FEATURES,
    *flags.FEATURES,
    *drugs.FEATURES,
    *labs.FEATURES,
    *social.FEATURES,
    *care_management.FEATURES,
)

_BY_NAME = {declared.name: declared for declared in FEATURES}


def feature(name: str) -> Feature:
    """The declaration of the feature called `name`. Raises InputError where there is none."""
    try:
        return _BY_NAME[name]
    except KeyError:
        near = get_close_matches(name, _BY_NAME, n=3, cutoff=0.5)
        hint = (
            f"did you mean {', '.join(near)}?" if near else "`firstcall features list` tells them."
        )
        raise InputError(f"There is no feature called {name!r}: {hint}") from None
