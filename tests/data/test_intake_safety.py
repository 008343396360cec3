"""What files, folders and names can do to an intake, by accident or by design."""

from __future__ import annotations

import io
import re
import tracemalloc
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.errors import InputError
from data.file_relations import csv_relation, parquet_relation
from data.home import Home
from data.intake import current, take_in
from data.physical_lines import LONGEST_LINE, copy_rows, raw_lines, read_header
from data.staging import open_workbench
from data.tables import LONGEST_TEXT
from tests.data import synpuf_fixture
from tests.data.canonical_fixture import COVERAGE, MEMBERS, fingerprint, write

DAY = date(2020, 1, 1)


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


def write_parquet(folder: Path, *people: str) -> Path:
    """Members as Parquet, the last of them born on no day; coverage, and a code nobody knows."""
    folder.mkdir(parents=True)
    days = ["1950-01-01"] * (len(people) - 1) + ["never"]
    pq.write_table(
        pa.table({"record_id": [f"m-{person}" for person in people], "patient_id": list(people),
                  "sex": ["female"] * len(people), "birth_on": days,
                  "known_on": [DAY] * len(people)}),
        folder / "member.parquet",
    )  # fmt: skip
    (folder / "coverage.csv").write_text(COVERAGE)
    (folder / "diagnosis.csv").write_text(
        "record_id,patient_id,happened_on,code_system,code,known_on\n"
        "d1,p1,2020-01-01,ICD10CM,ZZZ,2020-01-02\n"
    )
    return folder


@pytest.mark.parametrize("name", ["patient_id=INJECTED", "sex=male", "feed?", "feed*", "feed[A]"])
def test_no_name_of_a_folder_changes_what_is_taken_in(tmp_path, name):
    write_parquet(tmp_path / "odd" / "feedA", "other", "bad")
    results = []
    for place, folder in (("odd", name), ("plain", "in")):
        root = tmp_path / place / folder
        write_parquet(root, "p1", "p2", "bad")
        write_parquet(root / "more", "p1", "p3", "worse")
        # the home lies below the folder too: generations and rejected rows are read again
        home = Home((tmp_path / place if "?" in folder else root) / "home")
        take_in(home, "canonical", root)
        take_in(home, "canonical", root / "more")
        results.append(fingerprint(home))
        members = current(home).read("member")
        assert members["patient_id"].to_pylist() == ["p1", "p2", "p3"]
        assert members["sex"].to_pylist() == ["female"] * 3
    assert results[0] == results[1]


def test_a_home_in_which_the_workbench_would_leave_its_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"has a \? in it; set FIRSTCALL_HOME to a folder without"):
        take_in(Home(tmp_path / "a?" / "home"), "canonical", write(tmp_path / "in"))


def test_no_name_of_a_folder_changes_what_is_read_again(tmp_path):
    results = []
    for place in ("DESYNPUF_ID=INJECTED", "plain"):
        root = tmp_path / place
        for year in (2008, 2009):
            (root / str(year)).mkdir(parents=True)
            synpuf_fixture.write_summary(root / str(year), year, {"DESYNPUF_ID": "A"})
            take_in(Home(root / "home"), "synpuf", root / str(year))
        results.append(fingerprint(Home(root / "home")))
    assert results[0] == results[1]


def test_a_relation_is_one_file_whatever_it_is_called(tmp_path):
    for name in ("x=1", "a?", "ab", "a[b]", "*", "**", "it's", "a{b,c}", "~a"):
        folder = tmp_path / name
        folder.mkdir()
        pq.write_table(pa.table({"x": [name]}), folder / "t.parquet")
        (folder / "t.csv").write_text(f'"{name}"\n')
        options = "header = false, auto_detect = false, columns = {'x': 'VARCHAR'}"
        for relation in (
            parquet_relation(folder / "t.parquet"),
            csv_relation(folder / "t.csv", options),
        ):
            assert duckdb.execute(f"SELECT * FROM {relation}").fetchall() == [(name,)]
    with pytest.raises(InputError, match="has a backslash together with one of"):
        parquet_relation(tmp_path / "a\\b?" / "t.parquet")


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd", "gzip"])
def test_a_parquet_file_with_damaged_pages_is_named(home, tmp_path, compression):
    folder = write(tmp_path / "in")
    take_in(home, "canonical", folder)
    before = fingerprint(home)
    (folder / "member.csv").unlink()
    path = folder / "member.parquet"
    count = 2000
    pq.write_table(
        pa.table({"record_id": [f"m{n}" for n in range(count)],
                  "patient_id": [f"p{n}" for n in range(count)],
                  "birth_on": [DAY] * count, "known_on": [DAY] * count}),
        path, compression=compression,
    )  # fmt: skip
    content = bytearray(path.read_bytes())
    content[60:260] = b"\xff" * 200
    path.write_bytes(content)
    assert pq.read_schema(path).names[0] == "record_id"
    with pytest.raises(InputError, match=r"^member\.parquet cannot be read as Parquet"):
        take_in(home, "canonical", folder)
    assert fingerprint(home) == before


