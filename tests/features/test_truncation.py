"""A history that is cut off at its start says the same of what lies within the windows.

Else a feature would grow with how far back a source reaches: a model that was trained on few years
would be asked about many.
"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pyarrow as pa
import pytest

from features.definitions import FEATURES, feature
from features.definitions.declaration import Channel, Feature
from features.history import Histories
from features.shards import Shard
from features.window import to_day
from tests.features.agreement import assert_same_bytes, told
from tests.features.family_specs import fills, stays, together, value
from tests.features.invented_rows import crowd
from tests.features.rows import AS_OF, histories

_OF_SPANS = frozenset(
    ("covered_now", "covered_days", "covered_months", "gap_days", "distinct_now", "stopped")
)
"""A span that holds a day of the window may have begun at any time before it."""


def _reaches(declared: Feature) -> float:
    """How many days up to as_of hold all that the feature hears of; without end for some."""
    if declared.of is not None:
        return _reaches(feature(declared.of))
    of_the_person = all(code.startswith("PERSON/") for code in declared.channel.codes)
    if of_the_person:
        return 0
    if declared.window is None or declared.how in _OF_SPANS:
        return float("inf")
    if declared.how in ("new", "distinct_new"):
        return declared.before
    return declared.window.days + (declared.before if declared.how == "started" else 0)


def _cut(held: Histories, days: int) -> Histories:
    """Only what happened less than so many days ago; a person is born all the same."""
    events = held._events
    assert events is not None
    kept = [
        day > to_day(AS_OF) - days or code.startswith("PERSON/")
        for day, code in zip(
            events.column("happened_on").to_pylist(), events.column("code").to_pylist(),
            strict=True,
        )
    ]  # fmt: skip
    events = events.filter(pa.array(kept))
    shard = Shard.of_events(events)
    return replace(held, vocabulary=shard.vocabulary, _events=events, _shard=shard)


@pytest.mark.parametrize("days", [365, 730])
def test_what_lies_within_its_window_is_told_alike(days: int) -> None:
    held = histories(crowd(25, 60, seed=days))
    index = pd.DataFrame({"patient_id": held.patients(), "as_of": AS_OF})
    within = [declared.name for declared in FEATURES if _reaches(declared) <= days]
    whole, cut = told(held, index)[within], told(_cut(held, days), index)[within]
    assert_same_bytes(whole, cut)


def test_what_reaches_back_further_than_two_years_is_named() -> None:
    further = {declared.name for declared in FEATURES if _reaches(declared) > 730}
    spans = {declared.name for declared in FEATURES if declared.how in _OF_SPANS}
    years = {
        declared.name for declared in FEATURES if declared.how == "latest" and declared.days > 1
    }
    assert further == spans | years | {"nursing_stay_open"}


def test_what_a_year_does_not_hold_is_named() -> None:
    further = {
        declared.name
        for declared in FEATURES
        if declared.window is not None
        and declared.window.days <= 365
        and declared.how not in _OF_SPANS
        and _reaches(declared) > 365
    }
    assert further == {"drug_classes_started_since_discharge"}


@pytest.mark.parametrize(("days", "started"), [(364 + 180, 0), (364 + 181, 1)])
def test_what_was_there_before_the_oldest_anchor_of_the_window_is_heard(
    days: int, started: int
) -> None:
    # a channel that knows no spans hears no further than it has to: 180 days before the stay that
    # ended on the first day of the year
    declared = replace(
        feature("drug_classes_started_since_discharge"), name="made",
        channel=Channel("drug_fills", ("RX/*",)),
    )  # fmt: skip
    filled = fills((10, "C10AA05", 30), (days, "C10AA07", 5))
    assert value(declared, together(stays((370, 364)), filled)) == started
