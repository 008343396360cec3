"""The attrition table: who was left out, by which rule, and how many outcomes stayed."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

COLUMNS = (
    "rule", "evaluable", "rows_removed", "people_removed", "rows_left", "people_left",
    "outcomes_left", "rows_untried", "note",
)  # fmt: skip


VERDICTS = ("met", "failed", "not tried", "not evaluable", "lifted")
"""What one rule says of one row: it passes, it is taken out, it lacks what the rule looks at, or
the whole source does; or the task has lifted the rule."""
MET, FAILED, NOT_TRIED, NOT_EVALUABLE, LIFTED = range(5)


class Attrition:
    """Rules applied one after another to the same rows.

    ``person``: int[rows]; ``outcome``: bool[rows], the label where it is known; ``lifted``: rules
    by their keys (without "not_") that take nobody, because the task says so. After each
    `exclude`, ``kept`` says who is left and ``excluded_by`` which rule took a row first;
    ``verdicts`` holds, by the rule's key, what it says of every row (int8, place in `VERDICTS`),
    those that an earlier rule took included.
    """

    def __init__(
        self,
        person: NDArray[np.int64],
        outcome: NDArray[np.bool_],
        lifted: Collection[str] = (),
    ) -> None:
        self.person = person
        self._lifted = {f"not_{name}" for name in lifted}
        self.outcome = outcome
        self.kept = np.ones(len(person), dtype=bool)
        self.excluded_by = np.full(len(person), "", dtype=object)
        self.verdicts: dict[str, NDArray[np.int8]] = {}
        self._rows: list[dict[str, Any]] = []

    def begin(self, rule: str, rows: int, people: int) -> None:
        """The first line: what there was before any row of ours was made."""
        self._line(rule, True, 0, 0, rows, people, None, 0, "")

    def joined(self, rule: str, rows_before: int) -> None:
        """A line for rows that were joined with others, not lost."""
        people = self._people()
        self._line(rule, True, rows_before - len(self.person), 0, len(self.person), people,
                   int(self.outcome.sum()), 0, "")  # fmt: skip

    def exclude(
        self,
        rule: str,
        failed: NDArray[np.bool_] | None,
        untried: NDArray[np.bool_] | None = None,
        note: str = "",
        key: str = "",
    ) -> None:
        """Take out the rows where `failed`. None: the rule is not evaluable, and takes nobody.

        ``untried`` marks rows that lack what the rule looks at; those left are counted.
        ``key`` is a short name of the rule for `verdicts`; without one it is `rule`.
        """
        if key in self._lifted:
            self.verdicts[key] = np.full(len(self.person), LIFTED, dtype=np.int8)
            failed, untried = np.zeros(len(self.person), dtype=bool), None
            note = "lifted by the settings of the task: these count"
        else:
            self.verdicts[key or rule] = _verdict(len(self.person), failed, untried)
        rows, people = int(self.kept.sum()), self._people()
        evaluable = failed is not None
        if failed is not None:
            hit = self.kept & failed
            self.excluded_by[hit] = rule
            self.kept &= ~failed
        blind = 0 if untried is None else int((self.kept & untried).sum())
        left, people_left = int(self.kept.sum()), self._people()
        self._line(rule, evaluable, rows - left, people - people_left, left, people_left,
                   int(self.outcome[self.kept].sum()), blind, note)  # fmt: skip

    def table(self) -> pd.DataFrame:
        """One row a rule, in the order of application; columns as in `COLUMNS`."""
        made = pd.DataFrame(self._rows, columns=list(COLUMNS))
        made["outcomes_left"] = made["outcomes_left"].astype("Int64")
        return made

    def _people(self) -> int:
        return len(np.unique(self.person[self.kept]))

    def _line(self, *values: Any) -> None:
        self._rows.append(dict(zip(COLUMNS, values, strict=True)))


def _verdict(
    count: int, failed: NDArray[np.bool_] | None, untried: NDArray[np.bool_] | None
) -> NDArray[np.int8]:
    if failed is None:
        return np.full(count, NOT_EVALUABLE, dtype=np.int8)
    blind = np.zeros(count, dtype=bool) if untried is None else untried
    return np.select([failed, blind], [FAILED, NOT_TRIED], MET).astype(np.int8)
