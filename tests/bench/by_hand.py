"""Sixty features beside what SQL and pandas need for the same numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.as_of import features_as_of
from features.feature_file import FeatureFile
from tests.bench.frames import as_tidied, as_written, frame_of
from tests.bench.measuring import Line, Setting, beside, seconds, times_faster, writing
from tests.bench.population import END
from tests.bench.scan import DAY
from tests.bench.sixty import NAMES, assert_equal
from tests.bench.sql import Sql, write_events

IN_PANDAS = 10_000


def sql(given: Setting) -> list[Line]:
    """Bar: at least 5 times as fast as filtered aggregates in DuckDB, and the same numbers."""
    path, target = given.scratch / "events.parquet", given.scratch / "sixty"
    write_events(given.histories, path)
    engine = writing(given.histories, [END], target, given.times, NAMES)
    asked = Sql(path, given.patients, DAY)
    taken = seconds(asked.run, given.times)
    assert_equal(asked.answer(), FeatureFile.open(target).array(), "SQL")
    asked.close()
    said = f"{len(NAMES)} features of {given.patients:,} patients, written out"
    return [times_faster(said, engine, "the same in SQL, into a table in memory", taken, 5)]


def pandas(given: Setting) -> list[Line]:
    """Bar: at least 50 times as fast as pandas on some of the patients, and the same numbers."""
    histories = given.populations.of(min(IN_PANDAS, given.patients))
    index = pd.DataFrame({"patient_id": histories.patients(), "as_of": pd.Timestamp(END)})
    engine = seconds(lambda: features_as_of(histories, index, NAMES), 3 * given.times)
    events = frame_of(histories)
    told = features_as_of(histories, index, NAMES).to_numpy()
    taken = {}
    for way in (as_written, as_tidied):
        taken[way] = seconds(lambda way=way: way(events, index), given.times)
        assert_equal(way(events, index)[NAMES].to_numpy(np.float32), told, "pandas")
    said = f"{len(NAMES)} features of {len(index):,} patients, as a frame"
    return [
        times_faster(said, engine, "the same in pandas", taken[as_written], 50),
        beside("  the same in pandas, tidied for speed", taken[as_tidied], "as a frame", engine),
    ]
