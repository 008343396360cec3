"""A small world of canonical rows, and a home in which it was taken in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from data.feeds import DERIVED
from data.home import Home
from data.tables import TABLES
from features.writing import files_of
from tests.features.invented_rows import STRANGER, crowd
from tests.features.rows import AS_OF, CARRIES, ago, arrow

World = dict[str, list[dict[str, Any]]]


def take_in(root: Path, world: World, cost_covers: str = "claim", generation: str = "g1") -> Home:
    """The tables as intake leaves them, all of them, some without a row."""
    home = Home(root)
    folder = home.tables / generation
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in arrow({name: world.get(name, []) for name in TABLES}).items():
        pq.write_table(rows, folder / f"{name}.parquet")
    manifest = {
        "generation": generation,
        "source": "canonical",
        "origin": "invented",
        "carries": [feed for feed in CARRIES if feed not in DERIVED],
        "data_through": AS_OF.isoformat(),
        "cost_covers": cost_covers,
    }
    (home.tables / "current.json").write_text(json.dumps(manifest))
    return home


WORLD = crowd(10, 60)
"""Rows of thirty patients."""
IDS = sorted({row["patient_id"] for rows in WORLD.values() for row in rows})
INDEX = pd.DataFrame(
    [(i, day) for day in (AS_OF, ago(100)) for i in (*IDS[::-1], STRANGER)],
    columns=["patient_id", "as_of"],
)


def files_named(home: Home) -> set[str]:
    """The files that the manifest of the histories names."""
    return files_of(json.loads((home.histories / "manifest.json").read_text()))
