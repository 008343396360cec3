"""On an invented population the labels equal those of a second implementation.

The second one (`tests/label_oracle`) was written from DEFINITIONS.md alone, before the code of
`training` was looked at, and shares no code with it: plain rows, one patient at a time. Where the
definition is silent and the two had read it differently, `tests.label_oracle.readings` says how.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.generation import find_current
from data.home import Home
from data.intake import take_in
from data.synthesise import synthesise
from tests.label_oracle.comparison import high_cost_differences, readmission_differences
from tests.label_oracle.intent import rule_against_intent
from tests.training.small import Person, manifest, together
from training.settings.tasks import HighCostTask, ReadmissionTask

MEMBERS = 3000
SEED = 8
READMISSION = ReadmissionTask()
PCR_LIKE = replace(READMISSION, definition="pcr_like", minimum_age=18, allowed_gap_days=45)
HIGH_COST = HighCostTask()


@dataclass(frozen=True)
class Population:
    tables: dict[str, pa.Table]
    manifest: dict[str, Any]
    truth: pa.Table


@pytest.fixture(scope="module")
def population(tmp_path_factory: pytest.TempPathFactory) -> Population:
    home = Home(tmp_path_factory.mktemp("labels") / "home")
    synthesise(home.invented, MEMBERS, years=4, seed=SEED, replicates=0)
    take_in(home, "canonical", home.invented)
    taken = find_current(home)
    assert taken is not None
    tables = {name: taken.read(name) for name in taken.tables}
    truth = pq.read_table(home.invented / "truth" / "discharge.parquet")
    return Population(tables, taken.manifest, truth)


def test_cms_hwr(population: Population) -> None:
    compared = readmission_differences(population.tables, population.manifest, READMISSION)
    assert compared.differences == []
    assert compared.counted["outcome positive"] > 80
    assert compared.counted["outcome negative"] > 500
    assert compared.counted["outcome censored"] > 50
    assert compared.counted["death or readmission True"] > 100


def test_pcr_like(population: Population) -> None:
    compared = readmission_differences(population.tables, population.manifest, PCR_LIKE)
    assert compared.differences == []
    assert compared.counted["outcome positive"] > 80
    assert compared.counted["outcome censored"] > 50


@pytest.mark.parametrize("threshold_cents", [500_000, 3_000_000])
def test_high_cost(population: Population, threshold_cents: int) -> None:
    """A sixth of the people: the second implementation asks about every day one by one."""
    some = {
        name: table.filter(
            pa.array([int(who[-3:]) % 6 == 0 for who in table["patient_id"].to_pylist()])
        )
        for name, table in population.tables.items()
    }
    compared = high_cost_differences(some, population.manifest, HIGH_COST, threshold_cents)
    assert compared.differences == []
    for outcome in ("case", "no case", "censored"):
        assert compared.counted[f"outcome {outcome}"] > 100, outcome


def _one(name: str, discharged: str = "2022-03-10", **person: Any) -> Person:
    """Somebody with one stay from 1 March 2022 on."""
    return Person(name, **person).stay(f"{name}-a", "2022-03-01", discharged)


def _boundaries() -> list[Person]:
    """Each rule at its edge: a day that still meets it, and the day that does not."""
    born = ("1957-02-28", "1957-03-01", "1957-03-02", "1957-03-03")
    people = [_one(f"born {day}", birth=day) for day in born]
    starts = ("2021-02-28", "2021-03-01", "2021-03-02")
    people += [_one(f"from {day}", covered=(day, None)) for day in starts]
    ends = ("2022-02-28", "2022-03-01", "2022-03-09", "2022-03-10", "2022-04-08", "2022-04-09")
    for end in ends:
        covered = ("2015-01-01", end)
        people.append(_one(f"to {end}", covered=covered))
        people.append(_one(f"to {end} died on day 30", covered=covered, death="2022-04-09"))
        people.append(_one(f"to {end} died on day 31", covered=covered, death="2022-04-10"))
    for again in ("2022-03-01", "2022-03-04", "2022-03-09", "2022-03-10", "2022-03-11"):
        name = f"gap until {again}"
        people.append(_one(name, covered=("2015-01-01", "2022-02-28")))
        people[-1].add("coverage", start_on=again, known_on=again)
    deaths = ("2022-03-01", "2022-03-10", "2022-03-11", "2022-04-09", "2022-04-10")
    people += [_one(f"died {day}", death=day) for day in deaths]
    for back in ("2022-03-10", "2022-03-11", "2022-03-12", "2022-04-09", "2022-04-10"):
        for facility in ("north", "south", None):
            for diagnosis in ("I509", "M1711"):
                name = f"back {back} {facility} {diagnosis}"
                people.append(_one(name))
                people[-1].stay(f"{name}-b", back, "2022-04-20", facility, diagnosis)
                people.append(_one(f"joint {name}"))
                people[-1].stay(f"joint {name}-b", back, "2022-04-20", facility, diagnosis,
                                procedures=("0SRC0J9",))  # fmt: skip
                people[-1].stay(f"joint {name}-c", "2022-05-20", "2022-05-21")
    for number, types in enumerate((("newborn", None), (None, "newborn"))):
        name = f"born here {number}"
        person = Person(name).stay(f"{name}-a", "2022-03-01", "2022-03-10")
        person.stay(f"{name}-b", "2022-03-11", "2022-03-12", "south")
        for row, kind in zip(person.rows["encounter"], types, strict=True):
            row["admission_type"] = kind
        people.append(person)
    for number, person in enumerate(people):
        for span in person.rows["coverage"]:
            span["payer"] = "commercial" if number % 9 == 8 else "medicare"
    return people


@pytest.mark.parametrize(
    "task", [READMISSION, replace(READMISSION, minimum_age=18, all_payers=True), PCR_LIKE]
)
def test_boundaries(task: ReadmissionTask) -> None:
    compared = readmission_differences(together(*_boundaries()), manifest(), task)
    assert compared.differences == []
    assert compared.counted["rows of an episode"] > 100


OF_YEARS = manifest(cost_covers="year", data_through="2025-01-31", run_out_days=0)


def _yearly(name: str, end: str | None, *dollars: float) -> Person:
    person = Person(name, covered=("2018-01-01", end))
    for year, amount in zip(range(2021, 2025), dollars, strict=True):
        person.cost(f"{year}-12-31", amount, covers="year")
    return person


def test_high_cost_of_annual_totals() -> None:
    """31 December only; a year's total is the amount of its calendar year, of 366 days too."""
    people = together(
        _yearly("stays", None, 10, 999, 1_000, 1_001), _yearly("again", None, 0, 1_001, 0, 1_000)
    )
    compared = high_cost_differences(people, OF_YEARS, HIGH_COST, 100_000)
    assert compared.differences == []
    assert compared.counted["outcome case"] == 2
    assert compared.counted["outcome no case"] == 4


