"""A run told on one page, for a medical director: from the files of the run folder alone.

The page stands alone, can be read without MLflow, holds no patient's row or id, and no clock: the
same files give the same bytes. Of real people its tables, summary and pictures show no counts under
11, and round others to tens (`data.small_cells.Counts`); the verdict and some
remarks tell exact numbers of cases, as the training wrote them.
"""

from __future__ import annotations

from pathlib import Path

from data.errors import InputError
from training.cohorts.cohort import words_of
from training.report.cost import cost_blocks
from training.report.document import (
    Block,
    Cell,
    Document,
    Marked,
    Picture,
    Points,
    Section,
    Table,
    Words,
    as_page,
)
from training.report.figure_words import NOTHING, table_of
from training.report.glossary import GLOSSARY
from training.report.known_tables import AFTER_RESULT, IMPORTANCE, blocks_of, decision_curve
from training.report.recalibrated import roles, words
from training.report.result import calibration, capacities, days, ranking
from training.report.run_folder import RunFolder
from training.report.summary import summary, verdict
from training.settings.tasks import ReadmissionTask, task_called

FILE = "report.html"
_FURTHER = "pictures"
PICTURES: dict[str, tuple[str, str]] = {
    "roc": ("ranking", "Cases flagged against others flagged, from the top of the list down: the "
            "further a curve bends to the upper left, the better it orders people."),
    "calibration": ("calibration", "The risk that was said and the outcome that was seen, in ten "
                    "groups: on the line they are the same."),
    "gain": ("capacities", "The part of all cases that is found by calling a part of the list, "
             "from its top."),
    "decision_curve": ("decision-curve", "Net benefit of calling by each score, by threshold."),
    "ranking_by_day": ("by-day", "AUROC within each day after discharge."),
    "calibration_by_day": ("by-day", "The risk that was said and the outcome that was seen, on "
                           "each day after discharge."),
    "cost": ("cost", "Mean cost expected and spent, in tenths of the people by expected cost."),
    "equity": ("equity", "How ill people of each group are at the same risk."),
    "backtests": ("backtests", "AUROC on earlier dates, with 95 % intervals."),
    "learning_curve": ("learning-curve", "AUROC by the number of people learned from."),
    "importance": ("importance", "What moves the risks most."),
    "shares": ("importance", "What moves the risk most, one dot a person, or of real people a "
               "group of 11 or more: to the right it raises the risk, to the left it lowers "
               "it; the colour is the fact's value."),
    "dependence": ("importance", "How the share of each of the weightiest facts goes with its "
                   "value: where the line rises, more of it raises the risk."),
}  # fmt: skip
"""A picture's name → the section it stands in, and what is in it, in words."""


def write_report(folder: Path, title: str = "") -> Path:
    """Write report.html into the run folder `folder` and give its path; `title` stands over it, the
    task's name where none is given.

    Raises InputError where the folder holds no model or no evaluation, or a file cannot be read.
    """
    run = RunFolder.open(folder)
    path = folder / FILE
    path.write_text(as_page(report_of(run, title)), encoding="utf-8")
    return path


def report_of(run: RunFolder, title: str = "") -> Document:
    """The report of a run, section by section; what the run has no file of has no section."""
    settings = run.texts("settings.csv") or []
    judgeable = _judgeable(settings)
    sections: list[tuple[str, str, list[Block]]] = [
        ("summary", "In short", summary(run, judgeable)),
        ("question", "The definition in words", definition_in_words(run)),
        ("gate", "May it take the champion's place?", verdict(run)),
        ("attrition", "Who counts", attrition(run)),
        ("rows", "Who was learned from, and who tested", _rows(run)),
        ("ranking", "Ranking: are the right people first?", ranking(run)),
        ("calibration", "Calibration: are the risks right?", calibration(run)),
        ("capacities", "Use: what calling from the top finds", capacities(run)),
        ("decision-curve", "Decision curve: is calling by risk worth it?", decision_curve(run)),
        ("by-day", "Days after discharge", days(run, judgeable)),
        ("cost", "Cost", cost_blocks(run)),
        *((known.name, known.title, blocks_of(run, known)) for known in AFTER_RESULT),
        ("importance", IMPORTANCE.title, blocks_of(run, IMPORTANCE)),
        (_FURTHER, "Further pictures", []),
        ("remarks", "Remarks of the training", remarks(run)),
        ("settings", "Settings, all of them", _settings(settings)),
        ("glossary", "How to read it", [
            Table("", ("figure", "what it means"), tuple(GLOSSARY)),
        ]),
    ]  # fmt: skip
    pictures = _pictures(run)
    made = [
        Section(name, heading, (*blocks, *pictures.get(name, [])))
        for name, heading, blocks in sections if blocks or name in pictures
    ]  # fmt: skip
    return Document(title or f"Report of a training: {run.model['task']}", _about(run), tuple(made))


