"""What differs between two lists, and why: who is new, who changed, who is gone.

The list before is the newest published one of an earlier day: a night that is run again is compared
with yesterday's list, not with its own first try. Of the first list of all nobody is new.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from serving.reasons import written_date
from serving.worklist import BEYOND_CAPACITY, NO_PANEL, NO_RISK

NEW, CHANGED = "new", "changed"
_NO_PLACE = (BEYOND_CAPACITY, NO_PANEL)
_TIER_OF = {"recently discharged": "readmission_tier", "high cost": "high_cost_tier"}


@dataclass(frozen=True)
class Before:
    """The list before. `stood` has one row a person of that run who stands on either list, by
    patient_id: manager, tier and queue of the place there (missing without one), discharged_on,
    left_out, readmission_tier, high_cost_tier as they were told then."""

    stood: pd.DataFrame

    @property
    def listed(self) -> pd.DataFrame:
        """Those who had a place."""
        return self.stood[self.stood["manager"].notna()]


@dataclass(frozen=True)
class Changes:
    """`entries`: the places with `change` ("new", "changed" or None) and `change_why` (one line, or
    None). `gone`: one row a person who had a place and has none: patient_id, manager, why."""

    entries: pd.DataFrame
    gone: pd.DataFrame


def changes(
    entries: pd.DataFrame,
    left_out: pd.DataFrame,
    discharged_on: Mapping[str, date],
    before: Before | None,
    as_of: date,
) -> Changes:
    """What differs from the list before: `entries` and `left_out` are those of
    `serving.worklist.Worklist`, `discharged_on` tells the discharges of these days by patient."""
    told: list[tuple[str | None, str | None]] = []
    stood = {} if before is None else before.stood.to_dict("index")
    for entry in entries.to_dict("records"):
        if before is None:
            told.append((None, None))
            continue
        day = discharged_on.get(entry["patient_id"])
        told.append(_change(entry, stood.get(entry["patient_id"]), day, as_of))
    made = entries.assign(
        change=pd.Series([one for one, _ in told], index=entries.index, dtype=object),
        change_why=pd.Series([why for _, why in told], index=entries.index, dtype=object),
    )
    return Changes(made, _gone(entries, left_out, before))


def _gone(entries: pd.DataFrame, left_out: pd.DataFrame, before: Before | None) -> pd.DataFrame:
    if before is None:
        return pd.DataFrame({"patient_id": [], "manager": [], "why": []})
    listed = before.listed
    gone = listed[~listed.index.isin(entries["patient_id"])].sort_index()
    why = left_out.set_index("patient_id")["reason"]
    return pd.DataFrame(
        {
            "patient_id": gone.index,
            "manager": gone["manager"].astype("int64").to_numpy(),
            "why": why.reindex(gone.index).fillna("not among those who are scored").to_numpy(),
        }
    )


def _change(
    entry: Mapping[Any, Any], was: Mapping[Any, Any] | None, day: date | None, as_of: date
) -> tuple[str | None, str | None]:
    """What became of one place, and why, in one line."""
    if was is None:
        return NEW, "was not on the last list"
    why: list[str] = []
    if day is not None and _missing(was["discharged_on"]) != day:
        why.append(f"discharged on {written_date(day, as_of)}")
    if _missing(was["manager"]) is None:
        return NEW, why[0] if why else _why_new(entry, was)
    if entry["tier"] != was["tier"]:
        why.append(f"{entry['tier']} tier, {was['tier']} before")
    if entry["queue"] != was["queue"]:
        why.append(f"now by {entry['queue']}")
    if entry["manager"] != was["manager"]:
        why.append(f"with case manager {int(was['manager'])} before")
    return (CHANGED, "; ".join(why)) if why else (None, None)


def _why_new(entry: Mapping[Any, Any], was: Mapping[Any, Any]) -> str:
    left_out = _missing(was["left_out"])
    if left_out == NO_RISK:
        return "had no risk on the last list"
    if left_out is not None and left_out not in _NO_PLACE:
        return f"left out until now: {left_out}"
    tier = _missing(was[_TIER_OF[entry["queue"]]])
    if tier is not None and tier != entry["tier"]:
        return f"{entry['tier']} tier, {tier} before"
    return "there is a place now" if left_out is not None else "was not on the last list"


def _missing(value: Any) -> Any:
    """The value, None where there is none."""
    return None if value is None or pd.isna(value) else value
