"""Whom the list reaches, by group, and how many of those with need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.small_cells import Counts
from data.tables import TABLES
from serving.known_scores import Asked
from serving.list_equity import (
    ATTRIBUTES,
    COUNTED,
    MOST_GROUPS,
    NEED,
    charlson_of,
    list_equity,
)
from serving.reached_alike import FEW, NOT_TOLD
from serving.worklist import BEYOND_CAPACITY

DAY = date(2024, 12, 31)
LONG_AGO = date(2020, 1, 1)
INVENTED, OWN = Counts("invented"), Counts("own")


def table(name: str, *rows: dict[str, Any]) -> pa.Table:
    usual = {"known_on": LONG_AGO, "reversed": False}
    told = [
        usual | {"record_id": f"r{n}", "source_row": f"{name}:{n:04}"} | row
        for n, row in enumerate(rows)
    ]
    return pa.Table.from_pylist(told, schema=TABLES[name].schema)


def member(patient: str, **told: Any) -> dict[str, Any]:
    return {"patient_id": patient, "birth_on": date(1950, 1, 1)} | told


def cover(patient: str, payer: str | None, **told: Any) -> dict[str, Any]:
    return {"patient_id": patient, "start_on": LONG_AGO, "payer": payer} | told


def equity(
    people: dict[str, tuple[str | None, float]],
    members: Sequence[dict[str, Any]] = (),
    covers: Sequence[dict[str, Any]] = (),
    counts: Counts = INVENTED,
    born: Mapping[str, str] = MappingProxyType({}),
    need_is_known: bool = True,
) -> dict[str, Any]:
    """`people`: by id why left out (None: on the list) and Charlson's index."""
    scores = pd.DataFrame({
        "patient_id": list(people), "left_out": [why for why, _ in people.values()],
        "readmission_tier": None, "high_cost_tier": "high",
    })  # fmt: skip
    return list_equity(
        scores, scores.loc[scores["left_out"].isna(), "patient_id"],
        np.array([born.get(one, "1950-01-01") for one in people], dtype="datetime64[D]"),
        np.array([index for _, index in people.values()]) if need_is_known else None,
        {"member": table("member", *members), "coverage": table("coverage", *covers)}, DAY, counts,
    )  # fmt: skip


def by_group(told: dict[str, Any], attribute: str, *columns: str) -> dict[str, tuple[Any, ...]]:
    rows = [row for row in told["rows"] if row["attribute"] == attribute]
    return {row["group"]: tuple(row[column] for column in columns) for row in rows}


FOUR = {"a": (None, 4.0), "b": (None, 0.0), "c": (BEYOND_CAPACITY, 3.0), "d": ("died", 9.0)}


def test_people_the_listed_and_those_with_need_of_each_group() -> None:
    members = [member("a", sex="female"), member("b", sex="male"), member("c", sex="female")]
    told = equity(FOUR, members)
    assert by_group(told, "sex", *COUNTED) == {
        # people, listed, with need (3 or more), of these listed, high tier of each risk
        "women": (2, 1, 2, 1, 0, 2),
        "men": (1, 1, 0, 0, 0, 1),
    }
    assert told["need"] == NEED == "a Charlson index of 3 or more"
    assert "inherits unequal access" in told["caveat"]
    assert [*dict.fromkeys(row["attribute"] for row in told["rows"])] == [*ATTRIBUTES]


def test_what_is_not_known_of_somebody_is_a_group_and_not_a_guess() -> None:
    told = equity(FOUR, [member("a", race="black"), member("b", race=" ")])
    assert by_group(told, "race or ethnicity", "people") == {"black": (1,), "not known": (2,)}
    assert by_group(told, "payer", "people") == {"not known": (3,)}
    without = equity(FOUR, need_is_known=False)
    assert without["need"] is None
    assert by_group(without, "sex", "people", "listed", "with_need", "with_need_listed") == {
        "not known": (3, 2, None, None)
    }


def test_ages_are_of_the_day_of_the_list() -> None:
    born = {"a": "1959-12-31", "b": "1960-01-01", "c": "1939-12-31"}
    assert by_group(equity(FOUR, born=born), "age", "people") == {
        "under 65": (1,),  # turns 65 the day after
        "65 to 74": (1,), "85 and over": (1,),
    }  # fmt: skip


def test_what_was_last_known_on_the_day_counts() -> None:
    later = date(2025, 1, 1)
    members = [
        member("a", race="black", region="north"),
        member("a", race="white", known_on=date(2024, 6, 1)),  # says nothing of the region
        member("a", race="asian", known_on=later),
        member("b", race="white", record_id="x"),
        member("b", race="white", record_id="x", known_on=date(2024, 1, 1), reversed=True),
    ]
    covers = [
        cover("a", "commercial"), cover("a", "medicare", start_on=date(2024, 1, 1)),
        cover("b", "medicaid"), cover("b", "other", end_on=date(2024, 12, 30)),
        cover("b", "medicare", start_on=later), cover("c", "commercial", end_on=DAY),
    ]  # fmt: skip
    told = equity(FOUR, members, covers)
    assert by_group(told, "race or ethnicity", "people") == {"white": (1,), "not known": (2,)}
    assert by_group(told, "region", "people") == {"north": (1,), "not known": (2,)}
    assert by_group(told, "payer", "people") == {
        "medicare": (1,), "medicaid": (1,), "commercial": (1,)
    }  # fmt: skip


def test_of_many_groups_the_largest_are_told_and_the_others_together() -> None:
    sizes = {f"R{n:02}": 12 - n for n in range(11)}
    patients = [f"{region}-{n}" for region, size in sizes.items() for n in range(size)]
    told = equity(
        dict.fromkeys(patients, (None, 0.0)),
        [member(patient, region=patient[:3]) for patient in patients],
    )
    regions = by_group(told, "region", "people")
    assert list(regions) == [*list(sizes)[: MOST_GROUPS - 1], "all others"]
    assert regions["all others"] == (5 + 4 + 3 + 2,)


