"""Declarations at random: every `How` over channels that nobody would think of."""

from __future__ import annotations

import math
from typing import Any, Literal, get_args

from hypothesis import strategies as st

from features.definitions.declaration import Channel, Feature, How
from features.window import Window

HOWS: tuple[How, ...] = get_args(How)
ABSENT = "a feed that nobody carries"

_WHOLE = (
    "COST/*", "COST/inpatient", "COST/pharmacy", "COSTYEAR/*", "RX/*", "RX/A10A", "RX/unknown",
    "ENC/*", "ENC/acute_inpatient/ended", "STAY/emergent", "STAY/*", "STAY/principal/known",
    "SCREEN/*", "SCREEN/housing", "PERSON/*", "COVER/*",
)  # fmt: skip
"""Concepts of events with whole numbers, which add up exactly in any order."""
_FRACTIONS = (
    "LAB/*", "LAB/haemoglobin", "LAB/creatinine", "LAB/code/9999-9", "LAB/718-7 in mmol/L",
)  # fmt: skip
_BARE = (
    "DX/*", "DX/108", "DX/0", "CHARLSON/*", "CHARLSON/metastatic", "ELIXHAUSER/*", "LACE/*",
    "LACE/diabetes", "NEED/*", "HCC/*", "CHRONIC/*", "FLAG/*", "FLAG/108", "PX/*",
    "FACILITY/*", "FACILITY/h1", "PROVIDER/*", "SPECIALTY/*", "SPECIALTY/cardiology",
    "PRESCRIBER/*", "OUTREACH/*", "OUTREACH/enrolled", "PRINCIPAL", "ENC/office/started",
    "ENC/emergency/started", "ENC/missed_appointment/started", "ENC/acute_inpatient/open",
    "D*", "NOBODY/*", "NOBODY/had this",
)  # fmt: skip
_SPANS: dict[Literal["last day", "days"], tuple[str, ...]] = {
    "last day": ("COVER/*", "COVER/medicare", "COVER/medicaid", "PRODUCT/*", "PRODUCT/hmo"),
    "days": ("RX/*", "RX/A10A", "RX/A*", "RX/B01A", "RX/C10A", "RX/unknown", "ENC/*"),
}
_ITEMS = (
    "DX/0", "DX/49", "DX/50", "DX/98", "DX/108", "DX/24", "DX/42", "DX/122", "DX/127",
    "CHARLSON/heart_failure", "CHARLSON/diabetes", "CHARLSON/diabetes_complicated",
    "CHARLSON/cancer", "CHARLSON/metastatic", "CHARLSON/hiv", "ELIXHAUSER/heart_failure",
    "ELIXHAUSER/renal", "FLAG/108", "SPECIALTY/cardiology", "PRESCRIBER/d1", "LACE/diabetes",
    "LACE/diabetes_end_organ", "LACE/metastatic", "NEED/housing", "HCC/85", "HCC/18", "HCC/8",
    "CHRONIC/108", "RX/A10A", "RX/B01A", "RX/unknown", "COST/inpatient", "COST/pharmacy",
    "FACILITY/h1", "FACILITY/h2", "PROVIDER/d1", "SCREEN/housing", "SCREEN/food",
    "LAB/haemoglobin", "LAB/code/9999-9", "OUTREACH/enrolled", "OUTREACH/declined", "PX/0",
    "PRINCIPAL", "STAY/principal/known", "COVER/medicare", "COVER/medicaid",
)  # fmt: skip
_ADMITTED = Channel("admission", ("ENC/acute_inpatient/started",))
_NUMBERS = (0.0, 1.0, 7.7, 9.3, 12.5, 30.0, 49.0, 108.0, 140.0, 12_345.0, 250_000.0)

_OF_WHOLE = ("sum", "total", "sum_trend", "months_above", "latest")
_OF_SPANS = ("covered_days", "covered_now", "covered_months", "gap_days", "distinct_now", "stopped")
_TOLD_IN_VALUES = (
    "sum", "total", "sum_trend", "last", "min", "max", "change", "slope", "latest",
)  # fmt: skip
_OF_MONTHS = ("months_above", "covered_months")
_IN_USUAL_WINDOWS = (
    "count", "any", "sum", "total", "trend", "sum_trend", "last", "last_is", "last_outside",
    "distinct", "distinct_new", "distinct_recurrent",
)  # fmt: skip
_IN_A_WINDOW = (
    "trend", "sum_trend", "recurrent", "new", "distinct_new", "distinct_recurrent", "gap_days",
    "covered_days", "latest", "after", "within", "started", "stopped", *_OF_MONTHS,
)  # fmt: skip


def _codes(*concepts: str) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(concepts), min_size=1, max_size=4, unique=True).map(tuple)


