"""People of one home who are in another too: a model of the one may have learned from them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from data.generation import Taken

_SAME = ["patient_id", "birth_on"]


def people_in_both(one: Taken, other: Taken) -> NDArray:
    """The patient_id, in order, of whoever has the same id and a same day of birth in both member
    tables, in whichever of their versions. An id alone may be another person's: invented people of
    every seed are numbered alike."""
    ours, theirs = (_people(taken) for taken in (one, other))
    both = ours.join(theirs, keys=_SAME, join_type="inner")["patient_id"]
    return np.unique(both.to_numpy(zero_copy_only=False).astype(object))


def _people(taken: Taken) -> pa.Table:
    return taken.read("member", _SAME).group_by(_SAME).aggregate([])