def test_the_shares_of_those_with_need_are_compared_where_there_are_enough() -> None:
    people = {f"w{n}": (None if n < 10 else BEYOND_CAPACITY, 5.0) for n in range(40)}
    people |= {f"m{n}": (None if n < 20 else BEYOND_CAPACITY, 5.0) for n in range(40)}
    members = [member(one, sex="female" if one[0] == "w" else "male") for one in people]
    columns = ("ratio", "ratio_low", "ratio_high", "why_no_ratio")
    told = by_group(equity(people, members), "sex", *columns)
    assert told == {"women": (0.5, 0.22, 1.13, None), "men": (2.0, 0.89, 4.52, None)}
    few = {one: held for one, held in people.items() if one[0] == "m" or int(one[1:]) < 19}
    assert by_group(equity(few, members), "sex", *columns)["women"] == (None, None, None, FEW)
    unknown = equity(people, members, need_is_known=False)
    assert by_group(unknown, "sex", *columns)["women"] == (None,) * 4


def test_of_few_real_people_no_count_is_told_nor_any_part_of_it() -> None:
    people = {f"w{n}": half_of_them(n, 120) for n in range(160)}
    people |= {f"m{n}": half_of_them(n, 118) for n in range(158)}
    people |= {f"o{n}": (None, 5.0) for n in range(4)}
    sexes = {"w": "female", "m": "male", "o": "other"}
    told = equity(people, [member(one, sex=sexes[one[0]]) for one in people], counts=OWN)
    assert by_group(told, "sex", *COUNTED[:4]) == {
        "women": (160, 80, 120, 60), "men": (160, 80, 120, 60), "other": (None,) * 4
    }  # fmt: skip
    two = {one: held for one, held in people.items() if one[0] != "m" or int(one[1:]) < 3}
    assert by_group(equity(two, [member(one, sex=sexes[one[0]]) for one in two], counts=OWN),
                    "sex", "people") == {"women": (160,), "all others": (None,)}  # fmt: skip


def test_a_part_that_leaves_few_real_people_of_its_group_is_not_told_either() -> None:
    people = {f"w{n}": half_of_them(n, 90) for n in range(100)}  # 10 of 100 are not ill
    people |= {f"m{n}": half_of_them(n, 60) for n in range(120)}
    people |= {f"o{n}": half_of_them(n, 60) for n in range(140)}
    sexes = {"w": "female", "m": "male", "o": "other"}
    members = [member(one, sex=sexes[one[0]]) for one in people]
    columns = (*COUNTED[:4], "why_no_ratio")
    assert by_group(equity(people, members, counts=OWN), "sex", *columns) == {
        "women": (100, 50, None, None, NOT_TOLD), "men": (120, 60, 60, 30, None),
        "other": (140, 70, 60, 30, None),
    }  # fmt: skip
    exactly = by_group(equity(people, members), "sex", *columns)
    assert exactly["women"] == (100, 50, 90, 45, None)


def half_of_them(n: int, ill: int) -> tuple[str | None, float]:
    """Somebody of whom every second is on the list, and who is ill as one of the first `ill`."""
    return None if n % 2 else BEYOND_CAPACITY, 5.0 if n < ill else 0.0


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([None, BEYOND_CAPACITY, "died"]), st.integers(0, 6),
            st.sampled_from(["female", "male", "other", None]),
            st.sampled_from(["black", "white", "asian", None]),
        ),
        min_size=1, max_size=80,
    ),
)  # fmt: skip
def test_the_groups_add_up_and_a_part_is_never_told_without_its_whole(drawn) -> None:
    people = {f"p{n}": (why, float(index)) for n, (why, index, _, _) in enumerate(drawn)}
    members = [member(f"p{n}", sex=sex, race=race) for n, (_, _, sex, race) in enumerate(drawn)]
    whole = (
        sum(why != "died" for why, _ in people.values()),
        sum(why is None for why, _ in people.values()),
        sum(why != "died" and index >= 3 for why, index in people.values()),
        sum(why is None and index >= 3 for why, index in people.values()),
    )
    told = equity(people, members)
    for attribute in ATTRIBUTES:
        groups = by_group(told, attribute, *COUNTED[:4]).values()
        assert tuple(map(sum, zip(*groups, strict=True))) == (whole if groups else ())
    for row in equity(people, members, counts=OWN)["rows"]:
        hidden = {column for column in COUNTED if row[column] is None}
        assert hidden.issuperset(COUNTED) or "people" not in hidden
        assert "with_need_listed" in hidden or not hidden & {"listed", "with_need"}
        assert all(row[column] in (None, 0) or row[column] >= 11 for column in COUNTED)


def test_charlson_is_known_as_the_night_asked_it() -> None:
    nothing = np.array(["", ""], dtype=object)
    asked = [
        Asked("charlson_2011", np.array([2, 0]), np.array([3.0, np.nan]), np.array([4.0, np.nan]),
              nothing),
        Asked("prior_year_cost", np.array([1, 2]), np.ones(2), np.ones(2), nothing),
    ]  # fmt: skip
    told = charlson_of(asked, 3)
    assert told is not None
    assert [None if np.isnan(n) else n for n in told] == [None, None, 3.0]
    assert charlson_of(asked[1:], 3) is None


@pytest.mark.parametrize("nobody", [{}, {"a": ("died", 1.0)}])
def test_of_nobody_there_is_no_group(nobody) -> None:
    assert equity(nobody)["rows"] == []
