"""A MEDS dataset from elsewhere: what its rows become, and what of it is refused or rejected."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import meds
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.errors import InputError
from data.home import Home
from features.as_of import features_as_of
from features.definitions import FEATURES
from features.history import Histories
from features.meds import ImportReport, import_meds
from tests.features.meds_sets import foreign, same_events
from tests.features.rows import AS_OF, ago

DAYS = (AS_OF, ago(30), ago(365), ago(730))


def features_of(taken: Histories, patient: str, as_of: date, *names: str) -> list[float]:
    asked = pd.DataFrame({"patient_id": [patient], "as_of": [as_of]})
    return features_as_of(taken, asked, list(names)).iloc[0].tolist()


PERSON = [
    (7, None, "GENDER//F", None),
    (7, "1950-06-01", "MEDS_BIRTH", None),
    (7, "2020-10-01T08:30:00", "ICD10CM//I50.9", None),
    (7, "2020-12-01T23:59:59", "ICD10CM/E11.9", None),
    (7, "2020-12-20", "ICD10CM//J18.9", None),
    (7, "2020-09-01", "LOINC//718-7//g/L", 112.0),
    (7, "2020-12-01", "LOINC/718-7", 10.5),
]


def test_a_foreign_dataset_answers_as_its_rows_say(tmp_path: Path) -> None:
    taken = import_meds(foreign(tmp_path / "meds", PERSON), Home(tmp_path / "h"), delay_days=14)
    as_of = date(2020, 12, 31)
    names = ("age", "female", "diagnoses_count_30", "diagnoses_count_90", "diagnoses_count_365")
    # age: 1 June 1950 to 31 December 2020 is 70; female: the row without a time, on that day.
    # Known 14 days after: J18.9 of 20 December on 3 January, so it is not seen on 31 December.
    # (1 December, 31 December]: none, for as_of − 30 is 1 December itself, and out.
    # (2 October, 31 December]: E11.9; (1 January, 31 December]: I50.9 and E11.9.
    assert features_of(taken, "7", as_of, *names) == [70, 1, 0, 1, 2]
    # a day before 15 December, on which E11.9 and the second test of 1 December became known
    assert features_of(taken, "7", date(2020, 12, 14), "diagnoses_count_90") == [1]
    assert features_of(taken, "7", date(2020, 12, 15), "diagnoses_count_90") == [2]
    # haemoglobin: 112 g/L is 11.2 g/dL on 1 September; no unit counts as g/dL on 1 December
    labs = ("haemoglobin_last", "haemoglobin_count_365", "haemoglobin_change_365")
    last, count, change = features_of(taken, "7", as_of, *labs)
    assert (last, count) == (10.5, 2)
    assert change == pytest.approx(10.5 - 11.2, abs=1e-5)
    assert taken.carries == ("diagnosis", "icd10_diagnoses", "lab_result", "member")
    # what no row shows is missing, not zero
    missing = ("emergency_visits_count_365", "drug_fills_count_365", "cost_inpatient_365")
    assert np.isnan(features_of(taken, "7", as_of, *missing)).all()
    assert taken.data_through == date(2020, 12, 20) + timedelta(days=14)
    events = taken.events("7").to_pylist()
    assert {event["source_row"] for event in events} == {
        f"data/train/0.parquet:{row}" for row in range(1, 8)
    }


def test_without_a_delay_it_is_refused_in_one_sentence(tmp_path: Path) -> None:
    folder = foreign(tmp_path / "meds", PERSON)
    with pytest.raises(InputError, match="declare with --delay how many days"):
        import_meds(folder, Home(tmp_path / "h"))
    with pytest.raises(InputError, match="number of days from 0"):
        import_meds(folder, Home(tmp_path / "h"), delay_days=-1)
    assert not (tmp_path / "h").exists()


def test_a_dataset_that_says_when_it_was_known_is_believed(tmp_path: Path) -> None:
    folder = foreign(
        tmp_path / "meds",
        [
            (7, "2020-12-01", "ICD10CM//I50.9", None),
            (7, "2020-12-01", "ICD10CM//E11.9", None),
            (7, "2020-12-01", "ICD10CM//J18.9", None),
        ],
        known_on=[date(2020, 12, 3), date(2020, 12, 5), None],
        superseded_on=[date(2020, 12, 5), None, None],
    )
    with pytest.raises(InputError, match="leave --delay away"):
        import_meds(folder, Home(tmp_path / "h"), delay_days=3)
    taken = import_meds(folder, Home(tmp_path / "h"))
    counts = [
        features_of(taken, "7", date(2020, 12, day), "diagnoses_count_30")[0]
        for day in (2, 3, 4, 5)
    ]
    assert counts == [0, 1, 1, 1]  # nothing; I50.9; I50.9; E11.9 in its place
    report = ImportReport.of(taken.manifest)
    assert [(r.column, r.rule, r.rows) for r in report.rejections] == [("known_on", "is empty", 1)]


def test_a_patient_of_two_files_in_any_order_is_one_patient(tmp_path: Path) -> None:
    whole = import_meds(foreign(tmp_path / "a", PERSON), Home(tmp_path / "ha"), delay_days=0)
    shuffled = Random(3).sample(PERSON, len(PERSON))
    other = [(8, "2020-05-05", "ICD10CM//I10", None)]
    folder = foreign(tmp_path / "b", shuffled[:3] + other, shuffled[3:])
    parted = import_meds(folder, Home(tmp_path / "hb"), delay_days=0)
    names = [feature.name for feature in FEATURES if feature.feed in whole.carries]
    asked = pd.DataFrame([("7", day) for day in DAYS], columns=["patient_id", "as_of"])
    expected, found = (features_as_of(each, asked, names) for each in (whole, parted))
    assert found.to_numpy().tobytes() == expected.to_numpy().tobytes()
    assert parted.patients() == ["7", "8"]


def test_codes_that_nothing_knows_are_kept_counted_and_reported(tmp_path: Path) -> None:
    folder = foreign(
        tmp_path / "meds",
        [
            (1, "2020-01-01", "SNOMED//84114007", None),
            (1, "2020-01-02", "SNOMED//84114007", None),
            (1, "2020-01-03", "LAB//51079//UNK", 3.0),
            (1, "2020-01-04", "ICD10CM//QQQ", None),
            (1, "2020-01-05", "ICD10CM//I50.9", None),
            (1, "2020-01-06", "LOINC//718-7", None),
            (1, "2020-01-07", "MEDS_DEATH", None),
            (1, "2020-01-07", "RxNorm//314076", 2.0),
        ],
    )
    taken = import_meds(folder, Home(tmp_path / "h"), delay_days=0)
    events = {event["code"]: event["value"] for event in taken.events("1").to_pylist()}
    assert set(events) == {
        "OTHER/SNOMED//84114007", "OTHER/LAB//51079//UNK", "OTHER/LOINC//718-7", "DX/ICD10CM/QQQ",
        "DX/ICD10CM/I509", "RX/RXNORM/314076",
    }  # fmt: skip
    assert events["OTHER/LAB//51079//UNK"] == 3.0
    assert np.isnan(events["RX/RXNORM/314076"])  # a dose, or days: MEDS does not say
    report = ImportReport.of(taken.manifest)
    assert (report.read, report.events, report.deaths, report.rejected) == (8, 7, 1, 0)
    assert (report.understood, report.without_number, report.drug_rows) == (3, 1, 1)
    unknown = {u.system: (u.rows, u.unknown_rows, u.most_frequent) for u in report.unknown_codes}
    assert unknown["other"][:2] == (7, 4)
    assert unknown["other"][2][0] == ("SNOMED//84114007", 2)
    assert unknown["ICD10CM"] == (2, 1, (("QQQ", 1),))
    # the fill counts; what rests on days of supply is missing, and not 0
    assert taken.carries == ("diagnosis", "drug_fill", "icd10_diagnoses")
    assert features_of(taken, "1", AS_OF, "drug_fills_count_365") == [1]
    assert np.isnan(features_of(taken, "1", AS_OF, "drug_fills_supply_365")[0])


def test_rejected_rows_are_kept_with_the_reason(tmp_path: Path) -> None:
    folder = foreign(
        tmp_path / "meds",
        [
            (None, "2020-01-01", "ICD10CM//I50.9", None),
            (1, "2020-01-01", None, None),
            (1, "2020-01-01", "ICD10CM//I50.9", None),
            (1, None, "GENDER//F", None),  # nobody says when subject 1 was born
            (1, "2020-01-01", "LOINC//718-7", float("inf")),
            (1, "2020-01-01", "", None),
            (1, "2020-02-01", "BILL", 12.5),
            (1, "2020-02-01", "BILL", None),
            (1, "2020-02-01", "BILL", 1250.0),
        ],
    )
    words = tmp_path / "words.csv"
    words.write_text("code,event_code\nBILL,COST/inpatient\n")
    home = Home(tmp_path / "h")
    taken = import_meds(folder, home, delay_days=0, codes=words)
    kept = pq.read_table(home.rejected / "meds.parquet").to_pylist()
    assert {row["file"] for row in kept} == {"data/train/0.parquet"}
    cents = "is no whole number of cents"
    birth = "is empty, and there is no birth of the subject to place the row on"
    assert sorted((row["line"], row["column"], row["reason"]) for row in kept) == [
        (1, "subject_id", "is empty"),
        (2, "code", "is empty"),
        (4, "time", birth),
        (5, "numeric_value", "is infinite"),
        (6, "code", "is empty"),
        (7, "numeric_value", cents),
        (8, "numeric_value", cents),
    ]
    first = next(row for row in kept if row["line"] == 1)
    assert json.loads(first["raw"])["code"] == "ICD10CM//I50.9"
    report = ImportReport.of(taken.manifest)
    assert (report.read, report.events, report.rejected) == (9, 2, 7)
    # 1,250 cents are 12.50 dollars
    assert features_of(taken, "1", date(2020, 2, 10), "cost_inpatient_90") == [12.5]


def test_a_users_words_go_first(tmp_path: Path) -> None:
    folder = foreign(
        tmp_path / "meds",
        [
            (1, "2020-12-01", "HOSPITAL_ADMISSION//EW EMER.//ER", None),
            (1, "2020-12-02", "ED//IN", None),
            (1, "2020-12-03", "NDC//00003-0293-20", 30.0),
            (1, "2020-12-04", "HB", 11.0),
            (1, "2020-12-05", "ICD10CM//I50.9", None),
        ],
        unit=[None, None, None, "g/dL", None],
    )
    words = tmp_path / "words.csv"
    words.write_text(
        "code,event_code,value\n"
        "HOSPITAL_ADMISSION//*,ENC/acute_inpatient/started,\n"
        "ED//IN,ENC/emergency/started,\n"
        "NDC//*,RX/NDC/*,\n"
        "HB,LAB/718-7,\n"
        "ICD10CM//I50.9,DX/ICD10CM/e11.9,\n"
    )
    taken = import_meds(folder, Home(tmp_path / "h"), delay_days=0, codes=words)
    events = [(event["code"], event["value"]) for event in taken.events("1").to_pylist()]
    assert [code for code, _ in events] == [
        "ENC/acute_inpatient/started", "ENC/emergency/started", "RX/NDC/00003029320",
        "LAB/718-7/g/dL", "DX/ICD10CM/E119",
    ]  # fmt: skip
    assert (events[2][1], events[3][1]) == (30.0, 11.0)
    assert set(taken.carries) == {
        "days_supply", "diagnosis", "drug_fill", "emergency_visits", "encounter",
        "icd10_diagnoses", "lab_result",
    }  # fmt: skip
    names = ("emergency_visits_count_30", "drug_fills_count_30", "haemoglobin_last")
    assert features_of(taken, "1", AS_OF, *names) == [1, 1, 11]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("theirs,ours\nA,B\n", "needs the columns code and event_code"),
        ("code,event_code\nA,DX/ICD11/1\n", "line 2: 'DX/ICD11/1' is no event code"),
        ("code,event_code\nA,ENC/ward/started\n", "is no event code"),
        ("code,event_code\nA,LAB/1-8\nA,LAB/2-6\n", "line 3: the code is empty, or stands there"),
        ("code,event_code,value\nA,PERSON/female,yes\n", "the value 'yes' is no number"),
        (None, "is not there"),
    ],
)
def test_a_users_words_are_checked(tmp_path: Path, text: str | None, reason: str) -> None:
    words = tmp_path / "words.csv"
    if text is not None:
        words.write_text(text)
    with pytest.raises(InputError, match=reason):
        import_meds(foreign(tmp_path / "m", PERSON), Home(tmp_path / "h"), 0, words)


def test_a_local_code_means_what_its_one_known_parent_means(tmp_path: Path) -> None:
    folder = foreign(
        tmp_path / "meds",
        [
            (1, "2020-12-01", "LAB//RESULT//50912//mg/dL", 1.5),
            (1, "2020-12-02", "SITE//DX//12", None),
            (1, "2020-12-03", "SITE//DX//13", None),
            (1, "2020-12-04", "DIAGNOSIS//ICD//9//4280", None),
        ],
    )
    named = pa.table(
        {
            "code": ["LAB//RESULT//50912//mg/dL", "SITE//DX//12", "SITE//DX//13"],
            "description": pa.nulls(3, pa.string()),
            "parent_codes": [
                ["LOINC/2160-0"], ["ICD10CM/I50.9", "SNOMED/84114007"],
                ["ICD10CM/I50.9", "ICD10CM/E11.9"],
            ],
        }
    )  # fmt: skip
    (folder / "metadata").mkdir()
    pq.write_table(named, folder / meds.code_metadata_filepath)
    taken = import_meds(folder, Home(tmp_path / "h"), delay_days=0)
    assert [event["code"] for event in taken.events("1").to_pylist()] == [
        "LAB/2160-0/mg/dL", "DX/ICD10CM/I509", "OTHER/SITE//DX//13", "DX/ICD9CM/4280",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda table: table.drop_columns(["time"]), "lacks the column time"),
        (
            lambda table: table.set_column(0, "subject_id", pa.array(["x"] * len(table))),
            "the column subject_id is string, and MEDS wants int64",
        ),
        (
            lambda table: table.append_column("known_on", pa.array(["soon"] * len(table))),
            "the column known_on holds no days",
        ),
    ],
)
def test_what_is_no_meds_is_refused(tmp_path: Path, change: Any, reason: str) -> None:
    folder = foreign(tmp_path / "meds", PERSON)
    path = folder / "data" / "train" / "0.parquet"
    pq.write_table(change(pq.read_table(path)), path)
    with pytest.raises(InputError, match=reason):
        import_meds(folder, Home(tmp_path / "h"), delay_days=0)


def test_types_that_hold_the_same_are_read(tmp_path: Path) -> None:
    folder = foreign(tmp_path / "meds", PERSON)
    expected = import_meds(folder, Home(tmp_path / "a"), delay_days=0).events("7")
    path = folder / "data" / "train" / "0.parquet"
    table = pq.read_table(path)
    other = pa.table(
        {
            "subject_id": table["subject_id"].cast(pa.int32()),
            "time": table["time"].cast(pa.timestamp("ns")),
            "code": table["code"].cast(pa.large_string()).dictionary_encode(),
            "numeric_value": table["numeric_value"].cast(pa.float64()),
        }
    )
    pq.write_table(other, path)
    found = import_meds(folder, Home(tmp_path / "b"), delay_days=0).events("7")
    assert same_events(found, expected)


def test_files_that_are_no_dataset_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no MEDS dataset"):
        import_meds(tmp_path, Home(tmp_path / "h"), delay_days=0)
    folder = foreign(tmp_path / "meds", PERSON)
    (folder / "metadata").mkdir()
    (folder / meds.dataset_metadata_filepath).write_text('{"dataset_name": 3}')
    with pytest.raises(InputError, match="DatasetMetadataSchema"):
        import_meds(folder, Home(tmp_path / "h"), delay_days=0)
    (folder / meds.dataset_metadata_filepath).unlink()
    splits = pa.table({"subject_id": [7], "split": ["train"], "more": [1]})
    pq.write_table(splits, folder / meds.subject_splits_filepath)
    with pytest.raises(InputError, match="SubjectSplitSchema"):
        import_meds(folder, Home(tmp_path / "h"), delay_days=0)
    (folder / meds.subject_splits_filepath).unlink()
    (folder / "data" / "broken.parquet").write_text("no")
    with pytest.raises(InputError, match="is not a Parquet file"):
        import_meds(folder, Home(tmp_path / "h"), delay_days=0)


def test_where_no_row_can_be_taken_in_nothing_changes(tmp_path: Path) -> None:
    home = Home(tmp_path / "h")
    import_meds(foreign(tmp_path / "good", PERSON), home, delay_days=0)
    before = (home.histories / "manifest.json").read_bytes()
    bad = foreign(tmp_path / "bad", [(7, None, "GENDER//F", None)])
    with pytest.raises(InputError, match="None of the 1 rows"):
        import_meds(bad, home, delay_days=0)
    assert (home.histories / "manifest.json").read_bytes() == before
    assert len(pq.read_table(home.rejected / "meds.parquet")) == 1
