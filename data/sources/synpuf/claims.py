"""Canonical rows of DE-SynPUF claims: stays and visits with their codes and costs, and fills."""

from __future__ import annotations

from data.code_forms import code_form
from data.sources import Derived, FileKind
from data.sources.synpuf.files import (
    CARRIER,
    DELAYS,
    INPATIENT,
    OUTPATIENT,
    PRESCRIPTION,
    numbered,
)

_STAYS, _VISITS = f"in_{INPATIENT.name}", f"in_{OUTPATIENT.name}"
_CARRIER, _FILLS = f"in_{CARRIER.name}", f"in_{PRESCRIPTION.name}"
_CLAIM_KNOWN = f"+ {DELAYS['claim']}"

# CMS certification number, places 3 to 6: a letter in place 3 is a unit within a hospital
_FACILITY = """CASE
    WHEN upper(substr(PRVDR_NUM, 3, 1)) IN ('S', 'M') THEN 'psychiatric_inpatient'
    WHEN upper(substr(PRVDR_NUM, 3, 1)) IN ('T', 'R') THEN 'rehabilitation_inpatient'
    WHEN upper(substr(PRVDR_NUM, 3, 1)) IN ('U', 'W', 'Y', 'Z') THEN 'skilled_nursing'
    WHEN substr(PRVDR_NUM, 3, 2) BETWEEN '00' AND '08' THEN 'acute_inpatient'
    WHEN substr(PRVDR_NUM, 3, 2) IN ('13', '33') THEN 'acute_inpatient'
    WHEN substr(PRVDR_NUM, 3, 2) BETWEEN '20' AND '22' THEN 'long_term_care'
    WHEN substr(PRVDR_NUM, 3, 2) = '30' THEN 'rehabilitation_inpatient'
    WHEN substr(PRVDR_NUM, 3, 2) BETWEEN '40' AND '44' THEN 'psychiatric_inpatient'
    WHEN substr(PRVDR_NUM, 3, 2) BETWEEN '50' AND '64' THEN 'skilled_nursing'
    ELSE 'other' END"""
_EMERGENCY = "code BETWEEN '99281' AND '99285'"
_OBSERVATION = """code IN ('G0378', 'G0379') OR code BETWEEN '99217' AND '99220'
    OR code BETWEEN '99224' AND '99226' OR code BETWEEN '99234' AND '99236'"""
_OFFICE = """code BETWEEN '99201' AND '99215' OR code BETWEEN '99241' AND '99245'
    OR code BETWEEN '99381' AND '99397' OR code IN ('G0402', 'G0438', 'G0439')"""


def claim_rows() -> tuple[Derived, ...]:
    """Every canonical row that comes of claims and drug events."""
    return (
        Derived("encounter", _stays()),
        Derived("encounter", _visits(_VISITS, 45, "PRVDR_NUM", "AT_PHYSN_NPI", "outpatient")),
        Derived("encounter", _visits(_CARRIER, 13, "NULL", "PRF_PHYSN_NPI_1", "other")),
        Derived("diagnosis", _admitting()),
        Derived("diagnosis", _diagnoses(INPATIENT, 10)),
        Derived("diagnosis", _diagnoses(OUTPATIENT, 10)),
        Derived("diagnosis", _diagnoses(CARRIER, 8)),
        Derived("procedure", _procedures(INPATIENT, "ICD9_PRCDR_CD", 6, "ICD9PCS")),
        Derived("procedure", _procedures(OUTPATIENT, "ICD9_PRCDR_CD", 6, "ICD9PCS")),
        Derived("procedure", _procedures(INPATIENT, "HCPCS_CD", 45, "HCPCS")),
        Derived("procedure", _procedures(OUTPATIENT, "HCPCS_CD", 45, "HCPCS")),
        Derived("procedure", _procedures(CARRIER, "HCPCS_CD", 13, "HCPCS")),
        Derived("drug_fill", _fills()),
        Derived("cost", _stay_costs()),
        Derived("cost", _visit_costs()),
        Derived("cost", _carrier_costs()),
        Derived("cost", _fill_costs()),
    )


def _claims(kind: FileKind) -> str:
    """One row a claim segment: the claim's id, days and segment, the days taken from segment 1."""
    if kind is CARRIER:
        return (
            "SELECT *, 1 AS part, CLM_FROM_DT AS started_on, CLM_THRU_DT AS ended_on, "
            f"CLM_THRU_DT {_CLAIM_KNOWN} AS claim_on FROM {_CARRIER}"
        )
    first, last = ("CLM_ADMSN_DT", "NCH_BENE_DSCHRG_DT")
    through = "greatest(CLM_THRU_DT, NCH_BENE_DSCHRG_DT)"
    if kind is OUTPATIENT:
        first, last = ("CLM_FROM_DT", "CLM_THRU_DT")
        through = "CLM_THRU_DT"
    earliest = f"FILTER ({first} IS NOT NULL AND {last} IS NOT NULL) OVER claim"
    return f"""
        SELECT *, SEGMENT AS part,
               arg_min({first}, SEGMENT) {earliest} AS started_on,
               arg_min({last}, SEGMENT) {earliest} AS ended_on,
               arg_min({through}, SEGMENT) {earliest} {_CLAIM_KNOWN} AS claim_on
        FROM in_{kind.name} WINDOW claim AS (PARTITION BY CLM_ID)
    """


