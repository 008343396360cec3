"""A source row names the very file: every night brings files of the same names."""

from __future__ import annotations

import re
import tracemalloc
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import data.intake
import data.sources
import data.staging
from data.errors import InputError
from data.home import Home
from data.intake import IntakeReport, current, take_in
from data.printed import print_intake
from data.source_rows import bare_name, file_id, file_of, line_of, name_and_digest, row_id
from data.tables import TABLES
from tests.data import canonical_fixture, synpuf_fixture
from tests.data.canonical_fixture import fingerprint, write

HEAD = "record_id,patient_id,kind,started_on,ended_on,known_on\n"
E1 = "e1,p1,office,2020-03-01,2020-03-01,2020-03-02\n"
E2 = "e2,p2,office,2020-03-01,2020-03-01,2020-03-02\n"
E3 = "e3,p1,emergency,2020-03-02,2020-03-02,2020-03-03\n"
E1_CORRECTED = "e1,p1,emergency,2020-03-01,2020-03-01,2020-03-02\n"


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


@pytest.fixture
def earlier_firstcall(monkeypatch):
    """While it is on, files have no digest in their names, as in an earlier firstcall."""
    with monkeypatch.context() as patched:
        patched.setattr(data.sources, "file_id", lambda path, name: name)
        yield patched


def night(folder: Path, encounters: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "encounter.csv").write_text(HEAD + encounters)
    return folder


def sources(home: Home, table: str = "encounter") -> dict[str, str]:
    """record_id → source row."""
    rows = current(home).read(table, ["record_id", "source_row"]).to_pylist()
    return {row["record_id"]: row["source_row"] for row in rows}


def rejected(home: Home, kind: str = "encounter") -> list[tuple]:
    rows = pq.read_table(home.rejected / f"{kind}.parquet").to_pylist()
    return [(row["file"], row["line"], row["reason"]) for row in rows]


def counts(report: IntakeReport, name: str = "encounter.csv") -> tuple[int, int, int, int]:
    """Read, taken in, duplicates, rejected of one file; of every file they add up."""
    assert all(f.read == f.taken_in + f.duplicates + f.rejected for f in report.files)
    found = next(f for f in report.files if f.file == name)
    return found.read, found.taken_in, found.duplicates, found.rejected


def rows_of(home: Home) -> dict[str, list[dict]]:
    return {table: current(home).read(table).to_pylist() for table in TABLES}


def contradicts(row: str) -> str:
    return f"record_id: contradicts {row}, an earlier row of the same record_id and known_on"


def test_of_two_nights_each_row_names_its_own_file(home, tmp_path):
    take_in(home, "canonical", write(tmp_path / "1", encounter=HEAD + E1 + E2))
    take_in(home, "canonical", night(tmp_path / "2", E3))
    first = canonical_fixture.file_id(tmp_path / "1", "encounter.csv")
    second = canonical_fixture.file_id(tmp_path / "2", "encounter.csv")
    assert first != second
    assert re.fullmatch(r"encounter\.csv@[0-9a-f]{8}", first)
    # line 2 is there twice: of the one night e1, of the other e3
    assert sources(home) == {"e1": f"{first}:2", "e2": f"{first}:3", "e3": f"{second}:2"}


def test_the_same_bytes_have_the_same_name_whatever_folder_and_night(home, tmp_path):
    one = take_in(home, "canonical", write(tmp_path / "1", encounter=HEAD + E1))
    take_in(home, "canonical", night(tmp_path / "2", E3))
    before = fingerprint(home)
    again = take_in(home, "canonical", write(tmp_path / "elsewhere" / "3", encounter=HEAD + E1))
    assert not again.changed
    assert again.files == one.files
    assert fingerprint(home) == before


