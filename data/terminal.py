"""How firstcall speaks on a terminal: stages, tables and plain lines."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING
from unicodedata import category

if TYPE_CHECKING:
    from rich.console import Console


def console_of(*, stderr: bool = False) -> Console:
    """The terminal, or a file of 120 columns."""
    from rich.console import Console

    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal:
        console.width = 120
    return console


@contextmanager
def shown_stage(text: str) -> Iterator[None]:
    """A stage on standard error: spinning on a terminal, one line when it begins and ends."""
    console = console_of(stderr=True)
    began = time.monotonic()
    if console.is_terminal:
        with console.status(text):
            yield
    else:
        console.print(f"  {text} ...", markup=False)
        yield
    console.print(f"  {text}: {time.monotonic() - began:.1f} s", style="dim", markup=False)


def table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], right: Iterable[int] = ()
) -> None:
    """Print one table. `right` names the columns, by position, that hold numbers.

    A name that is wider than its column goes on below: it is never cut.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    made = Table(box=SIMPLE_HEAD, pad_edge=False)
    numbers = set(right)
    for position, column in enumerate(columns):
        side = "right" if position in numbers else "left"
        made.add_column(column, justify=side, overflow="fold")
    for row in rows:
        made.add_row(*(Text(_cell(value)) for value in row))
    console_of().print(printable(title), style="bold", markup=False, soft_wrap=True)
    console_of().print(made)


def _cell(value: object) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.3f}"
    return printable(str(value))


def say(*lines: str) -> None:
    """Print lines without markup, as they are but for what cannot be printed."""
    for line in lines:
        console_of().print(printable(line), markup=False, soft_wrap=True)


def printable(text: str) -> str:
    """The text, with ? for what a terminal would obey; new lines and wide blanks stay."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" or category(c) == "Zs" else "?" for c in text)
