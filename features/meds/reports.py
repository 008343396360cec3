"""What an export and an import say of themselves: counts and codes, no patient data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from data.errors import InputError
from data.intake_report import RejectionCount, UnknownCodes


@dataclass(frozen=True)
class ExportReport:
    """One export: subjects, rows of data (one an event), data files, different codes."""

    subjects: int
    events: int
    files: int
    codes: int


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