def test_a_drop_that_holds_all_rows_again_brings_only_its_new_ones(home, tmp_path):
    take_in(home, "canonical", write(tmp_path / "1", encounter=HEAD + E1))
    whole = write(tmp_path / "2", encounter=HEAD + E1 + E2)
    # members and coverage are the files of the night before, and taken in with them
    assert counts(take_in(home, "canonical", whole)) == (2, 1, 1, 0)
    first = canonical_fixture.file_id(tmp_path / "1", "encounter.csv")
    second = canonical_fixture.file_id(whole, "encounter.csv")
    assert sources(home) == {"e1": f"{first}:2", "e2": f"{second}:3"}
    before = fingerprint(home)
    again = take_in(home, "canonical", whole)
    assert (counts(again), again.changed) == ((2, 1, 1, 0), False)
    assert fingerprint(home) == before


def test_a_corrected_file_is_told_from_the_first(home, tmp_path):
    take_in(home, "canonical", write(tmp_path / "1", encounter=HEAD + E1 + E2 + "bad\n"))
    corrected = night(tmp_path / "2", E1_CORRECTED + E2 + "bad\n")
    assert counts(take_in(home, "canonical", corrected)) == (3, 0, 1, 2)
    first = canonical_fixture.file_id(tmp_path / "1", "encounter.csv")
    second = canonical_fixture.file_id(corrected, "encounter.csv")
    fields = "the line has 1 fields, the header 6"
    assert sorted(rejected(home)) == sorted([
        (first, 4, fields), (second, 4, fields), (second, 2, contradicts(f"{first}:2"))
    ])  # fmt: skip


def test_the_report_names_each_file_and_its_digest(home, tmp_path, capsys):
    folder = write(tmp_path / "in", encounter=HEAD + E1)
    report = take_in(home, "canonical", folder)
    told = {f.file: f"{f.file}@{f.digest}" for f in report.files}
    assert told == {name: canonical_fixture.file_id(folder, name) for name in (
        "coverage.csv", "encounter.csv", "member.csv")}  # fmt: skip
    print_intake(report, "rejected")
    shown = [line.split() for line in capsys.readouterr().out.splitlines()]
    digest = told["encounter.csv"].removeprefix("encounter.csv@")
    assert ["encounter.csv", digest, "1", "1", "0", "0", "0"] in shown


def test_parts_and_parquet_have_digests_of_their_own(home, tmp_path):
    folder = write(tmp_path / "in")
    (folder / "encounter").mkdir()
    for name, row in (("a.csv", E1), ("b.csv", E2)):
        (folder / "encounter" / name).write_text(HEAD + row)
    pq.write_table(
        pa.table({"record_id": ["e4"], "patient_id": ["p1"], "kind": ["office"],
                  "started_on": ["2020-03-01"], "known_on": ["2020-03-02"]}),
        folder / "encounter" / "c.parquet",
    )  # fmt: skip
    take_in(home, "canonical", folder)
    assert sources(home) == {
        record: f"{canonical_fixture.file_id(folder, f'encounter/{name}')}:{line}"
        for record, name, line in (("e1", "a.csv", 2), ("e2", "b.csv", 2), ("e4", "c.parquet", 1))
    }


def test_a_file_that_changes_while_it_is_read_is_refused(home, tmp_path, monkeypatch):
    take_in(home, "canonical", write(tmp_path / "1"))
    before = fingerprint(home)
    folder = night(tmp_path / "2", E1)

    def read_and_grow(connection, file, work):
        data.staging.read_file(connection, file, work)
        with file.path.open("a") as more:
            more.write(E2)

    monkeypatch.setattr(data.intake, "read_file", read_and_grow)
    with pytest.raises(InputError, match=r"^encounter\.csv was changed while it was read; wait"):
        take_in(home, "canonical", folder)
    assert fingerprint(home) == before


def test_a_file_is_never_held_in_memory(tmp_path):
    path = tmp_path / "big.csv"
    with path.open("wb") as file:
        file.truncate(200_000_000)
    tracemalloc.start()
    try:
        name = file_id(path, "big.csv")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert name_and_digest(name)[0] == "big.csv"
    assert peak < 2_000_000


