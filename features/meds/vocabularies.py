"""Event codes as MEDS datasets write them, and codes of MEDS datasets as event codes.

MEDS leaves the vocabulary to whoever makes a dataset; what is common is `vocabulary//code` (ETLs
made with MEDS-Extract) or `vocabulary/code` (ETLs from OMOP), and the codes MEDS_BIRTH and
MEDS_DEATH that the standard itself names.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from urllib.parse import quote, unquote

from meds import birth_code, death_code

from data import codes as lists
from data.code_systems import SHAPES
from data.feeds import derived_feeds
from features.lab_tests import LAB_TESTS

DEATH = death_code
OTHER = "OTHER/"
"""In front of a foreign code that nothing here understands: no feature's channel begins so."""


@dataclass(frozen=True)
class Understood:
    """What a foreign code means: an event code, and the value that its events have.

    `value` is None where the row's own numeric_value is the event's value. `takes_unit` says that
    the row's unit, where it has one, belongs to the code (a laboratory test).
    """

    event_code: str
    value: float | None = math.nan
    takes_unit: bool = False


_GENDERS = {"F": 1.0, "FEMALE": 1.0, "M": 0.0, "MALE": 0.0}

_WRITTEN_SYSTEMS = {
    "ICD9CM": "ICD9CM", "ICD10CM": "ICD10CM", "CCW": "CCW",
    "ICD9PCS": "ICD9Proc", "ICD10PCS": "ICD10PCS", "HCPCS": "HCPCS",
    "NDC": "NDC", "ATC": "ATC", "RXNORM": "RxNorm",
}  # fmt: skip
"""Our systems → the names that OMOP gives them, by which MEDS datasets go."""

_VOCABULARIES = {
    "ICD9CM": "DX/ICD9CM/", "ICD10CM": "DX/ICD10CM/", "CCW": "DX/CCW/",
    "ICD9PROC": "PX/ICD9PCS/", "ICD9PCS": "PX/ICD9PCS/", "ICD10PCS": "PX/ICD10PCS/",
    "HCPCS": "PX/HCPCS/", "CPT4": "PX/HCPCS/", "CPT": "PX/HCPCS/",
    "RXNORM": "RX/RXNORM/", "NDC": "RX/NDC/", "ATC": "RX/ATC/",
}  # fmt: skip
"""Names of vocabularies, in capitals and without blanks, dashes and underlines → event codes.

HCPCS level I is CPT. ICD10 (WHO's own) and SNOMED are not among them: no list here reads them.
"""

_ICD_OF_MIMIC = {
    ("DIAGNOSIS", "9"): "ICD9CM", ("DIAGNOSIS", "10"): "ICD10CM",
    ("PROCEDURE", "9"): "ICD9PCS", ("PROCEDURE", "10"): "ICD10PCS",
}  # fmt: skip
"""DIAGNOSIS//ICD//10//I509 is how the public ETL of MIMIC-IV writes its codes."""

_NO_UNIT = ("", "UNK")


def written(event_code: str) -> str:
    """An event code as it stands in an exported dataset; of PERSON/female the value decides.

    >>> written("DX/ICD10CM/I509"), written("LAB/718-7/g/dL"), written("ENC/office/started")
    ('ICD10CM//I50.9', 'LOINC//718-7//g/dL', 'ENC//office//started')
    """
    family, _, rest = event_code.partition("/")
    system, _, code = rest.partition("/")
    if event_code == "PERSON/born":
        return birth_code
    if family == "OTHER":
        return rest
    if family in ("DX", "PX", "RX") and system in _WRITTEN_SYSTEMS:
        return f"{_WRITTEN_SYSTEMS[system]}//{_dotted(system, code)}"
    if family == "LAB":
        return f"LOINC//{unquote(system)}" + (f"//{code}" if code else "")
    if family in ("ENC", "STAY", "PRINCIPAL"):
        return event_code.replace("/", "//")
    return f"{family}//{rest}"


def _dotted(system: str, code: str) -> str:
    place = {"ICD9PCS": 2, "ICD10CM": 3, "ICD9CM": 4 if code[:1] == "E" else 3}.get(system)
    if place is None or len(code) <= place or not SHAPES[system].fullmatch(code):
        return code
    return f"{code[:place]}.{code[place:]}"


def understand(code: str, parents: Iterable[str] = ()) -> Understood | None:
    """What a code of a foreign dataset means; None where nothing here understands it.

    A code without a known vocabulary means what its one parent of a known vocabulary means
    (parent_codes of metadata/codes.parquet, by which ETLs say what a local code is); with two
    such parents it means neither.

    >>> understand("ICD10CM/I50.9").event_code, understand("LOINC//718-7//g/dL").event_code
    ('DX/ICD10CM/I509', 'LAB/718-7/g/dL')
    >>> understand("SNOMED/84114007") is None
    True
    """
    own = _by_vocabulary(code)
    if own is not None:
        return own
    found = {parent: _by_vocabulary(parent) for parent in sorted(set(parents))}
    known = {meant for meant in found.values() if meant is not None}
    if len(known) != 1:
        return None
    meant = known.pop()
    unit = code.split("//")[-1] if "//" in code else ""
    if meant.takes_unit and not unit.isdigit() and unit.upper() not in _NO_UNIT:
        return Understood(f"{meant.event_code}/{unit}", None)
    return meant