def _first_segments(kind: FileKind) -> str:
    return f"""
        SELECT * FROM ({_claims(kind)})
        QUALIFY part = min(part) OVER (PARTITION BY CLM_ID)
    """


def _stays() -> str:
    """Known at admission (open), at discharge (closed), and with the claim (DRG, physician)."""
    body = f"""CLM_ID AS record_id, DESYNPUF_ID AS patient_id, {_FACILITY} AS kind, started_on,
        PRVDR_NUM AS facility_id, NULL AS admission_type, NULL AS disposition,
        false AS reversed, file, line"""
    bare = "NULL AS provider_id, NULL AS drg"
    admitted = f"started_on + {DELAYS['admission']}"
    discharged = f"ended_on + {DELAYS['discharge']}"
    drg = "CASE WHEN CLM_DRG_CD <> '000' THEN CLM_DRG_CD END AS drg"
    return f"""
        WITH stays AS ({_first_segments(INPATIENT)})
        SELECT {body}, NULL::DATE AS ended_on, {bare}, {admitted} AS known_on
        FROM stays WHERE {admitted} < {discharged}
        UNION ALL BY NAME
        SELECT {body}, ended_on, {bare}, {discharged} AS known_on
        FROM stays WHERE {discharged} < claim_on
        UNION ALL BY NAME
        SELECT {body}, ended_on, AT_PHYSN_NPI AS provider_id, {drg}, claim_on AS known_on FROM stays
    """


def _visits(relation: str, codes: int, facility: str, provider: str, otherwise: str) -> str:
    """One encounter a claim, known with the claim; its kind from the HCPCS codes on it."""
    kind = OUTPATIENT if relation == _VISITS else CARRIER
    columns = ", ".join(numbered("HCPCS_CD", codes))
    return f"""
        WITH lines AS (
            SELECT CLM_ID, upper(code) AS code FROM (SELECT CLM_ID, {columns} FROM {relation})
            UNPIVOT (code FOR place IN ({columns}))
        ), kinds AS (
            SELECT CLM_ID, bool_or({_EMERGENCY}) AS emergency,
                   bool_or({_OBSERVATION}) AS observation, bool_or({_OFFICE}) AS office
            FROM lines GROUP BY CLM_ID
        )
        SELECT CLM_ID AS record_id, DESYNPUF_ID AS patient_id,
               CASE WHEN observation THEN 'observation' WHEN emergency THEN 'emergency'
                    WHEN office THEN 'office' ELSE '{otherwise}' END AS kind,
               started_on, ended_on, {facility} AS facility_id, {provider} AS provider_id,
               NULL AS admission_type, NULL AS disposition, NULL AS drg, claim_on AS known_on,
               false AS reversed, file, line
        FROM ({_first_segments(kind)}) LEFT JOIN kinds USING (CLM_ID)
    """


def _admitting() -> str:
    return f"""
        SELECT CLM_ID || '-admitting' AS record_id, DESYNPUF_ID AS patient_id,
               CLM_ID AS encounter_id, started_on AS happened_on, 'ICD9CM' AS code_system,
               ADMTNG_ICD9_DGNS_CD AS code, NULL::BIGINT AS position,
               started_on + {DELAYS["admission"]} AS known_on, false AS reversed, file, line
        FROM ({_first_segments(INPATIENT)}) WHERE ADMTNG_ICD9_DGNS_CD IS NOT NULL
    """


def _coded(kind: FileKind, stem: str, last: int) -> str:
    """One row a code: the claim, its segment (1 for carrier claims), the place and the code."""
    columns = ", ".join(numbered(stem, last))
    return f"""
        SELECT *, split_part(field, '_', -1)::BIGINT AS place,
               CASE WHEN part = 1 THEN '' ELSE '-segment' || part END AS suffix
        FROM (
            SELECT file, line, CLM_ID, DESYNPUF_ID, part, started_on, claim_on, {columns}
            FROM ({_claims(kind)})
        ) UNPIVOT (code FOR field IN ({columns}))
        WHERE {code_form("code")} IS NOT NULL
    """


