"""How a spec table of a family is read: a feature's name, tiny tables, and the number expected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pandas as pd
import pytest

from features.as_of import features_as_of
from features.definitions.declaration import Feature
from tests.features.agreement import told
from tests.features.rows import AS_OF, CARRIES, ago, histories, rows

Tables = Mapping[str, list[dict[str, Any]]]
Spec = tuple[str, Tables, float]

NAN = float("nan")
NOTHING: Tables = {}
"""No row of any kind: a patient whom the source never names."""


def value(
    feature: str | Feature,
    tables: Tables,
    as_of: date = AS_OF,
    carries: tuple[str, ...] = CARRIES,
    cuts: Mapping[str, Sequence[float]] | None = None,
) -> float:
    """What the engine says of patient p: of a declared feature by its name, or of one that is
    only being thought of."""
    index = pd.DataFrame({"patient_id": ["p"], "as_of": [as_of]})
    held = histories(tables, carries)
    if isinstance(feature, Feature):
        return told(held, index, [feature], cuts or {}).iloc[0].item()
    return features_as_of(held, index, [feature], cuts=cuts)[feature].item()


def same(found: float, expected: float) -> bool:
    return found == pytest.approx(expected, rel=1e-6, nan_ok=True)


def visits(kind: str, *days: int, **given: Any) -> Tables:
    """Encounters of one kind that began so many days ago."""
    return rows("encounter", *({"kind": kind, "started_on": ago(d), **given} for d in days))


def stays(*spans: tuple[int, int], kind: str = "acute_inpatient", **given: Any) -> Tables:
    """Stays from so many days ago until so many days ago."""
    return rows("encounter", *({"kind": kind, "started_on": ago(a), "ended_on": ago(b), **given}
                               for a, b in spans))  # fmt: skip


def diagnoses(*coded: tuple[int, str]) -> Tables:
    """ICD-10-CM codes of so many days ago."""
    return rows("diagnosis", *({"happened_on": ago(d), "code": code} for d, code in coded))


def fills(*filled: tuple[int, str, int | None]) -> Tables:
    """ATC codes filled so many days ago, for so many days."""
    return rows("drug_fill", *({"happened_on": ago(d), "code": code, "days_supply": supply}
                               for d, code, supply in filled))  # fmt: skip


def results(loinc: str, *measured: tuple[int, float | None], unit: str | None = None) -> Tables:
    """Values of one laboratory test of so many days ago."""
    return rows("lab_result", *({"loinc": loinc, "happened_on": ago(d), "value": v, "unit": unit}
                                for d, v in measured))  # fmt: skip


def together(*several: Tables) -> Tables:
    """The rows of several sets of tables, numbered anew so that no two are one fact."""
    found: dict[str, list[dict[str, Any]]] = {}
    for tables in several:
        for table, made in tables.items():
            kept = found.setdefault(table, [])
            kept += [{**row, "record_id": f"{table}-{len(kept) + n}"} for n, row in enumerate(made)]
    return found
