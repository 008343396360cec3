"""What an export and an import say of themselves: counts and codes, no patient data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from data.errors import InputError
from data.intake_report import RejectionCount, UnknownCodes
from data.terminal import say, table

_NAMED = 5


@dataclass(frozen=True)
class ExportReport:
    """One export: subjects, rows of data (one an event), data files, different codes."""

    subjects: int
    events: int
    files: int
    codes: int

    def show(self) -> None:
        """Print it."""
        say(
            f"{self.events:,} events of {self.subjects:,} subjects in {self.files:,} files, "
            f"{self.codes:,} different codes.",
            "  metadata/patients.parquet says who each subject is: take it away before you pass "
            "the dataset on.",
            "  Every version of a fact is there; read known_on and superseded_on, or take the rows "
            "whose superseded_on is empty.",
        )


@dataclass(frozen=True)
class ImportReport:
    """One import: every row read became an event, told of a death, or was rejected.

    `own` says that the rows carried the histories' own columns. `understood` counts rows whose
    code was translated; `unknown_codes` names the codes that were kept as they are (system
    "other") and those of a known system that no list here knows, with their rows.
    """

    own: bool
    delay_days: int | None
    read: int
    events: int
    deaths: int
    rejected: int
    understood: int
    without_number: int
    drug_rows: int
    carries: tuple[str, ...]
    unknown_codes: tuple[UnknownCodes, ...]
    rejections: tuple[RejectionCount, ...]

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> ImportReport:
        """What the manifest of imported histories says of their import.

        Raises InputError for histories that were not imported.
        """
        told = manifest.get("imported")
        if told is None:
            raise InputError("These histories were not imported from a MEDS dataset.")
        unknown = tuple(
            UnknownCodes(**{**u, "most_frequent": tuple(map(tuple, u["most_frequent"]))})
            for u in told["unknown_codes"]
        )
        return cls(
            **{
                **told,
                "carries": tuple(told["carries"]),
                "unknown_codes": unknown,
                "rejections": tuple(RejectionCount(**r) for r in told["rejections"]),
            }
        )

    def show(self) -> None:
        """Print it."""
        unknown = [u for u in self.unknown_codes if u.unknown_rows]
        if unknown:
            table(
                "Codes without a known meaning, kept and counted",
                ("system", "rows", "unknown", "share", "codes", "most frequent"),
                [
                    (u.system, u.rows, u.unknown_rows, f"{u.share:.1%}", u.unknown_codes,
                     ", ".join(code for code, _ in u.most_frequent[:_NAMED]))
                    for u in unknown
                ],
                right=range(1, 5),
            )  # fmt: skip
        if self.rejections:
            table(
                "Rejected, kept with the reason in rejected/meds.parquet",
                ("column", "reason", "rows"),
                [(r.column, r.rule, r.rows) for r in self.rejections],
                right=(2,),
            )
        if self.without_number:
            say(f"  {self.without_number:,} laboratory rows without a number are kept under their "
                "own code.")  # fmt: skip
        if not self.own and "drug_fill" not in self.carries and self.drug_rows:
            say(
                f"  {self.drug_rows:,} drug rows do not say how many days they last: features of "
                "drugs are missing, not 0."
            )
        if self.deaths:
            say(f"  {self.deaths:,} deaths are left out: histories hold none.")
        waited = "" if self.delay_days is None else f" Known {self.delay_days} days after."
        say(
            f"{self.read:,} rows read: {self.events:,} events, {self.deaths:,} deaths, "
            f"{self.rejected:,} rejected. Carries {', '.join(self.carries)}.{waited}"
        )
