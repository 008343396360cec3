"""A small world of canonical rows, and a home in which it was taken in."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from data.home import Home
from data.tables import TABLES
from features.writing import files_of
from tests.features.invented_rows import STRANGER, invented
from tests.features.rows import AS_OF, CARRIES, ago, arrow

DERIVED = ("cost_claim", "cost_year", "drug_class", "drug_supply", "yearly_flags")

World = dict[str, list[dict[str, Any]]]


def _world() -> World:
    """Rows of thirty patients."""
    world: World = {name: [] for name in TABLES}
    for number in range(10):
        for name, rows in invented(Random(number), 60).items():
            for row in rows:
                row["patient_id"] += str(number)
                row["record_id"] += f"/{number}"
                if row.get("encounter_id"):
                    row["encounter_id"] += f"/{number}"
                world[name].append(row)
    return world


def take_in(root: Path, world: World, cost_covers: str = "claim", generation: str = "g1") -> Home:
    """The tables as intake leaves them."""
    home = Home(root)
    folder = home.tables / generation
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in arrow(world).items():
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


WORLD = _world()
IDS = sorted({row["patient_id"] for rows in WORLD.values() for row in rows})
INDEX = pd.DataFrame(
    [(i, day) for day in (AS_OF, ago(100)) for i in (*IDS[::-1], STRANGER)],
    columns=["patient_id", "as_of"],
)


def files_named(home: Home) -> set[str]:
    """The files that the manifest of the histories names."""
    return files_of(json.loads((home.histories / "manifest.json").read_text()))
