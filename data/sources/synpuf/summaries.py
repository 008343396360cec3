"""Canonical rows of the yearly beneficiary summaries: person, coverage, chronic flags, amounts."""

from __future__ import annotations

from data.concepts import read_codelist
from data.contract_check import quoted
from data.sources import Derived
from data.sources.synpuf.files import DELAYS, FLAGS, SETTINGS, SUMMARY

_ROWS = f"in_{SUMMARY.name}"
_RACES = {"1": "white", "2": "black", "3": "other", "5": "hispanic"}
_PRODUCT = (
    "CASE WHEN months = 0 THEN NULL WHEN hmo = 0 THEN 'fee for service' "
    "WHEN hmo >= months THEN 'HMO' ELSE 'fee for service and HMO' END"
)


def summary_rows() -> tuple[Derived, ...]:
    """Every canonical row that comes of the summaries."""
    return (
        Derived("member", _members()),
        Derived("coverage", _coverage()),
        Derived("diagnosis", _flags()),
        *(Derived("cost", _amounts(part, kind)) for part, kind in SETTINGS.items()),
    )


def _members() -> str:
    """A version where the person first appears, where anything changed, and at death."""
    states = " ".join(
        f"WHEN {quoted(row['code'])} THEN {quoted(row['name'])}"
        for row in read_codelist("ssa_state")
    )
    races = " ".join(f"WHEN {quoted(code)} THEN {quoted(race)}" for code, race in _RACES.items())
    facts = "birth_on, sex, race, region"
    return f"""
        WITH years AS (
            SELECT file, line, DESYNPUF_ID AS patient_id, summary_year,
                   BENE_BIRTH_DT AS birth_on, last_day(BENE_DEATH_DT) AS death_on,
                   CASE BENE_SEX_IDENT_CD WHEN '1' THEN 'male' ELSE 'female' END AS sex,
                   CASE BENE_RACE_CD {races} END AS race,
                   CASE SP_STATE_CODE {states} ELSE SP_STATE_CODE END AS region
            FROM {_ROWS}
        ), compared AS (
            SELECT *, row({facts}) AS facts,
                   lag(row({facts})) OVER person AS facts_before,
                   lag(death_on) OVER person AS death_before
            FROM years WINDOW person AS (PARTITION BY patient_id ORDER BY summary_year)
        )
        SELECT patient_id AS record_id, patient_id, {facts}, NULL::BIGINT AS area_index,
               NULL::DATE AS death_on, make_date(summary_year::INTEGER, 1, 1) AS known_on,
               false AS reversed, file, line
        FROM compared WHERE facts IS DISTINCT FROM facts_before AND death_before IS NULL
        UNION ALL BY NAME
        SELECT patient_id AS record_id, patient_id, {facts}, NULL::BIGINT AS area_index, death_on,
               death_on + {DELAYS["death"]} AS known_on, false AS reversed, file, line
        FROM compared WHERE death_on IS NOT NULL AND death_before IS NULL
    """


