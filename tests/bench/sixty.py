"""The sixty features that SQL and pandas are asked for: what each counts, and over which window.

A kind is a group of event codes by the beginning of their text, as whoever writes SQL by hand
would group them; no two kinds share a code.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

import numpy as np

from features.window import WINDOWS

KINDS: dict[str, str] = {
    "emergency": "ENC/emergency/started",
    "stay": "ENC/acute_inpatient/ended",
    "office": "ENC/office/started",
    "admission": "STAY/emergent",
    "facility": "FACILITY/",
    "clinician": "PROVIDER/",
    "inpatient": "COST/inpatient",
    "outpatient": "COST/outpatient",
    "professional": "COST/professional",
    "pharmacy": "COST/pharmacy",
    "post_acute": "COST/post_acute",
    "cost": "COST/",
    "anticoagulants": "RX/ATC/B01A",
    "insulins": "RX/ATC/A10A",
    "diuretics": "RX/ATC/C03",
    "statins": "RX/ATC/C10",
    "fill": "RX/",
}
"""Kind → how its codes begin; the first that fits counts."""
COSTS = ("inpatient", "outpatient", "professional", "pharmacy", "post_acute", "cost")
FILLS = ("anticoagulants", "insulins", "diuretics", "statins", "fill")

How = Literal["count", "sum", "max", "days_since", "distinct", "zeros"]
"""distinct counts event codes, zeros counts events whose value is 0."""


class Asked(NamedTuple):
    """One feature: its name, the kinds that it is about, and how; cents become dollars."""

    name: str
    kinds: tuple[str, ...]
    how: How
    days: int
    cents: bool = False


def _counts(name: str, kinds: tuple[str, ...]) -> list[Asked]:
    counted = [Asked(f"{name}_count_{w.days}", kinds, "count", w.days) for w in WINDOWS]
    return [*counted, Asked(f"{name}_days_since", kinds, "days_since", 730)]


def _over(
    name: str, kinds: tuple[str, ...], how: How, days: Iterable[int], cents: bool = False
) -> list[Asked]:
    return [Asked(f"{name}_{d}", kinds, how, d, cents) for d in days]


SIXTY: tuple[Asked, ...] = (
    *_counts("emergency_visits", ("emergency",)),
    *_counts("acute_stays", ("stay",)),
    *_counts("office_visits", ("office",)),
    *_counts("drug_fills", FILLS),
    *_over("acute_stays_hospital_days", ("stay",), "sum", (90, 180, 365, 730)),
    *_over("acute_stays_longest", ("stay",), "max", (365,)),
    *_over("emergent_stays", ("admission",), "sum", (180, 365, 730)),
    *_over("planned_stays", ("admission",), "zeros", (365, 730)),
    *_over("cost_total", COSTS, "sum", (30, 90, 180, 365, 730), cents=True),
    *(
        asked
        for kind in COSTS[:-1]
        for asked in _over(f"cost_{kind}", (kind,), "sum", (90, 365), cents=True)
    ),
    *_over("cost_total_largest", COSTS, "max", (365,), cents=True),
    *_over("drug_fills_supply", FILLS, "sum", (90, 365)),
    *(Asked(f"{kind}_count_365", (kind,), "count", 365) for kind in FILLS[:-1]),
    *_over("facilities_distinct", ("facility",), "distinct", (90, 365)),
    *_over("clinicians_distinct", ("clinician",), "distinct", (90, 365)),
)
NAMES = [asked.name for asked in SIXTY]
LONGEST = max(asked.days for asked in SIXTY)
MISSING_WITHOUT_EVENTS = ("max", "days_since")


def kind_of(code: str) -> str | None:
    """The kind of an event code, if any of the sixty asks about it."""
    return next((kind for kind, begins in KINDS.items() if code.startswith(begins)), None)


def assert_equal(found: np.ndarray, engine: np.ndarray, whose: str) -> None:
    """Both float32[patients, 60] in the order of NAMES. Raises AssertionError where any differs."""
    unlike = ~((found == engine) | (np.isnan(found) & np.isnan(engine)))
    if unlike.any():
        row, column = np.argwhere(unlike)[0]
        raise AssertionError(
            f"{whose} and the engine differ in {unlike.any(axis=0).sum()} of {len(NAMES)} features "
            f"and {unlike.any(axis=1).sum()} of {len(engine)} patients: {NAMES[column]} of patient "
            f"{row} is {found[row, column]} and {engine[row, column]}."
        )
