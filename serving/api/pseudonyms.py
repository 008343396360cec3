"""Names withheld from analysts: a pseudonym in the place of a patient's id."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel

from serving.store.audit import AuditKey

_Answer = TypeVar("_Answer", bound=BaseModel)


def pseudonym(patient_id: str, key: AuditKey) -> str:
    """What an analyst reads in place of a patient's id: the same one every time, and nothing that
    leads back to the id without the key."""
    return f"x-{key.mac('pseudonym', patient_id)[:20]}"


def pseudonymous(answer: _Answer, key: AuditKey) -> _Answer:
    """An answer about one person with the pseudonym in place of the id."""
    hidden = pseudonym(answer.patient_id, key)  # pyright: ignore[reportAttributeAccessIssue]
    return answer.model_copy(update={"patient_id": hidden})
