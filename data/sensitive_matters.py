"""The sensitive matters that may be withheld: the one list of their names."""

from __future__ import annotations

from typing import Literal, get_args

Sensitive = Literal["mental health", "substance use", "HIV", "reproductive health", "violence"]
MATTERS: tuple[Sensitive, ...] = get_args(Sensitive)
ANY_OF_THEM = "any of these"
"""What makes a weighted sum of illnesses sensitive, whatever is in it: four points of Charlson's
index where nothing is shown that has any are HIV. Who may see all matters may see it."""
