"""What a source of data is: files of known kinds, and the SQL that makes canonical rows of them.

One module a format. A module `data.sources.<name>` has one function, `deliver(from_dir)`, which
looks at a folder and answers a `Delivery`, or raises InputError; nothing else is needed to add a
format. A delivery reads nothing but headers: intake reads, checks and derives.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Literal

from data.errors import InputError
from data.source_rows import file_id
from data.tables import Table

Origin = Literal["invented", "public_synthetic", "own"]


@dataclass(frozen=True)
class Check:
    """A rule that a row breaks where `broken`, an SQL condition on the kind's rows, is true."""

    column: str
    broken: str
    words: str


@dataclass(frozen=True)
class FileKind:
    """One kind of source file, read into the relation `in_<name>`: file, line, contract columns.

    `contract` declares the columns that are read, as canonical tables are declared.
    `key`: a row that repeats these is a duplicate where all else is equal, and rejected where not.
    `may_lack`: columns that a file need not have; they are then empty.
    `reread`: canonical rows are derived across files, so the rows are kept and read again together
    with the files of later intakes.
    `checks` are made once all files of the kind are read.
    """

    name: str
    contract: Table
    key: tuple[str, ...] = ()
    may_lack: frozenset[str] = frozenset()
    reread: bool = False
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True)
class SourceFile:
    """One file of a delivery. `name` is relative to the folder; `constants` fill columns."""

    path: Path
    name: str
    kind: FileKind
    columns: Mapping[str, str]
    """Contract column → the file's own spelling of it, for the columns that the file has."""
    constants: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    """Columns of the file that nothing reads, where that deserves a word."""

    @cached_property
    def id(self) -> str:
        """The name with a digest of the bytes, as `data.source_rows` says; `file` in all relations.

        The whole file is read for it, once, where it is first asked for.
        """
        return file_id(self.path, self.name)


@dataclass(frozen=True)
class Derived:
    """Rows of one canonical table: an SQL query over the relations `in_<kind>`.

    It yields the table's columns except `source_row`, and `file` and `line` of the source row.
    """

    table: str
    sql: str


@dataclass(frozen=True)
class Delivery:
    """Everything that intake needs to know of one folder of one source."""

    source: str
    origin: Origin
    kinds: tuple[FileKind, ...]
    files: tuple[SourceFile, ...]
    derived: tuple[Derived, ...]
    run_out_days: int
    one_to_one: bool = False
    """Each file row is one canonical row, and the kinds' contracts are the tables' own."""
    cost_covers: Literal["claim", "year"] | None = None
    """None: "year" where every cost row covers a year, else "claim"."""
    data_through: date | str | None = None
    """The last day that the extract is complete to: a date, or SQL over `in_<kind>` that answers
    one; None: the latest known_on of all rows."""
    carries: tuple[str, ...] | None = None
    """Feeds that the source says it carries; None: those that the rows show."""
    kinds_told: str | None = None
    """SQL over `in_<kind>`: told and told_by, as `data.encounter_kinds` has them, of each encounter
    read that does not say its kind itself; None where the source always does."""
    obligatory: Mapping[str, str] = field(default_factory=dict)
    """Kind → the sentence to say where a first intake has no file of it."""
    delays: Mapping[str, int] = field(default_factory=dict)
    """Declared days between an event and its being known, by feed; kept in the manifest."""


def source_names() -> list[str]:
    """The formats that can be taken in, one module of this package each."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def deliver(source: str, from_dir: Path) -> Delivery:
    """The delivery of `source` in `from_dir`; raises InputError where there is no such thing."""
    names = source_names()
    if source not in names:
        raise InputError(f"there is no source {source!r}; choose one of {', '.join(names)}")
    if not from_dir.is_dir():
        raise InputError(f"{from_dir} is not a folder; name the folder that holds the files")
    return import_module(f"{__name__}.{source}").deliver(from_dir)


def own_file(from_dir: Path, path: Path) -> Path:
    """`path`, a file found in `from_dir`, before anything of it is read.

    Raises InputError where it is a link to a file elsewhere, or where its name, which reports
    repeat, holds characters that cannot be printed.
    """
    name = path.relative_to(from_dir).as_posix()
    if not name.isprintable():
        raise InputError(
            f"{from_dir} holds a file whose name cannot be printed; give it a name of letters"
        )
    if not path.resolve().is_relative_to(from_dir.resolve()):
        raise InputError(
            f"{name} in {from_dir} is a link to a file outside of it; put the file itself there"
        )
    return path
