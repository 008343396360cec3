"""Many who guess at once, in processes of their own: no attempt is forgotten."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import sqlalchemy as sa

from serving.access.accounts import add_account
from serving.access.sign_in import SignInSettings, sign_in
from serving.store.account_tables import sign_in_attempt

ROOT = Path(__file__).resolve().parents[3]
RIGHT = "three plain words"

# Guesses, and prints how many hashes of the account itself it was allowed to try.
GUESSER = textwrap.dedent("""
    import sys
    from concurrent.futures import ThreadPoolExecutor
    from argon2 import PasswordHasher
    from serving.access.passwords import PasswordHashing
    from serving.access.roles import NotSignedInError
    from serving.access.sign_in import SignInSettings, sign_in
    from serving.store.database import Database

    url, password, times, wrong_in_a_row = sys.argv[1:]
    tried = []

    class Counting(PasswordHashing):
        def matches(self, kept, password):
            tried.append(kept is not None)
            return super().matches(kept, password)

    hashing = Counting(PasswordHasher(1, 8, 1), at_once=4, waiting=1000)
    settings = SignInSettings(wrong_in_a_row=int(wrong_in_a_row))
    database = Database.open(url)

    def guess(_):
        try:
            sign_in(database, "ann", password, hashing, settings)
        except NotSignedInError:
            return 0
        return 1

    print("ready", flush=True)
    sys.stdin.readline()
    with ThreadPoolExecutor(4) as pool:
        let_in = sum(pool.map(guess, range(int(times))))
    print(sum(tried), let_in)
    database.close()
""")


def at_once(url, *guessers):
    """Starts processes, lets them guess together, and returns what each printed."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", GUESSER, url, *map(str, arguments)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for arguments in guessers
    ]  # fmt: skip
    for one in started:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    for one in started:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    told = [tuple(map(int, one.communicate()[0].split())) for one in started]
    assert [one.returncode for one in started] == [0] * len(started)
    return told


def attempts(database):
    with database.reading() as connection:
        row = connection.execute(
            sa.select(sign_in_attempt).where(sign_in_attempt.c.name == "ann")
        ).one()
    return row.begun, row.forgiven


@pytest.fixture
def place(database, hashing):
    """The address of a database with one account."""
    add_account(database, "ann", "supervisor", RIGHT, hashing)
    return database._engine.url.render_as_string(hide_password=False).replace("+psycopg", "")


def test_two_workers_together_try_five_passwords_and_no_sixth(database, hashing, place):
    told = at_once(place, ("a wrong password", 40, 5), ("another wrong one", 40, 5))
    assert sum(tried for tried, _ in told) == 5
    assert attempts(database) == (5, 0)
    settings = SignInSettings()
    with pytest.raises(Exception, match="too many wrong ones"):
        sign_in(database, "ann", RIGHT, hashing, settings)


def test_no_attempt_of_two_workers_is_forgotten(database, place):
    told = at_once(place, ("a wrong password", 40, 1000), (RIGHT, 40, 1000))
    assert told == [(40, 0), (40, 40)]
    begun, forgiven = attempts(database)
    assert begun == 80
    assert 40 <= forgiven <= 80
