"""The features of everybody, written out: a NumPy array on disk and who and when each row is about.

A folder with `features.npy` (float32, one row a patient and day, one column a feature),
`questions.parquet` (patient_id and as_of of each row) and `features.json` (the columns' names and
what they were made of), which is written last: a folder without it is not whole.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from data.durable import sync_folder
from data.errors import InputError
from features.as_of import fingerprint
from features.cuts import Cuts
from features.definitions import FEATURES, feature
from features.definitions.declaration import Feature
from features.everybody import Block, each_block
from features.history import THREADS, Histories
from features.plan import plan
from features.window import days_of, to_date


@dataclass(frozen=True)
class FeatureFile:
    """Features on disk. `about` holds names, columns (what each is), rows, days (ISO), carries,
    data_through, fingerprint of the features, content of the histories, and a sum of the cut
    points that percentiles were told by."""

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

    All features that are predictors, or those called `names`. The same histories, days and names
    give the same bytes, whatever `threads`. What was in the folder before is replaced when all is
    on disk.
    Raises InputError where `days` is empty, where no feature has a name, and where the folder holds
    other files or another process writes there.
    """
    if not days:
        raise InputError("There is no day to compute features as of: give at least one.")
    if names is None:
        names = [declared.name for declared in FEATURES if declared.predictor]
    wanted = plan(tuple(names), histories.carries)
    asked = sorted(set(days_of(list(days)).tolist()))
    rows = sum(histories.patients_a_shard) * len(asked)
    width = len(wanted.names)
    people: dict[int, pa.Array] = {}
    keeping = Lock()
    header = _header(rows, width)
    with _writing(folder), ExitStack() as drafts:
        file = drafts.enter_context(_draft(folder, "features.npy"))
        file.write(header)
        file.flush()

        def keep(block: Block) -> None:
            place = len(header) + block.first_row * width * 4
            _write_at(file.fileno(), np.ascontiguousarray(block.X), place)
            with keeping:
                people[block.first_row] = block.patients

        each_block(histories, wanted, asked, keep, threads, cuts)
        file.truncate(len(header) + rows * width * 4)
        ordered = [people[at] for at in sorted(people)]
        _write_questions(drafts.enter_context(_draft(folder, "questions.parquet")), ordered, asked)
        about = {
            "names": list(wanted.names), "rows": rows, "carries": list(histories.carries),
            "columns": [_described(feature(name)) for name in wanted.names],
            "data_through": _iso(histories.data_through),
            "cuts": None if cuts is None else hashlib.sha256(json.dumps(cuts).encode()).hexdigest(),
            "days": [to_date(day).isoformat() for day in asked],
            "fingerprint": fingerprint(wanted.names),
            "histories": histories.manifest.get("content"),
        }  # fmt: skip
        text = json.dumps(about, indent=1, sort_keys=True) + "\n"
        drafts.enter_context(_draft(folder, "features.json")).write(text.encode())
    return FeatureFile(folder, about)


def _described(declared: Feature) -> dict[str, Any]:
    """What a reader of the array wants to know of one column."""
    return {
        "name": declared.name, "family": declared.family, "unit": declared.measure or declared.unit,
        "words": declared.words, "how": declared.how, "source": declared.source,
        "feed": declared.feed, "days": declared.window.days if declared.window else None,
        "actionable": declared.actionable, "sensitive": declared.sensitive,
        "predictor": declared.predictor,
    }  # fmt: skip


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


_PARTS = ("features.npy", "questions.parquet", "features.json")


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Puts the drafts of the folder's files in their places, the manifest last, when all are on
    disk: whoever has mapped the array before keeps what it mapped. Raises InputError while another
    process writes there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be a folder for features: name another.") from error
    strangers = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    if strangers and not strangers & set(_PARTS):
        raise InputError(f"{folder} holds other files: name a folder of its own.")
    held = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(
                f"Features are being written to {folder}: wait, or name another folder."
            ) from error
        try:
            yield
            (folder / "features.json").unlink(missing_ok=True)
            sync_folder(folder)
            for name in _PARTS:
                (folder / f".{name}.new").replace(folder / name)
            sync_folder(folder)
        finally:
            for name in _PARTS:
                (folder / f".{name}.new").unlink(missing_ok=True)
    finally:
        os.close(held)


@contextmanager
def _draft(folder: Path, name: str) -> Iterator[BinaryIO]:
    """A new file beside the one called `name`, on the disk when it is closed."""
    path = folder / f".{name}.new"
    path.unlink(missing_ok=True)
    with path.open("xb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


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


def _write_questions(file: BinaryIO, people: list[pa.Array], days: list[int]) -> None:
    schema = pa.schema([("patient_id", pa.string()), ("as_of", pa.date32())])
    with pq.ParquetWriter(file, schema) as writer:
        for patients in people:
            n = len(patients)
            of_row = np.repeat(np.arange(n, dtype=np.int64), len(days))
            as_of = np.tile(np.array(days, np.int32), n)
            ids = patients.cast(pa.string()).take(pa.array(of_row))
            writer.write_table(pa.table([ids, pa.array(as_of).cast(pa.date32())], schema=schema))
