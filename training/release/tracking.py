"""Where MLflow keeps the trainings, by its own environment variables, and what of that is told.

One of three: nothing set, a SQLite database in the home; the address of a database, which this
process then speaks to itself; or the address of an MLflow server.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qsl, unquote

from data.errors import InputError
from data.home import Home

_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
_LONGEST_PLACE = 200 - len("/") - 32 - len("/artifacts")
"""MLflow's column for the folder of a run, which ends in the run's id, holds 200 characters."""
_LONGEST_WORDS = 300
ASKING = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}
RECORDING = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "5", "MLFLOW_HTTP_REQUEST_TIMEOUT": "60"}
"""How long a server is waited for where the user has set nothing: a question is given up within a
minute or so, where MLflow's own 7 times 120 seconds take a quarter of an hour; a finished training
outlasts a server that starts anew."""
_CONNECTING = {"PGCONNECT_TIMEOUT": "10"}
_SILENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # it prints user and password with it
}  # fmt: skip


def is_embedded() -> bool:
    """Whether trainings are kept in the home, because MLFLOW_TRACKING_URI names no other place."""
    return not os.environ.get("MLFLOW_TRACKING_URI")


def tracking_uri(home: Home) -> str:
    """MLFLOW_TRACKING_URI where it is set, else SQLite in FIRSTCALL_HOME."""
    named = os.environ.get("MLFLOW_TRACKING_URI")
    return _with_driver(named) if named else f"sqlite:///{home.tracking_database}"


def registry_uri(home: Home) -> str:
    """MLFLOW_REGISTRY_URI where it is set, else where the trainings are."""
    named = os.environ.get("MLFLOW_REGISTRY_URI")
    return _with_driver(named) if named else tracking_uri(home)


def _with_driver(uri: str) -> str:
    """psycopg2 is what the project brings, and SQLAlchemy 2.1 took another one by itself."""
    return re.sub(r"\Apostgresql://", "postgresql+psycopg2://", uri)


def is_server(uri: str) -> bool:
    """Whether an MLflow server answers there."""
    return uri.startswith(("http://", "https://"))


def kind_of_database(uri: str) -> str:
    """sqlite, postgresql, mysql or mssql; "" where it is no database."""
    kind = re.split(r"[+:]", uri, maxsplit=1)[0]
    return kind if kind in _DATABASES else ""


def sqlite_file(uri: str) -> Path | None:
    """The file of a SQLite database, None where it is held in memory or is another database."""
    name = uri.partition(":///")[2].partition("?")[0]
    return Path(name).resolve() if kind_of_database(uri) == "sqlite" and ":" not in name else None


def artifact_place(home: Home, task: str) -> str | None:
    """Where the files of a new task's runs go: into MLFLOW_DEFAULT_ARTIFACT_ROOT (the variable that
    `mlflow server` reads for its `--default-artifact-root`), else into the home.

    None where a server decides that. A database that is spoken to directly has none of its own:
    MLflow would take `mlruns` in the folder where somebody happens to stand. Raises InputError
    where the place is longer than MLflow's tables can hold.
    """
    if not kind_of_database(tracking_uri(home)):
        return None
    root = os.environ.get("MLFLOW_DEFAULT_ARTIFACT_ROOT") or str(home.root / "mlflow-artifacts")
    if "://" not in root and not root.startswith("file:"):
        root = Path(root).resolve().as_uri()
    place = f"{root.rstrip('/')}/{task}"
    if len(place) > _LONGEST_PLACE:
        raise InputError(
            f"MLflow can keep the place of files up to {_LONGEST_PLACE} characters, and "
            f"{shown(place)} has {len(place)}: set MLFLOW_DEFAULT_ARTIFACT_ROOT to a shorter one."
        )
    return place


@contextmanager
def patient(waiting: dict[str, str]) -> Iterator[None]:
    """MLflow's settings for as long: it tells nobody and prints nothing, and waits no longer than
    `waiting` says (ASKING or RECORDING), unless the user has set that."""
    os.environ.update(_SILENT)
    lacking = {k: v for k, v in (waiting | _CONNECTING).items() if k not in os.environ}
    os.environ.update(lacking)
    try:
        yield
    finally:
        for name in lacking:
            os.environ.pop(name, None)


def shown(uri: str) -> str:
    """An address without user, password and options."""
    scheme, mark, rest = uri.partition("://")
    if not mark:
        return uri
    if rest.count("@") > 1 or "@" in rest.partition("?")[2]:
        return f"{scheme}://…"  # a password with ? or @ in it: nothing says where it ends
    return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"


def words_of(error: BaseException, *uris: str) -> str:
    """What an error of MLflow, or of what lies under it, says in one line, without any secret."""
    if isinstance(error, ImportError) and error.name:
        return f"it needs the module {error.name}, which is not installed here"
    text = re.sub(r"\A\s*API request to \S+ failed with (timeout )?exception ", "", str(error))
    system = re.search(r"\[Errno -?\d+\] ([^'\"()\]]+)", text)
    line = (system[1] if system else text).strip().partition("\n")[0].rstrip(". ")
    for uri in uris:
        line = line.replace(uri, shown(uri))
    for secret in sorted(_secrets(*uris), key=len, reverse=True):
        line = line.replace(secret, "***")
    line = re.sub(r"(?<=://)[^\s/'\"]*@", "", line)
    return line[:_LONGEST_WORDS] or type(error).__name__


def _secrets(*uris: str) -> set[str]:
    names = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "PGPASSWORD")
    found = {os.environ.get(name, "") for name in names}
    for uri in (*uris, os.environ.get("MLFLOW_DEFAULT_ARTIFACT_ROOT", "")):
        rest = uri.partition("://")[2]
        for end in (rest.find("@"), rest.rfind("@")):  # where its password has one in it
            found.add(rest[: max(end, 0)].partition(":")[2])
        found |= {
            value for key, value in parse_qsl(rest.partition("?")[2])
            if re.search("pass|secret|token|key", key)
        }  # fmt: skip
    return {form for secret in found for form in (secret, unquote(secret)) if form}
