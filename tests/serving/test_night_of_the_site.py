"""A night by what the site decided: its limits of tiers, its kept places; what came of them, and
whom the list reaches, in the manifest."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from data.home import Home
from serving.api.app import create_app
from serving.list_equity import ATTRIBUTES, COUNTED
from serving.model import RiskModel
from serving.nightly import NightReport, run_night
from serving.printed import print_night
from serving.store import Store
from serving.worklist import TIERS
from tests.serving.client import Client, a_token

NIGHT = date(2024, 12, 31)
OWNER = "Dr A. Rivera, quality board"
SAID = """
[worklist]
kept_for_discharged = 0.1
[worklist.outreach]
missed_after_days = 20
[worklist.tiers.readmission]
high = 0.16
moderate = 0.12
owner = "{owner}"
[worklist.tiers.high-cost]
high = {high}
moderate = 0.1
owner = "{owner}"
"""


def home_of(small_home: Home, folder: Path) -> Home:
    shutil.copytree(small_home.root, folder / "home", symlinks=True)
    home = Home(folder / "home")
    decide(home, 0.4)
    return home


def decide(home: Home, high: float) -> None:
    (home.root / "service.toml").write_text(SAID.format(owner=OWNER, high=high))


@pytest.fixture(scope="module")
def home(small_home, tmp_path_factory) -> Home:
    return home_of(small_home, tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def night(home: Home) -> NightReport:
    return run_night(home, NIGHT)


def manifest_of(home: Home) -> dict[str, Any]:
    store = Store.of_home(home)
    try:
        run = store.published()
        assert run is not None
        return dict(run.manifest)
    finally:
        store.close()


@pytest.fixture(scope="module")
def scores(home: Home, night: NightReport) -> pd.DataFrame:
    """One row a person of the night: tiers, and the risks that they go by."""
    store = Store.of_home(home)
    with store.database.reading() as connection:
        rows = connection.execute(
            sa.text("SELECT * FROM score WHERE run_id = :r"), {"r": night.run_id}
        )
        told = pd.DataFrame([dict(row._mapping) for row in rows])
    store.close()
    return told


def by_limits(risk: pd.Series, high: float, moderate: float) -> list[str]:
    return ["high" if p >= high else "moderate" if p >= moderate else "low" for p in risk]


def test_everybody_is_in_the_tier_that_the_sites_limits_say(scores: pd.DataFrame) -> None:
    costly = scores[scores["high_cost_risk"].notna()]
    assert costly["high_cost_tier"].tolist() == by_limits(costly["high_cost_risk"], 0.4, 0.1)
    recent = scores[scores["readmission_risk"].notna()]
    by_all_days = by_limits(recent["readmission_all_days_risk"], 0.16, 0.12)
    assert recent["readmission_tier"].tolist() == by_all_days
    assert {*costly["high_cost_tier"], *by_all_days} == {*TIERS}


def test_the_manifest_says_whose_limits_held_and_what_came_of_them(
    home: Home, night: NightReport, scores: pd.DataFrame
) -> None:
    manifest = manifest_of(home)
    model = RiskModel.load(home.models / "high-cost")
    assert manifest["models"]["high-cost"]["version"] == model.version, "a limit changes none"
    assert manifest["models"]["high-cost"]["tiers"] == {"high": 0.4, "moderate": 0.1}
    told = manifest["tiers"]["high-cost"]
    assert told["owner"] == OWNER
    may = scores[scores["left_out"].fillna("").isin(["", "beyond capacity"])]
    high = may[may["high_cost_tier"] == "high"]
    assert told["high"] == {
        "from": 0.4, "people": len(high), "listed": int(high["left_out"].isna().sum()),
        "expected": round(high["high_cost_risk"].mean(), 4),
    }  # fmt: skip
    parts = [told[tier] for tier in TIERS]
    yields = [part["expected"] for part in parts if part["people"]]
    assert yields == sorted(yields, reverse=True)
    assert all(part["expected"] >= part["from"] for part in parts if part["people"])
    recent = may[may["readmission_tier"] == "high"]  # begins at a risk as on the day of discharge
    expected = manifest["tiers"]["readmission"]["high"]["expected"]
    assert expected == round(recent["readmission_risk"].mean(), 4)
    assert manifest["kept_for_discharged"] == 0.1
    assert night.capacity.kept == 10
    assert manifest["outreach"] == {"within": "48 hours", "missed_after_days": 20}


def test_the_manifest_says_whom_the_list_reaches(
    home: Home, night: NightReport, scores: pd.DataFrame
) -> None:
    equity = manifest_of(home)["equity"]
    may = scores["left_out"].fillna("").isin(["", "beyond capacity"]).sum()
    assert equity["need"] == "a Charlson index of 3 or more"
    rows = pd.DataFrame(equity["rows"])
    sums = rows.groupby("attribute")[list(COUNTED)].sum()
    assert sorted(sums.index) == sorted(ATTRIBUTES)
    assert (sums["people"] == may).all()
    assert (sums["listed"] == night.listed).all()
    assert sums["with_need"].nunique() == 1
    assert 0 < sums["with_need_listed"].iloc[0] <= night.listed
    assert {"women", "men"} == {*rows[rows["attribute"] == "sex"]["group"]}


def test_what_the_night_prints(night: NightReport, capsys: pytest.CaptureFixture[str]) -> None:
    print_night(night)
    said = " ".join(capsys.readouterr().out.split())
    told = night.thresholds["high-cost"]["high"]
    assert f"high-cost: high 40.0% {told['people']} {told['listed']} " in said
    assert f"high-cost: decided by {OWNER}." in said


def test_a_score_of_now_is_of_the_tier_that_the_night_said(
    home: Home, night: NightReport, scores: pd.DataFrame
) -> None:
    some = scores[scores["high_cost_tier"].notna()].groupby("high_cost_tier").head(1)
    assert len(some) == 3
    token = {"authorization": f"Bearer {token_of(home)}"}
    with Client(create_app(home)) as client:
        for patient, tier in zip(some["patient_id"], some["high_cost_tier"], strict=True):
            anew = client.post(
                f"/v1/patients/{patient}/rescore", json={"as_of": NIGHT.isoformat()}, headers=token
            )
            assert anew.json()["patient"]["high_cost"]["tier"] == tier
        assert not any("service.toml" in one for one in warnings(client, token))
    decide(home, 0.5)
    with Client(create_app(home)) as client:
        assert (
            "the tiers of this list begin at other risks of high-cost than those of a new score: "
            "service.toml was changed, which the service reads as it starts, and a night as it runs"
        ) in warnings(client, token)
    run_night(home, NIGHT)
    with Client(create_app(home)) as client:
        assert not any("service.toml" in one for one in warnings(client, token))


def warnings(client: Client, token: dict[str, str]) -> list[str]:
    return client.get("/v1/worklist", headers=token).json()["warnings"]


def token_of(home: Home) -> str:
    store = Store.of_home(home)
    try:
        return a_token(store.database)
    finally:
        store.close()


def test_of_real_people_no_small_count_is_kept(small_home: Home, tmp_path: Path) -> None:
    home = home_of(small_home, tmp_path)
    current = home.tables / "current.json"
    current.write_text(json.dumps(json.loads(current.read_text()) | {"origin": "own"}))
    run_night(home, NIGHT, other_origin=True)
    manifest = manifest_of(home)
    counts = [row[name] for row in manifest["equity"]["rows"] for name in COUNTED]
    counts += [
        told[tier][name]
        for told in manifest["tiers"].values() for tier in TIERS for name in ("people", "listed")
    ]  # fmt: skip
    assert None in counts
    assert {n for n in counts if n is not None and n % 10} <= {11}
    assert all(n in (None, 0) or n >= 11 for n in counts)
