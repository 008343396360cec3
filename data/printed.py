"""What inventing people and taking files in say on a terminal."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import groupby

from data.codes import UNLISTED_SYSTEMS, name_of
from data.intake_report import (
    IntakeReport,
    KindTold,
    RejectionCount,
    ResultsWithoutUnit,
    UnknownCodes,
)
from data.terminal import say, table
from data.unknown_codes import LAB_UNIT, OPEN_ORIGINS, KeptCodes

LEAST_ROWS = 11
"""A code of real people that fewer rows have may be one person's, and is not printed."""
_LOOKS_LIKE_A_CODE = re.compile(r"[\w./%^*\[\]{}()#+-]{1,24}")
_LETTERS_AND_DIGITS = r"[0-9]{{2,5}}|(?=.*[A-Z])[0-9A-Z]{{2,{most}}}"
_DATE_AS_NDC = r"0(?:19|20)[0-9]{2}00[01][0-9][0-3][0-9]"  # 1950-03-12 in the form of an NDC
_LOOSELY = {
    system: re.compile(pattern)
    for system, pattern in (
        ("ICD9CM", _LETTERS_AND_DIGITS.format(most=6)),
        ("ICD10CM", _LETTERS_AND_DIGITS.format(most=7)),
        ("ICD9PCS", _LETTERS_AND_DIGITS.format(most=5)),
        ("ICD10PCS", _LETTERS_AND_DIGITS.format(most=7)),
        ("HCPCS", _LETTERS_AND_DIGITS.format(most=7)),  # with a modifier
        ("ATC", _LETTERS_AND_DIGITS.format(most=7)),
        # of nine and ten places insurance numbers and telephones are
        ("NDC", rf"(?!{_DATE_AS_NDC}$)[0-9]{{11}}"),
        ("RXNORM", r"[0-9]{1,7}"),
        ("LOINC", r"[0-9]{1,7}-[0-9]"),
        ("MSDRG", r"[0-9A-Z]{1,4}"),
        ("POS", r"[0-9A-Z]{1,3}"),
        ("REVENUE", r"[0-9A-Z]{1,5}"),
    )
}
"""How codes of a system look at a distance, mistyped ones too; dates of digits alone do not."""
_OF_OTHERS = re.compile(rf"(?![0-9./-]+$){_LOOKS_LIKE_A_CODE.pattern}")


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
    guarded = report.origin not in OPEN_ORIGINS
    print_unknown_codes(report.unknown_codes, guarded=guarded)
    if guarded and any(u.unknown_codes for u in report.unknown_codes):
        say("  `firstcall unknown-codes` names the file that lists every unknown code.")
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


def print_unknown_codes(counts: Sequence[UnknownCodes], *, guarded: bool = True) -> None:
    """Print how many rows of each code system stand under unknown codes, and under which most.

    Where they are `guarded`, because they may be about real people, only those that are common and
    look like codes of their system.
    """
    if counts:
        table(
            "Codes: the unknown ones are kept and counted",
            ("table", "system", "rows", "unknown", "share", "no such code", "codes",
             "most frequent unknown (rows)"),
            [(u.table, u.system, u.rows, u.unknown_rows, _share(u), u.malformed_rows,
              u.unknown_codes, _most_frequent(u, guarded))
             for u in counts],
            right=range(2, 7),
        )  # fmt: skip
    for u in counts:
        if u.system in UNLISTED_SYSTEMS:
            say(f"  No list holds {u.system} codes: each of them is unknown, and has no class.")


def print_kept_unknown_codes(kept: KeptCodes, top: int) -> None:
    """Print the `top` most frequent unknown codes of each table and system that were kept, with
    their share of the system's rows, the reason, and their name where one is known; of real people
    only those that are common and look like codes, and where the others are listed."""
    rows = kept.listed.to_pylist()
    withheld = 0
    for name, of_system in groupby(rows, key=lambda row: (row["table"], row["system"])):
        those = list(of_system)
        shown = those
        if kept.guarded:
            shown = [r for r in those if _may_be_printed(r["system"], r["code"], r["rows"])]
        withheld += len(those) - len(shown)
        table(
            f"Unknown codes of {name[0]} {name[1]}: {len(those):,}",
            ("code", "rows", "share", "why", "name"),
            [(_told(r["code"]), r["rows"], f"{r['rows'] / r['rows_of_system']:.2%}", r["why"],
              name_of(r["system"], r["code"])) for r in shown[:top]],
            right=(1, 2),
        )  # fmt: skip
    if withheld:
        say(
            f"  {withheld:,} codes are not printed, because fewer than {LEAST_ROWS} rows have them "
            "or they do not look like codes of their system: they may tell of a person. "
            f"{kept.path} lists them too."
        )
    if not rows:
        say("  No unknown code is there.")


def _share(count: UnknownCodes) -> str:
    """A share that is more than nothing never looks like nothing."""
    told = f"{count.share:.1%}"
    return "< 0.1%" if count.unknown_rows and told == "0.0%" else told


def _most_frequent(count: UnknownCodes, guarded: bool) -> str:
    """The most frequent unknown codes with their rows, and how many others there are."""
    if not guarded:
        return ", ".join(_shown(*pair) for pair in count.most_frequent[:5])
    shown = [f"{code} ({rows:,})" for code, rows in count.most_frequent
             if _may_be_printed(count.system, code, rows)]  # fmt: skip
    others = count.unknown_codes - len(shown)
    if not shown:
        return f"{others:,} rare or not like codes" if others else ""
    return ", ".join([*shown, *([f"and {others:,} more"] if others else [])])


def _may_be_printed(system: str, code: str, rows: int) -> bool:
    """Whether a code of real people is common and looks like one, so that it tells of nobody.

    >>> _may_be_printed("ICD9CM", "XX000", 11), _may_be_printed("ICD9CM", "XX000", 10)
    (True, False)
    >>> _may_be_printed("ICD9CM", "123456789", 40), _may_be_printed("ICD9CM", "MILLER", 40)
    (False, False)
    """
    shape = _LOOSELY.get(system, _OF_OTHERS)
    no_name = set("0123456789/%" if system == LAB_UNIT else "0123456789")
    return rows >= LEAST_ROWS and shape.fullmatch(code) is not None and not no_name.isdisjoint(code)


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
