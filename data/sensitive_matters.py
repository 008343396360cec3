"""The sensitive matters that may be withheld: the one list of their names."""

from __future__ import annotations

from typing import Literal, get_args

Sensitive = Literal["mental health", "substance use", "HIV", "reproductive health", "violence"]
MATTERS: tuple[Sensitive, ...] = get_args(Sensitive)