def _by_vocabulary(code: str) -> Understood | None:
    if code == birth_code:
        return Understood("PERSON/born")
    parts = code.split("//") if "//" in code else code.split("/", 1)
    if len(parts) == 4 and parts[1] == "ICD":
        system = _ICD_OF_MIMIC.get((parts[0], parts[2]))
        return _coded(system, parts[3]) if system else None
    if len(parts) < 2 or not parts[1].strip():
        return None
    vocabulary, its_code = parts[0].upper().translate(_BLANKS), parts[1].strip()
    if vocabulary == "LOINC" and len(parts) <= 3:
        return _lab(its_code.upper(), parts[2] if len(parts) == 3 else "")
    if len(parts) > 2:
        return None
    if vocabulary in ("GENDER", "SEX", "MIMICIVGENDER"):
        return Understood("PERSON/female", _GENDERS.get(its_code.upper(), math.nan))
    prefix = _VOCABULARIES.get(vocabulary)
    return Understood(prefix + lists.normalise(its_code)) if prefix else None


_BLANKS = str.maketrans("", "", " -_")


def _coded(system: str, code: str) -> Understood | None:
    return _by_vocabulary(f"{system}//{code}")


def _lab(loinc: str, unit: str) -> Understood:
    event_code = f"LAB/{quote(loinc, safe='')}"
    if unit.upper() in _NO_UNIT:
        return Understood(event_code, None, takes_unit=True)
    return Understood(f"{event_code}/{unit}", None)


def with_unit(meant: Understood, unit: str) -> str:
    """The event code of a row that is `meant` so and comes with `unit` ("" for none)."""
    if meant.takes_unit and unit.upper() not in _NO_UNIT:
        return f"{meant.event_code}/{unit}"
    return meant.event_code


_FEEDS = {
    "PERSON/born": ("member",), "PERSON/female": ("member",), "PERSON/area_index": ("area_index",),
    "COVER/": ("coverage",), "PRODUCT/": ("coverage",),
    "ENC/": ("encounter",), "ENC/emergency/": ("emergency_visits",),
    "ENC/office/": ("office_visits",), "ENC/missed_appointment/": ("missed_appointments",),
    "STAY/emergent": ("admission_type",), "STAY/disposition": ("disposition",),
    "PRINCIPAL/": ("principal_diagnosis",), "SPECIALTY/": ("specialty",),
    "PRESCRIBER/": ("prescriber",), "FACILITY/": ("facility",), "PROVIDER/": ("provider",),
    "DX/ICD": ("diagnosis",), "DX/ICD10CM/": ("icd10_diagnoses",), "DX/CCW/": ("diagnosis",),
    "PX/": ("procedure",), "PX/ICD": ("icd_procedures",), "RX/": ("drug_fill",),
    "LAB/": ("lab_result",), "COST/": ("cost",), "COSTYEAR/": ("cost",),
    "SCREEN/": ("screening",), "OUTREACH/": ("outreach",),
}  # fmt: skip


def feeds_of(event_codes: Collection[str], *, supply: bool) -> list[str]:
    """The feeds that events with these codes show, sorted; `supply` says whether some drug event
    tells how many days it lasts."""
    feeds = {
        feed
        for begin, named in _FEEDS.items()
        if any(code.startswith(begin) for code in event_codes)
        for feed in named
    }
    for begin, feed in (("COVER/", "payer"), ("PRODUCT/", "product")):
        if any(code.startswith(begin) and code != f"{begin}unknown" for code in event_codes):
            feeds.add(feed)
    claims, years = (
        {code.split("/")[1] for code in event_codes if code.startswith(family)}
        for family in ("COST/", "COSTYEAR/")
    )
    derived = derived_feeds(
        claims,
        years,
        classes=any(code.startswith("RX/ATC/") for code in event_codes),
        supply=supply,
        flags=any(code.startswith("DX/CCW/") for code in event_codes),
    )
    return sorted({*feeds, *derived, *(("days_supply",) if supply else ())})


_MEANINGS = {
    "PERSON//area_index": "area deprivation, 1 least to 100 most deprived",
    "COVER": "first day covered by this payer; value: the last day (days since 1970-01-01)",
    "PRODUCT": "first day covered by this product; value: the last day (days since 1970-01-01)",
    "ENC": "stay or visit; of ended, value: days from admission to discharge",
    "COST": "one claim; value: allowed amount in US cents",
    "COSTYEAR": "a calendar year; value: allowed amount in US cents",
    "SCREEN": "answer about a social need; value: 1 a need, 0 none",
    "STAY": "fact of an acute stay, on the day of discharge",
    "PRINCIPAL": "principal diagnosis of an acute stay, on the day of discharge",
}
_TEST_WORDS = {loinc: test.words for test in LAB_TESTS for loinc in test.loincs}


def described(event_code: str) -> tuple[str | None, str | None]:
    """(a name of the code or None, its parent concept or None), as codes.parquet has them."""
    family, _, rest = event_code.partition("/")
    system, _, code = rest.partition("/")
    if family in ("DX", "PRINCIPAL") and code:
        ccs = int(lists.diagnosis_concept(system, [code])[0])
        return _MEANINGS.get(family), f"CCS/{ccs}" if ccs else None
    if family == "PX" and code:
        ccs = int(lists.procedure_concept(system, [code])[0])
        return None, f"CCS_PROCEDURE/{ccs}" if ccs else None
    if family == "RX" and code:
        drug_class = lists.drug_class(system, [code])[0]
        return None, f"ATC/{drug_class}" if drug_class else None
    if family == "LAB":
        return _TEST_WORDS.get(system), None
    return _MEANINGS.get(written(event_code), _MEANINGS.get(family)), None


def concept_name(concept: str) -> str | None:
    """The name of a parent concept, None where it has none here."""
    system, _, code = concept.partition("/")
    if system == "CCS":
        return lists.diagnosis_concept_name(int(code))
    return lists.drug_class_name(code) if system == "ATC" else None
