"""The truth beside the data: what no real source can tell.

It is written for evaluation only, into a folder of its own; nothing that scores may read it.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from .membership import covered_at_all
from .returns import WINDOW
from .state import (
    ADHERENCE,
    C_DISPOSITION,
    C_END,
    C_FOLLOWED,
    C_KIND,
    C_MEMBER,
    C_PLANNED,
    C_SEQ,
    C_START,
    C_TRANSFER_OF,
    CONDITION_BITS,
    COVER_1,
    COVER_1_END,
    COVER_2,
    COVER_2_END,
    DEATH,
    DRUG_BITS,
    MEMBER,
    SINCE,
)  # fmt: skip
from .stays import ACUTE, DIED
from .tables import NOTHING, encounter_ids, patient_ids
from .text import choose, dates, where
from .vocabulary import CONDITION_COUNT, CONDITION_NAMES, DRUG_CONDITION, DRUG_COUNT, DRUGS

__all__ = ["WINDOW", "conditions", "discharges", "member_dates", "treatments"]


def discharges(contacts: np.ndarray, odds: np.ndarray, last: int) -> pa.Table:
    """One row an acute discharge by ``last``.

    ``risk`` is the chance that an unplanned acute admission comes first within 30 days, as
    cms_hwr labels it; empty where the person died in the stay or the stay went on in another
    hospital (``continued``). ``planned`` is what was meant, ``transfer_of`` the stay that this
    one continues, ``follow_up`` whether a visit was arranged.
    """
    acute = np.flatnonzero((contacts[:, C_KIND] == ACUTE) & (contacts[:, C_END] <= last))
    x = contacts[acute]
    risk = odds[acute]
    died = x[:, C_DISPOSITION] == DIED
    origin = x[:, C_TRANSFER_OF]
    before = encounter_ids(x[:, C_MEMBER], np.maximum(origin, 0))
    return pa.table({
        "patient_id": patient_ids(x[:, C_MEMBER]),
        "encounter_id": encounter_ids(x[:, C_MEMBER], x[:, C_SEQ]),
        "admitted_on": dates(x[:, C_START], NOTHING),
        "discharged_on": dates(x[:, C_END], NOTHING),
        "died": died,
        "planned": x[:, C_PLANNED] == 1,
        "continued": np.isnan(risk) & ~died,
        "transfer_of": where(origin >= 0, before),
        "follow_up": x[:, C_FOLLOWED] == 1,
        "risk": pa.array(risk, mask=np.isnan(risk)),
    })  # fmt: skip


def conditions(counted: np.ndarray, last: int) -> pa.Table:
    """One row a true chronic condition of a person, coded or not; ``since`` its onset."""
    x = counted[covered_at_all(counted, last)]
    member, which = np.nonzero((x[:, [CONDITION_BITS]] >> np.arange(CONDITION_COUNT)) & 1)
    return pa.table({
        "patient_id": patient_ids(x[member, MEMBER]),
        "condition": choose(CONDITION_NAMES, which),
        "since": dates(x[member, SINCE + which], NOTHING),
    })  # fmt: skip


def treatments(counted: np.ndarray, measured: np.ndarray, last: int) -> pa.Table:
    """One row a drug that a person is prescribed; ``adherence`` as it was at the end."""
    seen = covered_at_all(counted, last)
    x, f = counted[seen], measured[seen]
    member, which = np.nonzero((x[:, [DRUG_BITS]] >> np.arange(DRUG_COUNT)) & 1)
    return pa.table({
        "patient_id": patient_ids(x[member, MEMBER]),
        "drug": choose([d.code for d in DRUGS], which),
        "since": dates(x[member, SINCE + DRUG_CONDITION[which]], NOTHING),
        "adherence": f[member, ADHERENCE],
    })  # fmt: skip


def cents_ahead(amounts: np.ndarray, first: int, count: int, as_of: np.ndarray) -> np.ndarray:
    """Final allowed cents of each member in the 365 days after each date, shape (count, dates)."""
    out = np.zeros((count, len(as_of)), np.int64)
    for d, day in enumerate(as_of):
        within = (amounts[:, 1] > day) & (amounts[:, 1] <= day + 365)
        np.add.at(out[:, d], amounts[within, 0] - first, amounts[within, 2])
    return out


def present(counted: np.ndarray, as_of: np.ndarray, look_back: int) -> np.ndarray:
    """Whether alive and covered on each date, and first covered ``look_back`` days before."""
    x = counted[:, :, None]
    inside = ((x[:, COVER_1] <= as_of) & (as_of <= x[:, COVER_1_END])) | (
        (x[:, COVER_2] <= as_of) & (as_of <= x[:, COVER_2_END])
    )
    return inside & (x[:, DEATH] > as_of) & (x[:, COVER_1] <= as_of - look_back)


def member_dates(
    member: np.ndarray, as_of: np.ndarray, chance: np.ndarray, cents: np.ndarray, threshold: int
) -> pa.Table:
    """One row a person and as-of date, where alive and covered.

    ``chance`` is the probability that the allowed amount of (as_of, as_of + 365] passes
    ``threshold_cents``, coverage lasting; ``allowed_cents`` is what it came to in this world.
    """
    row, date = np.nonzero(~np.isnan(chance))
    return pa.table({
        "patient_id": patient_ids(member[row]),
        "as_of": dates(as_of[date], NOTHING),
        "chance": chance[row, date],
        "allowed_cents": cents[row, date],
        "threshold_cents": np.full(len(row), threshold, np.int64),
    })  # fmt: skip
