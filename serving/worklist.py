"""Scores + capacity + what is known → whom to call first: an ordered list, stable under ties.

The order, and why:

1. **Eligible people only.** Alive, covered, not in hospital now and not in hospice, as far as
   known; not opted out, not somebody's patient already, not at rest after a call. Why somebody is
   left out is kept for each person and counted.
2. **The recently discharged whose readmission tier is high or moderate first**, by that tier, on
   up to half of the places (`Capacity.kept_for_discharged`): a call after a discharge loses its
   value within days, a call about the coming year does not, and the high-cost queue alone could
   fill every list. A high-cost tier beside it, even a higher one, takes nobody's place.
3. Then everybody else by the **higher of the two tiers**. Somebody stands in the queue whose tier
   put him here; where both did, he stands among the recently discharged. A tier that a case manager
   gave with a reason takes the place of both.
4. Within a tier **who is due first**: outreach after a discharge has a clock
   (`serving.outreach_clock`), in whichever queue somebody stands, and who is overdue stands above
   whoever left later. Then the recently discharged before high cost, and of these those whose
   **risk rises**.
5. Then by **that queue's margin**, then patient_id: it orders as the risk does, but has
   no ties, and of a readmission it leaves out how many days are left, so that nobody sinks
   because his window shrinks. The two risks are chances of different things and are never added
   or compared with each other.

The places go to the panels of the case managers (`serving.panels`): each patient to who knows him,
the others so that each has a like share of the work. Nobody is on the list twice.

Where `Capacity.randomised_share` says so, the last places go by a draw (`serving.randomised`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from data.errors import InputError
from serving.outreach_clock import OutreachClock
from serving.panels import Panel, Traits, equal_panels, seated
from serving.randomised import DRAWN_IN, DRAWN_OUT, SALT, allocated, on_list

TIERS = ("high", "moderate", "low")
QUEUES = ("recently discharged", "high cost")
BEYOND_CAPACITY = "beyond capacity"
NO_PANEL = "no panel takes this patient"
NO_RISK = "no risk could be told"

SCORE_COLUMNS = (
    "patient_id", "excluded",
    "readmission_margin", "readmission_tier", "high_cost_margin", "high_cost_tier",
)  # fmt: skip


@dataclass(frozen=True)
class Capacity:
    """How many patients the case managers can take on from one list: `managers` × `slots`, or as
    many as the site's own panels say (`of_panels`).

    `kept_for_discharged` is the share of these places that the recently discharged of high or
    moderate tier take first, as far as there are any. `randomised_share` is the share of all
    places, the last ones, that go by a draw, rounded down (0: none; at most one half); `salt` is
    that of the draw.
    """

    managers: int = 4
    slots: int = 25
    kept_for_discharged: float = 0.5
    randomised_share: float = 0.0
    salt: str = SALT
    of_panels: tuple[Panel, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.kept_for_discharged <= 1:
            raise InputError("The share of places kept for the discharged lies between 0 and 1.")
        if self.managers < 1 or self.slots < 0:
            raise InputError(
                "The capacity needs at least one case manager and no negative number of slots."
            )
        if not self.takes_everybody and self.randomised_share:
            raise InputError(
                "Places can go by a draw only where every panel takes everybody: the panels of "
                "service.toml name regions, practices or conditions."
            )
        if not 0 <= self.randomised_share <= 0.5:
            raise InputError("The randomised share of places lies between 0 and 0.5.")
        if self.randomised_share > 0 and self.drawn == 0:
            raise InputError(
                f"A randomised share of {self.randomised_share:g} is less than one of "
                f"{self.places} places: give a larger one, or 0 for none."
            )

    @property
    def panels(self) -> tuple[Panel, ...]:
        """Each case manager's places, by number."""
        return self.of_panels or equal_panels(self.managers, self.slots)

    @property
    def takes_everybody(self) -> bool:
        """Whether every panel does."""
        return all(panel.takes_everybody for panel in self.of_panels)

    @property
    def places(self) -> int:
        return sum(panel.slots for panel in self.panels)

    @property
    def told(self) -> dict[str, int]:
        """How many case managers, places of each where all have as many, and places in all."""
        sizes = {panel.slots for panel in self.panels}
        each = {"slots": sizes.pop()} if len(sizes) == 1 else {}
        return {"managers": len(self.panels)} | each | {"places": self.places}

    @property
    def kept(self) -> int:
        """How many places the recently discharged take first."""
        return part_of_places(self.places, self.kept_for_discharged)

    @property
    def drawn(self) -> int:
        """How many places go by a draw."""
        return part_of_places(self.places, self.randomised_share)


def part_of_places(places: int, share: float) -> int:
    """How many whole places a share of them is, rounded down.

    >>> part_of_places(100, 0.29), part_of_places(100, 0.299)
    (29, 29)
    """
    return math.floor(places * share + 1e-9)  # 0.29 × 100 is 28.999999999999996


