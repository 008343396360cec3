"""Consent of patients to show a sensitive matter: append-only, the newest row counts."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

import sqlalchemy as sa

from serving.store.record_tables import consent as _consent


def record(connection: sa.Connection, patient_id: str, matter: str, given: bool, who: str) -> None:
    """Records, within a writing transaction, that a patient gave or withdrew consent."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("LOCK TABLE consent IN SHARE ROW EXCLUSIVE MODE"))
    place = (connection.scalar(sa.select(sa.func.max(_consent.c.place))) or 0) + 1
    connection.execute(
        sa.insert(_consent).values(
            place=place, patient_id=patient_id, matter=matter, given=given, who=who,
            at=datetime.now(UTC),
        )
    )  # fmt: skip


def given(connection: sa.Connection, patients: Collection[str]) -> dict[str, frozenset[str]]:
    """The matters that each of some patients consents to be shown; nobody without any."""
    wanted = sorted(patients)
    found: dict[str, dict[str, bool]] = {}
    for start in range(0, len(wanted), 500):
        query = (
            sa.select(_consent.c.patient_id, _consent.c.matter, _consent.c.given)
            .where(_consent.c.patient_id.in_(wanted[start : start + 500]))
            .order_by(_consent.c.place)
        )
        for row in connection.execute(query):
            found.setdefault(row.patient_id, {})[row.matter] = row.given
    return {
        patient: frozenset(matter for matter, is_given in matters.items() if is_given)
        for patient, matters in found.items()
        if any(matters.values())
    }
