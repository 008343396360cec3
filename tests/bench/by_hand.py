"""Sixty features beside what SQL and pandas need for the same numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.feature_file import FeatureFile, write_features
from tests.bench.frames import frame_of, sixty_of
from tests.bench.measuring import Line, Setting, seconds, times_faster
from tests.bench.population import END
from tests.bench.scan import DAY
from tests.bench.sixty import NAMES, assert_equal
from tests.bench.sql import Sql, write_events

IN_PANDAS = 10_000


def sql(given: Setting) -> list[Line]:
    """Bar: at least 5 times as fast as filtered aggregates in DuckDB, and the same numbers."""
    path, target = given.scratch / "events.parquet", given.scratch / "sixty"
    write_events(given.histories, path)
    engine = seconds(lambda: write_features(given.histories, [END], target, NAMES), given.times)
    asked = Sql(path, given.patients, DAY)
    taken = seconds(asked.run, given.times)
    assert_equal(asked.answer(), FeatureFile.open(target).array(), "SQL")
    asked.close()
    path.unlink()
    said = f"{len(NAMES)} features of {given.patients:,} patients, written out"
    return [times_faster(said, engine, "the same in SQL, into a table in memory", taken, 5)]


def pandas(given: Setting) -> list[Line]:
    """Bar: at least 50 times as fast as pandas on some of the patients, and the same numbers."""
    target = given.scratch / "few"
    histories = given.populations.of(min(IN_PANDAS, given.patients))
    engine = seconds(lambda: write_features(histories, [END], target, NAMES), 3 * given.times)
    written = FeatureFile.open(target)
    people, day = pd.Index(written.questions()["patient_id"]), pd.Timestamp(END)
    events = frame_of(histories)
    taken = seconds(lambda: sixty_of(events, people, day), given.times)
    found = sixty_of(events, people, day)[NAMES].to_numpy(np.float32)
    assert_equal(found, written.array(), "pandas")
    said = f"{len(NAMES)} features of {len(people):,} patients, written out"
    return [times_faster(said, engine, "the same in pandas, of a frame in memory", taken, 50)]
