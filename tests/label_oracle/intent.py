"""Rule against true intent: what the planned-readmission algorithm makes of admissions that were
meant as planned, on an invented population whose truth is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pyarrow as pa

from .facts import patients
from .planned import planned_rule
from .readings import FIRST_READINGS
from .readmission import ACUTE, Rules, cms_hwr
from .stays import stays_of


@dataclass
class Intent:
    """Counts of (meant as planned, called planned) over stays, and which rule called them so.

    `all_stays`: every final acute stay. `seasoned`: those discharged a run-out before the end of
    the data, whose procedures are known. `deciding`: admissions that decide a cms_hwr outcome.
    """

    all_stays: Counter[tuple[bool, bool]] = field(default_factory=Counter)
    seasoned: Counter[tuple[bool, bool]] = field(default_factory=Counter)
    deciding: Counter[tuple[bool, bool]] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)

    def table(self, counted: Counter[tuple[bool, bool]]) -> list[str]:
        """The confusion matrix in lines to read, with sensitivity and positive predictive value."""
        both, missed = counted[True, True], counted[True, False]
        false, neither = counted[False, True], counted[False, False]
        return [
            "                    called planned  called unplanned",
            f"meant as planned    {both:14,d}  {missed:16,d}",
            f"meant as unplanned  {false:14,d}  {neither:16,d}",
            f"of the planned, called so: {_share(both, both + missed)}; "
            f"of those called planned, meant so: {_share(both, both + false)}",
        ]


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "none"


def rule_against_intent(
    tables: Mapping[str, pa.Table], manifest: Mapping[str, Any], truth: pa.Table
) -> Intent:
    """Each acute stay's planned rule beside `planned` of truth/discharge, by encounter_id."""
    meant = dict(zip(truth["encounter_id"].to_pylist(), truth["planned"].to_pylist(), strict=True))
    rules = Rules(date.fromisoformat(manifest["data_through"]), manifest["run_out_days"])
    found = Intent()
    for patient in patients(tables, rules.data_through).values():
        called = {}
        for stay in stays_of(patient, ACUTE, FIRST_READINGS):
            if stay.id not in meant:
                continue
            rule = planned_rule(stay, rules.all_payers)
            called[stay.id] = meant[stay.id], rule is not None
            found.all_stays[called[stay.id]] += 1
            found.rules[rule or "unplanned"] += 1
            if stay.discharged and (rules.data_through - stay.discharged).days >= rules.run_out:
                found.seasoned[called[stay.id]] += 1
        for judged in cms_hwr(patient, rules).values():
            if judged.decided_by in called:
                found.deciding[called[judged.decided_by]] += 1
    return found
