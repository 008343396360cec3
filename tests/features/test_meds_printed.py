"""What `histories export` and `histories import` say: counts, what is missing, and no patient."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.home import Home
from features.meds.commands import run_export, run_import
from tests.features.meds_sets import foreign

PERSON = [
    (7, "1950-06-01", "MEDS_BIRTH", None),
    (7, "2020-10-01T08:30:00", "ICD10CM//I50.9", None),
    (7, "2020-01-01", "SNOMED//1", None),
    *((7, f"2020-02-{day:02}", "SNOMED//2", None) for day in range(1, 12)),  # common enough
]


def test_reports_print_counts_and_no_patient(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = foreign(tmp_path / "meds", PERSON)
    home = Home(tmp_path / "h")
    run_import(home, folder, 3, None)
    run_export(home, tmp_path / "there")
    shown = capsys.readouterr().out
    assert "14 rows read: 14 events, 0 deaths, 0 rejected." in shown
    assert "SNOMED//2 (11), and 1 more" in " ".join(shown.split())
    assert "SNOMED//1" not in shown
    assert "14 events of 1 subjects in 1 files" in shown


def test_drugs_that_do_not_say_how_long_they_last_are_told_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where no drug tells its days of supply; one that does is enough for the feed."""
    said = "2 drug rows do not say how many days they last: days on hand, gaps and what was stopped"
    drugs = [(7, "2020-01-01", "ATC//C03CA01", 30.0), (7, "2020-02-01", "ATC//C03CA01", None)]
    run_import(Home(tmp_path / "a"), foreign(tmp_path / "meds", drugs), 0, None)
    assert said in " ".join(capsys.readouterr().out.split())
    words = tmp_path / "words.csv"
    words.write_text("code,event_code\nATC//*,RX/ATC/*\n")
    run_import(Home(tmp_path / "b"), tmp_path / "meds", 0, words)
    assert "days on hand" not in capsys.readouterr().out
