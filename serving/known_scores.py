"""The scores that clinicians know, beside our own risks: asked, stored and said with them.

LACE and HOSPITAL are of the discharge that the readmission risk is about, from what is known of it
as of the day of the answer (results come after a discharge; what happens after it does not count),
and of its whole episode (`serving.population`); Charlson's index and the cost of the year before
are of the person on that day. They need no model.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from features.as_of import matrix_of
from features.history import Histories
from features.index_stay import stay_facts_of
from features.indices import (
    person_features,
    person_score_columns,
    score_called,
    stay_score_columns,
)
from features.matrix import Matrix
from features.plan import plan
from features.questions import Questions
from features.window import days_of, to_day
from serving.store import KNOWN_COLUMNS

OF_STAY = ("lace", "hospital_2016")
OF_PERSON = ("charlson_2011", "prior_year_cost")
OF_ILLNESSES = ("charlson_2011",)
"""Sums of points of illnesses alone."""
FOR_WHO_SEES_ALL = "it is told to who may see every sensitive matter"
SHOWN = (*OF_STAY, *OF_PERSON)
_TASK = {**dict.fromkeys(OF_STAY, "readmission"), **dict.fromkeys(OF_PERSON, "high_cost")}
"""The risk beside which a score stands: where there is no question for it, neither is one here."""
_UNTOLD = "the run did not tell it"


@dataclass(frozen=True)
class Known:
    """One score of one person: `low` and `high` are equal where all inputs are known, None where
    it is not known; `lacking` says what is not known, "" for nothing."""

    name: str
    low: float | None
    high: float | None
    lacking: str

    @property
    def words(self) -> str:
        """Such as "LACE 11 (high)", "Charlson 2", "LACE not known: …" (see `Score.say`)."""
        return score_called(self.name).say(*self._bounds, self.lacking)

    @property
    def group(self) -> str | None:
        return score_called(self.name).group(*self._bounds) or None

    @property
    def _bounds(self) -> tuple[float, float]:
        low, high = (math.nan if n is None else n for n in (self.low, self.high))
        return low, high


def known_of(
    patients: Sequence[str] | np.ndarray,
    admitted_on: np.ndarray,
    of_stay: np.ndarray,
    of_person: np.ndarray,
    histories: Histories,
    as_of: date,
) -> pd.DataFrame:
    """One row a patient and score (the store's KNOWN_COLUMNS): LACE and HOSPITAL of whom the flags
    `of_stay` choose, the others of whom `of_person` do. All as of the end of `as_of`.

    `admitted_on` (datetime64, one a patient) is the first day of the episode that LACE and HOSPITAL
    are of; those whom `of_stay` does not choose need none.
    """
    ids = np.asarray(patients, dtype=object)
    rows = np.flatnonzero(of_person)
    questions = Questions.of_arrays(ids[rows], np.full(len(rows), to_day(as_of), np.int32))
    asked = [
        *scores_of_stays(ids, admitted_on, np.flatnonzero(of_stay), histories, as_of),
        *scores_of_people(rows, asked_of_people(histories, questions), histories),
    ]
    return frame_of(ids, asked)


@dataclass(frozen=True)
class Asked:
    """One score of some people: `rows` are their positions in the population; `low` and `high`
    (float64, NaN: not known) and `lacking` (objects) have one place each."""

    name: str
    rows: np.ndarray
    low: np.ndarray
    high: np.ndarray
    lacking: np.ndarray


def scores_of_stays(
    patients: np.ndarray,
    admitted_on: np.ndarray,
    rows: np.ndarray,
    histories: Histories,
    as_of: date,
) -> list[Asked]:
    """LACE and HOSPITAL of the people at `rows` of `patients` (ids) and `admitted_on`."""
    if not len(rows):
        return []
    questions = Questions.of_arrays(patients[rows], np.full(len(rows), to_day(as_of), np.int32))
    facts = stay_facts_of(histories, questions, days_of(admitted_on[rows]))
    return _asked(OF_STAY, rows, stay_score_columns(histories, facts, OF_STAY))


def features_of_people(histories: Histories) -> tuple[str, ...]:
    """The features that the scores about a person are told by."""
    return person_features(histories, OF_PERSON)


def asked_of_people(histories: Histories, questions: Questions) -> Matrix:
    """These features of each question."""
    names = features_of_people(histories)
    return Matrix(names, matrix_of(histories, questions, plan(names, histories.carries)))


def scores_of_people(rows: np.ndarray, found: Matrix, histories: Histories) -> list[Asked]:
    """The scores about a person of the people at `rows`; `found` has their features, a row each."""
    if not len(rows):
        return []
    return _asked(OF_PERSON, rows, person_score_columns(histories, found, OF_PERSON))


def _asked(names: Sequence[str], rows: np.ndarray, found: Mapping[str, np.ndarray]) -> list[Asked]:
    return [
        Asked(name, rows, found[f"{name}_low"], found[f"{name}_high"], found[f"{name}_lacking"])
        for name in names
    ]


def frame_of(patients: np.ndarray, asked: Sequence[Asked]) -> pd.DataFrame:
    """One row a patient and score (the store's KNOWN_COLUMNS), sorted."""
    if not asked:
        return pd.DataFrame(columns=list(KNOWN_COLUMNS))
    every = pd.concat(
        [
            pd.DataFrame(
                {
                    "patient_id": patients[one.rows],
                    "score": one.name,
                    "low": one.low,
                    "high": one.high,
                    "lacking": pd.Series(one.lacking, dtype=object),
                }
            )
            for one in asked
        ]
    )
    return every[list(KNOWN_COLUMNS)].sort_values(["patient_id", "score"], ignore_index=True)


def told(row: Mapping[str, object], stored: Iterable[Mapping[str, object]]) -> list[Known]:
    """The scores of SHOWN of one person: what was `stored` (KNOWN_COLUMNS without the patient),
    else why there is none, from the person's scores `row` (the store's score columns)."""
    held = {str(one["score"]): one for one in stored}
    found = []
    for name in SHOWN:
        one = held.get(name)
        if one is None:
            why = row[f"{_TASK[name]}_null_reason"] or _UNTOLD
            found.append(Known(name, None, None, str(why)))
        else:
            low, high = (_number(one[bound]) for bound in ("low", "high"))
            found.append(Known(name, low, high, str(one["lacking"])))
    return found


def in_words(known: Sequence[Known]) -> str:
    """All of them in one line; those that are not known for the same reason are named together."""
    said = [one.words for one in known if one.low is not None]
    without: dict[str, list[str]] = {}
    for one in known:
        if one.low is None:
            without.setdefault(one.lacking, []).append(score_called(one.name).words)
    return "; ".join(
        [*said, *(f"{', '.join(names)} not known: {why}" for why, names in without.items())]
    )


def made_for_others(names: Iterable[str] = SHOWN) -> list[str]:
    """What is to be said beside every comparison: what these scores were made for."""
    scores = [score_called(name) for name in names]
    return [f"{score.words} was made for {score.made_for}" for score in scores if score.made_for]


def _number(value: object) -> float | None:
    return value if isinstance(value, float) and not math.isnan(value) else None
