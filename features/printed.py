"""The account of one patient as a terminal shows it: values, windows, and rows of the source."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from data.terminal import say, table
from features.definitions.declaration import Feature, How
from features.event_words import number
from features.evidence import Evidence
from features.explain import Account, Explained
from features.window import MONTH_DAYS, to_date, to_day

SHOWN = 3
"""Events a feature that are shown where not all are asked for."""
_WIDEST = 72
"""Characters of an event's words and code up to which the columns after them stand in line."""


_Cells = tuple[str, ...]


@dataclass(frozen=True)
class Shown:
    """What of an account is printed. `zeros`: features that are 0 or missing too, as is right for
    features that were asked for by name; `all_events`: every event, however many; `not_carried`:
    at the end, the features whose feed the source does not carry."""

    zeros: bool = False
    all_events: bool = False
    not_carried: bool = False


def print_account(account: Account, shown: Shown) -> None:
    """Print an account: features by family, each with the events behind it, the newest first."""
    say("\n".join(account_lines(account, shown)))
    if shown.not_carried:
        _print_not_carried(account.rows)


def account_lines(account: Account, shown: Shown) -> list[str]:
    """An account, line by line, without what `print_account` adds at its end."""
    told = [row for row in account.rows if row.tells or shown.zeros]
    lines = [f"Patient {account.patient_id} as of {account.as_of}", f"  {_seen(account)}"]
    if account.seen == 0 and not shown.zeros:
        return lines
    family, before = "", None
    for row in told:
        if row.declared.family != family:
            family, before = row.declared.family, None
            lines += ["", family.replace("_", " ").upper()]
        cells = [_cells(e, row.declared) for e in _newest_first(row)]
        lines += ["", *_feature_lines(row, account.as_of)]
        lines += [f"    {line}" for line in _event_lines(cells, before, shown)]
        before = cells
    lines.append("")
    if not shown.zeros:
        lines += _not_told(account.rows, hint=not shown.not_carried)
    return lines


def _seen(account: Account) -> str:
    if account.seen == 0:
        return "Nothing was known of this patient then" + (
            f": the first event could be seen on {account.first_seen}." if account.first_seen
            else ", and nothing is known later."
        )  # fmt: skip
    told = f"{account.seen:,} event{' was' if account.seen == 1 else 's were'} seen then"
    if account.unseen:
        told += (
            f"; {account.unseen:,} more happened or became known later, or were replaced by then"
        )
    return f"{told}."


def _feature_lines(row: Explained, as_of: date) -> list[str]:
    declared = row.declared
    if row.missing:
        lines = [f"{declared.name} = missing: {row.missing}"]
    else:
        nothing = ", nothing seen" if row.value == 0 and not row.evidence else ""
        mark = _mark(declared.sensitive_of(row.value))
        lines = [f"{declared.name} = {_value(row)}{nothing}{mark}", f"  {declared.say(row.value)}"]
    if row.carried:
        lines.append(f"  {how_words(declared)}, {window_words(declared, as_of)}")
    return lines


def _mark(why: str | None) -> str:
    return f" (sensitive: {why})" if why else ""


def _value(row: Explained) -> str:
    declared, told = row.declared, number(row.value)
    if declared.unit == "measured":
        unit = f"{declared.measure} a year" if declared.how == "slope" else declared.measure
        return f"{told} {unit}".rstrip()
    if declared.unit in ("days", "months", "years", "US dollars"):
        return f"{told} {declared.unit}"
    return f"{told} ({declared.unit})"


def _newest_first(row: Explained) -> list[Evidence]:
    """The event that the others are told after first, then the others, the newest first."""
    newest_first = row.evidence[::-1]
    return [
        *(e for e in newest_first if e.is_anchor), *(e for e in newest_first if not e.is_anchor)
    ]  # fmt: skip


def _event_lines(cells: list[_Cells], before: list[_Cells] | None, shown: Shown) -> list[str]:
    if cells and cells == before:
        return [f"the same {'event' if len(cells) == 1 else f'{len(cells):,} events'} as above"]
    most = len(cells) if shown.all_events else SHOWN
    more = len(cells) - most
    return _aligned(cells[:most]) + ([f"and {more:,} more; --all shows them"] if more > 0 else [])


def _cells(e: Evidence, declared: Feature) -> _Cells:
    words = f"{e.words}{_mark(e.sensitive)}"
    if declared.how == "score" and declared.unit == "points":
        points = sum(weight for item, weight in declared.weights if item in e.concepts)
        words = f"{words}: {number(points)} point{'' if points == 1 else 's'}"
    if e.is_anchor:
        words = f"since: {words}"
    return (e.happened_on.isoformat(), words, e.code, f"known {e.known_on}", e.source_row)


def _aligned(cells: Sequence[_Cells]) -> list[str]:
    if not cells:
        return []
    columns = list(zip(*cells, strict=True))
    widths = [min(_WIDEST, max(map(len, column))) for column in columns]
    return [
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]


def _not_told(rows: Iterable[Explained], *, hint: bool) -> list[str]:
    zero = sum(not row.missing and row.value == 0 for row in rows)
    missing = [row for row in rows if row.missing]
    absent = sum(not row.carried for row in missing)
    lines = [f"Not shown: {zero:,} features that are 0 and {len(missing):,} that are missing."]
    if absent and hint:
        lines.append(
            f"  {absent:,} are missing because the source does not carry their feed; "
            "--missing lists them."
        )
    return [*lines, "  --feature NAME tells any of them, and why it is 0 or missing."]


