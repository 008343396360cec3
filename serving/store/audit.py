"""The record of every look at a patient and of every action: append-only, each row chained to the
one before it.

A row's chain is HMAC-SHA256 over the chain of the row before it and the row's own fields, under a
key that does not lie in the database (`AuditKey`). The entry of an action or a consent carries the
SHA-256 of its whole row. The head, a row of its own, is sealed with the same key. Whoever can write
to the database, but reads neither the key nor writes to the home, can therefore not do this without
`verify` telling of it:

- change, insert, remove or reorder rows of the record, at its end too;
- change, insert or remove an action or a consent;
- empty the record, and the actions and consents with it: the home notes that the record of this
  database was begun (`audit.begun`), and a record that was begun is never begun anew.

What is not noticed:

- a whole old database put back in place of the new one, or an old end of the record together with
  the actions and consents of that time: it holds together in itself. Against that, keep a printed
  head elsewhere and give it to `verify` (`firstcall audit verify --against SEQ:CHAIN`);
- that record, actions and consents were all emptied, by a home that has not seen the record begun
  under this address of the database: a new machine's, one that cannot be written to;
- what actions and consents that an earlier release recorded say beside who recorded them about
  whom, and of which kind: `verify` tells how many they are;
- accounts, service tokens, nights: what is recorded of them are the commands that changed them.
"""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from data.errors import InputError, RefusalError
from serving.store.audit_begun import note_begun, was_begun
from serving.store.audit_key import BEGINNING, KEY_VARIABLE, NOT_THIS_KEY, AuditKey
from serving.store.audit_verify import (
    GONE,
    OtherKeyError,
    Verified,
    has_rows,
    verified,
    wrong_without_head,
)
from serving.store.database import Database
from serving.store.record_tables import audit as _audit
from serving.store.record_tables import audit_head as _head

__all__ = [
    "KEY_VARIABLE",
    "Audit",
    "AuditKey",
    "Entry",
    "OtherKeyError",
    "Verified",
    "by_command",
]


@dataclass(frozen=True)
class Entry:
    """What one principal did: a look at one patient, or something that concerns none.

    `what` names the operation ("patient", "worklist", "action", "sign-in"); `detail` holds what
    else belongs to it (models, the action's id); values that JSON can hold.
    """

    who: str
    role: str
    what: str
    patient_id: str | None = None
    run_id: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


