"""What a nurse reads under the list."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from data.home import Home
from serving.horizons import horizons_of_run
from serving.nightly import NightReport
from serving.printed import print_night, print_worklist, readmission_told
from serving.store import Store
from serving.worklist import Capacity
from tests.serving.a_night import NIGHT, a_night


def printed(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    days: int,
    threshold_cents: int | None = None,
    **row: Any,
) -> str:
    """The list of one person, with a high-cost model of so many days, in one line."""
    home = Home(folder / "home")
    store = Store.of_home(home)
    scores, reasons, entries, _, known = a_night("a")
    of_person = {"high_cost_expected_dollars": 18_412.7,
                 "warnings": json.dumps(["age is not known"])}  # fmt: skip
    model = {"horizon_days": days, "threshold_cents": threshold_cents}
    manifest = {"models": {"high-cost": model}, "warnings": ["no admissions feed"]}
    store.publish(
        store.start(NIGHT), scores.assign(**(of_person | row)), reasons, entries, manifest, known
    )
    store.close()
    print_worklist(home, top=5)
    return " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("days", "asked_on", "window"),
    [
        (365, NIGHT, "the next 12 months"),
        (180, NIGHT, "the next 180 days"),
        (365, date(2023, 12, 31), "the 12 months after 31 December 2023"),
    ],
)
def test_high_cost_is_of_the_window_that_the_model_is_about(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    days: int,
    asked_on: date,
    window: str,
) -> None:
    said = printed(tmp_path, capsys, days, high_cost_asked_on=asked_on)
    assert f"chance of being among the costliest in {window}." in said
    assert "coming year" not in said


def test_the_amount_above_which_a_year_is_costly_stands_with_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = printed(tmp_path, capsys, 365, threshold_cents=3_651_800)
    assert "among the costliest in the next 12 months (above $36,518)." in said


def test_the_night_says_who_is_in_which_tier_and_how_the_places_were_used(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tiers = {"readmission": {"moderate": 3, "high": 1}, "high-cost": {"low": 90}}
    capacity = Capacity(managers=2, slots=10, kept_for_discharged=0.25)
    queues = {"high cost": 16, "recently discharged": 4}
    print_night(NightReport(
        "run", NIGHT, 100, 95, {"readmission": 4}, {"readmission": {"no discharge": 96}}, tiers,
        20, queues, capacity, 2, {"died": 5}, {}, ("no admissions feed",),
    ))  # fmt: skip
    said = " ".join(capsys.readouterr().out.split())
    assert "readmission: high tier 1 readmission: moderate tier 3 readmission: low tier 0" in said
    assert "on the list 20 on the list: high cost 16 on the list: recently discharged 4" in said
    assert (
        "places kept for the recently discharged 5 of these not needed by them, free for others 2"
    ) in said
    assert "Mind: no admissions feed." in said


def test_a_warning_of_the_run_is_told_from_one_of_a_person(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = printed(tmp_path, capsys, 365)
    assert said.count("Mind: ") == 1
    assert "Mind: age is not known" in said
    assert "Of the whole list: no admissions feed." in said


def test_the_words_are_for_nurses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = printed(tmp_path, capsys, 365)
    assert "Expected cost of the next 12 months $18,400" in said
    assert "what insurers allow for the care; an estimate, no measure of need" in said
    assert "Known scores: " in said
    assert "Charlson was made for death within a year of a discharge" in said
    for strange in ("allowed amounts", "weights of", "Beside it", "orders nothing"):
        assert strange not in said


@pytest.mark.parametrize(
    ("asked_on", "all_days", "said"),
    [
        (date(2024, 12, 31), 0.254, "5%\nin 8 days\n(25% in 30)"),
        (date(2025, 1, 7), 0.254, "5%\nin 1 day\n(25% in 30)"),
        (date(2024, 12, 31), None, "5%\nin 8 days"),  # of a run of before it was told
        (date(2024, 12, 9), 0.05, "5%\nin 30 days"),  # on the day of discharge both are one
    ],
)
def test_the_risk_of_the_days_left_stands_beside_that_of_all_days(
    asked_on: date, all_days: float | None, said: str
) -> None:
    row = {"readmission_risk": 0.05, "readmission_asked_on": asked_on,
           "readmission_all_days_risk": all_days, "discharged_on": date(2024, 12, 9)}  # fmt: skip
    assert readmission_told(row, horizons_of_run({})) == said
    nothing = row | {"readmission_risk": None, "readmission_asked_on": None}
    assert readmission_told(nothing, horizons_of_run({})) == "–"
