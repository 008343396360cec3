from __future__ import annotations

from datetime import date

import pyarrow.parquet as pq
import pytest

from data.errors import InputError
from data.home import Home
from data.intake import IntakeReport, current, take_in
from tests.data.canonical_fixture import file_id
from tests.data.synpuf_fixture import (
    CARRIER,
    OUTPATIENT,
    PRESCRIPTION,
    stay,
    write,
    write_stays,
    write_summary,
)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


def rows(home: Home, table: str, *columns: str, **where: object) -> list[tuple]:
    found = current(home).read(table).to_pylist()
    kept = [row for row in found if all(row[name] == value for name, value in where.items())]
    return [tuple(row[column] for column in columns) for row in kept]


def adds_up(report: IntakeReport) -> bool:
    return all(f.read == f.taken_in + f.duplicates + f.rejected for f in report.files)


def reasons(home: Home, kind: str) -> list[tuple]:
    found = pq.read_table(home.rejected / f"{kind}.parquet").to_pylist()
    return [(row["line"], row["reason"]) for row in found]


def months(count: int, hmo: int = 0) -> dict[str, str]:
    return {"BENE_HI_CVRAGE_TOT_MONS": str(count), "BENE_SMI_CVRAGE_TOT_MONS": "0",
            "BENE_HMO_CVRAGE_TOT_MONS": str(hmo)}  # fmt: skip


def test_a_person_has_a_version_where_something_changed(home, folder):
    a, b = {"DESYNPUF_ID": "A"}, {"DESYNPUF_ID": "B", "BENE_RACE_CD": "5"}
    write_summary(folder, 2008, a, b)
    write_summary(folder, 2009, a, {**b, "SP_STATE_CODE": "33"})
    write_summary(folder, 2010, a, {**b, "SP_STATE_CODE": "33", "BENE_DEATH_DT": "20100301"})
    report = take_in(home, "synpuf", folder)
    assert rows(home, "member", "known_on", "region", "death_on", patient_id="A") == [
        (date(2008, 1, 1), "Missouri", None),
    ]
    # death is known by month: its last day counts, and it is known 30 days later
    assert rows(home, "member", "known_on", "region", "death_on", patient_id="B") == [
        (date(2008, 1, 1), "Missouri", None),
        (date(2009, 1, 1), "New York", None),
        (date(2010, 4, 30), "New York", date(2010, 3, 31)),
    ]
    assert rows(home, "member", "sex", "race", patient_id="B")[0] == ("female", "hispanic")
    assert adds_up(report)
    assert report.taken_in == 6


def coverage(home: Home) -> list[tuple]:
    return rows(home, "coverage", "start_on", "end_on", "product", "known_on")


def test_full_years_are_one_open_span(home, folder):
    for year, hmo in ((2008, 0), (2009, 12), (2010, 12)):
        write_summary(folder, year, {"DESYNPUF_ID": "A", **months(12, hmo)})
    take_in(home, "synpuf", folder)
    start = date(2008, 1, 1)
    assert coverage(home) == [
        (start, None, None, date(2008, 1, 1)),
        (start, None, "fee for service", date(2008, 12, 31)),
        (start, None, "HMO", date(2009, 12, 31)),
    ]


def test_months_lie_at_the_end_of_a_year_that_starts_coverage(home, folder):
    write_summary(folder, 2008, {"DESYNPUF_ID": "A", **months(3)})
    write_summary(folder, 2009, {"DESYNPUF_ID": "A", **months(12)})
    write_summary(folder, 2010, {"DESYNPUF_ID": "A", **months(6, 2)})
    take_in(home, "synpuf", folder)
    start, end = date(2008, 10, 1), date(2010, 6, 30)
    assert coverage(home) == [
        (start, None, None, date(2008, 10, 1)),
        (start, None, "fee for service", date(2008, 12, 31)),
        (start, end, "fee for service", date(2010, 7, 30)),
        (start, end, "fee for service and HMO", date(2010, 12, 31)),
    ]


