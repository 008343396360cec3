"""What of one patient one principal may be shown: sensitive matters by right and by consent.

A matter is shown to whoever has the right to see it; one that turns on consent (by default
substance use: records of programs under 42 CFR Part 2) moreover needs the patient's own. What is
withheld is left out wherever it would show, and the same neutral line stands on every answer, so
that its presence discloses nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from data.sensitive_matters import ANY_OF_THEM, MATTERS

ON_CONSENT = ("substance use",)
"""Matters that are shown on the patient's consent alone, unless the settings name others."""


@dataclass(frozen=True)
class Sight:
    """The matters that may be shown to one principal of one patient."""

    matters: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        right: Collection[str],
        consented: Collection[str] = (),
        on_consent: Collection[str] = ON_CONSENT,
    ) -> Sight:
        """By the matters that somebody has the right to see, those that the patient consents to
        have shown, and those that turn on consent."""
        return cls(frozenset(m for m in right if m not in on_consent or m in consented))

    def shows(self, matter: str | None) -> bool:
        """Whether something that this matter makes sensitive (None: nothing does) may be shown."""
        return matter is None or matter in self.matters or (matter == ANY_OF_THEM and self.is_all)

    @property
    def is_all(self) -> bool:
        """Whether every matter may be shown."""
        return self.matters.issuperset(MATTERS)

    def reasons(
        self, stored: Iterable[Mapping[str, Any]], raising: int, lowering: int
    ) -> list[Mapping[str, Any]]:
        """Of the stored reasons of one risk, in their order, those to be told: at most `raising`
        and `lowering` of each direction. What is withheld makes room for the next one, so that
        their number tells nothing."""
        room = {"raises": raising, "lowers": lowering}
        told = []
        for reason in stored:
            if self.shows(reason["sensitive"]) and room[reason["direction"]] > 0:
                room[reason["direction"]] -= 1
                told.append(reason)
        return told
