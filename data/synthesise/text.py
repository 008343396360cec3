"""Identifiers of fixed width, millions at a time, straight into Arrow buffers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def _digits(numbers: np.ndarray, width: int) -> np.ndarray:
    """The last ``width`` decimal digits of each number as bytes, shape (n, width)."""
    out = np.empty((len(numbers), width), np.uint8)
    rest = numbers.astype(np.int64)
    for place in range(width - 1, -1, -1):
        rest, digit = np.divmod(rest, 10)
        out[:, place] = digit + 48
    return out


def identifiers(*parts: str | tuple[np.ndarray, int]) -> pa.Array:
    """One string a row: literal texts and numbers ``(values, width)`` in their order.

    identifiers("E", (member, 7), "-", (seq, 4)) gives "E0000012-0003". At least one part is a
    number; all numbers have the same length.
    """
    count = next(len(part[0]) for part in parts if not isinstance(part, str))
    pieces: list[np.ndarray] = []
    for part in parts:
        if isinstance(part, str):
            text = np.frombuffer(part.encode(), np.uint8)
            pieces.append(np.broadcast_to(text, (count, len(text))))
        else:
            pieces.append(_digits(*part))
    matrix = np.concatenate(pieces, axis=1)
    offsets = np.arange(count + 1, dtype=np.int32) * matrix.shape[1]
    return pa.StringArray.from_buffers(
        count, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(matrix))
    )


def choose(texts: list[str] | tuple[str, ...], at: np.ndarray) -> pa.Array:
    """The text at each position; empty (null) where the position is negative."""
    indices = pa.array(at, type=pa.int32(), mask=at < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(list(texts))).cast(pa.string())


def dates(days: np.ndarray, missing: int) -> pa.Array:
    """Days since 1970-01-01 as dates; empty (null) where equal to ``missing``."""
    return pa.array(days.astype(np.int32), mask=days == missing).cast(pa.date32())


def where(condition: np.ndarray, then: pa.Array, other: pa.Array | None = None) -> pa.Array:
    """``then`` where the condition holds, else ``other``, else empty (null)."""
    rest = pa.scalar(None, then.type) if other is None else other
    return pc.call_function("if_else", [pa.array(condition), then, rest])
