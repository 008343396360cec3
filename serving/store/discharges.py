"""Which discharges the published runs told of each patient, and since when.

A run tells the discharges of its last 30 days, and most of an old run's rows are dropped one day;
what a run told stays here. One row is one patient and one discharge that a run told and the run
before it that told any did not. Runs are ordered by when they were published: a list of a mistyped
day that was replaced tells no more than the one that took its place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from serving.store.night_tables import score as _score
from serving.store.night_tables import told_discharge as _told

TOLD_FOR = timedelta(days=30)
"""A run tells the discharges of so many days: an older one is no news to whoever acts by it."""
_AT_ONCE = 500
Told = Mapping[str, Sequence[tuple[datetime, date]]]
"""By patient: when each discharge was told, and the day of it, the oldest told first."""


def tell(connection: sa.Connection, run_id: str, at: datetime) -> None:
    """Keeps what a run tells that is published at this moment (UTC) and its forerunners did not."""
    newest = _told.alias("newest")
    same = (
        sa.select(sa.func.max(newest.c.told_at))
        .where(newest.c.patient_id == _score.c.patient_id)
        .scalar_subquery()
    )
    is_told = sa.exists().where(
        _told.c.patient_id == _score.c.patient_id,
        _told.c.discharged_on == _score.c.discharged_on,
        _told.c.told_at == same,
    )
    new = sa.select(
        _score.c.patient_id, sa.literal(at, sa.DateTime(timezone=True)), _score.c.discharged_on
    ).where(_score.c.run_id == run_id, _score.c.discharged_on.is_not(None), ~is_told)
    columns = ["patient_id", "told_at", "discharged_on"]
    connection.execute(sa.insert(_told).from_select(columns, new))


def told_of(connection: sa.Connection, patients: Sequence[str]) -> Told:
    """What was told of some patients; nobody of whom nothing was."""
    found: dict[str, list[tuple[datetime, date]]] = {}
    for start in range(0, len(patients), _AT_ONCE):
        query = (
            sa.select(_told)
            .where(_told.c.patient_id.in_(patients[start : start + _AT_ONCE]))
            .order_by(_told.c.told_at)
        )
        for row in connection.execute(query):
            found.setdefault(row.patient_id, []).append((row.told_at, row.discharged_on))
    return found


def known_at(told: Sequence[tuple[datetime, date]], moment: datetime | None) -> date | None:
    """The discharge that was told last up to a moment, or up to now; None where none was."""
    until = [day for at, day in told if moment is None or at <= moment]
    return until[-1] if until else None