@dataclass(frozen=True)
class Worklist:
    """`entries`: one row a listed patient, in order: rank (from 1), manager (the number of the
    panel), patient_id, tier, queue, due_at (by when outreach after a discharge is due: UTC, ISO
    8601, or None). `left_out`: one row a patient who is not listed: patient_id, reason.
    `kept_unused`: how many of the places kept for the recently discharged too few of them needed,
    so that they went to whoever came next. `allocations`: one row a person whom the draw reached:
    patient_id, queue, allocation ("randomised in" or "randomised out")."""

    entries: pd.DataFrame
    left_out: pd.DataFrame
    kept_unused: int
    allocations: pd.DataFrame

    @property
    def left_out_counts(self) -> Mapping[str, int]:
        """How many people each reason left out, the most frequent first."""
        counts = self.left_out.groupby("reason").size()
        return {
            str(reason): int(n) for reason, n in sorted(counts.items(), key=lambda x: (-x[1], x[0]))
        }


def _tier_rank(tiers: pd.Series) -> np.ndarray:
    """0 high, 1 moderate, 2 low, 3 no tier (no risk of this kind)."""
    ranks = tiers.map({tier: rank for rank, tier in enumerate(TIERS)})
    return ranks.astype("float64").fillna(len(TIERS)).to_numpy().astype(np.int64)


_RISKS = ("readmission", "high_cost")
_ORDER = ("tier", "due", "queue", "steady", "falling", "patient_id")


def _in_order(keys: pd.DataFrame) -> pd.DataFrame:
    return keys.sort_values(list(_ORDER))


@dataclass(frozen=True)
class Knowledge:
    """What is known beside the scores: by when outreach is due (`clock`, in the site's `zone`), in
    whose panel each patient was last (`known_to`), who of them was put there by a supervisor
    (`by_hand`), so that the panel takes him whatever it asks, and the day on which the list is
    called by (`worked_on`; None: outreach is missed by nobody)."""

    clock: OutreachClock = field(default_factory=OutreachClock)
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    known_to: Mapping[str, int] = field(default_factory=dict)
    by_hand: Mapping[str, int] = field(default_factory=dict)
    worked_on: date | None = None


def worklist(
    scores: pd.DataFrame,
    capacity: Capacity,
    as_of: date | None = None,
    knowledge: Knowledge | None = None,
) -> Worklist:
    """The ordered list. `scores` has one row a person with `SCORE_COLUMNS`; `excluded` is empty
    or None for who may be called, else the reason; a margin and tier that does not exist is
    missing. It may have `discharged_on` (date), `override_tier` (the tier that a case manager
    gave), `rising` (bool: the high-cost risk rises), and where panels ask for them `region`,
    `practice` (str or None) and `conditions` (frozenset). Where places go by a draw,
    `as_of` is the day of the list. The order of the
    rows of `scores` does not matter. Raises ValueError where a person stands twice, or a draw lacks
    the day."""
    if scores["patient_id"].duplicated().any():
        raise ValueError("scores must hold one row a person")
    knowledge = knowledge or Knowledge()
    people = scores.sort_values("patient_id", ignore_index=True)
    keys, urgent, reason = _keys(people, knowledge)
    may_be_called = reason == ""
    first = urgent[may_be_called & (urgent["tier"] < TIERS.index("low"))]
    first = _in_order(first).head(capacity.kept)
    rest = keys[may_be_called & ~keys["patient_id"].isin(first["patient_id"])]
    ordered = pd.concat([first, _in_order(rest)], ignore_index=True)
    order = pd.DataFrame(
        {
            "patient_id": ordered["patient_id"],
            "queue": np.array(QUEUES, dtype=object)[ordered["queue"].to_numpy()],
        }
    )
    if capacity.drawn:
        of_order = people.set_index("patient_id").reindex(order["patient_id"])
        order["high_readmission"] = (ordered["readmission"] == TIERS.index("high")).to_numpy()
        order["discharged_on"] = of_order["discharged_on"].to_numpy()
    allocation = allocated(order, capacity.places, capacity.drawn, as_of, capacity.salt)
    managers, why_not = _dealt(ordered, people, capacity, allocation, knowledge)
    on = why_not == ""
    listed = ordered[on]
    entries = pd.DataFrame(
        {
            "rank": np.arange(len(listed)) + 1,
            "manager": managers[on].astype(np.int64),
            "patient_id": listed["patient_id"].to_numpy(),
            "tier": np.array(TIERS, dtype=object)[listed["tier"].to_numpy()],
            "queue": order["queue"].to_numpy()[on],
            "due_at": listed["due_at"].to_numpy(),
        }
    )
    left_out = pd.concat(
        [
            pd.DataFrame({"patient_id": people["patient_id"], "reason": reason})[reason != ""],
            pd.DataFrame({"patient_id": ordered["patient_id"], "reason": why_not})[~on],
        ]
    ).sort_values("patient_id", ignore_index=True)
    allocations = order[["patient_id", "queue"]].assign(allocation=allocation)
    allocations = allocations[np.isin(allocation, (DRAWN_IN, DRAWN_OUT))].reset_index(drop=True)
    return Worklist(entries, left_out, capacity.kept - len(first), allocations)


