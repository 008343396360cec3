"""One small night as `Store.publish` takes it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import pandas as pd

from serving.store import (
    ALLOCATION_COLUMNS,
    ENTRY_COLUMNS,
    KNOWN_COLUMNS,
    REASON_COLUMNS,
    SCORE_COLUMNS,
)

NIGHT = date(2024, 12, 31)
Night = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, dict[str, Any], pd.DataFrame]


def score(
    patient_id: str,
    risk: float = 0.25,
    left_out: str | None = None,
    warnings: Iterable[str] = (),
    tier: str = "high",
) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(SCORE_COLUMNS)
    row |= {"patient_id": patient_id, "left_out": left_out, "warnings": json.dumps(list(warnings))}
    row |= {"high_cost_risk": risk, "high_cost_margin": -1.0, "high_cost_tier": tier}
    row |= {"high_cost_asked_on": NIGHT, "readmission_null_reason": "no discharge"}
    return row


def reason(
    patient_id: str, position: int = 1, words: str = "3 emergency visits in the last 90 days"
) -> dict[str, Any]:
    values = (patient_id, "high-cost", position, "emergency visits", words, 0.5, "raises", True)
    return dict(zip(REASON_COLUMNS, values, strict=True))


def a_night(
    *patients: str,
    risk: float = 0.25,
    known: Sequence[tuple[Any, ...]] = (),
    manager: int = 1,
    unlisted: Sequence[str] = (),
) -> Night:
    """What `Store.publish` is given beside a run id: everybody of `patients` listed for `manager`
    in this order, each with a reason; `unlisted` are scored too. `known`: rows of known scores."""
    everybody = [score(p, risk) for p in (*patients, *unlisted)]
    scores = pd.DataFrame(everybody, columns=list(SCORE_COLUMNS))
    reasons = pd.DataFrame([reason(p) for p in patients], columns=list(REASON_COLUMNS))
    entries = pd.DataFrame(
        [(n, manager, p, "high", "high cost") for n, p in enumerate(patients, 1)],
        columns=list(ENTRY_COLUMNS),
    )
    told = pd.DataFrame(known, columns=list(KNOWN_COLUMNS))
    return scores, reasons, entries, {"patients": len(patients)}, told


def drawn(**allocations: str) -> pd.DataFrame:
    """Whom a draw reached, in the high-cost queue."""
    rows = [(p, "high cost", f"randomised {told}") for p, told in allocations.items()]
    return pd.DataFrame(rows, columns=list(ALLOCATION_COLUMNS))


def not_listed(night: Night, *patients: str) -> Night:
    scores, reasons, entries, *others = night
    return scores, reasons, entries[~entries["patient_id"].isin(patients)], *others
