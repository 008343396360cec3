"""The feeds that a source may carry: the canonical tables, the parts of them worth telling, and
what follows from their rows."""

from __future__ import annotations

from collections.abc import Collection

from data.tables import TABLES

SHOWN_BY: dict[str, tuple[str, str]] = {
    "admission_type": ("encounter", "admission_type IS NOT NULL"),
    "area_index": ("member", "area_index IS NOT NULL"),
    "days_supply": ("drug_fill", "days_supply IS NOT NULL"),
    "disposition": ("encounter", "disposition IS NOT NULL"),
    "emergency_visits": ("encounter", "kind = 'emergency'"),
    "facility": ("encounter", "facility_id IS NOT NULL"),
    "icd10_diagnoses": ("diagnosis", "code_system = 'ICD10CM'"),
    "icd_procedures": ("procedure", "code_system <> 'HCPCS'"),
    "missed_appointments": ("encounter", "kind = 'missed_appointment'"),
    "office_visits": ("encounter", "kind = 'office'"),
    "payer": ("coverage", "payer IS NOT NULL"),
    "prescriber": ("drug_fill", "prescriber_id IS NOT NULL"),
    "principal_diagnosis": ("diagnosis", "position = 1"),
    "product": ("coverage", "product IS NOT NULL"),
    "provider": ("encounter", "provider_id IS NOT NULL"),
    "specialty": ("encounter", "specialty IS NOT NULL"),
}
"""Part of a table → the table, and the SQL condition on its rows that shows the part is carried."""
CARRIES: tuple[str, ...] = tuple(sorted((*TABLES, *SHOWN_BY)))
"""Every feed that a source may carry: the canonical tables, and parts of them."""
DERIVED: tuple[str, ...] = (
    "cost_claim", "cost_year", "drug_class", "drug_supply", "yearly_flags",
)  # fmt: skip
"""Feeds that no source declares: they follow from the rows that are there (`derived_feeds`)."""


def derived_feeds(
    claim_kinds: Collection[str],
    year_kinds: Collection[str],
    *,
    classes: bool,
    supply: bool,
    flags: bool,
) -> set[str]:
    """Which of DERIVED the rows show.

    `claim_kinds` and `year_kinds` are the kinds of service of which there are claims, and totals
    of calendar years: "cost_claim" and "cost_year". Totals of a kind without its claims take
    "cost_claim" away, for the claims that are there would be a part that looks like the whole.
    `classes`: some drug comes with a code of its class ("drug_class"); `supply`: some drug tells
    its days of supply (with `classes` "drug_supply"); `flags`: some chronic condition is flagged
    by a yearly summary ("yearly_flags").
    """
    shown = {
        "cost_claim": bool(claim_kinds) and set(year_kinds) <= set(claim_kinds),
        "cost_year": bool(year_kinds),
        "drug_class": classes,
        "drug_supply": classes and supply,
        "yearly_flags": flags,
    }
    return {feed for feed in DERIVED if shown[feed]}
