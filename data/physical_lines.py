"""The physical lines of a CSV file: which can be read as one row, and why the others cannot.

A database's CSV reader guesses, joins lines at a stray quote, or drops what is too much. Here a
row is a line: a quoted field ends where its line ends, and a line that is not a row in itself is
rejected with its number, so that the count of lines is the count of rows taken in or rejected.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from data.errors import InputError

LONGEST_LINE = 1_000_000
_BOM = b"\xef\xbb\xbf"
_BATCH_BYTES = 4_000_000


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Each line without its end; of one longer than LONGEST_LINE its first LONGEST_LINE + 1 bytes.

    Never more than that is in memory, however long the line is.
    """
    while piece := file.readline(LONGEST_LINE + 1):
        if len(piece) <= LONGEST_LINE or piece.endswith(b"\n"):
            yield piece.rstrip(b"\r\n")
            continue
        yield piece
        while piece and not piece.endswith(b"\n"):
            piece = file.readline(LONGEST_LINE)


def read_header(path: Path, name: str, declared: Collection[str]) -> list[str]:
    """The column names on line 1 of a CSV file.

    Raises InputError where line 1 names none of the `declared` columns, or one column twice. What
    else stands there may be a patient's: it is never in the message.
    """
    with path.open("rb") as file:
        line = next(_lines(file), b"").removeprefix(_BOM)
    if len(line) > LONGEST_LINE:
        raise InputError(
            f"line 1 of {name} is longer than {LONGEST_LINE:,} bytes; it must name the columns"
        )
    try:
        columns = next(csv.reader([line.decode()], strict=True), [])
    except (UnicodeDecodeError, csv.Error):
        columns = []
    columns = [column.strip() for column in columns]
    if not {column.lower() for column in columns} & {column.lower() for column in declared}:
        raise InputError(f"{name} has no header; its first line must name the columns")
    refuse_repeats(columns, name, declared)
    return columns


def refuse_repeats(columns: Sequence[str], name: str, declared: Collection[str]) -> None:
    """Raise InputError where two columns of the file `name` have the same name, in any case.

    The message holds the name only where it is one of `declared`, else the columns' places.
    """
    places: dict[str, int] = {}
    known = {column.lower() for column in declared}
    for place, column in enumerate((column.lower() for column in columns), start=1):
        if column not in places:
            places[column] = place
        elif column in known:
            raise InputError(f"{name} names the column {column!r} twice; name each column once")
        else:
            raise InputError(
                f"columns {places[column]} and {place} of {name} have the same name; "
                "name each column once"
            )


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
    held = 0
    with path.open("rb") as file:
        lines = _lines(file)
        next(lines, None)
        for number, line in enumerate(lines, start=2):
            read += 1
            row = _fault(line, fields)
            if isinstance(row, str):
                reject(number, row)
                continue
            batch.append(b"%d,%b\n" % (number, row))
            held += len(row)
            if held > _BATCH_BYTES:
                target.write(b"".join(batch))
                batch.clear()
                held = 0
    target.write(b"".join(batch))
    return read


def raw_lines(path: Path, numbers: Sequence[int]) -> Iterator[tuple[int, str]]:
    """(line number, line as text) of the lines named, in order; `numbers` must be ascending.

    Bytes that are no text show as �, and a line is cut after 10,000 places.
    """
    wanted = iter(numbers)
    number = next(wanted, None)
    with path.open("rb") as file:
        for place, line in enumerate(_lines(file), start=1):
            if number is None:
                return
            if place == number:
                yield place, line[:10_000].decode(errors="replace")
                number = next(wanted, None)
