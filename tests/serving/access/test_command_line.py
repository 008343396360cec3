"""`firstcall user` and `firstcall token`, as they are typed."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
import typer
from typer.testing import CliRunner

from data.errors import InputError
from data.home import Home
from serving.access.accounts import accounts
from serving.access.bearer import WayIn
from serving.access.command_line import users, ways_in
from serving.access.demo_access import demo_access
from serving.access.passwords import PasswordHashing
from serving.access.roles import NotSignedInError, Principal
from serving.access.service_tokens import service_tokens
from serving.access.sessions import SessionSettings, begin_provider_session
from serving.access.sign_in import SignInSettings, sign_in
from serving.access.token_command_line import tokens
from serving.store.account_tables import provider_session
from serving.store.audit import Audit, AuditKey, OtherKeyError
from serving.store.database import Database, database_url
from serving.store.record_tables import audit
from tests.serving.api.manned import rows

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
    assert typed("user", "list").startswith("There is no account yet: firstcall user add NAME ")
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


def recorded(database, home):
    """What the record holds, and holds whole: what was done, and the details."""
    assert Audit(database, AuditKey.of_home(home)).verify().wrong is None
    query = sa.select(audit.c.what, audit.c.detail).order_by(audit.c.seq)
    with database.reading() as connection:
        return [(row.what, json.loads(row.detail)) for row in connection.execute(query)]


def test_an_account_is_changed_signed_out_and_the_change_is_recorded(typed, database, home):
    typed("user", "add", "ann", "--role", "case_manager", "--manager", "3", "--generate")
    typed("user", "password", "ann", standard_input=PASSWORD)
    way_in = WayIn(database)

    def signed_in():
        token = sign_in(database, "ann", PASSWORD, PasswordHashing(), SignInSettings()).token
        return f"Bearer {token}"

    for words, said, wanted in [
        (["--manager", "4", "--matter", "HIV", "--matter", "violence"],
         "ann is case_manager of panel 4, sees HIV, violence of the sensitive matters, and is "
         "signed out everywhere.\n",
         ("case_manager", 4, {"HIV", "violence"})),
        (["--role", "supervisor"],
         "ann is supervisor, sees HIV, violence of the sensitive matters, and is signed out "
         "everywhere.\n",
         ("supervisor", None, {"HIV", "violence"})),
        (["--no-matters"],
         "ann is supervisor, sees none of the sensitive matters, and is signed out everywhere.\n",
         ("supervisor", None, set())),
    ]:  # fmt: skip
        session = signed_in()
        assert typed("user", "change", " ANN ", *words) == said
        with pytest.raises(NotSignedInError):
            way_in.principal_of(session)
        now = way_in.principal_of(signed_in())
        assert (now.role, now.manager, now.matters) == wanted
        role, manager, matters = wanted
        assert recorded(database, home)[-1] == (
            "account changed",
            {"account": "ann", "role": role, "manager": manager, "matters": sorted(matters),
             "time_zone": None},
        )  # fmt: skip
    for words, said in [
        ([], "Say what is to be changed"),
        (["--no-matters", "--matter", "HIV"], "cannot be said together"),
        (["--manager", "1"], "nobody else has one"),
    ]:
        with pytest.raises(InputError, match=said):
            typed("user", "change", "ann", *words)
    assert len(recorded(database, home)) == 2 + 3


def test_an_account_has_a_time_zone_of_its_own_and_may_have_the_site_s_again(typed, database, home):
    zone = ("--time-zone", "America/Denver")
    typed("user", "add", "ann", "--role", "admin", "--generate", *zone)
    assert [one.time_zone for one in accounts(database)] == ["America/Denver"]
    assert re.search(r"ann .* admin .* America/Denver ", typed("user", "list"))
    for given, kept in (("America/Phoenix", "America/Phoenix"), ("", None)):
        said = typed("user", "change", "ann", "--time-zone", given)
        assert (", reads times of America/Phoenix, and is" in said) == (kept is not None)
        assert [one.time_zone for one in accounts(database)] == [kept]
        assert recorded(database, home)[-1][1]["time_zone"] == kept
    for words in (["change", "ann"], ["add", "bob", "--role", "admin"]):
        with pytest.raises(InputError) as refused:  # before a password is asked for
            typed("user", *words, "--time-zone", "Mars/Olympus")
        assert str(refused.value) == (
            "--time-zone: 'Mars/Olympus' names no time zone of the IANA list, such as "
            "America/Chicago."
        )
    assert [(one.name, one.time_zone) for one in accounts(database)] == [("ann", None)]


ISSUER = "https://id.hospital.example"


def signed_in_by_provider(database, subject):
    who, now = Principal(f"{ISSUER} {subject}", "supervisor"), datetime.now(UTC)
    return f"Bearer {begin_provider_session(database, who, SessionSettings(), now)}"


def test_somebody_is_signed_out_everywhere_and_it_is_recorded(typed, database, home):
    typed("user", "add", "ann", "--role", "admin", "--generate")
    typed("user", "password", "ann", standard_input=PASSWORD)
    ann = sign_in(database, "ann", PASSWORD, PasswordHashing(), SignInSettings()).token
    for subject in ("u-1", "u-1", "u-2", "u-3"):
        signed_in_by_provider(database, subject)
    begun = len(recorded(database, home))
    assert typed("user", "sign-out", "ANN") == "ann is signed out everywhere: 1 session.\n"
    with pytest.raises(NotSignedInError):
        WayIn(database).principal_of(f"Bearer {ann}")
    said = typed("user", "sign-out", f"{ISSUER} u-1")
    assert said == f"{ISSUER} u-1 is signed out everywhere: 2 sessions.\n"
    with pytest.raises(InputError, match="Nobody is signed in as 'https:"):
        typed("user", "sign-out", f"{ISSUER} u-1")
    said = typed("user", "sign-out", "--everybody-of-provider")
    assert said == "Everybody of the identity provider is signed out everywhere: 2 sessions.\n"
    for words in ((), ("ann", "--everybody-of-provider")):
        with pytest.raises(InputError, match="Say who is to be signed out"):
            typed("user", "sign-out", *words)
    assert recorded(database, home)[begun:] == [
        ("signed out", {"account": "ann", "sessions": 1}),
        ("signed out", {"account": f"{ISSUER} u-1", "sessions": 2}),
        ("signed out", {"account": None, "by": "identity provider", "sessions": 2}),
    ]


def test_a_name_is_printed_and_recorded_as_accounts_and_tokens_hold_it(typed, database, home):
    typed("user", "add", "Ann", "--role", "admin", "--generate")
    said = [
        typed("user", "disable", "ANN"),
        typed("user", "enable", "aNN"),
        typed("user", "password", " Ann", "--generate").splitlines()[0],
        typed("user", "unlock", "ANN"),
        typed("token", "add", "EHR", "--scope", "cds", "--days", "9").splitlines()[0],
        typed("token", "revoke", "Ehr"),
    ]
    assert [words.strip().partition(",")[0] for words in said] == [
        "ann is disabled", "ann may sign in again.", "ann has another password",
        "ann may try again.", "The token of ehr", "The token of ehr opens nothing any more.",
    ]  # fmt: skip
    assert [(what, d.get("account") or d["token"]) for what, d in recorded(database, home)] == [
        ("account added", "ann"), ("account disabled", "ann"), ("account enabled", "ann"),
        ("password set", "ann"), ("account unlocked", "ann"),
        ("token added", "ehr"), ("token revoked", "ehr"),
    ]  # fmt: skip


@pytest.mark.parametrize("words", [
    ("user", "add", "bob", "--role", "admin", "--generate"),
    ("user", "change", "ann", "--role", "supervisor"),
    ("user", "disable", "ann"), ("user", "enable", "ann"), ("user", "unlock", "ann"),
    ("user", "password", "ann", "--generate"),
    ("user", "sign-out", "ann"), ("user", "sign-out", "--everybody-of-provider"),
    ("token", "add", "other", "--scope", "score", "--days", "9"), ("token", "revoke", "ehr"),
])  # fmt: skip
def test_what_cannot_be_recorded_is_not_done(typed, home, database, monkeypatch, words):
    """From another machine, whose home has not the key of the record; and where the disk is full
    at the very moment of the entry."""
    typed("user", "add", "ann", "--role", "analyst", "--generate")
    typed("token", "add", "ehr", "--scope", "fhir", "--days", "9")
    signed_in_by_provider(database, "u-1")

    def held():
        return accounts(database), service_tokens(database), rows(database, provider_session)

    before = held()

    def full(*_: object) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(Audit, "append", full)
        with pytest.raises(OSError, match="full"):
            typed(*words)
    assert held() == before
    (home.root / "audit.key").unlink()
    with pytest.raises(OtherKeyError):
        typed(*words)
    assert held() == before


def test_who_has_a_number_and_no_name_is_recorded_by_it(typed, database, monkeypatch):
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr("getpass.getuser", nobody)
    typed("user", "add", "ann", "--role", "analyst", "--generate")
    [kept] = rows(database, audit)
    assert kept["who"] == f"command line of user {os.getuid()}"


@pytest.mark.parametrize("by_open_id", [False, True])
def test_who_starts_the_service_is_told_of_an_account_where_one_is_needed(home, by_open_id):
    assert bool(ways_in(home, by_open_id)) is not by_open_id


def test_the_demo_s_account_and_token_are_told_apart(home, database):
    file = demo_access(home)
    assert file is not None
    assert file.stat().st_mode & 0o077 == 0
    lines = [line.split() for line in file.read_text().splitlines() if line]
    assert [line[0] for line in lines] == [*["name", "password"] * 3, "program", "token"]
    for name, password in zip(lines[0:6:2], lines[1:6:2], strict=True):
        assert lets_in(database, name[1], password[1])
    program = WayIn(database).principal_of(f"Bearer {lines[7][1]}")
    assert (program.name, program.role, lines[6][1]) == ("demo-program", "service", "demo-program")
    assert [(one.name, one.role, one.manager) for one in accounts(database)] == [
        ("admin", "admin", None), ("demo", "supervisor", None),
        ("nurse", "case_manager", 1), ("nurse-2", "case_manager", 2),
        ("nurse-3", "case_manager", 3), ("nurse-4", "case_manager", 4),
    ]  # fmt: skip
    assert demo_access(home) is None, "there are some already"
    recorded = [row["what"] for row in rows(database, audit)]
    assert recorded == ["account added"] * 6 + ["token added"]
    told = "\n".join(ways_in(home, False))
    assert str(file.name) in told
    assert all(f"  {name} " in told for name in ("nurse", "demo", "admin"))
    assert not any(password[1] in told for password in lines[1:6:2])


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
        (["user", "change", "eve", "--role", "admin"], "", "no account 'eve'"),
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
