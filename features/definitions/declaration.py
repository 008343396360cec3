"""What a feature is: a channel of events, a window, a way to fold them, and the words for people.

A feature is declared once, here is all that may be declared of it. The engine (`features.as_of`)
reads `channel`, `window`, `how`, `feed` and the numbers; people read the rest.

Words. `words` is a template with at most one `{value}`, which stands for the number alone
("{value} emergency visits in the last 90 days"); `noun` holds (singular, plural) of what is
counted, where it is counted, and the template uses the plural. `zero` is said where the value
is 0, `fewer` where it is negative (trends, changes and slopes have one; a score of Elixhauser's,
which may be negative too, is told with its sign). `Feature.say(value)` applies all of that.
`period` is the window alone ("in the last 90 days"). `last_event` names the feature that holds
days since the event that this one is told of, so that a reason may add "the last on 12 March":
that of the same channel, or of the discharge where the feature tells of the last stay. `concept`
is what reasons are grouped by: all windows of one channel share one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from data.codes import diagnosis_concept_name
from data.sensitive_matters import Sensitive
from features.definitions.sensitivity import sensitive_diagnosis
from features.window import MONTH_DAYS, MOST_MONTHS, Window

How = Literal[
    "count", "any", "sum", "total", "trend", "sum_trend",
    "last", "last_is", "last_outside", "days_since", "age",
    "min", "max", "change", "slope", "outside", "latest", "months_above", "new", "recurrent",
    "covered_days", "covered_now", "covered_months", "gap_days",
    "distinct", "distinct_new", "distinct_recurrent", "distinct_now", "score",
    "after", "within", "started", "stopped",
    "percentile",
]  # fmt: skip
"""How a channel's visible events in the window (all of them where it has none) become a number.

Missing (NaN) where the feed is not carried, whatever the rest says. "Last" is by (happened_on,
known_on, code, source_row, value). Of a window of w days the later half is the last w // 2 days,
the earlier half the days before them. An item is one of the concepts that the channel's codes
name; two codes of one concept are one item, and a code of two concepts is two. Where a code names
several concepts of a channel, its event counts once there, with the value under the first.

Adding up, of whole numbers (cents, days):
- count: events; any: 1 or 0; sum: of the values, events without a value left out; all 0 where
  there is no event; total: the sum, but missing where there is no event.
- trend: events in the later half of the window minus those in the earlier half; sum_trend: the
  same of their sums.
- What has no value hides it: sum and total are missing where they would be 0 and some event in the
  window has none; sum_trend where there are events in one of the halves and none there has a value.

The last event:
- last: its value (missing where it has none); last_is: 1 or 0, whether that value is one of
  `equals`; last_outside: 1 or 0, whether it lies outside `limits`. Missing where there is none.
- days_since: days from the last event to as_of; missing where there is none.
- age: years completed since the last event (a birth). Missing where there is none.

All the events:
- min, max: of the values. Missing where there is none.
- change: last value minus first value in the window; missing below two values.
- slope: of the least-squares line through the values, per 365 days; missing unless there are
  three values and 90 days from the first to the last: two days in hospital are no trend of a year.
- outside: how many values lie outside `limits`; 0 where there is no event, missing where none
  does and some event in the window has no value.
- latest: sum of the values (whole numbers) on the last `days` days of the window that have one;
  missing where fewer have. So yearly totals are told apart by year, however late they are known.
- months_above: share of the months of 30 days that fit into the window, counted back from as_of,
  in which the values add up to more than `level` (in what the values are told in: cents); 0 where
  there is no event, missing where there is no such month and some event in them has no value.
- new: 1 or 0, whether there is an event in the window and none between `before` and the window.
- recurrent: 1 or 0, whether there is an event in each half of the window.

Spans of days. A channel whose `spans` is "last day" has events whose value is the span's last day
(missing while it is open); where it is "days" the value is how many days the span holds, the day
of the event the first (missing or 0: none). What lies after as_of is not counted.
- covered_days: days of the window in at least one span; covered_now: 1 or 0, whether a span holds
  as_of; covered_months: how many of the months of 30 days that fit into the window, counted back
  from as_of, have a covered day; 0 where there is no span.
- gap_days: days of the window without a span, from the first covered day in the window on;
  missing where no day of the window is covered.

Items of the channel:
- distinct: how many have an event in the window; distinct_new, distinct_recurrent: for how many
  `new`, `recurrent` is 1; distinct_now: how many have a span that holds as_of. 0 where none.
- score: sum of the `weights` of the items with an event in the window; an item is left out while
  one that `suppressed_by` names for it is there. 0 where there is none.

After another channel's last event in the window, the `anchor`; missing where there is none. What
came on the anchor's own day came before it, as far as anybody knows; with `same_day` it came after
it (drugs filled on the way home), but for `within`:
- after: 1 or 0, whether an event of the channel came after the anchor.
- within: 1 where an event of the channel came on one of the `days` days after the anchor's day;
  else 0, but missing while those days are not over, and where an event of the channel `unless`
  came on the anchor's day or one of them: who is in hospital, again or moved to another one,
  cannot come to the follow-up visit.
- started: how many items have an event after the anchor and none in the `before` days until then.
- stopped: how many items have a span from before the anchor that holds its day, none that holds
  as_of, and no event after the anchor.

- percentile: where the value of the feature `of` lies among cut points that were fitted in
  training and are kept with the model, 0 to 100; missing where it is, or where no cut points are
  given.
