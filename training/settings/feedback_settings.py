"""What a training does with rows whose outcome our own help may have changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from training.settings.setting_types import Seed, Strict, setting

Treatment = Literal["include", "exclude", "flag", "weight"]


@dataclass(frozen=True)
class FeedbackSettings(Strict):
    """How a training meets the people whom care management reached."""

    treated: Treatment = setting(
        "include",
        "a row whose person was reached within its outcome window: include: learned from as it is; "
        "exclude: left out; weight: left out, and those not reached stand for it; flag: learned "
        "from beside what being reached did to its log odds",
    )
    seed: Seed = setting(71, "of the people dealt into folds for the chance of being reached")
