"""Which databases' records a home has seen begun: a file of the home, out of the reach of whoever
may write to the database alone.

A record that was begun has a head for ever. Where the home says that it was begun and the database
holds no head, somebody emptied it: it is not begun anew as if nothing had been.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress

from data.durable import sync_folder
from data.home import Home
from serving.store.database import Database

FILE = "audit.begun"


def was_begun(home: Home, database: Database) -> bool:
    """Whether the home has seen the record of this database begun."""
    return _line(home, database) in _lines(home)


def note_begun(home: Home, database: Database) -> None:
    """Notes it, on the disk. A home that cannot be written to notes nothing."""
    line = _line(home, database)
    if line in _lines(home):
        return
    with suppress(OSError):
        home.make()
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        with os.fdopen(os.open(home.root / FILE, flags, 0o600), "w") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())
        sync_folder(home.root)


def forget_begun(home: Home, database: Database) -> None:
    """Takes the note back, where the record was dropped on purpose."""
    left = [line for line in _lines(home) if line != _line(home, database)]
    file = home.root / FILE
    if left:
        file.write_text("".join(f"{line}\n" for line in left), encoding="ascii")
    else:
        file.unlink(missing_ok=True)


def _lines(home: Home) -> list[str]:
    try:
        return (home.root / FILE).read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        return []


def _line(home: Home, database: Database) -> str:
    """The place of a database in one line; that of the home's own file stays where the home is
    moved."""
    place = database.place if database.file is None else str(database.file.resolve())
    return json.dumps(home.left_out_of(place))
