"""What the command line does with MEDS datasets."""

from __future__ import annotations

from pathlib import Path

from data.home import Home
from features.meds.exporting import export_meds
from features.meds.importing import import_meds
from features.meds.printed import print_export, print_import
from features.meds.reports import ImportReport
from features.writing import current_histories


def run_export(home: Home, to_dir: Path) -> None:
    """`firstcall histories export`: write the current histories as a MEDS dataset, and say so."""
    print_export(export_meds(current_histories(home), to_dir))


def run_import(home: Home, from_dir: Path, delay_days: int | None, codes: Path | None) -> None:
    """`firstcall histories import`: make histories of a MEDS dataset, and say what was counted."""
    taken = import_meds(from_dir, home, delay_days, codes)
    print_import(ImportReport.of(taken.manifest))
