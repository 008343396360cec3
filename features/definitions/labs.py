"""Laboratory results: the last value and its age, whether it is out of the usual limits, the
extreme, the slope, and how often the test was made.

The limits are an adult's usual ones (`features.lab_tests`), not those of the laboratory that made
the test.
"""

from __future__ import annotations

from typing import Any

from features.definitions.declaration import Channel, Feature
from features.lab_tests import LAB_TESTS, LabTest
from features.window import Window

_YEAR = Window(365)
_TOLD = {"{INR}": "", "10*3/uL": "thousand/µL", "mL/min/{1.73_m2}": "mL/min per 1.73 m²"}
"""How people say the units that UCUM spells for machines."""
_MORE = frozenset(("haemoglobin", "sodium", "creatinine", "hba1c", "bnp", "albumin"))
"""Tests whose change over the year and number of results are told too."""
_LASTING = frozenset(
    ("haemoglobin", "creatinine", "egfr", "hba1c", "albumin", "ldl", "bnp", "nt_probnp")
)
"""Tests whose slope over the year is told: those of lasting illness. The others swing within days,
and a line through them says when somebody was acutely ill."""


def _test(test: LabTest) -> list[Feature]:
    common: dict[str, Any] = {
        "family": "labs", "concept": test.words, "source": "lab_result", "feed": "lab_result",
        "channel": Channel(test.name, (f"LAB/{test.name}",)), "actionable": True,
    }  # fmt: skip
    since = f"{test.name}_days_since"
    extreme, how = ("lowest", "min") if test.worse == "lower" else ("highest", "max")
    common |= {"window": _YEAR, "last_event": since}
    measured = {"unit": "measured", "measure": _TOLD.get(test.unit, test.unit), **common}
    counted = {"unit": "count", "noun": ("result", "results"), **common}
    limits = {"limits": test.limits}
    told_too = test.name in _MORE
    change = Feature(
        name=f"{test.name}_change_365", how="change",
        words=f"{test.words} risen by {{value}} {_YEAR.words}",
        fewer=f"{test.words} fallen by {{value}} {_YEAR.words}",
        zero=f"{test.words} unchanged {_YEAR.words}", **measured,
    )  # fmt: skip
    slope = Feature(
        name=f"{test.name}_slope_365", how="slope",
        words=f"{test.words} rising by {{value}} a year {_YEAR.words}",
        fewer=f"{test.words} falling by {{value}} a year {_YEAR.words}",
        zero=f"{test.words} neither rising nor falling {_YEAR.words}", **measured,
    )  # fmt: skip
    count = Feature(
        name=f"{test.name}_count_365", how="count",
        words=f"{{value}} results of {test.words} {_YEAR.words}",
        zero=f"no result of {test.words} {_YEAR.words}", **counted,
    )  # fmt: skip
    return [
        Feature(name=f"{test.name}_last", words=f"last {test.words} {{value}}", how="last",
                **measured),
        Feature(name=f"{test.name}_last_outside", how="last_outside", unit="yes or no",
                words=f"last {test.words} outside the usual limits",
                zero=f"last {test.words} within the usual limits", **limits, **common),
        Feature(name=f"{test.name}_{extreme}_365", how=how,
                words=f"{extreme} {test.words} {{value}} {_YEAR.words}", **measured),
        *((change,) if told_too else ()),
        *((slope,) if test.name in _LASTING else ()),
        *((count,) if told_too else ()),
        Feature(name=f"{test.name}_outside_365", how="outside",
                words=f"{{value}} results of {test.words} outside the usual limits {_YEAR.words}",
                zero=f"no result of {test.words} outside the usual limits {_YEAR.words}",
                **limits, **counted),
        Feature(name=since, how="days_since", unit="days",
                words=f"{{value}} days since the last {test.words}", noun=("day", "days"),
                zero=f"last {test.words} on the same day",
                **{**common, "window": Window(730), "last_event": None}),
    ]  # fmt: skip


FEATURES: tuple[Feature, ...] = tuple(feature for test in LAB_TESTS for feature in _test(test))
