"""A readmission cohort as files: every stay, the attrition table, and a page to read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from data import intake
from data.errors import InputError
from data.home import Home
from data.progress import stage
from training.cohorts.cohort import Cohort, readmission_cohort
from training.cohorts.cohort_page import cohort_page
from training.cohorts.stay_table import stay_table
from training.settings.tasks import ReadmissionTask, shipped_tasks, task_called

STAYS, ATTRITION, PAGE = "stays.parquet", "attrition.parquet", "cohort.html"


@dataclass(frozen=True)
class WrittenCohort:
    """What was written: the cohort, its settings, the rows of the stay table, the folder."""

    cohort: Cohort
    task: ReadmissionTask
    stays: int
    folder: Path


def readmission_task(name: str, definition: str | None = None) -> ReadmissionTask:
    """The settings of a readmission task, of another definition where one is asked for.

    Another definition brings what the task that ships for it sets otherwise than the one that ships
    for the task's own (lowest age, allowed gap). Raises InputError where the task is none of
    readmission, or there is no such definition: "high-cost is no task of readmission: choose
    readmission, readmission-pcr-like, or a file of settings of that kind."
    """
    shipped = {
        told.definition: told
        for told in map(task_called, shipped_tasks())
        if isinstance(told, ReadmissionTask)
    }
    task = task_called(name)
    if not isinstance(task, ReadmissionTask):
        raise InputError(
            f"{name} is no task of readmission: choose "
            f"{', '.join(told.name for told in shipped.values())}, or a file of settings of that "
            "kind."
        )
    if definition is None or definition == task.definition:
        return task
    if definition not in shipped:
        raise InputError(
            f"There is no definition {definition!r} of a readmission: choose "
            f"{' or '.join(sorted(shipped))}."
        )
    here, there = shipped[task.definition], shipped[definition]
    own = {
        entry.name: getattr(there, entry.name)
        for entry in fields(there)
        if entry.name != "name" and getattr(there, entry.name) != getattr(here, entry.name)
    }
    return replace(task, **own)


def write_cohort(home: Home, task: ReadmissionTask, folder: Path | None = None) -> WrittenCohort:
    """Write stays.parquet (see `training.cohorts.stay_table`), attrition.parquet (see
    `training.cohorts.attrition.COLUMNS`) and cohort.html into `folder` (`cohort` in the home unless
    told), which is made where it is not.

    The two tables are about patients; the page holds no patient's row. Each file is written whole
    before it takes the place of one of its name, and only its owner may read it.
    Raises InputError where nothing was taken in, or `folder` is a file.
    """
    folder = home.root / "cohort" if folder is None else folder
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--to: {folder} is not a folder.")
    taken = intake.current(home)
    with stage("Finding who counts, and what happened to them"):
        cohort = readmission_cohort(taken.tables, taken.manifest, task)
    with stage("Writing every stay, and the page"):
        stays = stay_table(cohort)
        folder.mkdir(parents=True, exist_ok=True)
        with _in_place_of(folder / STAYS) as file:
            pq.write_table(stays, file)
        attrition = pa.Table.from_pandas(cohort.attrition, preserve_index=False)
        with _in_place_of(folder / ATTRITION) as file:
            pq.write_table(attrition.replace_schema_metadata(None), file)
        with _in_place_of(folder / PAGE) as file:
            file.write_text(cohort_page(cohort, task, taken.manifest), encoding="utf-8")
    return WrittenCohort(cohort, task, stays.num_rows, folder)


@contextmanager
def _in_place_of(path: Path) -> Iterator[Path]:
    """A new file for its owner alone, which then takes the place of `path`, whatever was there: a
    file that others may read, or a link to one, is not written to."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        yield fresh
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def print_cohort(written: WrittenCohort) -> None:
    """Print the attrition, the rate by both outcomes, the remarks, and where the files lie."""
    from data.command_line import shown
    from data.terminal import say
    from training.printed import print_attrition

    every = written.cohort.every
    index = every[every["index"]]
    print_attrition(f"{written.task.name} by {written.task.definition}", written.cohort.attrition)
    back, either = (
        int(index[name].fillna(0).sum()) for name in ("outcome", "death_or_readmission")
    )
    rate = f" ({back / len(index):.1%}, {either / len(index):.1%})" if len(index) else ""
    say(
        *(f"  {remark}" for remark in written.cohort.remarks),
        f"{len(index):,} index discharges; {back:,} unplanned readmissions, {either:,} with death "
        f"within {written.task.horizon_days} days{rate}.",
        f"{shown(written.folder / PAGE)} is the page to read, and may be shown: it holds no "
        "patient.",
        f"{STAYS} ({written.stays:,} rows) and {ATTRITION} beside it are about patients: they are "
        "for you alone.",
    )