def test_a_gap_makes_two_spans_and_death_ends_coverage(home, folder):
    write_summary(folder, 2008, {"DESYNPUF_ID": "A", **months(7)})
    write_summary(folder, 2009, {"DESYNPUF_ID": "A", **months(0)})
    write_summary(folder, 2010, {"DESYNPUF_ID": "A", **months(12), "BENE_DEATH_DT": "20100201"})
    take_in(home, "synpuf", folder)
    assert {row[:2] for row in coverage(home) if row[1]} == {
        (date(2008, 1, 1), date(2008, 7, 31)), (date(2010, 1, 1), date(2010, 2, 28))
    }  # fmt: skip


def test_a_yearly_summary_is_known_when_its_year_has_ended(home, folder):
    write_summary(folder, 2009, {
        "DESYNPUF_ID": "A", "SP_CHF": "1", "MEDREIMB_IP": "36000.00", "BENRES_IP": "3204.10",
        "PPPYMT_IP": "-0.10", "MEDREIMB_CAR": "-20.00"})  # fmt: skip
    take_in(home, "synpuf", folder)
    end = date(2009, 12, 31)
    assert rows(home, "diagnosis", "code_system", "code", "happened_on", "known_on") == [
        ("CCW", "SP_CHF", end, end)
    ]
    amounts = rows(home, "cost", "kind", "covers", "allowed_cents", "paid_cents", "known_on")
    assert sorted(amounts) == [
        ("inpatient", "year", 3920400, 3600000, end),
        ("outpatient", "year", 0, 0, end),
        ("professional", "year", -2000, -2000, end),
    ]  # fmt: skip


def test_a_stay_is_known_at_admission_at_discharge_and_with_its_claim(home, folder):
    write_summary(folder, 2009, {"DESYNPUF_ID": "A"})
    write_stays(folder, stay(
        "A", "77", "20090412", "20090418", ADMTNG_ICD9_DGNS_CD="7866", ICD9_DGNS_CD_1="4280",
        ICD9_DGNS_CD_2="V45.01", ICD9_PRCDR_CD_1="8154", ICD9_PRCDR_CD_2="25000", CLM_DRG_CD="291",
        AT_PHYSN_NPI="9", NCH_BENE_IP_DDCTBL_AMT="1068.00", CLM_PMT_AMT="26000.50"))  # fmt: skip
    report = take_in(home, "synpuf", folder)
    assert rows(home, "encounter", "known_on", "ended_on", "drg", "provider_id") == [
        (date(2009, 4, 12), None, None, None),
        (date(2009, 4, 18), date(2009, 4, 18), None, None),
        (date(2009, 5, 18), date(2009, 4, 18), "291", "9"),
    ]
    assert rows(home, "diagnosis", "code", "position", "known_on", encounter_id="77") == [
        ("7866", None, date(2009, 4, 12)),
        ("4280", 1, date(2009, 5, 18)),
        ("V4501", 2, date(2009, 5, 18)),
    ]
    assert rows(home, "procedure", "code_system", "code", "known_on") == [
        ("ICD9PCS", "8154", date(2009, 5, 18)), ("ICD9PCS", "25000", date(2009, 5, 18))
    ]  # fmt: skip
    assert rows(home, "cost", "allowed_cents", "paid_cents", "known_on", covers="claim") == [
        (2706850, 2600050, date(2009, 5, 18))
    ]
    unknown = {count.system: count.unknown_codes for count in report.unknown_codes}
    assert unknown["ICD9PCS"] == 1
    manifest = current(home).manifest
    assert manifest["carries"] == [
        "cost", "coverage", "diagnosis", "encounter", "facility", "icd_procedures", "member",
        "payer", "principal_diagnosis", "procedure", "product", "provider",
    ]  # fmt: skip
    assert manifest["origin"] == "public_synthetic"
    assert manifest["cost_covers"] == "year"
    assert manifest["run_out_days"] == 30
    assert manifest["data_through"] == "2009-12-31"
    assert manifest["delays"]["claim"] == 30