def test_a_year_above_the_threshold_is_a_case_though_coverage_was_left() -> None:
    """DEFINITIONS: left coverage, above the threshold before leaving = case."""
    person = _yearly("leaves", "2024-06-30", 0, 0, 0, 1_001)
    compared = high_cost_differences(together(person), OF_YEARS, HIGH_COST, 100_000)
    assert compared.differences == []


def test_nobody_dead_before_admission_was_discharged_alive() -> None:
    person = Person(death="2022-01-04").stay("after", "2022-01-05", "2022-01-10")
    compared = readmission_differences(together(person), manifest(), READMISSION)
    assert compared.differences == []


def test_the_day_of_discharge_is_none_of_the_days_before_it() -> None:
    """pcr_like allows one gap before discharge: the second one here is the day of discharge."""
    person = Person(birth="1980-03-01", covered=("2021-03-11", "2022-03-01"))
    person.add("coverage", start_on="2022-03-03", end_on=None, known_on="2022-03-03")
    person.stay("left", "2022-02-25", "2022-03-02")
    compared = readmission_differences(together(person), manifest(), PCR_LIKE)
    assert compared.differences == []


def test_a_return_for_rehabilitation_is_planned() -> None:
    """DEFINITIONS counts Z51.89 to CCS 254, which is always planned, as V57 is in ICD-9."""
    person = Person(birth="1980-05-05").stay("first", "2022-01-05", "2022-01-10")
    person.stay("again", "2022-01-20", "2022-01-25", diagnosis="Z5189")
    compared = readmission_differences(together(person), manifest(), PCR_LIKE)
    assert compared.differences == []


def test_what_was_meant_as_planned_is_called_planned(population: Population) -> None:
    """Rule against true intent. The rule errs only where claims, and so procedures, are late."""
    intent = rule_against_intent(population.tables, population.manifest, population.truth)
    assert intent.all_stays.total() > 2000
    assert intent.all_stays[False, True] == 0, "an unplanned stay called planned"
    assert intent.seasoned[True, False] == 0, "a planned one called unplanned though all is known"
    assert intent.seasoned[True, True] > 200
    assert intent.deciding[True, True] > 10
    assert intent.deciding[True, False] == 0
