"""What `model.json` holds, and what is asked of each value before it is used.

A model may come from strangers: whatever is calculated with is a number that can be, and a list
has the length that it is looked up by.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, TypeGuard

from data.errors import InputError
from serving.expected_cost import KEY, OUTPUTS, DollarCalibration

FORMAT = 1
CARD = "card.md"
"""The card of a model, beside its files where it came with one."""
LANDMARKS = "landmark_log_odds"
"""Where `model.json` holds what the margin of a model of landmarks starts from: the log odds of
the outcome on each day 0 to horizon_days - 1 after discharge, among those whom it has not met by
then. Only a readmission is asked about by the day after a discharge."""

_LARGEST = 10**15
"""No amount, age or cut point is larger; a double is exact up to here."""
_FARTHEST_ODDS = 40
"""Log odds beyond which a double cannot tell the risk from 0 or 1."""
_LONGEST_WINDOW = 36_525


def unusable(metadata: Mapping[str, Any]) -> str | None:
    """What is wrong with it in three words or so, None where it can be used: "lacks cuts", "holds
    no usable cuts"."""
    for name, is_usable in NEEDED.items():
        if name not in metadata:
            return f"lacks {name}"
        if not is_usable(metadata[name]):
            return f"holds no usable {name}"
    if KEY in metadata and not _is_cost(metadata[KEY]):
        return f"holds no usable {KEY}"
    if LANDMARKS in metadata and not (
        _is_of_readmission(metadata)
        and _are_log_odds(metadata[LANDMARKS], metadata["horizon_days"])
    ):
        return f"holds no usable {LANDMARKS}"
    return None


def _is_number(value: Any) -> TypeGuard[float]:
    """A number that can be calculated with; JSON has integers of any length, and NaN."""
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and -_LARGEST <= value <= _LARGEST
    )


def _are_numbers(value: Any) -> TypeGuard[list[float]]:
    return isinstance(value, list) and all(map(_is_number, value))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_whole(value: Any) -> TypeGuard[int]:
    return _is_number(value) and isinstance(value, int) and value >= 0


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value)) and len({*value}) == len(value)


def _is_day(value: Any) -> bool:
    try:
        return _is_text(value) and bool(date.fromisoformat(value))
    except ValueError:
        return False


def _is_risk(value: Any) -> TypeGuard[float]:
    return _is_number(value) and 0 <= value <= 1


def _are_limits(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    moderate, high = value.get("moderate"), value.get("high")
    return _is_risk(moderate) and _is_risk(high) and moderate <= high


def _are_cuts(value: Any) -> bool:
    """The name of a feature → ascending cut points, at least one."""
    return isinstance(value, dict) and all(
        _are_numbers(cuts) and len(cuts) > 0 and cuts == sorted(cuts) for cuts in value.values()
    )


def _is_training(value: Any) -> bool:
    """Counts and dates of a training; those that are compared with something are checked."""
    if not isinstance(value, dict):
        return False
    limits = [value.get(name) for name in ("minimum_age", "look_back_days")]
    return all(v is None or _is_whole(v) for v in limits) and (
        value.get("test_from") is None or _is_day(value["test_from"])
    )


def _is_calibrator(value: Any) -> bool:
    """Its numbers; `Calibrator` asks the rest."""
    return (
        isinstance(value, dict)
        and all(_is_number(value.get(name, 0)) for name in ("slope", "intercept"))
        and all(_are_numbers(value.get(name, [])) for name in ("margins", "risks"))
    )


def _is_cost(value: Any) -> bool:
    """What is told of `cost.txt`."""
    if not isinstance(value, dict) or value.get("output") not in OUTPUTS:
        return False
    knots = value.get("calibration")
    if not isinstance(knots, dict) or not all(
        _are_numbers(knots.get(name)) for name in ("said", "expected")
    ):
        return False
    try:
        DollarCalibration.from_json(knots)
    except InputError:
        return False
    return isinstance(value.get("sha256"), str)


def _is_of_readmission(metadata: Mapping[str, Any]) -> bool:
    """Models of before their kind was told go by their task."""
    usual = "high-cost" if metadata["task"] == "high-cost" else "readmission"
    return metadata.get("kind", usual) == "readmission"


def _are_log_odds(value: Any, days: int) -> bool:
    return (
        _are_numbers(value)
        and len(value) == days
        and all(abs(n) <= _FARTHEST_ODDS for n in value)
        and value == sorted(value, reverse=True)
    )


NEEDED: dict[str, Callable[[Any], bool]] = {
    "format": _is_whole,
    "task": _is_text,
    "label": _is_text,
    "features": lambda value: _are_names(value) and len(value) > 0,
    "fingerprint": _is_text,
    "cuts": _are_cuts,
    "calibrator": _is_calibrator,
    "carries": _are_names,
    "origin": _is_text,
    "tiers": _are_limits,
    "threshold_cents": lambda value: value is None or _is_whole(value),
    "data_through": _is_day,
    "trained_on": _is_training,
    "asked_on": _is_text,
    "horizon_days": lambda value: _is_whole(value) and 1 <= value <= _LONGEST_WINDOW,
}
"""What every model's file holds."""
