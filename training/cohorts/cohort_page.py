"""A page about one readmission cohort: who counts, who does not and why, and what followed.

It stands alone (no script, no file from elsewhere) and holds no patient's row or id. Of real people
a count under 11 is not shown, and the others are rounded to tens, so that none can be had by
subtraction (from 11 to 14 the range is written, as 10 would look like one that must not be shown);
lengths of bars are drawn from what is shown, not from what it was rounded from.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from data.small_cells import BELOW_TENS, SMALLEST_SHOWN, Counts
from training.cohorts.cohort import Cohort, words_of
from training.cohorts.discharges import ALREADY_BACK
from training.cohorts.outcome import UNPLANNED
from training.settings.tasks import ReadmissionTask, described

_MAIN_WIDTH, _SIDE_AT, _SIDE_WIDTH, _WIDTH = 300, 380, 500, 890
_LINE, _GAP = 17, 16
_PLOT_WIDTH, _PLOT_HEIGHT = 640, 170


def cohort_page(cohort: Cohort, task: ReadmissionTask, manifest: Mapping[str, Any]) -> str:
    """The page as HTML. `manifest` is that of the tables which the cohort was made of."""
    counts = Counts(str(manifest["origin"]))
    index = cohort.every[cohort.every["index"]]
    told = cohort.of_stays
    assert told is not None
    template = _templates().get_template("cohort.html")
    return template.render(
        title=f"Who counts for {task.name}, and what followed",
        definition=task.definition,
        words=words_of(task),
        headline=_headline(index, counts, task),
        source=[
            ("source", manifest.get("source", "")),
            ("origin of the data", str(manifest["origin"]).replace("_", " ")),
            ("data through", str(manifest["data_through"])),
            ("run-out", f"{cohort.run_out_days} days"),
            ("discharges with a known outcome",
             f"until {_date(cohort.followed_until - task.horizon_days)}"),
        ],
        guarded=counts.guarded,
        smallest=SMALLEST_SHOWN,
        flow=_flow(cohort.attrition, counts),
        rules_table=_flow_table(cohort.attrition, counts),
        kinds=_kinds(told.stays, counts),
        joined=_joined(told.stays, counts),
        years=_years(index, counts),
        rules=_planned(index, counts, task),
        days=_days_plot(index, counts, task),
        settings=[line for line in described(task) if "." not in line[0]],
        remarks=[words.format(*map(counts.count, numbers)) for words, numbers in told.remarks],
    )  # fmt: skip


def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip


def _date(day: int) -> str:
    return str(np.datetime64(int(day), "D"))


def _cases(rows: pd.DataFrame, column: str) -> int:
    return int(rows[column].fillna(0).sum())


def _headline(index: pd.DataFrame, counts: Counts, task: ReadmissionTask) -> list[tuple[str, str]]:
    every, back = len(index), _cases(index, "outcome")
    either = _cases(index, "death_or_readmission")
    return [
        (counts.count(every), "index discharges"),
        (counts.count(index["person"].nunique()), "people"),
        (f"{counts.count(back)} {_in_brackets(counts.share(back, every))}",
         f"readmitted unplanned within {task.horizon_days} days"),
        (f"{counts.count(either)} {_in_brackets(counts.share(either, every))}",
         "readmitted unplanned or dead within these days"),
    ]  # fmt: skip


def _in_brackets(text: str) -> str:
    return f"({text})" if text else ""


def _flow(attrition: pd.DataFrame, counts: Counts) -> dict[str, Any]:
    """The flow diagram: boxes of those who are left, beside them a box of those taken out."""
    boxes: list[dict[str, Any]] = []
    top = 4
    for number, row in enumerate(attrition.astype(object).to_dict("records")):
        step = {str(name): value for name, value in row.items()}
        side = [] if number == 0 else _side(step, counts)
        # the rule after the last of the measure is the model's own
        measured = number == len(attrition) - 2
        moved = number == 0 or step["rows_removed"] > 0 or number >= len(attrition) - 2
        main = _main(step, number, counts, measured=measured) if moved else []
        height = max(len(main), len(side)) * _LINE + 16
        boxes.append({
            "measured": measured, "top": top, "height": height, "middle": top + height / 2,
            "main": _placed(main, top, height), "side": _placed(side, top, height),
            "style": "none" if not step["evaluable"] else
                     ("out" if step["rows_removed"] else "nobody"),
        })  # fmt: skip
        top += height + _GAP
    return {
        "boxes": boxes, "height": top, "width": _WIDTH, "main_width": _MAIN_WIDTH,
        "side_at": _SIDE_AT, "side_width": _SIDE_WIDTH,
    }  # fmt: skip


def _main(step: Mapping[str, Any], number: int, counts: Counts, *, measured: bool) -> list[str]:
    left, people = counts.count(step["rows_left"]), counts.count(step["people_left"])
    if number == 0:
        return [str(step["rule"]), f"{left} stays of {people} people"]
    name = "asked of the model" if step["rule"] == ALREADY_BACK else "left"
    if measured:
        name = "index discharges"
    lines = [f"{left} {name}, {people} people"]
    if not pd.isna(step["outcomes_left"]):
        lines.append(f"{counts.count(int(step['outcomes_left']))} followed by a readmission")
    return lines


def _side(step: Mapping[str, Any], counts: Counts) -> list[str]:
    lines = textwrap.wrap(f"{step['rule']}: {_taken_out(step, counts)}", 66)
    for remark in _untried_and_note(step, counts):
        lines += textwrap.wrap(remark, 74)
    return lines


def _taken_out(step: Mapping[str, Any], counts: Counts) -> str:
    if not step["evaluable"]:
        return "not evaluable, nobody taken out"
    return "nobody" if step["rows_removed"] == 0 else counts.count(step["rows_removed"])


def _untried_and_note(step: Mapping[str, Any], counts: Counts) -> list[str]:
    remarks = [str(step["note"])] if step["note"] else []
    if step["evaluable"] and step["rows_untried"]:
        untried = counts.count(step["rows_untried"])
        remarks.insert(0, f"not tried on {untried} that lack what it looks at")
    return remarks


def _flow_table(attrition: pd.DataFrame, counts: Counts) -> list[tuple[str, ...]]:
    """The flow diagram as a table: the rule with its remarks, whom it takes out, who is left."""
    made = []
    for number, row in enumerate(attrition.astype(object).to_dict("records")):
        step = {str(name): value for name, value in row.items()}
        followed = step["outcomes_left"]
        made.append((
            str(step["rule"]), "; ".join(_untried_and_note(step, counts)),
            _taken_out(step, counts) if number else "", counts.count(step["rows_left"]),
            counts.count(step["people_left"]),
            "" if pd.isna(followed) else counts.count(int(followed)),
        ))  # fmt: skip
    return made


def _placed(lines: list[str], top: float, height: float) -> list[tuple[float, str]]:
    begin = top + height / 2 - len(lines) * _LINE / 2 + 13
    return [(begin + k * _LINE, line) for k, line in enumerate(lines)]


def _kinds(stays: pd.DataFrame, counts: Counts) -> list[tuple[str, str]]:
    found = stays["kind"].value_counts()
    return [
        (name.replace("_", " "), counts.count(int(found[name]))) for name in sorted(found.index)
    ]


def _joined(stays: pd.DataFrame, counts: Counts) -> list[tuple[str, str]]:
    words = {
        "overlap": "overlaps the stay before it",
        "transfer": "transfer: another hospital on the day of discharge or the day after",
        "same_day_return": "back on the same day, same hospital, same principal diagnosis",
        "adjacent": "begins on the day of discharge or the day after",
    }
    found = stays["joined_by"].value_counts()
    return [(words[name], counts.count(int(found[name]))) for name in words if name in found.index]


def _years(index: pd.DataFrame, counts: Counts) -> list[dict[str, Any]]:
    """The crude rate by calendar year of discharge, with a bar's length in per cent."""
    year = index["discharged_on"].to_numpy().astype("int64").astype("datetime64[D]")
    made = []
    for name, rows in index.groupby(year.astype("datetime64[Y]").astype(int) + 1970):
        back, either = _cases(rows, "outcome"), _cases(rows, "death_or_readmission")
        told = counts.per_cent(back, len(rows))
        made.append({
            "year": name, "discharges": counts.count(len(rows)), "back": counts.count(back),
            "rate": counts.share(back, len(rows)), "either": counts.count(either),
            "either_rate": counts.share(either, len(rows)),
            "bar": 0 if told is None else min(100.0, 4 * told),
        })  # fmt: skip
    return made


