"""The front door: the command line. Each command is one call into one room; rooms import lazily."""

from __future__ import annotations

import os
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from data.command_line import Day, become, day_of, shown
from data.errors import FirstcallError, InputError, RefusalError, where
from data.home import Home
from data.progress import listen
from data.terminal import printable, say, shown_stage
from features.command_line import Chosen, features, histories
from serving.access.command_line import users
from serving.access.token_command_line import tokens
from serving.models.command_line import bentos
from serving.store_commands import audit, consent, store
from training.command_line import trainings

app = typer.Typer(
    name="firstcall",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
app.add_typer(features, name="features")
app.add_typer(histories, name="histories")
app.add_typer(bentos)
app.add_typer(users, name="user")
app.add_typer(tokens, name="token")
app.add_typer(store, name="store")
app.add_typer(audit, name="audit")
app.add_typer(consent, name="consent")
app.add_typer(trainings)
_chosen: dict[str, Home] = {}
_DEMO_NIGHTS = (63, 35, 4, 3, 2, 1)
"""The nights of the demo before its last one, in days before it: two of earlier months, beside
which a risk rises and after which the guideline brings people back, and those of the last days."""


@app.callback()
def _front(
    context: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option(help="Folder where everything lands.", envvar="FIRSTCALL_HOME",
                     show_default=".firstcall", show_envvar=True),
    ] = None,
) -> None:  # fmt: skip
    """firstcall tells a health-care case manager whom to call first, and why.

    Begin with: firstcall demo
    """
    chosen = Home(home.resolve()) if home else Home.from_environment()
    if chosen.root.exists() and not chosen.root.is_dir():
        raise InputError(f"--home: {shown(chosen.root)} is not a folder.")
    _chosen["home"] = chosen
    context.obj = Chosen(chosen, _cuts)
    listen(shown_stage)


def _home() -> Home:
    return _chosen.get("home") or Home.from_environment()


@app.command()
def demo(
    members: Annotated[int, typer.Option(help="People to invent.", min=2000)] = 20_000,
    seed: Annotated[int, typer.Option(help="Another seed, another population.")] = 1,
) -> None:
    """From an invented population to a worklist, in minutes.

    Example: firstcall --home .firstcall/demo demo
    """
    from data.demo_folder import begin_anew
    from serving.access.demo_access import demo_access
    from serving.demo_calls import call, call_early
    from serving.nightly import run_night
    from serving.printed import print_calls, print_worklist
    from training.command_line import make_champion, train_and_print
    from training.settings.tasks import HIGH_COST, READMISSION

    home = _home()
    begin_anew(home.root)
    elsewhere = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "MLFLOW_DEFAULT_ARTIFACT_ROOT",
                 "FIRSTCALL_DATABASE")  # fmt: skip
    for name in elsewhere:
        if os.environ.pop(name, None):
            say(f"{name} is left aside: what is invented stays in the demo's own folder.")
    _invent(home, members, 4, seed)
    _take_in(home, "canonical", home.invented)
    for settings in (READMISSION, HIGH_COST):
        train_and_print(home, settings.name)
        try:
            make_champion(home, settings.name)
        except RefusalError as refused:  # few people: the list is shown all the same
            say(str(refused), "The demo promotes it all the same.")
            make_champion(home, settings.name, "a demo on invented people")
    demo_access(home)
    through = _data_through(home)
    for days in _DEMO_NIGHTS:
        as_of = through - timedelta(days=days)
        listed = run_night(home, as_of).listed
        print_calls(as_of, listed, call(home, seed))
    _night(home, through, None)
    print_worklist(home, 10, None)
    call_early(home, seed)
    say(
        "",
        f"Everything lies in {shown(home.root)}.",
        "  the whole list      make worklist",
        "  the service         make serve",
        "  the MLflow pages    make mlflow",
    )


