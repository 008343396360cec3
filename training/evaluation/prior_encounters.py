"""The baseline of a task about encounters: how many of these kinds there were in the last year."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.as_of import answers
from features.definitions.declaration import Channel, Feature
from features.history import Histories
from features.plan import plan_of
from features.window import Window
from training.fitting.matrix import index_of

YEAR = Window(365)


def prior_encounters(
    histories: Histories, rows: pd.DataFrame, kinds: Sequence[str]
) -> NDArray[np.float64]:
    """Encounters of these kinds that began in the year up to as_of, as far as known then; one
    entry a row."""
    counted = Feature(
        name="prior_encounters", family="utilisation", concept="prior encounters",
        words=f"{{value}} encounters {YEAR.words}", unit="count", source="encounter",
        feed="encounter", channel=Channel("prior", tuple(f"ENC/{kind}/started" for kind in kinds)),
        how="count", window=YEAR,
    )  # fmt: skip
    index = index_of(rows)[["patient_id", "as_of"]]
    found = answers(histories, index, plan_of([counted], histories.carries))
    return found[counted.name].to_numpy(dtype=np.float64)