def _coverage() -> str:
    """Spans of months covered; versions: open, the product at each year's end, closed."""
    closed = DELAYS["end_of_coverage"]
    identity = "patient_id || '-coverage-' || start_on AS record_id, patient_id, start_on"
    rest = "'medicare' AS payer, false AS reversed, file, line"
    return f"""
        WITH years AS (
            SELECT file, line, DESYNPUF_ID AS patient_id, summary_year,
                   greatest(BENE_HI_CVRAGE_TOT_MONS, BENE_SMI_CVRAGE_TOT_MONS) AS months,
                   BENE_HMO_CVRAGE_TOT_MONS AS hmo, last_day(BENE_DEATH_DT) AS death_on,
                   max(summary_year) OVER () AS last_year
            FROM {_ROWS}
        ), beside AS (
            SELECT *, coalesce(lag(months) OVER around, 0) > 0
                          AND lag(summary_year) OVER around = summary_year - 1 AS covered_before,
                   coalesce(lead(months) OVER around, 0) > 0
                          AND lead(summary_year) OVER around = summary_year + 1 AS covered_after
            FROM years WINDOW around AS (PARTITION BY patient_id ORDER BY summary_year)
        ), placed AS (
            SELECT *, {_PRODUCT} AS product,
                   make_date(summary_year::INTEGER,
                       CASE WHEN covered_after AND NOT covered_before
                            THEN 13 - months ELSE 1 END::INTEGER, 1) AS first_day,
                   last_day(make_date(summary_year::INTEGER,
                       CASE WHEN covered_after AND NOT covered_before
                            THEN 12 ELSE months END::INTEGER, 1)) AS last_month
            FROM beside WHERE months > 0
        ), parts AS (
            SELECT *, least(last_month, death_on) AS last_day FROM placed
            WHERE death_on IS NULL OR death_on >= first_day
        ), marked AS (
            SELECT *, coalesce(lag(last_day) OVER around + 1 <> first_day, true) AS starts
            FROM parts WINDOW around AS (PARTITION BY patient_id ORDER BY summary_year)
        ), numbered AS (
            SELECT *, sum(starts::INTEGER) OVER (
                PARTITION BY patient_id ORDER BY summary_year) AS span FROM marked
        ), spans AS (
            SELECT *, min(first_day) OVER whole AS start_on, max(last_day) OVER whole AS stops_on,
                   make_date(summary_year::INTEGER, 12, 31) AS year_end,
                   lag(product) OVER (whole ORDER BY summary_year) AS product_before,
                   row_number() OVER (whole ORDER BY summary_year DESC) AS from_last
            FROM numbered WINDOW whole AS (PARTITION BY patient_id, span)
        ), ended AS (
            SELECT *, CASE WHEN stops_on < make_date(last_year::INTEGER, 12, 31)
                           THEN stops_on END AS end_on FROM spans
        )
        SELECT {identity}, NULL::DATE AS end_on, NULL AS product, start_on AS known_on, {rest}
        FROM ended WHERE starts
        UNION ALL BY NAME
        SELECT {identity}, CASE WHEN end_on + {closed} < year_end THEN end_on END AS end_on,
               product, year_end AS known_on, {rest}
        FROM ended WHERE product IS DISTINCT FROM product_before
        UNION ALL BY NAME
        SELECT {identity}, end_on,
               CASE WHEN end_on + {closed} > year_end THEN product ELSE product_before END
                   AS product, end_on + {closed} AS known_on, {rest}
        FROM ended WHERE from_last = 1 AND end_on IS NOT NULL
    """


def _flags() -> str:
    flags = ", ".join(FLAGS)
    return f"""
        SELECT patient_id || '-' || summary_year || '-' || code AS record_id, patient_id,
               NULL AS encounter_id, happened_on, 'CCW' AS code_system, code,
               NULL::BIGINT AS position, happened_on AS known_on, false AS reversed, file, line
        FROM (
            SELECT file, line, DESYNPUF_ID AS patient_id, summary_year,
                   make_date(summary_year::INTEGER, 12, 31) AS happened_on, {flags}
            FROM {_ROWS}
        ) UNPIVOT (flag FOR code IN ({flags})) WHERE flag = '1'
    """


def _amounts(part: str, kind: str) -> str:
    paid, patient, primary = (f"{amount}_{part}" for amount in ("MEDREIMB", "BENRES", "PPPYMT"))
    return f"""
        SELECT DESYNPUF_ID || '-' || summary_year || '-{kind}' AS record_id,
               DESYNPUF_ID AS patient_id, NULL AS encounter_id,
               make_date(summary_year::INTEGER, 12, 31) AS happened_on, '{kind}' AS kind,
               'year' AS covers,
               (round(coalesce({paid}, 0) * 100) + round(coalesce({patient}, 0) * 100)
                   + round(coalesce({primary}, 0) * 100))::BIGINT AS allowed_cents,
               round({paid} * 100)::BIGINT AS paid_cents,
               make_date(summary_year::INTEGER, 12, 31) AS known_on, false AS reversed, file, line
        FROM {_ROWS}
        WHERE {paid} IS NOT NULL OR {patient} IS NOT NULL OR {primary} IS NOT NULL
    """
