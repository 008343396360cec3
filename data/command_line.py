"""What commands share: days as they are typed, and paths as they are shown."""

from __future__ import annotations

import os
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from data.errors import InputError
from data.terminal import say

_DAY = "Day of the question, such as 2010-03-31"
Day = Annotated[str, typer.Option("--as-of", metavar="DAY", help=f"{_DAY}.")]
Days = Annotated[
    list[str], typer.Option("--as-of", metavar="DAY", help=f"{_DAY}; may be repeated.")
]

Task = Annotated[
    str | None,
    typer.Option(metavar="TASK", help="readmission or high-cost: tell percentiles by the cut "
                                      "points of its model; without they are missing."),
]  # fmt: skip
FeatureNames = Annotated[
    list[str] | None,
    typer.Option("--feature", metavar="NAME", help="Only this feature; may be repeated."),
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


def become(program: str, *arguments: str, **environment: str) -> None:
    """Replace this process by a program of the same Python environment."""
    path = Path(sys.executable).with_name(program)
    os.execve(path, [str(path), *arguments], os.environ | environment)


def warn_of_days(through: date | None, asked: list[date]) -> None:
    """Say where a day lies after all that was taken in."""
    late = [day for day in asked if through is not None and day > through]
    if late:
        say(f"  Mind: the data go through {through}; of {late[0]} nothing newer is known.")
