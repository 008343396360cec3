"""Which laboratory tests are read, and what turns each unit they come in into the one we use."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LabTest:
    """One laboratory test; `factors` turn other units (UCUM) into `unit`."""

    name: str
    words: str
    loincs: tuple[str, ...]
    unit: str
    factors: dict[str, float]


_PER_LITRE = {"g/L": 0.1}
LAB_TESTS: tuple[LabTest, ...] = (
    LabTest("haemoglobin", "haemoglobin", ("718-7", "20509-6"), "g/dL", _PER_LITRE),
    LabTest("sodium", "sodium", ("2951-2", "2947-0"), "mmol/L", {"meq/L": 1.0}),
    LabTest("creatinine", "creatinine", ("2160-0", "38483-4"), "mg/dL", {"umol/L": 1 / 88.4}),
    LabTest("hba1c", "HbA1c", ("4548-4", "17856-6"), "%", {}),
    LabTest("bnp", "BNP", ("30934-4", "42637-9"), "pg/mL", {"ng/L": 1.0}),
    LabTest("albumin", "albumin", ("1751-7", "61151-7"), "g/dL", _PER_LITRE),
)  # fmt: skip

_TESTS = {loinc: test for test in LAB_TESTS for loinc in test.loincs}


def lab_code(loinc: str, unit: str | None) -> tuple[str, float]:
    """The event code of a result, and the factor that its value is multiplied by.

    A result of a known test in a unit that cannot be turned is kept under a code of its own,
    so that no feature mixes it in: a missing unit counts as the usual one.

    >>> lab_code("718-7", "g/L")
    ('LAB/haemoglobin', 0.1)
    >>> lab_code("718-7", "mmol/L")
    ('LAB/718-7 in mmol/L', 1.0)
    """
    test = _TESTS.get(loinc)
    if test is None:
        return f"LAB/{loinc}", 1.0
    if unit in (None, "", test.unit):
        return f"LAB/{test.name}", 1.0
    if unit in test.factors:
        return f"LAB/{test.name}", test.factors[unit]
    return f"LAB/{loinc} in {unit}", 1.0
