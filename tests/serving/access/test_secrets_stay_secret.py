"""No password, token or hash in a log, an exception's text, a representation or the database."""

from __future__ import annotations

import logging
import traceback
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher
from pydantic import SecretStr

from data.errors import FirstcallError
from serving.access.accounts import accounts, add_account, set_password
from serving.access.bearer import WayIn
from serving.access.open_id import OpenId, OpenIdSettings
from serving.access.passwords import PasswordHashing
from serving.access.service_tokens import add_token, revoke_token, service_tokens
from serving.access.sign_in import SignInSettings, sign_in
from serving.store import account_tables
from tests.serving.access.identity_provider import AUDIENCE, Provider, published

PASSWORDS = {
    "right": "planted-right-password-1",
    "wrong": "planted-wrong-password-2",
    "newer": "planted-newer-password-3",
    "short": "planted-4",
    "long": "planted-long-password-5" * 50,
    "no text": "planted-no-text-password-6\ud800",
}


class Told:
    """Everything that went wrong, as a log would print it."""

    def __init__(self):
        self.text = ""

    def of(self, call, *arguments, **named):
        try:
            return call(*arguments, **named)
        except FirstcallError as error:
            self.text += "".join(traceback.format_exception(error)) + repr(error)


@pytest.fixture
def told():
    return Told()


def rows(database):
    """Every value of the tables of the way in."""
    with database.reading() as connection:
        return [
            str(value.get_secret_value() if isinstance(value, SecretStr) else value)
            for name in ("account", "sign_in_attempt", "session", "service_token")
            for row in connection.execute(sa.select(account_tables.metadata.tables[name]))
            for value in row
        ]


def test_nothing_secret_is_told_or_kept(database, caplog, told, capfd):
    caplog.set_level(logging.DEBUG)
    for name in ("sqlalchemy.engine", "sqlalchemy.pool", "jwt", "argon2"):
        caplog.set_level(logging.DEBUG, name)
    hashing = PasswordHashing(PasswordHasher(1, 8, 1))
    settings = SignInSettings()
    now = datetime.now(UTC)
    provider = Provider([published("one")])
    open_id = OpenId(
        OpenIdSettings(issuer=provider.issuer, audience=AUDIENCE, roles={"fc-admin": "admin"})
    )
    way_in = WayIn(database, open_id=open_id)
    secrets = set(PASSWORDS.values())

    made = [told.of(add_account, database, "ann", "admin", PASSWORDS["right"], hashing)]
    for kind in ("right", "short", "long", "no text"):  # taken already; and what may be none
        told.of(add_account, database, "ann", "admin", PASSWORDS[kind], hashing)
        told.of(set_password, database, "eve", PASSWORDS[kind], hashing)
    opened = sign_in(database, "ann", PASSWORDS["right"], hashing, settings)
    for password in PASSWORDS.values():
        for name in ("ann", "eve", password):
            told.of(sign_in, database, name, password, PasswordHashing(PasswordHasher(2, 16, 1)),
                    settings)  # fmt: skip
    service = add_token(database, "ehr", ["score"], now.date() + timedelta(days=9))
    told.of(add_token, database, "ehr", ["score"], now.date() + timedelta(days=9))
    foreign = [
        provider.token(), provider.token(roles=["fc-admin"]), provider.token(number=1),
        provider.token("two"), provider.token(exp=1), provider.token(aud="planted-audience"),
        provider.token(iss="https://planted.example"), provider.token(algorithm="RS512"),
        provider.token(sub="planted\nsubject"), "planted.not.token", "a.b.c",
    ]  # fmt: skip
    shown = [opened.token, service, opened.token + "x", "fct_" + opened.token, *foreign]
    for token in shown:
        made.append(told.of(way_in.principal_of, f"Bearer {token}"))
        told.of(way_in.principal_of, f"Basic {token}")
    provider.stop()
    for token in foreign:
        told.of(OpenId(open_id.settings).principal, token)
    set_password(database, "ann", PASSWORDS["newer"], hashing)
    revoke_token(database, "ehr")
    for token in shown:
        told.of(way_in.principal_of, f"Bearer {token}")
    made.append(accounts(database))
    made.append(service_tokens(database))
    log = caplog.text + "".join(capfd.readouterr())  # what follows reads what nothing else reads

    secrets.update(shown)
    secrets.update(part for token in foreign for part in token.split(".") if len(part) > 20)
    secrets.add("planted")
    kept = [value for value in rows(database) if value.startswith("$argon2") or len(value) == 64]
    secrets.update(kept)
    assert len(kept) == 2  # the hash of a password and of a service token: the session is over

    said = told.text + log + repr(made) + repr(opened)
    assert "Row ('ann'" in log  # the database's log prints whole rows
    assert "SecretStr('**********')" in log
    assert told.text.count("NotSignedInError") > 30
    assert [secret for secret in secrets if secret in said] == []
    everything = "\n".join(rows(database))
    assert [secret for secret in secrets.difference(kept) if secret in everything] == []
