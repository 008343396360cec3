"""Sixty features beside what SQL and pandas need for the same numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.as_of import features_as_of
from features.feature_file import FeatureFile
from tests.bench.frames import as_tidied, as_written, frame_of
from tests.bench.measuring import Line, Setting, Work, beside, medians, times_faster, writing
from tests.bench.population import END
from tests.bench.scan import DAY
from tests.bench.sixty import NAMES, assert_equal
from tests.bench.sql import Sql, write_events

IN_PANDAS = 10_000


def sql(given: Setting) -> list[Line]:
    """Bar: at least 5 times as fast as filtered aggregates in DuckDB, and the same numbers."""
    path, target = given.scratch / "events.parquet", given.scratch / "sixty"
    write_events(given.histories, path)
    asked = Sql(path, given.patients, DAY)
    engine, taken = medians(
        given.times, writing(given.histories, [END], target, NAMES), Work(asked.run)
    )
    assert_equal(asked.answer(), FeatureFile.open(target).array(), "SQL")
    asked.close()
    said = f"{len(NAMES)} features of {given.patients:,} patients, written out"
    return [times_faster(said, engine, "the same in SQL, into a table in memory", taken, 5)]


def pandas(given: Setting) -> list[Line]:
    """Bar: at least 50 times as fast as pandas on some of the patients, and the same numbers."""
    histories = given.populations.of(min(IN_PANDAS, given.patients))
    index = pd.DataFrame({"patient_id": histories.patients(), "as_of": pd.Timestamp(END)})
    path = given.scratch / "events.parquet"
    frame_of(histories).to_parquet(path)
    events = pd.read_parquet(path)
    told = features_as_of(histories, index, NAMES).to_numpy()
    for way in (as_written, as_tidied):
        assert_equal(way(events, index)[NAMES].to_numpy(np.float32), told, "pandas")
    engine, written, tidied = medians(
        given.times,
        Work(lambda: features_as_of(histories, index, NAMES)),
        Work(lambda: as_written(pd.read_parquet(path), index)),
        Work(lambda: as_tidied(pd.read_parquet(path), index)),
    )
    said = f"{len(NAMES)} features of {len(index):,} patients, as a frame"
    return [
        times_faster(said, engine, "the same in pandas", written, 50),
        beside("  the same in pandas, tidied for speed", tidied, "as a frame", engine),
    ]
