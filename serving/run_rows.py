"""A frame of a night as rows for the database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

BATCH = 20_000
"""Rows of one statement."""


def records(
    frame: pd.DataFrame | None, columns: Sequence[str], run_id: str
) -> Iterator[list[dict[str, Any]]]:
    """Batches of rows as dictionaries, each with its run; whatever is missing becomes None. Without
    a frame, or rows in it, there is no batch."""
    if frame is None:
        return
    for start in range(0, len(frame), BATCH):
        part = frame.loc[:, list(columns)].iloc[start : start + BATCH].astype(object)
        part = part.where(part.notna(), None)
        rows = part.to_dict("records")
        yield [{"run_id": run_id, **{str(k): v for k, v in row.items()}} for row in rows]
