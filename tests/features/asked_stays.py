"""What the tests of scores about one stay share: stays so many days ago, and a question of them."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd

from tests.features.family_specs import Tables, together
from tests.features.rows import AS_OF, ago, rows


def asked(as_of: date = AS_OF, **more: Any) -> pd.DataFrame:
    """One question about patient p."""
    return pd.DataFrame({"patient_id": ["p"], "as_of": [as_of], **more})


def stay(start: int, end: int, **given: Any) -> dict[str, Any]:
    """An acute stay from so many days ago until so many days ago, an emergency."""
    emergent = {"admission_type": "emergency", **given}
    return {"kind": "acute_inpatient", "started_on": ago(start), "ended_on": ago(end), **emergent}


def stays(*each: dict[str, Any]) -> Tables:
    return rows("encounter", *each)


def with_diagnoses(*codes: str, system: str = "ICD10CM") -> Tables:
    """An emergency stay from 5 days ago until yesterday, and codes of yesterday."""
    told = [{"happened_on": ago(1), "code_system": system, "code": code} for code in codes]
    return together(stays(stay(5, 1)), rows("diagnosis", *told))
