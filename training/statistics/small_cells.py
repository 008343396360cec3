"""Counts of people as they may be told: of real people none so small that somebody could be found.

Of real people a count under 11 is not shown (CMS's cell size rule), and the others are rounded to
tens, so that none can be had by subtraction; from 11 to 14 the range is written, as 10 would look
like one that must not be shown.
"""

from __future__ import annotations

from dataclasses import dataclass

SMALLEST_SHOWN = 11
"""Counts of real people under this are not shown (CMS's cell size rule)."""
BELOW_TENS = 14
"""Counts from SMALLEST_SHOWN to this are written as that range."""


@dataclass(frozen=True)
class Counts:
    """How counts and shares are written for an origin of data: exactly, or so that no small group
    can be told."""

    origin: str

    @property
    def guarded(self) -> bool:
        return self.origin not in ("invented", "public_synthetic")

    def count(self, number: int) -> str:
        """The count in words.

        >>> Counts("invented").count(7), Counts("own").count(7), Counts("own").count(1234)
        ('7', 'fewer than 11', '1,230')
        >>> Counts("own").count(13)
        '11 to 14'
        """
        if not self.guarded or number == 0:
            return f"{number:,}"
        if self.hides(number):
            return f"fewer than {SMALLEST_SHOWN}"
        if number <= BELOW_TENS:
            return f"{SMALLEST_SHOWN} to {BELOW_TENS}"
        return f"{round(number, -1):,}"

    def drawn(self, number: int) -> int:
        """The count as a length: of real people 0 where it is not shown, and 11 for 11 to 14.

        >>> Counts("own").drawn(7), Counts("own").drawn(13), Counts("own").drawn(1234)
        (0, 11, 1230)
        """
        if not self.guarded:
            return int(number)
        if number <= BELOW_TENS:
            return SMALLEST_SHOWN if number >= SMALLEST_SHOWN else 0
        return round(int(number), -1)

    def hides(self, number: int) -> bool:
        """Whether the count is not shown, so that nothing else is told of these few either."""
        return self.guarded and 0 < number < SMALLEST_SHOWN

    def small(self, part: int, whole: int) -> bool:
        """Whether `part` of `whole`, or the rest of it, are so few real people that the share is
        not told. Nobody is few as well: a share of 0 or 1 tells of everybody."""
        return self.guarded and min(part, whole - part) < SMALLEST_SHOWN

    def per_cent(self, part: int, whole: int) -> float | None:
        """The share in per cent, of real people a whole number; None where there is none, or
        where it would tell a small group."""
        if whole == 0 or self.small(part, whole):
            return None
        return float(round(100 * part / whole)) if self.guarded else 100 * part / whole

    def share(self, part: int, whole: int) -> str:
        """The share in words, "" where it would tell a small group, "–" where there is none."""
        value = self.per_cent(part, whole)
        if value is None:
            return "" if whole else "–"
        return f"{value:.0f}%" if self.guarded else f"{value:.1f}%"
