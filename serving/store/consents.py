"""Consent of patients to show a sensitive matter: append-only, the newest row counts. Each has an
entry in the audit record, which carries a digest of the whole row."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from serving.store.audit import Audit, Entry
from serving.store.audit_verify import CONSENT
from serving.store.night_tables import assignment as _assignment
from serving.store.night_tables import run as _run
from serving.store.night_tables import score as _score
from serving.store.people import PUBLISHED
from serving.store.record_tables import consent as _consent
from serving.store.row_digest import row_digest


def declare(
    connection: sa.Connection,
    audit: Audit,
    patient_id: str,
    matter: str,
    given: bool,
    who: str,
    role: str,
) -> None:
    """Records that a patient gave or withdrew consent, and its entry in the audit record, within
    one writing transaction. Raises what `Audit.append` raises."""
    row = _row(connection, patient_id, matter, given, who)
    about = {"matter": matter, "place": row["place"], "sha256": row_digest("consent", row)}
    audit.append(connection, [Entry(who, role, CONSENT[given], patient_id, detail=about)])
    connection.execute(sa.insert(_consent).values(row))


def _row(
    connection: sa.Connection, patient_id: str, matter: str, given: bool, who: str
) -> dict[str, Any]:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("LOCK TABLE consent IN SHARE ROW EXCLUSIVE MODE"))
    place = (connection.scalar(sa.select(sa.func.max(_consent.c.place))) or 0) + 1
    return {
        "place": place, "patient_id": patient_id, "matter": matter, "given": given, "who": who,
        "at": datetime.now(UTC),
    }  # fmt: skip


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


def is_known(connection: sa.Connection, patient_id: str) -> bool:
    """Whether a published run scored a patient, or had him on its list."""
    scored = (
        sa.select(_score.c.run_id)
        .select_from(sa.join(_score, _run, _score.c.run_id == _run.c.run_id))
        .where(_score.c.patient_id == patient_id, _run.c.status.in_(PUBLISHED))
        .limit(1)
    )
    listed = sa.select(_assignment.c.run_id).where(_assignment.c.patient_id == patient_id)
    return any(connection.scalar(query) is not None for query in (scored, listed))
