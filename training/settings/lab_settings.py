"""How much a training looks at its own model beside the verdict: earlier dates, fewer people,
resampled people."""

from __future__ import annotations

from dataclasses import dataclass

from training.settings.setting_types import (
    CutDates,
    Halvings,
    Refits,
    Rows,
    Sampled,
    Seed,
    Strict,
    setting,
)


@dataclass(frozen=True)
class LabSettings(Strict):
    """What is learned again to see what the model owes to its date, its people and to chance."""

    backtest_cuts: CutDates = setting(
        3, "dates that it is learned up to and tested from, the last test's among them; 0: none",
        "dates",
    )  # fmt: skip
    curve_points: Halvings = setting(
        3, "how often the people learned from are halved for the learning curve; 0: none",
        "halvings",
    )  # fmt: skip
    stability_refits: Refits = setting(
        3, "fits on resampled people, by which the top of the list is compared; 0: none", "fits"
    )
    most_rows: Rows = setting(
        100_000, "rows learned from, and rows tested on, at one earlier date; more are thinned by "
        "hash", "rows",
    )  # fmt: skip
    plausibility_people: Sampled = setting(
        1000, "people to whose history an unplanned admission is added; 0: none", "people"
    )
    seed: Seed = setting(53, "of the resampled people, and of those admissions")
