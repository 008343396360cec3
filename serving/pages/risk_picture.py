"""One risk over time as a small picture: where its lines, points and words stand.

The picture begins at zero, so that what looks twice as high is twice as high. A night without a
risk is a gap, and so is a stretch without nights; a risk between two gaps is a point. Of a
readmission each discharge is a question of its own, and no line joins two of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise

from serving.pages.words import WORDS, in_100, say, short_day
from serving.pages.words import day as day_in_words

WIDTH, HEIGHT = 400, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 78, 10, 24  # on the right stand the names of the tiers
_LONGEST_STEP = timedelta(days=10)
"""Nights farther apart than this are not joined by a line: of the days between nothing is known."""
_TOPS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
_FEWEST_APART = 12
"""Heights at which two words below each other can still be read."""
_WIDTH_OF_WORDS = 120
"""So wide are the words above a new discharge at most."""
_HEIGHT_OF_WORDS = 14


@dataclass(frozen=True)
class Told:
    """What one night told: no risk where it told none, the model whose number it is, and of a
    readmission the discharge that it is asked about."""

    day: date
    risk: float | None
    model: str | None = None
    discharged_on: date | None = None


@dataclass(frozen=True)
class Mark:
    """A word or a line of the picture, and where it stands."""

    at: float
    words: str
    anchor: str = "middle"


@dataclass(frozen=True)
class RiskPicture:
    """One picture. `lines` are points of polylines, `dots` are risks with nothing beside them, and
    the newest; `limits` are where tiers begin, `changes` where another model took over, and
    `discharges` where the nights are about another discharge."""

    lines: Sequence[str] = ()
    dots: Sequence[tuple[float, float]] = ()
    heights: Sequence[Mark] = ()
    days: Sequence[Mark] = ()
    limits: Sequence[Mark] = ()
    changes: Sequence[Mark] = ()
    discharges: Sequence[Mark] = ()
    told: str = ""
    """The same in words."""
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    top: int = _TOP
    bottom: int = HEIGHT - _BOTTOM
    known: Sequence[Told] = field(default_factory=tuple)
    """The nights that told a risk, the oldest first."""


def risk_picture(nights: Sequence[Told], limits: Mapping[str, float]) -> RiskPicture | None:
    """The picture of what some nights told, the oldest first; `limits` are the risks from which the
    tiers begin. None where no night told a risk."""
    known = [one for one in nights if one.risk is not None]
    if not known:
        return None
    first, last = known[0].day, known[-1].day
    highest = max(one.risk or 0.0 for one in known)
    ceiling = next(top for top in _TOPS if top >= min(1.0, max(highest, limits.get("high", 0.0))))

    changed, discharged = _changes(known), _discharges(known)
    top = _TOP + _HEIGHT_OF_WORDS if discharged else _TOP

    def x(when: date) -> float:
        if first == last:
            return (_LEFT + WIDTH - _RIGHT) / 2
        share = (when - first) / (last - first)
        return round(_LEFT + share * (WIDTH - _LEFT - _RIGHT), 1)

    def y(risk: float) -> float:
        return round(HEIGHT - _BOTTOM - risk / ceiling * (HEIGHT - _BOTTOM - top), 1)

    lines, dots = [], []
    for run in _joined(nights):
        points = [(x(one.day), y(one.risk or 0.0)) for one in run]
        if len(points) == 1:
            dots += points
        else:
            lines.append(" ".join(f"{across},{down}" for across, down in points))
    newest = (x(last), y(known[-1].risk or 0.0))
    return RiskPicture(
        lines=lines,
        dots=[*(one for one in dots if one != newest), newest],
        heights=[Mark(y(at), f"{100 * at:g}") for at in (0.0, ceiling / 2, ceiling)],
        days=_days(first, last),
        limits=_limits(limits, ceiling, y),
        changes=[Mark(x(one.day), day_in_words(one.day)) for one in changed],
        discharges=_under_words([x(one.day) for one in discharged]),
        told=_in_words(known, changed, discharged),
        top=top,
        known=known,
    )


def _joined(nights: Sequence[Told]) -> list[list[Told]]:
    """Nights that a line joins, apart at every gap."""
    runs: list[list[Told]] = [[]]
    for one in nights:
        before = runs[-1][-1] if runs[-1] else None
        if one.risk is None or (before and not _is_joined(before, one)):
            runs.append([])
        if one.risk is not None:
            runs[-1].append(one)
    return [run for run in runs if run]


def _is_joined(before: Told, after: Told) -> bool:
    return after.day - before.day <= _LONGEST_STEP and after.discharged_on == before.discharged_on


def _changes(known: Sequence[Told]) -> list[Told]:
    """The first night of each model but the first one."""
    return [after for before, after in pairwise(known) if before.model != after.model]


def _discharges(known: Sequence[Told]) -> list[Told]:
    """The first night of each discharge but the first one."""
    return [
        after for before, after in pairwise(known) if before.discharged_on != after.discharged_on
    ]


def _under_words(across: Sequence[float]) -> list[Mark]:
    """Upright lines, and the words above each to that side that has room for them."""
    marks: list[Mark] = []
    taken = float(_LEFT)
    for place, at in enumerate(across):
        until = across[place + 1] if place + 1 < len(across) else WIDTH - _RIGHT
        if until - at >= _WIDTH_OF_WORDS:
            marks.append(Mark(at, say("over_time.discharge"), "start"))
            taken = at + _WIDTH_OF_WORDS
        else:
            room = at - taken >= _WIDTH_OF_WORDS
            marks.append(Mark(at, say("over_time.discharge") if room else "", "end"))
            taken = at
    return marks


def _days(first: date, last: date) -> list[Mark]:
    if first == last:
        return [Mark((_LEFT + WIDTH - _RIGHT) / 2, short_day(first))]
    return [
        Mark(_LEFT, short_day(first), "start"),
        Mark(WIDTH - _RIGHT, short_day(last), "end"),
    ]


def _limits(limits: Mapping[str, float], ceiling: float, y: Callable[[float], float]) -> list[Mark]:
    told: list[Mark] = []
    for tier in ("high", "moderate"):
        risk = limits.get(tier)
        if risk is None or not 0 < risk <= ceiling:
            continue
        at = y(risk)
        apart = all(abs(at - other.at) >= _FEWEST_APART for other in told)
        told.append(Mark(at, WORDS[f"tier.{tier}"] if apart else ""))
    return told


def _in_words(known: Sequence[Told], changed: Sequence[Told], discharged: Sequence[Told]) -> str:
    if len(known) == 1:
        return say("over_time.once", risk=in_100(known[0].risk or 0.0),
                   day=day_in_words(known[0].day))  # fmt: skip
    comparable = [one for one in known if not discharged or one.day >= discharged[-1].day]
    told = [_from_lowest_to_highest(comparable)]
    if discharged:
        days = ", ".join(day_in_words(one.discharged_on or one.day) for one in discharged)
        told.append(say("over_time.begins_anew", days=days))
        if len(comparable) > 1:
            told.append(say("over_time.of_newest"))
    if changed:
        days = ", ".join(day_in_words(one.day) for one in changed)
        told.append(say("over_time.changed", days=days))
    return " ".join(told)


def _from_lowest_to_highest(known: Sequence[Told]) -> str:
    newest = {"newest": in_100(known[-1].risk or 0.0), "day": day_in_words(known[-1].day)}
    if len(known) == 1:
        return say("over_time.newest", **newest)
    lowest = min(known, key=lambda one: one.risk or 0.0)
    highest = max(known, key=lambda one: one.risk or 0.0)
    return say(
        "over_time.told", n=len(known), **newest,
        lowest=in_100(lowest.risk or 0.0), lowest_day=day_in_words(lowest.day),
        highest=in_100(highest.risk or 0.0), highest_day=day_in_words(highest.day),
    )  # fmt: skip