def _planned(index: pd.DataFrame, counts: Counts, task: ReadmissionTask) -> list[tuple[str, ...]]:
    """What the deciding admission was, as the planned rule says, and what of those without one."""
    every = len(index)
    dead = index["died_within"].fillna(False).to_numpy(dtype=bool)
    told = index["next_rule"].to_numpy(dtype=object)
    lines = [("unplanned admission: a readmission", told == UNPLANNED)]
    lines += [(f"planned admission, {rule}", told == rule)
              for rule in sorted({r for r in told if r not in ("", UNPLANNED)})]  # fmt: skip
    lines += [
        (f"no deciding admission, died within {task.horizon_days} days", (told == "") & dead),
        (f"no deciding admission, alive after {task.horizon_days} days", (told == "") & ~dead),
    ]
    return [
        (words, counts.count(int(which.sum())), counts.share(int(which.sum()), every))
        for words, which in lines
    ]


def _days_plot(index: pd.DataFrame, counts: Counts, task: ReadmissionTask) -> dict[str, Any]:
    """Deciding admissions by days since discharge: one bar a day, or a week beyond 45 days and
    where days would be too few to show."""
    step = 1 if task.horizon_days <= 45 and not counts.guarded else 7
    edges = np.arange(0, task.horizon_days + 1, step)
    known = index[index["days_to_next"].notna()]
    slot = known["days_to_next"].to_numpy(dtype=np.int64) // step
    unplanned = (known["next_rule"] == UNPLANNED).to_numpy(dtype=bool)
    shown = found = {
        "unplanned": np.bincount(slot[unplanned], minlength=len(edges)),
        "planned": np.bincount(slot[~unplanned], minlength=len(edges)),
    }
    if counts.guarded:
        shown = {k: np.array([counts.drawn(one) for one in n]) for k, n in found.items()}
    most = max(1, int((shown["unplanned"] + shown["planned"]).max()))
    width = _PLOT_WIDTH / len(edges)
    bars = []
    for place, day in enumerate(edges):
        first, then = int(shown["unplanned"][place]), int(shown["planned"][place])
        last = min(int(day) + step - 1, task.horizon_days)
        label = f"{day}–{last}" if last > day else str(day)
        unplanned_there, planned_there = (
            counts.count(int(found[kind][place])) for kind in ("unplanned", "planned")
        )
        bars.append({
            "x": 40 + place * width, "width": max(width - 3, 1),
            "low": _PLOT_HEIGHT * first / most, "high": _PLOT_HEIGHT * then / most,
            "label": label,
            "words": f"day{'s' if last > day else ''} {label}: {unplanned_there} unplanned, "
                     f"{planned_there} planned",
        })  # fmt: skip
    every = max(1, len(bars) // 6)
    # what two bars of 11 to 14 add up to is no count that could be written
    highest = counts.count(most) if most <= BELOW_TENS else f"{most:,}"
    return {
        "bars": bars, "most": highest, "height": _PLOT_HEIGHT, "width": _PLOT_WIDTH + 50,
        "ticks": [bar for place, bar in enumerate(bars) if place % every == 0],
        "unit": "days" if step == 1 else "days, one bar a week",
    }  # fmt: skip
