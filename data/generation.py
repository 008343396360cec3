"""Generations of canonical Parquet: written beside the valid one, then made valid in one step.

`tables/current.json` names the valid generation and holds its manifest. A generation's name is a
hash of its bytes, so the same content always has the same name. The generation before the valid
one is kept, for whoever is reading it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from data.contract_check import named
from data.durable import sync_folder
from data.errors import InputError
from data.home import Home
from data.tables import TABLES

REREAD = "reread"
_ROWS = 32_768
_PAGE = 16_384
"""Bytes: whoever reads one patient's rows skips the pages of others (`data.patient_rows`)."""
_ALL_DIFFERENT = frozenset(("record_id", "source_row"))
"""Columns of which a dictionary would hold every row, and cost a quarter of a file."""


@dataclass(frozen=True)
class Taken:
    """The valid generation: one Parquet file a canonical table, and what is known of the whole.

    Every table is there, maybe with no row, sorted by patient_id, record_id and known_on; a
    generation that an earlier firstcall wrote may lack one, see `column_lacking`.
    `manifest` holds source, origin, carries, data_through (ISO date), run_out_days, cost_covers,
    delays, and rows by table.
    """

    generation: str
    folder: Path
    tables: dict[str, Path]
    manifest: dict[str, Any]

    def read(self, table: str, columns: list[str] | None = None) -> pa.Table:
        """One canonical table, or some of its columns, in memory.

        A younger column, which an earlier firstcall did not write, is there and empty.
        """
        path, asked = self.tables[table], columns or list(TABLES[table].names)
        held = columns_held(path)
        found = pq.read_table(path, columns=[name for name in asked if name in held])
        for place, name in enumerate(asked):
            if name not in held:
                kind = TABLES[table].column(name).arrow_type
                found = found.add_column(place, pa.field(name, kind), pa.nulls(len(found), kind))
        return found


def find_current(home: Home) -> Taken | None:
    """The valid generation, or None where nothing was taken in."""
    path = home.tables / "current.json"
    if not path.is_file():
        return None
    manifest = json.loads(path.read_text(encoding="utf-8"))
    name = manifest.pop("generation")
    folder = home.tables / name
    return Taken(name, folder, {table: folder / f"{table}.parquet" for table in TABLES}, manifest)


def column_lacking(taken: Taken) -> str | None:
    """The first table or column that an earlier firstcall, which had none, did not write.

    A column that is declared younger may be lacking: nothing needs it.
    """
    for name, table in TABLES.items():
        if not taken.tables[name].is_file():
            return f"table {name}"
        held = columns_held(taken.tables[name])
        for column in table.columns:
            if column.name not in held and not column.younger:
                return f"column {column.name} in table {name}"
    return None


def columns_held(parquet: Path) -> frozenset[str]:
    """The columns of one written table; an earlier firstcall may have written fewer."""
    written = parquet.stat()
    return _columns_held(parquet, written.st_mtime_ns, written.st_size)


@lru_cache(maxsize=64)
def _columns_held(parquet: Path, _written_at: int, _bytes: int) -> frozenset[str]:
    """Remembered, because the end of a file that tells of millions of rows takes long to read, and
    each look at a patient asks."""
    return frozenset(pq.read_schema(parquet).names)


@contextmanager
def workbench_folder(home: Home) -> Iterator[Path]:
    """A folder for one intake, removed afterwards. Raises InputError while another intake runs.

    Raises it also for a `?` in the path: DuckDB would put its log into a folder beside it. What a
    killed intake left behind holds patients' rows: it is removed before anything else.
    """
    if "?" in str(home.root):
        raise InputError(f"{home.root} has a ? in it; set FIRSTCALL_HOME to a folder without one")
    home.make()
    home.tables.mkdir(exist_ok=True)
    with (home.tables / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(
                f"another intake into {home.root} is running; wait until it has ended"
            ) from error
        folder = home.tables / ".workbench"
        shutil.rmtree(folder, ignore_errors=True)
        for half_written in home.rejected.glob(".*.new"):
            half_written.unlink()
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def write_parquet(
    connection: duckdb.DuckDBPyConnection, query: str, schema: pa.Schema, path: Path
) -> int:
    """Write an ordered query to Parquet in row groups of a fixed size; answer how many rows.

    The same rows give the same bytes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = 0
    held = schema.empty_table()
    with table_writer(path, schema) as writer:
        for batch in connection.sql(query).to_arrow_reader(_ROWS):
            rows += batch.num_rows
            held = pa.concat_tables([held, pa.Table.from_batches([batch]).cast(schema)])
            while held.num_rows >= _ROWS:
                writer.write_table(held.slice(0, _ROWS), row_group_size=_ROWS)
                held = held.slice(_ROWS)
        if held.num_rows:
            writer.write_table(held, row_group_size=_ROWS)
    with path.open("rb") as file:
        os.fsync(file.fileno())
    return rows


def table_writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """What writes canonical rows so that one patient's are read quickly: in small pages."""
    repeating: Any = [name for name in schema.names if name not in _ALL_DIFFERENT]
    return pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=1,
        data_page_size=_PAGE,
        use_dictionary=repeating,
    )


def write_table(connection: duckdb.DuckDBPyConnection, table: str, folder: Path) -> int:
    """Write `have_<table>` and `new_<table>` together, totally ordered; answer how many rows."""
    names = ", ".join(named(name) for name in TABLES[table].names)
    query = (
        f"SELECT {names} FROM have_{table} UNION ALL SELECT {names} FROM new_{table} "
        "ORDER BY patient_id, record_id, known_on"
    )
    return write_parquet(connection, query, TABLES[table].schema, folder / f"{table}.parquet")


def _hash(folder: Path, manifest: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode())
    for path in sorted(folder.rglob("*.parquet")):
        digest.update(path.relative_to(folder).as_posix().encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def publish(home: Home, folder: Path, manifest: dict[str, Any]) -> tuple[str, bool]:
    """Make the generation in `folder` the valid one; answer its name and whether it is another.

    Until the very last rename the generation before stays valid, whatever fails.
    """
    before = find_current(home)
    name = _hash(folder, manifest)
    if before is not None and before.generation == name:
        return name, False
    target = home.tables / name
    shutil.rmtree(target, ignore_errors=True)
    folder.rename(target)
    sync_folder(target)
    replace_file(
        home.tables / "current.json",
        json.dumps({"generation": name, **manifest}, indent=1, sort_keys=True).encode() + b"\n",
    )
    kept = {name, before.generation if before else name}
    for other in home.tables.iterdir():
        if other.is_dir() and not other.name.startswith(".") and other.name not in kept:
            shutil.rmtree(other, ignore_errors=True)
    return name, True


def replace_file(path: Path, content: bytes) -> None:
    """Put `content` in the place of a file, so that a reader sees the whole old or new file."""
    fresh = path.with_name(f".{path.name}.new")
    with fresh.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_folder(path.parent)
