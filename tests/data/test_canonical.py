from __future__ import annotations

import json
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.errors import InputError
from data.home import Home
from data.intake import current, take_in
from data.sources import source_names
from data.tables import TABLES
from tests.data.canonical_fixture import file_id, write

ENCOUNTERS = """record_id,patient_id,kind,started_on,ended_on,known_on
e1,p1,acute_inpatient,2020-03-01,,2020-03-01
e1,p1,acute_inpatient,2020-03-01,2020-03-05,2020-03-05
"""


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


def rejected(home: Home, table: str) -> list[dict]:
    return pq.read_table(home.rejected / f"{table}.parquet").to_pylist()


def test_every_table_is_written_with_its_schema_and_order(home, tmp_path):
    folder = write(tmp_path / "in", encounter=ENCOUNTERS)
    report = take_in(home, "canonical", folder)
    taken = current(home)
    assert list(taken.tables) == list(TABLES)
    for name, path in taken.tables.items():
        assert pq.read_schema(path).equals(TABLES[name].schema), name
    assert taken.read("encounter", ["record_id", "known_on"]).to_pylist() == [
        {"record_id": "e1", "known_on": date(2020, 3, 1)},
        {"record_id": "e1", "known_on": date(2020, 3, 5)},
    ]
    name = file_id(folder, "member.csv")
    assert taken.read("member")["source_row"].to_pylist() == [f"{name}:2", f"{name}:3"]
    assert taken.read("member")["reversed"].to_pylist() == [False, False]
    assert taken.manifest["origin"] == report.origin == "own"
    assert taken.manifest["run_out_days"] == 120
    assert taken.manifest["cost_covers"] == "claim"
    assert taken.manifest["data_through"] == "2021-01-15"
    assert taken.manifest["carries"] == ["coverage", "encounter", "member", "payer", "product"]
    assert report.data_through == date(2021, 1, 15)
    assert taken.manifest["rows"] == report.rows


def test_what_the_rows_show_is_what_the_source_carries(home, tmp_path):
    take_in(home, "canonical", write(
        tmp_path / "in",
        member="record_id,patient_id,birth_on,area_index,known_on\nm1,p1,1950-01-01,7,2020-01-01\n",
        encounter="record_id,patient_id,kind,started_on,admission_type,disposition,known_on\n"
        "e1,p1,emergency,2020-03-01,urgent,,2020-03-01\n",
        diagnosis="record_id,patient_id,happened_on,code_system,code,position,known_on\n"
        "d1,p1,2020-03-01,ICD10CM,i50.22,1,2020-03-01\n",
        cost="record_id,patient_id,happened_on,kind,covers,allowed_cents,known_on\n"
        "k1,p1,2020-12-31,inpatient,year,-500,2020-12-31\n",
    ))  # fmt: skip
    manifest = current(home).manifest
    assert manifest["carries"] == [
        "admission_type", "area_index", "cost", "coverage", "diagnosis", "emergency_visits",
        "encounter", "icd10_diagnoses", "member", "payer", "principal_diagnosis",
        "product"]  # fmt: skip
    assert manifest["cost_covers"] == "year"
    assert current(home).read("diagnosis")["code"].to_pylist() == ["I5022"]


def test_parquet_and_folders_of_parts(home, tmp_path):
    folder = write(tmp_path / "in")
    (folder / "encounter").mkdir()
    for part, record in ((0, "e1"), (1, "e2")):
        pq.write_table(
            pa.table({
                "record_id": [record], "patient_id": ["p1"], "kind": ["office"],
                "started_on": [date(2020, 5, 1)], "known_on": ["20200601"], "reversed": [None],
            }),
            folder / "encounter" / f"part-{part}.parquet",
        )  # fmt: skip
    (folder / "encounter" / "part-2.csv").write_text(
        "patient_id,RECORD_ID,kind,started_on,known_on\np1,e3,office,2020-05-01,2020-06-01\n"
    )
    report = take_in(home, "canonical", folder)
    rows = current(home).read("encounter")
    assert rows["source_row"].to_pylist() == [
        f"{file_id(folder, name)}:{line}"
        for name, line in (("encounter/part-0.parquet", 1), ("encounter/part-1.parquet", 1),
                           ("encounter/part-2.csv", 2))
    ]  # fmt: skip
    assert report.taken_in == report.read == 7


