"""A way into the demo: accounts of its invented team and one token, made up, on invented people."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from data.home import Home
from serving.access.accounts import accounts, add_account
from serving.access.passwords import PasswordHashing, generated_password
from serving.access.roles import SCOPES, Role
from serving.access.service_tokens import add_token
from serving.store.audit import Audit, AuditKey, by_command
from serving.store.database import Database, database_url

FILE = "demo-access.txt"
_PROGRAM = "demo-program"
_DAYS = 365
_PANELS = 4


class DemoAccount(NamedTuple):
    """One account of the demo, and what it is for."""

    name: str
    role: Role
    what_for: str
    manager: int | None = None


def nurse_of(manager: int) -> str:
    """The name of the case manager who calls a panel of the demo."""
    return "nurse" if manager == 1 else f"nurse-{manager}"


ACCOUNTS = (
    DemoAccount("nurse", "case_manager", "calls the patients of panel 1", 1),
    DemoAccount("demo", "supervisor", "sees all panels and the team"),
    DemoAccount("admin", "admin", "sees the runs and the model, and no patient"),
)
"""Those whose passwords are told."""
_COLLEAGUES = tuple(
    DemoAccount(nurse_of(panel), "case_manager", f"calls the patients of panel {panel}", panel)
    for panel in range(2, _PANELS + 1)
)
"""Whose passwords nobody is told: they are there so that each panel is somebody's."""


def demo_access(home: Home) -> Path | None:
    """Makes the accounts of the demo and the token "demo-program" of every scope, and writes them
    into a file of the home for its owner alone, the passwords of ACCOUNTS with them; None where
    there is an account of such a name already."""
    database = Database.open(database_url(home))
    try:
        made = (*ACCOUNTS, *_COLLEAGUES)
        if {one.name for one in accounts(database)} & {one.name for one in made}:
            return None
        passwords, token = _made(home, database, made)
    finally:
        database.close()
    told = [f"name      {one.name}  ({one.what_for})\npassword  {passwords[one.name]}\n"
            for one in ACCOUNTS]  # fmt: skip
    told.append(f"program   {_PROGRAM}\ntoken     {token}\n")
    file = home.root / FILE
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as written:
        written.write("\n".join(told))
    return file


def _made(
    home: Home, database: Database, wanted: Sequence[DemoAccount]
) -> tuple[dict[str, str], str]:
    """The passwords by account, and the token."""
    passwords = {one.name: generated_password() for one in wanted}
    until = datetime.now(UTC).date() + timedelta(days=_DAYS)
    hashing = PasswordHashing()
    with Audit(database, AuditKey.of_home(home)).with_changes() as (within, append):
        for one in wanted:
            password = passwords[one.name]
            add_account(within, one.name, one.role, password, hashing, manager=one.manager)
            append(by_command("account added", account=one.name, role=one.role))
        token = add_token(within, _PROGRAM, tuple(SCOPES), until)
        append(by_command("token added", token=_PROGRAM, scopes=sorted(SCOPES)))
    return passwords, token
