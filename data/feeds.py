"""The feeds that a source may carry: the canonical tables, and the parts of them worth telling."""

from __future__ import annotations

from data.tables import TABLES

SHOWN_BY: dict[str, tuple[str, str]] = {
    "admission_type": ("encounter", "admission_type IS NOT NULL"),
    "area_index": ("member", "area_index IS NOT NULL"),
    "days_supply": ("drug_fill", "days_supply IS NOT NULL"),
    "disposition": ("encounter", "disposition IS NOT NULL"),
    "emergency_visits": ("encounter", "kind = 'emergency'"),
    "missed_appointments": ("encounter", "kind = 'missed_appointment'"),
    "office_visits": ("encounter", "kind = 'office'"),
    "prescriber": ("drug_fill", "prescriber_id IS NOT NULL"),
    "principal_diagnosis": ("diagnosis", "position = 1"),
    "specialty": ("encounter", "specialty IS NOT NULL"),
}
"""Part of a table → the table, and the SQL condition on its rows that shows the part is carried."""
CARRIES: tuple[str, ...] = tuple(sorted((*TABLES, *SHOWN_BY)))
"""Every feed that a source may carry: the canonical tables, and parts of them."""