def by_command(what: str, patient_id: str | None = None, **detail: Any) -> Entry:
    """What somebody did on the command line, under the name by which the system knows him."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's bare number, of which no name is known
        name = f"user {os.getuid()}"
    return Entry(f"command line of {name}", "admin", what, patient_id, detail=detail)


class Audit:
    """The record in one database, under one key. An action and a consent are recorded by
    `actions.take` and `consents.declare`, which append their entries themselves."""

    def __init__(self, database: Database, key: AuditKey) -> None:
        self._database = database
        self._key = key
        self._seen_begun = False

    def begin(self) -> None:
        """Sees to it that the record can be written to: begins it, with a new key where the home
        has none, unless it was begun before; notes in the home that it is begun. Call it as a
        service starts, and in front of a transaction that appends.

        Raises OtherKeyError where it was begun with another key or its head was changed,
        RefusalError where it was begun and is gone.
        """
        if self._seen_begun:
            return
        with self._database.reading() as connection:
            head = connection.execute(sa.select(_head)).one_or_none()
        if head is not None:
            self._must_be_sealed(head)
        else:
            with self._database.writing() as connection:
                wrong = wrong_without_head(connection, self._was_begun())
                # looked for last: on PostgreSQL another may have begun it a moment ago
                if wrong and not has_rows(connection, _head):
                    raise RefusalError(wrong)
                self._taken_head(connection)
        self._seen_begun = True
        if self._key.home is not None:
            note_begun(self._key.home, self._database)

    def write(self, entries: Sequence[Entry]) -> None:
        """Appends entries in a transaction of their own: on return they are on the disk. Raises as
        `begin` and `append` do."""
        self.begin()
        with self._database.writing(for_others=True) as connection:
            self.append(connection, entries)

    @contextmanager
    def with_changes(self) -> Iterator[tuple[Database, Callable[[Entry], None]]]:
        """A database through which something is changed, and what appends an entry about it: both
        in one transaction, so that what cannot be recorded is not done. Raises as `begin` and
        `append` do."""
        self.begin()
        with self._database.together() as within, within.writing() as connection:
            yield within, lambda entry: self.append(connection, [entry])

    def append(self, connection: sa.Connection, entries: Sequence[Entry]) -> None:
        """Appends entries within a writing transaction of somebody else's, in their order.

        Raises OtherKeyError where the head was not sealed with this key, RefusalError where the
        record was begun and is gone.
        """
        if not entries:
            return
        seq, chain = self._taken_head(connection)
        at = datetime.now(UTC).isoformat(timespec="microseconds")
        rows = []
        for entry in entries:
            seq += 1
            row = {
                "seq": seq, "at": at, "who": entry.who, "role": entry.role, "what": entry.what,
                "patient_id": entry.patient_id, "run_id": entry.run_id,
                "detail": json.dumps(entry.detail, sort_keys=True, separators=(",", ":")),
            }  # fmt: skip
            chain = self._key.link(chain, row)
            rows.append(row | {"chain": chain})
        connection.execute(sa.insert(_audit), rows)
        connection.execute(
            sa.update(_head).values(seq=seq, chain=chain, seal=self._key.seal(seq, chain))
        )

    def _taken_head(self, connection: sa.Connection) -> tuple[int, str]:
        """The head, held against other writers until the transaction ends."""
        held = sa.select(_head).with_for_update()
        row = connection.execute(held).one_or_none()
        if row is None and (self._was_begun() or has_rows(connection, _audit)):
            row = connection.execute(held).one_or_none()  # unless another began it a moment ago
            if row is None:
                raise RefusalError(GONE)
        if row is None:
            self._key.make()
            # both databases let one of two beginners win; the other waits, and finds its row
            seal = self._key.seal(0, BEGINNING)
            begun = {"one": 1, "seq": 0, "chain": BEGINNING, "seal": seal}
            connection.execute(_insert_if_new(connection).values(begun))
            row = connection.execute(held).one()
        self._must_be_sealed(row)
        return row.seq, row.chain

    def _must_be_sealed(self, head: sa.Row[Any]) -> None:
        if not self._key.is_made:
            raise OtherKeyError(NOT_THIS_KEY)
        if not self._key.sealed(head):
            raise OtherKeyError(
                "The audit record was begun with another key, or its head was changed: nothing is "
                "answered until `firstcall audit verify` finds it whole."
            )

    def _was_begun(self) -> bool:
        home = self._key.home
        return self._seen_begun or (home is not None and was_begun(home, self._database))

    def head(self) -> str:
        """The place and chain of the newest row, as `verify` takes them: "SEQ:CHAIN"."""
        with self._database.reading() as connection:
            row = connection.execute(sa.select(_head)).one_or_none()
        return f"0:{BEGINNING}" if row is None else f"{row.seq}:{row.chain}"

    def verify(self, against: str | None = None) -> Verified:
        """Reads the whole record, every action and every consent, and finds the first place that
        does not hold. Makes no key, and changes nothing.

        `against` is a head that was printed earlier: the record has to hold that very row. Raises
        InputError where it is not of the form SEQ:CHAIN, OtherKeyError where the record was begun
        with another key, or this home has none.
        """
        noted = None if against is None else _noted(against)
        begun = self._was_begun()
        with self._database.reading() as connection:
            return verified(connection, self._key, begun, noted)

    def of_patient(self, patient_id: str, most: int = 1000) -> list[dict[str, Any]]:
        """Who looked at or did something about one patient, the newest first: seq, at, who, role,
        what, run_id, detail. Needs no key: whether rows are as they were written, `verify` tells.
        """
        columns = [c for c in _audit.columns if c.name not in ("patient_id", "chain")]
        query = (
            sa.select(*columns)
            .where(_audit.c.patient_id == patient_id)
            .order_by(_audit.c.seq.desc())
            .limit(most)
        )
        with self._database.reading() as connection:
            rows = [dict(row._mapping) for row in connection.execute(query)]
        return [row | {"detail": json.loads(row["detail"])} for row in rows]


def _insert_if_new(connection: sa.Connection) -> Any:
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert
    else:
        from sqlalchemy.dialects.sqlite import insert
    return insert(_head).on_conflict_do_nothing()


def _noted(against: str) -> tuple[int, str]:
    seq, _, chain = against.strip().partition(":")
    if not seq.isdigit() or len(chain) != 64:
        raise InputError(
            "--against: give a head as `firstcall audit verify` printed it, SEQ:CHAIN."
        )
    return int(seq), chain
