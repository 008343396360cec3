"""A readmission cohort as files: every stay, the attrition table, and a page to read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from data import intake
from data.errors import InputError
from data.home import Home
from data.progress import stage
from training import pcr_like
from training.cohort import Cohort, readmission_cohort
from training.cohort_page import cohort_page
from training.stay_table import stay_table
from training.tasks import ReadmissionTask, task_called

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

    Another definition brings its own lowest age and allowed gap. Raises InputError where the task
    is none of readmission, or there is no such definition:
    "high-cost is no task of readmission: choose readmission."
    """
    task = task_called(name)
    if not isinstance(task, ReadmissionTask):
        raise InputError(f"{name} is no task of readmission: choose readmission.")
    if definition is None or definition == task.definition:
        return task
    if definition == "pcr_like":
        return replace(task, definition="pcr_like", **pcr_like.SETTINGS)
    if definition == "cms_hwr":
        plain = ReadmissionTask()
        own = {name: getattr(plain, name) for name in pcr_like.SETTINGS}
        return replace(task, definition="cms_hwr", **own)
    raise InputError(
        f"There is no definition {definition!r} of a readmission: choose cms_hwr or pcr_like."
    )


def write_cohort(home: Home, task: ReadmissionTask, folder: Path) -> WrittenCohort:
    """Write stays.parquet (see `training.stay_table`), attrition.parquet (see
    `training.attrition.COLUMNS`) and cohort.html into `folder`, which is made where it is not.

    The two tables are about patients, for their owner alone; the page holds no patient's row.
    Raises InputError where nothing was taken in, or `folder` is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--to: {folder} is not a folder.")
    taken = intake.current(home)
    with stage("Finding who counts, and what happened to them"):
        cohort = readmission_cohort(taken.tables, taken.manifest, task)
    with stage("Writing every stay, and the page"):
        stays = stay_table(cohort)
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(stays, folder / STAYS)
        attrition = pa.Table.from_pandas(cohort.attrition, preserve_index=False)
        pq.write_table(attrition.replace_schema_metadata(None), folder / ATTRITION)
        page = cohort_page(cohort, task, taken.manifest)
        (folder / PAGE).write_text(page, encoding="utf-8")
    return WrittenCohort(cohort, task, stays.num_rows, folder)


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
        f"{shown(written.folder / PAGE)} is the page to read; {STAYS} ({written.stays:,} rows) and "
        f"{ATTRITION} lie beside it.",
    )
