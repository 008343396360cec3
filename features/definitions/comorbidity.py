"""Comorbidity: the groups of Charlson, Elixhauser and LACE, and the scores made of them.

Charlson's groups are asked about without a window, as long as a history reaches back; Elixhauser's
over two years; every score over one. The scores were made for other outcomes (death in a year or
in hospital, cost): here they sum up how ill somebody is.

- Charlson's index with the weights of 1987 and with those of Quan 2011.
- Elixhauser's groups with the weights of van Walraven 2009, which were fitted without hierarchies.
- The conditions part of the CMS-HCC V28 score, community, non-dual, aged: its hierarchies, but no
  age, sex, conditions together or number of conditions. CMS counts a heart assist device only
  beside heart failure; here it always counts. Only ICD-10-CM codes have such categories.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from data.codes import (
    CHARLSON_GROUPS,
    CHARLSON_HIERARCHY,
    CHARLSON_NAMES,
    CHARLSON_WEIGHTS,
    ELIXHAUSER_GROUPS,
    ELIXHAUSER_NAMES,
    ELIXHAUSER_WEIGHTS,
    HCC_SUPPRESSED_BY,
    HCC_WEIGHTS,
)
from features.definitions.declaration import Channel, Feature
from features.definitions.diagnoses import plain
from features.definitions.patterns import Counted
from features.definitions.sensitivity import sensitive_group
from features.window import Window

_YEAR = Window(365)
_SERIOUS = ("serious chronic condition", "serious chronic conditions")
_OF_LACE = ("serious condition (LACE index)", "serious conditions (LACE index)")
_OF_HCC = ("condition of the CMS-HCC V28 list", "conditions of the CMS-HCC V28 list")


def _counted(name: str, prefix: str, noun: tuple[str, str]) -> Counted:
    return Counted("diagnoses", Channel(name, (f"{prefix}/*",)), noun, "diagnosis", "diagnosis")


_CHARLSON = _counted("charlson_groups", "CHARLSON", _SERIOUS)
_ELIXHAUSER = _counted(
    "elixhauser_groups", "ELIXHAUSER",
    ("accompanying illness (Elixhauser)", "accompanying illnesses (Elixhauser)"),
)  # fmt: skip
_LACE = _counted("lace_items", "LACE", _OF_LACE)
_HCC = _counted("hccs", "HCC", _OF_HCC)


def _ever(group: str) -> Feature:
    name = plain(CHARLSON_NAMES[group])
    return Feature(
        name=f"charlson_{group}", family="diagnoses", concept=name, words=f"a record of {name}",
        zero=f"no coded record of {name}", unit="yes or no", source="diagnosis", feed="diagnosis",
        channel=Channel(f"charlson_{group}", (f"CHARLSON/{group}",)), how="any",
        sensitive=sensitive_group(group),
    )  # fmt: skip


def _in_two_years(group: str) -> Feature:
    name, window = plain(ELIXHAUSER_NAMES[group]), Window(730)
    return Feature(
        name=f"elixhauser_{group}_730", family="diagnoses", concept=name,
        words=f"a record of {name} {window.words}",
        zero=f"no coded record of {name} {window.words}", unit="yes or no", source="diagnosis",
        feed="diagnosis", channel=Channel(f"elixhauser_{group}", (f"ELIXHAUSER/{group}",)),
        how="any", window=window, sensitive=sensitive_group(group),
    )  # fmt: skip


def _score(
    name: str,
    words: str,
    of: Counted,
    weights: Mapping[str, float] | Mapping[int, float],
    hierarchy: Iterable[tuple[object, object]] = (),
) -> Feature:
    prefix = of.channel.codes[0].removesuffix("*")
    return Feature(
        name=f"{name}_365", family="diagnoses", concept=words,
        words=f"{words}: {{value}} points {_YEAR.words}",
        zero=f"{words}: no points {_YEAR.words}", noun=("point", "points"), unit="points",
        source="diagnosis", feed="diagnosis", channel=of.channel, how="score", window=_YEAR,
        weights=tuple((f"{prefix}{item}", float(weight)) for item, weight in weights.items()),
        suppressed_by=tuple((f"{prefix}{mild}", f"{prefix}{worse}") for mild, worse in hierarchy),
    )  # fmt: skip


FEATURES: tuple[Feature, ...] = (
    *_CHARLSON.distinct((365, 730), _SERIOUS),
    *_LACE.distinct((365,), _OF_LACE),
    *_ELIXHAUSER.distinct((365,), _ELIXHAUSER.noun),
    *_HCC.distinct((365,), _OF_HCC),
    _score("charlson_1987", "Charlson index", _CHARLSON, CHARLSON_WEIGHTS["charlson_1987"],
           CHARLSON_HIERARCHY),
    _score("charlson_2011", "Charlson index with the weights of 2011", _CHARLSON,
           CHARLSON_WEIGHTS["quan_2011"], CHARLSON_HIERARCHY),
    _score("elixhauser_van_walraven", "Elixhauser index (van Walraven)", _ELIXHAUSER,
           ELIXHAUSER_WEIGHTS),
    _score("hcc_v28", "conditions part of the CMS-HCC V28 score", _HCC, HCC_WEIGHTS,
           HCC_SUPPRESSED_BY),
    *map(_ever, CHARLSON_GROUPS),
    *map(_in_two_years, ELIXHAUSER_GROUPS),
)  # fmt: skip