BROKEN = [
    ("birth_on", "19991340", "birth_on: '19991340' is not a date"),
    ("birth_on", "", "birth_on: is missing"),
    ("birth_on", "0012-01-01", "birth_on: '0012-01-01' is not a date"),
    ("sex", "F", "sex: 'F' is none of female, male, other"),
    ("area_index", "0", "area_index: '0' is below 1"),
    ("area_index", "101", "area_index: '101' is above 100"),
    ("area_index", "1.5", "area_index: '1.5' is not a whole number"),
    ("area_index", "9" * 20, f"area_index: '{'9' * 20}' is not a whole number"),
    ("reversed", "maybe", "reversed: 'maybe' is not true or false"),
    ("death_on", "1949-12-31", "death_on: '1949-12-31' is before birth_on"),
    ("death_on", "2020-01-02", "known_on: '2020-01-01' is before death_on"),
    ("known_on", "2020-02-30", "known_on: '2020-02-30' is not a date"),
    ("patient_id", "  ", "patient_id: is missing"),
]


def test_each_constraint_rejects_with_its_reason(home, tmp_path):
    row = {"record_id": "m9", "patient_id": "p9", "birth_on": "1950-01-01", "sex": "female",
           "area_index": "50", "death_on": "", "known_on": "2020-01-01", "reversed": "no",
           }  # fmt: skip
    lines = [",".join({**row, column: value}.values()) for column, value, _ in BROKEN]
    text = "\n".join([",".join(row), ",".join(row.values()), *lines])
    folder = write(tmp_path / "in", member=text)
    report = take_in(home, "canonical", folder)
    assert rejected(home, "member") == [
        {"file": file_id(folder, "member.csv"), "line": line, "column": reason.split(":")[0],
         "reason": reason, "raw": lines[line - 3]}
        for line, (_, _, reason) in enumerate(BROKEN, start=3)
    ]  # fmt: skip
    assert (report.rejected, report.rows["member"]) == (len(BROKEN), 1)
    # the report names rules, and no value of anybody's row
    assert "'" not in "".join(count.rule for count in report.rejections)
    assert sum(count.rows for count in report.rejections) == len(BROKEN)


BROKEN_ELSEWHERE = [
    ("encounter", "record_id,patient_id,kind,started_on,ended_on,known_on",
     "e,p,office,2020-02-02,2020-02-01,2020-02-03", "ended_on: '2020-02-01' is before started_on"),
    ("diagnosis", "record_id,patient_id,happened_on,code_system,code,known_on",
     "d,p,2020-02-02,ICD10CM,. -,2020-02-03", "code: '. -' is empty once blanks and punctuation "
     "are gone"),
    ("lab_result", "record_id,patient_id,happened_on,loinc,value,known_on",
     "l,p,2020-02-02,718-7,nan,2020-02-03", "value: 'nan' is not a number"),
    ("drug_fill", "record_id,patient_id,happened_on,code_system,code,days_supply,known_on",
     "f,p,2020-02-02,ATC,A10A,401,2020-02-03", "days_supply: '401' is above 400"),
    ("cost", "record_id,patient_id,happened_on,kind,covers,allowed_cents,known_on",
     "k,p,2020-02-02,inpatient,claim,12.5,2020-02-03", "allowed_cents: '12.5' is not a whole "
     "number"),
    ("cost", "record_id,patient_id,happened_on,kind,covers,allowed_cents,known_on",
     "k,p,2020-12-30,inpatient,year,125,2021-02-03", "happened_on: '2020-12-30' is no 31 December, "
     "the day of a calendar year's total"),
    ("procedure", "record_id,patient_id,happened_on,code_system,code,known_on",
     "r,p,2020-02-02,CPT,99213,2020-02-03", "code_system: 'CPT' is none of ICD9PCS, ICD10PCS, "
     "HCPCS"),
]  # fmt: skip


def test_constraints_of_the_other_tables(home, tmp_path):
    texts: dict[str, str] = {}
    reasons: dict[str, list[str]] = {}
    for table, header, row, reason in BROKEN_ELSEWHERE:
        texts[table] = texts.get(table, header + "\n") + row + "\n"
        reasons.setdefault(table, []).append(reason)
    take_in(home, "canonical", write(tmp_path / "in", **texts))
    for table, expected in reasons.items():
        assert [r["reason"] for r in rejected(home, table)] == expected


def test_a_missing_table_or_column_is_named(home, tmp_path):
    folder = write(tmp_path / "in", member="record_id,patient_id,known_on\n")
    with pytest.raises(InputError, match=r"^member\.csv has no column birth_on"):
        take_in(home, "canonical", folder)
    (folder / "member.csv").unlink()
    with pytest.raises(InputError, match=r"member\.csv \(or member\.parquet\) is missing"):
        take_in(home, "canonical", folder)
    with pytest.raises(InputError, match="holds no canonical table"):
        take_in(home, "canonical", tmp_path)
    with pytest.raises(InputError, match="is not a folder"):
        take_in(home, "canonical", tmp_path / "nowhere")
    with pytest.raises(InputError, match="choose one of canonical, synpuf"):
        take_in(home, "claims", folder)
    with pytest.raises(InputError, match="run firstcall intake first"):
        current(home)
    assert source_names()[:1] == ["canonical"]


