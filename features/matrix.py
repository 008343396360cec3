"""Answered questions without a frame: for a handful of rows a frame costs more than the answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from data.errors import InputError


@dataclass(frozen=True, eq=False)
class Matrix:
    """One row a question: `values` is float32[rows, features], a column one of `names`; NaN is
    missing."""

    names: tuple[str, ...]
    values: np.ndarray

    def __len__(self) -> int:
        return len(self.values)

    def columns(self, names: Sequence[str]) -> np.ndarray:
        """The columns called `names`, in that order, as an array of its own (C order). Raises
        InputError where one is missing."""
        return np.ascontiguousarray(self.values[:, _places(self.names, tuple(names))])

    def rows(self, at: np.ndarray) -> Matrix:
        """The rows at these places."""
        return Matrix(self.names, self.values[at])

    def frame(self) -> pd.DataFrame:
        return pd.DataFrame(self.values, columns=list(self.names), copy=False)


@lru_cache(maxsize=32)
def _places(names: tuple[str, ...], wanted: tuple[str, ...]) -> np.ndarray:
    place = {name: at for at, name in enumerate(names)}
    missing = [name for name in wanted if name not in place]
    if missing:
        raise InputError(
            f"{len(missing)} features that are needed are not there, the first of them "
            f"{missing[0]}: ask features_as_of for them."
        )
    return np.array([place[name] for name in wanted], np.intp)
