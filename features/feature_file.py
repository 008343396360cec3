"""The features of everybody, written out: a NumPy array on disk and who and when each row is about.

A folder with `features.npy` (float32, one row a patient and day, one column a feature),
`questions.parquet` (patient_id and as_of of each row) and `features.json` (the columns' names and
what they were made of), which is written last: a folder without it is not whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from data.durable import sync_folder
from data.errors import InputError
from features.as_of import fingerprint
from features.cuts import Cuts
from features.everybody import Block, each_block
from features.history import THREADS, Histories
from features.plan import plan
from features.window import days_of, to_date


@dataclass(frozen=True)
class FeatureFile:
    """Features on disk. `about` holds names, rows, days (ISO), fingerprint of the features and
    content of the histories."""

    folder: Path
    about: Mapping[str, Any]

    @classmethod
    def open(cls, folder: Path) -> FeatureFile:
        """Raises InputError where `folder` holds no whole feature file."""
        path = folder / "features.json"
        if not path.is_file():
            raise InputError(
                f"There are no whole features in {folder}: run `firstcall features write` first."
            )
        return cls(folder, json.loads(path.read_text(encoding="utf-8")))

    @property
    def names(self) -> list[str]:
        return list(self.about["names"])

    def array(self) -> np.ndarray:
        """float32[rows, features], mapped from disk: only what is touched is read."""
        return np.load(self.folder / "features.npy", mmap_mode="r")

    def questions(self) -> pd.DataFrame:
        """One row a row of the array: patient_id and as_of."""
        return pq.read_table(self.folder / "questions.parquet").to_pandas()


def write_features(
    histories: Histories,
    days: Sequence[date],
    folder: Path,
    names: Sequence[str] | None = None,
    threads: int = THREADS,
    cuts: Cuts | None = None,
) -> FeatureFile:
    """Write the features of everybody who has an event, as of each of `days`.

    All features, or those called `names`. The same histories, days and names give the same bytes,
    whatever `threads`. Raises InputError where `days` is empty or no feature has a name.
    """
    if not days:
        raise InputError("There is no day to compute features as of: give at least one.")
    wanted = plan(None if names is None else tuple(names), histories.carries)
    asked = sorted(set(days_of(list(days)).tolist()))
    rows = sum(histories.patients_a_shard) * len(asked)
    width = len(wanted.names)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "features.json").unlink(missing_ok=True)
    people: dict[int, pa.Array] = {}
    keeping = Lock()
    header = _header(rows, width)
    with (folder / "features.npy").open("wb") as file:
        file.write(header)
        file.flush()
        target = file.fileno()

        def keep(block: Block) -> None:
            _write_at(
                target, np.ascontiguousarray(block.X), len(header) + block.first_row * width * 4
            )
            with keeping:
                people[block.first_row] = block.patients

        each_block(histories, wanted, asked, keep, threads, cuts)
        file.truncate(len(header) + rows * width * 4)
    _write_questions(folder / "questions.parquet", [people[at] for at in sorted(people)], asked)
    about = {
        "names": list(wanted.names), "rows": rows,
        "days": [to_date(day).isoformat() for day in asked],
        "fingerprint": fingerprint(wanted.names),
        "histories": histories.manifest.get("content"),
    }  # fmt: skip
    text = json.dumps(about, indent=1, sort_keys=True) + "\n"
    draft = folder / ".features.json"
    draft.write_text(text, encoding="utf-8")
    draft.replace(folder / "features.json")
    sync_folder(folder)
    return FeatureFile(folder, about)


def _header(rows: int, width: int) -> bytes:
    made = BytesIO()
    told = {"descr": "<f4", "fortran_order": False, "shape": (rows, width)}
    np.lib.format.write_array_header_1_0(made, told)
    return made.getvalue()


def _write_at(target: int, block: np.ndarray, place: int) -> None:
    left = block.data.cast("B")
    while left:
        written = os.pwrite(target, left, place)
        place, left = place + written, left[written:]


def _write_questions(path: Path, people: list[pa.Array], days: list[int]) -> None:
    schema = pa.schema([("patient_id", pa.string()), ("as_of", pa.date32())])
    with pq.ParquetWriter(path, schema) as writer:
        for patients in people:
            n = len(patients)
            of_row = np.repeat(np.arange(n, dtype=np.int64), len(days))
            as_of = np.tile(np.array(days, np.int32), n)
            ids = patients.cast(pa.string()).take(pa.array(of_row))
            writer.write_table(pa.table([ids, pa.array(as_of).cast(pa.date32())], schema=schema))
