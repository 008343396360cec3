"""Stores as earlier releases left them, without revisions: their own words to SQLite, and rows."""

from __future__ import annotations

import sqlite3
from pathlib import Path

_OF_RUN = "run_id VARCHAR(40) NOT NULL"
_TO_RUN = "FOREIGN KEY(run_id) REFERENCES run (run_id)"
_SCORE = """
    patient_id TEXT NOT NULL, discharged_on DATE, left_out TEXT, warnings TEXT NOT NULL,
    readmission_risk DOUBLE, readmission_margin DOUBLE, readmission_tier VARCHAR(8),
    readmission_asked_on DATE, readmission_null_reason TEXT,
    high_cost_risk DOUBLE, high_cost_margin DOUBLE, high_cost_tier VARCHAR(8),
    high_cost_asked_on DATE, high_cost_null_reason TEXT
"""
_OLDEST = f"""
CREATE TABLE run (run_id VARCHAR(40) NOT NULL, as_of DATE NOT NULL, status VARCHAR(12) NOT NULL,
    started_at DATETIME NOT NULL, finished_at DATETIME, manifest TEXT, PRIMARY KEY (run_id));
CREATE TABLE score ({_OF_RUN}, {_SCORE}, PRIMARY KEY (run_id, patient_id), {_TO_RUN});
CREATE TABLE reason ({_OF_RUN}, patient_id TEXT NOT NULL, task VARCHAR(12) NOT NULL,
    position INTEGER NOT NULL, concept TEXT NOT NULL, words TEXT NOT NULL, share DOUBLE NOT NULL,
    direction VARCHAR(8) NOT NULL, actionable BOOLEAN NOT NULL,
    PRIMARY KEY (run_id, patient_id, task, position), {_TO_RUN});
CREATE TABLE worklist ({_OF_RUN}, rank INTEGER NOT NULL, manager INTEGER NOT NULL,
    patient_id TEXT NOT NULL, tier VARCHAR(8) NOT NULL, queue VARCHAR(20) NOT NULL,
    PRIMARY KEY (run_id, rank), UNIQUE (run_id, patient_id), {_TO_RUN});
CREATE TABLE published (only INTEGER NOT NULL, run_id VARCHAR(40) NOT NULL, PRIMARY KEY (only),
    {_TO_RUN}, CHECK (only = 1));
"""
_YOUNGER = f"""
ALTER TABLE score ADD COLUMN high_cost_expected_dollars DOUBLE;
ALTER TABLE score ADD COLUMN readmission_all_days_risk DOUBLE;
CREATE TABLE known_score ({_OF_RUN}, patient_id TEXT NOT NULL, score VARCHAR(24) NOT NULL,
    low DOUBLE, high DOUBLE, lacking TEXT NOT NULL, PRIMARY KEY (run_id, patient_id, score),
    {_TO_RUN});
CREATE TABLE allocation ({_OF_RUN}, patient_id TEXT NOT NULL, queue VARCHAR(20) NOT NULL,
    allocation VARCHAR(16) NOT NULL, PRIMARY KEY (run_id, patient_id), {_TO_RUN});
"""
_MANIFEST = '{"capacity": {"managers": 2, "slots": 1}, "warnings": []}'


def made_before(path: Path, oldest: bool = False) -> None:
    """The store of the release before revisions, or the `oldest`, without the younger columns and
    tables. Three published nights, of which the last one is pointed at, and one that was abandoned:
    "old" is on each list, of manager 2, 1 and 1; "gone" on the first one only, of manager 1."""
    with sqlite3.connect(path) as made:
        made.executescript("PRAGMA journal_mode=WAL;" + _OLDEST + ("" if oldest else _YOUNGER))
        for day in (29, 30, 31):
            of = f"2024-12-{day}"
            _published(made, f"{of}.1", of, 2 if day == 29 else 1)
        _placed(made, "2024-12-29.1", 2, 1, "gone")
        made.execute(
            "INSERT INTO run VALUES ('2025-01-01.1', '2025-01-01', 'abandoned',"
            " '2025-01-01 03:00:00.000000', NULL, NULL)"
        )
        made.execute("INSERT INTO published VALUES (1, '2024-12-31.1')")
    made.close()


def _published(made: sqlite3.Connection, run_id: str, day: str, manager: int) -> None:
    clock = f"{day} 03:00:00.000000"
    made.execute(
        "INSERT INTO run VALUES (?, ?, 'published', ?, ?, ?)",
        (run_id, day, clock, clock, _MANIFEST),
    )
    _placed(made, run_id, 1, manager, "old")
    made.execute(
        "INSERT INTO reason VALUES (?, 'old', 'high-cost', 1, 'age', 'Age 80', 0.5, 'raises', 0)",
        (run_id,),
    )


def _placed(made: sqlite3.Connection, run_id: str, rank: int, manager: int, patient: str) -> None:
    made.execute(
        "INSERT INTO score (run_id, patient_id, warnings, high_cost_risk, high_cost_margin,"
        " high_cost_tier, high_cost_asked_on, readmission_null_reason)"
        " VALUES (?, ?, '[]', 0.25, -1.0, 'high', '2024-12-31', 'no discharge')",
        (run_id, patient),
    )
    made.execute(
        "INSERT INTO worklist VALUES (?, ?, ?, ?, 'high', 'high cost')",
        (run_id, rank, manager, patient),
    )