@pytest.mark.parametrize("file", ["a.csv@1a2b3c4d", "a/b@c:7.csv@00000000", "a.csv", "a@b.csv"])
def test_the_parts_of_a_source_row_in_sql(file):
    asked = f"SELECT {file_of('row')}, {line_of('row')}, {bare_name('file')} FROM (SELECT *, "
    asked += f"{row_id('file', 'line')} AS row FROM (SELECT ? AS file, 17 AS line))"
    bare = file.removesuffix("@1a2b3c4d").removesuffix("@00000000")
    assert duckdb.execute(asked, [file]).fetchall() == [(file, 17, bare)]


# Files that are kept and read again with those of later nights: the yearly summaries of DE-SynPUF.

SUMMARY = "DE1_0_2009_Beneficiary_Summary_File_Sample_9.csv"
A, B, C = ({"DESYNPUF_ID": name} for name in "ABC")


def summary(folder: Path, *people: dict[str, str], year: int = 2009) -> Path:
    folder.mkdir()
    synpuf_fixture.write_summary(folder, year, *people)
    return folder


def summary_id(folder: Path) -> str:
    return canonical_fixture.file_id(folder, SUMMARY)


def test_summaries_of_one_name_keep_their_people_apart(home, tmp_path):
    take_in(home, "synpuf", summary(tmp_path / "1", A, B))
    # of the second file, line 2 is broken; line 2 of the first file is somebody else's
    second = summary(tmp_path / "2", {**C, "SP_CHF": "9"}, C)
    assert counts(take_in(home, "synpuf", second), SUMMARY) == (2, 1, 0, 1)
    first = summary_id(tmp_path / "1")
    assert sources(home, "member") == {
        "A": f"{first}:2", "B": f"{first}:3", "C": f"{summary_id(second)}:3"
    }  # fmt: skip
    assert rejected(home, "beneficiary_summary") == [
        (summary_id(second), 2, "SP_CHF: '9' is none of 1, 2")
    ]
    before = fingerprint(home)
    assert not take_in(home, "synpuf", second).changed
    assert fingerprint(home) == before


def test_a_corrected_summary_adds_nobody_twice(home, tmp_path):
    first = summary(tmp_path / "1", A, B)
    report = take_in(home, "synpuf", first)
    before = rows_of(home)
    corrected = summary(tmp_path / "2", A, {**B, "SP_CHF": "1"})
    again = take_in(home, "synpuf", corrected)
    assert counts(again, SUMMARY) == (2, 0, 1, 1)
    assert (again.generation, again.changed) == (report.generation, False)
    assert rows_of(home) == before
    assert rejected(home, "beneficiary_summary") == [(
        summary_id(corrected), 3, f"DESYNPUF_ID: contradicts {summary_id(first)}:3, an earlier "
        "row of the same DESYNPUF_ID and summary_year",
    )]  # fmt: skip
    # the first file once more: its rows are those that are there
    assert take_in(home, "synpuf", first).files == report.files
    assert rows_of(home) == before


# What an earlier firstcall took in: its source rows have no digest.


def test_the_same_files_after_an_earlier_firstcall(home, tmp_path, earlier_firstcall):
    folder = write(tmp_path / "in", encounter=HEAD + E1 + E2 + E1_CORRECTED + "bad\n")
    first = take_in(home, "canonical", folder)
    before = rows_of(home)
    assert sources(home) == {"e1": "encounter.csv:2", "e2": "encounter.csv:3"}
    earlier_firstcall.undo()
    again = take_in(home, "canonical", folder)
    # nobody knows any more which bytes the rows came from: they are there, from elsewhere
    assert counts(again) == (4, 0, 2, 2)
    assert (again.changed, again.generation) == (False, first.generation)
    assert rows_of(home) == before
    name = canonical_fixture.file_id(folder, "encounter.csv")
    assert rejected(home) == [
        (name, 4, contradicts("encounter.csv:2")), (name, 5, "the line has 1 fields, the header 6")
    ]  # fmt: skip


