"""Histories → a MEDS dataset: folders, schemas and codes that the tools of the field read.

    data/<shard>.parquet        one row an event, sorted by subject_id and time
    metadata/dataset.json       who made it, and which columns are not MEDS's own
    metadata/codes.parquet      every code, its name where it has one here, and its parent concepts
    metadata/patients.parquet   subject_id ↔ patient_id
    metadata/histories.json     what `import_meds` needs to make the same histories again

**patients.parquet is the key to the people**: MEDS knows its subjects by number, histories know
patients by text. Whoever passes a dataset on takes it away first; without it `import_meds` calls
each patient by the number. source_row and the codes of facilities and clinicians name their
sources as well.
"""

from __future__ import annotations

import json
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import meds
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data.errors import InputError
from data.progress import stage
from features.history import Histories
from features.meds.noted import HISTORIES_FILE, to_note
from features.meds.reports import ExportReport
from features.meds.vocabularies import concept_name, described, written
from features.meds.workplace import workplace
from features.shards import Shard
from features.window import NEVER

PATIENTS_FILE = Path("metadata") / "patients.parquet"
US_A_DAY = 86_400_000_000

_SCHEMA = pa.schema(
    [
        pa.field("subject_id", pa.int64(), nullable=False),
        pa.field("time", pa.timestamp("us")),
        pa.field("code", pa.string(), nullable=False),
        pa.field("numeric_value", pa.float32()),
        pa.field("event_code", pa.string(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("known_on", pa.date32(), nullable=False),
        pa.field("superseded_on", pa.date32()),
        pa.field("source_row", pa.string(), nullable=False),
    ]
)
_PATIENTS = pa.schema(
    [
        pa.field("subject_id", pa.int64(), nullable=False),
        pa.field("patient_id", pa.string(), nullable=False),
    ]
)
_CODES = pa.schema(
    [
        pa.field("code", pa.string(), nullable=False),
        pa.field("description", pa.string()),
        pa.field("parent_codes", pa.list_(pa.string())),
    ]
)
_GENDERS = ("", "GENDER//F", "GENDER//M", "GENDER//UNK")
"""How PERSON/female stands in the data, by its value; "" for every other event."""
_NUMBER = re.compile(r"0|-?[1-9]\d{0,17}")
_ROWS_A_GROUP = 1 << 17


def export_meds(histories: Histories, folder: Path) -> ExportReport:
    """Write `histories` as a MEDS dataset into `folder`, which is not there yet or empty.

    One row is one event: `time` is midnight of the day it happened, `code` its code as MEDS
    datasets write it (ICD10CM//I50.9, MEDS_BIRTH, GENDER//F), `numeric_value` its value. Beside
    them stand what MEDS has no column for: `event_code` (the code in the histories), `value`
    (numeric_value before it became a float32, 24 bits), `known_on` and `superseded_on` (seen on
    known_on ≤ day < superseded_on; empty: never replaced), `source_row`. A tool that does not
    read known_on and superseded_on sees all versions of a fact at once.

    Histories hold no death, because it is never a feature: there is no MEDS_DEATH. Nor are there
    subject splits. A subject_id is the patient_id where all of them are whole numbers, else the
    patient's place in order of patient_id, counted from 1 anew for each export. Equal histories
    give equal bytes. Until it is whole it lies in `.<name>.unfinished` beside `folder`; what a
    killed export left there goes with the next one. Raises InputError where `folder` holds
    something, where there is no event, or while another export to `folder` is running.
    """
    _check_free(folder)
    patients = pa.array(histories.patients(), pa.string())
    if len(patients) == 0:
        raise InputError("The histories hold no event, so there is nothing to export.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with workplace(folder.with_name(f".{folder.name}.unfinished")) as work:
        _check_free(folder)
        (work / meds.data_subdirectory).mkdir()
        (work / "metadata").mkdir()
        with stage("Writing the MEDS dataset"):
            report = _write(histories, patients, work)
        if folder.exists():
            folder.rmdir()
        work.rename(folder)
    return report


def _check_free(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} holds something already; name a folder that is not there yet.")


def _write(histories: Histories, patients: pa.Array, work: Path) -> ExportReport:
    subjects = _subject_ids(patients)
    codes: dict[str, str] = {}
    rows = files = 0
    for number in range(histories.shards):
        shard = histories.shard(number)
        if not len(shard.patients):
            continue
        at = pc.call_function(
            "index_in", [shard.patients], pc.SetLookupOptions(value_set=patients)
        ).to_numpy()
        table = _table(shard, subjects[at], histories.source_rows(number), codes)
        meds.DataSchema.validate(table)
        path = work / meds.data_subdirectory / f"{number}.parquet"
        pq.write_table(table, path, compression="zstd", row_group_size=_ROWS_A_GROUP)
        rows, files = rows + len(table), files + 1
    named = _code_table(codes)
    meds.CodeMetadataSchema.validate(named)
    pq.write_table(named, work / meds.code_metadata_filepath, compression="zstd")
    key = pa.table([subjects, patients], schema=_PATIENTS).sort_by("subject_id")
    pq.write_table(key, work / PATIENTS_FILE, compression="zstd")
    _write_json(work / meds.dataset_metadata_filepath, _dataset(histories))
    _write_json(work / HISTORIES_FILE, to_note(histories))
    return ExportReport(subjects=len(patients), events=rows, files=files, codes=len(codes))


def _subject_ids(patients: pa.Array) -> np.ndarray:
    texts = patients.to_pylist()
    if all(map(_NUMBER.fullmatch, texts)):
        return np.array([int(text) for text in texts], np.int64)
    return np.arange(1, len(texts) + 1, dtype=np.int64)


def _table(
    shard: Shard, subjects: np.ndarray, source_row: pa.ChunkedArray, codes: dict[str, str]
) -> pa.Table:
    """The rows of one shard; `codes` takes in MEDS code → event code of all that it holds."""
    subject = np.repeat(subjects, np.diff(shard.first_event))
    order = np.argsort(subject, kind="stable")  # numbers sort otherwise than texts of numbers
    code, value = shard.code[order], shard.value[order]
    kinds, at = np.unique(code * np.int64(len(_GENDERS)) + _gender(shard, code, value),
                          return_inverse=True)  # fmt: skip
    number, gender = np.divmod(kinds, len(_GENDERS))
    events = [shard.vocabulary.codes[n] for n in number.tolist()]
    theirs = [_GENDERS[g] or written(e) for g, e in zip(gender.tolist(), events, strict=True)]
    for text, event in zip(theirs, events, strict=True):
        codes.setdefault(text, event)
    missing, superseded = np.isnan(value), shard.superseded[order]
    with np.errstate(over="ignore"):
        short = value.astype(np.float32)
    columns = [
        subject[order],
        pa.array(shard.happened[order].astype(np.int64) * US_A_DAY).cast(pa.timestamp("us")),
        pa.array(theirs, pa.string()).take(pa.array(at)),
        pa.array(short, mask=missing | (gender[at] > 0)),
        pa.array(events, pa.string()).take(pa.array(at)),
        pa.array(value, mask=missing),
        pa.array(shard.known[order]).cast(pa.date32()),
        pa.array(superseded, mask=superseded == NEVER).cast(pa.date32()),
        source_row.take(pa.array(order)),
    ]
    return pa.Table.from_arrays(columns, schema=_SCHEMA)


def _gender(shard: Shard, code: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Place in _GENDERS of each event: 0 where it does not tell the sex."""
    told = np.array([text == "PERSON/female" for text in shard.vocabulary.codes], np.bool_)[code]
    return np.where(told, np.where(value == 1, 1, np.where(value == 0, 2, 3)), 0)


def _code_table(codes: dict[str, str]) -> pa.Table:
    """codes.parquet: every code of the data and every parent concept that one of them has."""
    rows = {code: described(event) for code, event in codes.items()}
    for concept in sorted({parent for _, parent in rows.values() if parent}):
        rows.setdefault(concept, (concept_name(concept), None))
    names = sorted(rows)
    return pa.Table.from_arrays(
        [
            pa.array(names, pa.string()),
            pa.array([rows[name][0] for name in names], pa.string()),
            pa.array(
                [[p] if (p := rows[name][1]) else None for name in names], _CODES.field(2).type
            ),
        ],
        schema=_CODES,
    )


def _dataset(histories: Histories) -> dict[str, Any]:
    told = {
        "dataset_name": "firstcall histories",
        "dataset_version": histories.manifest.get("content"),
        "etl_name": "firstcall",
        "etl_version": version("firstcall"),
        "meds_version": meds.__version__,
        "raw_source_id_columns": ["source_row"],
        "other_extension_columns": ["event_code", "value", "known_on", "superseded_on"],
    }
    dataset = {key: value for key, value in told.items() if value is not None}
    meds.DatasetMetadataSchema.validate(dataset)
    return dataset


def _write_json(path: Path, content: dict[str, Any]) -> None:
    text = json.dumps(content, indent=1, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8")