def _about(run: RunFolder) -> tuple[Cell, ...]:
    told: list[Cell] = [
        str(run.model["label"]),
        f"Model version {run.version}; data through {run.model['data_through']}.",
    ]
    if run.counts.guarded:
        told.append("These are real people: tables do not show counts from 1 to 10, and round "
                    "others to tens.")  # fmt: skip
    return tuple(told)


def definition_in_words(run: RunFolder) -> list[Block]:
    """The definition that a readmission follows, in sentences."""
    path = run.find("task.toml")
    try:
        task = None if path is None else task_called(str(path))
    except InputError:  # of a version that had other settings
        return []
    return [*map(Words, words_of(task))] if isinstance(task, ReadmissionTask) else []


def attrition(run: RunFolder) -> list[Block]:
    """Rule by rule who is left; nothing where the run has no such table."""
    records = run.records("attrition.csv")
    if not records:
        return []
    count = run.counts.count
    rows: list[tuple[Cell, ...]] = []
    for place, line in enumerate(records):
        note = str(line.get("note") or "")
        if untried := line.get("rows_untried") if line["evaluable"] else 0:
            note = "; ".join(filter(None, (f"not tried on {count(int(untried))}", note)))
        removed: Cell = count(int(line["rows_removed"])) if place else ""
        if not line["evaluable"]:
            removed = Marked("not evaluable", "missing")
        left = line["outcomes_left"]
        rows.append((
            str(line["rule"]), removed, count(int(line["rows_left"])),
            count(int(line["people_left"])), NOTHING if left is None else count(int(left)), note,
        ))  # fmt: skip
    return [
        Words(
            "From everybody in the data to those who count, rule by rule. A rule that is not "
            "evaluable asks what the source does not tell: it takes nobody, and does not pass "
            "either."
        ),
        Table("", ("rule", "taken out", "left", "people left", "cases left", "note"), tuple(rows),
              frozenset(range(1, 5))),
    ]  # fmt: skip


def _rows(run: RunFolder) -> list[Block]:
    records = roles(run)
    if not records:
        return []
    recalibrated = words(run)
    return [
        *([Words(f"This model was {recalibrated}.")] if recalibrated else []),
        Words(
            "People are dealt into roles by lot, and those who test are asked later than anybody "
            "was learned from: the test is of other people at another time."
        ),
        table_of("", records, run.counts,
                 labels={"first_as_of": "first day asked", "last_as_of": "last day asked"}),
    ]  # fmt: skip


def remarks(run: RunFolder) -> list[Block]:
    """What the training wants the reader to know, one point each."""
    found = [str(remark) for remark in run.evaluation.get("remarks") or []]
    return [Points(tuple(found))] if found else []


def _settings(settings: list[dict[str, str]]) -> list[Block]:
    rows = tuple((s["setting"], s["value"], s["meaning"]) for s in settings)
    return [Table("", ("setting", "value", "meaning"), rows)] if rows else []


def _judgeable(settings: list[dict[str, str]]) -> int | None:
    """How many cases the run's settings want to judge by."""
    found = [s["value"] for s in settings if s["setting"] == "evaluation.judgeable_events"]
    return int(found[0]) if found and found[0].isdigit() else None


def _pictures(run: RunFolder) -> dict[str, list[Block]]:
    """By section, in the order of PICTURES; those it does not know stand together."""
    found = run.pictures()
    known = [name for name in PICTURES if name in found]
    placed: dict[str, list[Block]] = {}
    for name in (*known, *(name for name in found if name not in PICTURES)):
        section, words = PICTURES.get(name, (_FURTHER, name.replace("_", " ").capitalize() + "."))
        placed.setdefault(section, []).append(Picture.of(found[name], words))
    return placed
