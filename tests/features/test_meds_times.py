"""Rows of a MEDS dataset without a time, or with one that no calendar has."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from data.home import Home
from features.meds import ImportReport, import_meds
from features.window import to_day
from tests.features.meds_sets import foreign
from tests.features.rows import AS_OF
from tests.features.test_meds_foreign import PERSON, features_of

UNTIMED = [
    ("ICD10CM//C78.7", None), ("ICD10PCS//0SRC0J9", None), ("ATC//C10AA05", 30.0),
    ("LOINC//718-7", 9.0), ("BILL", 1250.0), ("AREA", 80.0), ("SITE//1", None),
]  # fmt: skip


def test_what_comes_without_a_time_is_not_known_from_birth(tmp_path: Path) -> None:
    folder = foreign(tmp_path / "meds", [*PERSON, *((7, None, *each) for each in UNTIMED)])
    words = tmp_path / "words.csv"
    words.write_text("code,event_code\nBILL,COST/inpatient\nAREA,PERSON/area_index\n")
    home = Home(tmp_path / "h")
    taken = import_meds(folder, home, delay_days=14, codes=words)
    born = to_day(date(1950, 6, 1))
    of_birth = {e["code"] for e in taken.events("7").to_pylist() if e["happened_on"] == born}
    assert of_birth == {"PERSON/born", "PERSON/female"}
    alone = import_meds(foreign(tmp_path / "alone", PERSON), Home(tmp_path / "a"), delay_days=14)
    assert taken.carries == alone.carries  # a row that is rejected shows no feed
    report = ImportReport.of(taken.manifest)
    reason = "is empty, and only birth and sex are told without a day"
    assert [(r.column, r.rule, r.rows) for r in report.rejections] == [("time", reason, 7)]
    kept = pq.read_table(home.rejected / "meds.parquet").to_pylist()
    assert sorted(json.loads(row["raw"])["code"] for row in kept) == sorted(c for c, _ in UNTIMED)
    # metastases, with an unknown day: seen neither early nor late
    assert features_of(taken, "7", date(1960, 1, 1), "diagnoses_count_365") == [0]
    assert features_of(taken, "7", AS_OF, "diagnosis_42_365", "diagnoses_count_365") == [0, 2]


def test_a_time_out_of_the_calendar_is_rejected(tmp_path: Path) -> None:
    folder = foreign(tmp_path / "meds", PERSON)
    path = folder / "data" / "train" / "0.parquet"
    table = pq.read_table(path)
    times = table["time"].cast(pa.int64()).to_pylist()
    times[2:4] = [10**18, -(10**18)]  # the years 33658 and −29719
    changed = pa.array(times, pa.int64()).cast(pa.timestamp("us"))
    pq.write_table(table.set_column(1, "time", changed), path)
    home = Home(tmp_path / "h")
    import_meds(folder, home, delay_days=0)
    kept = pq.read_table(home.rejected / "meds.parquet").to_pylist()
    reason = "is not between the years 1 and 9999"
    assert [(row["line"], row["reason"]) for row in kept] == [(3, reason), (4, reason)]
    assert [json.loads(row["raw"])["code"] for row in kept] == ["ICD10CM//I50.9", "ICD10CM/E11.9"]
