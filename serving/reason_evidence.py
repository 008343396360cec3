"""The source rows behind one reason: which facts of a patient the numbers of a concept rest on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa

from features.definitions import feature
from features.evidence import Seen
from features.history import Histories
from serving.population_of_rows import population_of_rows
from serving.reasons import matter_of_number, not_known, said
from serving.scoring import CAUSE, Models, score
from serving.sight import Sight
from serving.withheld_rows import WithheldRows


@dataclass(frozen=True)
class Fact:
    """One event behind a number: when it happened, when it was known, what it says, and the row of
    the source that it was read from."""

    happened_on: date
    known_on: date
    words: str
    source_row: str


@dataclass(frozen=True)
class NumberTold:
    """One feature of a concept: its name, its value in words, and the facts behind it, the newest
    first: all of them, or none where one of them may not be shown. With the others told, what is
    withheld could be had from the number by subtraction. `is_above_zero` says that something is
    behind it, shown or not."""

    feature: str
    words: str
    facts: tuple[Fact, ...]
    is_above_zero: bool


def evidence_behind(
    models: Models,
    rows: Mapping[str, pa.Table],
    carries: Collection[str],
    as_of: date,
    task: str,
    concept: str,
    sight: Sight,
    cost_covers: str | None = None,
) -> list[NumberTold]:
    """The numbers of one concept in one risk of the patient whose canonical rows these are, as the
    model was given them as of `as_of`, in the model's order; nothing where there is no such risk or
    concept. A sensitive number is left out whole where `sight` does not show it."""
    if concept == feature(CAUSE).concept and not sight.is_all:
        return []  # a cause that is left out among many that it was not would be told by that
    people = population_of_rows({n: t.to_pydict() for n, t in rows.items()}, carries, as_of)
    histories = Histories.of_tables(rows, carries, cost_covers=cost_covers)
    asked = score(people, histories, models, as_of).asked.get(task)
    if asked is None or len(asked.rows) == 0:
        return []
    day, patient = asked.days[0], str(people.patient_id[int(asked.rows[0])])
    seen = Seen(histories.events(patient), day)
    every = {name: table.to_pylist() for name, table in rows.items()}
    withheld = WithheldRows.of(every, sight).source_rows(every)
    told = []
    for name in asked.model.features:
        declared = feature(name)
        if declared.concept != concept:
            continue
        value = float(asked.X[name].iloc[0])
        if not sight.shows(matter_of_number(declared, value)):
            continue
        words = said(declared, value, _last(asked.X, declared.last_event), day, as_of)
        if words == not_known(declared):
            continue
        behind = seen.evidence(declared)
        if any(one.source_row in withheld or not sight.shows(one.sensitive) for one in behind):
            behind = []
        facts = tuple(
            Fact(one.happened_on, one.known_on, one.words, one.source_row)
            for one in reversed(behind)
        )
        told.append(NumberTold(name, words, facts, value > 0))
    return told


def _last(X: pd.DataFrame, name: str | None) -> float:
    return float(X[name].iloc[0]) if name is not None and name in X.columns else float(np.nan)
