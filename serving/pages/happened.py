"""What happened to a patient, gathered so that it can be read: a line a day and kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from serving.api.patients import Happened
from serving.pages.words import WORDS, day, say, sentence
from serving.timeline import KINDS

MOST_LINES = 300
ON_PAPER = 8
"""How many lines stand on the sheet of a case conference; what was paid is none of them."""


@dataclass(frozen=True)
class Line:
    """What happened on one day of one kind. `known_on` is "" where it was known that very day;
    `on_paper` says that it is among the newest."""

    day: str
    kind: str
    words: str
    known_on: str
    on_paper: bool


@dataclass(frozen=True)
class Month:
    """Lines of one month, the newest first."""

    name: str
    lines: Sequence[Line]


@dataclass(frozen=True)
class Story:
    """What happened, the newest month first; `left_out` lines are older than those that are shown.
    `kinds` are the kinds that occur, with how many lines each has."""

    months: Sequence[Month]
    kinds: Sequence[tuple[str, int]]
    left_out: int


def story_of(timeline: Sequence[Happened], kind: str = "", most: int = MOST_LINES) -> Story:
    """The timeline (the newest first) as the page shows it: all kinds or one of them."""
    groups: dict[tuple[date, str], list[Happened]] = {}
    for one in timeline:
        groups.setdefault((one.happened_on, one.kind), []).append(one)
    counts = {name: sum(of == name for _, of in groups) for name in KINDS}
    wanted = [(when, of, facts) for (when, of), facts in groups.items() if kind in ("", of)]
    on_paper = [key for key in groups if kind or key[1] != "cost"][:ON_PAPER]
    shown = [_line(when, of, facts, (when, of) in on_paper) for when, of, facts in wanted[:most]]
    dated = zip(wanted, shown, strict=False)
    months = [
        Month(say("happened.month", month=WORDS["day.months"][month - 1], year=year),
              [line for _, line in lines])
        for (year, month), lines in groupby(dated, lambda one: (one[0][0].year, one[0][0].month))
    ]  # fmt: skip
    kinds = [(name, n) for name, n in counts.items() if n]
    return Story(months, kinds, max(len(wanted) - most, 0))


def _line(when: date, kind: str, facts: Sequence[Happened], on_paper: bool) -> Line:
    told = dict.fromkeys(_words(one) for one in facts)
    words = "; ".join(told)
    if kind == "cost" and all(one.cents is not None for one in facts):
        words = say("happened.cost", dollars=_dollars(sum(one.cents or 0 for one in facts)),
                    kinds=words)  # fmt: skip
    known = max(one.known_on for one in facts)
    over = max(one.ended_on or one.happened_on for one in facts)
    return Line(
        day=day(when), kind=kind, words=sentence(words),
        known_on=day(known) if known > over else "", on_paper=on_paper,
    )  # fmt: skip


def _words(one: Happened) -> str:
    told = one.words
    if one.ended_on is not None and one.ended_on != one.happened_on:
        told = say("happened.until", words=told, day=day(one.ended_on))
    elif one.kind == "stay" and one.ended_on is None:
        told = say("happened.goes_on", words=told)
    return say("happened.at", words=told, facility=one.facility) if one.facility else told


def _dollars(cents: int) -> str:
    return f"${cents / 100:,.0f}"
