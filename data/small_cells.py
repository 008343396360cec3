"""Counts of people as they may be told: of real people none so small that somebody could be found.

Of real people a count under 11 is not shown (CMS's cell size rule), and the others are rounded to
tens, so that none can be had by subtraction; from 11 to 14 the range is written, as 10 would look
like one that must not be shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

SMALLEST_SHOWN = 11
"""Counts of real people under this are not shown (CMS's cell size rule)."""
BELOW_TENS = 14
"""Counts from SMALLEST_SHOWN to this are written as that range."""
FEWEST_POSSIBLE = 5
"""So many numbers at least a count that is not told may be, for all that the others say."""


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

    def together(self, numbers: Sequence[int], kept: Sequence[bool] = ()) -> list[int | None]:
        """The counts of the groups of one whole as lengths (`drawn`), None where one is not told.

        A reader who knows the whole exactly cannot have a count that is not told by taking the
        others from it: while fewer than FEWEST_POSSIBLE numbers would be left for one, the smallest
        of the others is not told either, a 0 last. `kept`: counts that are not told in any case. Of
        a whole under SMALLEST_SHOWN nothing is told.

        >>> Counts("own").together([4988, 5003, 9]), Counts("invented").together([12, 0, 8])
        ([4990, 5000, None], [12, 0, 8])
        >>> Counts("own").together([12, 0, 8])  # 11 to 14 of 20 would leave 6 to 9
        [None, 0, None]
        """
        return self._together(numbers, kept or [False] * len(numbers), [inf] * len(numbers))

    def parts(
        self, numbers: Sequence[int], *wholes: Sequence[int], kept: Sequence[bool] = ()
    ) -> list[int | None]:
        """The counts `together` of one part of each group, of which `wholes` has how many it has; a
        part of several groups is told by all of these. A part that leaves fewer than SMALLEST_SHOWN
        of its group, or nobody, is not told either: it would tell of the others, or of everybody.
        A reader who knows the groups exactly cannot have it by taking the other parts from all.
        `kept`: parts that are not told in any case, as their group is not.

        >>> Counts("own").parts([30, 40, 50], [30, 80, 100])
        [None, 40, 50]
        """
        of_which = [min(all_of_them) for all_of_them in zip(*wholes, strict=True)]
        kept = kept or [False] * len(numbers)
        if not of_which:
            return self.together(numbers, kept)
        leaves_few = [
            one or (part > 0 and whole - part < SMALLEST_SHOWN)
            for one, part, whole in zip(kept, numbers, of_which, strict=True)
        ]
        most = [inf if one else whole for one, whole in zip(kept, of_which, strict=True)]
        return self._together(numbers, leaves_few, most)

    def _together(
        self, numbers: Sequence[int], kept: Sequence[bool], most: Sequence[float]
    ) -> list[int | None]:
        """`together`, where a reader knows that a count is at `most` so many; of nobody it is 0."""
        if not self.guarded:
            return [int(number) for number in numbers]
        if self.hides(sum(numbers)):
            return [None] * len(numbers)
        hidden = [self.hides(number) or one for number, one in zip(numbers, kept, strict=True)]
        others = sorted(
            (place for place, one in enumerate(hidden) if not one and most[place] > 0),
            key=lambda place: (numbers[place] == 0, numbers[place]),
        )
        while others and self._found_out(numbers, hidden, most):
            hidden[others.pop(0)] = True
        return [
            None if one else self.drawn(number) for one, number in zip(hidden, numbers, strict=True)
        ]

    def _found_out(
        self, numbers: Sequence[int], hidden: Sequence[bool], most: Sequence[float]
    ) -> bool:
        """Whether the counts that are told, and the whole, leave too little open of another."""
        unseen = [number for number, one in zip(numbers, hidden, strict=True) if one]
        if not unseen:
            return False
        bounds = [
            self.behind(self.drawn(number))
            for number, one in zip(numbers, hidden, strict=True)
            if not one
        ]
        least_of_all, most_of_all = (
            sum(numbers) - sum(bound[side] for bound in bounds) for side in (1, 0)
        )  # of those unseen together
        lowest = 0 if min(unseen) == 0 else 1
        highest = SMALLEST_SHOWN - 1 if max(unseen) < SMALLEST_SHOWN else inf
        tops = [min(highest, top) for top, one in zip(most, hidden, strict=True) if one]
        for place, top in enumerate(tops):
            others = tops[:place] + tops[place + 1 :]
            low = max(lowest, least_of_all - sum(others))
            high = min(top, most_of_all - len(others) * lowest)
            if high - low + 1 < FEWEST_POSSIBLE:
                return True
        return False

    def behind(self, told: int) -> tuple[int, int]:
        """The smallest and the largest count that are drawn so long, where a 0 is told because
        there is nobody.

        >>> Counts("own").behind(11), Counts("own").behind(60), Counts("invented").behind(60)
        ((11, 14), (55, 65), (60, 60))
        """
        if not self.guarded or told == 0:
            return told, told
        if told == SMALLEST_SHOWN:
            return SMALLEST_SHOWN, BELOW_TENS
        half = 5 if told % 20 == 0 else 4  # a half is rounded to the even ten
        return max(told - half, BELOW_TENS + 1), told + half
