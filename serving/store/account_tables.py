"""The tables of the way in: accounts, attempts to sign in, sessions, service tokens.

No password and no token lies in them: of a password its argon2id hash, of a token its SHA-256.
"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from pydantic import SecretStr

from serving.store.metadata import metadata


class Instant(sa.TypeDecorator[datetime]):
    """A moment in UTC, aware on both databases: SQLite keeps no zone, PostgreSQL gives its own."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Hidden(sa.TypeDecorator[SecretStr]):
    """A text that is not shown where a row is printed: SQLAlchemy's log prints whole rows when it
    is told to debug."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: SecretStr | None, dialect: sa.Dialect) -> str | None:
        return None if value is None else value.get_secret_value()

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> SecretStr | None:
        return None if value is None else SecretStr(value)


account = sa.Table(
    "account",  # one row a person who signs in with a password
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),  # what is typed, in lower case
    sa.Column("display_name", sa.Text, nullable=False),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("manager", sa.Integer),  # whose panel: of a case manager, and of nobody else
    sa.Column("matters", sa.Text, nullable=False),  # names in order, as JSON
    sa.Column("time_zone", sa.String(64)),  # a name of the IANA list; none: that of the site
    sa.Column("disabled", sa.Boolean, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("password_hash", Hidden, nullable=False),
    sa.Column("password_set_at", Instant, nullable=False),
    sa.CheckConstraint(
        "role IN ('case_manager', 'supervisor', 'analyst', 'admin')", name="role_of_a_person"
    ),
    sa.CheckConstraint(
        "(role = 'case_manager') = (manager IS NOT NULL)", name="panel_of_a_case_manager"
    ),
)
sign_in_attempt = sa.Table(
    # One row an account, and one named "" for names that are no account's. Wrong passwords in a row
    # are `begun` − `forgiven`; a row of its own, so that counting never waits for an account.
    "sign_in_attempt",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("begun", sa.BigInteger, nullable=False),  # attempts to sign in, of all time
    sa.Column("forgiven", sa.BigInteger, nullable=False),  # the last of them that does not count
    sa.Column("locked_until", Instant),
)
session = sa.Table(
    "session",  # one row somebody who is signed in; signing out removes it
    metadata,
    sa.Column("token_sha256", sa.String(64), primary_key=True),
    sa.Column(
        "name", sa.String(64), sa.ForeignKey("account.name", ondelete="CASCADE"),
        nullable=False, index=True,
    ),
    sa.Column("created_at", Instant, nullable=False, index=True),
    sa.Column("last_used_at", Instant, nullable=False),
)  # fmt: skip
provider_session = sa.Table(
    # One row a user of the identity provider who is signed in, with what his ID token gave him.
    "provider_session",
    metadata,
    sa.Column("token_sha256", sa.String(64), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),  # "issuer subject", as in the record
    sa.Column("called", sa.Text),  # what he reads of himself
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("manager", sa.Integer),
    sa.Column("matters", sa.Text, nullable=False),  # names in order, as JSON
    sa.Column("time_zone", sa.String(64)),
    sa.Column("created_at", Instant, nullable=False, index=True),
    sa.Column("last_used_at", Instant, nullable=False),
    sa.CheckConstraint(
        "role IN ('case_manager', 'supervisor', 'analyst', 'admin')", name="role_of_a_person"
    ),
    sa.CheckConstraint(
        "(role = 'case_manager') = (manager IS NOT NULL)", name="panel_of_a_case_manager"
    ),
)
service_token = sa.Table(
    "service_token",  # one row a program's way in; a revoked one stays, and keeps its name
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("token_sha256", sa.String(64), nullable=False, unique=True),
    sa.Column("scopes", sa.Text, nullable=False),  # names in order, as JSON
    sa.Column("matters", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("expires_on", sa.Date, nullable=False),  # the last day (UTC) on which it opens
    sa.Column("last_used_on", sa.Date),
    sa.Column("revoked_at", Instant),
)
