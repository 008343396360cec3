"""Who is somebody's patient already, as the source's care management tells it.

Somebody counts as managed who was enrolled in the last 365 days and has not left since: programmes
seldom tell an end, so that an older enrolment says nothing. Whoever was discharged in the last 30
days is called all the same: outreach after a discharge is due to everybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd

from features.as_of import features_as_of
from features.history import Histories

MANAGED = "somebody's patient already, by the feed of care management"
_ENROLLED, _LEFT = "outreach_enrolled_any_365", "outreach_closed_since_enrolment"


def managed(histories: Histories, patients: Sequence[str], as_of: date) -> np.ndarray:
    """Whether each of some patients is somebody's already, as known on a day (bool); nobody where
    there is no such feed."""
    if "outreach" not in histories.carries or not len(patients):
        return np.zeros(len(patients), dtype=bool)
    asked = pd.DataFrame({"patient_id": list(patients), "as_of": as_of})
    told = features_as_of(histories, asked, [_ENROLLED, _LEFT])
    return (told[_ENROLLED].eq(1) & ~told[_LEFT].eq(1)).to_numpy()
