from __future__ import annotations

import fcntl
import itertools
import json
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.errors import InputError
from data.home import Home
from data.intake import IntakeReport, current, take_in
from tests.data.canonical_fixture import MEMBERS, file_id, fingerprint, write


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


def rejected(home: Home, table: str = "member") -> list[dict]:
    return pq.read_table(home.rejected / f"{table}.parquet").to_pylist()


def counts(report: IntakeReport, file: str = "member.csv") -> tuple[int, int, int, int]:
    found = next(count for count in report.files if count.file == file)
    assert found.read == found.taken_in + found.duplicates + found.rejected
    return found.read, found.taken_in, found.duplicates, found.rejected


def test_lines_that_are_no_rows_are_rejected_with_their_number(home, tmp_path):
    lines = [
        b"m3,p3,1950-01-01,female,,2020-01-01",
        b"m4,p4,1950-01-01,female",
        b"m5,p5,1950-01-01,female,,2020-01-01,9",
        b"",
        b"m6,p6,1950-01-01,fem\xffale,,2020-01-01",
        b'm7,"p7,1950-01-01,female,,2020-01-01',
        b"m8,p\x008,1950-01-01,female,,2020-01-01",
        b'm9,"p""9",1950-01-01,"female",,2020-01-01\r',
        b"m10,p10,1950-01-01,female,,2020-01-01",
    ]
    folder = write(tmp_path / "in", member=MEMBERS.encode() + b"\n".join(lines))
    report = take_in(home, "canonical", folder)
    assert counts(report) == (11, 5, 0, 6)
    assert [(r["line"], r["reason"]) for r in rejected(home)] == [
        (5, "the line has 4 fields, the header 6"),
        (6, "the line has 7 fields, the header 6"),
        (7, "the line is empty"),
        (8, "the line is not valid UTF-8"),
        (9, "the line has a quote that is not closed or stands within a field"),
        (10, "the line holds a control character"),
    ]
    assert (
        rejected(home)[3]["raw"] == "m6,p6,1950-01-01,fem\N{REPLACEMENT CHARACTER}ale,,2020-01-01"
    )
    members = current(home).read("member")
    assert 'p"9' in members["patient_id"].to_pylist()
    assert f"{file_id(folder, 'member.csv')}:12" in members["source_row"].to_pylist()


def test_repeated_rows_and_contradictions(home, tmp_path):
    text = (
        MEMBERS
        + "m1,p1,19500101,FEMALE,,2020-01-01\n"
        + "m1,p1,1950-01-02,female,,2020-01-01\n"
        + "m1,p1,1950-01-02,female,,2020-01-02\n"
    )
    folder = write(tmp_path / "in", member=text)
    report = take_in(home, "canonical", folder)
    assert counts(report) == (5, 3, 1, 1)
    first = f"{file_id(folder, 'member.csv')}:2"
    assert [(r["line"], r["column"], r["reason"]) for r in rejected(home)] == [(
        5, "record_id",
        f"record_id: contradicts {first}, an earlier row of the same record_id and known_on",
    )]  # fmt: skip


def test_the_same_files_twice_change_nothing(home, tmp_path):
    text = MEMBERS + "m1,p1,1950-01-01,female,,2020-01-01\nm1,p1,1950-01-02,female,,2020-01-01\nx\n"
    folder = write(tmp_path / "in", member=text)
    first = take_in(home, "canonical", folder)
    before = fingerprint(home)
    again = take_in(home, "canonical", folder)
    assert fingerprint(home) == before
    assert (first.changed, again.changed) == (True, False)
    assert again.generation == first.generation
    assert again.files == first.files
    assert again.rejections == first.rejections
    elsewhere = Home(tmp_path / "elsewhere")
    take_in(elsewhere, "canonical", folder)
    assert fingerprint(elsewhere) == before


def test_further_files_are_merged(home, tmp_path):
    take_in(home, "canonical", write(tmp_path / "one", member=MEMBERS + "bad\n"))
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "member.csv").write_text(
        "record_id,patient_id,birth_on,sex,known_on\nm1,p1,1950-01-01,female,2020-01-01\n"
        "m1,p1,1950-01-01,male,2020-01-01\nm3,p3,1950-01-01,female,2020-01-01\nworse\n"
    )
    report = take_in(home, "canonical", tmp_path / "two")
    assert report.rows["member"] == 3
    assert report.rows["coverage"] == 2
    # line 2 repeats what line 2 of the first file said; line 3 contradicts it
    assert counts(report) == (4, 1, 1, 2)
    assert {r["raw"] for r in rejected(home)} == {
        "bad", "worse", "m1,p1,1950-01-01,male,2020-01-01"
    }  # fmt: skip
    before = fingerprint(home)
    take_in(home, "canonical", tmp_path / "two")
    assert fingerprint(home) == before


