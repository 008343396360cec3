"""What the benchmarks measure is the same work: SQL and pandas come to the engine's numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from features.as_of import features_as_of
from features.feature_file import write_features
from tests.bench.frames import as_tidied, as_written, frame_of
from tests.bench.population import END, EVENTS, Populations
from tests.bench.scan import DAY
from tests.bench.sixty import NAMES, SIXTY, assert_equal
from tests.bench.sql import Sql, write_events


def test_sql_and_pandas_equal_the_engine(tmp_path: Path) -> None:
    assert len(SIXTY) == len(set(NAMES)) == 60
    held = Populations(tmp_path, members=150).of(400, shards=2)
    assert sum(held.patients_a_shard) == 400
    assert abs(sum(held.events_a_shard) / 400 - EVENTS) < 5

    written = write_features(held, [END], tmp_path / "features", NAMES)
    write_events(held, tmp_path / "events.parquet")
    sql = Sql(tmp_path / "events.parquet", 400, DAY)
    sql.run()
    assert_equal(sql.answer(), written.array(), "SQL")
    sql.close()

    index = pd.DataFrame({"patient_id": held.patients(), "as_of": pd.Timestamp(END)})
    told = features_as_of(held, index, NAMES).to_numpy()
    for way in (as_written, as_tidied):
        found = way(frame_of(held), index)
        assert list(found["patient_id"]) == list(index["patient_id"])
        assert_equal(found[NAMES].to_numpy(np.float32), told, "pandas")
    assert (told > 0).any(axis=0).sum() > 50
