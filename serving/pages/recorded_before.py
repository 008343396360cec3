"""What was recorded about a patient before, as far as his row turns on it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from serving.api.worklist import Standing
from serving.store.actions import Action
from serving.store.standings import Rules, status


def to_take_back(who: str, standing: Standing, taken: Sequence[Action]) -> str:
    """The id of the newest action about a patient where `who` recorded it and it stands; else "".
    `taken` is all that was recorded about him, the oldest first."""
    if not taken or taken[-1].kind == "undo" or taken[-1].who != who:
        return ""
    stands = standing.status != "open"
    if taken[-1].kind == "override":
        stands = standing.override_tier is not None
    return taken[-1].action_id if stands else ""


def came_back_in_time(
    standing: Standing, taken: Sequence[Action], today: date, rules: Rules
) -> bool:
    """Whether the days that a patient was left alone are over, whatever else happened since; else
    he was discharged before they were."""
    alone = status(taken, today, None, rules).before
    before = standing.before
    return alone is not None and before is not None and alone.at == before.since