def test_a_stay_of_one_day_has_no_open_version(home, folder):
    write_summary(folder, 2009, {"DESYNPUF_ID": "A"})
    write_stays(folder, stay("A", "77", "20090412", "20090412", CLM_DRG_CD="000"))
    take_in(home, "synpuf", folder)
    assert rows(home, "encounter", "known_on", "ended_on", "drg") == [
        (date(2009, 4, 12), date(2009, 4, 12), None),
        (date(2009, 5, 12), date(2009, 4, 12), None),
    ]


SETTINGS = {
    "2600GD": ("acute_inpatient", "inpatient"), "0108XX": ("acute_inpatient", "inpatient"),
    "2613AB": ("acute_inpatient", "inpatient"), "2640AB": ("psychiatric_inpatient", "inpatient"),
    "26S0AB": ("psychiatric_inpatient", "inpatient"),
    "26T0AB": ("rehabilitation_inpatient", "post_acute"),
    "2630AB": ("rehabilitation_inpatient", "post_acute"),
    "2620AB": ("long_term_care", "post_acute"), "2655AB": ("skilled_nursing", "post_acute"),
    "26U0AB": ("skilled_nursing", "post_acute"), "2610AB": ("other", "inpatient"),
    "": ("other", "inpatient"),
}  # fmt: skip


def test_the_provider_number_tells_the_setting(home, folder):
    write_summary(folder, 2009, {"DESYNPUF_ID": "A"})
    write_stays(folder, *(
        stay("A", f"claim {number}", "20090412", "20090413", PRVDR_NUM=number)
        for number in SETTINGS))  # fmt: skip
    take_in(home, "synpuf", folder)
    kinds = dict(rows(home, "encounter", "record_id", "kind"))
    costs = dict(rows(home, "cost", "encounter_id", "kind", covers="claim"))
    found = {n: (kinds[f"claim {n}".strip()], costs[f"claim {n}".strip()]) for n in SETTINGS}
    assert found == SETTINGS


def test_segments_of_a_claim_are_one_stay(home, folder):
    write_summary(folder, 2009, {"DESYNPUF_ID": "A"})
    second = {"SEGMENT": "2", "CLM_FROM_DT": "", "CLM_THRU_DT": "", "CLM_PMT_AMT": "19000.00"}
    write_stays(
        folder,
        stay("A", "77", "20090401", "20090420", **second),
        stay("A", "77", "20090412", "20090420", ICD9_DGNS_CD_1="4280"),
        stay("A", "88", "20090501", "20090503", **second, ICD9_DGNS_CD_1="486"),
        stay("A", "99", "20090601", "20090603", **second, ICD9_DGNS_CD_1="5849"),
        stay("A", "99", "20090601", "20090603", ICD9_DGNS_CD_1="4280"),
    )
    report = take_in(home, "synpuf", folder)
    started = set(rows(home, "encounter", "record_id", "started_on"))
    assert started == {
        ("77", date(2009, 4, 12)), ("88", date(2009, 5, 1)), ("99", date(2009, 6, 1))
    }  # fmt: skip
    paid = rows(home, "cost", "encounter_id", "paid_cents", covers="claim")
    assert paid == [("77", 2300000), ("88", 1900000), ("99", 2300000)]
    positions = rows(home, "diagnosis", "record_id", "position", encounter_id="99")
    assert positions == [("99-diagnosis-1", 1), ("99-segment2-diagnosis-1", 11)]
    inpatient = next(file for file in report.files if file.table == "inpatient_claims")
    # the second segment of 77 adds no row of its own
    assert (inpatient.read, inpatient.taken_in, inpatient.merged) == (5, 5, 1)


def outpatient(claim: str, *hcpcs: str, **more: str) -> dict[str, str]:
    lines = {f"HCPCS_CD_{place}": code for place, code in enumerate(hcpcs, start=1)}
    return {"DESYNPUF_ID": "A", "CLM_ID": claim, "SEGMENT": "1", "CLM_FROM_DT": "20090310",
            "CLM_THRU_DT": "20090311", "PRVDR_NUM": "2600GD", "CLM_PMT_AMT": "50.00", **lines,
            **more}  # fmt: skip