@st.composite
def channels(draw: st.DrawFn, how: str) -> Channel:
    if how in _OF_SPANS:
        spans = draw(st.sampled_from(tuple(_SPANS)))
        codes = draw(_codes(*_SPANS[spans]))
        return Channel(f"{spans} {' '.join(codes)}", codes, spans)
    if how in _OF_WHOLE:
        codes = draw(_codes(*_WHOLE))
    elif how == "age":
        codes = ("PERSON/born",)
    else:
        codes = draw(
            st.one_of(_codes(*_WHOLE, *_FRACTIONS, *_BARE), _codes(*_FRACTIONS), _codes(*_BARE))
        )
    return Channel(" ".join(codes), codes)


@st.composite
def windows(draw: st.DrawFn, how: str) -> Window | None:
    usual = st.sampled_from((30, 90, 180, 365, 730))
    if how == "age":
        return None
    if how not in _IN_USUAL_WINDOWS:
        usual = st.one_of(usual, st.integers(30 if how in _OF_MONTHS else 1, 1200))
    days = draw(usual if how in _IN_A_WINDOW else st.one_of(st.none(), usual))
    return None if days is None else Window(days)


@st.composite
def features(
    draw: st.DrawFn, name: str = "made", how: How | None = None, feed: str | None = None
) -> Feature:
    """A feature called `name`, of any `How` but percentile unless it is said which."""
    if how is None:
        how = draw(st.sampled_from([how for how in HOWS if how != "percentile"]))
    channel, window = draw(channels(how)), draw(windows(how))
    more: dict[str, Any] = {}
    if how == "last_is":
        numbers = st.lists(st.sampled_from(_NUMBERS), min_size=1, max_size=3, unique=True)
        more["equals"] = tuple(draw(numbers))
    if how in ("last_outside", "outside"):
        bounds = st.sampled_from((-math.inf, *_NUMBERS, math.inf))
        more["limits"] = tuple(sorted(draw(st.tuples(bounds, bounds))))
    if how == "months_above":
        more["level"] = draw(st.sampled_from((0.0, 1.0, 30.0, 12_345.0, 250_000.0)))
    if how in ("new", "distinct_new"):
        assert window is not None
        more["before"] = window.days + draw(st.sampled_from((1, 29, 30, 60, 365, 366, 1100)))
    if how == "started":
        more["before"] = draw(st.sampled_from((1, 2, 30, 90, 365, 1100)))
    if how == "within":
        more["days"] = draw(st.sampled_from((1, 2, 7, 14, 30)))
        more["unless"] = draw(st.one_of(st.none(), st.just(_ADMITTED), channels("")))
    if how == "latest":
        more["days"] = draw(st.sampled_from((1, 1, 2, 3)))
    if how in ("after", "within", "started", "stopped"):
        more["anchor"] = draw(
            st.one_of(st.just(Channel("discharge", ("ENC/acute_inpatient/ended",))), channels(""))
        )
    if how in ("after", "started", "stopped"):
        more["same_day"] = draw(st.booleans())
    if how == "score":
        more |= draw(_scores(channel))
    if feed is None:
        feed = draw(st.sampled_from(("encounter", "encounter", "encounter", "member", ABSENT)))
    if how in _TOLD_IN_VALUES:
        more["divide_by"] = draw(st.sampled_from((1.0, 1.0, 100.0, 3.0)))
    return Feature(
        name=name, family="made", concept="made", words="{value}", unit="count", source="encounter",
        feed=feed, channel=channel, how=how, window=window, **more,
    )  # fmt: skip


@st.composite
def _scores(draw: st.DrawFn, channel: Channel) -> dict[str, Any]:
    prefixes = tuple(code[:-1] for code in channel.codes if code.endswith("*"))
    items = sorted({
        *(code for code in channel.codes if not code.endswith("*")),
        *(item for item in _ITEMS if prefixes and item.startswith(prefixes)),
        *(f"{prefix}nobody had this" for prefix in prefixes),
    })  # fmt: skip
    point = st.sampled_from((1.0, 2.0, 6.0, -1.0, 0.5, 0.331))
    weights = draw(st.dictionaries(st.sampled_from(items), point, min_size=1, max_size=6))
    weighed = st.sampled_from(sorted(weights))
    pairs = draw(st.lists(st.tuples(weighed, weighed), max_size=4, unique=True))
    return {
        "weights": tuple(weights.items()),
        "suppressed_by": tuple((one, other) for one, other in pairs if one != other),
    }


@st.composite
def families(draw: st.DrawFn, most: int = 12) -> list[Feature]:
    """Several features, and percentiles of some of them."""
    made = [draw(features(f"made_{n}")) for n in range(draw(st.integers(1, most)))]
    exact = [f for f in made if f.how not in ("slope", "score")]
    for of in draw(st.lists(st.sampled_from(exact), max_size=2)) if exact else []:
        made.append(
            Feature(
                name=f"made_{len(made)}", family="made", concept="made", words="{value}",
                unit="percentile", source="encounter", feed=of.feed, channel=of.channel,
                how="percentile", window=of.window, of=of.name,
            )
        )  # fmt: skip
    return made
