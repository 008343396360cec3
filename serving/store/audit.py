"""The record of every look at a patient and of every action: append-only, each row chained to the
one before it.

A row's chain is HMAC-SHA256 over the chain of the row before it and the row's own fields, under a
key that does not lie in the database (`AuditKey`): whoever can write to the database, but not read
the key, can neither change, insert, remove nor reorder rows unnoticed. The head, a row of its own,
is sealed with the same key, so that rows taken off the end are noticed too. A whole old database
put back in place of the new one holds together in itself; against that, keep a printed head
elsewhere and give it to `verify` (`firstcall audit verify --against SEQ:CHAIN`).
"""

from __future__ import annotations

import getpass
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from data.durable import sync_folder
from data.errors import InputError, RefusalError
from data.home import Home
from serving.store.database import Database
from serving.store.record_tables import audit as _audit
from serving.store.record_tables import audit_head as _head

_BEGINNING = "0" * 64
_BATCH = 5_000
KEY_VARIABLE = "FIRSTCALL_AUDIT_KEY"


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
    who = f"command line of {getpass.getuser()}"
    return Entry(who, "admin", what, patient_id, detail=detail)


@dataclass(frozen=True)
class Verified:
    """What `Audit.verify` found. `wrong` is a sentence about the first thing that does not hold,
    None where everything does; it names places in the record, never a patient."""

    rows: int
    head: str
    wrong: str | None


class AuditKey:
    """The key of the chain: 32 bytes, from FIRSTCALL_AUDIT_KEY (64 hex digits; where several
    machines write one record) or the file `audit.key` of the home, made on first use."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def of_home(cls, home: Home) -> AuditKey:
        """Raises InputError where the variable or the file holds no key."""
        named = os.environ.get(KEY_VARIABLE)
        if named is not None:
            return cls(_key_of(named, KEY_VARIABLE))
        home.make()
        file = home.root / "audit.key"
        if not file.exists():
            _write_key(file)
        return cls(_key_of(file.read_text(encoding="ascii"), f"the file {file.name} of the home"))

    def mac(self, *texts: str) -> str:
        """HMAC-SHA256 (hex) over texts, each with its length in front."""
        digest = hmac.new(self._key, digestmod=hashlib.sha256)
        for text in texts:
            held = text.encode("utf-8", "surrogatepass")
            digest.update(len(held).to_bytes(8, "big") + held)
        return digest.hexdigest()


def _write_key(file: Path) -> None:
    """A new key for its owner alone, unless somebody else was quicker. Nobody reads half of one:
    it is written under another name."""
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as made:
        made.write(secrets.token_hex(32) + "\n")
        made.flush()
        os.fsync(made.fileno())
    try:
        os.link(draft, file)
        sync_folder(file.parent)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _key_of(text: str, place: str) -> bytes:
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != 32:
        raise InputError(
            f"What {place} holds is no key of the audit record: it has to be 64 hex digits."
        )
    return key


def _fields(row: Mapping[str, Any]) -> str:
    names = ("seq", "at", "who", "role", "what", "patient_id", "run_id", "detail")
    return json.dumps([row[name] for name in names], ensure_ascii=False, separators=(",", ":"))


class Audit:
    """The record in one database, under one key."""

    def __init__(self, database: Database, key: AuditKey) -> None:
        self._database = database
        self._key = key

    def write(self, entries: Sequence[Entry]) -> None:
        """Appends entries in a transaction of their own: on return they are on the disk."""
        with self._database.writing() as connection:
            self.append(connection, entries)

    def append(self, connection: sa.Connection, entries: Sequence[Entry]) -> None:
        """Appends entries within a writing transaction of somebody else's, in their order.

        Raises RefusalError where the head was not sealed with this key.
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
            chain = self._key.mac(chain, _fields(row))
            rows.append(row | {"chain": chain})
        connection.execute(sa.insert(_audit), rows)
        connection.execute(
            sa.update(_head).values(seq=seq, chain=chain, seal=self._seal(seq, chain))
        )

    def _seal(self, seq: int, chain: str) -> str:
        return self._key.mac("head", str(seq), chain)

    def _taken_head(self, connection: sa.Connection) -> tuple[int, str]:
        """The head, held against other writers until the transaction ends."""
        held = sa.select(_head).with_for_update()
        row = connection.execute(held).one_or_none()
        if row is None:
            # both databases let one of two beginners win; the other waits, and finds its row
            begun = {"one": 1, "seq": 0, "chain": _BEGINNING, "seal": self._seal(0, _BEGINNING)}
            connection.execute(_insert_if_new(connection).values(begun))
            row = connection.execute(held).one()
        if not hmac.compare_digest(row.seal, self._seal(row.seq, row.chain)):
            raise RefusalError(
                "The audit record was begun with another key, or its head was changed: nothing is "
                "answered until `firstcall audit verify` finds it whole."
            )
        return row.seq, row.chain

    def head(self) -> str:
        """The place and chain of the newest row, as `verify` takes them: "SEQ:CHAIN"."""
        with self._database.reading() as connection:
            row = connection.execute(sa.select(_head)).one_or_none()
        return f"0:{_BEGINNING}" if row is None else f"{row.seq}:{row.chain}"

    def verify(self, against: str | None = None) -> Verified:
        """Reads the whole record and finds the first place that does not hold.

        `against` is a head that was printed earlier: the record has to hold that very row. Raises
        InputError where it is not of the form SEQ:CHAIN.
        """
        noted = None if against is None else _noted(against)
        with self._database.reading() as connection:
            head = connection.execute(sa.select(_head)).one_or_none()
            seq, chain, wrong = 0, _BEGINNING, None
            kept = noted is None or noted == (0, _BEGINNING)
            for row in _rows(connection):
                if row["seq"] != seq + 1:
                    wrong = f"Between rows {seq} and {row['seq']} of the record rows are missing."
                    break
                expected = self._key.mac(chain, _fields(row))
                if not hmac.compare_digest(expected, row["chain"]):
                    wrong = f"Row {row['seq']} of the record is not as it was written."
                    break
                seq, chain = row["seq"], row["chain"]
                kept = kept or noted == (seq, chain)
        if wrong is None:
            wrong = self._wrong_end(head, seq, chain)
        if wrong is None and not kept:
            wrong = "The record does not hold the row that was noted: it was replaced or cut."
        return Verified(seq, f"{seq}:{chain}", wrong)

    def _wrong_end(self, head: sa.Row[Any] | None, seq: int, chain: str) -> str | None:
        if head is None:
            return None if seq == 0 else "The record has rows and no head."
        if not hmac.compare_digest(head.seal, self._seal(head.seq, head.chain)):
            return "The head of the record is not sealed with this home's key."
        if (head.seq, head.chain) != (seq, chain):
            return f"The record ends with row {seq}, and its head says {head.seq}."
        return None

    def of_patient(self, patient_id: str, most: int = 1000) -> list[dict[str, Any]]:
        """Who looked at or did something about one patient, the newest first: seq, at, who, role,
        what, run_id, detail."""
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


def _rows(connection: sa.Connection) -> Iterator[Mapping[str, Any]]:
    """Every row in order, a batch at a time, so that memory stays flat."""
    after = -1
    while True:
        query = sa.select(_audit).where(_audit.c.seq > after).order_by(_audit.c.seq).limit(_BATCH)
        batch = [row._mapping for row in connection.execute(query)]
        yield from ({str(k): v for k, v in row.items()} for row in batch)
        if len(batch) < _BATCH:
            return
        after = batch[-1]["seq"]
