"""The front door: the command line. Each command is one call into one room; rooms import lazily."""

from __future__ import annotations

import os
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from data.errors import FirstcallError, InputError, where
from data.home import Home
from data.progress import listen
from data.terminal import say, shown_stage, table

app = typer.Typer(
    name="firstcall",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
_chosen: dict[str, Home] = {}


@app.callback()
def _front(
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
        raise InputError(f"--home: {_shown(chosen.root)} is not a folder.")
    _chosen["home"] = chosen
    listen(shown_stage)


def _home() -> Home:
    return _chosen.get("home") or Home.from_environment()


def _day(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise InputError(
            f"--as-of: {text!r} is not a day; write it as year-month-day, such as 2010-03-31."
        ) from None


Day = Annotated[str, typer.Option("--as-of", help="Day of the question, such as 2010-03-31.")]


@app.command()
def demo(
    members: Annotated[int, typer.Option(help="People to invent.", min=2000)] = 20_000,
    seed: Annotated[int, typer.Option(help="Another seed, another population.")] = 1,
) -> None:
    """From an invented population to a worklist, in minutes.

    Example: firstcall --home .firstcall/demo demo
    """
    from training.tasks import HIGH_COST, READMISSION

    home = _home()
    _begin_anew(home)
    _invent(home, members, 4, seed)
    _take_in(home, "canonical", home.invented)
    for settings in (READMISSION, HIGH_COST):
        _train(home, settings.name)
    _night(home, None, None)
    _print_worklist(home, 10, None)
    say(
        "",
        f"Everything lies in {_shown(home.root)}.",
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
    say(f"Take it in with: firstcall intake --source canonical --from {_shown(home.invented)}")


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


@app.command()
def train(
    task: Annotated[str, typer.Option(help="readmission or high-cost.")],
) -> None:
    """Train one model and judge it beside its baselines.

    It becomes the champion, which the next night uses.

    Example: firstcall train --task readmission
    """
    _train(_home(), task)


@app.command()
def nightly(
    as_of: Day,
    managers: Annotated[int, typer.Option(help="Case managers.", min=1)] = 4,
    slots: Annotated[int, typer.Option(help="Patients that each can take on.", min=1)] = 25,
    other_origin: Annotated[
        bool, typer.Option(help="Score real people by a model of invented or public ones.")
    ] = False,
) -> None:
    """Score everyone, and publish the new worklist whole.

    High cost is asked of all who are alive and covered, readmission of those discharged in the
    last 30 days.

    Example: firstcall nightly --as-of 2010-03-31 --managers 6 --slots 20
    """
    from serving.worklist import Capacity

    _night(_home(), _day(as_of), Capacity(managers, slots), other_origin=other_origin)


@app.command()
def worklist(
    top: Annotated[int, typer.Option(help="How many to print.", min=1)] = 20,
    manager: Annotated[int | None, typer.Option(help="Only this case manager's.", min=1)] = None,
) -> None:
    """Print whom to call first, and why.

    Example: firstcall worklist --top 20
    """
    _print_worklist(_home(), top, manager)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 3000,
) -> None:
    """Answer over HTTP, on this machine unless told otherwise.

    POST /score, GET /worklist, GET /patients/{id}; /openapi.json tells how to ask.

    Example: firstcall serve --port 3000
    """
    say(f"The service answers on http://{host}:{port} (/openapi.json tells how to ask it).")
    _become(
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
    from training.registry import tracking_uri

    say(f"The MLflow pages are on http://127.0.0.1:{port}.")
    _become(
        "mlflow", "server", "--host", "127.0.0.1", "--port", str(port),
        MLFLOW_BACKEND_STORE_URI=tracking_uri(_home()), MLFLOW_DISABLE_TELEMETRY="true",
    )  # fmt: skip


def _become(program: str, *arguments: str, **environment: str) -> None:
    """Replace this process by a program of the same environment."""
    path = Path(sys.executable).with_name(program)
    os.execve(path, [str(path), *arguments], os.environ | environment)


def _shown(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _begin_anew(home: Home) -> None:
    """Empty the demo's folder, and only a folder that a demo made."""
    import shutil

    mark = home.root / "made-by-the-demo"
    if home.root.exists() and not mark.exists() and any(home.root.iterdir()):
        raise InputError(
            f"{_shown(home.root)} holds files that no demo made: give the demo a folder of its own "
            "with `firstcall --home .firstcall/demo demo`."
        )
    shutil.rmtree(home.root, ignore_errors=True)
    home.root.mkdir(parents=True)
    mark.write_text("The demo empties this folder each time that it runs.\n")


def _invent(home: Home, members: int, years: int, seed: int) -> None:
    from data.synthesise import synthesise as invent

    report = invent(home.invented, members=members, years=years, seed=seed)
    table(
        f"{members:,} invented members over {years} years (seed {seed})",
        ("table", "rows"), sorted(report.rows.items()), right=(1,),
    )  # fmt: skip


def _take_in(home: Home, source: str, folder: Path) -> None:
    from data.intake import take_in
    from features.history import current_histories

    report = take_in(home, source, folder)
    table(
        "Taken in", ("file", "read", "taken in", "merged", "duplicates", "rejected"),
        [(f.file, f.read, f.taken_in, f.merged, f.duplicates, f.rejected) for f in report.files],
        right=range(1, 6),
    )  # fmt: skip
    if report.rejections:
        table(
            f"Rejected, kept with the reason in {_shown(home.rejected)}",
            ("table", "column", "reason", "rows"),
            [(r.table, r.column, r.rule, r.rows) for r in report.rejections],
            right=(3,),
        )
    unknown = [u for u in report.unknown_codes if u.unknown_rows]
    if unknown:
        table(
            "Codes without a known meaning, kept and counted",
            ("table", "system", "rows", "unknown", "share", "most frequent"),
            [(u.table, u.system, u.rows, u.unknown_rows, f"{u.share:.1%}",
              ", ".join(code for code, _ in u.most_frequent[:5])) for u in unknown],
            right=(2, 3, 4),
        )  # fmt: skip
    for file, names in report.ignored_columns.items():
        say(f"  Nothing reads these columns of {file}: {', '.join(names)}.")
    current_histories(home)
    changed = "" if report.changed else " Nothing is new: all of it had been taken in before."
    say(
        f"{report.read:,} rows read: {report.taken_in:,} taken in, {report.duplicates:,} "
        f"duplicates, {report.rejected:,} rejected. Data through {report.data_through}.{changed}",
        "",
    )


def _train(home: Home, task: str) -> None:
    from training.printed import print_attrition, print_report
    from training.train import TooFewError
    from training.train import train as make

    try:
        report = make(home, task)
    except TooFewError as error:
        print_attrition(task, error.attrition)
        raise
    print_report(report)


def _night(home: Home, as_of: date | None, capacity: Any, *, other_origin: bool = False) -> None:
    from data.intake import current
    from serving.nightly import run_night

    day = as_of or date.fromisoformat(str(current(home).manifest["data_through"]))
    report = run_night(home, day, capacity, other_origin=other_origin)
    table(
        f"The night of {day}", ("", "people"),
        [
            ("known on that day", report.population),
            ("scored", report.scored),
            *((f"with a risk of {task}", n) for task, n in report.with_risk.items()),
            *((f"no risk of {task}: {why}", n)
              for task, reasons in report.without_risk.items() for why, n in reasons.items()),
            *((f"not on the list: {why}", n) for why, n in report.left_out.items()),
            ("on the list", report.listed),
        ],
        right=(1,),
    )  # fmt: skip
    say(*(f"  Mind: {warning}." for warning in report.warnings), "")


def _print_worklist(home: Home, top: int, manager: int | None) -> None:
    from serving.store import Store

    store = Store(home.store_database)
    try:
        run = store.published()
        if run is None:
            raise InputError("There is no list yet: run `firstcall nightly --as-of DAY` first.")
        entries = store.worklist(run.run_id, top=top, manager=manager)
    finally:
        store.close()
    if not entries:
        raise InputError(
            f"Nobody is on the list of {run.as_of}"
            + (f" for case manager {manager}." if manager else ".")
        )
    table(
        f"Whom to call first: the list of {run.as_of}",
        ("", "patient", "tier", "discharged", "readmission", "high cost", "why"),
        [(e["rank"], e["patient_id"], e["tier"], _short_day(e["discharged_on"]),
          _percent(e["readmission_risk"]), _percent(e["high_cost_risk"]),
          "\n".join([*e["why"], *(f"Mind: {w}" for w in e["warnings"])])) for e in entries],
        right=(0, 3, 4, 5),
    )  # fmt: skip
    say(
        "readmission: chance of an unplanned return within 30 days, as of the discharge; "
        "high cost: chance of being among the costliest in the coming year.",
        *(f"Mind: {warning}." for warning in run.manifest.get("warnings", ())),
        "A score orders outreach; it never denies care.",
    )


def _short_day(day: date | None) -> str:
    return "" if day is None else f"{day:%d %b}".lstrip("0")


def _percent(risk: float | None) -> str:
    return "–" if risk is None or risk != risk else f"{risk:.0%}"


def main() -> None:
    """Run the command line; one sentence and an exit code for whatever goes wrong.

    What firstcall writes is for its owner alone, and an error it did not foresee is told by type
    and place: the text of a database's error may hold rows of patients.
    """
    os.umask(0o077)
    try:
        app()
    except FirstcallError as error:
        sys.stderr.write(f"firstcall: {error}\n")
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
