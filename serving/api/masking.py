"""What is withheld before an answer is made: sensitive reasons by right and consent, names from
analysts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from serving.scoring import LOWERING_REASONS, TASKS, TOP_REASONS
from serving.sight import Sight
from serving.store.audit import AuditKey
from serving.store.nights import QUEUE_TASK

_Answer = TypeVar("_Answer", bound=BaseModel)


def masked(row: Mapping[str, Any], sight: Sight) -> dict[str, Any]:
    """A stored row of one person (`Store.listed`, `Store.patient`) with the reasons that may be
    told, and `why` made of these."""
    told = [
        reason
        for task in TASKS
        for reason in sight.reasons(
            [reason for reason in row["reasons"] if reason["task"] == task],
            TOP_REASONS,
            LOWERING_REASONS,
        )
    ]
    shown = dict(row) | {"reasons": told}
    if row.get("queue"):
        shown["why"] = [
            reason["words"]
            for reason in told
            if reason["task"] == QUEUE_TASK[row["queue"]] and reason["direction"] == "raises"
        ]
    return shown


def pseudonym(patient_id: str, key: AuditKey) -> str:
    """What an analyst reads in place of a patient's id: the same one every time, and nothing that
    leads back to the id without the key."""
    return f"x-{key.mac('pseudonym', patient_id)[:20]}"


def pseudonymous(answer: _Answer, key: AuditKey) -> _Answer:
    """An answer about one person with the pseudonym in place of the id."""
    hidden = pseudonym(answer.patient_id, key)  # pyright: ignore[reportAttributeAccessIssue]
    return answer.model_copy(update={"patient_id": hidden})
