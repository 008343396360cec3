"""Prints which features there are, for whoever looks for a name."""

from __future__ import annotations

from data.errors import InputError
from data.terminal import say, table
from features.definitions import FEATURES
from features.definitions.declaration import Feature


def print_features(family: str | None = None) -> None:
    """One line a feature. Raises InputError where no family has the name."""
    families = list(dict.fromkeys(declared.family for declared in FEATURES))
    if family is not None and family not in families:
        raise InputError(
            f"There is no family {family!r} of features: choose one of {', '.join(families)}."
        )
    chosen = [declared for declared in FEATURES if family in (None, declared.family)]
    for name in families:
        rows = [_line(declared) for declared in chosen if declared.family == name]
        if rows:
            table(f"{name}: {len(rows)} features", ("name", "unit", "needs", "", "says"), rows)
    say("needs: the feed that must be carried, else the feature is missing.")


def _line(declared: Feature) -> tuple[str, ...]:
    marks = (
        "can be acted on" if declared.actionable else "",
        f"sensitive: {declared.sensitive}" if declared.sensitive else "",
        "" if declared.predictor else "no predictor",
    )
    said = declared.words.replace("{value}", "…")
    unit = declared.measure or declared.unit
    return declared.name, unit, declared.feed, ", ".join(filter(None, marks)), said
