"""A population as it is drawn: each number of a picture by hand, and the pictures from them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from data.errors import RefusalError
from tests.training.small import Person, day, manifest, tables, together
from training.cohorts import population
from training.cohorts.attrition import Attrition
from training.cohorts.population import (
    EVERYBODY,
    NOT_TOLD,
    age_and_sex,
    attrition_left,
    cost_concentration,
    covered_by_month,
    people_covered,
    reporting_lag,
    rows_by_month,
)
from training.cohorts.split import Split
from training.pictures.population_picture import (
    draw_age_and_sex,
    draw_attrition,
    draw_cost_concentration,
    draw_covered,
    draw_months,
    draw_reporting_lag,
)

THROUGH = day("2024-12-31")


def covered(patient: str, *spans: tuple[str, str | None, str], **about: Any) -> Person:
    person = Person(patient, covered=None, **about)
    for start, end, payer in spans:
        person.add("coverage", start_on=start, end_on=end, payer=payer, known_on=start)
    return person


def test_whoever_is_covered_and_alive_is_counted_at_his_age_and_last_told_sex() -> None:
    always = ("2020-01-01", None, "medicare")
    people = people_covered(together(
        covered("anna", always, birth="1944-12-31"),  # 80 on this very day
        covered("bert", always, birth="1945-01-01").add(  # 79, and 80 tomorrow
            "member", record_id="bert-member-0", birth_on="1945-01-01", sex="male",
            known_on="2021-01-01"),
        covered("cora", always, birth="1950-06-01", death="2024-12-31"),
        covered("dora", ("2020-01-01", "2024-12-30", "medicare"), birth="1950-06-01"),
        covered("emma", ("2020-01-01", "2024-12-31", "medicaid"), birth="1933-06-01"),  # 91
        Person("fred", birth="1990-06-01").add(
            "member", record_id="fred-member-0", birth_on="1990-06-01", sex=None,
            known_on="2021-01-01"),
    ), THROUGH)  # fmt: skip
    assert people.values.tolist() == [
        ["anna", 80, "female", "medicare"], ["bert", 79, "male", "medicare"],
        ["emma", 91, "female", "medicaid"], ["fred", 34, NOT_TOLD, NOT_TOLD],
    ]  # fmt: skip
    counts = age_and_sex(people)
    assert counts.index.tolist() == ["30–39", "70–79", "80–89", "90 and over"]
    assert counts["female"].tolist() == [0, 0, 1, 1]
    assert counts["male"].tolist() == [0, 1, 0, 0]
    assert counts[NOT_TOLD].tolist() == [1, 0, 0, 0]


def test_members_are_counted_at_month_ends_under_each_payer() -> None:
    found = covered_by_month(together(
        covered("anna", ("2024-08-15", None, "medicare"), ("2024-09-10", "2024-10-30", "medicaid")),
        covered("bert", ("2024-09-01", "2024-10-31", "commercial"), death="2024-10-31"),
    ), THROUGH)  # fmt: skip
    ends = np.array(found.index).astype("datetime64[D]").astype(str).tolist()
    assert ends == ["2024-08-31", "2024-09-30", "2024-10-31", "2024-11-30", "2024-12-31"]
    assert found["medicare"].tolist() == [1, 1, 1, 1, 1]
    assert found["medicaid"].tolist() == [0, 1, 0, 0, 0]
    assert found["commercial"].tolist() == [0, 1, 0, 0, 0], "dead on the last day of October"
    assert found[EVERYBODY].tolist() == [1, 2, 1, 1, 1], "anna once, under two payers"


def lagging() -> dict[str, Any]:
    """Ten diagnoses of 1 March, known after 0, 1, … 9 days, and three that do not count."""

    def told(record: str, happened: str, known: str) -> dict[str, Any]:
        return {"record_id": record, "patient_id": "anna", "code_system": "ICD10CM", "code": "I10",
                "happened_on": happened, "known_on": known}  # fmt: skip

    ten = [told(f"r{n}", "2024-03-01", f"2024-03-{n + 1:02d}") for n in range(10)]
    versions = [told("r0", "2024-03-01", f"2024-0{month}-01") for month in (5, 6)]
    late = told("late", "2024-09-03", "2024-12-01")  # 120 days before the end are the run-out's
    return tables(diagnosis=[*ten, *versions, late])


def test_a_lag_is_of_the_first_version_and_of_facts_before_the_run_out() -> None:
    found = reporting_lag(lagging(), manifest())
    # by day 0 one of ten, by day 4 five, by day 8 nine, and 99 of 100 with the last
    assert found.to_dict("records") == [
        {"table": "diagnosis", "facts": 10, "tenth": 0, "half": 4, "nine_of_ten": 8,
         "nearly_all": 9},
    ]  # fmt: skip
    longer = reporting_lag(lagging(), manifest(run_out_days=119))
    assert longer.loc[0, "facts"] == 11
    assert longer.loc[0, "nearly_all"] == 89, "3 September to 1 December"


def test_the_lags_of_a_file_read_in_pieces_are_those_of_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = lagging()
    order = [(name, "ascending") for name in ("patient_id", "record_id", "known_on")]
    files = {name: tmp_path / f"{name}.parquet" for name in made}
    for name, path in files.items():
        pq.write_table(made[name].sort_by(order), path)
    for size in (1, 2, 3, 100):  # r0 has three versions: a border lies between them
        monkeypatch.setattr(population, "BATCH", size)
        pd.testing.assert_frame_equal(
            reporting_lag(files, manifest()), reporting_lag(made, manifest())
        )


def spending(covers: str = "claim") -> dict[str, Any]:
    """Ten covered people: one costs $910 in the year to 2 September 2024, nine $10."""
    people = []
    for number in range(10):
        amount = 910 if number == 4 else 10
        person = Person(f"p{number}").cost("2024-09-02", amount - 1, covers=covers)
        people.append(person.cost("2023-09-04", 1, covers=covers))  # the first day of the year
    people[0].cost("2024-09-03", 7000, covers=covers).cost("2023-09-03", 7000, covers=covers)
    nobody = Person("left", covered=("2015-01-01", "2023-09-03"))
    return together(*people, nobody.cost("2024-01-01", 500, covers=covers))


def test_the_share_of_cost_is_that_of_the_costliest_people_of_the_last_complete_year() -> None:
    found = cost_concentration(spending(), manifest()).set_index("share_of_people")
    assert found["first_day"].iloc[0] == day("2023-09-04")
    assert found["last_day"].iloc[0] == day("2024-09-02")
    # of 910 + 9 x 10 = 1000 dollars
    assert found.loc[0.1, ["people", "share_of_cost", "least_dollars"]].tolist() == [1, 0.91, 910]
    assert found.loc[0.11, ["people", "share_of_cost"]].tolist() == [2, 0.92], "rounded up"
    assert found.loc[0.5, ["people", "share_of_cost", "least_dollars"]].tolist() == [5, 0.95, 10]
    assert found.loc[1.0, ["people", "share_of_cost"]].tolist() == [10, 1.0]


def test_of_totals_of_years_the_last_whole_calendar_year_counts() -> None:
    whole = together(
        Person("anna").cost("2023-12-31", 300, covers="year").cost("2022-12-31", 9, covers="year"),
        Person("bert").cost("2023-12-31", 100, covers="year"),
    )
    told = manifest(cost_covers="year", data_through="2024-12-30")
    found = cost_concentration(whole, told).set_index("share_of_people")
    assert found["last_day"].iloc[0] == day("2023-12-31")
    assert found.loc[0.5, "share_of_cost"] == 0.75  # 300 of 400


def test_where_nobody_cost_anything_it_says_so() -> None:
    with pytest.raises(RefusalError, match="Nobody cost anything in the year to 2024-09-02"):
        cost_concentration(together(Person("anna")), manifest())


def attrition() -> pd.DataFrame:
    rules = Attrition(np.arange(8), np.array([1, 1, 0, 0, 0, 0, 0, 0], dtype=bool))
    rules.begin("all stays", 10, 9)
    rules.joined("joined with another", 10)
    rules.exclude("too young", np.array([1, 0, 1, 1, 0, 0, 0, 0], dtype=bool))
    rules.exclude("of an exempt hospital", None)
    return rules.table()


def test_who_is_left_after_each_rule_is_told_with_those_taken_out() -> None:
    found = attrition_left(attrition())
    assert found["left"].tolist() == [10, 8, 5, 5]
    assert found["removed"].tolist() == [0, 2, 3, 0]
    assert found["share_left"].tolist() == [1.0, 0.8, 0.5, 0.5]
    assert found["cases"].tolist() == [pd.NA, 2, 1, 1]
    assert found["evaluable"].tolist() == [True, True, True, False]


def months() -> pd.DataFrame:
    as_of = [day("2023-01-31")] * 20 + [day("2023-02-01")] * 19
    rows = pd.DataFrame({"as_of": as_of, "outcome": [1] * 5 + [0] * 15 + [1] * 19})
    role = ["train"] * 8 + ["validation"] * 2 + ["calibration"] * 4 + ["aside"] * 6 + ["test"] * 19
    return rows_by_month(rows, Split(np.array(role, dtype=object), day("2023-02-01"), 150))


def test_a_month_has_its_roles_its_base_rate_and_wilsons_interval() -> None:
    first, second = months().to_dict("records")
    assert (first["month"], second["month"]) == ("2023-01", "2023-02")
    assert [first[name] for name in ("learned", "calibrated", "tested", "aside")] == [10, 4, 0, 6]
    assert [second[name] for name in ("learned", "calibrated", "tested", "aside")] == [0, 0, 19, 0]
    assert (first["rows"], first["cases"], first["rate"]) == (20, 5, 0.25)
    # Wilson: (p + z²/2n ± z √(p (1 - p) / n + z²/4n²)) / (1 + z²/n), z = 1.96, n = 20
    half = 1.96 * np.sqrt(0.25 * 0.75 / 20 + 1.96**2 / 1600)
    centre, below = 0.25 + 1.96**2 / 40, 1 + 1.96**2 / 20
    assert first["low"] == pytest.approx((centre - half) / below, abs=1e-4)
    assert first["high"] == pytest.approx((centre + half) / below, abs=1e-4)
    assert second["cases"] == 19
    assert np.isnan([second[name] for name in ("rate", "low", "high")]).all(), "19 are too few"


def pictures() -> dict[str, tuple[Callable[..., Path], pd.DataFrame, pd.DataFrame]]:
    """Each picture's function, its table, and the same with one other number."""
    always = ("2020-01-01", None, "medicare")
    people = together(*(covered(f"p{n}", always, birth=f"19{n}5-01-01") for n in range(2, 9)))
    counts, spans = age_and_sex(people_covered(people, THROUGH)), covered_by_month(people, THROUGH)
    lag, cost = reporting_lag(lagging(), manifest()), cost_concentration(spending(), manifest())
    left, by_month = attrition_left(attrition()), months()
    return {
        "age": (draw_age_and_sex, counts, counts + 1),
        "covered": (draw_covered, spans, spans.assign(medicare=3)),
        "lag": (draw_reporting_lag, lag, lag.assign(half=5)),
        "cost": (draw_cost_concentration, cost,
                 cost.assign(share_of_cost=cost["share_of_cost"].clip(upper=0.94))),
        "attrition": (draw_attrition, left, left.assign(removed=left["removed"] + 1)),
        "months": (draw_months, by_month, by_month.assign(rate=by_month["rate"] + 0.01)),
    }  # fmt: skip


@pytest.mark.parametrize("name", ["age", "covered", "lag", "cost", "attrition", "months"])
def test_a_picture_is_drawn_from_its_numbers_and_twice_the_same(name: str, tmp_path: Path) -> None:
    draw, table, other = pictures()[name]
    one, two, third = (
        draw(tmp_path / folder / f"{name}.png", told, "Invented people")
        for folder, told in (("a", table), ("b", table), ("c", other))
    )
    for end in (".png", ".svg"):
        made = [path.with_suffix(end).read_bytes() for path in (one, two, third)]
        assert made[0] == made[1]
        assert made[0] != made[2]
