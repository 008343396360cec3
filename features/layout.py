"""The arrays that the compiled loops read: events, questions, and what is asked of them.

Plain numbers and places, no objects; `features.plan` makes them of declarations.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

NEEDS_SUMS, NEEDS_LAST, NEEDS_SCORE, NEEDS_ANCHOR = 1, 2, 4, 8
"""Bits of what a profile's features ask for."""
(P_NEEDS, P_SPANS, P_WINDOW, P_WINDOW_END, P_TOLD, P_TOLD_END, P_SLOT) = range(7)
(T_FEATURE, T_HOW, T_WINDOW, T_HALF, T_BEFORE, T_DAYS, T_TALLY) = range(7)
"""Columns of `Profiles.asked` and `Profiles.told`."""
SILENT = -(2**40)
"""The reach of a code that nothing asks about: no day is near enough."""


class Events(NamedTuple):
    """Patient p's events are first_event[p]:first_event[p + 1]."""

    first_event: np.ndarray
    happened: np.ndarray
    known: np.ndarray
    superseded: np.ndarray
    code: np.ndarray
    value: np.ndarray


class Asked(NamedTuple):
    """Questions by patient: those of person[g] (−1: without events) are first[g]:first[g + 1] of
    `day` (ascending) and `row`, where the answer goes."""

    person: np.ndarray
    first: np.ndarray
    day: np.ndarray
    row: np.ndarray


class Heard(NamedTuple):
    """In which cells each event code speaks: code c in cell[start[c]:start[c + 1]], with its own
    `value` where `own` says so, else with the event's, times `factor`. A cell collects the events
    of one channel, or of one item of a channel; `profile` and `item` have one place a cell.

    `reach` (int64) has one place a cell that a code speaks in: over how many days, as_of among
    them, anything there looks back; `farthest` has one a code: the longest of them, SILENT for a
    code that speaks nowhere.
    """

    start: np.ndarray
    cell: np.ndarray
    own: np.ndarray
    value: np.ndarray
    factor: np.ndarray
    profile: np.ndarray
    item: np.ndarray
    reach: np.ndarray
    farthest: np.ndarray


class Profiles(NamedTuple):
    """What is asked of a cell: a profile a channel, then one for the items of a channel.

    `asked` (int32, a row a profile): the kernel's P_… columns: needs (bits); spans (0, LAST_DAY,
    DAYS); window[begin:end] (places in `window_days`) that are added up; told[begin:end]; the
    first place of the items' scores, −1 without. `told` (int32, a row a feature of a profile): the
    kernel's T_… columns: the feature's column, its how, the places in `window_days` of its window,
    its half and `before`, the window's days, its place among the tallies (−1 without). What the
    inner loop reads lies together, row by row, because it is read for every cell of every patient.
    """

    asked: np.ndarray
    window: np.ndarray
    told: np.ndarray


class Declared(NamedTuple):
    """One place a feature; `profile` is that of the channel, or of its items where `how` asks about
    items; `window` in days."""

    how: np.ndarray
    profile: np.ndarray
    window: np.ndarray
    before: np.ndarray
    days: np.ndarray
    same_day: np.ndarray
    unless: np.ndarray
    low: np.ndarray
    high: np.ndarray
    level: np.ndarray
    divide_by: np.ndarray
    equals_start: np.ndarray
    equals: np.ndarray
    weight_start: np.ndarray  # of a score: where its items' weights begin
    weight: np.ndarray
    worse_start: np.ndarray  # one place a weight: the items that leave this one out
    worse: np.ndarray


class Anchors(NamedTuple):
    """The channels that others are told after, and the features told after each."""

    profile: np.ndarray
    feature_start: np.ndarray
    feature: np.ndarray
