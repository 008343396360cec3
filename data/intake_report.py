"""What one intake says of itself: counts, and names of files and columns, no patient data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class FileCount:
    """One file: every row read is taken in, a duplicate, or rejected.

    `merged` counts those of the taken in that added no canonical row of their own, because they
    say nothing new (a yearly summary without a change) or add to another row (second segments).
    """

    file: str
    digest: str
    """First 8 places of the sha256 of the file's bytes: source rows name it as file@digest:line."""
    table: str
    """Canonical table, or the source's own kind of file."""
    read: int
    taken_in: int
    merged: int
    duplicates: int
    rejected: int


@dataclass(frozen=True)
class RejectionCount:
    """How many rows of one table broke one rule; `rule` names no value."""

    table: str
    column: str
    rule: str
    rows: int


@dataclass(frozen=True)
class KindTold:
    """How many encounters did not say their kind, and have this one because their codes tell it."""

    kind: str
    told_by: str
    """`data.encounter_kinds.BY_REVENUE` or BY_PLACE."""
    encounters: int
    """Rows read in this intake, those that were there already included."""


@dataclass(frozen=True)
class UnknownCodes:
    """How many of the rows of one code system hold an unknown code. They are kept."""

    table: str
    system: str
    rows: int
    unknown_rows: int
    unknown_codes: int
    most_frequent: tuple[tuple[str, int], ...]
    """The unknown codes met most often, with their rows."""
    malformed_rows: int | None = None
    """Rows, among the unknown, whose code is not written as one of the system: its pattern or its
    check digit is wrong. None where that was not looked at."""

    @property
    def share(self) -> float:
        """Unknown rows as a part of all rows of the system, 0 to 1."""
        return self.unknown_rows / self.rows if self.rows else 0.0


@dataclass(frozen=True)
class ResultsWithoutUnit:
    """How many of the laboratory results under a known LOINC code came without a unit.

    They are kept, and their numbers are taken to be in the unit of the test.
    """

    rows: int
    """All results under a known LOINC code."""
    without_unit: int
    most_frequent: tuple[tuple[str, int], ...]
    """The LOINC codes that came without a unit most often, with their results without one."""

    @property
    def share(self) -> float:
        """Results without a unit as a part of `rows`, 0 to 1."""
        return self.without_unit / self.rows if self.rows else 0.0


@dataclass(frozen=True)
class IntakeReport:
    """One intake: what was read, what became of it, and what is there now."""

    generation: str
    changed: bool
    """False where everything had been taken in before."""
    source: str
    origin: str
    data_through: date
    run_out_days: int
    cost_covers: str
    carries: tuple[str, ...]
    rows: dict[str, int]
    """Rows of each canonical table in the generation, earlier intakes included."""
    files: tuple[FileCount, ...]
    rejections: tuple[RejectionCount, ...]
    kinds_told: tuple[KindTold, ...]
    """What codes decided, most frequent first."""
    unknown_codes: tuple[UnknownCodes, ...]
    """One a table and code system that is there, those without an unknown code included."""
    results_without_unit: ResultsWithoutUnit
    ignored_columns: dict[str, tuple[str, ...]]
    """File → columns of it that nothing reads: a plain name as it is, else the column's place."""

    @property
    def read(self) -> int:
        return sum(file.read for file in self.files)

    @property
    def taken_in(self) -> int:
        return sum(file.taken_in for file in self.files)

    @property
    def duplicates(self) -> int:
        return sum(file.duplicates for file in self.files)

    @property
    def rejected(self) -> int:
        return sum(file.rejected for file in self.files)