@app.command()
def synthesise(
    members: Annotated[int, typer.Option(help="People to invent.", min=1)] = 20_000,
    years: Annotated[int, typer.Option(help="Years of their histories.", min=2)] = 4,
    seed: Annotated[int, typer.Option(help="Another seed, another population.")] = 1,
) -> None:
    """Invent a population whose true risks are known.

    Example: firstcall synthesise --members 100000 --seed 7
    """
    home = _home()
    _invent(home, members, years, seed)
    say(f"Take it in with: firstcall intake --source canonical --from {shown(home.invented)}")


@app.command()
def intake(
    source: Annotated[str, typer.Option(help="Form of the files: synpuf or canonical.")],
    from_dir: Annotated[Path, typer.Option("--from", help="Folder that holds the files.")],
) -> None:
    """Take files in, and write patient histories.

    Each row is checked; rejected ones are kept with the reason. Taking the same files in twice
    changes nothing.

    Example: firstcall intake --source synpuf --from claims/2010
    """
    _take_in(_home(), source, from_dir)


@app.command("unknown-codes")
def unknown_codes(
    top: Annotated[int, typer.Option(help="How many to print of each system.", min=1)] = 20,
) -> None:
    """Print the codes of what was taken in that no list knows, with their share and why.

    Example: firstcall unknown-codes --top 20
    """
    from data.printed import print_kept_unknown_codes
    from data.unknown_codes import kept_unknown_codes

    print_kept_unknown_codes(kept_unknown_codes(_home()), top)


@app.command()
def nightly(
    as_of: Day,
    managers: Annotated[
        int | None,
        typer.Option(help="Case managers, 4 unless service.toml names panels.", min=1),
    ] = None,
    slots: Annotated[
        int | None, typer.Option(help="Patients that each can take on, 25 unless told.", min=1)
    ] = None,
    randomised_share: Annotated[
        float,
        typer.Option(
            help="Share of the places, the last ones, that goes by a draw, so that "
            "`firstcall impact` can tell what calls do.",
            min=0,
            max=0.5,
        ),
    ] = 0.0,
    other_origin: Annotated[
        bool, typer.Option(help="Score real people by a model of invented or public ones.")
    ] = False,
) -> None:
    """Score everyone, and publish the new worklist whole.

    High cost is asked of all who are alive and covered, readmission of those discharged in the
    last 30 days.

    Example: firstcall nightly --as-of 2010-03-31 --managers 6 --slots 20
    """
    from serving.night_list import capacity_said
    from serving.settings import read_settings

    home = _home()
    said = read_settings(home).worklist
    capacity = capacity_said(
        said.panels, managers, slots, randomised_share, said.kept_for_discharged
    )
    _night(home, day_of(as_of), capacity, other_origin=other_origin)


@app.command()
def impact() -> None:
    """Print what the calls do, as far as places of the list were given by a draw.

    Compares those who were drawn with those who stood as high and were not, by the outcomes that
    have become known since.

    Example: firstcall impact
    """
    from data.intake import current
    from data.small_cells import Counts
    from serving.stale_data import STALE_AFTER_DAYS
    from serving.store import Store
    from training.effects.impact import impact as told_by
    from training.effects.impact_outcomes import outcomes_of
    from training.effects.printed_impact import print_impact

    home = _home()
    store = Store.of_home(home)
    try:
        allocations = store.allocations()
    finally:
        store.close()
    counts = Counts(str(current(home).manifest["origin"]))
    within = STALE_AFTER_DAYS if counts.guarded else None
    print_impact(told_by(allocations, outcomes_of(home, allocations), None, within), counts)


