"""The whole account of one patient: each feature's value, and the events behind it."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from data.errors import InputError
from features.as_of import fill, tell_percentiles
from features.cuts import Cuts
from features.definitions import FEATURES, feature
from features.definitions.declaration import Feature
from features.evidence import Evidence, Seen
from features.history import Histories
from features.plan import plan
from features.window import to_date, to_day


@dataclass(frozen=True)
class Explained:
    """One feature of one patient. `value` is what the feature matrix holds; `missing` says in
    words why it is NaN, "" where it is a number; `evidence` holds the events behind it, oldest
    first (see `features.evidence`)."""

    declared: Feature
    value: float
    evidence: tuple[Evidence, ...]
    missing: str = ""
    carried: bool = True

    @property
    def tells(self) -> bool:
        """Whether it is neither zero nor missing."""
        return not self.missing and self.value != 0


@dataclass(frozen=True)
class Account:
    """What was known of one patient at as_of, feature by feature.

    `rows` holds one row a feature asked about, those of one family together; `seen` is how many
    events were seen then, `unseen` how many the history has besides: later in either clock, or
    replaced by a later version. `first_seen` is the day from which the first could be seen, None
    where all were replaced before that.
    """

    patient_id: str
    as_of: date
    rows: tuple[Explained, ...]
    seen: int
    unseen: int
    first_seen: date | None


def explain(
    histories: Histories,
    patient_id: str,
    as_of: date,
    cuts: Cuts | None = None,
    names: Sequence[str] | None = None,
) -> Account:
    """The account of one patient at the end of the day as_of: all features, or those of `names`.

    Of histories on disk only what holds this patient is read. The values are those of
    `features_as_of`; percentiles are told by `cuts` and are missing without. Raises InputError
    where the patient has no event at all, or where no feature has a name.
    """
    wanted = set(names) if names is not None else None
    declared = [f for f in FEATURES if wanted is None or f.name in wanted]
    for name in names or ():
        feature(name)  # raises for one that is not there
    events = histories.events(patient_id) if _can_be_stored(patient_id) else None
    if events is None or events.num_rows == 0:
        raise InputError(
            "The histories hold no event of a patient of that id: "
            "write it as the column patient_id has it."
        )
    families = list(dict.fromkeys(f.family for f in declared))
    declared.sort(key=lambda f: families.index(f.family))
    values = _values(histories, patient_id, as_of, cuts or {}, [f.name for f in declared])
    seen = Seen(events, as_of)
    rows = tuple(
        _explained(f, value, seen, histories.carries, cuts or {})
        for f, value in zip(declared, values, strict=True)
    )
    return Account(
        patient_id, as_of, rows, len(seen), events.num_rows - len(seen), _first_seen(events)
    )


def _can_be_stored(text: str) -> bool:
    """Whether it holds no half of a character, as a broken command line may."""
    return not any("\ud800" <= c <= "\udfff" for c in text)


def _values(
    histories: Histories, patient_id: str, as_of: date, cuts: Cuts, names: Sequence[str]
) -> list[float]:
    wanted = plan(tuple(names), histories.carries)
    out = np.empty((1, len(wanted.template)), np.float32)
    alone = np.zeros(1, np.int64)
    day = np.array([to_day(as_of)], np.int32)
    fill(out, wanted, histories.one(patient_id), alone, day, alone)
    tell_percentiles(out, wanted, cuts)
    return out[0, : len(names)].tolist()


def _explained(
    declared: Feature, value: float, seen: Seen, carries: Collection[str], cuts: Cuts
) -> Explained:
    carried = declared.feed in carries
    found = tuple(seen.evidence(declared)) if carried else ()
    why = _why_missing(declared, found, carried, cuts) if math.isnan(value) else ""
    return Explained(declared, value, found, why, carried)


def _why_missing(declared: Feature, found: Sequence[Evidence], carried: bool, cuts: Cuts) -> str:
    """Why a value is missing, after the fold's own rule."""
    if not carried:
        return f"the source carries no {declared.feed}"
    if declared.of is not None and declared.of not in cuts:
        return "no cut points are given, they are kept with a trained model"
    period = f" {declared.period}".rstrip()
    if declared.anchor is not None and not found:
        return f"nothing seen{period} that it could be told after"
    if not found:
        return f"{_NOTHING.get(declared.how, 'nothing seen')}{period}"
    if declared.how == "within":
        return _why_not_within(declared, found)
    return f"{_NOT_ENOUGH.get(declared.how, 'the last one has no value')}{period}"


def _why_not_within(declared: Feature, found: Sequence[Evidence]) -> str:
    if declared.unless is not None and any(not e.is_anchor for e in found):
        instead = declared.unless.name.replace("_", " ")
        return f"none seen, but {instead} within the {declared.days} days"
    return f"nothing seen yet, and the {declared.days} days are not over"


_NOTHING = {
    "min": "nothing seen with a value",
    "max": "nothing seen with a value",
    "latest": "nothing seen with a value",
    "change": "nothing seen with a value",
    "slope": "nothing seen with a value",
    "gap_days": "no day covered",
}
_HIDDEN = "nothing adds up, and what has no value may hide it"
_NOT_ENOUGH = {
    "change": "only one value seen",
    "slope": "not three values seen over 90 days",
    "sum": _HIDDEN,
    "total": _HIDDEN,
    "outside": _HIDDEN,
    "months_above": _HIDDEN,
    "sum_trend": "none in one of the halves has a value",
    "latest": "values seen on too few days",
}


def _first_seen(events: pa.Table) -> date | None:
    happened, known, superseded = (
        events.column(name).to_numpy() for name in ("happened_on", "known_on", "superseded_on")
    )
    from_day = np.maximum(happened, known)
    ever = from_day[from_day < superseded]
    return to_date(int(ever.min())) if len(ever) else None
