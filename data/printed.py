"""What inventing people and taking files in say on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from data.intake_report import IntakeReport, RejectionCount, ResultsWithoutUnit, UnknownCodes
from data.terminal import say, table


def print_invented(title: str, rows: Mapping[str, int]) -> None:
    """Print how many rows of each table were invented."""
    table(title, ("table", "rows"), sorted(rows.items()), right=(1,))


def print_intake(report: IntakeReport, rejected: str) -> None:
    """Print what became of the rows of each file; `rejected` is the folder of those refused."""
    table(
        "Taken in", ("file", "sha256", "read", "taken in", "merged", "duplicates", "rejected"),
        [(f.file, f.digest, f.read, f.taken_in, f.merged, f.duplicates, f.rejected)
         for f in report.files],
        right=range(2, 7),
    )  # fmt: skip
    print_rejections(report.rejections, rejected)
    print_unknown_codes(report.unknown_codes)
    print_results_without_unit(report.results_without_unit)
    for file, names in report.ignored_columns.items():
        say(f"  Nothing reads these columns of {file}: {', '.join(names)}.")


def print_rejections(rejections: Sequence[RejectionCount], rejected: str) -> None:
    """Print how many rows broke which rule, if any; `rejected` is where they are kept."""
    if rejections:
        table(
            f"Rejected, kept with the reason in {rejected}",
            ("table", "column", "reason", "rows"),
            [(r.table, r.column, r.rule, r.rows) for r in rejections],
            right=(3,),
        )


def print_unknown_codes(counts: Sequence[UnknownCodes]) -> None:
    """Print the code systems that had rows under unknown codes, if any."""
    unknown = [u for u in counts if u.unknown_rows]
    if unknown:
        table(
            "Codes without a known meaning, kept and counted",
            ("table", "system", "rows", "unknown", "share", "codes", "most frequent"),
            [(u.table, u.system, u.rows, u.unknown_rows, f"{u.share:.1%}", u.unknown_codes,
              ", ".join(code for code, _ in u.most_frequent[:5])) for u in unknown],
            right=range(2, 6),
        )  # fmt: skip


def print_results_without_unit(count: ResultsWithoutUnit) -> None:
    """Print in one line how many laboratory results came without a unit, if any did."""
    if count.without_unit:
        often = ", ".join(f"{loinc} ({n:,})" for loinc, n in count.most_frequent)
        say(
            f"  {count.without_unit:,} of {count.rows:,} laboratory results ({count.share:.1%}) "
            "came without a unit and are taken to be in the unit of the test; most often: "
            f"{often}."
        )


def print_sum(report: IntakeReport) -> None:
    """Print the sum of all files, and whether any of it was new."""
    changed = "" if report.changed else " Nothing is new: all of it had been taken in before."
    say(
        f"{report.read:,} rows read: {report.taken_in:,} taken in, {report.duplicates:,} "
        f"duplicates, {report.rejected:,} rejected. Data through {report.data_through}.{changed}",
        "",
    )
