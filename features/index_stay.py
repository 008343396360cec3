"""The acute stay that a question is about, and what the scores that clinicians know ask about it.

The stay is the last one whose discharge is seen at as_of. Where the questions have admitted_on, it
is the episode admitted on that day, perhaps in another hospital than the one it ended in: it ends
with the last discharge seen at as_of among the stays begun since, so as_of is to lie before any
later episode's discharge.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

from data.codes import LACE_ITEMS
from data.errors import InputError
from features import stay_kernel as loop
from features.definitions import feature
from features.events import MISSED
from features.history import THREADS, Histories
from features.meaning import Meaning, meanings
from features.questions import Questions
from features.shards import Shard
from features.vocabulary import Vocabulary
from features.window import days_of

SIX_MONTHS = 180
"""Days before the admission in which emergency visits count; the admission's day does not."""
YEAR = 365
"""Days before the admission in which admissions count, and since which conditions do."""
CANCER = len(LACE_ITEMS)
"""The bit of `conditions` after LACE's items: a cancer, of skin only melanoma (Quan 2005)."""

_FEED = {
    "emergent": "admission_type", "visits": "emergency_visits", "conditions": "diagnosis",
    "procedures": "icd_procedures", "oncology": "specialty",
}  # fmt: skip
"""What a source must carry beside encounters for a fact to be known; of results that are not
carried none is the last one."""
_CONDITIONS = {
    **{f"LACE/{item}": place for place, item in enumerate(LACE_ITEMS)},
    "CHARLSON/cancer": CANCER,
    "CHARLSON/metastatic": CANCER,
}
_ICD_PROCEDURES = ("PX/ICD9PCS/", "PX/ICD10PCS/")
_PARTS = {
    "ENC/acute_inpatient/started": loop.ACUTE_STARTED,
    "ENC/acute_inpatient/ended": loop.ACUTE_ENDED,
    "STAY/emergent": loop.EMERGENT,
    "ENC/emergency/started": loop.EMERGENCY_VISIT,
    "LAB/haemoglobin": loop.HAEMOGLOBIN,
    "LAB/sodium": loop.SODIUM,
}
_ONCOLOGY = tuple(code.removesuffix("*") for code in feature("oncology_count_365").channel.codes)
_NOBODY_SEEN = f"ENC/{MISSED}/started"
_Parts = tuple[np.ndarray, np.ndarray, np.ndarray]
_PARTS_OF: WeakKeyDictionary[Vocabulary, _Parts] = WeakKeyDictionary()


def index_stay(histories: Histories, index: pd.DataFrame) -> pd.DataFrame:
    """What is asked about the stay; one row a question in the order of `index`, float64.

    `index` has patient_id, as_of and perhaps admitted_on (dates). NaN is not known: there is no
    such stay, nothing tells, or no feed carries it. Columns:

    - admitted: the day of admission, in days since 1970; days: from admission to discharge
    - emergent: 1 of an emergency, urgent or trauma admission, 0 of an elective one; of an episode
      that of the stay which began on admitted_on
    - visits: emergency visits in the SIX_MONTHS days before the day of admission; stays: acute
      admissions in the YEAR days before it
    - conditions: bit set over LACE_ITEMS and CANCER, coded from YEAR days before the admission
      to the discharge (to as_of where no discharge is seen)
    - haemoglobin (g/dL), sodium (mmol/L): the last result of the stay, from its first day to its
      day of discharge; not known where the last one has a unit that is not read. What an earlier
      stay or a visit before it said is no value at discharge
    - procedures: ICD-9-CM or ICD-10-PCS codes on these days (HCPCS codes every visit)
    - oncology: 1 where the last stay's clinician is one of cancer medicine, 0 where of another
      specialty (see `features.stay_kernel` for when it is not known)

    Raises InputError where admitted_on lies after as_of.
    """
    if "encounter" not in histories.carries:
        return pd.DataFrame(np.nan, index=index.index, columns=list(loop.FACTS))
    admitted = None
    if "admitted_on" in index.columns:
        admitted = days_of(index["admitted_on"].to_numpy(), "admitted_on")
    facts = stay_facts_of(histories, Questions.of(index), admitted)
    return pd.DataFrame(facts, index=index.index)


def stay_facts_of(
    histories: Histories, questions: Questions, admitted_on: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """The columns of `index_stay`, of questions that were read; `admitted_on` are days."""
    if "encounter" not in histories.carries:
        return {fact: np.full(len(questions), np.nan) for fact in loop.FACTS}
    admitted = np.full(len(questions), -np.inf)
    if admitted_on is not None:
        admitted = admitted_on.astype(np.float64)
        if (admitted > questions.day).any():
            raise InputError("The column admitted_on of the questions lies after as_of somewhere.")
    out = np.empty((len(questions), len(loop.FACTS)), np.float64)
    part, conditions, factor = _parts_of(histories.vocabulary)  # the one of every shard

    def one_shard(shard: Shard, rows: np.ndarray, patients: np.ndarray) -> None:
        loop.stay_facts(
            out, shard.first_event, shard.happened, shard.known, shard.superseded, shard.code,
            shard.value, patients, questions.day[rows], admitted[rows], rows,
            part, conditions, factor, SIX_MONTHS, YEAR,
        )  # fmt: skip

    questions.each_shard(histories, one_shard, THREADS)
    facts = {fact: out[:, place].copy() for place, fact in enumerate(loop.FACTS)}
    for fact, feed in _FEED.items():
        if feed not in histories.carries:
            facts[fact][:] = np.nan
    return facts


def _parts_of(vocabulary: Vocabulary) -> _Parts:
    """The part of each event code in the scores (0: none), its conditions (a bit set), and what
    turns its value into our unit (NaN: nothing does)."""
    found = _PARTS_OF.get(vocabulary)
    if found is None:
        part = np.zeros(len(vocabulary), np.int64)
        conditions = np.zeros(len(vocabulary), np.int64)
        factor = np.ones(len(vocabulary), np.float64)
        for place, (code, named) in enumerate(
            zip(vocabulary.codes, meanings(vocabulary.codes), strict=True)
        ):
            part[place] = _part_of_code(code)
            for meaning in named:
                if meaning.concept in _CONDITIONS:
                    part[place] = loop.CONDITION
                    conditions[place] |= 1 << _CONDITIONS[meaning.concept]
                elif meaning.concept in _PARTS:
                    part[place] = _PARTS[meaning.concept]
                    factor[place] = _factor(meaning)
        found = _PARTS_OF[vocabulary] = (part, conditions, factor)
    return found


def _part_of_code(code: str) -> int:
    """The part of a code by its own text, where that tells it."""
    if code.startswith(_ICD_PROCEDURES):
        return loop.PROCEDURE
    if code.startswith(_ONCOLOGY):
        return loop.ONCOLOGY
    if code.startswith("SPECIALTY/"):
        return loop.SPECIALTY
    if code.startswith("ENC/") and code.endswith("/started") and code != _NOBODY_SEEN:
        return loop.OTHER_STARTED
    return 0


def _factor(meaning: Meaning) -> float:
    return meaning.factor if meaning.value is None else meaning.value
