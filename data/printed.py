"""What inventing people and taking files in say on a terminal."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import groupby

import pyarrow as pa

from data.codes import UNLISTED_SYSTEMS, name_of
from data.intake_report import (
    IntakeReport,
    KindTold,
    RejectionCount,
    ResultsWithoutUnit,
    UnknownCodes,
)
from data.terminal import say, table

_LOOKS_LIKE_A_CODE = re.compile(r"[\w./%^*\[\]{}()#+-]{1,24}")


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
    print_kinds_told(report.kinds_told)
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


def print_kinds_told(told: Sequence[KindTold]) -> None:
    """Print in one line how many encounters have the kind that their codes tell, if any do."""
    if told:
        each = ", ".join(f"{k.kind} by {k.told_by} ({k.encounters:,})" for k in told)
        say(
            f"  {sum(k.encounters for k in told):,} encounters did not say their kind and have the "
            f"one that their codes tell: {each}."
        )


def print_unknown_codes(counts: Sequence[UnknownCodes]) -> None:
    """Print how many rows of each code system stand under unknown codes, and under which most."""
    if counts:
        table(
            "Codes: the unknown ones are kept and counted",
            ("table", "system", "rows", "unknown", "share", "no such code", "codes",
             "most frequent unknown (rows)"),
            [(u.table, u.system, u.rows, u.unknown_rows, _share(u), u.malformed_rows,
              u.unknown_codes, ", ".join(_shown(*pair) for pair in u.most_frequent[:5]))
             for u in counts],
            right=range(2, 7),
        )  # fmt: skip
    for u in counts:
        if u.system in UNLISTED_SYSTEMS:
            say(f"  No list holds {u.system} codes: each of them is unknown, and has no class.")


def print_kept_unknown_codes(listed: pa.Table, top: int) -> None:
    """Print the `top` most frequent unknown codes of each table and system that were kept, with
    their share of the system's rows, the reason, and their name where one is known."""
    rows = listed.to_pylist()
    for name, of_system in groupby(rows, key=lambda row: (row["table"], row["system"])):
        those = list(of_system)
        table(
            f"Unknown codes of {name[0]} {name[1]}: {len(those):,}",
            ("code", "rows", "share", "why", "name"),
            [(_told(r["code"]), r["rows"], f"{r['rows'] / r['rows_of_system']:.2%}", r["why"],
              name_of(r["system"], r["code"])) for r in those[:top]],
            right=(1, 2),
        )  # fmt: skip
    if not rows:
        say("  No unknown code is there.")


def _share(count: UnknownCodes) -> str:
    """A share that is more than nothing never looks like nothing."""
    told = f"{count.share:.1%}"
    return "< 0.1%" if count.unknown_rows and told == "0.0%" else told


def _shown(code: str, rows: int) -> str:
    """A code and its rows; what looks like no code of any system, and may be a name, is not told.

    >>> _shown("XX000", 20), _shown("Doe, Jane 1950", 1)
    ('XX000 (20)', 'something that is no code (1)')
    """
    return f"{_told(code)} ({rows:,})"


def _told(code: str) -> str:
    return code if _LOOKS_LIKE_A_CODE.fullmatch(code) else "something that is no code"


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
