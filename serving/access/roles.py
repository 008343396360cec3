"""Who asks, and in which role: roles, the scopes of programs, the sensitive matters.

What a role or a scope opens is said of each route, where the routes are; here stand the words.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from data.errors import InputError, RefusalError
from data.sensitive_matters import MATTERS

Role = Literal["case_manager", "supervisor", "analyst", "service", "admin"]

ROLES: dict[Role, str] = {
    "case_manager": "calls the patients of an own panel",
    "supervisor": "sees all panels",
    "analyst": "sees figures and no names",
    "service": "is a program: a service token with its scopes",
    "admin": "looks after the service and its accounts",
}

SCOPES: dict[str, str] = {
    "score": "Score patients from the rows that are sent.",
    "patients": "Look patients up: risks, reasons, timeline.",
    "worklist": "Read the list of whom to call.",
    "actions": "Record what was done about a patient.",
    "team": "See how much work each panel has, and move patients between panels.",
    "fhir": "Read risks as FHIR resources.",
    "cds": "Ask for the cards of CDS Hooks.",
    "metrics": "Read the metrics for operators.",
    "runs": "Read which nights were run, and by which model.",
}


@dataclass(frozen=True)
class Principal:
    """Whoever asks, however he came in.

    `name` is that of the account, of the service token, or "issuer subject" of a user of an
    identity provider; an account's holds no blank, so none of them passes for another.
    """

    name: str
    role: Role
    manager: int | None = None
    """The number on the list whose panel is a case manager's own."""
    scopes: frozenset[str] = frozenset()
    """What a service token opens; empty for everybody else."""
    matters: frozenset[str] = frozenset()
    """The sensitive matters that this principal has the right to see."""
    called: str | None = field(default=None, compare=False)
    """What the identity provider calls a user of it, for his own eyes: no record goes by it."""
    zone: str | None = None
    """The time zone in which he reads clock times; None: that of the site."""

    @property
    def is_of_provider(self) -> bool:
        """Whether this is a user of an identity provider, of whom there is no account here."""
        return " " in self.name


class NotSignedInError(RefusalError):
    """Nobody is let in by what was shown. Says in one sentence why, and repeats nothing of it."""


def chosen_matters(names: Iterable[str]) -> frozenset[str]:
    """The matters of these names. Raises InputError where one is none ("'HlV' is not a sensitive
    matter; there are: mental health, …")."""
    return _chosen(names, MATTERS, "a sensitive matter")


def chosen_scopes(names: Iterable[str]) -> frozenset[str]:
    """The scopes of these names. Raises InputError where one is none."""
    return _chosen(names, SCOPES, "a scope")


def _chosen(names: Iterable[str], there: Iterable[str], what: str) -> frozenset[str]:
    known, chosen = tuple(there), frozenset(names)
    unknown = sorted(chosen.difference(known))
    if unknown:
        raise InputError(f"{unknown[0]!r} is not {what}; there are: {', '.join(known)}.")
    return chosen
