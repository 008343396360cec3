"""Every sentence of the pages stands in words.toml, so that one file is translated."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from importlib.resources import files
from typing import Any

FILE = "words.toml"


def _flat(told: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """ "list.title" for the title in [list]."""
    found: dict[str, Any] = {}
    for name, held in told.items():
        if isinstance(held, dict):
            found |= _flat(held, f"{before}{name}.")
        else:
            found[f"{before}{name}"] = held
    return found


WORDS: Mapping[str, Any] = _flat(
    tomllib.loads(files("serving.pages").joinpath(FILE).read_text(encoding="utf-8"))
)


def say(name: str, /, **told: object) -> str:
    """The words of this name with what they tell put in. Raises KeyError where there are none."""
    return WORDS[name].format(**told)


def count(name: str, n: int, /, **told: object) -> str:
    """The same of a number of things: the words `name.one` or `name.many`."""
    return say(f"{name}.one" if n == 1 else f"{name}.many", n=f"{n:,}", **told)


def day(when: date) -> str:
    """A day as one says it: "31 December 2024"."""
    return say("day.written", day=when.day, month=WORDS["day.months"][when.month - 1],
               year=when.year)  # fmt: skip


def short_day(when: date) -> str:
    """The same where there is little room: "31 Dec 2024"."""
    return say("day.written", day=when.day, month=WORDS["day.short_months"][when.month - 1],
               year=when.year)  # fmt: skip


def weekday(when: date) -> str:
    """ "Tuesday"."""
    return WORDS["day.weekdays"][when.weekday()]


def clock(when: datetime) -> str:
    """The time of day, in the zone that it is in: "14:05"."""
    return f"{when:%H:%M}"


def in_100(risk: float) -> str:
    """A risk in words. What is no certainty is not said as one.

    >>> [in_100(risk) for risk in (0.2149, 0.004, 0.9996)]
    ['21 in 100', 'under 1 in 100', 'over 99 in 100']
    """
    if risk < 0.005:
        return say("risk.under")
    return say("risk.over") if risk >= 0.995 else say("risk.about", n=max(1, round(risk * 100)))


def sentence(told: str) -> str:
    """What is told in the middle of a line, as a sentence of its own."""
    told = told.strip()
    if not told:
        return told
    return told[0].upper() + told[1:] + ("" if told[-1] in ".!?" else ".")
