"""What is withheld of a stored row before it is shown: sensitive reasons, by right and consent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from serving.known_scores import FOR_WHO_SEES_ALL, OF_ILLNESSES
from serving.scoring import LOWERING_REASONS, TASKS, TOP_REASONS
from serving.sight import Sight
from serving.store.night_tables import QUEUE_TASK


def masked(
    row: Mapping[str, Any], sight: Sight, next_step: Callable[[str], str | None] | None = None
) -> dict[str, Any]:
    """A stored row of one person (`Store.worklist`, `Store.patient`) with the reasons that may be
    told, each with the suggestion of `next_step`, and `why` made of these."""
    told = [
        dict(reason)
        for task in TASKS
        for reason in sight.reasons(
            [reason for reason in row["reasons"] if reason["task"] == task],
            TOP_REASONS,
            LOWERING_REASONS,
        )
    ]
    if next_step is not None:
        told = [reason | {"next_step": step_of(reason, next_step)} for reason in told]
    shown = dict(row) | {"reasons": told}
    shown["known_scores"] = known_scores_shown(row["known_scores"], sight)
    if row.get("queue"):
        shown["why"] = [
            reason["words"]
            for reason in told
            if reason["task"] == QUEUE_TASK[row["queue"]] and reason["direction"] == "raises"
        ]
    return shown


def known_scores_shown(known: Iterable[Mapping[str, Any]], sight: Sight) -> list[Mapping[str, Any]]:
    """The scores that clinicians know; in the place of Charlson's index, whose points can name an
    illness, the same words on every patient where not every matter may be shown."""
    if sight.is_all:
        return [*known]
    withheld = [
        {"score": name, "low": None, "high": None, "lacking": FOR_WHO_SEES_ALL}
        for name in OF_ILLNESSES
    ]
    return [*(one for one in known if one["score"] not in OF_ILLNESSES), *withheld]


def step_of(reason: Mapping[str, Any], next_step: Callable[[str], str | None]) -> str | None:
    """The suggestion beside a reason: of those that raise a risk and that somebody can act on."""
    if reason["direction"] == "raises" and reason["actionable"]:
        return next_step(reason["concept"])
    return None