def test_damage_in_a_column_that_nothing_reads_is_named_too(home, tmp_path):
    folder = write_parquet(tmp_path / "in", "p1", "bad")
    path = folder / "member.parquet"
    noise = pa.array([f"{n:020}" for n in range(2)])
    table = pq.read_table(path).add_column(0, "noise", noise)
    pq.write_table(table, path, compression="none", use_dictionary=False)
    content = path.read_bytes()
    path.write_bytes(content.replace(f"{1:020}".encode(), b"\xff" * 20))
    with pytest.raises(InputError, match=r"^member\.parquet cannot be read as Parquet"):
        take_in(home, "canonical", folder)


def test_an_endless_line_is_rejected_and_never_held(tmp_path):
    path = tmp_path / "member.csv"
    with path.open("wb") as file:
        file.write(b"record_id,patient_id\nm1,p1\n")
        for _ in range(40):
            file.write(b"x" * 1_000_000)
        file.write(b"\r\nm2,p2\r\n" + b"y" * LONGEST_LINE + b"\r" + b"z\nm3,p3")
    rejected: list[tuple[int, str]] = []
    target = io.BytesIO()
    tracemalloc.start()
    try:
        read = copy_rows(path, 2, target, lambda *row: rejected.append(row))
        shown = dict(raw_lines(path, [3, 4, 5, 6]))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert read == 5
    assert target.getvalue() == b"2,m1,p1\n4,m2,p2\n6,m3,p3\n"
    words = f"the line is longer than {LONGEST_LINE:,} bytes"
    assert rejected == [(3, words), (5, words)]
    assert {line: len(text) for line, text in shown.items()} == {3: 10_000, 4: 5, 5: 10_000, 6: 5}
    assert peak < 10_000_000


def test_a_header_without_an_end_is_one_sentence(tmp_path):
    path = tmp_path / "member.csv"
    path.write_bytes(b"record_id," * 150_000)
    with pytest.raises(InputError, match=r"^line 1 of member\.csv is longer than 1,000,000 bytes"):
        read_header(path, "member.csv", ["record_id"])


def test_what_a_killed_intake_left_is_gone_even_if_the_next_one_fails(home, tmp_path):
    left = home.tables / ".workbench" / "database"
    left.mkdir(parents=True)
    (left / "intake.duckdb.wal").write_bytes(b"mrn-77")
    home.rejected.mkdir()
    (home.rejected / ".member.parquet.new").write_bytes(b"mrn-77")
    with pytest.raises(InputError, match="is not a folder"):
        take_in(home, "canonical", tmp_path / "nowhere")
    assert all(path.read_bytes() == b"" for path in home.root.rglob("*") if path.is_file())
    assert not left.exists()


def test_the_workbench_stays_in_its_folder_and_fetches_nothing(tmp_path):
    with open_workbench(tmp_path / "work") as connection:
        settings = dict(
            connection.execute(
                "SELECT name, value FROM duckdb_settings() WHERE name IN ('temp_directory', "
                "'threads', 'autoinstall_known_extensions', 'autoload_known_extensions', "
                "'enable_progress_bar')"
            ).fetchall()
        )
    assert settings == {
        "temp_directory": str(tmp_path / "work" / "spill"), "threads": "2",
        "autoinstall_known_extensions": "false", "autoload_known_extensions": "false",
        "enable_progress_bar": "false",
    }  # fmt: skip


@pytest.mark.parametrize(("header", "message"), [
    ("mrn-77,mrn-77,1950-01-01,2020-01-01", "member.csv has no header; its first line must"),
    ("record_id,mrn-77,birth_on,MRN-77", "columns 2 and 4 of member.csv have the same name"),
    ("record_id,birth_on,,", "columns 3 and 4 of member.csv have the same name"),
    ("record_id,Birth_on,birth_on", "member.csv names the column 'birth_on' twice"),
])  # fmt: skip
def test_a_header_is_quoted_only_where_it_is_declared(home, tmp_path, header, message):
    folder = write(tmp_path / "in", member=f"{header}\n")
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        take_in(home, "canonical", folder)
    assert "77" not in str(caught.value)


