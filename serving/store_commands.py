"""Commands about the database and the record: `firstcall store`, `firstcall audit`, `firstcall
consent`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from data.errors import InputError, RefusalError
from data.home import Home
from data.terminal import say

if TYPE_CHECKING:
    from serving.store.database import Database

store = typer.Typer(
    no_args_is_help=True,
    help="""Look after the database.

    Example: firstcall store upgrade
    """,
)
audit = typer.Typer(
    no_args_is_help=True,
    help="""Check the record of looks and actions.

    Example: firstcall audit verify
    """,
)
consent = typer.Typer(
    no_args_is_help=True,
    help="""Record patients' consent to have a sensitive matter shown.

    Example: firstcall consent give --patient P0000017 --matter "substance use"
    """,
)


def _home(context: typer.Context) -> Home:
    return context.obj.home


@store.command()
def upgrade(context: typer.Context) -> None:
    """Bring the database to the tables of this release.

    An SQLite file is brought there by itself; a PostgreSQL only by this command, while no service
    and no night runs on it.

    Example: firstcall store upgrade
    """
    from serving.store.database import Database, database_url
    from serving.store.revisions import revision

    database = Database.open(database_url(_home(context)), upgrade=True)
    try:
        say(f"The database at {database.place} is at revision {revision(database)}.")
    finally:
        database.close()


@store.command()
def downgrade(
    context: typer.Context,
    to: Annotated[
        str, typer.Option(help="The revision to go back to, such as 0003; base: drop every table.")
    ],
    yes: Annotated[
        bool, typer.Option("--yes", help="What is lost is kept elsewhere, or is not needed.")
    ] = False,
) -> None:
    """Take the database back to the tables of an earlier release.

    What only newer ones hold is lost: keep a copy, and stop the service and the nights. Afterwards
    install the earlier release: this one brings an SQLite file up to date whenever it opens it.

    Example: firstcall store downgrade --to 0003 --yes
    """
    from serving.store import revisions
    from serving.store.audit_begun import forget_begun
    from serving.store.database import Database, database_url

    home = _home(context)
    database = Database.open(database_url(home), upgrade=False)
    try:
        told = f"to revision {to} the database at {database.place} loses "
        told += "; ".join(revisions.lost(database, to))
        if not yes:
            raise RefusalError(f"On its way {told}: keep a copy of it, then say --yes.")
        revisions.downgrade(database, to)
        if to == revisions.NOTHING or to < revisions.HOLDS_RECORD:
            forget_begun(home, database)
        say(
            f"The database at {database.place} is at revision {to}. Install the earlier release "
            "before anything else is asked of it."
        )
    finally:
        database.close()


@store.command()
def retire(
    context: typer.Context,
    keep_runs: Annotated[
        int, typer.Option(help="Published runs that stay whole, the newest.", min=1)
    ],
) -> None:
    """Drop the scores of old runs; their lists, and what was done about them, stay.

    Example: firstcall store retire --keep-runs 90
    """
    from serving.store.database import Database, database_url
    from serving.store.retention import retire as retire_runs

    database = Database.open(database_url(_home(context)))
    try:
        done = retire_runs(database, keep_runs)
    finally:
        database.close()
    say(f"{done.runs:,} runs were retired, {done.rows:,} rows dropped.")


@audit.command()
def verify(
    context: typer.Context,
    against: Annotated[
        str | None,
        typer.Option(help="A head that this command printed earlier, SEQ:CHAIN: the record has "
                          "to hold that very row."),
    ] = None,
) -> None:  # fmt: skip
    """Find any row of the record, any action and any consent that was changed, removed or inserted.

    Prints the head; kept elsewhere, it shows later that the whole record was not replaced.

    Example: firstcall audit verify --against 1042:9f0c…
    """
    from serving.store.audit import Audit, AuditKey
    from serving.store.database import Database, database_url

    home = _home(context)
    database = Database.open(database_url(home))
    try:
        found = Audit(database, AuditKey.of_home(home)).verify(against)
    finally:
        database.close()
    if found.wrong is not None:
        raise RefusalError(
            f"{found.wrong} Keep the database as it is, and find out who wrote to it."
        )
    say(f"The record is whole: {found.rows:,} rows.")
    if found.older:
        say(
            f"{found.older:,} actions and consents are of an earlier release: covered is by whom, "
            "about whom and of which kind they were recorded, and not what else they say."
        )
    say(f"Head: {found.head}")


@audit.command("of-patient")
def of_patient(
    context: typer.Context,
    patient: Annotated[str, typer.Argument(help="The patient's id.")],
    top: Annotated[int, typer.Option(help="How many rows, the newest first.", min=1)] = 50,
) -> None:
    """Print who looked at a patient or did something about him, when, and what it was.

    Example: firstcall audit of-patient P0000017
    """
    from serving.store.audit import Audit, AuditKey
    from serving.store.database import Database, database_url

    home = _home(context)
    database = Database.open(database_url(home))
    try:
        rows = Audit(database, AuditKey.of_home(home)).of_patient(patient.strip(), top)
    finally:
        database.close()
    if not rows:
        say("The record holds nothing about this patient.")
    for row in rows:
        parts = (
            f"{row['at'][:19]}Z", f"{row['who']} ({row['role']})", row["what"],
            row["run_id"] or "", _told(row["detail"]),
        )  # fmt: skip
        say("  ".join(part for part in parts if part))


def _told(detail: Mapping[str, Any]) -> str:
    """What belongs to an entry, without what only `verify` needs: "matter: HIV"."""
    told = []
    for name, value in detail.items():
        if name in ("place", "sha256") or value is None:
            continue
        if isinstance(value, Mapping):
            value = ", ".join(f"{key} {held}" for key, held in value.items())
        told.append(f"{name}: {value}")
    return "; ".join(told)


Patient = Annotated[str, typer.Option(help="The patient's id.")]
Matter = Annotated[str, typer.Option(help='The sensitive matter, such as "substance use".')]
UnknownPatient = Annotated[
    bool,
    typer.Option("--unknown-patient", help="Record it for an id that firstcall has not met yet."),
]


@consent.command()
def give(
    context: typer.Context,
    patient: Patient,
    matter: Matter,
    unknown_patient: UnknownPatient = False,
) -> None:
    """Record that a patient consents to have a matter shown to those who have the right to see it.

    Example: firstcall consent give --patient P0000017 --matter "substance use"
    """
    _record(context, patient, matter, True, unknown_patient)


@consent.command()
def withdraw(
    context: typer.Context,
    patient: Patient,
    matter: Matter,
    unknown_patient: UnknownPatient = False,
) -> None:
    """Record that a patient withdrew that consent; it counts from the next answer on.

    Example: firstcall consent withdraw --patient P0000017 --matter "substance use"
    """
    _record(context, patient, matter, False, unknown_patient)


def _record(
    context: typer.Context, patient: str, matter: str, given: bool, unknown_patient: bool
) -> None:
    from serving.access.roles import chosen_matters
    from serving.store import consents
    from serving.store.audit import Audit, AuditKey, by_command
    from serving.store.database import Database, database_url
    from serving.store.people import can_be_an_id

    chosen_matters([matter])
    patient_id = patient.strip()
    if not patient_id or not can_be_an_id(patient_id):
        raise InputError("--patient: give the patient's id.")
    home = _home(context)
    database = Database.open(database_url(home))
    try:
        if not unknown_patient and not _is_known(home, database, patient_id):
            raise InputError(
                "--patient: nobody of this id is in a published run or in what was taken in; where "
                "it is right all the same, say --unknown-patient."
            )
        record = Audit(database, AuditKey.of_home(home))
        record.begin()
        by = by_command("consent")
        with database.writing() as connection:
            consents.declare(connection, record, patient_id, matter, given, by.who, by.role)
            stand = sorted(consents.given(connection, [patient_id]).get(patient_id, ()))
    finally:
        database.close()
    say(f"Recorded. What this patient consents to be shown now: {', '.join(stand) or 'nothing'}.")


def _is_known(home: Home, database: Database, patient_id: str) -> bool:
    """Whether a published run or what was taken in holds a patient."""
    from data.generation import find_current
    from data.intake import current
    from data.patient_rows import patient_rows
    from serving.store import consents

    with database.reading() as connection:
        if consents.is_known(connection, patient_id):
            return True
    if find_current(home) is None:
        return False
    tables = current(home).tables
    return any(rows.num_rows for rows in patient_rows(tables, patient_id).values())
