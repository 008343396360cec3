"""A sign-off is of one model: no other model's card repeats it, and a card can be written again
once it is given."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from data.errors import InputError
from data.home import Home
from firstcall import app
from tests.training.pages import Page, run_folder
from training.card_again import card_again
from training.release.promotion import promote
from training.release.registry import CHALLENGER, fetch_run, record, version_at
from training.report.card import given
from training.settings.card_settings import OF_A_VERSION, CardSettings, missing_from
from training.settings.tasks import READMISSION, task_file

OURS, OTHER = "0123456789abcdef", "fedcba9876543210"
SIGNED = CardSettings(developer="The makers", signed_off_by="Dr N", of_version=OURS)


def test_a_sign_off_of_another_version_is_missing_here():
    assert given(SIGNED, "signed_off_by", OURS) == "Dr N"
    assert str(given(SIGNED, "signed_off_by", OTHER)) == (
        f"missing: given of version {OURS}, not of this one (Dr N)"
    )
    nameless = replace(SIGNED, of_version=None)
    assert str(given(nameless, "signed_off_by", OURS)) == (
        "missing: given of no version that card.of_version names (Dr N)"
    )
    for version in (OURS, OTHER):
        assert given(SIGNED, "developer", version) == "The makers"


def test_what_is_of_another_version_counts_as_missing():
    assert "signed_off_by" not in missing_from(SIGNED, OURS)
    assert {*missing_from(SIGNED, OTHER)} - {*missing_from(SIGNED, OURS)} == {"signed_off_by"}
    assert "of_version" not in missing_from(CardSettings(), OURS)
    told = dict.fromkeys(OF_A_VERSION, "2026-03-31")
    whole = CardSettings(**told, of_version=OURS)
    assert {*missing_from(whole, OTHER)} - {*missing_from(whole, OURS)} == {*OF_A_VERSION}


@pytest.fixture
def home(small_home: Home, mlflow_tables: Path, tmp_path: Path) -> Home:
    """A registry of its own, in which one run of a real training is registered twice."""
    made = Home(tmp_path / "home")
    made.make()
    shutil.copy(mlflow_tables, made.tracking_database)
    folder = run_folder(small_home, "readmission", tmp_path / "run")
    for _ in range(2):
        record(made, "readmission", {}, {}, {}, folder, {})
    return made


def words_of_card(home: Home, run_id: str, into: Path) -> str:
    into.mkdir()
    folder = fetch_run(home, run_id, into)
    assert (folder / "card.md").is_file()
    return Page((folder / "card.html").read_text(encoding="utf-8")).words


def test_a_card_is_written_again_once_its_model_is_signed_off(home, tmp_path):
    first = card_again(home, "readmission")
    assert first.number == "2"
    assert "signed_off_by" in first.missing
    said = words_of_card(home, first.run_id, tmp_path / "before")
    assert "missing: give card.signed_off_by" in said
    promote(home, "readmission", "to see its card")
    served = home.models / "readmission" / "card.md"
    assert "Dr N" not in served.read_text(encoding="utf-8")
    mine = tmp_path / "mine.toml"
    mine.write_text(task_file(replace(READMISSION, card=CardSettings(
        signed_off_by="Dr N", signed_off_on="2026-03-31", of_version=first.model_version,
    ))))  # fmt: skip
    asked = ["--home", str(home.root), "card", "--task", str(mine), "--version", "1"]
    ran = CliRunner().invoke(app, asked)
    assert ran.exit_code == 0, ran.output
    said = " ".join(ran.output.split())
    assert f"version 1 (model version {first.model_version}), is written again" in said
    earlier = version_at(home, "readmission", CHALLENGER, 1)
    assert earlier is not None
    assert earlier.run_id != first.run_id
    said = words_of_card(home, earlier.run_id, tmp_path / "after")
    assert f"Model version {first.model_version}, registered as version 1" in said
    assert "signed off by Dr N signed off on 2026-03-31" in said
    assert "Dr N" in served.read_text(encoding="utf-8"), "what the service reads is the new one"


def test_there_is_no_card_of_a_version_that_is_not(home):
    with pytest.raises(InputError, match="There is no version 7 of readmission: `firstcall train"):
        card_again(home, "readmission", 7)
    with pytest.raises(InputError, match="There is no challenger of high-cost: "):
        card_again(home, "high-cost")