def test_the_same_of_parquet(home, tmp_path):
    folder = write(tmp_path / "in")
    table = pa.table([["m1"], ["a"], ["b"]], names=["record_id", "mrn-77", "MRN-77"])
    pq.write_table(table, folder / "member.parquet")
    with pytest.raises(InputError, match=r"^columns 2 and 3 of member\.parquet have the same name"):
        take_in(home, "canonical", folder)


def test_unread_columns_are_named_only_where_they_look_like_names(home, tmp_path):
    head = "record_id,mrn-77,patient_id,Home phone,birth_on,,known_on,1950-01-01"
    text = f"{head}\nm1,x,p1,x,1950-01-01,x,2020-01-01,x\n"
    report = take_in(home, "canonical", write(tmp_path / "in", member=text))
    assert report.ignored_columns == {
        "member.csv": ("column 2", "Home phone", "column 6", "column 8")
    }


def test_texts_that_cannot_be_printed_or_are_too_long_are_rejected(home, tmp_path):
    fine, long = "p" * LONGEST_TEXT, "é" * (LONGEST_TEXT + 1)
    names = [
        fine,
        long,
        "p\x1b[31m",
        "p\t9",
        "p\u202e9",
        "p\u2028",
        "p\x85",
        "Zoë \N{OGHAM SPACE MARK}",
    ]
    text = MEMBERS + "".join(
        f"n{n},{name},1950-01-01,female,,2020-01-01\n" for n, name in enumerate(names)
    )
    report = take_in(home, "canonical", write(tmp_path / "in", member=text))
    reasons = pq.read_table(home.rejected / "member.parquet").to_pylist()
    unprintable = "patient_id: holds a character that cannot be printed"
    assert [(row["line"], row["reason"]) for row in reasons] == [
        (5, f"patient_id: '{'é' * 40}' is longer than {LONGEST_TEXT} characters"),
        *((line, unprintable) for line in range(6, 11)),
    ]
    assert (report.rejected, report.rows["member"]) == (6, 4)


def test_codes_are_held_to_the_same(home, tmp_path):
    head = "record_id,patient_id,happened_on,code_system,code,known_on\n"
    codes = ["e11.9\t", "E" * (LONGEST_TEXT + 1), "E11\x07"]
    text = head + "".join(
        f"d{n},p1,2020-01-01,ICD10CM,{code},2020-01-02\n" for n, code in enumerate(codes)
    )
    take_in(home, "canonical", write(tmp_path / "in", diagnosis=text))
    assert current(home).read("diagnosis")["code"].to_pylist() == ["E119"]


@pytest.mark.parametrize("name", ["member.csv", "member/part.csv", "source.json", "coverage"])
def test_a_link_out_of_the_folder_is_refused(home, tmp_path, name):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "part.csv").write_text(MEMBERS)
    folder = write(tmp_path / "in")
    link = folder / name
    link.parent.mkdir(exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(outside if name == "coverage" else outside / "part.csv")
    with pytest.raises(InputError, match=r"is a link to a file outside of it; put the file itself"):
        take_in(home, "canonical", folder)


def test_a_link_out_of_a_folder_of_synpuf_is_refused(home, tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "in").mkdir()
    path = synpuf_fixture.write_summary(tmp_path / "outside", 2008, {"DESYNPUF_ID": "A"})
    (tmp_path / "in" / path.name).symlink_to(path)
    with pytest.raises(InputError, match=f"^{path.name} in .* is a link to a file outside"):
        take_in(home, "synpuf", tmp_path / "in")


def test_a_link_within_the_folder_and_a_link_to_it_are_read(home, tmp_path):
    folder = write(tmp_path / "in")
    (folder / "member.csv").rename(folder / "people-of-2020.txt")
    (folder / "member.csv").symlink_to("people-of-2020.txt")
    (tmp_path / "link").symlink_to(folder)
    assert take_in(home, "canonical", tmp_path / "link").rows["member"] == 2


def test_a_file_name_that_cannot_be_printed_is_refused(home, tmp_path):
    folder = write(tmp_path / "in")
    (folder / "member").mkdir()
    (folder / "member" / "\x1b[31m.csv").write_text(MEMBERS)
    with pytest.raises(InputError, match="holds a file whose name cannot be printed") as caught:
        take_in(home, "canonical", folder)
    assert "\x1b" not in str(caught.value)
