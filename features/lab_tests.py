"""Which laboratory tests are read, what turns each unit they come in into the one we use, and an
adult's usual limits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from data.lab_units import plain_unit


@dataclass(frozen=True)
class LabTest:
    """One laboratory test; `factors` turn other units (UCUM) into `unit`.

    `limits` are an adult's usual ones in `unit`, both still inside; `worse` is the side on which
    trouble is commoner.
    """

    name: str
    words: str
    loincs: tuple[str, ...]
    unit: str
    factors: dict[str, float]
    limits: tuple[float, float]
    worse: Literal["lower", "higher"]

    def factor(self, unit: str) -> float | None:
        """What turns a value in `unit`, however it is spelt, into ours; None: it cannot be turned.
        No unit counts as ours."""
        spelt = plain_unit(unit)
        if spelt in ("", plain_unit(self.unit)):
            return 1.0
        return next((f for u, f in self.factors.items() if plain_unit(u) == spelt), None)


_UNBOUNDED = math.inf
_PER_LITRE = {"g/L": 0.1}
_PG_PER_ML = {"ng/L": 1.0, "ng/dL": 10.0, "pg/dL": 0.01}
_THOUSANDS = {"10*9/L": 1.0, "/uL": 0.001}
_PER_AREA = {"mL/min/1.73.m2": 1.0, "mL/min/{1.73m2}": 1.0, "mL/min": 1.0}

# Limits: ABIM Laboratory Test Reference Ranges (2024), as common in laboratories of the United
# States; where women and men differ, from the lower bound of the one to the upper of the other.
# Sodium's lower one is that of the HOSPITAL score. Of ours: glucose that is not fasting (upper
# limit of ADA's Standards of Care, 2 hours after a load), NT-proBNP of people of 75 and older,
# INR up to what treatment with warfarin usually aims at, LDL up to ATP III's "near optimal".
# eGFR by CKD-EPI 2021 alone: results under the codes of MDRD and CKD-EPI 2009 are adjusted for
# race, or may be, so the same kidneys would be told as better or worse by it. Troponin: the
# high-sensitivity assay alone, which is told in ng/L everywhere; its limit is the 99th percentile
# of both sexes of a common assay.
LAB_TESTS: tuple[LabTest, ...] = (
    LabTest("haemoglobin", "haemoglobin", ("718-7", "20509-6"), "g/dL", _PER_LITRE,
            (12.0, 18.0), "lower"),
    LabTest("sodium", "sodium", ("2951-2", "2947-0"), "mmol/L", {"meq/L": 1.0},
            (135.0, 145.0), "lower"),
    LabTest("creatinine", "creatinine", ("2160-0", "38483-4"), "mg/dL", {"umol/L": 1 / 88.4},
            (0.5, 1.3), "higher"),
    LabTest("hba1c", "HbA1c", ("4548-4", "17856-6"), "%", {}, (4.0, 5.6), "higher"),
    LabTest("bnp", "BNP", ("30934-4", "42637-9"), "pg/mL", _PG_PER_ML, (-_UNBOUNDED, 100.0),
            "higher"),
    LabTest("albumin", "albumin", ("1751-7", "61151-7"), "g/dL", _PER_LITRE, (3.5, 5.5), "lower"),
    LabTest("potassium", "potassium", ("2823-3", "6298-4"), "mmol/L", {"meq/L": 1.0},
            (3.5, 5.0), "higher"),
    LabTest("urea_nitrogen", "urea nitrogen", ("3094-0", "6299-2"), "mg/dL", {"mmol/L": 2.8014},
            (8.0, 20.0), "higher"),
    LabTest("egfr", "eGFR", ("98979-8",), "mL/min/{1.73_m2}",
            _PER_AREA, (60.0, _UNBOUNDED), "lower"),
    LabTest("glucose", "glucose", ("2345-7", "2339-0", "41653-7", "74774-1"), "mg/dL",
            {"mmol/L": 18.016}, (70.0, 140.0), "higher"),
    LabTest("nt_probnp", "NT-proBNP", ("33762-6", "71425-3", "83107-3"), "pg/mL", _PG_PER_ML,
            (-_UNBOUNDED, 450.0), "higher"),
    LabTest("white_cells", "white cell count", ("6690-2", "26464-8", "804-5"), "10*3/uL",
            _THOUSANDS, (4.0, 11.0), "higher"),
    LabTest("platelets", "platelet count", ("777-3", "26515-7", "778-1"), "10*3/uL", _THOUSANDS,
            (150.0, 450.0), "lower"),
    LabTest("troponin", "troponin I", ("89579-7",), "ng/L",
            {"pg/mL": 1.0, "ng/mL": 1000.0, "ng/dL": 10.0}, (-_UNBOUNDED, 26.0), "higher"),
    LabTest("inr", "INR", ("6301-6", "34714-6", "46418-0"), "{INR}", {"1": 1.0, "{ratio}": 1.0},
            (0.8, 3.0), "higher"),
    LabTest("ldl", "LDL cholesterol", ("2089-1", "13457-7", "18262-6"), "mg/dL",
            {"mmol/L": 38.67}, (-_UNBOUNDED, 130.0), "higher"),
)  # fmt: skip
