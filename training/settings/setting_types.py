"""What values a setting may have: each type bounds its numbers and texts on both sides.

The upper bounds are far beyond use: a larger value is a slip, or would take the machine.
"""

from __future__ import annotations

from dataclasses import field
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field


class Strict:
    """Settings that a file may fill, and where it may say nothing else."""

    __pydantic_config__ = ConfigDict(extra="forbid")


def setting(default: Any, meaning: str, unit: str = "", anchor: str = "") -> Any:
    """A setting that says what it means; MISSING as its default where it has to be given."""
    return field(default=default, metadata={"meaning": meaning, "unit": unit, "anchor": anchor})


TASK_NAME = "^[a-z][a-z0-9-]{0,39}$"
TaskName = Annotated[str, Field(pattern=TASK_NAME)]
"""Small letters, digits and hyphens: folders and the registered model are called by it."""


def _words(text: str) -> str:
    if not (0 < len(text) <= 80 and text[0].isalpha() and text.isprintable()):
        raise ValueError("1 to 80 printable characters are needed, the first of them a letter")
    return text


Words = Annotated[str, AfterValidator(_words)]
"""A text for labels and tables; one that begins with a letter is no formula in a spreadsheet."""


def _prose(text: str) -> str:
    if not (0 < len(text) <= 600 and text[0].isalnum() and text.isprintable()):
        raise ValueError(
            "1 to 600 printable characters are needed, the first of them a letter or a digit"
        )
    return text


def _iso_day(text: str) -> str:
    try:
        day = date.fromisoformat(text).isoformat()
    except ValueError:
        day = ""
    if day != text:
        raise ValueError("a day is needed, written like 2026-03-31")
    return text


Prose = Annotated[str, AfterValidator(_prose)]
"""Some sentences on one line."""
IsoDay = Annotated[str, AfterValidator(_iso_day)]

Days = Annotated[int, Field(ge=0, le=3_660)]
Horizon = Annotated[int, Field(ge=1, le=3_660)]
Months = Annotated[int, Field(ge=1, le=12)]
Age = Annotated[int, Field(ge=0, le=120)]
Rows = Annotated[int, Field(ge=1, le=1_000_000_000)]
"""Rows, people or cases."""
Stays = Annotated[int, Field(ge=1, le=366)]
Cents = Annotated[int, Field(ge=1, le=1_000_000_000_000)]
Share = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
Part = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
Trend = Annotated[float, Field(gt=-0.5, lt=1, allow_inf_nan=False)]


def in_percent(share: float) -> str:
    """A share as labels write it.

    >>> in_percent(0.05), in_percent(0.012), in_percent(0.07)
    ('5%', '1.2%', '7%')
    """
    return f"{100 * share:g}%"


def _told_apart(capacities: tuple[float, ...]) -> tuple[float, ...]:
    """Tables and figures know each of them by its label alone."""
    labels = [in_percent(one) if one < 1 else str(one) for one in capacities]
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice is not None:
        raise ValueError(f"two of them would both be called {twice}, and one is enough")
    return capacities


Shares = Annotated[tuple[Share, ...], Field(max_length=20), AfterValidator(_told_apart)]
Capacities = Annotated[tuple[Rows, ...], Field(max_length=20), AfterValidator(_told_apart)]
Landmarks = Annotated[tuple[Days, ...], Field(max_length=31)]

Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
"""LightGBM keeps it in 32 bits."""
Threads = Annotated[int, Field(ge=1, le=256)]
Trees = Annotated[int, Field(ge=1, le=100_000)]
Levels = Annotated[int, Field(ge=1, le=64)]
Depth = Annotated[int, Field(ge=1, le=8)]
"""Levels that a search may come to: SHAP values cost the square of it."""
Leaves = Annotated[int, Field(ge=2, le=131_072)]
"""LightGBM's own limit."""
Bins = Annotated[int, Field(ge=2, le=255)]
Penalty = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
Margin = Annotated[float, Field(ge=0, le=0.2, allow_inf_nan=False)]
"""By how much an AUROC may be lower: 0.5 would let chance pass beside a perfect score."""
Ratio = Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)]
"""A limit of a figure of which 1 is right, such as observed : expected."""
Folds = Annotated[int, Field(ge=1, le=100)]
TwoFolds = Annotated[int, Field(ge=2, le=100)]
Replicates = Annotated[int, Field(ge=1, le=10_000)]
CutDates = Annotated[int, Field(ge=0, le=24)]
Halvings = Annotated[int, Field(ge=0, le=10)]
Refits = Annotated[int, Field(ge=0, le=100)]
Sampled = Annotated[int, Field(ge=0, le=1_000_000)]
Trials = Annotated[int, Field(ge=0, le=10_000)]
Minutes = Annotated[int, Field(ge=1, le=10_080)]

DefinitionName = Literal["cms_hwr", "pcr_like"]
Lifted = Annotated[tuple[str, ...], Field(max_length=20)]
EXCLUSIONS = {
    "cms_hwr": (
        "against_advice", "psychiatric", "rehabilitation", "medical_cancer", "exempt_hospital",
    ),
    "pcr_like": ("same_day", "pregnancy", "hospice", "outlier"),
}  # fmt: skip
"""Whom a definition leaves out although the outcome is known: a task may count some of them. The
rule is called not_… in the stay table."""
