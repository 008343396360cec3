"""Who is scored: everybody alive, covered and of interest as of a day, as far as known on it.

This is not the measure cohort of training: nobody needs follow-up, and people whom a model was
not trained on (under 65, newly covered) are scored as well, with a warning.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa

from data.duckdb_connection import connect
from data.file_relations import parquet_relation
from data.tables import TABLES
from features.window import Window

RECENT = Window(30)
"""A readmission risk exists for whoever was discharged in this window, and for nobody else."""

HOSPITAL_KINDS = (
    "acute_inpatient", "observation", "psychiatric_inpatient", "rehabilitation_inpatient",
)  # fmt: skip

NURSING_KINDS = ("skilled_nursing", "long_term_care")

NOT_KNOWN = "nothing was known of this person"
DIED = "died"
NOT_COVERED = "not covered"
IN_HOSPITAL = "in hospital now"
IN_FACILITY = "in a nursing facility now"
IN_HOSPICE = "in hospice"
IN_ANOTHER_HOSPITAL = "transferred to another hospital"
NO_DISCHARGE = f"no discharge {RECENT.words}"

# A message of discharge can be lost; nobody may vanish from the list for ever because of it.
OPEN_STAY_DAYS = 60

# Hospice claims come monthly and late, and hospice is entered for an expected six months.
HOSPICE_ENDED_DAYS = 90
HOSPICE_DISPOSITION_DAYS = 180

LAST_VERSION = """QUALIFY row_number() OVER (
    PARTITION BY patient_id, record_id ORDER BY known_on DESC, source_row DESC
) = 1 AND NOT reversed"""

_VERSIONS = f"""
CREATE TEMP VIEW {{table}}_now AS
SELECT * FROM {{table}} WHERE known_on <= $as_of
{LAST_VERSION}
"""

_PEOPLE = """
WITH everybody AS ({everybody}),
person AS (
    SELECT patient_id, max(birth_on) AS birth_on, min(death_on) AS death_on
    FROM member_now GROUP BY patient_id
),
span AS (
    SELECT patient_id, start_on, end_on,
           coalesce(start_on > max(coalesce(end_on, DATE '9999-12-30')) OVER (
               PARTITION BY patient_id ORDER BY start_on, record_id
               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) + 1, true) AS begins
    FROM coverage_now WHERE start_on <= $as_of
),
cover AS (
    SELECT patient_id,
           max(start_on) FILTER (begins) AS covered_since,
           bool_or(end_on IS NULL OR end_on >= $as_of) AS covered
    FROM span GROUP BY patient_id
),
discharge_seen AS (
    SELECT patient_id, record_id, min(known_on) AS seen_on
    FROM encounter WHERE known_on <= $as_of AND ended_on IS NOT NULL AND NOT reversed
    GROUP BY patient_id, record_id
),
hospital AS (
    SELECT patient_id, max(started_on) AS last_start
    FROM encounter_now WHERE started_on <= $as_of AND kind IN ({hospital}) GROUP BY patient_id
),
cared_for AS (
    SELECT patient_id, max(started_on) AS last_cared_for
    FROM encounter_now WHERE started_on <= $as_of AND kind IN ({hospital}, {nursing})
    GROUP BY patient_id
),
stay AS MATERIALIZED (
    SELECT patient_id,
           max((ended_on, seen_on, record_id, disposition))
               FILTER (kind = 'acute_inpatient' AND ended_on <= $as_of
                       AND ended_on > $as_of - {recent}) AS discharge,
           bool_or(kind IN ({hospital}) AND coalesce(ended_on > $as_of,
                   started_on = last_start AND started_on > $as_of - {open})) AS in_hospital,
           bool_or(kind IN ({nursing}) AND coalesce(ended_on > $as_of,
                   started_on = last_cared_for AND started_on > $as_of - {open})) AS in_facility,
           bool_or(coalesce(disposition, '') = 'died' AND ended_on <= $as_of) AS died,
           bool_or((kind = 'hospice'
                    AND (ended_on IS NULL OR ended_on > $as_of - {hospice_ended}))
                   OR (coalesce(disposition, '') = 'hospice'
                       AND ended_on > $as_of - {hospice_disposition})) AS in_hospice
    FROM encounter_now
    LEFT JOIN discharge_seen USING (patient_id, record_id)
    LEFT JOIN hospital USING (patient_id)
    LEFT JOIN cared_for USING (patient_id)
    WHERE started_on <= $as_of GROUP BY patient_id
),
acute AS (
    SELECT patient_id, record_id, started_on, ended_on, facility_id, disposition,
           coalesce(ended_on, started_on) AS left_on,
           row_number() OVER (PARTITION BY patient_id
                              ORDER BY started_on, ended_on NULLS FIRST, record_id) AS place
    FROM (
        SELECT * FROM encounter
        SEMI JOIN (SELECT patient_id FROM stay WHERE discharge IS NOT NULL) USING (patient_id)
        WHERE known_on <= $as_of
        {last_version}
    )
    WHERE kind = 'acute_inpatient' AND started_on <= $as_of
),
pair AS MATERIALIZED (
    SELECT *, max((left_on, place, record_id, facility_id, disposition)) OVER (
                  PARTITION BY patient_id ORDER BY place
                  ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM acute
),
principal AS (
    SELECT patient_id, encounter_id, max((known_on, record_id, code))[3] AS code
    FROM (
        SELECT * FROM diagnosis
        SEMI JOIN (SELECT patient_id FROM pair WHERE started_on = before[1]) USING (patient_id)
        WHERE known_on <= $as_of
        {last_version}
    )
    WHERE position = 1 AND code_system IN ('ICD9CM', 'ICD10CM') GROUP BY patient_id, encounter_id
),
follows AS (
    SELECT pair.*, coalesce(
        pair.started_on < before[1]
        OR (pair.started_on <= before[1] + 1
            AND coalesce(facility_id <> before[4], before[5] = 'acute_transfer'))
        OR (pair.started_on = before[1] AND own.code = prior.code), false) AS joined
    FROM pair
    LEFT JOIN principal AS own ON own.patient_id = pair.patient_id
                              AND own.encounter_id = pair.record_id
    LEFT JOIN principal AS prior ON prior.patient_id = pair.patient_id
                                AND prior.encounter_id = before[3]
),
episode AS (
    SELECT patient_id, max((left_on, place, began_on))[3] AS admitted_on
    FROM (
        SELECT *, max(started_on) FILTER (NOT joined) OVER (
                      PARTITION BY patient_id ORDER BY place) AS began_on
        FROM follows
    )
    WHERE ended_on IS NOT NULL GROUP BY patient_id
)
SELECT patient_id, known, birth_on, covered_since,
       discharge[1] AS discharged_on, discharge[2] AS discharge_seen_on, admitted_on,
       discharge[4] AS disposition,
       coalesce(death_on <= $as_of, false) OR coalesce(stay.died, false) AS died,
       coalesce(covered, NOT $coverage_carried) AS covered,
       coalesce(in_hospital, false) AS in_hospital,
       coalesce(in_facility, false) AS in_facility,
       coalesce(in_hospice, false) AS in_hospice
FROM everybody
LEFT JOIN person USING (patient_id)
LEFT JOIN cover USING (patient_id)
LEFT JOIN stay USING (patient_id)
LEFT JOIN episode USING (patient_id)
ORDER BY patient_id
"""


def view_of(connection: duckdb.DuckDBPyConnection, name: str, source: pa.Table | Path) -> None:
    """Lets queries ask a canonical table by its name: of a Parquet file, or of an Arrow table."""
    if isinstance(source, pa.Table):
        connection.register(name, source)
    else:
        connection.execute(f"CREATE VIEW {name} AS FROM {parquet_relation(source)}")


def population(
    tables: Mapping[str, pa.Table | Path], carries: Collection[str], as_of: date
) -> pd.DataFrame:
    """One row a person whom any row of `tables` names, ordered by patient_id.

    Columns: patient_id; known (a row about this person was known on as_of); birth_on,
    covered_since (first day of the last unbroken cover), discharged_on (last acute discharge in
    the last 30 days), discharge_seen_on (the day on which that discharge became known),
    admitted_on (the first day of the episode that it ends): datetime64, missing where not known;
    disposition of that discharge; died, covered, in_hospital, in_hospice: bool, as far as known;
    left_out: why this person is not to be called, else "". A stay without an end counts as open
    until a later stay begins, and for 60 days at most; of a nursing facility too, in which nobody
    is to be called at home, whatever risk he has. A source that carries no coverage has
    everybody covered. `tables` holds a Parquet file or an Arrow table for each canonical table.

    An episode is acute stays joined as in training's `cms_hwr`, the next one to the one before it
    that ended last: it begins before that end; or on that day or the day after, in another
    hospital (where one is not named: after the disposition acute_transfer); or on that day with
    the same principal diagnosis. It differs from training in what is known: training judges by
    final facts, here a stay, hospital, disposition or diagnosis that is known after as_of neither
    joins nor parts. And a stay without an end, which joins by its first day, leaves the episode
    the discharge of the others, while training leaves the whole episode out.
    """
    connection = connect()
    try:
        for name in TABLES:
            view_of(connection, name, tables[name])
        for name in ("member", "coverage", "encounter"):
            # A view takes no parameters; a date's own text is safe to write into it.
            day = f"DATE '{as_of.isoformat()}'"
            connection.execute(_VERSIONS.format(table=name).replace("$as_of", day))
        people = connection.sql(
            _PEOPLE.format(
                everybody=_everybody(),
                last_version=LAST_VERSION,
                recent=RECENT.days,
                open=OPEN_STAY_DAYS,
                hospital=", ".join(f"'{kind}'" for kind in HOSPITAL_KINDS),
                nursing=", ".join(f"'{kind}'" for kind in NURSING_KINDS),
                hospice_ended=HOSPICE_ENDED_DAYS,
                hospice_disposition=HOSPICE_DISPOSITION_DAYS,
            ),
            params={"as_of": as_of, "coverage_carried": "coverage" in carries},
        ).to_arrow_table()
    finally:
        connection.close()
    frame = people.to_pandas(date_as_object=False)
    frame["left_out"] = ""
    for reason, where in (
        (IN_FACILITY, frame.pop("in_facility")),
        (IN_HOSPICE, frame["in_hospice"]),
        (IN_ANOTHER_HOSPITAL, frame["disposition"].eq("acute_transfer")),
        (IN_HOSPITAL, frame["in_hospital"]),
        (NOT_COVERED, ~frame["covered"]),
        (DIED, frame["died"]),
        (NOT_KNOWN, ~frame["known"]),
    ):  # the last one that holds is said
        frame.loc[where, "left_out"] = reason
    return frame


def _everybody() -> str:
    each = " UNION ALL ".join(
        f"SELECT patient_id, bool_or(known_on <= $as_of) AS known FROM {name} GROUP BY patient_id"
        for name in TABLES
    )
    return f"SELECT patient_id, bool_or(known) AS known FROM ({each}) GROUP BY patient_id"
