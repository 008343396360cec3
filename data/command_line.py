"""What commands share: days as they are typed, and paths as they are shown."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from data.errors import InputError

_DAY = "Day of the question, such as 2010-03-31"
Day = Annotated[str, typer.Option("--as-of", metavar="DAY", help=f"{_DAY}.")]
Days = Annotated[
    list[str], typer.Option("--as-of", metavar="DAY", help=f"{_DAY}; may be repeated.")
]


def day_of(text: str) -> date:
    """The day that was typed. Raises InputError where it is none ("--as-of: '31.3.2010' is not a
    day; write it as year-month-day, such as 2010-03-31.")."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise InputError(
            f"--as-of: {text!r} is not a day; write it as year-month-day, such as 2010-03-31."
        ) from None


def shown(path: Path) -> str:
    """A path as people read it: from where they stand, if it lies below."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