def _keys(
    people: pd.DataFrame, knowledge: Knowledge
) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """By what each person is ordered, as one of everybody and as one of the recently discharged,
    and why he is not to be called, "" where nothing is in the way."""
    readmission, high_cost = (
        _judged(_tier_rank(people[f"{task}_tier"]), people) for task in _RISKS
    )
    tier = np.minimum(readmission, high_cost)
    discharged = readmission <= high_cost
    excluded = people["excluded"].fillna("").astype(str).to_numpy(dtype=object)
    reason = np.where(excluded != "", excluded, np.where(tier == len(TIERS), NO_RISK, ""))
    due_at = _due(people, knowledge)
    margins = [people[f"{task}_margin"].astype("float64").to_numpy() for task in _RISKS]
    rising = people["rising"].to_numpy(dtype=bool) if "rising" in people else False
    keys = pd.DataFrame(
        {
            "patient_id": people["patient_id"],
            "tier": tier,
            "queue": np.where(discharged, 0, 1),
            "due": [_NEVER if told is None else int(told.timestamp()) for told in due_at],
            "steady": np.where(discharged, True, ~np.broadcast_to(rising, len(people))),
            "falling": -np.where(discharged, *margins),
            "due_at": [None if told is None else told.isoformat() for told in due_at],
            "readmission": readmission,
        }
    )
    urgent = keys.assign(tier=readmission, queue=0, steady=True, falling=-margins[0])
    return keys, urgent, reason


_NEVER = np.iinfo(np.int64).max


def _judged(ranks: np.ndarray, people: pd.DataFrame) -> np.ndarray:
    """The tiers, or the one that a case manager gave to somebody who has a risk of this kind."""
    if "override_tier" not in people:
        return ranks
    given = _tier_rank(people["override_tier"])
    return np.where((given < len(TIERS)) & (ranks < len(TIERS)), given, ranks)


def _due(people: pd.DataFrame, knowledge: Knowledge) -> list[datetime | None]:
    """By when each is to be called after a discharge; None of who was not discharged lately, or
    whom it is too late for."""
    if "discharged_on" not in people:
        return [None] * len(people)
    clock, day_of_calls, told = knowledge.clock, knowledge.worked_on, {}
    for day in people["discharged_on"].dropna().unique():
        left = pd.Timestamp(day).date()
        late = day_of_calls is not None and clock.is_missed(left, day_of_calls)
        told[day] = None if late else clock.due_at(left, knowledge.zone)
    return [told.get(day) for day in people["discharged_on"]]


def _dealt(
    ordered: pd.DataFrame,
    people: pd.DataFrame,
    capacity: Capacity,
    allocation: np.ndarray,
    knowledge: Knowledge,
) -> tuple[np.ndarray, np.ndarray]:
    """The number of the panel of each person of the order (0: none), and why he is not on the list,
    "" of whoever is."""
    managers = np.zeros(len(ordered), dtype=np.int64)
    why_not = np.full(len(ordered), BEYOND_CAPACITY, dtype=object)
    patients, traits = ordered["patient_id"], None
    if capacity.takes_everybody:
        asked = np.flatnonzero(on_list(allocation, capacity.places))
    else:
        asked = np.arange(len(ordered))
        of_order = people.set_index("patient_id").loc[patients]
        traits = [
            replace(one, put_in=knowledge.by_hand.get(patient))
            for one, patient in zip(_traits(of_order), patients, strict=True)
        ]
        nobody_s = {o for o in set(traits) if not any(p.takes(o) for p in capacity.panels)}
        why_not[[one in nobody_s for one in traits]] = NO_PANEL
    known_to = [knowledge.known_to.get(patient) for patient in patients.iloc[asked]]
    for at, number in zip(asked, seated(capacity.panels, traits, known_to), strict=True):
        if number is not None:
            managers[at], why_not[at] = number, ""
    return managers, why_not


def _traits(people: pd.DataFrame) -> list[Traits]:
    nothing = [None] * len(people)
    region, practice, conditions = (
        people[name].to_list() if name in people else nothing
        for name in ("region", "practice", "conditions")
    )
    return [
        Traits(one or None, other or None, frozenset(of or ()))
        for one, other, of in zip(region, practice, conditions, strict=True)
    ]
