"""Commands about the database and the record: `firstcall store`, `firstcall audit`, `firstcall
consent`."""

from __future__ import annotations

from typing import Annotated

import typer

from data.errors import InputError, RefusalError
from data.home import Home
from data.terminal import say

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
    """Find any row of the record that was changed, removed, inserted or cut off.

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
    say(f"The record is whole: {found.rows:,} rows.", f"Head: {found.head}")


@audit.command("of-patient")
def of_patient(
    context: typer.Context,
    patient: Annotated[str, typer.Argument(help="The patient's id.")],
    top: Annotated[int, typer.Option(help="How many rows, the newest first.", min=1)] = 50,
) -> None:
    """Print who looked at a patient or did something about him, and when.

    Example: firstcall audit of-patient P0000017
    """
    from serving.store.audit import Audit, AuditKey
    from serving.store.database import Database, database_url

    home = _home(context)
    database = Database.open(database_url(home))
    try:
        rows = Audit(database, AuditKey.of_home(home)).of_patient(patient, top)
    finally:
        database.close()
    if not rows:
        say("The record holds nothing about this patient.")
    for row in rows:
        say(
            f"{row['at'][:19]}Z  {row['who']} ({row['role']})  {row['what']}  {row['run_id'] or ''}"
        )


@consent.command()
def give(
    context: typer.Context,
    patient: Annotated[str, typer.Option(help="The patient's id.")],
    matter: Annotated[str, typer.Option(help='The sensitive matter, such as "substance use".')],
) -> None:
    """Record that a patient consents to have a matter shown to those who have the right to see it.

    Example: firstcall consent give --patient P0000017 --matter "substance use"
    """
    _record(context, patient, matter, True)


@consent.command()
def withdraw(
    context: typer.Context,
    patient: Annotated[str, typer.Option(help="The patient's id.")],
    matter: Annotated[str, typer.Option(help='The sensitive matter, such as "substance use".')],
) -> None:
    """Record that a patient withdrew that consent; it counts from the next answer on.

    Example: firstcall consent withdraw --patient P0000017 --matter "substance use"
    """
    _record(context, patient, matter, False)


def _record(context: typer.Context, patient: str, matter: str, given: bool) -> None:
    from serving.access.roles import chosen_matters
    from serving.store import consents
    from serving.store.audit import Audit, AuditKey, by_command
    from serving.store.database import Database, database_url

    chosen_matters([matter])
    if not patient.strip():
        raise InputError("--patient: give the patient's id.")
    home = _home(context)
    database = Database.open(database_url(home))
    try:
        record = Audit(database, AuditKey.of_home(home))
        with database.writing() as connection:
            what = "consent given" if given else "consent withdrawn"
            entry = by_command(what, patient, matter=matter)
            consents.record(connection, patient, matter, given, entry.who)
            record.append(connection, [entry])
    finally:
        database.close()
    say("Recorded.")
