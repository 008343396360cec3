"""Accounts: the people who sign in with a password. For real use an identity provider takes their
place (`serving.access.open_id`)."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from pydantic import SecretStr

from data.errors import InputError
from serving.access.passwords import PasswordHashing, check_password
from serving.access.roles import ROLES, Principal, Role, chosen_matters
from serving.access.time_zones import NO_ZONE
from serving.access.time_zones import time_zone as time_zone_of
from serving.store import advisory_lock
from serving.store.account_tables import account as _account
from serving.store.account_tables import service_token as _token
from serving.store.account_tables import session as _session
from serving.store.account_tables import sign_in_attempt as _attempt
from serving.store.database import Database

NOBODY_YET = (
    "Nobody may use this service yet: firstcall user add NAME --role admin makes the first account."
)
COLUMNS = tuple(column for column in _account.columns if not column.name.startswith("password_"))
"""What is read of an account, but where a password is checked."""
_CHANGED = ("role", "manager", "matters", "time_zone")
_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
_MOST_MANAGERS = 2**31 - 1  # what an integer column of PostgreSQL holds


@dataclass(frozen=True)
class Account:
    """One person who signs in. `locked_until` is there after too many wrong passwords; a moment
    that has passed locks nobody."""

    name: str
    display_name: str
    role: Role
    manager: int | None
    matters: frozenset[str]
    disabled: bool
    created_at: datetime
    locked_until: datetime | None = None
    time_zone: str | None = None
    """The zone in which he reads clock times; None: that of the site."""

    @property
    def principal(self) -> Principal:
        return Principal(
            self.name, self.role, self.manager, matters=self.matters, zone=self.time_zone
        )


def login_name(typed: str) -> str | None:
    r"""The name as accounts hold it, in lower case; None where it cannot be one.

    >>> login_name(" Ann.Lee "), login_name("ann lee"), login_name("\N{KELVIN SIGN}im")
    ('ann.lee', None, None)
    """
    name = typed.strip()
    if not name.isascii():  # the lower case of some other letters is an ASCII one
        return None
    return name.lower() if _NAME.fullmatch(name.lower()) else None


def checked_name(typed: str, whose: str) -> str:
    """The login name. Raises InputError where it cannot be one."""
    name = login_name(typed)
    if name is None:
        raise InputError(
            f"{typed!r} cannot be the name of {whose}: take at most 64 of a–z, 0–9 and . _ @ -, "
            "a letter or digit first."
        )
    return name


def take_name(connection: sa.Connection, name: str) -> None:
    """Takes a name for an account or a service token, within the transaction that makes it: in the
    record, and among idempotency keys, the name alone says who it was.

    Raises InputError where either has it, a token that was revoked included.
    """
    if connection.dialect.name == "postgresql":  # who writes on SQLite is alone
        advisory_lock.taken_until_commit(connection, "name")
    for table, said in (
        (_account, f"There is an account {name!r} already."),
        (_token, f"There is, or was, a service token {name!r}: choose another name."),
    ):
        if connection.scalar(sa.select(table.c.name).where(table.c.name == name)) is not None:
            raise InputError(said)


def add_account(
    database: Database,
    name: str,
    role: Role,
    password: str,
    hashing: PasswordHashing,
    *,
    manager: int | None = None,
    matters: Collection[str] = (),
    display_name: str | None = None,
    time_zone: str | None = None,
) -> Account:
    """Makes an account. Raises InputError where an account has the name, or a service token, or
    where a field does not fit."""
    name = checked_name(name, "an account")
    check_role(role, manager)
    check_password(password, name)
    shown = (display_name or name).strip()
    if not shown.isprintable() or len(shown) > 200:
        raise InputError("--name: take at most 200 characters that can be printed.")
    made = Account(
        name, shown or name, role, manager, chosen_matters(matters), False, datetime.now(UTC),
        time_zone=check_zone(time_zone),
    )  # fmt: skip
    row = _row(made) | _password(hashing.hashed(password))
    with database.writing() as connection:
        take_name(connection, name)
        connection.execute(sa.insert(_account).values(row))
        connection.execute(sa.insert(_attempt).values(name=name, begun=0, forgiven=0))
    return made


def check_role(role: str, manager: int | None) -> None:
    """Raises InputError where somebody who signs in cannot have this role, or not this panel."""
    if role not in ROLES or role == "service":
        people = ", ".join(one for one in ROLES if one != "service")
        raise InputError(
            f"{role!r} is not a role of an account; there are: {people} (programs come in by "
            "firstcall token add)."
        )
    if (role == "case_manager") != (manager is not None):
        raise InputError(
            "--manager: a case manager needs the number of his panel, and nobody else has one."
        )
    if manager is not None and not 1 <= manager <= _MOST_MANAGERS:
        raise InputError("--manager: panels are numbered from 1.")


def check_zone(typed: str | None) -> str | None:
    """The time zone that is typed; None, the site's, where nothing is. Raises InputError where
    there is none of the name."""
    if not (typed or "").strip():
        return None
    zone = time_zone_of(typed)
    if zone is None:
        raise InputError(f"--time-zone: {typed!r} {NO_ZONE}.")
    return zone


def choose_zone(connection: sa.Connection, name: str, zone: str | None) -> None:
    """Gives an account the time zone of this name, None: that of the site, within a writing
    transaction; its sessions go on. Raises InputError where there is no such account."""
    chosen = sa.update(_account).where(_account.c.name == name).values(time_zone=zone)
    if connection.execute(chosen).rowcount != 1:
        raise _no_such(name)


def must_exist(connection: sa.Connection, name: str) -> None:
    """Raises InputError where there is no account of this name; it stays as it is until the
    transaction ends, so that nobody is let in by it meanwhile."""
    found = sa.select(_account.c.name).where(_account.c.name == name).with_for_update()
    if connection.scalar(found) is None:
        raise _no_such(name)


def accounts(database: Database) -> list[Account]:
    """Every account, by name."""
    query = sa.select(*COLUMNS, _attempt.c.locked_until).join(
        _attempt, _attempt.c.name == _account.c.name
    )
    with database.reading() as connection:
        return [as_account(row) for row in connection.execute(query.order_by(_account.c.name))]


def has_anybody(database: Database) -> bool:
    """Whether there is an account that is not disabled; where not, say NOBODY_YET."""
    query = sa.select(_account.c.name).where(~_account.c.disabled).limit(1)
    with database.reading() as connection:
        return connection.scalar(query) is not None


def disable(database: Database, name: str) -> None:
    """Lets nobody in by this account any more, those who are signed in included, until `enable`.
    Raises InputError where there is no such account, as all that follow."""
    with database.writing() as connection:
        _change(connection, name, disabled=True)


def enable(database: Database, name: str) -> None:
    """Takes `disable` back; whoever was signed in before signs in anew."""
    with database.writing() as connection:
        _change(connection, name, disabled=False)


def change_account(
    database: Database,
    name: str,
    *,
    role: Role | None = None,
    manager: int | None = None,
    matters: Collection[str] | None = None,
    time_zone: str | None = None,
) -> Account:
    """Gives an account another role, panel or time zone ("": the site's), or other sensitive
    matters in place of all that it had, and ends its sessions; what is None stays. Gives the
    account as it is then.

    Who becomes something else than a case manager loses his panel. Raises InputError where nothing
    is to be changed, a field does not fit, or there is no such account.
    """
    if role is None and manager is None and matters is None and time_zone is None:
        raise InputError(
            "Say what is to be changed: --role, --manager, --matter, --no-matters or --time-zone."
        )
    name = checked_name(name, "an account")
    chosen = None if matters is None else chosen_matters(matters)
    zone = check_zone(time_zone)
    query = sa.select(*COLUMNS).where(_account.c.name == name).with_for_update()
    with database.writing() as connection:
        row = connection.execute(query).one_or_none()
        if row is None:
            raise _no_such(name)
        before = as_account(row)
        after = role or before.role
        panel = before.manager if manager is None and after == "case_manager" else manager
        check_role(after, panel)
        changed = replace(
            before, role=after, manager=panel, matters=before.matters if chosen is None else chosen,
            time_zone=before.time_zone if time_zone is None else zone,
        )  # fmt: skip
        held = _row(changed)
        _change(connection, name, **{part: held[part] for part in _CHANGED})
    return changed


def set_password(database: Database, name: str, password: str, hashing: PasswordHashing) -> None:
    """Gives an account another password, unlocks it, and ends its sessions."""
    check_password(password, checked_name(name, "an account"))
    hashed = hashing.hashed(password)
    with database.writing() as connection:
        _change(connection, name, **_password(hashed))
        _forgive_all(connection, name)


def unlock(database: Database, name: str) -> None:
    """Forgives the wrong passwords of an account, so that it need not wait."""
    with database.writing() as connection:
        _forgive_all(connection, name)


def _change(connection: sa.Connection, name: str, **values: Any) -> None:
    """Changes an account and ends its sessions. Who signs in meanwhile holds the account's row or
    reads it afterwards, so no session from before outlives this."""
    name = checked_name(name, "an account")
    found = connection.execute(sa.update(_account).where(_account.c.name == name).values(values))
    if found.rowcount != 1:
        raise _no_such(name)
    connection.execute(sa.delete(_session).where(_session.c.name == name))


def _forgive_all(connection: sa.Connection, name: str) -> None:
    name = checked_name(name, "an account")
    found = connection.execute(
        sa.update(_attempt)
        .where(_attempt.c.name == name)
        .values(forgiven=_attempt.c.begun, locked_until=None)
    )
    if found.rowcount != 1:
        raise _no_such(name)


def _no_such(name: str) -> InputError:
    return InputError(f"There is no account {name!r}; firstcall user list tells which there are.")


def _password(hashed: str) -> dict[str, Any]:
    return {"password_hash": SecretStr(hashed), "password_set_at": datetime.now(UTC)}


def _row(one: Account) -> dict[str, Any]:
    row = dict(vars(one)) | {"matters": json.dumps(sorted(one.matters))}
    del row["locked_until"]
    return row


def as_account(row: sa.Row[Any]) -> Account:
    """The account of a row that has COLUMNS, and may have `locked_until`."""
    held = row._mapping
    return Account(
        held["name"], held["display_name"], held["role"], held["manager"],
        frozenset(json.loads(held["matters"])), held["disabled"], held["created_at"],
        held.get("locked_until"), held["time_zone"],
    )  # fmt: skip