def test_visits_take_their_kind_from_their_lines(home, folder):
    write_summary(folder, 2009, {"DESYNPUF_ID": "A"})
    name = "DE1_0_2008_to_2010_Outpatient_Claims_Sample_9.csv"
    write(folder, name, OUTPATIENT, [
        outpatient("o1", "85610", "99284", NCH_BENE_PTB_COINSRNC_AMT="10.00"),
        outpatient("o2", "99213"), outpatient("o3", "85610"), outpatient("o4", "G0378"),
        outpatient("o5", ICD9_DGNS_CD_1="V5841"),
        outpatient("o5", "99285", SEGMENT="2", CLM_FROM_DT="", CLM_THRU_DT=""),
        outpatient("o6", SEGMENT="2", CLM_FROM_DT="", CLM_THRU_DT=""),
    ])  # fmt: skip
    carrier = [
        {"DESYNPUF_ID": "A", "CLM_ID": f"c{place}", "CLM_FROM_DT": "20090310",
         "CLM_THRU_DT": "20090310", "ICD9_DGNS_CD_1": "4019", "HCPCS_CD_1": code,
         "PRF_PHYSN_NPI_1": "9", "LINE_ALOWD_CHRG_AMT_1": "60.00", "LINE_ALOWD_CHRG_AMT_2": "0.55",
         "LINE_NCH_PMT_AMT_1": "50.00"}
        for place, code in enumerate(["99283", "99214", "G0439", "97001"])
    ]  # fmt: skip
    write(folder, "DE1_0_2008_to_2010_Carrier_Claims_Sample_9A.csv", CARRIER, carrier)
    write(folder, "DE1_0_2008_to_2010_Carrier_Claims_Sample_9B.csv", CARRIER, [])
    report = take_in(home, "synpuf", folder)
    assert dict(rows(home, "encounter", "record_id", "kind")) == {
        "o1": "emergency", "o2": "office", "o3": "outpatient", "o4": "observation",
        "o5": "emergency", "c0": "emergency", "c1": "office", "c2": "office", "c3": "other",
    }  # fmt: skip
    assert set(rows(home, "encounter", "known_on", kind="office")) == {
        (date(2009, 4, 10),), (date(2009, 4, 9),)
    }  # fmt: skip
    assert rows(home, "cost", "kind", "allowed_cents", "paid_cents", encounter_id="o1") == [
        ("outpatient", 6000, 5000)
    ]
    assert rows(home, "cost", "kind", "allowed_cents", "paid_cents", encounter_id="c0") == [
        ("professional", 6055, 5000)
    ]
    assert rows(home, "procedure", "code", encounter_id="o1") == [("85610",), ("99284",)]
    assert reasons(home, "outpatient_claims") == [
        (8, "CLM_FROM_DT: is missing, and no other segment of the claim gives the days")
    ]
    assert adds_up(report)
    assert {"emergency_visits", "office_visits"} <= set(report.carries)


def test_drug_events(home, folder):
    write_summary(folder, 2009, {"DESYNPUF_ID": "A"})
    event = {"DESYNPUF_ID": "A", "PDE_ID": "x", "SRVC_DT": "20090310", "DAYS_SUPLY_NUM": "30",
             "PROD_SRVC_ID": "00247037252", "QTY_DSPNSD_NUM": "60.000", "PTNT_PAY_AMT": "10.00",
             "TOT_RX_CST_AMT": "120.00"}  # fmt: skip
    write(folder, "DE1_0_2008_to_2010_Prescription_Drug_Events_Sample_9.csv", PRESCRIPTION,
          [event, event, {**event, "PTNT_PAY_AMT": "11.00"},
           {**event, "PDE_ID": "y", "DAYS_SUPLY_NUM": "-1"}])  # fmt: skip
    report = take_in(home, "synpuf", folder)
    assert rows(home, "drug_fill", "code", "days_supply", "quantity", "known_on") == [
        ("00247037252", 30, 60.0, date(2009, 3, 17))
    ]
    assert rows(home, "cost", "kind", "allowed_cents", "paid_cents", covers="claim") == [
        ("pharmacy", 12000, 11000)
    ]
    fills = next(file for file in report.files if file.table == "prescription_drug_events")
    assert (fills.read, fills.taken_in, fills.duplicates, fills.rejected) == (4, 1, 1, 2)
    name = file_id(folder, fills.file)
    assert reasons(home, "prescription_drug_events") == [
        (4, f"PDE_ID: contradicts {name}:2, an earlier row of the same PDE_ID"),
        (5, "DAYS_SUPLY_NUM: '-1' is below 0"),
    ]


