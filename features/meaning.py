"""What an event code says: the concepts that it names, each with the number that it stands for.

An event keeps the code that the source gave; what the code means is looked up here when features
are computed, so a code list may change without one history being written anew. The concepts:

- DX/<ICD9CM or ICD10CM>/<code> → DX/<CCS category> (0: unknown code), then CHARLSON/<group>,
  ELIXHAUSER/<group>, LACE/<item> (none to several each), NEED/<need>, HCC/<number> (none to
  several) and CHRONIC/<condition> where the code is one of a chronic condition
- DX/CCW/<code> → FLAG/<CCS category> (0: unknown flag) alone: a yearly summary flags a chronic
  condition on the day that it closes; nobody coded a diagnosis that day
- PRINCIPAL/<system>/<code> → STAY/principal/known, the CCS category its value, NaN where unknown
- PX/<system>/<code> → PX/<CCS procedure category> (0: unknown code)
- RX/<system>/<code> → RX/<ATC class of four places> or RX/unknown
- LAB/<loinc> or LAB/<loinc>/<unit> → LAB/<name of the test> with the factor that turns the unit
  into ours, however it is spelt (no unit counts as ours); LAB/code/<loinc> where the test has no
  name here; where the unit cannot be turned `LAB/<loinc> in <unit>`, and LAB/<name of the test>
  with a value that is not known: there is a result, and no feature mixes its value in
- every other code → itself
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from data import codes as lists
from features.lab_tests import LAB_TESTS

MEANING_VERSION = 2
"""Raised whenever the code below comes to name other concepts for the same code and code lists."""

_MOST_KEPT = 1 << 18
_NAMES_OF_MANY = ("FACILITY/", "PROVIDER/", "PRESCRIBER/")


@dataclass(frozen=True, slots=True)
class Meaning:
    """One concept that an event code names, and the number that an event stands for under it.

    The number is `value` where that is given (NaN: not known), else the event's own value times
    `factor`.
    """

    concept: str
    value: float | None = None
    factor: float = 1.0


_Meanings = tuple[Meaning, ...]
_kept: dict[str, _Meanings] = {}


def meanings(codes: Sequence[str]) -> list[_Meanings]:
    """The concepts of each event code, in a fixed order; one tuple a code.

    A code list is asked once for all the codes of its system, and what it said is kept. A code of
    a family or a system that is not among those above names itself.
    """
    kept = _kept
    found = [kept.get(code) for code in codes]
    new = dict.fromkeys(code for code, known in zip(codes, found, strict=True) if known is None)
    if new:
        told = _look_up(new)
        if len(kept) > _MOST_KEPT:
            kept.clear()
        # facilities and clinicians are many, and each names only itself
        kept.update(
            (code, named) for code, named in told.items() if not code.startswith(_NAMES_OF_MANY)
        )
        found = [
            told[code] if known is None else known for code, known in zip(codes, found, strict=True)
        ]
    return found  # pyright: ignore[reportReturnType]


def meaning_fingerprint() -> str:
    """sha256 (hex) over all that decides what an event code means.

    The version of this code, the code lists, the groups in their order, and the tests and units
    of the laboratory.
    """
    values = {
        "charlson": lists.CHARLSON_GROUPS,
        "elixhauser": lists.ELIXHAUSER_GROUPS,
        "lab_tests": [(test.name, test.loincs, test.unit, test.factors) for test in LAB_TESTS],
        "lace": lists.LACE_ITEMS,
        "needs": lists.SOCIAL_NEEDS,
    }
    said = (
        f"{MEANING_VERSION} {lists.code_lists_fingerprint()} {json.dumps(values, sort_keys=True)}"
    )
    return hashlib.sha256(said.encode()).hexdigest()


def _look_up(new: Iterable[str]) -> dict[str, _Meanings]:
    told: dict[str, _Meanings] = {}
    coded: dict[tuple[str, str], list[str]] = {}
    for code in new:
        family, _, rest = code.partition("/")
        if family == "LAB":
            told[code] = _lab(rest)
            continue
        system = rest.partition("/")[0]
        if system in _SYSTEMS.get(family, ()):
            coded.setdefault((family, system), []).append(code)
        else:
            told[code] = (Meaning(code),)
    for (family, system), those in coded.items():
        skip = len(family) + len(system) + 2
        answer = _CODED[family](system, [code[skip:] for code in those])
        told.update(zip(those, answer, strict=True))
    return told


def _diagnosis(system: str, texts: list[str]) -> list[_Meanings]:
    ccs = lists.diagnosis_concept(system, texts).tolist()
    if system == "CCW":
        return [(_named(f"FLAG/{category}"),) for category in ccs]
    told = zip(
        ccs,
        lists.charlson_groups(system, texts).tolist(),
        lists.elixhauser_groups(system, texts).tolist(),
        lists.lace_groups(system, texts).tolist(),
        lists.social_need(system, texts).tolist(),
        lists.hcc_categories(system, texts),
        lists.is_chronic(system, texts).tolist(),
        strict=True,
    )
    return [_of_diagnosis(*one) for one in told]


@cache
def _of_diagnosis(
    ccs: int,
    charlson: int,
    elixhauser: int,
    lace: int,
    need: int,
    hccs: tuple[int, ...],
    chronic: bool,
) -> _Meanings:
    """One tuple for the many codes of which the lists say the same."""
    concepts = [
        f"DX/{ccs}",
        *(f"CHARLSON/{name}" for name in lists.group_names(charlson, lists.CHARLSON_GROUPS)),
        *(f"ELIXHAUSER/{name}" for name in lists.group_names(elixhauser, lists.ELIXHAUSER_GROUPS)),
        *(f"LACE/{name}" for name in lists.group_names(lace, lists.LACE_ITEMS)),
        *([f"NEED/{lists.SOCIAL_NEEDS[need]}"] if need else []),
        *(f"HCC/{number}" for number in hccs),
        *([f"CHRONIC/{lists.chronic_condition(ccs)}"] if chronic else []),
    ]
    return tuple(map(_named, concepts))


def _principal(system: str, texts: list[str]) -> list[_Meanings]:
    ccs = lists.diagnosis_concept(system, texts).tolist()
    return [(_named("STAY/principal/known", float(n) if n else math.nan),) for n in ccs]


def _procedure(system: str, texts: list[str]) -> list[_Meanings]:
    ccs = lists.procedure_concept(system, texts).tolist()
    return [(_named(f"PX/{category}"),) for category in ccs]


def _drug(system: str, texts: list[str]) -> list[_Meanings]:
    return [(_named(f"RX/{name or 'unknown'}"),) for name in lists.drug_class(system, texts)]


_TESTS = {loinc: test for test in LAB_TESTS for loinc in test.loincs}


def _lab(rest: str) -> _Meanings:
    written, _, unit = rest.partition("/")
    loinc = written.replace("%2F", "/").replace("%25", "%")
    test = _TESTS.get(loinc)
    if test is None:
        return (Meaning(f"LAB/code/{loinc}"),)  # a text of the source: none is a test's name
    factor = test.factor(unit)
    if factor is not None:
        return (Meaning(f"LAB/{test.name}", factor=factor),)
    return (Meaning(f"LAB/{loinc} in {unit}"), Meaning(f"LAB/{test.name}", math.nan))


_CODED: dict[str, Callable[[str, list[str]], list[_Meanings]]] = {
    "DX": _diagnosis,
    "PRINCIPAL": _principal,
    "PX": _procedure,
    "RX": _drug,
}
_DIAGNOSES = frozenset(("ICD9CM", "ICD10CM", "CCW"))
_SYSTEMS = {
    "DX": _DIAGNOSES,
    "PRINCIPAL": _DIAGNOSES,
    "PX": frozenset(("ICD9PCS", "ICD10PCS", "HCPCS")),
    "RX": frozenset(("NDC", "ATC", "RXNORM")),
}


@cache
def _named(concept: str, value: float | None = None) -> Meaning:
    """One object for the many codes that name a concept."""
    return Meaning(concept, value)
