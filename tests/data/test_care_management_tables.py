"""Screening, outreach, missed appointments, specialties and prescribers on their way in."""

from __future__ import annotations

from datetime import date

import pyarrow.parquet as pq
import pytest

from data.errors import InputError
from data.generation import find_current
from data.home import Home
from data.intake import current, take_in
from data.sources.canonical import deliver
from data.tables import SCREENING, TABLES
from tests.data.canonical_fixture import file_id, write

SCREENINGS = """record_id,patient_id,happened_on,need,answer,instrument,known_on
q1,p1,2020-03-01,housing,need,AHC HRSN,2020-03-02
q2,p1,2020-03-01,Food,NO_NEED,,2020-03-02
q3,p2,2020-03-01,transport,declined,,2020-03-02
"""
OUTREACH = """record_id,patient_id,happened_on,step,programme,known_on
o1,p1,2020-03-05,contacted,transitions of care,2020-03-05
o2,p1,2020-03-06,enrolled,transitions of care,2020-03-06
"""
ENCOUNTERS = """record_id,patient_id,kind,started_on,ended_on,specialty,known_on
e1,p1,office,2020-03-01,2020-03-01, Cardiology ,2020-03-20
e2,p1,missed_appointment,2020-04-01,2020-04-01,,2020-04-02
"""
FILLS = """record_id,patient_id,happened_on,code_system,code,days_supply,prescriber_id,known_on
f1,p1,2020-03-01,ATC,A10AB01,30,d7,2020-03-03
"""


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


def test_rows_are_taken_in_and_the_feeds_are_told(home, tmp_path):
    folder = write(
        tmp_path / "in", screening=SCREENINGS, outreach=OUTREACH, encounter=ENCOUNTERS,
        drug_fill=FILLS,
    )  # fmt: skip
    report = take_in(home, "canonical", folder)
    assert report.rejected == 0
    assert report.carries == (
        "coverage", "days_supply", "drug_fill", "encounter", "member", "missed_appointments",
        "office_visits", "outreach", "payer", "prescriber", "product", "screening", "specialty",
    )  # fmt: skip
    taken = current(home)
    assert taken.read("screening", ["need", "answer", "instrument"]).to_pylist() == [
        {"need": "housing", "answer": "need", "instrument": "AHC HRSN"},
        {"need": "food", "answer": "no_need", "instrument": None},
        {"need": "transport", "answer": "declined", "instrument": None},
    ]
    assert taken.read("outreach")["step"].to_pylist() == ["contacted", "enrolled"]
    name = file_id(folder, "outreach.csv")
    assert taken.read("outreach")["source_row"].to_pylist() == [f"{name}:2", f"{name}:3"]
    assert taken.read("encounter")["specialty"].to_pylist() == ["cardiology", None]
    assert taken.read("drug_fill")["prescriber_id"].to_pylist() == ["d7"]


def test_without_them_nothing_of_them_is_carried(home, tmp_path):
    take_in(home, "canonical", write(tmp_path / "in"))
    taken = current(home)
    assert taken.manifest["carries"] == ["coverage", "member", "payer", "product"]
    assert taken.read("screening").num_rows == taken.read("outreach").num_rows == 0


BROKEN = [
    ("screening", SCREENINGS, "q9,p1,2020-03-01,none,need,,2020-03-02",
     "need: 'none' is none of education, employment_or_income, housing, food, transport, "
     "isolation, family_strain, violence, other"),
    ("screening", SCREENINGS, "q9,p1,2020-03-01,food,maybe,,2020-03-02",
     "answer: 'maybe' is none of need, no_need, declined"),
    ("screening", SCREENINGS, "q9,p1,2020-03-01,food,,,2020-03-02", "answer: is missing"),
    ("screening", SCREENINGS, "q9,p1,2020-03-03,food,need,,2020-03-02",
     "known_on: '2020-03-02' is before happened_on"),
    ("outreach", OUTREACH, "o9,p1,2020-03-05,called,,2020-03-05",
     "step: 'called' is none of contacted, no_answer, enrolled, declined, closed"),
    ("outreach", OUTREACH, "o1,p2,2020-03-05,closed,,2020-04-05",
     "record_id: contradicts {file}:2, an earlier row of the same record_id and another "
     "patient"),
    ("encounter", ENCOUNTERS, "e9,p1,no_show,2020-03-01,2020-03-01,,2020-03-20",
     f"kind: 'no_show' is none of {', '.join(TABLES['encounter'].column('kind').choices)}"),
]  # fmt: skip


@pytest.mark.parametrize(("table", "text", "line", "reason"), BROKEN)
def test_a_broken_row_is_rejected_with_its_reason(home, tmp_path, table, text, line, reason):
    folder = write(tmp_path / "in", **{table: text + line + "\n"})
    report = take_in(home, "canonical", folder)
    reason = reason.replace("{file}", file_id(folder, f"{table}.csv"))
    rejected = pq.read_table(home.rejected / f"{table}.parquet").to_pylist()
    assert [(row["reason"], row["raw"]) for row in rejected] == [(reason, line)]
    assert report.rows[table] == text.count("\n") - 1


def test_a_screening_may_lack_its_instrument_and_no_other_column(tmp_path):
    kept = [c.name for c in SCREENING.columns if c.name not in ("instrument", "reversed")]
    header = ",".join(name for name in kept if name != "source_row")
    delivery = deliver(write(tmp_path / "in", screening=header + "\n"))
    assert "screening.csv" in {file.name for file in delivery.files}
    with pytest.raises(InputError, match=r"screening\.csv has no column answer"):
        deliver(write(tmp_path / "bare", screening=header.replace(",answer", "") + "\n"))


def write_as_earlier(home: Home) -> None:
    """Take out of what was taken in all that an earlier firstcall did not know of."""
    taken = find_current(home)
    for name, column in (("encounter", "specialty"), ("drug_fill", "prescriber_id")):
        rows = pq.read_table(taken.tables[name])
        pq.write_table(rows.drop_columns(column), taken.tables[name])
    for name in ("screening", "outreach"):
        taken.tables[name].unlink()


def test_what_an_earlier_firstcall_took_in_is_refused_until_the_next_intake(home, tmp_path):
    folder = write(
        tmp_path / "in", encounter=ENCOUNTERS.replace(" Cardiology ", ""),
        drug_fill=FILLS.replace("d7", ""),
    )  # fmt: skip
    take_in(home, "canonical", folder)
    before = current(home)
    bytes_before = {name: path.read_bytes() for name, path in before.tables.items()}
    write_as_earlier(home)
    with pytest.raises(InputError, match="without column specialty in table encounter; run"):
        current(home)
    later = write(tmp_path / "later", screening=SCREENINGS)
    report = take_in(home, "canonical", later)
    assert (report.rejected, report.rows["encounter"], report.rows["screening"]) == (0, 2, 3)
    after = current(home)
    for name, content in bytes_before.items():
        if name != "screening":
            assert after.tables[name].read_bytes() == content, name


def test_a_declared_delay_makes_them_known_later(home, tmp_path):
    folder = write(
        tmp_path / "in", outreach="record_id,patient_id,happened_on,step\no1,p1,2020-03-05,closed\n"
    )
    (folder / "source.json").write_text('{"delays": {"outreach": 3}}')
    take_in(home, "canonical", folder)
    assert current(home).read("outreach")["known_on"].to_pylist() == [date(2020, 3, 8)]
