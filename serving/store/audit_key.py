"""The key of the audit record: it chains the rows and seals the head, and lies in no database."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data.durable import sync_folder
from data.errors import InputError, RefusalError
from data.home import Home

KEY_VARIABLE = "FIRSTCALL_AUDIT_KEY"
FILE = "audit.key"
BEGINNING = "0" * 64
"""What the first row is chained to."""
NOT_THIS_KEY = (
    f"The key of this home is not the one that the record was begun with: set {KEY_VARIABLE} or "
    f"restore {FILE}."
)
_FIELDS = ("seq", "at", "who", "role", "what", "patient_id", "run_id", "detail")


class AuditKey:
    """32 bytes, from FIRSTCALL_AUDIT_KEY (64 hex digits; where several machines write one record)
    or the file `audit.key` of the home. Nothing but `make` makes that file, and only whoever begins
    a record calls it: a key made for a record that is there already would fit none of its rows.

    `home` is where the key's owner notes which records he has seen begun; None: nowhere.
    """

    def __init__(self, key: bytes | None, home: Home | None = None) -> None:
        self._key = key
        self.home = home

    @classmethod
    def of_home(cls, home: Home) -> AuditKey:
        """Raises InputError where the variable or the file holds no key."""
        named = os.environ.get(KEY_VARIABLE)
        return cls(_read(home) if named is None else _key_of(named, KEY_VARIABLE), home)

    @property
    def is_made(self) -> bool:
        """Whether there is a key, made in the meantime perhaps by another process."""
        if self._key is None and self.home is not None:
            self._key = _read(self.home)
        return self._key is not None

    def make(self) -> None:
        """Sees to it that there is a key; of several who make it at once all get the same."""
        if not self.is_made and self.home is not None:
            self.home.make()
            _write_key(self.home.root / FILE)
            self._key = _read(self.home)

    def mac(self, *texts: str) -> str:
        """HMAC-SHA256 (hex) over texts, each with its length in front. Raises RefusalError where
        there is no key."""
        if self._key is None and not self.is_made:
            raise RefusalError(NOT_THIS_KEY)
        digest = hmac.new(self._key or b"", digestmod=hashlib.sha256)
        for text in texts:
            held = text.encode("utf-8", "surrogatepass")
            digest.update(len(held).to_bytes(8, "big") + held)
        return digest.hexdigest()

    def link(self, chain: str, row: Mapping[str, Any]) -> str:
        """The chain of a row that stands behind the row with `chain`."""
        fields = [row[name] for name in _FIELDS]
        return self.mac(chain, json.dumps(fields, ensure_ascii=False, separators=(",", ":")))

    def links(self, chain: str, row: Mapping[str, Any]) -> bool:
        """Whether a row is as it was written behind the row with `chain`."""
        return hmac.compare_digest(self.link(chain, row), row["chain"])

    def seal(self, seq: int, chain: str) -> str:
        """The seal of a head that says that the record ends with this row."""
        return self.mac("head", str(seq), chain)

    def sealed(self, head: Any) -> bool:
        """Whether a row of `audit_head` was sealed with this key; no: where there is no key."""
        return self.is_made and hmac.compare_digest(head.seal, self.seal(head.seq, head.chain))


def _read(home: Home) -> bytes | None:
    file = home.root / FILE
    try:
        return _key_of(file.read_text(encoding="utf-8"), f"the file {FILE} of the home")
    except UnicodeDecodeError:
        return _key_of("", f"the file {FILE} of the home")
    except FileNotFoundError:
        return None


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
