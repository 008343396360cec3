"""What of people says to which panel they belong: region, practice, conditions.

The region is that of the newest record of the person. The practice is the facility at which he had
most visits to primary care in the last 365 days, of two with as many the one seen later. A
condition is a feature that is above zero, such as charlson_heart_failure_730: so a panel asks by
the very facts that the models and the reasons go by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa

from data.duckdb_connection import connect
from features.as_of import features_as_of
from features.history import Histories
from features.window import Window
from serving.panels import Panel
from serving.population import LAST_VERSION, view_of

YEAR = Window(365)

_NOW = f"SELECT * FROM {{table}} WHERE known_on <= $as_of {LAST_VERSION}"
_REGIONS = f"""
SELECT patient_id, max_by(region, (known_on, source_row)) AS told
FROM ({_NOW.format(table="member")}) WHERE region IS NOT NULL GROUP BY patient_id
"""
_PRACTICES = f"""
SELECT patient_id, max_by(facility_id, (visits, last_on, facility_id)) AS told
FROM (
    SELECT patient_id, facility_id, count(*) AS visits, max(started_on) AS last_on
    FROM ({_NOW.format(table="encounter")})
    WHERE kind = 'office' AND specialty = 'primary care' AND facility_id IS NOT NULL
      AND started_on <= $as_of AND started_on > $as_of - {YEAR.days}
    GROUP BY patient_id, facility_id
) GROUP BY patient_id
"""
_BY_QUERY = (("region", _REGIONS, "member"), ("practice", _PRACTICES, "encounter"))


def panel_traits(
    people: pd.DataFrame,
    panels: Sequence[Panel],
    tables: Mapping[str, pa.Table | Path],
    histories: Histories,
    as_of: date,
) -> pd.DataFrame:
    """`people` (one row a person, with patient_id) with what any of the panels asks for, as known
    on a day: region, practice (None: not known), conditions (frozenset of those that are asked
    for). Raises InputError where a condition is no feature."""
    told = people.copy()
    for name, query, table in _BY_QUERY:
        if any(getattr(panel, f"{name}s") for panel in panels):
            found = _told(query, table, tables[table], as_of)
            told[name] = pd.Series(people["patient_id"].map(found), dtype=object)
    asked = sorted(frozenset().union(*(panel.conditions for panel in panels)))
    if asked:
        index = pd.DataFrame({"patient_id": people["patient_id"].astype(str), "as_of": as_of})
        flags = features_as_of(histories, index, asked).gt(0).to_numpy()
        has = [frozenset(n for n, is_so in zip(asked, row, strict=True) if is_so) for row in flags]
        told["conditions"] = pd.Series(has, index=people.index, dtype=object)
    return told


def _told(query: str, table: str, source: pa.Table | Path, as_of: date) -> dict[str, str]:
    connection = connect()
    try:
        view_of(connection, table, source)
        rows = connection.execute(query, {"as_of": as_of}).fetchall()
    finally:
        connection.close()
    return dict(rows)
