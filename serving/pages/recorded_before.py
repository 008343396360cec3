"""What was recorded about a patient until now: what may be taken back, whether he was reached,
whether nobody may contact him."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from serving.api.worklist import Standing
from serving.outreach_figures import REACHED
from serving.store.actions import Action


def to_take_back(who: str, standing: Standing, taken: Sequence[Action]) -> str:
    """The id of the newest action about a patient where `who` recorded it and it stands; else "".
    `taken` is all that was recorded about him, the oldest first."""
    if not taken or taken[-1].kind == "undo" or taken[-1].who != who:
        return ""
    stands = standing.status != "open"
    if taken[-1].kind == "override":
        stands = standing.override_tier is not None
    elif taken[-1].kind == "note":
        stands = True
    return taken[-1].action_id if stands else ""


def stop_of(taken: Sequence[Action]) -> str:
    """The id of the newest "do not contact" that stands; "" where there is none."""
    stops = [one for one in _standing(taken) if one.kind == "do_not_contact"]
    return stops[-1].action_id if stops else ""


def was_reached(taken: Sequence[Action], discharged_on: date) -> bool:
    """Whether somebody reached him from a list that knew of this discharge."""
    return any(
        one.kind in REACHED and discharged_on <= (one.known_up_to or date.min)
        for one in _standing(taken)
    )


def _standing(taken: Sequence[Action]) -> list[Action]:
    undone = {one.undoes for one in taken if one.undoes}
    return [one for one in taken if one.kind != "undo" and one.action_id not in undone]
