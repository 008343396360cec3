"""What a feature is: a channel of events, a window, a way to fold them, and the words for people.

A feature is declared once, here is all that may be declared of it. The engine (`features.as_of`)
reads `channel`, `window`, `how`, `feed` and the numbers; people read the rest.

Words. `words` is a template with at most one `{value}`, which stands for the number alone
("{value} emergency visits in the last 90 days"); `noun` holds (singular, plural) of what is
counted, where it is counted, and the template uses the plural. `zero` is said where the value
is 0, `fewer` where it is negative (only trends are). `Feature.say(value)` applies all of that.
`period` is the window alone ("in the last 90 days"). `last_event` names the feature that holds
days since the last event of the same channel, so that a reason may add "the last on 12 March".
`concept` is what reasons are grouped by: all windows of one channel share one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from data.codes import diagnosis_concept_name
from features.definitions.sensitivity import Sensitive, sensitive_diagnosis
from features.window import Window

_LAB_UNITS = ("g/dL", "mmol/L", "mg/dL", "%", "pg/mL")

How = Literal[
    "count", "any", "sum", "total", "distinct", "last", "last_is", "days_since", "min", "max",
    "change", "trend", "sum_trend", "covered_days", "covered_now", "after", "age",
]  # fmt: skip
"""How a channel's visible events in the window (all of them where it has none) become a number.

Missing (NaN) where the feed is not carried, whatever the rest says.

- count: events; any: 1 or 0; distinct: different event codes; 0 where there is none.
- sum: of the values, events without a value left out; 0 where there is none; total: the same,
  but missing where there is none.
- last: value of the last event (missing where it has none); last_is: 1 or 0, whether that value
  is one of `equals`; min, max: of the values. Missing where there is none.
- days_since: days from the last event to as_of; missing where there is none.
- change: last value minus first value in the window; missing below two values.
- trend: events in the later half of the window minus those in the earlier half; sum_trend: the
  same of their sums.
- covered_days: days of the window in at least one span (an event's value is the span's last day,
  missing while it is open); covered_now: 1 or 0, whether a span holds as_of.
- after: 1 or 0, whether an event of the channel came on a later day than the last event of
  `anchor`; missing where `anchor` has none in the window.
- age: years completed since the last event (a birth).

"Last" is by (happened_on, known_on, code, source_row, value).
"""

Unit = Literal[
    "count", "days", "years", "US dollars", "yes or no", "CCS category", "percentile",
    "g/dL", "mmol/L", "mg/dL", "%", "pg/mL",
]  # fmt: skip


@dataclass(frozen=True)
class Channel:
    """Events that belong together. `codes` are event codes; one that ends in * is a prefix."""

    name: str
    codes: tuple[str, ...]


@dataclass(frozen=True)
class Feature:
    """One column of the feature matrix."""

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
    anchor: Channel | None = None
    divide_by: float = 1.0
    actionable: bool = False
    sensitive: Sensitive | None = None
    noun: tuple[str, str] | None = None
    zero: str | None = None
    fewer: str | None = None
    last_event: str | None = None

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
        if self.unit in _LAB_UNITS:
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
        if self.unit in _LAB_UNITS:
            return f"{value:.1f} {self.unit}"
        return f"{value:,.0f}"
