"""A way into the demo: one account and one token, made up, on invented people."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from data.home import Home
from serving.access.accounts import accounts, add_account
from serving.access.passwords import PasswordHashing, generated_password
from serving.access.roles import SCOPES
from serving.access.service_tokens import add_token
from serving.store.audit import Audit, AuditKey, by_command
from serving.store.database import Database, database_url

FILE = "demo-access.txt"
_NAME = "demo"
_PROGRAM = "demo-program"
_DAYS = 365


def demo_access(home: Home) -> Path | None:
    """Makes the account "demo" (a supervisor) and the token "demo-program" of every scope, and
    writes both into a file of the home for its owner alone; None where there is such an account
    already."""
    database = Database.open(database_url(home))
    try:
        if any(one.name == _NAME for one in accounts(database)):
            return None
        password, token = _made(home, database)
    finally:
        database.close()
    file = home.root / FILE
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as written:
        written.write(
            f"name      {_NAME}\npassword  {password}\n\nprogram   {_PROGRAM}\ntoken     {token}\n"
        )
    return file


def _made(home: Home, database: Database) -> tuple[str, str]:
    password = generated_password()
    until = datetime.now(UTC).date() + timedelta(days=_DAYS)
    with Audit(database, AuditKey.of_home(home)).with_changes() as (within, append):
        add_account(within, _NAME, "supervisor", password, PasswordHashing())
        append(by_command("account added", account=_NAME, role="supervisor"))
        token = add_token(within, _PROGRAM, tuple(SCOPES), until)
        append(by_command("token added", token=_PROGRAM, scopes=sorted(SCOPES)))
    return password, token
