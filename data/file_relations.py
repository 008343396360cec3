"""One file as a DuckDB relation: exactly the file at the path, with exactly the columns in it.

DuckDB reads a path as a pattern, and a folder called sex=male as a column `sex` that stands in
front of the file's own. Every statement that reads a file takes its relation from here, so that
no name of a folder or file changes what is read.
"""

from __future__ import annotations

import re
from pathlib import Path

from data.contract_check import quoted
from data.errors import InputError


def _literal(path: Path) -> str:
    # an absolute path is never taken for ~, or for a place on the network
    text = str(path.absolute())
    escaped = re.sub(r"([*?\[])", r"[\1]", text)
    if escaped != text and "\\" in text:
        raise InputError(
            f"{path} has a backslash together with one of * ? [ in its name; rename the folder"
        )
    return quoted(escaped)


def parquet_relation(path: Path, *, numbered: bool = False) -> str:
    """SQL: the rows of one Parquet file, and `file_row_number` (from 0) where `numbered`.

    Raises InputError for a path that no statement can name.
    """
    number = ", file_row_number = true" if numbered else ""
    return f"read_parquet({_literal(path)}, hive_partitioning = false{number})"


def csv_relation(path: Path, options: str) -> str:
    """SQL: the rows of one CSV file, under further `options` of DuckDB's read_csv.

    Raises InputError for a path that no statement can name.
    """
    return f"read_csv({_literal(path)}, hive_partitioning = false, {options})"
