"""One patient through the API has the night's features, to the last bit."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from data.home import Home
from data.intake import current
from features.as_of import features_as_of
from features.definitions import FEATURES
from features.history import Histories
from serving.request_columns import event_tables
from serving.schemas import ScoreRequest
from serving.scoring import Models
from serving.sent_rows import SentRows
from tests.serving.test_nightly import rows_of

NIGHT = date(2024, 12, 31)
PATIENTS = 200


def discharges(home: Home) -> dict[str, date]:
    """The last day of an acute stay of PATIENTS people, by patient_id: the latest ones first."""
    stays = pq.read_table(
        current(home).tables["encounter"], columns=["patient_id", "kind", "ended_on"]
    )
    frame = stays.to_pandas().dropna()
    frame = frame[frame["kind"].eq("acute_inpatient") & (frame["ended_on"] <= NIGHT)]
    frame = frame.groupby("patient_id", observed=True)["ended_on"].max()
    last = frame.reset_index().sort_values(["ended_on", "patient_id"], ascending=[False, True])
    return {str(p): day for p, day in last.head(PATIENTS).itertuples(index=False)}


def test_one_patient_through_the_api_has_the_nights_features_to_the_last_bit(
    small_home: Home,
) -> None:
    models = Models.load(small_home)
    discharged = discharges(small_home)
    assert len(discharged) == PATIENTS
    night = Histories.open(small_home.histories)
    assert set(models.carries) >= {f.feed for f in FEATURES if f.feed in night.carries}
    index = pd.DataFrame(
        [(patient, day) for patient, left in discharged.items() for day in (left, NIGHT)],
        columns=["patient_id", "as_of"],
    )
    of_night = features_as_of(night, index)
    assert len(of_night.columns) == len(FEATURES)

    rows = rows_of(current(small_home), pa.array(list(discharged)))
    sent: dict[str, dict[str, list[dict[str, object]]]] = {
        patient: {name: [] for name in rows} for patient in discharged
    }
    for name, each in rows.items():
        for row in each:
            sent[row["patient_id"]][name].append(row)
    for patient, asked in index.groupby("patient_id", sort=False):
        request = SentRows.of(ScoreRequest.model_validate({"as_of": NIGHT, **sent[str(patient)]}))
        alone = Histories.of_tables(event_tables(request.tables), models.carries)
        of_one = features_as_of(alone, asked)
        expected = of_night.loc[asked.index]
        unlike = [
            name for name in expected if expected[name].to_numpy().tobytes()
            != of_one[name].to_numpy().tobytes()
        ]  # fmt: skip
        assert not unlike, unlike[:5]
        assert of_one.to_numpy().tobytes() == expected.to_numpy().tobytes()
