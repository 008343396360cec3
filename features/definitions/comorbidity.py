"""Comorbidity: the groups of Charlson, Elixhauser and LACE, and the scores made of them.

Groups are asked about over two years, so that a column does not grow with the years that a source
holds; every score and number of groups over one. The scores were made for other outcomes (death in
a year or in hospital, cost): here they sum up how ill somebody is. Where a list has a milder and a
worse group of one illness, the milder one counts in no number and no score while the worse one is
there; van Walraven's weights alone were fitted with both.

- Charlson's index with the weights of 1987 and with those of Quan 2011.
- Elixhauser's groups with the weights of van Walraven 2009.
- The conditions part of the CMS-HCC V28 score, community, non-dual, aged: its hierarchies, but no
  age, sex, conditions together or number of conditions. A heart assist device (223), which CMS
  counts only beside heart failure, is left out, and heart failure counts as itself. Only
  ICD-10-CM codes have such categories: missing where a source carries none, and too low over days
  for which it had other codes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from data.codes import (
    CHARLSON_GROUPS,
    CHARLSON_HIERARCHY,
    CHARLSON_NAMES,
    CHARLSON_WEIGHTS,
    ELIXHAUSER_GROUPS,
    ELIXHAUSER_HIERARCHY,
    ELIXHAUSER_NAMES,
    ELIXHAUSER_WEIGHTS,
    HCC_ONLY_WITH,
    HCC_SUPPRESSED_BY,
    HCC_WEIGHTS,
    LACE_HIERARCHY,
    LACE_ITEMS,
)
from features.definitions.declaration import Channel, Feature
from features.definitions.patterns import Counted
from features.definitions.sensitivity import sensitive_group
from features.definitions.words import plain
from features.window import Window

_YEAR, _TWO_YEARS = Window(365), Window(730)
_SERIOUS = ("serious chronic condition", "serious chronic conditions")
_OF_LACE = ("serious condition (LACE index)", "serious conditions (LACE index)")
_OF_HCC = ("condition of the CMS-HCC V28 list", "conditions of the CMS-HCC V28 list")


_OF_HCC_WEIGHTS = {n: weight for n, weight in HCC_WEIGHTS.items() if n not in HCC_ONLY_WITH}
_OF_HCC_HIERARCHY = tuple(
    pair for pair in HCC_SUPPRESSED_BY if HCC_ONLY_WITH.keys().isdisjoint(pair)
)


def _counted(name: str, prefix: str, noun: tuple[str, str], feed: str = "diagnosis") -> Counted:
    return Counted("diagnoses", Channel(name, (f"{prefix}/*",)), noun, "diagnosis", feed)


_CHARLSON = _counted("charlson_groups", "CHARLSON", _SERIOUS)
_ELIXHAUSER = _counted(
    "elixhauser_groups", "ELIXHAUSER",
    ("accompanying illness (Elixhauser)", "accompanying illnesses (Elixhauser)"),
)  # fmt: skip
_LACE = _counted("lace_items", "LACE", _OF_LACE)
_HCC = _counted("hccs", "HCC", _OF_HCC, "icd10_diagnoses")


def _in_two_years(index: str, group: str, its_name: str) -> Feature:
    name = plain(its_name)
    return Feature(
        name=f"{index}_{group}_730", family="diagnoses", concept=name,
        words=f"a record of {name} {_TWO_YEARS.words}",
        zero=f"no coded record of {name} {_TWO_YEARS.words}", unit="yes or no",
        source="diagnosis", feed="diagnosis",
        channel=Channel(f"{index}_{group}", (f"{index.upper()}/{group}",)), how="any",
        window=_TWO_YEARS, sensitive=sensitive_group(group),
    )  # fmt: skip


def _number(
    of: Counted, items: Iterable[object], hierarchy: Iterable[tuple[object, object]],
    window: Window = _YEAR,
) -> Feature:  # fmt: skip
    """How many groups, without the milder ones of which a worse one is there."""
    several = of.noun[1]
    return Feature(
        name=f"{of.channel.name}_distinct_{window.days}", family="diagnoses", concept=several,
        words=f"{{value}} {several} {window.words}", zero=f"no {several} {window.words}",
        noun=of.noun, unit="count", source="diagnosis", feed=of.feed, channel=of.channel,
        how="score", window=window, weights=_weights(of, dict.fromkeys(items, 1.0)),
        suppressed_by=_worse(of, hierarchy),
    )  # fmt: skip


def _score(
    name: str,
    words: str,
    of: Counted,
    weights: Mapping[str, float] | Mapping[int, float],
    hierarchy: Iterable[tuple[object, object]] = (),
) -> Feature:
    return Feature(
        name=f"{name}_365", family="diagnoses", concept=words,
        words=f"{words}: {{value}} points {_YEAR.words}",
        zero=f"{words}: no points {_YEAR.words}", noun=("point", "points"), unit="points",
        source="diagnosis", feed=of.feed, channel=of.channel, how="score", window=_YEAR,
        weights=_weights(of, weights), suppressed_by=_worse(of, hierarchy),
    )  # fmt: skip


def _weights(of: Counted, weights: Mapping[Any, float]) -> tuple[tuple[str, float], ...]:
    prefix = of.channel.codes[0].removesuffix("*")
    return tuple((f"{prefix}{item}", float(weight)) for item, weight in weights.items())


def _worse(of: Counted, hierarchy: Iterable[tuple[object, object]]) -> tuple[tuple[str, str], ...]:
    prefix = of.channel.codes[0].removesuffix("*")
    return tuple((f"{prefix}{milder}", f"{prefix}{worse}") for milder, worse in hierarchy)


FEATURES: tuple[Feature, ...] = (
    _number(_CHARLSON, CHARLSON_GROUPS, CHARLSON_HIERARCHY),
    _number(_CHARLSON, CHARLSON_GROUPS, CHARLSON_HIERARCHY, _TWO_YEARS),
    _number(_LACE, LACE_ITEMS, LACE_HIERARCHY),
    _number(_ELIXHAUSER, ELIXHAUSER_GROUPS, ELIXHAUSER_HIERARCHY),
    _number(_HCC, _OF_HCC_WEIGHTS, _OF_HCC_HIERARCHY),
    _score("charlson_1987", "Charlson index", _CHARLSON, CHARLSON_WEIGHTS["charlson_1987"],
           CHARLSON_HIERARCHY),
    _score("charlson_2011", "Charlson index with the weights of 2011", _CHARLSON,
           CHARLSON_WEIGHTS["quan_2011"], CHARLSON_HIERARCHY),
    _score("elixhauser_van_walraven", "Elixhauser index (van Walraven)", _ELIXHAUSER,
           ELIXHAUSER_WEIGHTS),
    _score("hcc_v28", "conditions part of the CMS-HCC V28 score", _HCC, _OF_HCC_WEIGHTS,
           _OF_HCC_HIERARCHY),
    *(_in_two_years("charlson", group, CHARLSON_NAMES[group]) for group in CHARLSON_GROUPS),
    *(_in_two_years("elixhauser", group, ELIXHAUSER_NAMES[group]) for group in ELIXHAUSER_GROUPS),
)  # fmt: skip
