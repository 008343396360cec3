"""Which of a patient's rows are left out because of what they would tell: the one rule of timeline
and evidence.

A row can be withheld for its own code (`sensitive_code`), and for what it hangs on: all rows of a
visit to a psychiatric clinic, and what a pharmacy billed on the day of a drug that is withheld.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from features.definitions.sensitivity import sensitive_encounter
from features.evidence import sensitive_code
from serving.sight import Sight

Row = Mapping[str, Any]
"""A row of a canonical table."""


_FAMILIES = {"diagnosis": "DX", "procedure": "PX", "drug_fill": "RX"}


def matter_of(family: str, row: Row) -> str | None:
    """What makes the code of a diagnosis (DX), procedure (PX) or drug (RX) sensitive."""
    return sensitive_code(f"{family}/{row['code_system']}/{row['code']}")


@dataclass(frozen=True)
class WithheldRows:
    """Of one patient: the encounters that are left out whole, those whose place is not told,
    because a diagnosis or procedure of theirs is withheld, and the days of withheld drugs."""

    sight: Sight
    encounters: frozenset[str]
    quiet: frozenset[str]
    drug_days: frozenset[date]

    @classmethod
    def of(cls, rows: Mapping[str, Iterable[Row]], sight: Sight) -> WithheldRows:
        """`rows` are canonical rows, a list a table."""
        return cls(
            sight,
            frozenset(
                row["record_id"]
                for row in rows["encounter"]
                if not sight.shows(
                    sensitive_encounter(
                        row["kind"], row["specialty"], row["place_of_service"], row["revenue_codes"]
                    )
                )
            ),
            frozenset(
                row["encounter_id"]
                for table, family in (("diagnosis", "DX"), ("procedure", "PX"))
                for row in rows[table]
                if row["encounter_id"] and not sight.shows(matter_of(family, row))
            ),
            frozenset(
                row["happened_on"]
                for row in rows["drug_fill"]
                if not sight.shows(matter_of("RX", row))
            ),
        )

    def hold(self, table: str, row: Row) -> bool:
        """Whether a row is left out for what it hangs on."""
        if table == "cost" and row["kind"] == "pharmacy" and row["happened_on"] in self.drug_days:
            return True
        own = row["record_id"] if table == "encounter" else row.get("encounter_id")
        return own in self.encounters

    def tell_of(self, table: str, row: Row) -> bool:
        """Whether a row, or the clinician, place or end of a stay that is read from it, would tell
        of something that is left out."""
        if table == "encounter":
            kept_quiet = row["record_id"] in self.quiet or row["disposition"] == "psychiatric"
            return self.hold(table, row) or (kept_quiet and not self.sight.is_all)
        family = _FAMILIES.get(table)
        own = family is not None and not self.sight.shows(matter_of(family, row))
        return own or self.hold(table, row)

    def source_rows(self, rows: Mapping[str, Iterable[Row]]) -> set[str]:
        """The source rows of all that tells of something that is left out."""
        return {
            row["source_row"]
            for name, each in rows.items()
            for row in each
            if self.tell_of(name, row)
        }