"""

_IN_A_WINDOW = frozenset(
    ("trend", "sum_trend", "new", "recurrent", "covered_days", "gap_days", "distinct_new", "latest",
     "distinct_recurrent", "after", "within", "started", "stopped")
)  # fmt: skip
_OF_MONTHS = frozenset(("months_above", "covered_months"))
_OF_SPANS = frozenset(
    ("covered_days", "covered_now", "covered_months", "gap_days", "distinct_now", "stopped")
)
_TOLD_AFTER = frozenset(("after", "within", "started", "stopped"))
_IN_VALUES = frozenset(
    ("sum", "total", "sum_trend", "last", "min", "max", "change", "slope", "latest")
)

Unit = Literal[
    "count", "days", "months", "years", "US dollars", "yes or no", "CCS category", "percentile",
    "share", "points", "measured",
]  # fmt: skip


@dataclass(frozen=True)
class Channel:
    """Events that belong together. `codes` are concepts (see `features.meaning`); one that ends in
    * is a prefix. `spans` says what an event's value tells where events are spans of days."""

    name: str
    codes: tuple[str, ...]
    spans: Literal["last day", "days"] | None = None


@dataclass(frozen=True)
class Feature:
    """One column of the feature matrix.

    `measure` is the unit that a `measured` value is told in (UCUM, such as g/dL). A feature that
    is no `predictor` is computed for whoever asks for it by name or for all, and no model is
    trained on it.
    """

    name: str
    family: str
    concept: str
    words: str
    unit: Unit
    source: str  # canonical table
    feed: str  # what must be carried; else the feature is missing
    channel: Channel
    how: How
    window: Window | None = None
    equals: tuple[float, ...] = ()
    limits: tuple[float, float] = (-math.inf, math.inf)  # both still inside
    level: float = 0.0
    before: int = 0  # days, counted back from as_of (new) or from the anchor (started)
    days: int = 0
    anchor: Channel | None = None
    same_day: bool = False
    unless: Channel | None = None
    weights: tuple[tuple[str, float], ...] = ()
    suppressed_by: tuple[tuple[str, str], ...] = ()  # (item, the item that leaves it out)
    of: str | None = None
    divide_by: float = 1.0
    predictor: bool = True
    actionable: bool = False
    sensitive: Sensitive | None = None
    measure: str = ""
    noun: tuple[str, str] | None = None
    zero: str | None = None
    fewer: str | None = None
    last_event: str | None = None

    def __post_init__(self) -> None:
        """Raises ValueError where a declaration is not whole, or says what its fold cannot read."""
        days = 0 if self.window is None else self.window.days
        for wrong, what in (
            (not days and self.how in _IN_A_WINDOW, "a window"),
            (self.how in _OF_MONTHS and not MONTH_DAYS <= days <= MOST_MONTHS * MONTH_DAYS,
             f"a window of {MONTH_DAYS} to {MOST_MONTHS * MONTH_DAYS} days"),
            (self.how in ("new", "distinct_new") and self.before <= days,
             "days of `before` that reach back further than the window"),
            (self.how == "started" and self.before < 1, "days of `before`"),
            (self.how in ("within", "latest") and self.days < 1, "`days`"),
            (self.unless is not None and self.how != "within", "no `unless`"),
            ((self.how in _TOLD_AFTER) != (self.anchor is not None), "an anchor, or has none"),
            ((self.how == "percentile") != (self.of is not None), "what it is `of`, or is of none"),
            ((self.how == "score") != bool(self.weights), "weights, or has none"),
            ((self.how == "last_is") != bool(self.equals), "values of `equals`, or has none"),
            (self.how in _OF_SPANS and self.channel.spans is None, "a channel of spans"),
            (self.divide_by != 1 and self.how not in _IN_VALUES, "values that can be divided"),
            (self.how == "age" and days > 0, "no window"),
            ({one for pair in self.suppressed_by for one in pair} - {i for i, _ in self.weights},
             "a weight of each item that leaves one out or is left out"),
        ):  # fmt: skip
            if wrong:
                raise ValueError(f"the feature {self.name}: {self.how} needs {what}")

    @property
    def period(self) -> str:
        return self.window.words if self.window else ""

    def say(self, value: float) -> str:
        """The value in plain words, singular and plural, zero and negative told apart.

        >>> from features.definitions import feature
        >>> feature("emergency_visits_count_90").say(1)
        '1 emergency visit in the last 90 days'
        """
        if math.isnan(value):
            return f"{self.concept}: not known"
        if self.unit == "measured":
            value = round(value, 1)  # "fallen by 0.0" would be no fall
        if value == 0 and self.zero is not None:
            return self.zero
        text = self.fewer if value < 0 and self.fewer is not None else self.words
        if self.fewer is not None:
            value = abs(value)
        if self.noun is not None and value == 1:
            text = text.replace(self.noun[1], self.noun[0], 1)
        return text.replace("{value}", self._figure(value))

    def sensitive_of(self, value: float) -> Sensitive | None:
        """What makes this value sensitive: of a diagnosis category, the category itself."""
        if self.unit == "CCS category" and not math.isnan(value):
            return sensitive_diagnosis(int(value))
        return self.sensitive

    def _figure(self, value: float) -> str:
        if self.unit == "CCS category":
            return diagnosis_concept_name(int(value))
        if self.unit == "US dollars":
            return f"${value:,.0f}"
        if self.unit == "measured":
            return f"{value:.1f} {self.measure}".rstrip()
        if self.unit == "share":
            return f"{value:.0%}"
        if self.unit == "points":
            return f"{value:.2f}".rstrip("0").rstrip(".")
        return f"{value:,.0f}"
