"""High-cost rows again, one person at a time, from the written rules and without our code."""

from __future__ import annotations

from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np
import pytest

from data.home import Home
from data.intake import current, take_in
from data.synthesise import synthesise
from training.cohorts.high_cost import high_cost_cohort
from training.settings.tasks import HIGH_COST

THRESHOLD = 20_000_00
ONE = timedelta(days=1)
YEAR = timedelta(days=365)


@pytest.fixture(scope="module")
def taken(tmp_path_factory):
    home = Home(tmp_path_factory.mktemp("home"))
    synthesise(home, 250, seed=9, replicates=0)
    take_in(home, "canonical", home.invented)
    return current(home)


def final(taken, table: str, through: date) -> Iterator[dict]:
    """The last version of each fact known by then, unless it was withdrawn."""
    last: dict[str, dict] = {}
    for row in taken.read(table).to_pylist():
        held = last.get(row["record_id"])
        if row["known_on"] <= through and (held is None or row["known_on"] > held["known_on"]):
            last[row["record_id"]] = row
    return (row for row in last.values() if not row["reversed"])


class Life:
    def __init__(self) -> None:
        self.born: date | None = None
        self.death: date | None = None
        self.covered: set[date] = set()
        self.cents: dict[date, int] = defaultdict(int)

    def spent(self, after: date, until: date) -> int:
        return sum(cents for day, cents in self.cents.items() if after < day <= until)

    def covered_each(self, first: date, last: date) -> bool:
        return all(first + ONE * n in self.covered for n in range((last - first).days + 1))

    def age(self, day: date) -> int:
        assert self.born is not None
        return day.year - self.born.year - ((day.month, day.day) < (self.born.month, self.born.day))


def lives(taken, through: date) -> dict[str, Life]:
    people: dict[str, Life] = defaultdict(Life)
    for row in final(taken, "member", through):
        people[row["patient_id"]].born = row["birth_on"]
        people[row["patient_id"]].death = row["death_on"]
    for row in final(taken, "coverage", through):
        day = max(row["start_on"], date(2020, 1, 1))
        while day <= min(row["end_on"] or date.max, through):
            people[row["patient_id"]].covered.add(day)
            day += ONE
    for row in final(taken, "cost", through):
        people[row["patient_id"]].cents[row["happened_on"]] += row["allowed_cents"]
    return people


def month_ends(first: date, last: date) -> Iterator[date]:
    for year in range(first.year, last.year + 1):
        for month in range(1, 13):
            day = date(year, month, monthrange(year, month)[1])
            if first <= day <= last:
                yield day


def asked_of(life: Life, as_of: date, first_cost: date, through: date) -> dict | None:
    """One row by the rules of DEFINITIONS.md, or None for whoever is not asked about."""
    if as_of not in life.covered:
        return None
    end = as_of + YEAR
    until = as_of
    while until + ONE in life.covered:
        until += ONE
    open_end = until == through  # nobody knows of a later day
    alive = life.death is None or life.death > as_of
    died = life.death is not None and alive
    lasting = min(end, life.death - timedelta(days=31)) if died else end
    left = alive and not open_end and until < lasting
    seen = life.spent(as_of, min(until, end) if left else end)
    case = seen > THRESHOLD
    before = life.spent(as_of - YEAR, as_of) > THRESHOLD
    year_seen = life.covered_each(as_of - YEAR + ONE, as_of) and as_of - YEAR + ONE >= first_cost
    high_before = float(before) if before or year_seen else None
    lived = min(end, life.death) if died else end
    settled, sum_so_far = lived, 0
    for day in sorted(life.cents):
        if case and as_of < day <= end:
            sum_so_far += life.cents[day]
            if sum_so_far > THRESHOLD:
                settled = min(day, lived)
                break
    return {
        "eligible": alive and life.covered_each(as_of - timedelta(days=179), as_of),
        "outcome": None if left and not case else int(case), "amount": life.spent(as_of, end),
        "left_after": (until - as_of).days if left else None, "high_before": high_before,
        "cell": sum(life.age(as_of) >= bound for bound in (65, 75, 85)),
        "lived": (lived - as_of).days, "settled": (settled - as_of).days,
    }  # fmt: skip


def chance_to_be_known(row: dict, cell: list[dict]) -> float:
    """Kaplan–Meier: nobody of the cell may have left before the row was settled."""
    chance = 1.0
    for day in sorted({o["left_after"] for o in cell} - {None}):
        if day < row["settled"]:
            leaving = sum(o["left_after"] == day for o in cell)
            there = sum(
                (o["lived"] if o["left_after"] is None else o["left_after"]) >= day for o in cell
            )
            chance *= 1 - leaving / there
    return chance


def test_rows_labels_and_weights_are_those_of_the_rules(taken):
    through = date.fromisoformat(taken.manifest["data_through"])
    people = lives(taken, through)
    first_cost = min(day for life in people.values() for day in life.cents)
    dates = list(month_ends(first_cost + timedelta(days=179),
                            through - timedelta(days=120) - YEAR))  # fmt: skip
    slow = {
        (patient, as_of): row
        for as_of in dates
        for patient, life in people.items()
        if (row := asked_of(life, as_of, first_cost, through)) is not None
    }
    every = high_cost_cohort(taken.tables, taken.manifest, HIGH_COST, THRESHOLD).every
    assert len(slow) == len(every) > 3_000
    counts = defaultdict(int)
    cells = defaultdict(list)
    for (_, as_of), row in slow.items():
        if row["eligible"]:
            cells[as_of, row["cell"]].append(row)
    for ours in every.to_dict("records"):
        as_of = date(1970, 1, 1) + ONE * ours["as_of"]
        row = slow[ours["patient_id"], as_of]
        assert ours["eligible"] == row["eligible"]
        assert ours["amount_cents"] == row["amount"]
        for name in ("left_after", "high_before"):
            theirs = np.nan if row[name] is None else row[name]
            assert ours[name] == theirs or (np.isnan(ours[name]) and np.isnan(theirs)), name
        assert ours["censored"] == (row["outcome"] is None)
        assert ours["censored"] or ours["outcome"] == row["outcome"]
        counts[row["outcome"], row["high_before"]] += 1
        if row["eligible"] and not ours["censored"]:
            chance = chance_to_be_known(row, cells[as_of, row["cell"]])
            assert ours["weight"] == pytest.approx(1 / max(chance, 0.05)), (ours, row)
    assert min(counts[1, 0.0], counts[1, 1.0], counts[0, 1.0], counts[None, 0.0]) > 0, counts
