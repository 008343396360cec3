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

from features.history import Histories
from features.indices import person_scores, score_called, stay_scores
from serving.store import KNOWN_COLUMNS

OF_STAY = ("lace", "hospital_2016")
OF_PERSON = ("charlson_2011", "prior_year_cost")
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
    patients: Sequence[str],
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
    made = []
    for names, asked, ask in (
        (OF_STAY, of_stay, lambda index: stay_scores(histories, index)),
        (OF_PERSON, of_person, lambda index: person_scores(histories, index, OF_PERSON)),
    ):
        chosen = np.asarray(patients, dtype=object)[asked]
        days = np.full(len(chosen), np.datetime64(as_of, "s"))
        index = {"patient_id": chosen, "as_of": days, "admitted_on": admitted_on[asked]}
        found = ask(pd.DataFrame(index))
        made += [
            pd.DataFrame(
                {
                    "patient_id": chosen,
                    "score": name,
                    "low": found[f"{name}_low"],
                    "high": found[f"{name}_high"],
                    "lacking": found[f"{name}_lacking"],
                }
            )
            for name in names
        ]
    every = pd.concat(made)[list(KNOWN_COLUMNS)]
    return every.sort_values(["patient_id", "score"], ignore_index=True)


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
