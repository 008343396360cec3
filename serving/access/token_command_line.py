"""The commands about programs that may come in; the front door hangs them up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from data.terminal import say, table
from serving.access.command_line import Matter, changing, opened
from serving.access.roles import SCOPES

tokens = typer.Typer(
    no_args_is_help=True,
    help="""Look after the tokens by which programs come in.

    Example: firstcall token add ehr --scope fhir --scope cds --days 90
    """,
)

TokenName = Annotated[str, typer.Argument(metavar="NAME", help="Which program it is for.")]


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
    with changing(context.obj.home) as (database, recorded):
        token = add_token(database, name, scope, until, matters=matter or (), now=now)
        recorded("token added", token=name, scopes=sorted(scope))
    say(f"The token of {name}, valid through {until} (UTC), is shown this once:", token)


@tokens.command("list")
def list_service_tokens(context: typer.Context) -> None:
    """Print all tokens that were made for programs, but not what they are.

    Example: firstcall token list
    """
    from serving.access.service_tokens import service_tokens

    with opened(context.obj.home) as database:
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
    with changing(context.obj.home) as (database, recorded):
        revoke_token(database, name)
        recorded("token revoked", token=name)
    say(f"The token of {name} opens nothing any more.")
