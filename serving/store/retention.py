"""What is kept of old nights: the newest runs whole, of older ones what `firstcall impact` reads.

A run that is retired keeps its row in `run`, its list and its draw, and the score rows of whom
these name; everybody else's scores, all reasons and known scores go. What is left is of nights on
which somebody was listed or drawn, his high ones: no course of a risk is told from it
(`serving.store.people.over_time`). This is done in many short transactions, so that readers and
writers go on beside it; where it is killed, the next one ends it. SQLite's file keeps its size, and
uses the room again, until somebody runs VACUUM.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from data.errors import InputError
from serving.store.database import Database
from serving.store.night_tables import allocation as _allocation
from serving.store.night_tables import entry as _entry
from serving.store.night_tables import known as _known
from serving.store.night_tables import published as _published
from serving.store.night_tables import reason as _reason
from serving.store.night_tables import run as _run
from serving.store.night_tables import score as _score

ROWS_AT_A_TIME = 10_000
"""About as many rows are looked at in one transaction."""


@dataclass(frozen=True)
class Retired:
    """What was done: how many runs were retired, and how many rows of theirs, and of runs of which
    the end had been left undone, were dropped."""

    runs: int
    rows: int


def retire(database: Database, keep_runs: int) -> Retired:
    """Keeps the `keep_runs` newest published runs whole and retires older ones; never the run that
    readers see. Raises InputError where that is fewer than one."""
    if keep_runs < 1:
        raise InputError("At least one run has to be kept.")
    newest_first = (
        sa.select(_run.c.run_id)
        .where(_run.c.status == "published")
        .order_by(_run.c.started_at.desc(), _run.c.run_id.desc())
    )
    with database.writing() as connection:
        seen = connection.scalar(sa.select(_published.c.run_id))
        old = [r for r in connection.scalars(newest_first).all()[keep_runs:] if r != seen]
        for run_id in old:  # one by one: as many as there are nights
            connection.execute(
                sa.update(_run).where(_run.c.run_id == run_id).values(status="retired")
            )
        retired = connection.scalars(
            sa.select(_run.c.run_id).where(_run.c.status == "retired").order_by(_run.c.started_at)
        ).all()
    return Retired(len(old), sum(_dropped(database, run_id) for run_id in retired))


def _dropped(database: Database, run_id: str) -> int:
    """Drops what a retired run does not keep; gives the number of rows."""
    rows = 0
    for table in (_reason, _known, _score):
        after, more = None, True
        while more:
            with database.writing() as connection:
                after, count = _drop_some(connection, table, run_id, after)
            rows, more = rows + count, after is not None
    return rows


def _drop_some(
    connection: sa.Connection, table: sa.Table, run_id: str, after: str | None
) -> tuple[str | None, int]:
    """Drops rows of the patients behind an id. Gives the last one's id, None where no more are
    left, and the number of rows."""
    patient = table.c.patient_id
    some = table.c.run_id == run_id
    if after is not None:
        some = some & (patient > after)
    last = connection.scalar(
        sa.select(patient).where(some).order_by(patient).offset(ROWS_AT_A_TIME - 1).limit(1)
    )
    drop = sa.delete(table).where(some if last is None else some & (patient <= last))
    if table is _score:
        for kept in (_entry, _allocation):
            named = sa.select(kept.c.patient_id).where(kept.c.run_id == run_id)
            drop = drop.where(patient.not_in(named))
    return last, connection.execute(drop).rowcount
