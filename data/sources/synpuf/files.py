"""The DE-SynPUF files' own columns, as their codebook gives them, and the declared delays."""

from __future__ import annotations

from data.sources import Check, FileKind
from data.tables import Column, NotBefore, Table

DELAYS: dict[str, int] = {
    "admission": 0,
    "discharge": 0,
    "claim": 30,
    "drug_fill": 7,
    "death": 30,
    "end_of_coverage": 30,
}
"""Days from a thing's happening to its being known. DE-SynPUF holds none: these are declared."""

FLAGS: tuple[str, ...] = (
    "SP_ALZHDMTA", "SP_CHF", "SP_CHRNKIDN", "SP_CNCR", "SP_COPD", "SP_DEPRESSN", "SP_DIABETES",
    "SP_ISCHMCHT", "SP_OSTEOPRS", "SP_RA_OA", "SP_STRKETIA",
)  # fmt: skip
SETTINGS: dict[str, str] = {"IP": "inpatient", "OP": "outpatient", "CAR": "professional"}
"""Suffix of the summary's amounts → kind of cost."""
_AMOUNTS = ("MEDREIMB", "BENRES", "PPPYMT")


def numbered(stem: str, last: int) -> tuple[str, ...]:
    """Columns `stem`_1 to `stem`_`last`."""
    return tuple(f"{stem}_{place}" for place in range(1, last + 1))


def _text(*names: str, required: bool = False) -> tuple[Column, ...]:
    return tuple(Column(name, "text", name, required=required) for name in names)


def _dates(*names: str, required: bool = False) -> tuple[Column, ...]:
    return tuple(Column(name, "date", name, required=required) for name in names)


def _amounts(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, "number", name, unit="US dollars") for name in names)


SUMMARY = FileKind(
    "beneficiary_summary",
    Table(
        "beneficiary_summary",
        "one beneficiary in one year",
        "summary_year",
        (
            *_text("DESYNPUF_ID", required=True),
            Column("summary_year", "integer", "the year in the file's name", required=True),
            *_dates("BENE_BIRTH_DT", required=True),
            *_dates("BENE_DEATH_DT"),
            Column("BENE_SEX_IDENT_CD", "choice", "1 male, 2 female", required=True,
                   choices=("1", "2")),
            Column("BENE_RACE_CD", "choice", "1 white, 2 black, 3 others, 5 Hispanic",
                   required=True, choices=("1", "2", "3", "5")),
            *_text("SP_STATE_CODE", "BENE_COUNTY_CD"),
            *(Column(f"BENE_{part}_CVRAGE_TOT_MONS", "integer", "months covered in the year",
                     required=True, unit="months", minimum=0, maximum=12)
              for part in ("HI", "SMI", "HMO")),
            *(Column(flag, "choice", "1 yes, 2 no", required=True, choices=("1", "2"))
              for flag in FLAGS),
            *_amounts(*(f"{amount}_{part}" for part in SETTINGS for amount in _AMOUNTS)),
        ),
        (NotBefore("BENE_DEATH_DT", "BENE_BIRTH_DT"),),
    ),
    key=("DESYNPUF_ID", "summary_year"),
    reread=True,
)  # fmt: skip

_CLAIM = (
    *_text("DESYNPUF_ID", "CLM_ID", required=True),
    Column("SEGMENT", "integer", "segment of the claim", required=True, minimum=1, maximum=2),
    *_dates("CLM_FROM_DT", "CLM_THRU_DT"),
    *_text("PRVDR_NUM", "AT_PHYSN_NPI", "ADMTNG_ICD9_DGNS_CD"),
    *_amounts("CLM_PMT_AMT", "NCH_PRMRY_PYR_CLM_PD_AMT", "NCH_BENE_BLOOD_DDCTBL_LBLTY_AM"),
    *_text(*numbered("ICD9_DGNS_CD", 10), *numbered("ICD9_PRCDR_CD", 6)),
    *_text(*numbered("HCPCS_CD", 45)),
)
INPATIENT = FileKind(
    "inpatient_claims",
    Table(
        "inpatient_claims",
        "one segment of one claim for a stay",
        "CLM_ADMSN_DT",
        (
            *_CLAIM,
            *_dates("CLM_ADMSN_DT", "NCH_BENE_DSCHRG_DT", required=True),
            *_amounts("NCH_BENE_IP_DDCTBL_AMT", "NCH_BENE_PTA_COINSRNC_LBLTY_AM"),
            *_text("CLM_DRG_CD"),
        ),
        (
            NotBefore("CLM_THRU_DT", "CLM_FROM_DT"),
            NotBefore("NCH_BENE_DSCHRG_DT", "CLM_ADMSN_DT"),
        ),
    ),
    key=("CLM_ID", "SEGMENT"),
)
OUTPATIENT = FileKind(
    "outpatient_claims",
    Table(
        "outpatient_claims",
        "one segment of one claim for a visit to a hospital",
        "CLM_FROM_DT",
        (*_CLAIM, *_amounts("NCH_BENE_PTB_DDCTBL_AMT", "NCH_BENE_PTB_COINSRNC_AMT")),
        (NotBefore("CLM_THRU_DT", "CLM_FROM_DT"),),
    ),
    key=("CLM_ID", "SEGMENT"),
    checks=(
        Check(
            "CLM_FROM_DT",
            "CLM_ID NOT IN (SELECT CLM_ID FROM in_outpatient_claims "
            "WHERE CLM_FROM_DT IS NOT NULL AND CLM_THRU_DT IS NOT NULL)",
            "is missing, and no other segment of the claim gives the days",
        ),
    ),
)
CARRIER = FileKind(
    "carrier_claims",
    Table(
        "carrier_claims",
        "one claim of a physician, laboratory or supplier",
        "CLM_FROM_DT",
        (
            *_text("DESYNPUF_ID", "CLM_ID", required=True),
            *_dates("CLM_FROM_DT", "CLM_THRU_DT", required=True),
            *_text(*numbered("ICD9_DGNS_CD", 8), "PRF_PHYSN_NPI_1", *numbered("HCPCS_CD", 13)),
            *_amounts(*numbered("LINE_NCH_PMT_AMT", 13), *numbered("LINE_ALOWD_CHRG_AMT", 13)),
        ),
        (NotBefore("CLM_THRU_DT", "CLM_FROM_DT"),),
    ),
    key=("CLM_ID",),
)
PRESCRIPTION = FileKind(
    "prescription_drug_events",
    Table(
        "prescription_drug_events",
        "one dispensed prescription",
        "SRVC_DT",
        (
            *_text("DESYNPUF_ID", "PDE_ID", required=True),
            *_dates("SRVC_DT", required=True),
            *_text("PROD_SRVC_ID", required=True),
            Column("QTY_DSPNSD_NUM", "number", "units dispensed", minimum=0),
            Column("DAYS_SUPLY_NUM", "integer", "days that the fill lasts", unit="days",
                   minimum=0, maximum=400),
            *_amounts("PTNT_PAY_AMT", "TOT_RX_CST_AMT"),
        ),
    ),
    key=("PDE_ID",),
)  # fmt: skip
