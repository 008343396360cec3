"""Arrow columns as NumPy arrays: quick for a handful of rows, and for millions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

FEW = 100
"""Up to so many rows a column is quicker told apart in Python than in Arrow."""


def whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """The column in one piece."""
    if isinstance(column, pa.ChunkedArray):
        return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    return column


def texts_of(column: pa.ChunkedArray | pa.Array) -> tuple[list[str], np.ndarray]:
    """A text column as its different texts, and each row's position among them (−1 empty).

    The texts come in the order in which they first occur, or in that of the column's dictionary.
    """
    array = whole(column)
    if len(array) <= FEW and not pa.types.is_dictionary(array.type):
        places: dict[str, int] = {}
        at = [
            -1 if text is None else places.setdefault(text, len(places))
            for text in array.to_pylist()
        ]
        return list(places), np.array(at, np.int32)
    encoded = _encoded(array)
    return encoded.dictionary.to_pylist(), _indices(encoded)


def told_apart(column: pa.ChunkedArray | pa.Array) -> tuple[int, np.ndarray]:
    """How many different texts a column without empty places has, and a number of each row's."""
    array = whole(column)
    if len(array) <= FEW and not pa.types.is_dictionary(array.type):
        texts, at = texts_of(array)
        return len(texts), at
    encoded = _encoded(array)
    return len(encoded.dictionary), _indices(encoded)


def numbers_of(column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """A numeric column as float64, NaN where empty."""
    values = whole(column).to_numpy(zero_copy_only=False)  # integers with empty places are floats
    return values.astype(np.float64, copy=False)


def flags_of(column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """A column of flags as bool, false where empty."""
    array = whole(column)
    if array.true_count == 0:
        return np.zeros(len(array), np.bool_)
    return array.fill_null(False).to_numpy(zero_copy_only=False)


def places_of(texts: Sequence[str] | pa.Array, values: pa.Array) -> np.ndarray:
    """The place of each text among `values` (int32), −1 where it is none of them."""
    lookup = pc.SetLookupOptions(value_set=values)
    sought = texts if isinstance(texts, pa.Array) else pa.array(texts, pa.string())
    found = pc.call_function("index_in", [sought], lookup)
    return found.fill_null(-1).to_numpy(zero_copy_only=False)


def pairs_of(first: np.ndarray, second: np.ndarray) -> tuple[list[tuple[int, int]], np.ndarray]:
    """The different pairs of two columns of small numbers from 0, and the place of each row's."""
    if not len(first):
        return [], first
    width = int(second.max()) + 1
    key = first.astype(np.int64) * width + second
    used = np.flatnonzero(np.bincount(key))
    place = np.empty(used[-1] + 1, np.int32)
    place[used] = np.arange(len(used))
    return [divmod(pair, width) for pair in used.tolist()], place[key]


def _encoded(array: pa.Array) -> pa.DictionaryArray:
    return array if pa.types.is_dictionary(array.type) else array.dictionary_encode()


def _indices(encoded: pa.DictionaryArray) -> np.ndarray:
    indices = encoded.indices.cast(pa.int32())
    if indices.null_count:
        indices = indices.fill_null(-1)
    return indices.to_numpy(zero_copy_only=False)
