"""The commands about who may come in; the front door hangs them up."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from data.command_line import shown
from data.errors import InputError
from data.home import Home
from data.terminal import say, table
from serving.access.roles import MATTERS, SCOPES

if TYPE_CHECKING:
    from serving.store.database import Database

users = typer.Typer(
    no_args_is_help=True,
    help="""Look after the accounts of those who sign in with a password.

    Example: firstcall user add ann --role case_manager --manager 1
    """,
)
tokens = typer.Typer(
    no_args_is_help=True,
    help="""Look after the tokens by which programs come in.

    Example: firstcall token add ehr --scope fhir --scope cds --days 90
    """,
)

_LONGEST_LINE = 4096
User = Annotated[str, typer.Argument(metavar="NAME", help="What is typed to sign in.")]
TokenName = Annotated[str, typer.Argument(metavar="NAME", help="Which program it is for.")]
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
    generate: Generate = False,
) -> None:
    """Make an account for a person.

    The password is asked for twice, or read as one line where there is no terminal: at least 12
    characters, whichever they are. A case manager sees the patients of the panel N, a supervisor
    all of them, an analyst figures without names; an admin looks after the service (nights, models,
    metrics) and sees no patient. Accounts are made here alone.

    Example: firstcall user add ann --role case_manager --manager 1 --name "Ann Lee"
    """
    from serving.access.accounts import add_account, check_role, checked_name
    from serving.access.passwords import PasswordHashing

    checked = checked_name(name, "an account")
    check_role(role, manager)  # before anybody has typed a password twice
    password = _password(generate)
    with _changing(context.obj.home) as (database, recorded):
        made = add_account(
            database, checked, role, password, PasswordHashing(), manager=manager,
            matters=matter or (), display_name=shown_name,
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
) -> None:
    """Give an account another role, panel or other sensitive matters; it is signed out everywhere.

    What is not named stays, but that whoever is no longer a case manager has no panel. The matters
    that are named take the place of all that the account had.

    Example: firstcall user change ann --manager 2 --matter "mental health"
    """
    from serving.access.accounts import change_account

    if matter and no_matters:
        raise InputError("--no-matters: cannot be said together with --matter.")
    with _changing(context.obj.home) as (database, recorded):
        changed = change_account(
            database, name, role=role, manager=manager, matters=() if no_matters else matter or None
        )
        shown_matters = sorted(changed.matters)
        recorded(
            "account changed", account=changed.name,
            role=changed.role, manager=changed.manager, matters=shown_matters,
        )  # fmt: skip
    panel = f" of panel {changed.manager}" if changed.manager is not None else ""
    say(
        f"{changed.name} is {changed.role}{panel}, sees {', '.join(shown_matters) or 'none'} of "
        "the sensitive matters, and is signed out everywhere."
    )


@users.command("list")
def list_users(context: typer.Context) -> None:
    """Print all accounts.

    Example: firstcall user list
    """
    from serving.access.accounts import accounts

    with _database(context.obj.home) as database:
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
        ("name", "person", "role", "panel", "sensitive matters", "state", "since"),
        [
            (
                one.name, one.display_name, one.role, one.manager, ", ".join(sorted(one.matters)),
                _state(one.disabled, one.locked_until, now), one.created_at.date(),
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
    with _changing(context.obj.home) as (database, recorded):
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
    with _changing(context.obj.home) as (database, recorded):
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
    with _changing(context.obj.home) as (database, recorded):
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
    with _changing(context.obj.home) as (database, recorded):
        unlock(database, name)
        recorded("account unlocked", account=name)
    say(f"{name} may try again.")


@tokens.command("add")
def add_service_token(
    context: typer.Context,
    name: TokenName,
    scope: Annotated[
        list[str],
        typer.Option("--scope", metavar="SCOPE",
                     help=f"What it opens ({', '.join(SCOPES)}); may be repeated."),
    ],
    days: Annotated[
        int, typer.Option(metavar="N", help="For how many days from today it opens.",
                          min=1, max=366)
    ],
    matter: Matter = None,
) -> None:  # fmt: skip
    """Make a token for a program, and print it this once.

    The program sends it with each request (Authorization: Bearer TOKEN).

    Example: firstcall token add ehr --scope fhir --scope cds --days 90
    """
    from serving.access.accounts import checked_name
    from serving.access.service_tokens import add_token

    name = checked_name(name, "a service token")
    now = datetime.now(UTC)
    until = now.date() + timedelta(days=days)
    with _changing(context.obj.home) as (database, recorded):
        token = add_token(database, name, scope, until, matters=matter or (), now=now)
        recorded("token added", token=name, scopes=sorted(scope))
    say(f"The token of {name}, valid through {until} (UTC), is shown this once:", token)


@tokens.command("list")
def list_service_tokens(context: typer.Context) -> None:
    """Print all tokens that were made for programs, but not what they are.

    Example: firstcall token list
    """
    from serving.access.service_tokens import service_tokens

    with _database(context.obj.home) as database:
        found = service_tokens(database)
    if not found:
        say("No program has a token: firstcall token add NAME --scope SCOPE --days N makes one.")
        return
    today = datetime.now(UTC).date()
    table(
        "Service tokens",
        ("name", "scopes", "sensitive matters", "made", "through", "last used", "state"),
        [
            (
                one.name, ", ".join(sorted(one.scopes)), ", ".join(sorted(one.matters)),
                one.created_at.date(), one.expires_on, one.last_used_on,
                "revoked" if one.revoked_at else "" if one.opens(today) else "has run out",
            )
            for one in found
        ],
    )  # fmt: skip


@tokens.command("revoke")
def revoke_service_token(context: typer.Context, name: TokenName) -> None:
    """Let no program in by a token any more, from the next request on.

    Example: firstcall token revoke ehr
    """
    from serving.access.accounts import checked_name
    from serving.access.service_tokens import revoke_token

    name = checked_name(name, "a service token")
    with _changing(context.obj.home) as (database, recorded):
        revoke_token(database, name)
        recorded("token revoked", token=name)
    say(f"The token of {name} opens nothing any more.")


def ways_in(home: Home, by_open_id: bool) -> list[str]:
    """What whoever starts the service is told about coming in; `by_open_id`: whether people sign in
    elsewhere."""
    from serving.access.accounts import NOBODY_YET, has_anybody
    from serving.access.demo_access import FILE

    with _database(home) as database:
        somebody = by_open_id or has_anybody(database)
    if (home.root / FILE).exists():
        return [f"The demo's account and token stand in {shown(home.root / FILE)}."]
    return [] if somebody else [NOBODY_YET]


@contextmanager
def _database(home: Home) -> Iterator[Database]:
    from serving.store.database import Database, database_url

    database = Database.open(database_url(home))
    try:
        yield database
    finally:
        database.close()


@contextmanager
def _changing(home: Home) -> Iterator[tuple[Database, Callable[..., None]]]:
    """The database, and what keeps in the record what is done to an account or a token, as
    `Audit.with_changes` gives them."""
    from serving.store.audit import Audit, AuditKey, by_command

    with (
        _database(home) as database,
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
