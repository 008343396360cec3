"""Finds the first place of the record, of the actions or of the consents that is not as it was
written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from data.errors import RefusalError
from serving.store.audit_key import BEGINNING, NOT_THIS_KEY, AuditKey
from serving.store.record_tables import action, audit, audit_head, consent
from serving.store.row_digest import Table, row_digest

GONE = (
    "The record that was begun in this database is gone from it. Where the database was made anew "
    "on purpose, remove audit.begun from the home."
)
ACTION = "action"
CONSENT: Mapping[bool, str] = {True: "consent given", False: "consent withdrawn"}
"""What the entries of actions and consents are called."""
_BATCH = 5_000


class OtherKeyError(RefusalError):
    """The record was begun with another key: nothing can be said about its rows."""


@dataclass(frozen=True)
class Verified:
    """What `Audit.verify` found. `wrong` is a sentence about the first thing that does not hold,
    None where everything does; it names places in the record, never a patient. `older` counts the
    actions and consents that an earlier release recorded without a digest: that they were recorded,
    when, by whom and about whom is covered, what else they say is not."""

    rows: int
    head: str
    wrong: str | None
    older: int = 0


def verified(
    connection: sa.Connection, key: AuditKey, was_begun: bool, noted: tuple[int, str] | None
) -> Verified:
    """`was_begun`: whether somebody saw this record begun; `noted`: a row that it has to hold.

    Raises OtherKeyError where the head was not sealed with this key, and no row chained with it.
    """
    head = connection.execute(sa.select(audit_head)).one_or_none()
    if head is not None and not key.sealed(head):
        if not _chained_with(connection, key):
            raise OtherKeyError(NOT_THIS_KEY)
        wrong = "The head of the record is not sealed with this home's key."
        return Verified(0, f"{head.seq}:{head.chain}", wrong)
    if head is None:
        begun = was_begun or noted not in (None, (0, BEGINNING))
        return Verified(0, f"0:{BEGINNING}", wrong_without_head(connection, begun))
    seq, chain, wrong = 0, BEGINNING, None
    kept = noted is None or noted == (0, BEGINNING)
    actions, consents = _Beside(connection, action), _Beside(connection, consent)
    for row in _in_order(connection, audit):
        if row["seq"] != seq + 1:
            wrong = f"Between rows {seq} and {row['seq']} of the record rows are missing."
        elif not key.links(chain, row):
            wrong = f"Row {row['seq']} of the record is not as it was written."
        elif row["what"] == ACTION:
            wrong = actions.wrong(row)
        elif row["what"] in CONSENT.values():
            wrong = consents.wrong(row)
        if wrong is not None:
            break
        seq, chain = row["seq"], row["chain"]
        kept = kept or noted == (seq, chain)
    if wrong is None and (head.seq, head.chain) != (seq, chain):
        wrong = f"The record ends with row {seq}, and its head says {head.seq}."
    wrong = wrong or actions.wrong_end() or consents.wrong_end()
    if wrong is None and not kept:
        wrong = "The record does not hold the row that was noted: it was replaced or cut."
    return Verified(seq, f"{seq}:{chain}", wrong, actions.older + consents.older)


def has_rows(connection: sa.Connection, *tables: sa.Table) -> bool:
    """Whether one of some tables holds a row."""
    return any(connection.scalar(sa.select(sa.exists().select_from(t))) for t in tables)


def wrong_without_head(connection: sa.Connection, was_begun: bool) -> str | None:
    """What shows of a record without a head that it is not merely one that is to be begun."""
    if has_rows(connection, audit):
        return "The record has rows and no head."
    if was_begun:
        return GONE
    if has_rows(connection, action, consent):
        return "There are actions or consents in the database, and no record of them."
    return None


def _chained_with(connection: sa.Connection, key: AuditKey) -> bool:
    """Whether any of the first rows is chained with a key: then the head was changed, and the key
    is the right one."""
    if not key.is_made:
        return False
    query = sa.select(audit).order_by(audit.c.seq).limit(_BATCH)
    chain = BEGINNING
    for row in connection.execute(query).mappings():
        if key.links(chain, row):  # pyright: ignore[reportArgumentType]
            return True
        chain = row["chain"]
    return False


class _Beside:
    """The rows of a table beside the entries about them: both in the order in which they were
    written, each row in the transaction of its entry, places without a gap."""

    def __init__(self, connection: sa.Connection, table: sa.Table) -> None:
        self._name: Table = "action" if table is action else "consent"
        self._rows = _in_order(connection, table)
        self._place = 0
        self.older = 0

    def wrong(self, entry: Mapping[str, Any]) -> str | None:
        """What does not hold of the row of one entry."""
        told = json.loads(entry["detail"])
        self._place += 1
        called = f"{self._name.capitalize()} {self._place}"
        row = next(self._rows, None)
        if row is None or row["place"] > self._place:
            return f"{called}, which row {entry['seq']} of the record tells of, is missing."
        if "sha256" in told:
            same = told["sha256"] == row_digest(self._name, row)
        else:
            self.older += 1
            same = self._as_told_before(entry, told, row)
        return None if same else f"{called} is not as row {entry['seq']} of the record tells of it."

    def _as_told_before(
        self, entry: Mapping[str, Any], told: Mapping[str, Any], row: Mapping[str, Any]
    ) -> bool:
        """Whether a row fits all that an entry without a digest says."""
        if (row["patient_id"], row["who"]) != (entry["patient_id"], entry["who"]):
            return False
        if self._name == "consent":
            return (row["matter"], CONSENT[row["given"]]) == (told["matter"], entry["what"])
        action_of = (told["action"], told["kind"], entry["run_id"])
        return (row["action_id"], row["kind"], row["run_id"]) == action_of

    def wrong_end(self) -> str | None:
        """What does not hold once all entries were seen: a row that none tells of."""
        row = next(self._rows, None)
        if row is None:
            return None
        return f"{self._name.capitalize()} {row['place']} stands in no row of the record."


def _in_order(connection: sa.Connection, table: sa.Table) -> Iterator[Mapping[str, Any]]:
    """Every row by its key, a batch at a time, so that memory stays flat."""
    [key] = table.primary_key.columns
    query = sa.select(table).order_by(key).limit(_BATCH)
    batch = connection.execute(query).mappings().all()
    while batch:
        for row in batch:
            yield {str(name): value for name, value in row.items()}
        last = batch[-1][key.name]
        batch = connection.execute(query.where(key > last)).mappings().all()
