"""What the command line does with MEDS datasets."""

from __future__ import annotations

from pathlib import Path

from data.home import Home
from features.history import current_histories
from features.meds.exporting import export_meds
from features.meds.importing import import_meds
from features.meds.reports import ImportReport


def run_export(home: Home, to_dir: Path) -> None:
    """`firstcall histories export`: write the current histories as a MEDS dataset, and say so."""
    export_meds(current_histories(home), to_dir).show()


def run_import(home: Home, from_dir: Path, delay_days: int | None, codes: Path | None) -> None:
    """`firstcall histories import`: make histories of a MEDS dataset, and say what was counted."""
    ImportReport.of(import_meds(from_dir, home, delay_days, codes).manifest).show()
