"""The last places of a list given by a draw, so that an honest estimate of what calls do is left.

Those on a list were chosen because they are at risk, and nobody can tell from them what a call did.
Where a small share of the places, the last ones, goes by chance, those who stood as high and were
not drawn are a fair comparison (`training.effects.impact`). It is off unless asked for.

A score orders outreach and never denies care. Whoever is not drawn has everything that he would
have without the programme; he is not called earlier than that, and is called as soon as he stands
above the drawn places. Nobody near the top is ever drawn for, and nobody of the high readmission
tier: a call after a discharge cannot wait. The list does not show who stands on it by the draw.

1. Of the places the first go by rank, and r by the draw; where fewer than r people lie beyond the
   places, no more than these: who fits on the list is on it.
2. From there down the order each person has a coin of his own: heads takes a place, until r places
   are taken. Those passed with tails are the comparison group, about as many. Who is met there in
   the high readmission tier takes a place without a coin.
3. A place that nobody is left to take is not kept empty: who was not drawn gets it, and stays in
   the comparison group all the same (intention to treat).

A coin each, and not r drawn out of a band of 2 r, because then the draw of nobody changes with who
else stands in the band: no memory of earlier nights is needed, and the same night gives the same
list. Whom the draw reaches depends on the coins of those before him and never on his own, so that
everybody reached has had a chance of one half, whatever his risk.

The coin is a hash of the salt, the queue, the patient and an episode. Of the recently discharged
that is the day of discharge. Of high cost it is the calendar year of the night, so that nobody is
passed over by one draw for longer; by months it would be thrown again within the days over which
the outcome is counted, and most of the comparison group would be called.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

BY_RANK, DRAWN_IN, DRAWN_OUT = "by rank", "randomised in", "randomised out"
SALT = "firstcall 1"
"""Another salt is another draw for everybody: a new trial."""

ORDER_COLUMNS = ("patient_id", "queue", "high_readmission", "discharged_on")


def coin(salt: str, queue: str, patient_id: Hashable, episode: str) -> bool:
    """Heads or tails of one person in one episode: the same on every machine and every night."""
    asked = json.dumps([salt, queue, str(patient_id), episode])
    return hashlib.sha256(asked.encode()).digest()[0] < 128


def episode_of(queue: str, discharged_on: Any, as_of: date) -> str:
    """The time within which a person's draw stays: "2024-03-05" (discharge), or "2024" (year)."""
    if queue == "high cost":
        return str(as_of.year)
    return pd.Timestamp(discharged_on).date().isoformat()


def allocated(
    order: pd.DataFrame, places: int, by_draw: int, as_of: date | None, salt: str = SALT
) -> NDArray[np.object_]:
    """What becomes of each person of an order: BY_RANK, DRAWN_IN, DRAWN_OUT, or "" for whom the
    draw did not reach.

    `order` has one row a person who may be called, whoever comes first first, and where a place is
    drawn for (`by_draw` > 0) the columns `ORDER_COLUMNS`: queue by its name, high_readmission
    whether his readmission tier is high, discharged_on where he stands among the recently
    discharged. Raises ValueError where a place is drawn for and `as_of` is None.
    """
    made = np.full(len(order), "", dtype=object)
    left = min(by_draw, max(len(order) - places, 0))
    made[: places - left] = BY_RANK
    if left == 0:
        return made
    if as_of is None:
        raise ValueError("a draw needs the day of the list")
    band = order.iloc[places - left :]
    columns = (band[name].to_list() for name in ORDER_COLUMNS)
    for place, (patient, queue, high, discharged) in enumerate(
        zip(*columns, strict=True), places - left
    ):
        if left == 0:
            break
        if high:
            made[place] = BY_RANK
        elif coin(salt, queue, patient, episode_of(queue, discharged, as_of)):
            made[place] = DRAWN_IN
        else:
            made[place] = DRAWN_OUT
            continue
        left -= 1
    return made


def on_list(allocation: NDArray[np.object_], places: int) -> NDArray[np.bool_]:
    """Who is listed: by rank, drawn in, and on places that nobody else is left to take the first of
    those who were not drawn."""
    listed = np.isin(allocation, (BY_RANK, DRAWN_IN))
    out = allocation == DRAWN_OUT
    return listed | (out & (np.cumsum(out) <= places - listed.sum()))


def told(rows: pd.DataFrame) -> pd.DataFrame:
    """The allocations of published lists, and which of these were acted on.

    `rows`: one row a person and list, in the order in which the lists were published: run_id,
    as_of, patient_id, queue, allocation (None where he was listed by rank), listed, discharged_on,
    readmission_risk, high_cost_risk, started_at (when the run began, UTC). Gives the same rows with
    allocation always told, ``risk``, that of the queue that he stood in, in place of the two,
    ``begun_on``, the day of started_at, and ``newest_as_of``, the latest day of a list published up
    to this one. Where that lies after as_of the list is a replay: nobody was called by it, and
    whoever counts leaves its rows out.
    """
    as_of = pd.to_datetime(rows["as_of"]).astype("datetime64[s]")
    risk = rows["readmission_risk"].where(
        rows["queue"] == "recently discharged", rows["high_cost_risk"]
    )
    return pd.DataFrame(
        {
            "run_id": rows["run_id"],
            "as_of": as_of,
            "newest_as_of": as_of.cummax(),
            "begun_on": _day_of(rows["started_at"]),
            "patient_id": rows["patient_id"],
            "queue": rows["queue"],
            "allocation": rows["allocation"].where(rows["allocation"].notna(), BY_RANK),
            "listed": rows["listed"].astype(bool),
            "discharged_on": pd.to_datetime(rows["discharged_on"]).astype("datetime64[s]"),
            "risk": risk.astype("float64"),
        }
    )


def _day_of(moments: pd.Series) -> pd.Series:
    """The UTC day of each; SQLite gives moments without their zone, which is UTC too."""
    return pd.to_datetime(moments, utc=True).dt.tz_localize(None).dt.normalize().astype(
        "datetime64[s]"
    )  # fmt: skip
