"""Tables that a run may hold, each known by the name of its file: a heading and a sentence that
says how to read it. What is not there becomes no section."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from training.evaluation.equity import AT, FEWEST
from training.report.baseline_notes import notes_on
from training.report.document import Block, Heading, Points, Table, Words
from training.report.figure_words import (
    NOTHING,
    OF_PATIENTS,
    between,
    decimals,
    per_cent,
    table_of,
    words_for,
)
from training.report.run_folder import RunFolder
from training.statistics.called import CALLED

MOST_ROWS = 40
"""Rows of one table that are shown, the first ones; the file holds all."""
_FOUR = decimals(4)
_THRESHOLDS = 9


@dataclass(frozen=True)
class Known:
    """A file (or several that tell of one thing) and what a report says of it. ``of``: the column
    that plain `low` and `high` belong to; ``captions``: those of the parts of a JSON file;
    ``left_out``: parts of it that the page does not show."""

    name: str
    title: str
    files: tuple[str, ...]
    why: str
    of: str = "auroc"
    labels: Mapping[str, str] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()
    captions: Mapping[str, str] = field(default_factory=dict)


SUBGROUPS = Known(
    "subgroups", "Groups of people", ("subgroups.csv",),
    "A model that is good on the whole can be bad for some. Each line judges it on the people of "
    "one group alone: how well it orders them (AUROC), whether their risks are right (observed : "
    "expected; above 1 they fall ill more often than it says), how many of them are called and how "
    "many of their cases that finds. A group without cases enough cannot be judged, which is no "
    "proof that all is well.",
)  # fmt: skip
EQUITY = Known(
    "equity", "Equity: is the same need called alike?", ("equity.json",),
    "People of every group who are equally ill should be called alike. The audit (after Obermeyer "
    "2019) compares how ill people of each group are at the same risk: the group that is sicker at "
    "the same risk is passed over. Race and ethnicity serve this audit and are never inputs.",
    captions={
        "at_same_risk": f"How ill people are at the same risk ({AT}th percentile and above), by "
        "group",
        "shares": f"Each group's share of all, and of the upper {100 * CALLED:g} % of each list",
        "by_label": "Everybody who tested (not the list): what each group costs, and how ill it is",
    },
    labels={
        "judgeable": f"{FEWEST} people or more, and as many others",
        "share_of_rows": "of all", "share_called": "of those called by the score",
        "share_by_counted_need": "of as many called by illness counted from claims",
        "share_by_true_need": "of as many called by true illness",
        "counted_need_minus_score": "called by counted illness minus by the score, percentage "
        "points",
        "true_need_minus_score": "called by true illness minus by the score, percentage points",
        "counted_conditions": "chronic conditions, counted",
        "counted_conditions_difference": "counted, more than everybody else there",
        "true_conditions": "chronic conditions, true",
        "true_conditions_difference": "true, more than everybody else there",
        "cost": "mean cost", "unplanned_days": "unplanned days in hospital",
    },
    left_out=frozenset(("by_percentile",)),
)  # fmt: skip
AFTER_RESULT = (
    SUBGROUPS,
    EQUITY,
    Known(
        "backtests", "Earlier dates: would it have worked before?",
        ("backtests.csv", "backtests.json"),
        "The same training as it would have been made on earlier dates, each tested on what came "
        "after it. Figures that fall from date to date, or swing, say that the next year may "
        "differ from this test.",
    ),
    Known(
        "learning-curve", "Fewer people: would more help?",
        ("learning_curve.csv", "learning_curve.json"),
        "A fit by the same settings on a half, a quarter and so on of the people, tested on the "
        "same rows. Each is stopped by one part of its people and not calibrated, so that even "
        "that of everybody may differ from the model. What is said of the last doubling is held "
        "against both halves, of which the table has one.",
    ),
    Known(
        "stability", "Chance: would the same people be called?", ("stability.json",),
        "The model is made again of people drawn by lot from those it learned from. Whoever is "
        "called by one and not by the next is called by chance.",
    ),
    Known(
        "plausibility", "Plausibility: does a known fact ever lower a risk?",
        ("plausibility.json",),
        "More of what makes people ill should not lower a risk. The model was asked again about "
        "people with one earlier unplanned hospital stay more: this is how often it lowers a risk "
        "then, and by what.",
        labels={
            "asked": "people asked", "lowered": "whose risk is lower then", "share": "part of them",
            "by_a_percent": "by more than 1 %", "below": "who would stand lower on a list",
            "median_ratio": "median ratio of the risks", "fall": "mean fall (log odds)",
            "feature": "what of it fell most",
        },
        captions={
            "deciles": "Deciles of the ratio of the risks", "by_what": "What lowers it, most first",
            "price_auroc": "AUROC of the same model without the constraints that forbid it, minus "
            "the model's own; above 0 they cost so much",
        },
    ),
    Known(
        "selection", "Which inputs were chosen, and how", ("selection.json", "selection.csv"),
        "Inputs that add nothing cost trust and upkeep. The choice was made on the people learned "
        "from; those who test had no part in it.",
    ),
    Known(
        "search", "Which settings were tried", ("search.csv", "search.json"),
        "Each line is one fit with other settings, judged on people learned from and not on those "
        "who test. The one with the smallest log loss was taken.",
        of="log_loss",
    ),
    Known(
        "treated", "Those who were called while the outcome ran", ("treated.json", "treated.csv"),
        "The question is the risk under usual practice. Whoever was reached by care management "
        "after the question and before the end of its outcome window may have been helped: a high "
        "risk which did not come true is no proof of a wrong one. Those reached were chosen: no "
        "figure here tells what calling does.",
        labels={
            "treated": "what the training did with their rows", "dropped": "rows left out",
            "mean_part": "part of all outcome windows after it",
            "cases_reached": "cases among them", "cases_others": "cases among the others",
            "in_programme": "of the others, in a programme before",
        },
        captions={"roles": "By what the rows were for"},
        left_out=frozenset(("effect_log_odds",)),
    ),
)  # fmt: skip
IMPORTANCE = Known(
    "importance", "What moves the risks", ("importance.csv",),
    "What the risks hang on, the weightiest first. A share is how far a fact moves one person's "
    "risk, in log odds; the mean of its size is over a sample of the rows that test. These are "
    "associations: they say what the model looks at, and not what would help. Sensitive matters "
    "(substance use, mental health, HIV, reproductive health) are counted like all others here; on "
    "a list they stand as reasons for those alone who have the right to see them.",
)  # fmt: skip
DECISION_CURVE = Known(
    "decision-curve", "Decision curve: is calling by risk worth it?", ("decision_curve.csv",),
    "Whoever calls all above a threshold says that one case is worth so many wrong calls: at 10 %, "
    "nine. Net benefit is the cases called less the wrong calls at that price, a person (Vickers "
    "and Elkin 2006). The model is worth using at thresholds where it stands above calling "
    "everybody, calling nobody, and the other scores.",
)  # fmt: skip


def blocks_of(run: RunFolder, known: Known) -> list[Block]:
    """What a report shows of `known`; nothing where none of its files is there."""
    blocks: list[Block] = []
    for name in known.files:
        if name.endswith(".csv"):
            records = run.records(name)
            if records:
                blocks += _table(run, known, "", records)
        else:
            told = run.told(name)
            if isinstance(told, dict):
                blocks += _parts(run, known, told, said_already=bool(blocks))
            elif isinstance(told, list) and told:
                blocks += _part(run, known, known.title, told)
    return [Words(known.why), *blocks] if blocks else []


def decision_curve(run: RunFolder) -> list[Block]:
    """The curve at some of its thresholds: one column a score, ours with its interval."""
    records = run.records(DECISION_CURVE.files[0])
    if not records or not {"score", "threshold", "net_benefit"} <= {*records[0]}:
        return []
    thresholds = sorted({float(line["threshold"]) for line in records})
    step = max(1, -(-len(thresholds) // _THRESHOLDS))
    found = {(str(line["score"]), float(line["threshold"])): line for line in records}
    scores = list(dict.fromkeys(name for name, _ in found))
    rows = []
    for threshold in thresholds[::step]:
        cells = [found.get((name, threshold), {}) for name in scores]
        rows.append((per_cent(threshold), *(
            between(_FOUR, line["net_benefit"], line.get("low") or float("nan"),
                    line.get("high") or float("nan"))
            if line and line.get("net_benefit") is not None else NOTHING for line in cells
        )))  # fmt: skip
    return [
        Words(DECISION_CURVE.why),
        Table("Net benefit in cases a person, by threshold", ("threshold", *scores), tuple(rows),
              frozenset(range(len(scores) + 1))),
        *notes_on(scores),
    ]  # fmt: skip


def _parts(
    run: RunFolder, known: Known, told: Mapping[str, Any], *, said_already: bool
) -> list[Block]:
    """A JSON object: its words first, then its single values, then each list with its caption.

    Where a CSV of the same has been shown, only the words of the JSON are.
    """
    blocks: list[Block] = []
    words = told.get("words") or []
    said = [words] if isinstance(words, str) else [one for one in words if isinstance(one, str)]
    blocks += [Words(_sentence(one)) for one in said]
    if said_already:
        return blocks
    hidden = {"words", *OF_PATIENTS, *known.left_out}
    rest = {key: value for key, value in told.items() if key not in hidden}
    single = {key: value for key, value in rest.items() if not isinstance(value, dict | list)}
    if single:
        blocks.append(table_of("", [single], run.counts, of=known.of, labels=known.labels))
    for key, value in rest.items():
        caption = known.captions.get(key) or key.replace("_", " ").capitalize()
        if isinstance(value, list) and value:
            blocks += _part(run, known, caption, value)
        elif isinstance(value, dict) and value:
            blocks += [Heading(caption), *_parts(run, known, value, said_already=False)]
    return blocks


def _part(run: RunFolder, known: Known, caption: str, listed: Sequence[Any]) -> list[Block]:
    """A list of a JSON file: records as a table, three figures as one with its interval, others and
    names on one line, sentences as points."""
    if all(isinstance(one, dict) for one in listed):
        return _table(run, known, caption, listed)
    if all(isinstance(one, int | float) and not isinstance(one, bool) for one in listed):
        if len(listed) == 3:
            return [Words(f"{caption}: {between(decimals(3), *map(float, listed))}.")]
        return [Words(f"{caption}: {', '.join(map(words_for, listed))}.")]
    texts = [words_for(one) for one in listed]
    if not any(" " in text for text in texts):  # names
        return [Words(f"{caption} ({len(texts):,}): {', '.join(texts)}.")]
    return [Heading(caption), Points(tuple(map(_sentence, texts)))]


def _table(
    run: RunFolder, known: Known, caption: str, records: Sequence[Mapping[str, Any]]
) -> list[Block]:
    flat = [{k: v for k, v in record.items() if not isinstance(v, dict)} for record in records]
    made: list[Block] = [
        table_of(caption, flat[:MOST_ROWS], run.counts, of=known.of, labels=known.labels)
    ]
    if len(flat) > MOST_ROWS:
        made.append(Words(f"The first {MOST_ROWS} of {len(flat):,} lines; {known.files[0]} of the "
                          "run holds all.", note=True))  # fmt: skip
    return made


def _sentence(text: str) -> str:
    """The words as a sentence."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
