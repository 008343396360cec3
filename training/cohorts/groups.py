"""The groups of people by whom figures are told apart: sex, age, race or ethnicity, payer.

They serve the audit. Race and ethnicity never become a feature, whatever they would add.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from data.tables import COVERAGE
from training.cohorts.enrolment import OPEN_END, SHIFT
from training.cohorts.facts import Source, final_facts

OF_PEOPLE = ("female", "age")
"""Features by which people are told apart where groups are judged, whatever a model uses."""
SEX, AGE, RACE, PAYER = "sex", "age", "race or ethnicity", "payer"
_SEXES = {1: "women", 0: "men"}
_AGES = {
    0: "people under 65", 65: "people of 65 to 74", 75: "people of 75 to 84",
    85: "people of 85 and over",
}  # fmt: skip
_ORDER: Mapping[str, tuple[str, ...]] = {
    SEX: (*_SEXES.values(),), AGE: (*_AGES.values(),), PAYER: COVERAGE.column("payer").choices,
}  # fmt: skip


@dataclass(frozen=True)
class Grouping:
    """One way to tell people apart. ``of``: the group of each row in words, "" where not known."""

    name: str
    of: NDArray

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups that some row is of: those of sex, age and payer in their own order, others
        by name."""
        found = {str(group) for group in self.of} - {""}
        known = [group for group in _ORDER.get(self.name, ()) if group in found]
        return (*known, *sorted(found.difference(known)))

    def part(self, rows: NDArray[np.int64]) -> Grouping:
        """The same of some of the rows."""
        return Grouping(self.name, self.of[rows])

    def rows(self, group: str) -> NDArray[np.int64]:
        """The rows of one group."""
        return np.flatnonzero(self.of == group)


def groupings_of(
    rows: pd.DataFrame,
    female: ArrayLike,
    age: ArrayLike,
    tables: Mapping[str, Source],
    through: int,
) -> tuple[Grouping, ...]:
    """The groups of each question in `rows` (patient_id, as_of in days since 1970).

    `female` (1, 0, NaN where not known) and `age` (years, NaN where not known) have one entry a
    row; of an age the whole years count. Race or ethnicity is the one last told by day `through`,
    as the source words it. The payer is that of the coverage that holds as_of; where several do,
    of the one that began last.
    """
    patient_id, person = np.unique(rows["patient_id"].to_numpy(dtype=object), return_inverse=True)
    patients = pd.Index(patient_id, dtype=object)
    as_of = rows["as_of"].to_numpy(dtype=np.int64)
    return (
        Grouping(SEX, _named(np.asarray(female, dtype=np.float64), _SEXES)),
        Grouping(AGE, _age_bands(np.asarray(age, dtype=np.float64))),
        Grouping(RACE, _races(tables["member"], through, patients)[person]),
        Grouping(PAYER, _payers(tables["coverage"], through, patients, person, as_of)),
    )


def _named(values: NDArray[np.float64], names: Mapping[int, str]) -> NDArray:
    made = np.full(len(values), "", dtype=object)
    for value, name in names.items():
        made[values == value] = name
    return made


def _age_bands(age: NDArray[np.float64]) -> NDArray:
    years = np.floor(age)
    made = np.full(len(age), "", dtype=object)
    for begins, name in _AGES.items():
        made[years >= begins] = name
    return made


def _races(member: Source, through: int, patients: pd.Index) -> NDArray:
    """Of each patient, "" where it was never told."""
    told = final_facts(member, ["known_on", "race"], through)
    told["race"] = told["race"].fillna("").astype(object).str.strip()
    told = told[told["race"] != ""].sort_values(["patient_id", "known_on", "record_id"])
    last = told.drop_duplicates("patient_id", keep="last").set_index("patient_id")["race"]
    return last.reindex(patients).fillna("").to_numpy(dtype=object)


def _payers(
    coverage: Source,
    through: int,
    patients: pd.Index,
    person: NDArray[np.int64],
    as_of: NDArray[np.int64],
) -> NDArray:
    """Of each row, "" where no coverage that holds its day tells a payer."""
    spans = final_facts(coverage, ["start_on", "end_on", "payer"], through)
    spans = spans[spans["payer"].notna()]
    owner = patients.get_indexer(pd.Index(spans["patient_id"], dtype=object)).astype(np.int64)
    spans = spans.assign(owner=owner)[owner >= 0]
    spans = spans.sort_values(["owner", "start_on", "record_id"], kind="stable")
    # a span of nobody before the first one, so that each row has a span to its left
    owner = np.r_[-1, spans["owner"].to_numpy(dtype=np.int64)]
    start = np.r_[0, spans["start_on"].to_numpy(dtype=np.int64)]
    end = np.r_[0, spans["end_on"].fillna(OPEN_END).to_numpy(dtype=np.int64)]
    payer = np.r_[[""], spans["payer"].to_numpy(dtype=object)]
    made = np.full(len(person), "", dtype=object)
    at = np.searchsorted(owner * SHIFT + start, person * SHIFT + as_of, "right") - 1
    open_rows = np.arange(len(person))
    while len(open_rows):  # as many times as one person's spans overlap
        mine = owner[at[open_rows]] == person[open_rows]
        open_rows = open_rows[mine]
        holds = end[at[open_rows]] >= as_of[open_rows]
        made[open_rows[holds]] = payer[at[open_rows[holds]]]
        open_rows = open_rows[~holds]
        at[open_rows] -= 1
    return made
