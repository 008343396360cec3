"""Laboratory results: the last value, its age, the extreme, and the change over a year."""

from __future__ import annotations

from typing import Any

from features.definitions.declaration import Channel, Feature
from features.units import LAB_TESTS, LabTest
from features.window import Window

_YEAR = Window(365)
_LOW_IS_BAD = frozenset(("haemoglobin", "sodium", "albumin"))


def _test(test: LabTest) -> list[Feature]:
    common: dict[str, Any] = {
        "family": "labs", "concept": test.words, "source": "lab_result", "feed": "lab_result",
        "channel": Channel(test.name, (f"LAB/{test.name}",)), "actionable": True,
    }  # fmt: skip
    since = f"{test.name}_days_since"
    extreme = "lowest" if test.name in _LOW_IS_BAD else "highest"
    measured = {"unit": test.unit, "window": _YEAR, "last_event": since}
    return [
        Feature(name=f"{test.name}_last", words=f"last {test.words} {{value}}", how="last",
                **measured, **common),
        Feature(name=f"{test.name}_{extreme}_365", how="min" if extreme == "lowest" else "max",
                words=f"{extreme} {test.words} {{value}} {_YEAR.words}", **measured, **common),
        Feature(name=f"{test.name}_change_365", how="change",
                words=f"{test.words} risen by {{value}} {_YEAR.words}",
                fewer=f"{test.words} fallen by {{value}} {_YEAR.words}",
                zero=f"{test.words} unchanged {_YEAR.words}", **measured, **common),
        Feature(name=f"{test.name}_count_365", how="count", unit="count", window=_YEAR,
                words=f"{{value}} results of {test.words} {_YEAR.words}",
                zero=f"no result of {test.words} {_YEAR.words}", noun=("result", "results"),
                last_event=since, **common),
        Feature(name=since, how="days_since", unit="days", window=Window(730),
                words=f"{{value}} days since the last {test.words}", noun=("day", "days"),
                zero=f"last {test.words} on the same day", **common),
    ]  # fmt: skip


FEATURES: tuple[Feature, ...] = tuple(feature for test in LAB_TESTS for feature in _test(test))
