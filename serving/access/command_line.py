"""The commands about people who may come in; the front door hangs them up."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from data.command_line import shown
from data.errors import InputError
from data.home import Home
from data.terminal import say, table
from serving.access.roles import MATTERS

if TYPE_CHECKING:
    from serving.store.database import Database

users = typer.Typer(
    no_args_is_help=True,
    help="""Look after the accounts of those who sign in with a password.

    Example: firstcall user add ann --role case_manager --manager 1
    """,
)

_LONGEST_LINE = 4096
User = Annotated[str, typer.Argument(metavar="NAME", help="What is typed to sign in.")]
Manager = Annotated[
    int | None, typer.Option(metavar="N", help="A case manager's number on the list.", min=1)
]
Matter = Annotated[
    list[str] | None,
    typer.Option(
        "--matter", metavar="MATTER",
        help=f"A sensitive matter to be shown ({', '.join(MATTERS)}); may be repeated.",
    ),
]  # fmt: skip
Zone = Annotated[
    str | None,
    typer.Option(
        "--time-zone", metavar="ZONE",
        help='In which times are told to him (America/Denver); "": in that of the site.',
    ),
]  # fmt: skip
Generate = Annotated[
    bool, typer.Option("--generate", help="Make a password up, and print it this once.")
]


@users.command("add")
def add_user(
    context: typer.Context,
    name: User,
    role: Annotated[
        Literal["case_manager", "supervisor", "analyst", "admin"],
        typer.Option(metavar="ROLE", help="case_manager, supervisor, analyst or admin."),
    ],
    manager: Manager = None,
    matter: Matter = None,
    shown_name: Annotated[
        str | None, typer.Option("--name", metavar="TEXT", help="The name as people say it.")
    ] = None,
    time_zone: Zone = None,
    generate: Generate = False,
) -> None:
    """Make an account for a person.

    The password is asked for twice, or read as one line where there is no terminal: at least 12
    characters, whichever they are. A case manager sees the patients of the panel N, a supervisor
    all of them, an analyst figures without names; an admin looks after the service (nights, models,
    metrics) and sees no patient. Accounts are made here alone.

    Example: firstcall user add ann --role case_manager --manager 1 --name "Ann Lee"
    """
    from serving.access.accounts import add_account, check_role, check_zone, checked_name
    from serving.access.passwords import PasswordHashing

    checked = checked_name(name, "an account")
    check_role(role, manager)  # before anybody has typed a password twice
    check_zone(time_zone)
    password = _password(generate)
    with changing(context.obj.home) as (database, recorded):
        made = add_account(
            database, checked, role, password, PasswordHashing(), manager=manager,
            matters=matter or (), display_name=shown_name, time_zone=time_zone,
        )  # fmt: skip
        recorded("account added", account=made.name, role=role)
    say(f"{made.name} may sign in as {role}.")
    _show(password, generate)


@users.command("change")
def change_user(
    context: typer.Context,
    name: User,
    role: Annotated[
        Literal["case_manager", "supervisor", "analyst", "admin"] | None,
        typer.Option(metavar="ROLE", help="case_manager, supervisor, analyst or admin."),
    ] = None,
    manager: Manager = None,
    matter: Matter = None,
    no_matters: Annotated[
        bool, typer.Option("--no-matters", help="No sensitive matter is shown any more.")
    ] = False,
    time_zone: Zone = None,
) -> None:
    """Give an account another role, panel, time zone or other sensitive matters; it is signed out
    everywhere.

    What is not named stays, but that whoever is no longer a case manager has no panel. The matters
    that are named take the place of all that the account had.

    Example: firstcall user change ann --manager 2 --matter "mental health"
    """
    from serving.access.accounts import change_account

    if matter and no_matters:
        raise InputError("--no-matters: cannot be said together with --matter.")
    with changing(context.obj.home) as (database, recorded):
        changed = change_account(
            database, name, role=role, manager=manager,
            matters=() if no_matters else matter or None, time_zone=time_zone,
        )  # fmt: skip
        shown_matters = sorted(changed.matters)
        recorded(
            "account changed", account=changed.name,
            role=changed.role, manager=changed.manager, matters=shown_matters,
            time_zone=changed.time_zone,
        )  # fmt: skip
    panel = f" of panel {changed.manager}" if changed.manager is not None else ""
    times = f", reads times of {changed.time_zone}" if changed.time_zone else ""
    say(
        f"{changed.name} is {changed.role}{panel}, sees {', '.join(shown_matters) or 'none'} of "
        f"the sensitive matters{times}, and is signed out everywhere."
    )


@users.command("list")
def list_users(context: typer.Context) -> None:
    """Print all accounts.

    Example: firstcall user list
    """
    from serving.access.accounts import accounts

    with opened(context.obj.home) as database:
        found = accounts(database)
    if not found:
        say(
            "There is no account yet: firstcall user add NAME --role admin makes the first one. "
            "None is needed where people sign in by [open_id]."
        )
        return
    now = datetime.now(UTC)
    table(
        "Accounts",
        ("name", "person", "role", "panel", "sensitive matters", "time zone", "state", "since"),
        [
            (
                one.name, one.display_name, one.role, one.manager, ", ".join(sorted(one.matters)),
                one.time_zone or "", _state(one.disabled, one.locked_until, now),
                one.created_at.date(),
            )
            for one in found
        ],
        right=(3,),
    )  # fmt: skip


def _state(disabled: bool, locked_until: datetime | None, now: datetime) -> str:
    if disabled:
        return "disabled"
    if locked_until is not None and now < locked_until:
        return f"locked until {locked_until:%H:%M} UTC"
    return ""


@users.command("disable")
def disable_user(context: typer.Context, name: User) -> None:
    """Let nobody in by an account any more, whoever is signed in by it included.

    Example: firstcall user disable ann
    """
    from serving.access.accounts import checked_name, disable

    name = checked_name(name, "an account")
    with changing(context.obj.home) as (database, recorded):
        disable(database, name)
        recorded("account disabled", account=name)
    say(f"{name} is disabled, and signed out everywhere.")


@users.command("enable")
def enable_user(context: typer.Context, name: User) -> None:
    """Let in again by an account that was disabled.

    Example: firstcall user enable ann
    """
    from serving.access.accounts import checked_name, enable

    name = checked_name(name, "an account")
    with changing(context.obj.home) as (database, recorded):
        enable(database, name)
        recorded("account enabled", account=name)
    say(f"{name} may sign in again.")


@users.command("password")
def set_user_password(context: typer.Context, name: User, generate: Generate = False) -> None:
    """Give an account another password; it is unlocked, and signed out everywhere.

    The password is asked for twice, or read as one line where there is no terminal.

    Example: firstcall user password ann --generate
    """
    from serving.access.accounts import checked_name, set_password
    from serving.access.passwords import PasswordHashing

    name = checked_name(name, "an account")
    password = _password(generate)
    with changing(context.obj.home) as (database, recorded):
        set_password(database, name, password, PasswordHashing())
        recorded("password set", account=name)
    say(f"{name} has another password, and is signed out everywhere.")
    _show(password, generate)


@users.command("unlock")
def unlock_user(context: typer.Context, name: User) -> None:
    """Let an account try again at once that is locked after too many wrong passwords.

    Example: firstcall user unlock ann
    """
    from serving.access.accounts import checked_name, unlock

    name = checked_name(name, "an account")
    with changing(context.obj.home) as (database, recorded):
        unlock(database, name)
        recorded("account unlocked", account=name)
    say(f"{name} may try again.")


@users.command("sign-out")
def sign_out_user(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help='Of an account, or "ISSUER SUBJECT" of a user of the identity provider.',
        ),
    ] = None,
    everybody_of_provider: Annotated[
        bool,
        typer.Option(
            "--everybody-of-provider", help="All who signed in with the identity provider."
        ),
    ] = False,
) -> None:
    """End all sessions of somebody, from the next request on.

    He may sign in again: disable the account, or take the role away at the provider, where he is
    not to. A token that the provider gave to a program opens until it runs out.

    Example: firstcall user sign-out "https://id.hospital.example u-4711"
    """
    from serving.access.sessions import end_all_of, end_all_of_provider

    if (name is None) is not everybody_of_provider:
        raise InputError("Say who is to be signed out: a NAME, or --everybody-of-provider.")
    with changing(context.obj.home) as (database, recorded):
        if name is None:
            whose, ended = None, end_all_of_provider(database)
            recorded("signed out", account=None, by="identity provider", sessions=ended)
        else:
            whose, ended = end_all_of(database, name)
            recorded("signed out", account=whose, sessions=ended)
    sessions = f"{ended} session{'' if ended == 1 else 's'}"
    say(f"{whose or 'Everybody of the identity provider'} is signed out everywhere: {sessions}.")


def ways_in(home: Home, by_open_id: bool) -> list[str]:
    """What whoever starts the service is told about coming in; `by_open_id`: whether people sign in
    elsewhere."""
    from serving.access.accounts import NOBODY_YET, has_anybody
    from serving.access.demo_access import ACCOUNTS, FILE

    with opened(home) as database:
        somebody = by_open_id or has_anybody(database)
    if (home.root / FILE).exists():
        return [
            "The demo's accounts:",
            *(f"  {one.name:<6}  {one.what_for}" for one in ACCOUNTS),
            f"Their passwords, and the token of a program, stand in {shown(home.root / FILE)}.",
        ]
    return [] if somebody else [NOBODY_YET]


@contextmanager
def opened(home: Home) -> Iterator[Database]:
    """The database of a home, closed at the end."""
    from serving.store.database import Database, database_url

    database = Database.open(database_url(home))
    try:
        yield database
    finally:
        database.close()


@contextmanager
def changing(home: Home) -> Iterator[tuple[Database, Callable[..., None]]]:
    """The database, and what keeps in the record what is done to an account or a token, as
    `Audit.with_changes` gives them."""
    from serving.store.audit import Audit, AuditKey, by_command

    with (
        opened(home) as database,
        Audit(database, AuditKey.of_home(home)).with_changes() as (within, append),
    ):
        yield within, lambda what, **detail: append(by_command(what, None, **detail))


def _password(generate: bool) -> str:
    """The password: made up, typed twice, or one line of standard input."""
    from serving.access.passwords import generated_password

    if generate:
        return generated_password()
    if sys.stdin.isatty():
        return typer.prompt("Password", hide_input=True, confirmation_prompt="The same again")
    try:
        line = sys.stdin.readline(_LONGEST_LINE).rstrip("\r\n")
    except UnicodeDecodeError:
        raise InputError("Standard input is no UTF-8 text: a line of it is the password.") from None
    if not line:
        raise InputError(
            "Standard input holds no password: send it as one line, or let --generate make one up."
        )
    return line


def _show(password: str, generated: bool) -> None:
    if generated:
        say("The password, which is shown this once:", password)