def test_a_copy_under_another_name_is_all_duplicates(home, tmp_path):
    folder = write(tmp_path / "in")
    take_in(home, "canonical", folder)
    (tmp_path / "copy" / "member").mkdir(parents=True)
    (tmp_path / "copy" / "member" / "again.csv").write_text(MEMBERS)
    report = take_in(home, "canonical", tmp_path / "copy")
    assert counts(report, "member/again.csv") == (2, 0, 2, 0)
    assert not report.changed


def test_whatever_fails_leaves_what_was_taken_in(home, tmp_path):
    take_in(home, "canonical", write(tmp_path / "in"))
    before = fingerprint(home)
    broken = write(tmp_path / "broken")
    (broken / "encounter.parquet").write_bytes(b"PAR1 and no more PAR1")
    with pytest.raises(InputError, match=r"encounter\.parquet cannot be read"):
        take_in(home, "canonical", broken)
    # fails in the middle, after files were read: the folder for rejected rows is a file
    (home.root / "rejected").rmdir() if home.rejected.is_dir() else None
    home.rejected.write_text("in the way")
    with pytest.raises(OSError):
        take_in(home, "canonical", write(tmp_path / "more", member=MEMBERS + "bad\n"))
    home.rejected.unlink()
    assert fingerprint(home) == before
    assert current(home).read("member").num_rows == 2


def test_a_killed_intake_leaves_nothing_in_the_way(home, tmp_path):
    folder = write(tmp_path / "in")
    take_in(home, "canonical", folder)
    before = fingerprint(home)
    left = home.tables / ".workbench" / "database"
    left.mkdir(parents=True)
    (left / "intake.duckdb").write_bytes(b"half")
    take_in(home, "canonical", folder)
    assert fingerprint(home) == before


def test_a_rejected_parquet_row_is_kept_with_all_its_columns(home, tmp_path):
    folder = write(tmp_path / "in")
    pq.write_table(
        pa.table({"record_id": ["e1", "e2"], "patient_id": ["p1", "p2"],
                  "kind": ["office", "hotel"], "started_on": [date(2020, 1, 1)] * 2,
                  "known_on": [date(2020, 1, 1)] * 2}),
        folder / "encounter.parquet",
    )  # fmt: skip
    report = take_in(home, "canonical", folder)
    assert counts(report, "encounter.parquet") == (2, 1, 0, 1)
    row = rejected(home, "encounter")[0]
    assert row["line"] == 2
    assert row["reason"].startswith("kind: 'hotel' is none of acute_inpatient")
    assert json.loads(row["raw"])["patient_id"] == "p2"


def test_only_the_generation_before_is_kept(home, tmp_path):
    generations = []
    for number in range(4):
        text = MEMBERS + "".join(
            f"n{i},p{i},1950-01-01,female,,2020-01-01\n" for i in range(number)
        )
        generations.append(
            take_in(home, "canonical", write(tmp_path / "in", member=text)).generation
        )
    assert len(set(generations)) == 4
    kept = {path.name for path in home.tables.iterdir() if path.is_dir()}
    assert kept == set(generations[-2:])


def test_sources_and_origins_are_never_mixed(home, tmp_path):
    take_in(home, "canonical", write(tmp_path / "in"))
    invented = write(tmp_path / "invented")
    (invented / "source.json").write_text('{"origin": "invented"}')
    with pytest.raises(InputError, match="set FIRSTCALL_HOME to another folder"):
        take_in(home, "canonical", invented)


def test_nothing_usable_is_said_and_the_reasons_are_kept(home, tmp_path):
    folder = write(tmp_path / "in", member="record_id,patient_id,birth_on,known_on\nx\n",
                   coverage="record_id,patient_id,start_on,known_on\ny\n")  # fmt: skip
    with pytest.raises(InputError, match="none of the 2 rows could be taken in; the reasons"):
        take_in(home, "canonical", folder)
    assert [r["raw"] for r in rejected(home)] == ["x"]
    with pytest.raises(InputError):
        current(home)


