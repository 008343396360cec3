"""`firstcall user` and `firstcall token`, as they are typed."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from data.errors import InputError
from data.home import Home
from serving.access.accounts import accounts
from serving.access.bearer import WayIn
from serving.access.command_line import tokens, users
from serving.access.passwords import PasswordHashing
from serving.access.roles import NotSignedInError
from serving.access.service_tokens import service_tokens
from serving.access.sign_in import SignInSettings, sign_in
from serving.store.database import Database, database_url

ROOT = Path(__file__).resolve().parents[3]
PASSWORD = "three plain words"


@dataclass(frozen=True)
class Chosen:
    """What the front door hands on, as far as these commands ask for it."""

    home: Home


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.delenv("FIRSTCALL_DATABASE", raising=False)
    return Home(tmp_path / "home")


@pytest.fixture
def database(home):
    opened = Database.open(database_url(home))
    yield opened
    opened.close()


@pytest.fixture
def typed(home):
    """Runs a command line; gives what it printed. Standard input is no terminal."""
    app = typer.Typer(pretty_exceptions_enable=False)
    app.add_typer(users, name="user")
    app.add_typer(tokens, name="token")

    def run(*words, standard_input=""):
        done = CliRunner().invoke(app, words, standard_input, obj=Chosen(home))
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.output

    return run


def lets_in(database, name, password):
    try:
        sign_in(database, name, password, PasswordHashing(), SignInSettings())
    except NotSignedInError:
        return False
    return True


def test_an_account_s_life(typed, database):
    assert typed("user", "list").startswith("Nobody may use this service yet: firstcall user add")
    said = typed(
        "user", "add", "Ann", "--role", "case_manager", "--manager", "3", "--matter", "HIV",
        "--matter", "mental health", "--name", "Ann Lee", standard_input=PASSWORD + "\n",
    )  # fmt: skip
    assert said == "ann may sign in as case_manager.\n"
    [ann] = accounts(database)
    assert (ann.name, ann.display_name, ann.manager) == ("ann", "Ann Lee", 3)
    assert ann.matters == {"HIV", "mental health"}
    assert lets_in(database, "ann", PASSWORD)
    typed("user", "disable", "ann")
    assert not lets_in(database, "ann", PASSWORD)
    assert "disabled" in typed("user", "list")
    typed("user", "enable", "ann")
    typed("user", "password", "ann", standard_input="four more plain words")  # no end of line
    assert not lets_in(database, "ann", PASSWORD)
    assert lets_in(database, "ann", "four more plain words")
    for _ in range(5):
        assert not lets_in(database, "ann", PASSWORD)
    assert re.search(r"locked until \d\d:\d\d UTC", typed("user", "list"))
    typed("user", "unlock", "ann")
    assert lets_in(database, "ann", "four more plain words")


def test_a_generated_password_is_printed_once_and_opens(typed, database):
    first = typed("user", "add", "bob", "--role", "admin", "--generate").splitlines()[-1]
    assert lets_in(database, "bob", first)
    second = typed("user", "password", "bob", "--generate").splitlines()[-1]
    assert second != first
    assert lets_in(database, "bob", second)
    assert second not in typed("user", "list")


@pytest.mark.parametrize(
    ("words", "sent", "said"),
    [
        (["user", "add", "ann", "--role", "admin"], "", "Standard input holds no password"),
        (["user", "add", "ann", "--role", "admin"], "\n" + PASSWORD, "holds no password"),
        (["user", "add", "ann", "--role", "admin"], "short\n", "too short"),
        (["user", "add", "ann", "--role", "admin"], "x" * 9999, "too long"),
        (["user", "add", "ann", "--role", "case_manager"], "", "--manager: a case manager needs"),
        (["user", "add", "a nn", "--role", "admin"], "", "cannot be the name of an account"),
        (["user", "unlock", "eve"], "", "no account 'eve'"),
        (["token", "revoke", "ehr"], "", "no service token 'ehr'"),
        (["token", "add", "ehr", "--scope", "all", "--days", "9"], "", "'all' is not a scope"),
    ],
)
def test_what_does_not_fit_is_told_in_one_sentence(typed, words, sent, said):
    with pytest.raises(InputError, match=said):
        typed(*words, standard_input=sent)


@pytest.mark.parametrize(
    "words",
    [
        ["user", "add", "ann"],
        ["user", "add", "ann", "--role", "service"],
        ["token", "add", "ehr", "--days", "9"],
        ["token", "add", "ehr", "--scope", "score"],
        ["token", "add", "ehr", "--scope", "score", "--days", "367"],
    ],
)
def test_what_is_missing_or_out_of_range_is_refused_before_anything_is_made(typed, home, words):
    assert "Usage" in typed(*words)
    assert not home.root.exists()


def test_a_token_s_life(typed, database):
    assert "firstcall token add" in typed("token", "list")
    said = typed(
        "token", "add", "ehr", "--scope", "fhir", "--scope", "cds", "--days", "90",
        "--matter", "HIV",
    )  # fmt: skip
    token = said.splitlines()[-1]
    way_in = WayIn(database)
    assert way_in.principal_of(f"Bearer {token}").scopes == {"fhir", "cds"}
    [held] = service_tokens(database)
    assert held.expires_on - datetime.now(UTC).date() in (timedelta(90), timedelta(89))
    listed = typed("token", "list")
    assert "cds, fhir" in listed
    assert token not in listed
    typed("token", "revoke", "ehr")
    with pytest.raises(NotSignedInError):
        way_in.principal_of(f"Bearer {token}")
    assert "revoked" in typed("token", "list")


ON_A_TERMINAL = textwrap.dedent("""
    import sys
    from dataclasses import dataclass
    from pathlib import Path
    import typer
    from data.home import Home
    from serving.access.command_line import users

    @dataclass
    class Chosen:
        home: Home

    app = typer.Typer()
    app.add_typer(users, name="user")
    app(["user", "add", "ann", "--role", "admin"], obj=Chosen(Home(Path(sys.argv[1]))))
""")


def test_on_a_terminal_the_password_is_asked_for_twice_and_not_shown(home, database):
    mine, its = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", ON_A_TERMINAL, str(home.root)],
        cwd=ROOT, stdin=its, stdout=its, stderr=its, start_new_session=True,
    )  # fmt: skip
    os.close(its)
    shown = b""

    def until(words, times=1):
        nonlocal shown
        while shown.count(words) < times:
            shown += os.read(mine, 1024)

    until(b"Password: ")
    os.write(mine, PASSWORD.encode() + b"\n")
    until(b"again: ")
    os.write(mine, b"something else\n")
    until(b"do not match")
    until(b"Password: ", times=2)
    os.write(mine, PASSWORD.encode() + b"\n")
    until(b"again: ", times=2)
    os.write(mine, PASSWORD.encode() + b"\n")
    until(b"ann may sign in as admin.")
    assert process.wait() == 0
    os.close(mine)
    assert PASSWORD.encode() not in shown
    assert lets_in(database, "ann", PASSWORD)
