"""What the calls do, in words for whoever decides about them."""

from __future__ import annotations

from data.terminal import say, table
from training.impact import Estimate, Fall, Group, Impact, OfQueue

OF_THE_LIST = (
    "This is about people at the end of the list, who were drawn or not; it tells nothing of those "
    "at its top, all of whom were called.",
    "Each person counts as first drawn, whatever came later; whether a call was made, or reached "
    "anybody, is not asked.",
    "A score orders outreach; it never denies care. The comparison group was not called earlier "
    "than without the programme.",
)  # fmt: skip


def print_impact(told: Impact) -> None:
    """Print for each queue both groups, the difference with its interval or why there is none, and
    beside a difference how far people fell by themselves."""
    say(
        f"{told.lists:,} {'list' if told.lists == 1 else 'lists'} with drawn places, "
        f"{told.first} to {told.last}.",
        "",
    )
    for queue in told.queues:
        _print_queue(queue)
    say(*OF_THE_LIST)


def _print_queue(told: OfQueue) -> None:
    table(
        f"The {told.queue} queue: who {told.outcome}",
        ("", "people", "mean risk when drawn", "outcome known", "had it", "share"),
        [_row("drawn, and on the list", told.drawn),
         _row("not drawn: the comparison group", told.not_drawn)],
        right=range(1, 6),
    )  # fmt: skip
    cannot = f"What the calls do {told.cannot_say}."
    lines = [cannot] if told.estimate is None else _words(told, told.estimate)
    if told.listed_later:
        lines.append(
            f"{told.listed_later:,} of the {told.not_drawn.people:,} not drawn were on a list "
            "within these days all the same, and count as not drawn: being called does more, for "
            "good or ill, than the difference shows."
        )
    lines += [
        f"No outcome of {drawn:,} drawn and {others:,} not drawn: {why}."
        for why, (drawn, others) in told.not_known.items()
    ]
    say(*(f"  {line}" for line in lines), "")


def _row(name: str, group: Group) -> tuple[object, ...]:
    return (name, group.people, _percent(group.risk), group.known, group.cases,
            _percent(group.share))  # fmt: skip


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
    return [said, *_regression(estimate)]


def _points(difference: float) -> str:
    return f"{abs(difference) * 100:.1f} points {'higher' if difference < 0 else 'lower'}"


def _regression(estimate: Estimate) -> list[str]:
    called, others = estimate.called_by_rank, estimate.comparison
    if called.people == 0 or others.people == 0:
        return []
    return [
        f"What follows measures no effect of calling: of {called.people:,} called by rank "
        f"{_part(called)}. They were chosen because they were high, and people fall back by "
        "themselves: of "
        f"{others.people:,} in the comparison group {_part(others)}."
    ]


def _part(fall: Fall) -> str:
    return (
        f"{fall.before / fall.people:.1%} were admitted unplanned in as many days before the list "
        f"and {fall.after / fall.people:.1%} after it"
    )


def _percent(share: float) -> str:
    return "–" if share != share else f"{share:.1%}"
