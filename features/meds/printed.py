"""What writing and taking in a MEDS dataset say on a terminal."""

from __future__ import annotations

from data.printed import print_rejections, print_unknown_codes
from data.terminal import say
from features.meds.reports import ExportReport, ImportReport


def print_export(report: ExportReport) -> None:
    """Print what was written, and what whoever passes it on takes away first."""
    say(
        f"{report.events:,} events of {report.subjects:,} subjects in {report.files:,} files, "
        f"{report.codes:,} different codes.",
        "  metadata/patients.parquet says who each subject is: take it away before you pass "
        "the dataset on.",
        "  Every version of a fact is there; read known_on and superseded_on, or take the rows "
        "whose superseded_on is empty.",
    )


def print_import(report: ImportReport) -> None:
    """Print what became of the rows, and what is missing from them."""
    print_unknown_codes(report.unknown_codes)
    print_rejections(report.rejections, "rejected/meds.parquet")
    if report.without_number:
        say(
            f"  {report.without_number:,} laboratory rows without a number are kept under their "
            "own code."
        )
    if report.drug_rows and "days_supply" not in report.carries:
        say(
            f"  {report.drug_rows:,} drug rows do not say how many days they last: days on hand, "
            "gaps and what was stopped are missing, not 0."
        )
    if report.deaths:
        say(f"  {report.deaths:,} deaths are left out: histories hold none.")
    waited = "" if report.delay_days is None else f" Known {report.delay_days} days after."
    say(
        f"{report.read:,} rows read: {report.events:,} events, {report.deaths:,} deaths, "
        f"{report.rejected:,} rejected. Carries {', '.join(report.carries)}.{waited}"
    )
