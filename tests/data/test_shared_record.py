"""A record_id stands for one fact of one patient, from intake to the facts of training."""

from __future__ import annotations

from datetime import date

import pyarrow.parquet as pq
import pytest

from data.home import Home
from data.intake import current, take_in
from tests.data.canonical_fixture import file_id, fingerprint, write
from training.cohorts.facts import final_facts

HEADER = "record_id,patient_id,kind,started_on,ended_on,known_on\n"
OF_P1 = "1,p1,acute_inpatient,2020-03-01,,2020-03-01\n"
OF_P1_LATER = "1,p1,acute_inpatient,2020-03-01,2020-03-05,2020-03-05\n"
OF_P2 = "1,p2,acute_inpatient,2020-06-01,2020-06-04,2020-06-05\n"
OF_P2_SAME_DAY = "1,p2,acute_inpatient,2020-03-01,2020-03-05,2020-03-05\n"
THROUGH = (date(2021, 12, 31) - date(1970, 1, 1)).days


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


def reasons(home: Home) -> list[tuple]:
    rows = pq.read_table(home.rejected / "encounter.parquet").to_pylist()
    return [(row["file"], row["line"], row["column"], row["reason"]) for row in rows]


def conflict(first: str) -> str:
    return (
        f"record_id: contradicts {first}, an earlier row of the same record_id and another patient"
    )


def final_stays(home: Home) -> list[tuple]:
    facts = final_facts(current(home).tables["encounter"], ["ended_on"], THROUGH)
    return list(facts[["record_id", "patient_id", "ended_on"]].itertuples(index=False, name=None))


def test_the_first_patient_keeps_the_record_and_its_stay_reaches_training(home, tmp_path):
    text = HEADER + OF_P1 + OF_P2 + OF_P1_LATER + OF_P2_SAME_DAY
    text += "2,p2,acute_inpatient,2020-06-01,2020-06-04,2020-06-05\n"
    folder = write(tmp_path / "in", encounter=text)
    report = take_in(home, "canonical", folder)
    assert report.rows["encounter"] == 3
    name = file_id(folder, "encounter.csv")
    assert reasons(home) == [(name, n, "record_id", conflict(f"{name}:2")) for n in (3, 5)]
    assert [(count.rule, count.rows) for count in report.rejections] == [
        ("record_id: contradicts an earlier row of the same record_id and another patient", 2)
    ]
    ended = [(day - date(1970, 1, 1)).days for day in (date(2020, 3, 5), date(2020, 6, 4))]
    assert final_stays(home) == [("1", "p1", ended[0]), ("2", "p2", ended[1])]
    before = fingerprint(home)
    again = take_in(home, "canonical", folder)
    assert fingerprint(home) == before
    assert again.files == report.files


def test_what_was_taken_in_before_holds_its_record(home, tmp_path):
    # ten rows, so that line 10 comes before line 2 as text
    filling = "".join(f"f{n},p1,office,2020-01-01,,2020-01-01\n" for n in range(7))
    first = write(tmp_path / "z", encounter=HEADER + OF_P1 + filling + OF_P1_LATER)
    take_in(home, "canonical", first)
    (tmp_path / "a" / "encounter").mkdir(parents=True)
    (tmp_path / "a" / "encounter" / "0.csv").write_text(HEADER + OF_P2)
    report = take_in(home, "canonical", tmp_path / "a")
    assert (report.read, report.rejected) == (1, 1)
    name, held_by = file_id(tmp_path / "a", "encounter/0.csv"), file_id(first, "encounter.csv")
    assert reasons(home) == [(name, 2, "record_id", conflict(f"{held_by}:2"))]
    assert {patient for record, patient, _ in final_stays(home) if record == "1"} == {"p1"}


def test_the_same_number_in_two_tables_is_no_conflict(home, tmp_path):
    codes = "record_id,patient_id,happened_on,code_system,code,known_on\n"
    folder = write(
        tmp_path / "in",
        encounter=HEADER + OF_P1,
        diagnosis=codes + "1,p2,2020-06-01,ICD10CM,I50.22,2020-06-01\n",
    )
    report = take_in(home, "canonical", folder)
    assert (report.rejected, report.taken_in) == (0, report.read)


def test_a_row_that_yields_two_versions_is_rejected_once(home, tmp_path):
    folder = write(
        tmp_path / "in",
        member="record_id,patient_id,birth_on,death_on\n"
        "1,p1,1950-01-01,\n1,p2,1950-01-01,2020-05-01\n",
    )
    (folder / "source.json").write_text('{"delays": {"member": 10}}')
    report = take_in(home, "canonical", folder)
    found = next(count for count in report.files if count.file == "member.csv")
    assert (found.read, found.taken_in, found.duplicates, found.rejected) == (2, 1, 0, 1)
    assert current(home).read("member")["patient_id"].to_pylist() == ["p1"]
