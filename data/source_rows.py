"""What a source row is called: its file's name, a digest of its file's bytes, and its line.

`encounter.csv@1a2b3c4d:17` is line 17 of the encounter.csv whose sha256 begins with 1a2b3c4d; of a
Parquet file, row 17. Every night brings files of the same names: the digest tells them apart. The
same bytes under the same name are the same file, from whatever folder they came. What an earlier
firstcall took in has no digest, `encounter.csv:17`, and keeps the name that it has.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

DIGITS = 8
"""Hexadecimal digits of the sha256 that stand in the name."""


def file_id(path: Path, name: str) -> str:
    """`name`@digest of the file at `path`, which is read through and never held in memory whole."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return f"{name}@{digest[:DIGITS]}"


def name_and_digest(file: str) -> tuple[str, str]:
    """The two parts of a `file_id`.

    >>> name_and_digest("encounter/a@b.csv@1a2b3c4d")
    ('encounter/a@b.csv', '1a2b3c4d')
    """
    name, _, digest = file.rpartition("@")
    return name, digest


def row_id(file: str, line: str) -> str:
    """SQL: what the row on one line of one file is called."""
    return f"{file} || ':' || {line}"


def file_of(source_row: str) -> str:
    """SQL: the file of a source row, a `file_id` or the name that an earlier firstcall gave."""
    return f"regexp_replace({source_row}, ':[0-9]+$', '')"


def line_of(source_row: str) -> str:
    """SQL: the line of a source row."""
    return f"regexp_extract({source_row}, ':([0-9]+)$', 1)::BIGINT"


def bare_name(file: str) -> str:
    """SQL: the file's name, as an earlier firstcall would have called it."""
    return f"regexp_replace({file}, '@[0-9a-f]{{{DIGITS}}}$', '')"
