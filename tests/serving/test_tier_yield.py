"""What each threshold asks of the team and is expected to find."""

from __future__ import annotations

from types import MappingProxyType

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.small_cells import Counts
from serving.list_settings import TierSettings
from serving.scoring import Models
from serving.tier_yield import tiers_of_night
from serving.worklist import BEYOND_CAPACITY, NO_PANEL, TIERS
from tests.serving.quick import write_quick_model

INVENTED, OWN = Counts("invented"), Counts("own")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    from data.home import Home

    home = Home(tmp_path_factory.mktemp("yield"))
    write_quick_model(home.models / "high-cost", "high-cost")
    board = TierSettings(high=0.4, moderate=0.1, owner="the board")
    return Models.load(home).of_site({"high-cost": board}).by_task["high-cost"]


def night(*rows: tuple[str, str | None, str | None, float | None]) -> pd.DataFrame:
    """One row a person: id, why left out, tier and risk of high cost."""
    scores = pd.DataFrame(rows, columns=["patient_id", "left_out", "high_cost_tier", "risk"])
    return scores.rename(columns={"risk": "high_cost_risk"}).astype({"high_cost_risk": float})


def test_the_people_of_a_tier_who_may_be_called_and_what_is_expected_of_them(model) -> None:
    scores = night(
        ("a", None, "high", 0.5), ("b", BEYOND_CAPACITY, "high", 0.7), ("c", "died", "high", 0.9),
        ("d", None, "moderate", 0.2), ("e", NO_PANEL, "moderate", 0.1),
        ("f", "no risk could be told", None, None),
    )  # fmt: skip
    told = tiers_of_night(scores, pd.Series(["a", "d"]), {"high-cost": model}, INVENTED)
    assert told == {"high-cost": {
        "owner": "the board",
        "high": {"from": 0.4, "people": 2, "listed": 1, "expected": 0.6},  # (0.5 + 0.7) / 2
        "moderate": {"from": 0.1, "people": 2, "listed": 1, "expected": 0.15},  # (0.2 + 0.1) / 2
        "low": {"from": 0.0, "people": 0, "listed": 0, "expected": None},
    }}  # fmt: skip


def test_a_readmission_is_expected_in_the_days_that_are_left(model) -> None:
    """The tier begins at a risk as on the day of discharge: most of its days are gone."""
    scores = night(("a", None, None, None), ("b", None, None, None)).assign(
        readmission_tier="high", readmission_risk=[0.1, 0.2], readmission_all_days_risk=0.45
    )
    told = tiers_of_night(scores, pd.Series(["a"]), {"readmission": model}, INVENTED)
    assert told["readmission"]["high"]["from"] == 0.4
    assert told["readmission"]["high"]["expected"] == 0.15


def test_of_so_few_real_people_nothing_is_told(model) -> None:
    few = [(f"h{n}", None, "high", 0.5) for n in range(9)]
    many = [(f"m{n}", BEYOND_CAPACITY, "moderate", 0.2) for n in range(37)]
    told = tiers_of_night(
        night(*few, *many), pd.Series([f"h{n}" for n in range(9)]), {"high-cost": model}, OWN
    )["high-cost"]
    assert told["high"] == {"from": 0.4, "people": None, "listed": None, "expected": None}
    assert told["moderate"]["people"] == 40
    assert told["moderate"]["expected"] == 0.2


people = st.lists(
    st.tuples(
        st.sampled_from([None, BEYOND_CAPACITY, NO_PANEL, "died", "declined"]),
        st.sampled_from([*TIERS, None]),
        st.floats(0.01, 0.99),
    ),
    max_size=60,
)


@given(people)
def test_the_tiers_add_up_to_whoever_may_be_called_and_the_listed_to_the_list(model, rows) -> None:
    scores = night(
        *((f"p{n}", why, tier, risk if tier else None) for n, (why, tier, risk) in enumerate(rows))
    )
    listed = scores.loc[scores["left_out"].isna(), "patient_id"]
    told = tiers_of_night(scores, listed, MappingProxyType({"high-cost": model}), INVENTED)
    parts = [told["high-cost"][tier] for tier in TIERS]
    waiting = [r for r in rows if r[0] in (None, BEYOND_CAPACITY, NO_PANEL) and r[1]]
    assert sum(part["people"] for part in parts) == len(waiting)
    assert sum(part["listed"] for part in parts) == sum(why is None for why, _, _ in waiting)
    expected = sum(part["people"] * (part["expected"] or 0) for part in parts)
    assert expected == pytest.approx(sum(risk for _, _, risk in waiting), abs=1e-4 * 60)
