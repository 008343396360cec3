"""The facts as they finally stood: the last version of each, the withdrawn ones left out.

Cohorts and labels may look back on final facts. Features never do: they ask
`features.as_of` what was known then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

Source = Path | pa.Table
"""A canonical table: its Parquet file, sorted by (patient_id, record_id, known_on), or itself."""

BATCH = 1 << 20
_ORDER = [("patient_id", "ascending"), ("record_id", "ascending"), ("known_on", "ascending")]


def final_batches(
    source: Source, columns: Sequence[str], through: int, where: pc.Expression | None = None
) -> Iterator[pa.Table]:
    """Batches of the final version of each fact known by day `through` and not withdrawn.

    A batch has record_id, patient_id and `columns`; dates stay dates. `where` picks among final
    versions. All versions of a fact meet in one batch, whatever the size of the file: memory
    holds one batch.
    """
    needed = list(dict.fromkeys(("patient_id", "record_id", "known_on", "reversed", *columns)))
    held: pa.Table | None = None
    for part in _parts(source, needed):
        table = part.filter(
            pc.field("known_on") <= pa.scalar(through, pa.int32()).cast(pa.date32())
        )
        if held is not None:
            table = pa.concat_tables([held, table])
        if table.num_rows == 0:
            continue
        last = _last_of_each(table)
        # The last fact of a batch may have later versions in the next one: it waits.
        begins = _start_of_last_fact(last)
        held = table.slice(begins)
        yield _kept(table.slice(0, begins), last, columns, where)
    if held is not None:
        yield _kept(held, _last_of_each(held), columns, where)


def final_facts(
    source: Source, columns: Sequence[str], through: int, where: pc.Expression | None = None
) -> pd.DataFrame:
    """One row a fact: record_id, patient_id and `columns`; dates are days since 1970 (float64
    where some are empty, else int64), ordered by (patient_id, record_id)."""
    batches = list(final_batches(source, columns, through, where))
    if not batches:
        table = pa.table({n: pa.array([], pa.string()) for n in ("patient_id", "record_id")})
        for name in columns:
            table = table.append_column(name, pa.array([], _type_of(source, name)))
    else:
        table = pa.concat_tables(batches)
    return frame(table)


def first_known(source: Source, column: str, through: int) -> pd.Series:
    """The day on which `column` of each fact was first known, by record_id; facts for which it
    never was, or only after day `through`, are not in it."""
    found: list[pd.DataFrame] = []
    for part in _parts(source, ["patient_id", "record_id", "known_on", "reversed", column]):
        told = part.filter(pc.field(column).is_valid() & ~pc.field("reversed"))
        found.append(frame(told.select(["record_id", "known_on"])))
    known = pd.concat(found) if found else pd.DataFrame({"record_id": [], "known_on": []})
    known = known[known["known_on"] <= through]
    return known.groupby("record_id")["known_on"].min().astype(np.float64)


def frame(table: pa.Table) -> pd.DataFrame:
    """The table as pandas, each date as days since 1970."""
    for position, field in enumerate(table.schema):
        if pa.types.is_date32(field.type):
            days = table.column(position).cast(pa.int32()).cast(pa.int64())
            table = table.set_column(position, field.name, days)
    return table.to_pandas()


def _parts(source: Source, columns: list[str]) -> Iterator[pa.Table]:
    if not isinstance(source, Path):
        yield source.select(columns).sort_by(_ORDER)
        return
    with pq.ParquetFile(source) as file:
        for batch in file.iter_batches(batch_size=BATCH, columns=columns):
            yield pa.Table.from_batches([batch]).select(columns)


def _type_of(source: Source, name: str) -> pa.DataType:
    schema = pq.read_schema(source) if isinstance(source, Path) else source.schema
    return schema.field(name).type


def _last_of_each(table: pa.Table) -> np.ndarray:
    fact = table["record_id"].combine_chunks()
    last = np.ones(table.num_rows, dtype=bool)
    changes = pc.call_function("not_equal", [fact[1:], fact[:-1]])
    last[:-1] = changes.to_numpy(zero_copy_only=False)
    return last


def _start_of_last_fact(last: np.ndarray) -> int:
    ends = np.flatnonzero(last[:-1])
    return int(ends[-1]) + 1 if len(ends) else 0


def _kept(
    table: pa.Table, last: np.ndarray, columns: Sequence[str], where: pc.Expression | None
) -> pa.Table:
    standing = ~table["reversed"].to_numpy().astype(bool)
    kept = table.filter(pa.array(last[: table.num_rows] & standing))
    if where is not None:
        kept = kept.filter(where)
    return kept.select(list(dict.fromkeys(("patient_id", "record_id", *columns))))