def test_two_intakes_at_once_do_not_meet(home, tmp_path):
    folder = write(tmp_path / "in")
    home.tables.mkdir(parents=True)
    with (home.tables / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(InputError, match=r"another intake into .* is running"):
            take_in(home, "canonical", folder)
    assert take_in(home, "canonical", folder).changed


def test_unknown_codes_are_kept_counted_and_named(home, tmp_path):
    head = "record_id,patient_id,happened_on,code_system,code,known_on\n"
    rows = ["ICD10CM,E11.9", "ICD10CM,U07.1", "ICD10CM,u071", "ICD10CM,ZZZ", "ICD9CM,428.0"]
    text = head + "".join(f"d{i},p1,2020-01-01,{row},2020-01-02\n" for i, row in enumerate(rows))
    report = take_in(home, "canonical", write(tmp_path / "in", diagnosis=text))
    assert report.rows["diagnosis"] == 5
    ten, nine = report.unknown_codes
    assert (ten.system, ten.rows, ten.unknown_rows, ten.unknown_codes) == ("ICD10CM", 4, 3, 2)
    assert ten.share == 0.75
    assert ten.most_frequent == (("U071", 2), ("ZZZ", 1))
    assert (nine.system, nine.unknown_rows, nine.share) == ("ICD9CM", 0, 0.0)


def test_units_that_no_laboratory_writes_are_counted(home, tmp_path):
    head = "record_id,patient_id,happened_on,loinc,value,unit,known_on\n"
    units = ["mEq/L", "mmol/l", "K/uL", "furlong", "", "Furlong", "furlong"]
    text = head + "".join(f"l{i},p1,2020-01-01,2951-2,138,{unit},2020-01-02\n"
                          for i, unit in enumerate(units))  # fmt: skip
    report = take_in(home, "canonical", write(tmp_path / "in", lab_result=text))
    loinc, unit = report.unknown_codes
    assert (loinc.system, loinc.rows, loinc.unknown_rows) == ("LOINC", 7, 0)
    assert (unit.table, unit.system, unit.rows) == ("lab_result", "LAB unit", 6)  # one had none
    assert (unit.unknown_rows, unit.most_frequent) == (3, (("furlong", 2), ("Furlong", 1)))


_FIELD = st.sampled_from(
    ["m1", "m2", "p1", "1950-01-01", "19500101", "2020-01-01", "female", "", " ", '"', '"a,b"',
     "'", "x;y", "é", "nul", "true"]
) | st.text(max_size=4)  # fmt: skip
_ROW = st.lists(_FIELD, min_size=0, max_size=7).map(lambda fields: ",".join(fields).encode())
_GOOD = st.tuples(
    st.sampled_from(["m1", "m2", "m3"]), st.sampled_from(["female", "male"]),
    st.sampled_from(["2020-01-01", "20200101", "2020-01-02"]),
).map(lambda t: f'{t[0]},p,1950-01-01,"{t[1]}",,{t[2]}'.encode())  # fmt: skip
_homes = itertools.count()


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(_GOOD | _ROW | st.binary(max_size=12), max_size=12),
    st.sampled_from([b"\n", b"\r\n"]),
    st.booleans(),
)
def test_no_file_is_too_bad_and_every_line_is_counted(tmp_path, lines, end, closed):
    home = Home(tmp_path / f"home{next(_homes)}")
    header = MEMBERS.encode().splitlines()[0]
    content = end.join([header, *lines]) + (end if closed else b"")
    folder = write(tmp_path / f"in{next(_homes)}", member=content)
    report = take_in(home, "canonical", folder)
    read, taken, duplicates, refused = counts(report)
    physical = content.split(b"\n")[1:]
    assert read == len(physical) - (physical[-1:] == [b""])
    assert current(home).read("member").num_rows == taken
    reasons = rejected(home) if refused else []
    assert len(reasons) == refused
    assert all(2 <= row["line"] <= read + 1 and row["reason"] for row in reasons)
    lines_used = {row["line"] for row in reasons} | {
        int(row.rsplit(":")[-1]) for row in current(home).read("member")["source_row"].to_pylist()
    }
    assert len(lines_used) == taken + refused == read - duplicates
    before = fingerprint(home)
    assert not take_in(home, "canonical", folder).changed
    assert fingerprint(home) == before
