"""The commands that make models: train, recalibrate, promote, validate, the card, and who counts;
the front door hangs them up."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from data.command_line import shown
from data.errors import InputError
from data.home import Home
from data.terminal import say

trainings = typer.Typer()
TaskOrFile = Annotated[
    str, typer.Option("--task", metavar="TASK", help="A task by its name, or a file of settings.")
]
TaskName = Annotated[str, typer.Option("--task", metavar="TASK", help="A task by its name.")]


@trainings.command()
def train(
    context: typer.Context,
    task: TaskOrFile,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a training that was cut off.")
    ] = False,
) -> None:
    """Train one model, and judge it beside its baselines and the champion.

    It becomes the challenger of its task; `firstcall promote` makes it champion. The night uses the
    champions of readmission and high-cost.

    Example: firstcall train --task readmission
    """
    train_and_print(context.obj.home, task, resume=resume)


@trainings.command()
def recalibrate(context: typer.Context, task: TaskOrFile) -> None:
    """Put the champion's risks right where the base rate moved; nothing is learned anew.

    Looks at what has become known since it was made. The result is a challenger like any other;
    where nothing moved there is none.

    Example: firstcall recalibrate --task readmission
    """
    from training.printed import print_recalibration
    from training.recalibrate import recalibrate as make

    print_recalibration(make(context.obj.home, task))


@trainings.command()
def promote(
    context: typer.Context,
    task: TaskName,
    override: Annotated[
        str | None, typer.Option(help="Promote what the gate refused, for this reason. It is kept.")
    ] = None,
) -> None:
    """Make the last trained model of a task its champion, where it passed the gate.

    Example: firstcall promote --task readmission
    """
    make_champion(context.obj.home, task, override)


@trainings.command()
def rollback(context: typer.Context, task: TaskName) -> None:
    """Make the champion of before champion again.

    Example: firstcall rollback --task readmission
    """
    from training.printed import print_moved
    from training.release.promotion import roll_back

    print_moved(task, roll_back(context.obj.home, task))


@trainings.command()
def validate(
    context: typer.Context,
    task: TaskOrFile,
    on: Annotated[Path, typer.Option("--on", metavar="HOME", help="The home of other people.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FOLDER", help="Write the figures there, as JSON and CSV."),
    ] = None,
) -> None:
    """Judge the champion on the people of another home, none of whom it ever saw.

    Beside every baseline on the same rows, with calibration, by group, and the equity audit.
    Nothing is registered in either home, and of real people no small count is told.

    Example: firstcall validate --task readmission --on ../other-site/.firstcall
    """
    from training.external_validation import validate as judged
    from training.printed_validation import print_validation

    if out is not None and out.exists() and not out.is_dir():
        raise InputError(f"--out: {shown(out)} is not a folder.")
    found = judged(context.obj.home, task, Home(on.resolve()))
    print_validation(found)
    if out is not None:
        found.write(out)
        say(f"The figures lie in {shown(out)}.")


@trainings.command()
def card(
    context: typer.Context,
    task: TaskOrFile,
    version: Annotated[
        int | None,
        typer.Option(min=1, help="A registered version.", show_default="the challenger"),
    ] = None,
) -> None:
    """Write a model's card again, by the [card] part of the settings as they are now.

    Sign-off, validation and local results are of one model: give them with of_version in the
    [card] part of a copy of the settings (firstcall task), and name that file as the task. The run
    in MLflow keeps the new card in the place of the old one.

    Example: firstcall card --task mine.toml
    """
    from training.card_again import card_again

    made = card_again(context.obj.home, task, version)
    lacking = f"; {len(made.missing)} things are missing on it" if made.missing else ""
    say(
        f"The card of {made.task}, version {made.number} (model version {made.model_version}), is "
        f"written again{lacking}: card.html in run {made.run_id}."
    )


@trainings.command()
def cohort(
    context: typer.Context,
    task: TaskOrFile = "readmission",
    definition: Annotated[
        str | None, typer.Option(help="cms_hwr or pcr_like, instead of the task's own.")
    ] = None,
    to_dir: Annotated[
        Path | None,
        typer.Option("--to", metavar="DIR", help="Folder for the files.",
                     show_default="cohort in the home"),
    ] = None,
) -> None:  # fmt: skip
    """Write who counts for a readmission task, and why the others do not.

    stays.parquet holds every stay of the data: each rule that it met, how it joined others, the
    planned rule that fired, its outcome and why. attrition.parquet counts what each rule took out.
    Both are about patients, for you alone. cohort.html is a page to read, without patients.

    Example: firstcall cohort --task readmission
    """
    from training.cohort_files import print_cohort, readmission_task, write_cohort

    print_cohort(write_cohort(context.obj.home, readmission_task(task, definition), to_dir))


@trainings.command("task")
def show_task(
    name: Annotated[str, typer.Argument(metavar="TASK", help="Its name, or a file of settings.")],
    to_file: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="Write it here instead.")
    ] = None,
) -> None:
    """Print the settings of a task, to copy and change.

    readmission, readmission-pcr-like (the payers' view), high-cost, or ed-visit-90 (an emergency
    visit within 90 days, which is settings alone). A copy with another name is another task, such
    as one with horizon_days = 90, enrolled_after_days = 90 and name = "readmission-90": firstcall
    train --task mine.toml.

    Example: firstcall task readmission --to mine.toml
    """
    from training.settings.tasks import task_called, task_file

    text = task_file(task_called(name))
    if to_file is None:
        say(text.rstrip())
        return
    if to_file.exists():
        raise InputError(f"--to: {shown(to_file)} is there already; choose another name.")
    to_file.write_text(text, encoding="utf-8")
    say(f"The settings lie in {shown(to_file)}; change them, and its name, and train with it.")


def train_and_print(home: Home, task: str, *, resume: bool = False) -> None:
    """What `train` does; before it refuses too few cases it prints who counts."""
    from training.fitting.prepared import TooFewError
    from training.printed import print_attrition, print_report
    from training.train import train as make

    try:
        report = make(home, task, resume=resume, tell=say)
    except TooFewError as error:
        print_attrition(task, error.attrition)
        raise
    print_report(report)


def make_champion(home: Home, task: str, override: str | None = None) -> None:
    """What `promote` does."""
    from training.printed import print_moved
    from training.release.promotion import promote as make

    print_moved(task, make(home, task, override))
