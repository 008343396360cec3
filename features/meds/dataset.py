"""A MEDS dataset from outside, held to the schemas of the `meds` package before a row is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import meds
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from flexible_schema import SchemaValidationError

from data.errors import InputError
from data.sources import own_file
from data.tables import LONGEST_TEXT

_WHEN_KNOWN = ("known_on", "superseded_on")
_OWN = ("event_code", "value", "source_row")
"""Columns of our own exports; a dataset is one of them where every file has `event_code`."""


@dataclass(frozen=True)
class Dataset:
    """The data files of a MEDS dataset, looked at and found readable."""

    folder: Path
    files: tuple[Path, ...]
    own: bool
    """Whether firstcall exported it: codes, values and source rows are then taken as they are."""
    columns: frozenset[str]
    """Columns that are read, beyond subject_id, time and code; every file has them."""
    subjects: pa.Array | None
    """The subject_id of an export's metadata/patients.parquet, None where there is no such file."""
    patients: pa.Array | None
    parents: Mapping[str, tuple[str, ...]] = field(repr=False)
    """parent_codes of metadata/codes.parquet, by code."""

    @property
    def names(self) -> list[str]:
        """The files, relative to the folder."""
        return [path.relative_to(self.folder).as_posix() for path in self.files]

    @property
    def rows(self) -> int:
        return sum(pq.read_metadata(path).num_rows for path in self.files)


def look_at(folder: Path, patients_file: Path) -> Dataset:
    """The dataset in `folder`, held to the schemas of MEDS; no row is read yet.

    Raises InputError where there is no data file, or where a file is not what MEDS says it is.
    """
    found = (folder / meds.data_subdirectory).rglob("*.parquet")
    files = tuple(sorted(path for path in found if path.is_file()))
    if not files:
        raise InputError(f"{folder} holds no MEDS dataset: there is no data/*.parquet in it.")
    schemas = [_schema_of(folder, path) for path in files]
    _check_dataset(folder, folder / meds.dataset_metadata_filepath)
    splits = folder / meds.subject_splits_filepath
    if splits.is_file():
        _valid(meds.SubjectSplitSchema, _read(folder, splits), splits)
    own, columns = _columns(folder, files, schemas)
    has_key = own and (folder / patients_file).is_file()
    key = _read(folder, folder / patients_file) if has_key else None
    if key is not None:
        _check_key(key, folder / patients_file)
    return Dataset(
        folder=folder,
        files=files,
        own=own,
        columns=frozenset(columns),
        subjects=key["subject_id"].combine_chunks() if key else None,
        patients=key["patient_id"].combine_chunks() if key else None,
        parents=_parents(folder, folder / meds.code_metadata_filepath),
    )


def _schema_of(folder: Path, path: Path) -> pa.Schema:
    own_file(folder, path)
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path} is not a Parquet file.") from error
    if len(set(schema.names)) < len(schema.names):
        raise InputError(f"{path} has two columns of one name.")
    try:
        meds.DataSchema.validate(schema)
    except SchemaValidationError as error:
        if error.missing_req_cols:
            missing = ", ".join(sorted(error.missing_req_cols))
            raise InputError(f"{path} lacks the column {missing}, which MEDS data has.") from error
        for column, want, have in error.mistyped_cols or ():
            if not _readable(column, have):
                raise InputError(
                    f"{path}: the column {column} is {have}, and MEDS wants {want}."
                ) from error
    return schema


def _columns(
    folder: Path, files: tuple[Path, ...], schemas: list[pa.Schema]
) -> tuple[bool, set[str]]:
    """Whether it is an export of ours, and the columns to be read beyond the three."""
    own = all("event_code" in schema.names for schema in schemas)
    wanted = {"numeric_value", *_WHEN_KNOWN, *(_OWN if own else ("unit",))}
    for column in _WHEN_KNOWN:
        having = [path for path, each in zip(files, schemas, strict=True) if column in each.names]
        if having and len(having) < len(files):
            raise InputError(f"{folder}: only some of the data files have the column {column}.")
        for path, schema in zip(files, schemas, strict=True):
            if having and not _readable("time", schema.field(column).type):
                raise InputError(f"{path}: the column {column} holds no days; make it a date.")
    if own and any(name not in schema.names for schema in schemas for name in _OWN):
        raise InputError(f"{folder}: the columns {', '.join(_OWN)} belong together.")
    for path, schema in zip(files, schemas, strict=True):
        for column in _OWN if own else ():
            if not _readable(column, have := schema.field(column).type):
                raise InputError(f"{path}: the column {column} is {have}, which no export writes.")
    return own, {
        name for name in wanted
        if all(name in schema.names for schema in schemas)
        and (name != "unit" or all(_readable("code", s.field(name).type) for s in schemas))
    }  # fmt: skip


def _readable(column: str, have: pa.DataType) -> bool:
    """Whether a type that is not MEDS's own holds the same, so that no row is lost by it."""
    if pa.types.is_dictionary(have):
        have = have.value_type
    text = pa.types.is_string(have) or pa.types.is_large_string(have)
    number = pa.types.is_integer(have) or pa.types.is_floating(have)
    day = pa.types.is_timestamp(have) or pa.types.is_date(have)
    return {
        "subject_id": pa.types.is_integer(have) and have != pa.uint64(),
        "time": day,
        "code": text,
        "event_code": text,
        "source_row": text,
        "numeric_value": number,
        "value": number,
    }.get(column, True)


def _read(folder: Path, path: Path) -> pa.Table:
    try:
        table = pq.ParquetFile(own_file(folder, path)).read()
        table.validate(full=True)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path} is not a Parquet file.") from error
    return table


def read_json(folder: Path, path: Path) -> Any:
    """A JSON file of the dataset. Raises InputError where it is a link to a file elsewhere,
    ValueError where it is no JSON, RecursionError where it is too deep."""
    return json.loads(own_file(folder, path).read_text(encoding="utf-8"))


def _valid(schema: Any, table: pa.Table, path: Path) -> pa.Table:
    try:
        return schema.align(table)
    except Exception as error:
        raise InputError(f"{path} is not what the MEDS schema {schema.__name__} says.") from error


def _check_dataset(folder: Path, path: Path) -> None:
    if not path.is_file():
        return
    try:
        meds.DatasetMetadataSchema.validate(read_json(folder, path))
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"{path} is not what the MEDS schema DatasetMetadataSchema says."
        ) from error


def _check_key(key: pa.Table, path: Path) -> None:
    wanted = {"subject_id": pa.int64(), "patient_id": pa.string()}
    if any(name not in key.schema.names or key.schema.field(name).type != kind
           for name, kind in wanted.items()):  # fmt: skip
        raise InputError(f"{path} needs the columns subject_id (int64) and patient_id (text).")
    for name in wanted:
        column = key[name]
        if column.null_count or len(pc.call_function("unique", [column])) < len(column):
            raise InputError(f"{path}: some {name} is empty or stands there twice.")


def _parents(folder: Path, path: Path) -> dict[str, tuple[str, ...]]:
    if not path.is_file():
        return {}
    table = _valid(meds.CodeMetadataSchema, _read(folder, path), path)
    if "parent_codes" not in table.column_names:
        return {}
    pairs = zip(table["code"].to_pylist(), table["parent_codes"].to_pylist(), strict=True)
    return {code: tuple(filter(_named, parents)) for code, parents in pairs if parents}


def _named(parent: str | None) -> bool:
    """Whether a parent can stand in an event code, as `reading` asks it of the codes of rows."""
    return bool(parent) and parent.isprintable() and len(parent) <= LONGEST_TEXT
