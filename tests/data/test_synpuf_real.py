"""The published DE-SynPUF files: every row of them is accounted for."""

from __future__ import annotations

import csv
from datetime import date

import pytest

from data.home import Home
from data.intake import current, take_in
from tests.data.canonical_fixture import fingerprint
from tests.data.shared import shared_data


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


def lines_of(path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file) - 1


def months_covered(folder) -> int:
    """Months of hospital or medical insurance in all summaries, none after the month of death."""
    total = 0
    for path in folder.glob("*Beneficiary_Summary*.csv"):
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                part = max(int(row[f"BENE_{part}_CVRAGE_TOT_MONS"]) for part in ("HI", "SMI"))
                died = row["BENE_DEATH_DT"]
                total += min(part, int(died[4:6])) if died else part
    return total


@pytest.mark.parametrize(("name", "files"), [("synpuf_small", 8), ("synpuf_annual", 8)])
def test_every_real_row_is_accounted_for(home, name, files):
    folder = shared_data(name)
    report = take_in(home, "synpuf", folder)
    assert len(report.files) == files
    for count in report.files:
        assert count.read == lines_of(folder / count.file)
        assert count.read == count.taken_in + count.duplicates + count.rejected
    assert report.rejected == (1 if name == "synpuf_small" else 0)
    taken = current(home)
    stays = taken.read("encounter", ["record_id"])["record_id"].unique()
    claims = sum(count.taken_in for count in report.files if count.table == "inpatient_claims")
    merged = sum(count.merged for count in report.files if count.table == "inpatient_claims")
    if name == "synpuf_annual":
        assert len(stays) == claims - merged
        assert not {"emergency_visits", "office_visits", "drug_fill", "lab_result"} & set(
            report.carries
        )
        # months covered, up to death, are days covered
        spans = taken.read("coverage").to_pandas().sort_values("known_on")
        last = spans.groupby("record_id").agg({"start_on": "last", "end_on": "last"})
        ended = last["end_on"].fillna(date(2010, 12, 31))
        days = (ended - last["start_on"]).map(lambda d: d.days + 1).sum()
        assert abs(days / (365.25 / 12) / months_covered(folder) - 1) < 0.002
    members = taken.read("member", ["patient_id"])["patient_id"].unique()
    first = next(c for c in report.files if "2008_Beneficiary" in c.file)
    assert len(members) == first.read * (2 if name == "synpuf_annual" else 1)
    before = fingerprint(home)
    assert take_in(home, "synpuf", folder).files == report.files
    assert fingerprint(home) == before