def test_another_night_after_an_earlier_firstcall(home, tmp_path, earlier_firstcall):
    take_in(home, "canonical", write(tmp_path / "1", encounter=HEAD + E1 + "bad\n"))
    earlier_firstcall.undo()
    second = night(tmp_path / "2", E1_CORRECTED + "worse\n" + E3)
    assert counts(take_in(home, "canonical", second)) == (3, 1, 0, 2)
    name = canonical_fixture.file_id(second, "encounter.csv")
    assert sources(home) == {"e1": "encounter.csv:2", "e3": f"{name}:4"}
    fields = "the line has 1 fields, the header 6"
    assert rejected(home) == [
        ("encounter.csv", 3, fields), (name, 2, contradicts("encounter.csv:2")), (name, 3, fields)
    ]  # fmt: skip


def test_another_patient_s_record_after_an_earlier_firstcall(home, tmp_path, earlier_firstcall):
    take_in(home, "canonical", write(tmp_path / "1", encounter=HEAD + E1))
    earlier_firstcall.undo()
    second = night(tmp_path / "2", E1.replace("p1", "p2").replace("03-02", "03-09"))
    assert counts(take_in(home, "canonical", second)) == (1, 0, 0, 1)
    assert rejected(home)[0][2] == (
        "record_id: contradicts encounter.csv:2, an earlier row of the same record_id and another "
        "patient"
    )


def test_summaries_after_an_earlier_firstcall(home, tmp_path, earlier_firstcall):
    first = summary(tmp_path / "1", A, B, {**B, "SP_CHF": "1"})
    take_in(home, "synpuf", first)
    before = rows_of(home)
    earlier_firstcall.undo()
    # the same once more, then corrected, then the year after it
    assert counts(take_in(home, "synpuf", first), SUMMARY) == (3, 0, 2, 1)
    assert rows_of(home) == before
    assert [row[:2] for row in rejected(home, "beneficiary_summary")] == [(summary_id(first), 4)]
    corrected = summary(tmp_path / "2", {**A, "SP_CHF": "1"}, B, C)
    assert counts(take_in(home, "synpuf", corrected), SUMMARY) == (3, 1, 1, 1)
    after = {row["record_id"]: row for row in rows_of(home)["member"]}
    assert [after[row["record_id"]] for row in before["member"]] == before["member"]
    assert after["C"]["source_row"] == f"{summary_id(corrected)}:4"
    take_in(home, "synpuf", summary(tmp_path / "3", A, B, C, year=2010))
    years = [(row["record_id"], row["code"]) for row in rows_of(home)["diagnosis"]]
    assert len(years) == len(set(years)) == len(before["diagnosis"])
    spans = rows_of(home)["coverage"]
    assert {row["record_id"] for row in spans} == {f"{n}-coverage-2009-01-01" for n in "ABC"}
    assert len(spans) == 2 * 3  # the span open, and its product at the end of 2009


def test_claims_after_an_earlier_firstcall(home, tmp_path, earlier_firstcall):
    first = summary(tmp_path / "1", A)
    stay = synpuf_fixture.stay("A", "77", "20090412", "20090418", ICD9_DGNS_CD_1="4280")
    path = synpuf_fixture.write_stays(first, stay, {**stay, "CLM_PMT_AMT": "1.00"})
    take_in(home, "synpuf", first)
    before = rows_of(home)
    earlier_firstcall.undo()
    assert counts(take_in(home, "synpuf", first), path.name) == (2, 0, 1, 1)
    assert rows_of(home) == before
    name = canonical_fixture.file_id(first, path.name)
    # the contradiction stands there once, as this firstcall tells it
    assert rejected(home, "inpatient_claims") == [
        (name, 3, f"CLM_ID: contradicts {name}:2, an earlier row of the same CLM_ID and SEGMENT")
    ]


def test_a_row_read_again_and_rejected_is_told_under_its_kind(home, tmp_path):
    """A row read again that yields a row too long for the contract is told under its own kind."""
    long = {"DESYNPUF_ID": "A" * 250}
    take_in(home, "synpuf", summary(tmp_path / "1", A, long))
    report = take_in(home, "synpuf", summary(tmp_path / "2", B, year=2010))
    assert {r.table for r in report.rejections} == {"beneficiary_summary"}