@app.command()
def worklist(
    top: Annotated[int, typer.Option(help="How many to print.", min=1)] = 20,
    manager: Annotated[int | None, typer.Option(help="Only this case manager's.", min=1)] = None,
) -> None:
    """Print whom to call first, and why.

    Example: firstcall worklist --top 20
    """
    from serving.printed import print_worklist

    print_worklist(_home(), top, manager)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 3000,
) -> None:
    """Answer over HTTP, on this machine unless told otherwise.

    Whoever asks signs in (firstcall user add) or has a token (firstcall token add).
    GET /v1/worklist, GET /v1/patients/{id}, POST /v1/score; /openapi.json tells all.

    Example: firstcall serve --port 3000
    """
    from serving.access.command_line import ways_in
    from serving.settings import read_settings

    say(
        f"The pages are on http://{host}:{port}/ : sign in there.",
        "Programs ask at the same address (/openapi.json tells how).",
    )
    say(*ways_in(_home(), read_settings(_home()).open_id is not None))
    become(
        "bentoml", "serve", "serving.service:Firstcall", "--host", host, "--port", str(port),
        "--working-dir", str(Path(__file__).parent),
        FIRSTCALL_HOME=str(_home().root), BENTOML_HOME=str(_home().root / "bentoml"),
        BENTOML_DO_NOT_TRACK="True",
        FIRSTCALL_HOSTS=",".join(filter(None, (os.environ.get("FIRSTCALL_HOSTS"), host))),
    )  # fmt: skip


@app.command()
def mlflow(
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 5000,
) -> None:
    """Open the MLflow pages of all trainings.

    Example: firstcall mlflow --port 5000
    """
    from training.release.tracking import is_server, registry_uri, tracking_uri
    from training.release.tracking import shown as address

    kept = tracking_uri(_home())
    if is_server(kept):
        say(f"The MLflow pages are on {address(kept)}.")
        return
    say(f"The MLflow pages are on http://127.0.0.1:{port}.")
    become(
        "mlflow", "server", "--host", "127.0.0.1", "--port", str(port),
        MLFLOW_BACKEND_STORE_URI=kept, MLFLOW_REGISTRY_STORE_URI=registry_uri(_home()),
        MLFLOW_DISABLE_TELEMETRY="true",
    )  # fmt: skip


def _cuts(task: str | None) -> Any:
    """The cut points that are kept with the model of a task."""
    if task is None:
        return None
    from serving.model import RiskModel
    from training.settings.tasks import task_called

    name = task_called(task).name
    return RiskModel.load(_home().models / name, name).cuts


def _invent(home: Home, members: int, years: int, seed: int) -> None:
    from data.printed import print_invented
    from data.synthesise import synthesise as invent

    report = invent(home.invented, members=members, years=years, seed=seed)
    print_invented(f"{members:,} invented members over {years} years (seed {seed})", report.rows)


def _take_in(home: Home, source: str, folder: Path) -> None:
    from data.intake import take_in
    from data.printed import print_intake, print_sum
    from features.writing import current_histories, must_not_be_imported

    must_not_be_imported(home)
    report = take_in(home, source, folder)
    print_intake(report, shown(home.rejected))
    current_histories(home)
    print_sum(report)


def _night(home: Home, as_of: date, capacity: Any, *, other_origin: bool = False) -> None:
    from serving.nightly import run_night
    from serving.printed import print_night

    print_night(run_night(home, as_of, capacity, other_origin=other_origin))


def _data_through(home: Home) -> date:
    from data.intake import current

    return date.fromisoformat(str(current(home).manifest["data_through"]))


def main() -> None:
    """Run the command line; one sentence and an exit code for whatever goes wrong.

    What firstcall writes is for its owner alone, and an error it did not foresee is told by type
    and place: the text of a database's error may hold rows of patients.
    """
    os.umask(0o077)
    try:
        app()
    except FirstcallError as error:
        sys.stderr.write(f"firstcall: {printable(str(error))}\n")
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        sys.stderr.write("firstcall: stopped; what was published before is unchanged.\n")
        raise SystemExit(130) from None
    except Exception as error:
        if os.environ.get("FIRSTCALL_TRACE"):
            raise
        sys.stderr.write(
            f"firstcall: an error that it did not foresee ({where(error)}); what was published "
            "before is unchanged. FIRSTCALL_TRACE=1 shows all of it, rows of patients included.\n"
        )
        raise SystemExit(1) from None
