"""What the calls do, in words for whoever decides about them.

Of real people no count from 1 to 10 is told, and nothing that one could be worked out from: a
difference of two shares gives one away where the other is told.
"""

from __future__ import annotations

from data.small_cells import SMALLEST_SHOWN, Counts
from data.terminal import say, table
from training.effects.impact import Estimate, Group, Impact, OfQueue, needed_a_group
from training.effects.impact_outcomes import DISCHARGED, HIGH_COST

OF_THE_LIST = (
    "This is about people at the end of the list, who were drawn or not; it tells nothing of those "
    "at its top, all of whom were called.",
    "Each person counts as first drawn, whatever came later; whether a call was made, or reached "
    "anybody, is not asked.",
    "A score orders outreach; it never denies care: those not drawn lost nothing that they would "
    "have had without the list.",
)  # fmt: skip

_OF_QUEUE = {DISCHARGED: "readmission", HIGH_COST: "a costly year"}
"""What the risk is a risk of by which a queue is ordered; the outcome is another thing."""


def print_impact(told: Impact, counts: Counts | None = None) -> None:
    """Print for each queue both groups, the difference with its interval or why there is none, and
    beside a difference how far people fell by themselves. `counts`: how numbers of people may be
    written; without it, as of real people."""
    counts = counts or Counts("own")
    say(
        f"{told.lists:,} {'list' if told.lists == 1 else 'lists'} with drawn places, "
        f"{told.first} to {told.last}.",
        *(left_out.words for left_out in (told.replays, told.belated) if left_out is not None),
        "",
    )
    for queue in told.queues:
        _print_queue(queue, counts)
    say(*OF_THE_LIST)


def _print_queue(told: OfQueue, counts: Counts) -> None:
    table(
        f"The {told.queue} queue: who {told.outcome}",
        ("", "people", f"mean risk of {_OF_QUEUE[told.queue]}", "outcome known", "had it", "share"),
        [_row("drawn, and on the list", told.drawn, counts),
         _row("not drawn: the comparison group", told.not_drawn, counts)],
        right=range(1, 6),
    )  # fmt: skip
    lines = _lines(told, counts)
    if any(told.listed_before):
        drawn, others = (counts.count(n) for n in told.listed_before)
        lines.append(
            f"{drawn} drawn and {others} not drawn are left out of all this: they had been on a "
            "list before they were drawn for, in the same episode."
        )
    if told.listed_later:
        lines.append(
            f"{counts.count(told.listed_later)} of the {counts.count(told.not_drawn.people)} not "
            "drawn were on a list within these days all the same, and count as not drawn: being "
            "called does more, for good or ill, than the difference shows."
        )
    lines += [
        f"No outcome of {counts.count(drawn)} drawn and {counts.count(others)} not drawn: {why}."
        for why, (drawn, others) in told.not_known.items()
    ]
    say(*(f"  {line}" for line in lines), "")


def _row(name: str, group: Group, counts: Counts) -> tuple[object, ...]:
    risk = "" if counts.guarded and group.people < SMALLEST_SHOWN else _percent(group.risk)
    return (name, counts.count(group.people), risk, counts.count(group.known),
            counts.count(group.cases), counts.share(group.cases, group.known))  # fmt: skip


def _lines(told: OfQueue, counts: Counts) -> list[str]:
    hidden = "" in (
        counts.share(group.cases, group.known) for group in (told.drawn, told.not_drawn)
    )
    at = told.settings.assumed_risk if hidden else told.needed_at
    needed = needed_a_group(at, told.settings.power) if hidden else told.needed
    if told.estimate is None:
        return [
            f"What the calls do cannot be said: the outcome is known of "
            f"{counts.count(told.drawn.known)} of those drawn and of "
            f"{counts.count(told.not_drawn.known)} of the others, and fewer than "
            f"{told.settings.fewest:,} a group say nothing; to see a risk of {at:.1%} halved with "
            f"{told.settings.power:.0%} power, {needed:,} a group are needed."
        ]
    if hidden:
        return [
            f"The difference is not told: fewer than {SMALLEST_SHOWN} of a group had it, or did "
            "not have it, and it would give their number away. So few seldom say anything: to see "
            f"a risk of {at:.1%} halved with {told.settings.power:.0%} power, {needed:,} a group "
            "are needed."
        ]
    return [*_words(told, told.estimate), *_regression(told.estimate, counts)]


def _words(told: OfQueue, estimate: Estimate) -> list[str]:
    difference, call = estimate.difference, estimate.to_call
    said = (
        f"On the list it was {_points(difference.value)} (95 % interval from "
        f"{_points(difference.low)} to {_points(difference.high)}): "
    )
    if call is not None:
        said += (
            f"about {call.value:,} people ({call.low:,} to {call.high:,}) have to be put on it so "
            "that one is spared this."
        )
    elif difference.high < 0:
        said += (
            "look into why before going on. Whoever is called may also be sent to hospital because "
            "a need was found."
        )
    else:
        said += (
            "that may be chance, and it cannot be said whether calling helps. To see a risk of "
            f"{told.needed_at:.1%} halved, {told.needed:,} people a group are needed."
        )
    return [said]


def _points(difference: float) -> str:
    return f"{abs(difference) * 100:.1f} points {'higher' if difference < 0 else 'lower'}"


def _regression(estimate: Estimate, counts: Counts) -> list[str]:
    called, others = estimate.called_by_rank, estimate.comparison
    shares = [counts.share(part, fall.people)
              for fall in (called, others) for part in (fall.before, fall.after)]  # fmt: skip
    if called.people == 0 or others.people == 0 or "" in shares:
        return []
    return [
        f"What follows measures no effect of calling: of {counts.count(called.people)} called by "
        f"rank {_part(*shares[:2])}. They were chosen because they were high, and people fall back "
        f"by themselves: of {counts.count(others.people)} in the comparison group "
        f"{_part(*shares[2:])}."
    ]


def _part(before: str, after: str) -> str:
    return f"{before} were admitted unplanned in as many days before the list and {after} after it"


def _percent(share: float) -> str:
    return "–" if share != share else f"{share:.1%}"
