"""Scores + capacity → whom to call first: an ordered list, stable under ties.

The order, and why:

1. **Eligible people only.** Alive, covered, not in hospital now and not in hospice, as far as
   known. Why somebody is left out is kept for each person and counted.
2. **The recently discharged whose readmission tier is high or moderate first**, by that tier, on
   up to half of the places (`Capacity.kept_for_discharged`): a call after a discharge loses its
   value within days, a call about the coming year does not, and the high-cost queue alone could
   fill every list. A high-cost tier beside it, even a higher one, takes nobody's place.
3. Then everybody else by the **higher of the two tiers**, within a tier the recently discharged
   before high cost. Somebody stands in the queue whose tier put him here; where both did, he
   stands among the recently discharged.
4. Within a queue, **that queue's margin**, then patient_id: it orders as the risk does, but has
   no ties, and of a readmission it leaves out how many days are left, so that nobody sinks
   because his window shrinks. The two risks are chances of different things and are never added
   or compared with each other.

The first `managers × slots` places are dealt to the case managers in turn, so that each has a
like share of the list's top. Nobody is on the list twice.

Where `Capacity.randomised_share` says so, the last places go by a draw (`serving.randomised`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from data.errors import InputError
from serving.randomised import DRAWN_IN, DRAWN_OUT, SALT, allocated, on_list

TIERS = ("high", "moderate", "low")
QUEUES = ("recently discharged", "high cost")
BEYOND_CAPACITY = "beyond capacity"
NO_RISK = "no risk could be told"

SCORE_COLUMNS = (
    "patient_id", "excluded",
    "readmission_margin", "readmission_tier", "high_cost_margin", "high_cost_tier",
)  # fmt: skip


@dataclass(frozen=True)
class Capacity:
    """How many patients the case managers can take on from one list: `managers` × `slots`.

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

    def __post_init__(self) -> None:
        if not 0 <= self.kept_for_discharged <= 1:
            raise InputError("The share of places kept for the discharged lies between 0 and 1.")
        if self.managers < 1 or self.slots < 0:
            raise InputError(
                "The capacity needs at least one case manager and no negative number of slots."
            )
        if not 0 <= self.randomised_share <= 0.5:
            raise InputError("The randomised share of places lies between 0 and 0.5.")
        if self.randomised_share > 0 and self.drawn == 0:
            raise InputError(
                f"A randomised share of {self.randomised_share:g} is less than one of "
                f"{self.places} places: give a larger one, or 0 for none."
            )

    @property
    def places(self) -> int:
        return self.managers * self.slots

    @property
    def kept(self) -> int:
        """How many places the recently discharged take first."""
        return int(self.places * self.kept_for_discharged)

    @property
    def drawn(self) -> int:
        """How many places go by a draw."""
        return math.floor(self.places * self.randomised_share + 1e-9)  # 0.29 × 100 is 29


@dataclass(frozen=True)
class Worklist:
    """`entries`: one row a listed patient, in order: rank (from 1), manager (from 1), patient_id,
    tier, queue. `left_out`: one row a patient who is not listed: patient_id, reason.
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


def _in_order(keys: pd.DataFrame) -> pd.DataFrame:
    return keys.astype({"margin": "float64"}).sort_values(
        ["tier", "queue", "margin", "patient_id"], ascending=[True, True, False, True]
    )


def worklist(scores: pd.DataFrame, capacity: Capacity, as_of: date | None = None) -> Worklist:
    """The ordered list. `scores` has one row a person with `SCORE_COLUMNS`; `excluded` is empty
    or None for who may be called, else the reason; a margin and tier that does not exist is
    missing. Where places go by a draw, `scores` also has `discharged_on`, and `as_of` is the day of
    the list. The order of the rows of `scores` does not matter. Raises ValueError where a
    person stands twice, or a draw lacks the day."""
    if scores["patient_id"].duplicated().any():
        raise ValueError("scores must hold one row a person")
    people = scores.loc[:, list(SCORE_COLUMNS)].sort_values("patient_id", ignore_index=True)
    readmission = _tier_rank(people["readmission_tier"])
    high_cost = _tier_rank(people["high_cost_tier"])
    tier = np.minimum(readmission, high_cost)
    discharged = readmission <= high_cost
    excluded = people["excluded"].fillna("").astype(str).to_numpy(dtype=object)
    reason = np.where(excluded != "", excluded, np.where(tier == len(TIERS), NO_RISK, ""))

    keys = pd.DataFrame(
        {
            "patient_id": people["patient_id"],
            "tier": tier,
            "queue": np.where(discharged, 0, 1),
            "margin": np.where(
                discharged, people["readmission_margin"], people["high_cost_margin"]
            ),
        }
    ).astype({"margin": "float64"})
    may_be_called = reason == ""
    urgent = keys.assign(tier=readmission, queue=0, margin=people["readmission_margin"])
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
        of_order = scores.set_index("patient_id").reindex(order["patient_id"])
        order["high_readmission"] = of_order["readmission_tier"].eq("high").to_numpy(dtype=bool)
        order["discharged_on"] = of_order["discharged_on"].to_numpy()
    allocation = allocated(order, capacity.places, capacity.drawn, as_of, capacity.salt)
    on = on_list(allocation, capacity.places)
    listed = ordered[on]
    place = np.arange(len(listed))
    entries = pd.DataFrame(
        {
            "rank": place + 1,
            "manager": place % capacity.managers + 1,
            "patient_id": listed["patient_id"].to_numpy(),
            "tier": np.array(TIERS, dtype=object)[listed["tier"].to_numpy()],
            "queue": order["queue"].to_numpy()[on],
        }
    )
    beyond = ordered[~on]["patient_id"]
    left_out = pd.concat(
        [
            pd.DataFrame({"patient_id": people["patient_id"], "reason": reason})[reason != ""],
            pd.DataFrame({"patient_id": beyond, "reason": BEYOND_CAPACITY}),
        ]
    ).sort_values("patient_id", ignore_index=True)
    allocations = order[["patient_id", "queue"]].assign(allocation=allocation)
    allocations = allocations[np.isin(allocation, (DRAWN_IN, DRAWN_OUT))].reset_index(drop=True)
    return Worklist(entries, left_out, capacity.kept - len(first), allocations)
