"""Which groups of people a run could judge: what a card says of fairness rests on these alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from training.report.known_tables import EQUITY, SUBGROUPS
from training.report.run_folder import RunFolder

Records = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Groups:
    """The groups of one grouping, such as age: those with enough to be judged, and those with too
    few."""

    grouping: str
    judged: tuple[str, ...]
    few: tuple[str, ...]

    @property
    def words(self) -> str:
        """The grouping, and which of its groups have too few.

        >>> Groups("sex", ("women",), ("men",)).words
        'sex (too few: men)'
        """
        return f"{self.grouping} (too few: {', '.join(self.few)})" if self.few else self.grouping


def groups_judged(records: Records | None) -> tuple[Groups, ...]:
    """Each grouping of a table with the columns grouping, group and judgeable, in its order; none
    where the table is None. What does not say that it is judgeable is not."""
    found: dict[str, dict[bool, list[str]]] = {}
    for row in records or ():
        name = str(row.get("grouping") or "")
        if name:
            parts = found.setdefault(name, {True: [], False: []})
            parts[row.get("judgeable") is True].append(str(row.get("group")))
    return tuple(Groups(name, tuple(of[True]), tuple(of[False])) for name, of in found.items())


def by_group(run: RunFolder) -> tuple[Groups, ...] | None:
    """Whom `subgroups.csv` judges, None where the run has none."""
    records = run.records(SUBGROUPS.files[0])
    return None if records is None else groups_judged(records)


def compared(run: RunFolder) -> tuple[Groups, ...] | None:
    """Whom the equity audit compares at the same risk, None where the run has no audit."""
    told = run.told(EQUITY.files[0])
    if not isinstance(told, dict):
        return None
    return groups_judged([one for one in told.get("at_same_risk") or () if isinstance(one, dict)])