def _diagnoses(kind: FileKind, last: int) -> str:
    # segment 2 goes on counting: only one code of a claim is its principal diagnosis
    return f"""
        SELECT CLM_ID || suffix || '-diagnosis-' || place AS record_id, DESYNPUF_ID AS patient_id,
               CLM_ID AS encounter_id, started_on AS happened_on, 'ICD9CM' AS code_system, code,
               place + {last} * (part - 1) AS position, claim_on AS known_on, false AS reversed,
               file, line
        FROM ({_coded(kind, "ICD9_DGNS_CD", last)})
    """


def _procedures(kind: FileKind, stem: str, last: int, system: str) -> str:
    return f"""
        SELECT CLM_ID || suffix || '-{system.lower()}-' || place AS record_id,
               DESYNPUF_ID AS patient_id, CLM_ID AS encounter_id, started_on AS happened_on,
               '{system}' AS code_system, code, claim_on AS known_on, false AS reversed, file, line
        FROM ({_coded(kind, stem, last)})
    """


def _cents(*columns: str) -> str:
    """SQL: the sum of dollar columns in whole cents, missing ones left out."""
    return "(" + " + ".join(f"round(coalesce({column}, 0) * 100)" for column in columns) + ")"


def _cost(allowed: str, paid: str, kind: str, happened: str, known: str, claim: str) -> str:
    return f"""
        {claim} || '-cost' AS record_id, DESYNPUF_ID AS patient_id, {happened} AS happened_on,
        {kind} AS kind, 'claim' AS covers, {allowed}::BIGINT AS allowed_cents,
        {paid}::BIGINT AS paid_cents, {known} AS known_on, false AS reversed, file, line"""


def _segment_costs(kind: FileKind, kind_of_cost: str, *shares: str) -> str:
    """One amount a claim, over its segments; the row of the first segment stands for it."""
    every = (
        "CLM_PMT_AMT", "NCH_PRMRY_PYR_CLM_PD_AMT", "NCH_BENE_BLOOD_DDCTBL_LBLTY_AM", *shares,
    )  # fmt: skip
    allowed, paid = _cents(*every), _cents("CLM_PMT_AMT")
    return f"""
        WITH summed AS (
            SELECT *, sum({allowed}) OVER claim AS allowed, sum({paid}) OVER claim AS paid
            FROM ({_claims(kind)}) WINDOW claim AS (PARTITION BY CLM_ID)
        )
        SELECT CLM_ID AS encounter_id,
               {_cost("allowed", "paid", kind_of_cost, "ended_on", "claim_on", "CLM_ID")}
        FROM summed QUALIFY part = min(part) OVER (PARTITION BY CLM_ID)
    """


def _stay_costs() -> str:
    kind = (
        f"CASE WHEN {_FACILITY} IN ('skilled_nursing', 'rehabilitation_inpatient', "
        "'long_term_care') THEN 'post_acute' ELSE 'inpatient' END"
    )
    return _segment_costs(
        INPATIENT, kind, "NCH_BENE_IP_DDCTBL_AMT", "NCH_BENE_PTA_COINSRNC_LBLTY_AM"
    )


def _visit_costs() -> str:
    return _segment_costs(
        OUTPATIENT, "'outpatient'", "NCH_BENE_PTB_DDCTBL_AMT", "NCH_BENE_PTB_COINSRNC_AMT"
    )


def _carrier_costs() -> str:
    allowed = _cents(*numbered("LINE_ALOWD_CHRG_AMT", 13))
    paid = _cents(*numbered("LINE_NCH_PMT_AMT", 13))
    return f"""
        SELECT CLM_ID AS encounter_id,
               {_cost(allowed, paid, "'professional'", "ended_on", "claim_on", "CLM_ID")}
        FROM ({_claims(CARRIER)})
    """


def _fills() -> str:
    return f"""
        SELECT PDE_ID AS record_id, DESYNPUF_ID AS patient_id, SRVC_DT AS happened_on,
               'NDC' AS code_system, PROD_SRVC_ID AS code, DAYS_SUPLY_NUM AS days_supply,
               QTY_DSPNSD_NUM AS quantity, SRVC_DT + {DELAYS["drug_fill"]} AS known_on,
               false AS reversed, file, line
        FROM {_FILLS}
    """


def _fill_costs() -> str:
    allowed = _cents("TOT_RX_CST_AMT")
    paid = f"({allowed} - {_cents('PTNT_PAY_AMT')})"
    known = f"SRVC_DT + {DELAYS['drug_fill']}"
    return f"""
        SELECT NULL AS encounter_id,
               {_cost(allowed, paid, "'pharmacy'", "SRVC_DT", known, "PDE_ID")}
        FROM {_FILLS} WHERE TOT_RX_CST_AMT IS NOT NULL
    """
