"""The commands about features and histories; the front door hangs them up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from data.command_line import Day, Days, FeatureNames, Task, day_of, shown, warn_of_days
from data.home import Home
from data.terminal import say

if TYPE_CHECKING:
    from features.cuts import Cuts

features = typer.Typer(
    no_args_is_help=True,
    help="""Look at the numbers that models are given, and at the rows behind them.

    Example: firstcall features explain P0000042 --as-of 2010-03-31
    """,
)
histories = typer.Typer(
    no_args_is_help=True,
    help="""Take patient histories to other programs and back (MEDS).

    Example: firstcall histories export --to meds
    """,
)


@dataclass(frozen=True)
class Chosen:
    """What the front door hands on: the home, and the cut points that are kept with the model of a
    task (None: of no task)."""

    home: Home
    cuts: Callable[[str | None], Cuts | None]


@features.command("explain")
def explain_patient(
    context: typer.Context,
    patient: Annotated[
        str, typer.Argument(metavar="PATIENT", help="Id, as the column patient_id has it.")
    ],
    as_of: Day,
    names: FeatureNames = None,
    every: Annotated[
        bool, typer.Option("--all", help="Show all events, not only the newest three of each.")
    ] = False,
    missing: Annotated[
        bool, typer.Option("--missing", help="List what is missing because no feed carries it.")
    ] = False,
    task: Task = None,
) -> None:  # fmt: skip
    """Print the features of one patient, and the rows behind each.

    Whatever is neither 0 nor missing is told (with --feature these too): its value, what that says,
    how and over which days it is computed, and the events that it is made of, the newest first.
    Of an event: its day, what it says, its code, since when it is known, its file, the
    file's digest and line.

    Example: firstcall features explain P0000042 --as-of 2010-03-31
    """
    from features.explain import explain
    from features.printed import Shown, print_account
    from features.writing import current_histories

    day = day_of(as_of)
    held = current_histories(context.obj.home)
    account = explain(held, patient, day, context.obj.cuts(task), names)
    print_account(account, Shown(bool(names), every, missing))
    warn_of_days(held.data_through, [day])


@features.command("write")
def write_matrix(
    context: typer.Context,
    days: Days,
    to_dir: Annotated[Path, typer.Option("--to", metavar="DIR", help="Folder for the files.")],
    names: FeatureNames = None,
    task: Task = None,
) -> None:
    """Write the features of everybody, one row a patient and day.

    features.npy holds the numbers (float32, missing is NaN), questions.parquet says whom and
    which day each row is about, and features.json what each column is. What care management did is
    left out unless it is named: it is no predictor.

    Example: firstcall features write --as-of 2010-03-31 --to matrix
    """
    from features.feature_file import write_features
    from features.writing import current_histories

    asked = [day_of(text) for text in days]
    held = current_histories(context.obj.home)
    made = write_features(held, asked, to_dir, names, cuts=context.obj.cuts(task)).about
    warn_of_days(held.data_through, asked)
    say(
        f"{made['rows']:,} rows of {len(made['names']):,} features lie in {shown(to_dir)}: "
        f"{sum(held.patients_a_shard):,} patients as of {', '.join(made['days'])}."
    )


@features.command("list")
def list_features(
    family: Annotated[str | None, typer.Option(metavar="NAME", help="Only this family.")] = None,
) -> None:
    """List the features by name.

    Example: firstcall features list --family drugs
    """
    from features.printed_list import print_features

    print_features(family)


@histories.command("export")
def export_histories(
    context: typer.Context,
    to_dir: Annotated[Path, typer.Option("--to", metavar="DIR", help="Folder for the dataset.")],
) -> None:
    """Write the histories as a MEDS dataset.

    Each event keeps the day on which it became known, as a column known_on.

    Example: firstcall histories export --to meds
    """
    from features.meds.commands import run_export

    run_export(context.obj.home, to_dir)


@histories.command("import")
def import_histories(
    context: typer.Context,
    from_dir: Annotated[Path, typer.Option("--from", metavar="DIR", help="Its folder.")],
    delay: Annotated[
        int | None, typer.Option(metavar="DAYS", help="Days until an event became known, where "
                                                      "the dataset does not say when.")
    ] = None,
    codes: Annotated[
        Path | None, typer.Option(metavar="FILE", help="CSV that says what its codes mean.")
    ] = None,
) -> None:  # fmt: skip
    """Make histories of a MEDS dataset.

    Example: firstcall histories import --from meds --delay 30
    """
    from features.meds.commands import run_import

    run_import(context.obj.home, from_dir, delay, codes)
