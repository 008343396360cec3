"""Small invented DE-SynPUF files, with the headers of the published ones."""

from __future__ import annotations

import csv
from pathlib import Path


def _numbered(stem: str, last: int) -> list[str]:
    return [f"{stem}_{place}" for place in range(1, last + 1)]


FLAGS = [
    "SP_ALZHDMTA", "SP_CHF", "SP_CHRNKIDN", "SP_CNCR", "SP_COPD", "SP_DEPRESSN", "SP_DIABETES",
    "SP_ISCHMCHT", "SP_OSTEOPRS", "SP_RA_OA", "SP_STRKETIA",
]  # fmt: skip
SUMMARY = [
    "DESYNPUF_ID", "BENE_BIRTH_DT", "BENE_DEATH_DT", "BENE_SEX_IDENT_CD", "BENE_RACE_CD",
    "BENE_ESRD_IND", "SP_STATE_CODE", "BENE_COUNTY_CD", "BENE_HI_CVRAGE_TOT_MONS",
    "BENE_SMI_CVRAGE_TOT_MONS", "BENE_HMO_CVRAGE_TOT_MONS", "PLAN_CVRG_MOS_NUM", *FLAGS,
    "MEDREIMB_IP", "BENRES_IP", "PPPYMT_IP", "MEDREIMB_OP", "BENRES_OP", "PPPYMT_OP",
    "MEDREIMB_CAR", "BENRES_CAR", "PPPYMT_CAR",
]  # fmt: skip
_CODES = [*_numbered("ICD9_DGNS_CD", 10), *_numbered("ICD9_PRCDR_CD", 6)]
INPATIENT = [
    "DESYNPUF_ID", "CLM_ID", "SEGMENT", "CLM_FROM_DT", "CLM_THRU_DT", "PRVDR_NUM", "CLM_PMT_AMT",
    "NCH_PRMRY_PYR_CLM_PD_AMT", "AT_PHYSN_NPI", "OP_PHYSN_NPI", "OT_PHYSN_NPI", "CLM_ADMSN_DT",
    "ADMTNG_ICD9_DGNS_CD", "CLM_PASS_THRU_PER_DIEM_AMT", "NCH_BENE_IP_DDCTBL_AMT",
    "NCH_BENE_PTA_COINSRNC_LBLTY_AM", "NCH_BENE_BLOOD_DDCTBL_LBLTY_AM", "CLM_UTLZTN_DAY_CNT",
    "NCH_BENE_DSCHRG_DT", "CLM_DRG_CD", *_CODES, *_numbered("HCPCS_CD", 45),
]  # fmt: skip
OUTPATIENT = [
    "DESYNPUF_ID", "CLM_ID", "SEGMENT", "CLM_FROM_DT", "CLM_THRU_DT", "PRVDR_NUM", "CLM_PMT_AMT",
    "NCH_PRMRY_PYR_CLM_PD_AMT", "AT_PHYSN_NPI", "OP_PHYSN_NPI", "OT_PHYSN_NPI",
    "NCH_BENE_BLOOD_DDCTBL_LBLTY_AM", *_CODES, "NCH_BENE_PTB_DDCTBL_AMT",
    "NCH_BENE_PTB_COINSRNC_AMT", "ADMTNG_ICD9_DGNS_CD", *_numbered("HCPCS_CD", 45),
]  # fmt: skip
CARRIER = [
    "DESYNPUF_ID", "CLM_ID", "CLM_FROM_DT", "CLM_THRU_DT", *_numbered("ICD9_DGNS_CD", 8),
    *(column for stem in (
        "PRF_PHYSN_NPI", "TAX_NUM", "HCPCS_CD", "LINE_NCH_PMT_AMT", "LINE_BENE_PTB_DDCTBL_AMT",
        "LINE_BENE_PRMRY_PYR_PD_AMT", "LINE_COINSRNC_AMT", "LINE_ALOWD_CHRG_AMT",
        "LINE_PRCSG_IND_CD", "LINE_ICD9_DGNS_CD") for column in _numbered(stem, 13)),
]  # fmt: skip
PRESCRIPTION = [
    "DESYNPUF_ID", "PDE_ID", "SRVC_DT", "PROD_SRVC_ID", "QTY_DSPNSD_NUM", "DAYS_SUPLY_NUM",
    "PTNT_PAY_AMT", "TOT_RX_CST_AMT",
]  # fmt: skip

_PERSON = {
    "BENE_BIRTH_DT": "19400101", "BENE_SEX_IDENT_CD": "2", "BENE_RACE_CD": "1",
    "BENE_ESRD_IND": "0", "SP_STATE_CODE": "26", "BENE_COUNTY_CD": "950",
    "BENE_HI_CVRAGE_TOT_MONS": "12", "BENE_SMI_CVRAGE_TOT_MONS": "12",
    "BENE_HMO_CVRAGE_TOT_MONS": "0", "PLAN_CVRG_MOS_NUM": "12", **dict.fromkeys(FLAGS, "2"),
    **dict.fromkeys(SUMMARY[-9:], "0.00"),
}  # fmt: skip


def write(folder: Path, name: str, header: list[str], rows: list[dict[str, str]]) -> Path:
    """Write rows, given by column, under a quoted header, as CMS does."""
    path = folder / name
    with path.open("w", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(header)
        writer = csv.DictWriter(file, header, restval="", lineterminator="\n")
        writer.writerows(rows)
    return path


def write_summary(folder: Path, year: int, *people: dict[str, str]) -> Path:
    """A yearly summary; a person is given by what differs from 12 months of fee for service."""
    name = f"DE1_0_{year}_Beneficiary_Summary_File_Sample_9.csv"
    return write(folder, name, SUMMARY, [{**_PERSON, **person} for person in people])


def stay(patient: str, claim: str, admitted: str, discharged: str, **more: str) -> dict[str, str]:
    """One inpatient segment."""
    return {
        "DESYNPUF_ID": patient, "CLM_ID": claim, "SEGMENT": "1", "CLM_FROM_DT": admitted,
        "CLM_THRU_DT": discharged, "CLM_ADMSN_DT": admitted, "NCH_BENE_DSCHRG_DT": discharged,
        "PRVDR_NUM": "2600GD", "CLM_PMT_AMT": "4000.00", **more,
    }  # fmt: skip


def write_stays(folder: Path, *stays: dict[str, str]) -> Path:
    return write(folder, "DE1_0_2008_to_2010_Inpatient_Claims_Sample_9.csv", INPATIENT, list(stays))
