"""What the EHR side reads of our answers: a patient's risks, their reasons, the known scores.

Protocols, so that this room needs nothing of the routes; the answers of the API have this form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, Protocol

Tier = Literal["high", "moderate", "low"]
Task = Literal["readmission", "high-cost"]


class ReasonTold(Protocol):
    """A reason, already without what may not be shown to whoever asks."""

    @property
    def concept(self) -> str: ...
    @property
    def words(self) -> str: ...
    @property
    def direction(self) -> Literal["raises", "lowers"]: ...
    @property
    def actionable(self) -> bool: ...


class RiskTold(Protocol):
    """One risk, or why there is none."""

    @property
    def risk(self) -> float | None: ...
    @property
    def tier(self) -> Tier | None: ...
    @property
    def asked_on(self) -> date | None: ...
    @property
    def not_scored(self) -> str | None: ...
    @property
    def reasons(self) -> Sequence[ReasonTold] | None: ...


class ReadmissionTold(RiskTold, Protocol):
    """The risk of readmission: of the days that are left, and as if all were."""

    @property
    def all_days_risk(self) -> float | None: ...
    @property
    def days_left(self) -> int | None: ...


class KnownScoreTold(Protocol):
    """A score that clinicians know."""

    @property
    def name(self) -> str: ...
    @property
    def words(self) -> str: ...


class PatientTold(Protocol):
    """One person in a published run."""

    @property
    def patient_id(self) -> str: ...
    @property
    def run_id(self) -> str: ...
    @property
    def as_of(self) -> date: ...
    @property
    def discharged_on(self) -> date | None: ...
    @property
    def readmission(self) -> ReadmissionTold: ...
    @property
    def high_cost(self) -> RiskTold: ...
    @property
    def known_scores(self) -> Sequence[KnownScoreTold]: ...
    @property
    def left_out(self) -> str | None: ...
    @property
    def warnings(self) -> Sequence[str]: ...
    @property
    def withheld(self) -> str: ...


@dataclass(frozen=True)
class ModelTold:
    """Which model answered: its version, and the days of its outcome window."""

    version: str
    horizon_days: int
