"""A password that is typed on a terminal, a real one."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import textwrap
from pathlib import Path

from data.home import Home
from serving.access.passwords import PasswordHashing
from serving.access.sign_in import SignInSettings, sign_in
from serving.store.database import Database, database_url

ROOT = Path(__file__).resolve().parents[3]
PASSWORD = "three plain words"
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


def test_on_a_terminal_the_password_is_asked_for_twice_and_not_shown(tmp_path, monkeypatch):
    monkeypatch.delenv("FIRSTCALL_DATABASE", raising=False)
    home = Home(tmp_path / "home")
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
    database = Database.open(database_url(home))
    assert sign_in(database, "ann", PASSWORD, PasswordHashing(), SignInSettings()).token
    database.close()
