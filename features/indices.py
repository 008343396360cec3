"""The scores that clinicians know, from the same histories and seen at the same as_of.

They were made for other outcomes than ours: LACE for death or unplanned readmission within 30
days of a discharge (van Walraven C et al. CMAJ 2010;182:551-7). They stand beside a model as its
baselines. An input that is not known gives a range, never a zero.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

from data.codes import LACE_HIERARCHY, LACE_ITEMS, LACE_POINTS
from data.errors import InputError
from features.as_of import features_as_of
from features.history import THREADS, Histories
from features.meaning import meanings
from features.questions import Questions
from features.shards import Shard
from features.stay_kernel import (
    ACUTE_ENDED,
    ACUTE_STARTED,
    COMORBIDITY,
    EMERGENCY_VISIT,
    EMERGENT,
    stay_facts,
)
from features.vocabulary import Vocabulary
from features.window import days_of

SIX_MONTHS = 180
"""Days before the admission in which emergency visits count; the admission's day does not."""
YEAR = 365
"""Days before the admission in which admissions count, and since which comorbidities do."""

_WORSE = dict(LACE_HIERARCHY)
_PARTS = {
    "ENC/acute_inpatient/started": ACUTE_STARTED,
    "ENC/acute_inpatient/ended": ACUTE_ENDED,
    "STAY/emergent": EMERGENT,
    "ENC/emergency/started": EMERGENCY_VISIT,
}
_PARTS_OF: WeakKeyDictionary[Vocabulary, tuple[np.ndarray, np.ndarray]] = WeakKeyDictionary()
_FACTS = ("admitted", "days", "emergent", "visits", "stays", "items")
_MOST = {"l": 7, "a": 3, "c": 5, "e": 4}


def lace(histories: Histories, index: pd.DataFrame) -> pd.DataFrame:
    """LACE of one acute stay a question; one row a question, in the order of `index`, float64.

    The stay is the last one whose discharge is seen at as_of. Where `index` has admitted_on, it
    is the episode admitted on that day, perhaps in another hospital than the one it ended in: it
    ends with the last discharge seen at as_of among the stays begun since, so as_of is to lie
    before any later episode's discharge. Columns: l, a, c, e (points; NaN where not known),
    lace_low and lace_high (equal where all four are known; NaN where there is no stay),
    lace_without_a (l + c + e: the partial score of sources without admission types).

    L: days from admission to discharge, of an episode from its first admission to its last
    discharge. A: an emergency, urgent or trauma admission, of an episode that of the stay which
    began on admitted_on (not known where its discharge is not seen). C: items seen from 365 days
    before the admission until as_of; of two severities of one disease the worse counts. E:
    emergency visits in the 180 days before the day of admission.
    """
    facts = _stay_facts(histories, index)
    nothing = np.full(len(index), np.nan)

    def known(fact: str, feed: str) -> np.ndarray:
        return facts[fact].to_numpy() if feed in histories.carries else nothing

    points = pd.DataFrame(
        {
            "l": length_points(known("days", "encounter")),
            "a": 3.0 * known("emergent", "admission_type"),
            "c": comorbidity_points(known("items", "diagnosis")),
            "e": np.minimum(known("visits", "emergency_visits"), 4.0),
        },
        index=index.index,
    )
    there = facts["admitted"].notna()
    low = points.fillna(0.0).sum(axis=1).where(there)
    high = points.fillna(_MOST).sum(axis=1).where(there)
    partial = points[["l", "c", "e"]].sum(axis=1, skipna=False)
    return pd.DataFrame({"lace_low": low, "lace_high": high, **points, "lace_without_a": partial})


def prior_admissions(histories: Histories, index: pd.DataFrame) -> pd.Series:
    """Acute admissions in the 365 days before the stay's day of admission; one a question.

    The stay is that of `lace`. NaN where there is none.
    """
    return _stay_facts(histories, index)["stays"].rename("prior_admissions")


def prior_year_cost(histories: Histories, index: pd.DataFrame) -> pd.Series:
    """Allowed amount in the 365 days up to as_of, US dollars; one a question.

    Of claims; where the source's costs are told by calendar year (cost_covers of its manifest,
    or no claims carried), that of the last year whose total is known. NaN where neither is
    carried, or no yearly total is seen.
    """
    by_year = histories.manifest.get("cost_covers") == "year"
    by_claim = "cost_claim" in histories.carries and not by_year
    name = "cost_total_365" if by_claim else "costyear_total_last_year"
    return features_as_of(histories, index, [name])[name].rename("prior_year_cost")


def length_points(days: np.ndarray) -> np.ndarray:
    """LACE's points for the length of stay in days: <1 → 0, 1, 2, 3, 4–6 → 4, 7–13 → 5, ≥14 → 7."""
    points = np.select([days < 1, days < 4, days < 7, days < 14], [0.0, days, 4.0, 5.0], 7.0)
    return np.where(np.isnan(days), np.nan, points)


def comorbidity_points(items: np.ndarray) -> np.ndarray:
    """LACE's points for comorbidity of bit sets over LACE_ITEMS: 0–3 as they add up, ≥4 → 5."""
    bits = np.nan_to_num(items).astype(np.int64)
    has = {item: (bits >> place) & 1 for place, item in enumerate(LACE_ITEMS)}
    total = np.zeros(len(bits), np.int64)
    for item, present in has.items():
        worse = has[_WORSE[item]] if item in _WORSE else 0
        total += LACE_POINTS[item] * present * (1 - worse)
    return np.where(np.isnan(items), np.nan, np.where(total >= 4, 5, total))


def _stay_facts(histories: Histories, index: pd.DataFrame) -> pd.DataFrame:
    if "encounter" not in histories.carries:
        return pd.DataFrame(np.nan, index=index.index, columns=list(_FACTS))
    questions = Questions.of(index)
    admitted = np.full(len(index), -np.inf)
    if "admitted_on" in index.columns:
        admitted = days_of(index["admitted_on"].to_numpy(), "admitted_on").astype(np.float64)
        if (admitted > questions.day).any():
            raise InputError("The column admitted_on of the questions lies after as_of somewhere.")
    out = np.empty((len(index), len(_FACTS)), np.float64)
    part, items = _parts_of(histories.vocabulary)  # the one of every shard

    def one_shard(shard: Shard, rows: np.ndarray, patients: np.ndarray) -> None:
        stay_facts(
            out, shard.first_event, shard.happened, shard.known, shard.superseded, shard.code,
            shard.value, patients, questions.day[rows], admitted[rows], rows,
            part, items, SIX_MONTHS, YEAR,
        )  # fmt: skip

    questions.each_shard(histories, one_shard, THREADS)
    return pd.DataFrame(out, index=index.index, columns=list(_FACTS))


def _parts_of(vocabulary: Vocabulary) -> tuple[np.ndarray, np.ndarray]:
    """The part of each event code in the scores (0: none), and its comorbidity items, a bit set."""
    found = _PARTS_OF.get(vocabulary)
    if found is None:
        places = {f"LACE/{item}": place for place, item in enumerate(LACE_ITEMS)}
        part = np.zeros(len(vocabulary), np.int64)
        items = np.zeros(len(vocabulary), np.int64)
        for code, named in enumerate(meanings(vocabulary.codes)):
            for meaning in named:
                if meaning.concept in places:
                    part[code] = COMORBIDITY
                    items[code] |= 1 << places[meaning.concept]
                elif meaning.concept in _PARTS:
                    part[code] = _PARTS[meaning.concept]
        found = _PARTS_OF[vocabulary] = (part, items)
    return found