def test_broken_rows_are_rejected_by_the_source_s_own_columns(home, folder):
    good = {"DESYNPUF_ID": "A"}
    write_summary(
        folder, 2009, good, {"DESYNPUF_ID": "B", "BENE_BIRTH_DT": "19991340"},
        {"DESYNPUF_ID": "C", "BENE_HI_CVRAGE_TOT_MONS": "13"}, {"DESYNPUF_ID": "D", "SP_CHF": "3"},
        {"DESYNPUF_ID": "E", "MEDREIMB_IP": "much"}, good, {**good, "SP_CHF": "1"},
    )  # fmt: skip
    write_stays(
        folder, stay("A", "77", "20090412", "20090410"), stay("A", "", "20090412", "20090415")
    )
    report = take_in(home, "synpuf", folder)
    name = file_id(folder, "DE1_0_2009_Beneficiary_Summary_File_Sample_9.csv")
    assert reasons(home, "beneficiary_summary") == [
        (3, "BENE_BIRTH_DT: '19991340' is not a date"),
        (4, "BENE_HI_CVRAGE_TOT_MONS: '13' is above 12"),
        (5, "SP_CHF: '3' is none of 1, 2"),
        (6, "MEDREIMB_IP: 'much' is not a number"),
        (8, f"DESYNPUF_ID: contradicts {name}:2, an earlier row of the same DESYNPUF_ID and "
            "summary_year"),
    ]  # fmt: skip
    assert reasons(home, "inpatient_claims") == [
        (2, "CLM_THRU_DT: '2009-04-10' is before CLM_FROM_DT"), (3, "CLM_ID: is missing")
    ]  # fmt: skip
    assert adds_up(report)
    assert (report.taken_in, report.duplicates, report.rejected) == (1, 1, 7)


def test_years_may_come_one_after_the_other(home, folder, tmp_path):
    people = [{"DESYNPUF_ID": "A"}, {"DESYNPUF_ID": "B", **months(12, 12)}]
    together = Home(tmp_path / "together")
    for year in (2008, 2009, 2010):
        write_summary(folder, year, *people)
        part = tmp_path / str(year)
        part.mkdir()
        write_summary(part, year, *people)
        take_in(home, "synpuf", part)
    write_stays(folder, stay("A", "77", "20090412", "20090418", ICD9_DGNS_CD_1="4280"))
    write_stays(tmp_path / "2010", stay("A", "77", "20090412", "20090418", ICD9_DGNS_CD_1="4280"))
    take_in(home, "synpuf", tmp_path / "2010")
    take_in(together, "synpuf", folder)
    assert current(home).generation == current(together).generation
    for table, path in current(home).tables.items():
        assert path.read_bytes() == current(together).tables[table].read_bytes(), table


def test_a_first_intake_needs_a_summary_and_every_column(home, folder):
    with pytest.raises(InputError, match="holds no DE-SynPUF file"):
        take_in(home, "synpuf", folder)
    path = write_stays(folder, stay("A", "77", "20090412", "20090418"))
    with pytest.raises(InputError, match="there is no Beneficiary_Summary_File"):
        take_in(home, "synpuf", folder)
    write_summary(folder, 2009, {"DESYNPUF_ID": "A"})
    path.write_text(path.read_text().replace("CLM_ADMSN_DT", "ADMISSION", 1))
    with pytest.raises(
        InputError, match=r"Inpatient_Claims_Sample_9\.csv has no column CLM_ADMSN_DT"
    ):
        take_in(home, "synpuf", folder)
