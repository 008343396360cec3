"""The physical lines of a CSV file: which can be read as one row, and why the others cannot.

A database's CSV reader guesses, joins lines at a stray quote, or drops what is too much. Here a
row is a line: a quoted field ends where its line ends, and a line that is not a row in itself is
rejected with its number, so that the count of lines is the count of rows taken in or rejected.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from data.errors import InputError

LONGEST_LINE = 1_000_000
_BOM = b"\xef\xbb\xbf"
_BATCH = 20_000


def read_header(path: Path, name: str) -> list[str]:
    """The column names on line 1 of a CSV file; raises InputError where there are none."""
    with path.open("rb") as file:
        line = file.readline(LONGEST_LINE).removeprefix(_BOM).rstrip(b"\r\n")
    try:
        columns = next(csv.reader([line.decode()], strict=True), [])
    except (UnicodeDecodeError, csv.Error):
        columns = []
    columns = [column.strip() for column in columns]
    if not any(columns):
        raise InputError(f"{name} has no header; its first line must name the columns")
    lowered = [column.lower() for column in columns]
    twice = sorted({column for column in lowered if lowered.count(column) > 1})
    if twice:
        raise InputError(f"{name} names the column {twice[0]!r} twice; name each column once")
    return columns


def _fault(line: bytes, fields: int) -> str | bytes:
    """Why the line is no row of `fields` fields, or the row, written as every reader reads it."""
    if not line:
        return "the line is empty"
    if len(line) > LONGEST_LINE:
        return f"the line is longer than {LONGEST_LINE:,} bytes"
    if b"\0" in line or b"\r" in line:
        return "the line holds a control character"
    if not line.isascii():
        try:
            line.decode()
        except UnicodeDecodeError:
            return "the line is not valid UTF-8"
    found = line.count(b",") + 1
    if b'"' in line:
        try:
            row = next(csv.reader([line.decode()], strict=True))
        except csv.Error:
            return "the line has a quote that is not closed or stands within a field"
        found = len(row)
        again = io.StringIO()
        csv.writer(again, lineterminator="").writerow(row)
        line = again.getvalue().encode()
    return line if found == fields else f"the line has {found} fields, the header {fields}"


def copy_rows(path: Path, fields: int, target: BinaryIO, reject: Callable[[int, str], None]) -> int:
    """Copy every line that is a row to `target`, its line number before it; answer how many lines.

    Line 1 is the header and is not counted. `reject(line number, reason)` is called for the rest.
    """
    read = 0
    batch: list[bytes] = []
    with path.open("rb") as file:
        file.readline()
        for number, line in enumerate(file, start=2):
            read += 1
            row = _fault(line.rstrip(b"\r\n"), fields)
            if isinstance(row, str):
                reject(number, row)
                continue
            batch.append(b"%d,%b\n" % (number, row))
            if len(batch) == _BATCH:
                target.write(b"".join(batch))
                batch.clear()
    target.write(b"".join(batch))
    return read


def raw_lines(path: Path, numbers: Sequence[int]) -> Iterator[tuple[int, str]]:
    """(line number, line as text) of the lines named, in order; `numbers` must be ascending.

    Bytes that are no text show as �, and a line is cut after 10,000 places.
    """
    wanted = iter(numbers)
    number = next(wanted, None)
    with path.open("rb") as file:
        for place, line in enumerate(file, start=1):
            if number is None:
                return
            if place == number:
                yield place, line.rstrip(b"\r\n")[:10_000].decode(errors="replace")
                number = next(wanted, None)
