"""What was recorded about a patient, in the words of his page: who, when, what, and what was taken
back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from serving.pages.listed_rows import moment
from serving.pages.words import WORDS, day, say, sentence
from serving.store.actions import Action

ON_PAPER = 5
"""How many stand on the sheet of a case conference."""


@dataclass(frozen=True)
class ActionLine:
    """One action. `said` is what its author wrote: a reason, a note. `taken_back` tells when and by
    whom, "" where it stands; `may_undo` says that whoever looks may take it back."""

    action_id: str
    when: str
    who: str
    what: str
    said: Sequence[str]
    taken_back: str
    may_undo: bool
    on_paper: bool


def lines_of(taken: Sequence[Action], who: str, zone: tzinfo, now: datetime) -> list[ActionLine]:
    """All that was recorded (`taken`, the oldest first), the newest first; an undo stands with what
    it took back. One's own may be taken back, and "do not contact" whoever recorded it: it lasts
    until somebody does."""
    undone = {one.undoes: one for one in taken if one.undoes}
    lines = []
    for number, one in enumerate(o for o in reversed(taken) if o.kind != "undo"):
        by = undone.get(one.action_id)
        back = "" if by is None else say("actions.back", when=moment(by.at, zone, now), who=by.who)
        own = one.who == who or one.kind == "do_not_contact"
        lines.append(
            ActionLine(
                action_id=one.action_id, when=sentence(moment(one.at, zone, now)).rstrip("."),
                who=one.who, what=_what(one),
                said=[words for words in (one.reason, one.note) if words],
                taken_back=back, may_undo=own and by is None, on_paper=number < ON_PAPER,
            )
        )  # fmt: skip
    return lines


def newer_than(seen: str, taken: Sequence[Action], zone: tzinfo, now: datetime) -> list[str]:
    """What was recorded (`taken`, the oldest first) after the action `seen`, in a line each: what,
    when and by whom; where nothing was, or nobody knows what was seen, the newest."""
    known = [one.action_id for one in taken]
    at = 0 if seen == "none" else known.index(seen) + 1 if seen in known else len(known)
    return [
        say("actions.line", what=_what(one), when=moment(one.at, zone, now), who=one.who)
        for one in taken[min(at, len(taken) - 1) :]
    ]


def _what(one: Action) -> str:
    if one.kind == "deferred" and one.until is not None:
        return say("actions.deferred", day=day(one.until))
    if one.kind == "override" and one.tier is not None:
        return say("actions.override", tier=WORDS[f"tier.{one.tier}"].lower())
    return sentence(WORDS[f"done.{one.kind}"]).rstrip(".")
