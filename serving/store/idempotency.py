"""Requests that may be sent twice: what a key was answered is kept, and answered again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError as ConflictError

from data.errors import RefusalError
from serving.store.record_tables import keyed_answer as _kept

__all__ = ["KEPT_FOR", "ConflictError", "KeyedRequest", "OtherRequestError", "answered", "keep"]

KEPT_FOR = timedelta(days=7)


@dataclass(frozen=True)
class KeyedRequest:
    """A request with an Idempotency-Key: who sent it, the key, and the sha256 of what was asked."""

    who: str
    key: str
    asked: str

    @classmethod
    def of(cls, who: str, key: str, route: str, body: bytes) -> KeyedRequest:
        digest = hashlib.sha256(route.encode("utf-8", "surrogatepass") + b"\0" + body)
        return cls(who, key, digest.hexdigest())


class OtherRequestError(RefusalError):
    """A key that was used before for something else."""


def answered(connection: sa.Connection, request: KeyedRequest) -> tuple[int, str] | None:
    """Status and body that the same request was answered with, None where it is new.

    Raises OtherRequestError where the key was used for another request.
    """
    row = connection.execute(
        sa.select(_kept).where(_kept.c.who == request.who, _kept.c.key == request.key)
    ).one_or_none()
    if row is None:
        return None
    if row.asked != request.asked:
        raise OtherRequestError(
            "Idempotency-Key: was used before for another request; give each its own."
        )
    return row.status, row.answer


def keep(connection: sa.Connection, request: KeyedRequest, status: int, answer: str) -> None:
    """Keeps an answer within the transaction of what was asked, and drops those that are older
    than KEPT_FOR. Raises ConflictError where the same key was kept meanwhile: the
    transaction ends, and whoever asks again is answered what is kept."""
    now = datetime.now(UTC)
    connection.execute(sa.delete(_kept).where(_kept.c.at < now - KEPT_FOR))
    connection.execute(
        sa.insert(_kept).values(
            who=request.who, key=request.key, asked=request.asked, status=status, answer=answer,
            at=now,
        )
    )  # fmt: skip
