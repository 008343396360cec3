"""The true risks of an invented population, where its files are there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from data.home import Home


def known_truth(home: Home, manifest: Mapping[str, Any]) -> Path | None:
    """The folder of the true risks, None unless `manifest` tells of invented people: an invented
    population that lies beside real people says nothing of them."""
    return home.invented / "truth" if manifest["origin"] == "invented" else None


def true_risk(folder: Path, task: str, rows: pd.DataFrame) -> NDArray[np.float64] | None:
    """The true risk of each row, NaN where none is written; None where there are no files.

    Readmission: `discharge.parquet` by encounter_id. High cost: `member_date.parquet` by
    patient_id and as_of (there for some dates only).
    """
    path = folder / ("discharge.parquet" if task == "readmission" else "member_date.parquet")
    if not path.is_file():
        return None
    if task == "readmission":
        known = pq.read_table(path, columns=["encounter_id", "risk"]).to_pandas()
        known = known.drop_duplicates("encounter_id").set_index("encounter_id")["risk"]
        found = known.reindex(rows["encounter_id"].to_numpy())
    else:
        known = pq.read_table(path, columns=["patient_id", "as_of", "chance"]).to_pandas()
        day = pd.to_datetime(known["as_of"]).to_numpy().astype("datetime64[D]").astype(np.int64)
        key = known["patient_id"].astype(str) + "@" + pd.Series(day).astype(str)
        table = pd.Series(known["chance"].to_numpy(), index=key).groupby(level=0).first()
        asked = rows["patient_id"].astype(str) + "@" + rows["as_of"].astype(str)
        found = table.reindex(asked.to_numpy())
    return found.to_numpy(dtype=np.float64)
