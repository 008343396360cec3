"""The tokens of EHRs that were used, so that none is used twice, whichever worker it reaches."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from serving.store.database import Database
from serving.store.record_tables import seen_token as _seen

_SWEPT_EVERY = timedelta(minutes=1)


class SeenTokensInDatabase:
    """`serving.ehr.cds_tokens.SeenTokens` for several workers on one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sweep_at = datetime.now(UTC)

    def add(self, issuer: str, jti: str, until: datetime) -> bool:
        """Notes a token that ends at `until`; False where it was there before."""
        now = datetime.now(UTC)
        try:
            with self._database.writing() as connection:
                if now >= self._sweep_at:
                    connection.execute(sa.delete(_seen).where(_seen.c.until < now))
                    self._sweep_at = now + _SWEPT_EVERY
                connection.execute(
                    sa.insert(_seen).values(issuer=issuer, token_id=jti, until=until)
                )
        except IntegrityError:
            return False
        return True
