"""What one event says, in words: for whoever looks at the rows behind a number.

The words are of the concept that the event is asked for: one diagnosis code is told as a category
of CCS, a group of Charlson's or a payment category, after what the feature counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from data.codes import (
    CHARLSON_NAMES,
    CHRONIC_NAMES,
    ELIXHAUSER_NAMES,
    LACE_NAMES,
    SOCIAL_NEED_NAMES,
    diagnosis_concepts,
    drug_class_name,
    hcc_name,
)
from data.concepts import icd10_procedures
from data.tables import DISPOSITIONS
from features.definitions.words import plain
from features.events import MISSED, STAYS
from features.lab_tests import LAB_TESTS
from features.meaning import meanings
from features.window import to_date

_TESTS = {test.name: test for test in LAB_TESTS}
_STEPS = {
    "contacted": "reached by care management",
    "no_answer": "called by care management, no answer",
    "enrolled": "enrolled in care management",
    "declined": "declined care management",
    "closed": "left care management",
}


def event_words(code: str, value: float, concept: str) -> str:
    """What an event with this code and value (NaN: none) says as one of `concept`.

    >>> event_words("DX/ICD10CM/E119", float("nan"), "CHARLSON/diabetes")
    'diabetes without chronic complication'
    >>> event_words("LAB/718-7/g/L", 117.0, "LAB/haemoglobin")
    'haemoglobin 117 g/L, which is 11.7 g/dL'
    """
    family, _, rest = concept.partition("/")
    told = _TOLD.get(family)
    return told(code, value, rest) if told else concept


def number(value: float) -> str:
    """A number as short as it can be told in seven figures; "" for none.

    >>> number(11.7), number(250000.0), number(float("nan"))
    ('11.7', '250000', '')
    """
    if math.isnan(value):
        return ""
    return f"{value:.0f}" if value == round(value) else f"{value:.7g}"


def _person(code: str, value: float, rest: str) -> str:
    if rest == "area_index":
        return f"deprivation of the area {number(value)} out of 100"
    if rest == "female":
        return {1.0: "female (1)", 0.0: "male (0)"}.get(value, "sex not known")
    return rest


def _span(code: str, value: float, rest: str) -> str:
    what = "covered by" if code.startswith("COVER/") else "product"
    until = "no end known" if math.isnan(value) else f"to {to_date(int(value))}"
    return f"{what} {rest}, {until}"


def _encounter(code: str, value: float, rest: str) -> str:
    kind, _, what = rest.partition("/")
    name = kind.replace("_", " ")
    if kind not in STAYS:
        return name if kind == MISSED else f"{name} visit"
    how = {"open": "no end known", "ended": f"ended after {_days(value)}"}.get(what, "begins")
    return f"{name} stay {how}" if what != "open" else f"{name} stay, {how}"


def _stay(code: str, value: float, rest: str) -> str:
    if rest == "emergent":
        told = {1.0: "an emergency (1)", 0.0: "planned ahead (0)"}
        return f"hospital stay that was {told.get(value, 'of an unknown type of admission')}"
    if rest == "disposition":
        if math.isnan(value):
            return "discharged, not known where to"
        return f"discharged: {DISPOSITIONS[int(value)].replace('_', ' ')} ({number(value)})"
    if rest == "principal/known":
        return f"principal diagnosis: {_principal(code)}"
    return rest


def _principal(code: str) -> str:
    (told,) = meanings([code])
    category = told[0].value
    if category is None or math.isnan(category):
        return _category(0)
    return f"{_category(int(category))} ({number(category)})"


def _category(ccs: int) -> str:
    name = diagnosis_concepts().get(ccs)
    return plain(name) if name else "unknown code"


def _diagnosis(code: str, value: float, rest: str) -> str:
    return _category(int(rest))


def _chronic(code: str, value: float, rest: str) -> str:
    return CHRONIC_NAMES.get(rest) or _category(int(rest))


def _flag(code: str, value: float, rest: str) -> str:
    return f"{_category(int(rest))}, flagged for the year"


def _hcc(code: str, value: float, rest: str) -> str:
    return f"HCC {rest}: {hcc_name(int(rest))}"


def _procedure(code: str, value: float, rest: str) -> str:
    name = icd10_procedures().names.get(int(rest))
    return plain(name) if name else "procedure without a known category"


def _drug(code: str, value: float, rest: str) -> str:
    name = "drug of an unknown class" if rest == "unknown" else plain(drug_class_name(rest))
    supply = "days of supply not known" if math.isnan(value) else f"{_days(value)} of supply"
    return f"{name}, {supply}"


def _lab(code: str, value: float, rest: str) -> str:
    test = _TESTS.get(rest)
    _, _, unit = code.removeprefix("LAB/").partition("/")
    given = "without a value" if math.isnan(value) else f"{number(value)} {unit}".rstrip()
    if test is None:
        return f"LOINC {code.split('/')[1].replace('%2F', '/').replace('%25', '%')} {given}"
    factor = test.factor(unit)
    if factor is None:
        return f"{test.words} {given}, a unit that is not read"
    if factor == 1 or math.isnan(value):
        return f"{test.words} {given}"
    return f"{test.words} {given}, which is {number(value * factor)} {test.unit}"


def _cost(code: str, value: float, rest: str) -> str:
    year = ", the whole year" if code.startswith("COSTYEAR/") else ""
    amount = "amount not known" if math.isnan(value) else f"${value / 100:,.2f}"
    return f"{rest.replace('_', ' ')} {amount}{year}"


def _screening(code: str, value: float, rest: str) -> str:
    answer = {1.0: "a need (1)", 0.0: "no need (0)"}.get(value, "not answered")
    return f"{_need(rest)}: {answer}"


def _need(need: str) -> str:
    return plain(SOCIAL_NEED_NAMES.get(need, need))


def _days(value: float) -> str:
    return f"{number(value)} day{'' if value == 1 else 's'}"


_TOLD: dict[str, Callable[[str, float, str], str]] = {
    "PERSON": _person,
    "COVER": _span,
    "PRODUCT": _span,
    "ENC": _encounter,
    "STAY": _stay,
    "PRINCIPAL": lambda code, value, rest: "hospital stay ends, no principal diagnosis known",
    "FACILITY": lambda code, value, rest: f"seen at facility {rest}",
    "PROVIDER": lambda code, value, rest: f"seen by clinician {rest}",
    "SPECIALTY": lambda code, value, rest: f"contact with {rest}",
    "PRESCRIBER": lambda code, value, rest: f"prescribed by {rest}",
    "DX": _diagnosis,
    "CHRONIC": _chronic,
    "FLAG": _flag,
    "CHARLSON": lambda code, value, rest: plain(CHARLSON_NAMES.get(rest, rest)),
    "ELIXHAUSER": lambda code, value, rest: plain(ELIXHAUSER_NAMES.get(rest, rest)),
    "LACE": lambda code, value, rest: plain(LACE_NAMES.get(rest, rest)),
    "NEED": lambda code, value, rest: _need(rest),
    "HCC": _hcc,
    "PX": _procedure,
    "RX": _drug,
    "LAB": _lab,
    "COST": _cost,
    "COSTYEAR": _cost,
    "SCREEN": _screening,
    "OUTREACH": lambda code, value, rest: _STEPS.get(rest, rest.replace("_", " ")),
}  # fmt: skip