@pytest.mark.parametrize(("name", "content", "message"), [
    ("member.csv", b"", "has no header"),
    ("member.csv", b'"record_id,patient_id\n', "has no header"),
    ("member.csv", b"\xff\xfe\n", "has no header"),
    ("member.csv", b"record_id,Record_ID\n", "names the column 'record_id' twice"),
    ("member.parquet", b"no parquet", "cannot be read as Parquet"),
    ("source.json", b"{", "is not JSON"),
    ("source.json", b"[]", "must hold one object"),
    ("source.json", b'{"origin": "mine"}', "origin in .* is none of own, invented"),
    ("source.json", b'{"run_out_days": -1}', "is not a number of days"),
    ("source.json", b'{"delays": {"visits": 3}}', "must give days for tables"),
    ("source.json", b'{"data_through": "soon"}', "is not a date"),
    ("source.json", b'{"carries": "member"}', "must be a list of feeds"),
    ("source.json", b'{"cost_covers": "month"}', "neither claim nor year"),
    ("source.json", b'{"run_out_day": 9, "Origin": "own"}',
     r"source\.json declares Origin, run_out_day, which nothing reads; declare origin, run_out_d"),
    ("source.json", b'{"\\u001b[2J": 1}', "declares something that is no name, which nothing"),
    ("source.json", b'{"carries": ["member", "ofice_visits"]}',
     r"carries in .* names ofice_visits, which is no feed; the feeds are admission_type, area_"),
])  # fmt: skip
def test_files_that_cannot_be_read_are_named_in_one_sentence(
    home, tmp_path, name, content, message
):
    folder = write(tmp_path / "in")
    (folder / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        take_in(home, "canonical", folder)


def test_known_on_may_be_declared_as_a_delay(home, tmp_path):
    folder = write(
        tmp_path / "in",
        member="record_id,patient_id,birth_on,death_on\nm1,p1,1950-01-01,2020-05-01\n",
        coverage="record_id,patient_id,start_on,end_on\nc1,p1,2020-01-01,2020-05-01\n",
        encounter="record_id,patient_id,kind,started_on,ended_on\n"
        "e1,p1,office,2020-03-01,2020-03-02\ne2,p1,office,2020-04-01,\n",
    )
    with pytest.raises(InputError, match=r"member\.csv has no column known_on; .*\"delays\""):
        take_in(home, "canonical", folder)
    (folder / "source.json").write_text(
        json.dumps({"delays": {"member": 10, "coverage": 20, "encounter": 30}})
    )
    report = take_in(home, "canonical", folder)
    taken = current(home)
    member = taken.read("member", ["death_on", "known_on"]).to_pylist()
    assert member == [
        {"death_on": None, "known_on": date(1950, 1, 1)},
        {"death_on": date(2020, 5, 1), "known_on": date(2020, 5, 11)},
    ]
    coverage = taken.read("coverage", ["end_on", "known_on"]).to_pylist()
    assert coverage == [
        {"end_on": None, "known_on": date(2020, 1, 1)},
        {"end_on": date(2020, 5, 1), "known_on": date(2020, 5, 21)},
    ]
    known = taken.read("encounter")["known_on"].to_pylist()
    assert known == [date(2020, 4, 1), date(2020, 5, 1)]
    assert taken.manifest["delays"] == {"coverage": 20, "encounter": 30, "member": 10}
    assert report.taken_in == report.read == 4


def test_source_json_speaks_for_the_data(home, tmp_path):
    folder = write(tmp_path / "in")
    (folder / "source.json").write_text(json.dumps({
        "origin": "invented", "seed": 7, "members": 2, "years": 1, "end_on": "2020-12-31",
        "run_out_days": 90, "data_through": "2020-11-30",
        "carries": ["member", "coverage", "encounter"], "cost_covers": "year"}))  # fmt: skip
    take_in(home, "canonical", folder)
    manifest = current(home).manifest
    assert manifest["origin"] == "invented"
    assert manifest["run_out_days"] == 90
    assert manifest["data_through"] == "2020-11-30"
    assert manifest["carries"] == ["coverage", "encounter", "member"]
    assert manifest["cost_covers"] == "year"


def test_columns_that_nothing_reads_are_named(home, tmp_path):
    text = "record_id,patient_id,birth_on,known_on,admision_type\nm1,p1,1950-01-01,2020-01-01,x\n"
    report = take_in(home, "canonical", write(tmp_path / "in", member=text))
    assert report.ignored_columns == {"member.csv": ("admision_type",)}
