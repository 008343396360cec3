"""A document for people to read: sections of words, points, tables and pictures, written as a page
or as Markdown.

The page stands alone: its style is in it, a picture is data in it, and it holds no script and no
address. Whatever comes from data or settings is text in either form, never markup.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined

Mark = Literal["good", "bad", "missing", "strong"]

_TYPES = {".svg": "image/svg+xml", ".png": "image/png"}
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|#$~&{}])")
_OPENING = re.compile(r"^(\d*)([-+=.)])")
"""What would begin a list or a heading: a hyphen, "1."."""


@dataclass(frozen=True)
class Marked:
    """A text that stands out: what passed, what did not, what is missing, what is ours."""

    text: str
    mark: Mark

    def __str__(self) -> str:
        return self.text


Cell = str | Marked


@dataclass(frozen=True)
class Words:
    """A paragraph; a note is told in smaller letters."""

    text: str
    note: bool = False
    kind: str = field(default="words", init=False)


@dataclass(frozen=True)
class Points:
    """A list, one point a line."""

    points: tuple[Cell, ...]
    kind: str = field(default="points", init=False)


@dataclass(frozen=True)
class Heading:
    """A heading within a section."""

    text: str
    kind: str = field(default="heading", init=False)


@dataclass(frozen=True)
class Table:
    """A table; columns at the places of `right` are aligned there. Each row has a cell a column."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    right: frozenset[int] = frozenset()
    kind: str = field(default="table", init=False)

    def __post_init__(self) -> None:
        if any(len(row) != len(self.header) for row in self.rows):
            raise ValueError(f"the table {self.caption!r} has a row of another length")


@dataclass(frozen=True)
class Figures:
    """The few numbers that everybody asks for first: (number, what it is)."""

    figures: tuple[tuple[str, str], ...]
    kind: str = field(default="figures", init=False)


@dataclass(frozen=True)
class Picture:
    """A picture as a data address: apart from one another, so that what one SVG calls a clip path
    is not found by another."""

    source: str
    words: str
    kind: str = field(default="picture", init=False)

    @classmethod
    def of(cls, path: Path, words: str) -> Picture:
        """The picture in the file `path`, `.svg` or `.png`; `words` say what is in it."""
        content = base64.b64encode(path.read_bytes()).decode("ascii")
        return cls(f"data:{_TYPES[path.suffix]};base64,{content}", words)


Block = Words | Points | Heading | Table | Figures | Picture


@dataclass(frozen=True)
class Section:
    """`name` is its anchor: small letters, digits and hyphens, one of its kind in a document."""

    name: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """``about``: one line each under the title."""

    title: str
    about: tuple[Cell, ...]
    sections: tuple[Section, ...]

    def __post_init__(self) -> None:
        names = [section.name for section in self.sections]
        if len({*names}) != len(names):
            raise ValueError("two sections of a document have one name")


def as_page(document: Document) -> str:
    """The document as an HTML page that stands alone."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, finalize=_on_a_page,
    )  # fmt: skip
    return environment.get_template("document.html").render(document=document)


def as_markdown(document: Document) -> str:
    """The document as Markdown (CommonMark with the tables of GitHub). Pictures are left out: their
    words stand for them."""
    lines = [f"# {_plain(document.title)}", ""]
    for line in document.about:
        lines += [_cell(line), ""]
    for section in document.sections:
        lines += [f"## {_plain(section.title)}", ""]
        for block in section.blocks:
            lines += [*_lines(block), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _lines(block: Block) -> list[str]:
    match block:
        case Words(text=text):
            return [_plain(text)]
        case Heading(text=text):
            return [f"### {_plain(text)}"]
        case Points(points=points):
            return [f"- {_cell(point)}" for point in points]
        case Figures(figures=figures):
            return [f"- **{_plain(number)}** {_plain(what)}" for number, what in figures]
        case Picture(words=words):
            return [f"(Picture in the page: {_plain(words)})"]
        case Table(caption=caption, header=header, rows=rows, right=right):
            told = [f"**{_plain(caption)}**", ""] if caption else []
            line = ["--:" if place in right else "---" for place in range(len(header))]
            return [*told, _row([_plain(name) for name in header]), _row(line),
                    *(_row([_cell(cell) for cell in row]) for row in rows)]  # fmt: skip


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Cell) -> str:
    text = _plain(str(cell))
    return f"**{text}**" if isinstance(cell, Marked) and text else text


def _plain(text: str) -> str:
    """The text on one line, so that Markdown takes none of it for markup."""
    escaped = _MARKDOWN.sub(r"\\\1", " ".join(_printable(text).split()))
    return _OPENING.sub(r"\1\\\2", escaped)


def _on_a_page(value: object) -> object:
    """What a template writes: a text that no line breaks before a per cent sign; markup that jinja
    has escaped already, and whatever is no text, as it is."""
    return _printable(value).replace(" %", "\u00a0%") if type(value) is str else value


def _printable(text: str) -> str:
    """The text without what cannot be printed, or turns the direction of writing."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else " " for letter in text)