def _print_not_carried(rows: Iterable[Explained]) -> None:
    by_feed: dict[str, list[str]] = {}
    for row in rows:
        if not row.carried:
            by_feed.setdefault(row.declared.feed, []).append(row.declared.name)
    if not by_feed:
        say("The source carries the feeds of all these features.")
        return
    table(
        "Missing because the source does not carry their feed",
        ("feed", "features", "which"),
        [(feed, len(names), ", ".join(names)) for feed, names in sorted(by_feed.items())],
        right=(1,),
    )  # fmt: skip


def window_words(declared: Feature, as_of: date) -> str:
    """The days over which a feature looks, the first and the last of them.

    >>> from features.definitions import feature
    >>> window_words(feature("emergency_visits_count_90"), date(2024, 12, 31))
    '2024-10-03 to 2024-12-31'
    """
    if declared.how in ("covered_now", "distinct_now"):
        return f"on {as_of}"
    if declared.window is None:
        return f"as far back as the history reaches, to {as_of}"
    return f"{to_date(declared.window.first_day(to_day(as_of)))} to {as_of}"


def how_words(declared: Feature) -> str:
    """How the events become the value, in a few words.

    >>> from features.definitions import feature
    >>> how_words(feature("emergency_visits_trend_180"))
    'number of events in the last 90 days minus that in the 90 before'
    """
    return _HOW[declared.how](declared)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _said(words: str) -> Callable[[Feature], str]:
    return lambda declared: words


def _halves(what: str) -> Callable[[Feature], str]:
    def said(declared: Feature) -> str:
        assert declared.window is not None
        late, early = declared.window.days // 2, declared.window.days - declared.window.days // 2
        return f"{what} in the last {late} days minus that in the {early} before"

    return said


def _limits(declared: Feature) -> str:
    low, high = declared.limits
    if low == float("-inf"):
        return f"above {number(high)}"
    if high == float("inf"):
        return f"below {number(low)}"
    return f"outside {number(low)} to {number(high)}"


def _months_above(declared: Feature) -> str:
    in_cents = declared.source == "cost"
    level = f"${declared.level / 100:,.0f}" if in_cents else number(declared.level)
    return f"share of the months of {MONTH_DAYS} days that add up to more than {level}"


def _equals(declared: Feature) -> str:
    return f"1 if the last value is {' or '.join(map(number, declared.equals))}, else 0"


_HOW: dict[How, Callable[[Feature], str]] = {
    "count": _said("number of events"),
    "any": _said("1 if there is an event, else 0"),
    "sum": _said("sum of the values"),
    "total": _said("sum of the values, missing where there is no event"),
    "trend": _halves("number of events"),
    "sum_trend": _halves("sum of the values"),
    "last": _said("value of the last event"),
    "last_is": _equals,
    "last_outside": lambda f: f"1 if the last value is {_limits(f)}, else 0",
    "days_since": _said("days since the last event"),
    "age": _said("birthdays since this event"),
    "min": _said("lowest of the values"),
    "max": _said("highest of the values"),
    "change": _said("last value minus the first"),
    "slope": _said("rise in a year of the line through the values"),
    "outside": lambda f: f"number of values {_limits(f)}",
    "latest": lambda f: (
        "sum of the values on the last day that has one"
        if f.days == 1
        else f"sum of the values on the last {f.days} days that have one"
    ),
    "months_above": _months_above,
    "new": lambda f: f"1 if there is an event and none earlier in the last {f.before} days, else 0",
    "recurrent": _said("1 if there is an event in each half of the window, else 0"),
    "covered_days": _said("number of days that one of these covers"),
    "covered_now": _said("1 if one of these covers the day, else 0"),
    "covered_months": _said(
        f"number of months of {MONTH_DAYS} days in which one of these covers a day"
    ),
    "gap_days": _said("number of days that none of these covers, after the first that one does"),
    "distinct": _said("number of different ones, each with its last event"),
    "distinct_new": lambda f: (
        f"number of different ones not seen earlier in the last {f.before} days, each with its "
        "last event"
    ),
    "distinct_recurrent": _said(
        "number of different ones seen in each half of the window, each with its last event there"
    ),
    "distinct_now": _said("number of different ones that cover the day"),
    "score": lambda f: (
        "sum of the points of what was seen, each with its last event"
        if f.unit == "points"
        else "number of different ones, but no milder one beside a worse one, each with its last "
        "event"
    ),
    "after": _said("1 if there is an event on a day after the first of these, else 0"),
    "within": lambda f: (
        f"1 if there is an event on one of the {f.days} days after the first of these, else 0"
        + (f", missing where {_words(f.unless.name)} instead" if f.unless else "")
    ),
    "started": lambda f: (
        "number of different ones seen after the day of the first of these and not in the "
        f"{f.before} days before"
    ),
    "stopped": _said(
        "number of different ones that covered the day of the first of these, have run out and "
        "were not seen since"
    ),
    "percentile": lambda f: f"share of the model's cut points at or below {f.of}, in percent",
}
