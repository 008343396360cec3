"""What the calls do: those drawn onto the list beside those who stood as high and were not.

The last places of a list go by chance where the night was asked for that (`firstcall nightly
--randomised-share 0.1`). Each person counts as he was drawn first in a queue, whatever became of
him later (intention to treat): who was not drawn and rose above the drawn places was called all the
same, and stays in the comparison group. So the estimate is of being put on the list, and where
many of the others got onto it later, of less than that.

Whoever had been on a list earlier in the same episode (since the discharge; of high cost in the
same calendar year) is left out, drawn or not: he was called before his coin was thrown, and sank
into the drawn places as others came above him. That was settled without his coin, so that the
groups stay comparable; how many these are is told. Where somebody was drawn for in several
episodes, the first of them counts.

It is about people at the end of the list. What a call does at its top nobody can tell, since nobody
there was ever held back.

Regression to the mean: those called were chosen when they were high, and people fall back by
themselves. How far those called fell after they were called is therefore no effect, and stands
only beside an estimate, with how far the comparison group fell as well. A score orders outreach and
never denies care: the comparison group lost no call that it would have had without the list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.errors import RefusalError
from training.effects.impact_outcomes import DISCHARGED, OUTCOMES

BY_RANK, DRAWN_IN, DRAWN_OUT = "by rank", "randomised in", "randomised out"
"""How somebody came to stand where he stands, as the store tells it."""
NOTHING_SAID = "What the calls do cannot be said"
NOTHING_DRAWN = (
    f"{NOTHING_SAID}: no place on a list was ever given by a draw; run "
    "`firstcall nightly --as-of DAY --randomised-share 0.1` from now on, and ask again when the "
    "outcomes are known."
)


@dataclass(frozen=True)
class ImpactSettings:
    """``fewest``: people with a known outcome in each group, below which nothing is said;
    ``power``: chance of seeing a halving, at the 5 % level on both sides, that a needed size is
    told for; ``fewest_cases``: with fewer in both groups the needed size is told for
    ``assumed_risk`` and not for the one observed."""

    fewest: int = 50
    power: float = 0.80
    fewest_cases: int = 5
    assumed_risk: float = 0.10


class Difference(NamedTuple):
    """A difference of two shares with its 95 % interval by Newcombe (1998, method 10)."""

    value: float
    low: float
    high: float


class ToCall(NamedTuple):
    """How many have to be put on the list so that one fewer has the outcome, rounded up; the
    bounds are those of the difference."""

    value: int
    low: int
    high: int


@dataclass(frozen=True)
class Group:
    """People who were drawn alike. ``known``: of how many the outcome is known; ``cases``: how many
    of these had it; ``risk``: the mean of all their risks when they were drawn, NaN of nobody."""

    people: int
    known: int
    cases: int
    risk: float

    @property
    def share(self) -> float:
        """Of those known, how many had the outcome; NaN where nobody is known."""
        return self.cases / self.known if self.known else float("nan")


@dataclass(frozen=True)
class Fall:
    """Of ``people`` with both known: how many had an unplanned admission in the days ``before`` the
    list, and how many had the outcome in as many days ``after`` it. Never an effect."""

    people: int
    before: int
    after: int


@dataclass(frozen=True)
class Estimate:
    """``difference``: share with the outcome among those not drawn minus that among those drawn:
    above 0 the calls helped. ``to_call``: None where the difference may be 0. ``called_by_rank``
    and ``comparison``: how far each fell by itself or otherwise, to be shown together only."""

    difference: Difference
    to_call: ToCall | None
    called_by_rank: Fall
    comparison: Fall


@dataclass(frozen=True)
class OfQueue:
    """One queue: those ``drawn`` onto the list, those ``not_drawn``, how many of each
    (drawn, not drawn) were left out as they had been ``listed_before`` in the same episode, why an
    outcome is not known (reason → how many drawn, how many not), how many of the comparison group
    were on a list later within their days, how many a group are ``needed`` to see a halving of
    ``needed_at``, and the ``estimate``, None where fewer than ``settings.fewest`` of a group are
    known."""

    queue: str
    drawn: Group
    not_drawn: Group
    listed_before: tuple[int, int]
    not_known: Mapping[str, tuple[int, int]]
    listed_later: int
    needed: int
    needed_at: float
    estimate: Estimate | None
    settings: ImpactSettings

    @property
    def outcome(self) -> str:
        """The outcome in words, of one person."""
        return OUTCOMES[self.queue]


@dataclass(frozen=True)
class Replays:
    """Lists with drawn places that are left out since nobody was called by them: ``lists``, from
    ``first`` to ``last`` (ISO days). ``newest``: the latest day of a list published before one of
    them, which made it a replay."""

    lists: int
    first: str
    last: str
    newest: str

    @property
    def words(self) -> str:
        """How many, why, and what to do where that day is a mistake."""
        replays = "a replay" if self.lists == 1 else "replays"
        return (
            f"{_left_out(self.lists, self.first, self.last)} as {replays}: a list of a later day, "
            f"the latest {self.newest}, had been published before; if its --as-of was mistyped, "
            "set the status of each run of that day to abandoned in the table run of firstcall.db, "
            "and ask again."
        )


@dataclass(frozen=True)
class Belated:
    """Lists with drawn places that are left out since they were made more than ``within`` days
    after the day that they are of, when it was too late to call anybody by them: ``lists``, from
    ``first`` to ``last`` (ISO days)."""

    lists: int
    first: str
    last: str
    within: int

    @property
    def words(self) -> str:
        """How many, and why."""
        return (
            f"{_left_out(self.lists, self.first, self.last)}: made more than {self.within} days "
            "after the day that it is about, when it was too late to call by it."
        )


def _left_out(lists: int, first: str, last: str) -> str:
    many, are = ("list", "is") if lists == 1 else ("lists", "are")
    return f"{lists:,} {many} with drawn places, {first} to {last}, {are} left out"


@dataclass(frozen=True)
class Impact:
    """``lists``: how many lists had drawn places, from ``first`` to ``last`` (ISO days);
    ``replays`` and ``belated``: those left out, None where there are none."""

    lists: int
    first: str
    last: str
    queues: tuple[OfQueue, ...]
    replays: Replays | None = None
    belated: Belated | None = None


def impact(
    allocations: pd.DataFrame,
    outcomes: pd.DataFrame,
    settings: ImpactSettings | None = None,
    acted_on_within: int | None = None,
) -> Impact:
    """What the calls do, a queue apart.

    `allocations`: one row a person and list, in the order of publication: run_id, as_of,
    newest_as_of (after as_of where the list is a replay, which is left out), begun_on (the day on
    which the list was made), patient_id, queue, allocation, listed, discharged_on (missing where he
    stands in another queue), risk (`Store.allocations` of serving). `outcomes`: one row each of
    them, by run_id and patient_id (`training.effects.impact_outcomes.outcomes`). Lists that were
    made more than `acted_on_within` days after as_of are left out; None for all, as of invented
    people, whose days are long past.
    Raises RefusalError where no place was given by a draw on a list that anybody acted on.
    """
    settings = settings or ImpactSettings()
    replay = (allocations["as_of"] < allocations["newest_as_of"]).to_numpy(dtype=bool)
    late = np.zeros(len(allocations), dtype=bool)
    if acted_on_within is not None:
        waited = (allocations["begun_on"] - allocations["as_of"]).dt.days.to_numpy()
        late = ~replay & (waited > acted_on_within)
    replays, belated = _replays(allocations[replay]), None
    if (of := _drawn_lists(allocations[late])) is not None and acted_on_within is not None:
        belated = Belated(*of, acted_on_within)
    acted_on = allocations[~(replay | late)].reset_index(drop=True)
    was_drawn = acted_on["allocation"].isin((DRAWN_IN, DRAWN_OUT))
    if not was_drawn.any():
        why = " ".join(one.words for one in (replays, belated) if one is not None)
        raise RefusalError(f"{NOTHING_SAID}: {why}" if why else NOTHING_DRAWN)
    rows = acted_on.merge(outcomes, on=["run_id", "patient_id"], how="left", validate="one_to_one")
    lists = rows[was_drawn.to_numpy()].drop_duplicates("run_id")
    queues = [
        _of_queue(queue, rows, settings)
        for queue in OUTCOMES
        if (was_drawn & (acted_on["queue"] == queue)).any()
    ]
    return Impact(len(lists), *_first_and_last(lists["as_of"]), tuple(queues), replays, belated)


def _replays(rows: pd.DataFrame) -> Replays | None:
    of = _drawn_lists(rows)
    return None if of is None else Replays(*of, _first_and_last(rows["newest_as_of"])[1])


def _drawn_lists(rows: pd.DataFrame) -> tuple[int, str, str] | None:
    """How many of the lists had drawn places, the first and the last day; None of none."""
    drawn = rows[rows["allocation"].isin((DRAWN_IN, DRAWN_OUT))].drop_duplicates("run_id")
    return None if drawn.empty else (len(drawn), *_first_and_last(drawn["as_of"]))


def _first_and_last(days: pd.Series) -> tuple[str, str]:
    days = pd.to_datetime(days)
    return f"{days.min():%Y-%m-%d}", f"{days.max():%Y-%m-%d}"


def _of_queue(queue: str, rows: pd.DataFrame, settings: ImpactSettings) -> OfQueue:
    here = rows[rows["queue"] == queue]
    drawn_for = here[here["allocation"].isin((DRAWN_IN, DRAWN_OUT))]
    every = drawn_for.drop_duplicates("patient_id")
    before = _listed_before(every, rows)
    of_in, of_out = (
        every[~before & (every["allocation"] == name)] for name in (DRAWN_IN, DRAWN_OUT)
    )
    left_out = every.loc[before, "allocation"]
    listed_before = (int((left_out == DRAWN_IN).sum()), int((left_out == DRAWN_OUT).sum()))
    drawn, not_drawn = _group(of_in), _group(of_out)
    observed = drawn.cases + not_drawn.cases
    at = settings.assumed_risk
    if observed >= settings.fewest_cases:
        at = observed / (drawn.known + not_drawn.known)
    needed = needed_a_group(at, settings.power)
    estimate = None
    if min(drawn.known, not_drawn.known) >= settings.fewest:
        by_rank = here[
            (here["allocation"] == BY_RANK) & here["run_id"].isin(drawn_for["run_id"])
        ].drop_duplicates("patient_id")
        difference = newcombe(not_drawn.cases, not_drawn.known, drawn.cases, drawn.known)
        estimate = Estimate(difference, to_call(difference), _fall(by_rank), _fall(of_out))
    return OfQueue(
        queue, drawn, not_drawn, listed_before, _not_known(of_in, of_out),
        _listed_later(of_out, rows), needed, at, estimate, settings,
    )  # fmt: skip


def _listed_before(first: pd.DataFrame, rows: pd.DataFrame) -> NDArray[np.bool_]:
    """Of each of `first`, whether he was on a list published before that one, for whatever queue,
    on a day of the episode for which his coin holds. `rows` are in the order of publication."""
    of_discharge = (first["queue"] == DISCHARGED).to_numpy(dtype=bool)
    new_year = pd.to_datetime(first["as_of"]).dt.to_period("Y").dt.start_time
    began = new_year.mask(of_discharge, pd.to_datetime(first["discharged_on"]))
    mine = pd.DataFrame(
        {"patient_id": first["patient_id"], "began": began, "drawn_at": first.index}
    )
    listed = (
        rows.loc[rows["listed"], ["patient_id", "as_of"]].rename_axis("listed_at").reset_index()
    )
    both = listed.merge(mine, on="patient_id")
    earlier = (both["listed_at"] < both["drawn_at"]) & (both["as_of"] >= both["began"])
    return first["patient_id"].isin(both.loc[earlier, "patient_id"]).to_numpy(dtype=bool)


def _group(first: pd.DataFrame) -> Group:
    outcome = first["outcome"].dropna()
    return Group(len(first), len(outcome), int(outcome.sum()), float(first["risk"].mean()))


def _fall(people: pd.DataFrame) -> Fall:
    both = people[people["outcome"].notna() & people["before"].notna()]
    return Fall(len(both), int(both["before"].sum()), int(both["outcome"].sum()))


def _not_known(of_in: pd.DataFrame, of_out: pd.DataFrame) -> dict[str, tuple[int, int]]:
    counts = [part.loc[part["outcome"].isna(), "not_known"].value_counts()
              for part in (of_in, of_out)]  # fmt: skip
    reasons = sorted(set(counts[0].index) | set(counts[1].index))
    return {why: (int(counts[0].get(why, 0)), int(counts[1].get(why, 0))) for why in reasons}


def _listed_later(of_out: pd.DataFrame, rows: pd.DataFrame) -> int:
    """How many of the comparison group were on a list from their day until their last one; whom an
    empty place let on at once included."""
    window = of_out[["patient_id", "as_of", "until"]]
    listed = rows.loc[rows["listed"], ["patient_id", "as_of"]]
    both = listed.merge(window, on="patient_id", suffixes=("", "_drawn"))
    within = (both["as_of"] >= both["as_of_drawn"]) & (both["as_of"] <= both["until"])
    return both.loc[within, "patient_id"].nunique()


def newcombe(cases: int, people: int, other_cases: int, other_people: int) -> Difference:
    """The first share minus the other, with the hybrid score interval (Newcombe, Stat Med
    1998;17:873, method 10): the Wilson bounds of both shares, put together."""
    from scipy.stats import binomtest

    one, other = cases / people, other_cases / other_people
    of_one = binomtest(cases, people).proportion_ci(method="wilson")
    of_other = binomtest(other_cases, other_people).proportion_ci(method="wilson")
    return Difference(
        one - other,
        one - other - float(np.hypot(one - of_one.low, of_other.high - other)),
        one - other + float(np.hypot(of_one.high - one, other - of_other.low)),
    )


def to_call(difference: Difference) -> ToCall | None:
    """One by the difference; None where its interval does not lie above 0."""
    if difference.low <= 0:
        return None
    return ToCall(*(ceil(1 / part) for part in (difference.value, difference.high,
                                                difference.low)))  # fmt: skip


def needed_a_group(risk: float, power: float) -> int:
    """People with a known outcome in each of two equal groups, so that half the risk in one of them
    is seen at the 5 % level on both sides with this power (normal approximation)."""
    half, mean = risk / 2, risk * 3 / 4
    by_level, by_power = (NormalDist().inv_cdf(q) for q in (0.975, power))
    spread = by_level * np.sqrt(2 * mean * (1 - mean))
    spread += by_power * np.sqrt(risk * (1 - risk) + half * (1 - half))
    return ceil((spread / (risk - half)) ** 2)
