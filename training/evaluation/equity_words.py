"""What an equity audit has found, in sentences for the reader."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from data.small_cells import Counts
from training.cohorts.groups import PAYER, RACE

_OF = {"true_conditions": "true chronic conditions",
       "counted_conditions": "active chronic conditions counted from claims"}  # fmt: skip


def findings_of(
    at_same_risk: pd.DataFrame,
    shares: pd.DataFrame,
    not_told: Mapping[str, tuple[int, int]],
    fewest: int,
    at: int,
    of_cost: bool,
    caveat: str,
    parts: Mapping[tuple[str, str], Sequence[tuple[int, int]]],
    counts: Counts,
) -> tuple[str, ...]:
    """The sentences of an audit; its tables are those of `training.evaluation.equity.EquityAudit`.

    `not_told`: how many rows have no group, and how many there are, of each grouping that was asked
    for; `fewest` people are compared at percentile `at` and above; `of_cost`: the score follows
    cost; `caveat`: what was counted as illness, and that it is counted from claims; `parts`: of
    each grouping and group how many of the rows, and of those called by each list, are of it, and
    how many there are. `counts`: shares that would tell few real people are not told.
    """
    said = [
        f"{name} is not told for {_part(few, rows, counts)} of the rows, which are in none of its "
        "groups"
        if few < rows
        else f"{name} is not told: nobody can audit by it"
        for name, (few, rows) in not_told.items()
        if few > 0
    ]
    if at_same_risk.empty:
        return tuple(map(_sentence, said))
    measures = [name for name in _OF if name in at_same_risk]
    if not measures:
        said.append("chronic conditions are not known: at the same risk nothing can be compared")
        return tuple(map(_sentence, said))
    first = measures[0]
    said += _of_differences(at_same_risk, measures, at, of_cost)
    said += [
        words
        for line in lines_of(shares)
        if not any(counts.small(*pair) for pair in parts[line["grouping"], line["group"]])
        for words in _on_the_list(line, first, 0 if counts.guarded else 1)
    ]
    alone = at_same_risk.groupby("grouping")["group"].transform("size") < 2
    few = at_same_risk[~at_same_risk["judgeable"].astype(bool) & ~alone]
    if len(few):
        names = ", ".join(_people(line) for line in lines_of(few))
        said.append(
            f"too few to compare at that risk (under {fewest} people, or as few others): {names}"
        )
    said += [
        f"everybody is of one group by {name}: there is nothing to compare"
        for name in at_same_risk.loc[alone, "grouping"].unique()
    ]
    hidden = (
        "where it shows no difference there may be one all the same"
        if first != "true_conditions"
        else "the true conditions are known here because the people are invented"
    )
    return tuple(map(_sentence, (*said, f"{caveat}: {hidden}")))


def lines_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Each row by the names of its columns."""
    return [{str(name): value for name, value in line.items()} for line in table.to_dict("records")]


def _of_differences(
    at_same_risk: pd.DataFrame, measures: list[str], at: int, of_cost: bool
) -> list[str]:
    """A sentence of each group that differs at the same risk, or that none is shown to."""
    column = f"{measures[0]}_difference"
    known = at_same_risk[at_same_risk[column].notna()]
    if known.empty:
        return []
    sizes = Counter(at_same_risk["grouping"].tolist())
    # of two groups each differs from the other by the same: one of them says it all
    looked_at = sum(
        1 if sizes[name] == 2 else many
        for name, many in Counter(known["grouping"].tolist()).items()
    )
    said = [
        _at_same_risk(line, measures, at, of_cost)
        for line in lines_of(known)
        if _shown(line, column) and (line[column] > 0 or sizes[line["grouping"]] > 2)
    ]
    if not said:
        hold = "the interval of the one difference holds 0"
        if looked_at > 1:
            hold = f"the intervals of all {looked_at} differences hold 0"
        return [
            f"at the same risk ({at}th percentile and above) no group is shown to have more or "
            f"fewer {_OF[measures[0]]} than everybody else there: {hold}"
        ]
    many = "this is the one difference" if looked_at == 1 else f"these are {looked_at} differences"
    return [
        *said,
        f"{many} looked at, and of such intervals one in twenty excludes 0 by chance alone; "
        "nothing is adjusted",
    ]


def _at_same_risk(line: Mapping[str, Any], measures: list[str], at: int, of_cost: bool) -> str:
    first, *others = measures
    more = line[f"{first}_difference"] > 0
    words = (
        f"at the same risk ({at}th percentile and above) {_people(line)} have "
        f"{_size(line, f'{first}_difference', 1)} {'more' if more else 'fewer'} {_OF[first]} than "
        f"everybody else there{_meaning(line, first, of_cost, more=more)}"
    )
    for name in others:
        column = f"{name}_difference"
        shown = _shown(line, column) and (line[column] > 0) == more
        words += (
            f"; counted from claims the difference is {_signed(line, column)}, which "
            f"{'shows it too' if shown else 'would not have shown it'}"
        )
    return words


def _meaning(line: Mapping[str, Any], first: str, of_cost: bool, *, more: bool) -> str:
    """What the difference means. Payers and sexes differ in age, and the old have more conditions
    at any risk: of them the difference alone is told."""
    if line["grouping"] != RACE:
        return " (not adjusted for age, by which such groups differ)"
    why = "the score, which follows cost," if of_cost else "the score"
    far = "" if first == "true_conditions" else "as far as claims tell, "
    return f": {far}{why} calls them too {'late' if more else 'early'}"


def _on_the_list(line: Mapping[str, Any], first: str, places: int) -> list[str]:
    need = first.removesuffix("_conditions") + "_need"
    if not _shown(line, f"{need}_minus_score"):
        return []
    by = "true chronic conditions" if first == "true_conditions" else "conditions counted"
    of_rows, of_called, of_need, low, high = (
        f"{line[f'share_{name}']:.{places}%}"
        for name in ("of_rows", "called", f"by_{need}", f"by_{need}_low", f"by_{need}_high")
    )
    return [
        f"{_people(line)} are {of_rows} of all and {of_called} of those called by the score; by "
        f"{by} they would be {of_need} ({low} to {high})"
    ]


def _part(part: int, whole: int, counts: Counts) -> str:
    if counts.small(part, whole):
        return "few" if part <= whole - part else "nearly all"
    return f"{part / whole:.0%}"


def _people(line: Mapping[str, Any]) -> str:
    """A group as it is spoken of."""
    if line["grouping"] == RACE:
        return f"people of race or ethnicity {line['group']}"
    if line["grouping"] == PAYER:
        return f"people covered by {line['group']}"
    return str(line["group"])


def _shown(line: Mapping[str, Any], column: str) -> bool:
    """Whether the interval excludes 0; one that is NaN shows nothing."""
    return bool(line[f"{column}_low"] > 0 or line[f"{column}_high"] < 0)


def _size(line: Mapping[str, Any], column: str, places: int) -> str:
    value, low, high = (abs(line[f"{column}{end}"]) for end in ("", "_low", "_high"))
    low, high = min(low, high), max(low, high)
    places += round(low, places) == 0  # an interval that excludes 0 is to look like it
    return f"{value:.{places}f} ({low:.{places}f} to {high:.{places}f})"


def _signed(line: Mapping[str, Any], column: str) -> str:
    value, low, high = (f"{line[f'{column}{end}']:.1f}" for end in ("", "_low", "_high"))
    return f"{value} ({low} to {high})"


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."
