"""MLflow: runs, pictures, model files, and which version is champion and which challenger. The only
mlflow import.

Only plain files go in: `model.txt`, `cost.txt` and `model.json`, no pickle, nothing that runs on
load.
"""

from __future__ import annotations

import logging
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from data.errors import InputError, RefusalError
from data.home import Home
from serving.expected_cost import read_cost_text
from serving.model import RiskModel, publish_model, read_model_files

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION, CHALLENGER = "champion", "challenger"
"""Aliases of a version: the one that scores people, and the one that was trained last."""
MODEL_VERSION = "model.version"
"""The tag of a run that holds `serving.model.version_of` its model."""
_LONGEST_VALUE = 6000
_QUIET = ("mlflow", "alembic")


class Registered(NamedTuple):
    """Where a model is kept: its run, and its version under the registered name."""

    run_id: str
    name: str
    version: str


class Version(NamedTuple):
    """A registered version: its number, its tags, the settings that it was trained by
    (`tasks.flat`), and the version of its model's files."""

    number: str
    run_id: str
    tags: Mapping[str, str]
    settings: Mapping[str, str]
    model_version: str


def tracking_uri(home: Home) -> str:
    """MLFLOW_TRACKING_URI where it is set, else SQLite in FIRSTCALL_HOME."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home.tracking_database}"


def registered_name(task: str) -> str:
    """The name of a task's model in the registry."""
    return f"firstcall-{task}"


@contextmanager
def _client(home: Home) -> Iterator[MlflowClient]:
    """A client of the tracking store and registry; telemetry stays off.

    mlflow warns about its own internals on import and on first use (pydantic, sqlalchemy); no
    warning of ours can arise in here, so they are kept off the screen.
    """
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "true"
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
    levels = {name: logging.getLogger(name).level for name in _QUIET}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        for name in _QUIET:
            logging.getLogger(name).setLevel(logging.ERROR)
        try:
            home.root.mkdir(parents=True, exist_ok=True)
            yield MlflowClient(tracking_uri(home))
        except MlflowException as error:
            raise InputError(
                f"MLflow at {_shown(tracking_uri(home))} refused: {_first_line(error)}."
            ) from error
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)


def _shown(uri: str) -> str:
    """The address without user and password."""
    scheme, _, rest = uri.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


def _experiment(client: MlflowClient, home: Home, task: str) -> str:
    name = registered_name(task)
    found = client.get_experiment_by_name(name)
    embedded = not os.environ.get("MLFLOW_TRACKING_URI")
    place = (home.root / "mlflow-artifacts" / task).as_uri() if embedded else None
    if found is not None:
        if embedded and found.artifact_location != place:
            raise RefusalError(
                f"The trainings kept in {home.tracking_database} have their files in another "
                "folder, because this one was copied or moved: move it back, or remove mlflow.db "
                "here to begin anew."
            )
        return found.experiment_id
    return client.create_experiment(name, artifact_location=place)


def record(
    home: Home,
    task: str,
    parameters: Mapping[str, str],
    metrics: Mapping[str, float],
    tags: Mapping[str, str],
    files: Path,
    about: Mapping[str, str],
) -> Registered:
    """One finished run with everything in it, registered, and made challenger.

    `files` is a folder: `model/` holds the model's files, the rest are pictures and tables. `about`
    are tags of the version. The alias moves last: a run that dies before leaves the old challenger.
    """
    with _client(home) as client:
        from mlflow.entities import Metric, Param, RunTag

        run = client.create_run(_experiment(client, home, task), run_name=task)
        run_id = run.info.run_id
        try:
            client.log_batch(
                run_id,
                metrics=[Metric(k, float(v), 0, 0) for k, v in metrics.items()],
                params=[Param(k, v[:_LONGEST_VALUE]) for k, v in parameters.items()],
                tags=[RunTag(k, v) for k, v in tags.items()],
            )
            client.log_artifacts(run_id, str(files))
            name = registered_name(task)
            if not client.search_registered_models(f"name = '{name}'"):
                client.create_registered_model(name, description=f"firstcall: {task}")
            version = client.create_model_version(
                name, source=f"runs:/{run_id}/model", run_id=run_id, tags=dict(about)
            ).version
            client.set_terminated(run_id, "FINISHED")
        except BaseException:
            client.set_terminated(run_id, "FAILED")
            raise
        client.set_registered_model_alias(name, CHALLENGER, version)
        return Registered(run_id, name, str(version))


def version_at(home: Home, task: str, alias: str) -> Version | None:
    """The version that has the alias, None where none has."""
    name = registered_name(task)
    with _client(home) as client:
        if not client.search_registered_models(f"name = '{name}'"):
            return None
        number = client.get_registered_model(name).aliases.get(alias)
        if number is None:
            return None
        found = client.get_model_version(name, str(number))
        run = client.get_run(found.run_id or "")
        return Version(
            str(number), run.info.run_id, dict(found.tags), dict(run.data.params),
            run.data.tags.get(MODEL_VERSION, ""),
        )  # fmt: skip


def tag_version(home: Home, task: str, number: str, tags: Mapping[str, str]) -> None:
    """Put tags on a version."""
    with _client(home) as client:
        for key, value in tags.items():
            client.set_model_version_tag(registered_name(task), number, key, value)


def move_champion(home: Home, task: str, number: str) -> None:
    """Make a version champion, in one step."""
    with _client(home) as client:
        client.set_registered_model_alias(registered_name(task), CHAMPION, number)


def champion_model(home: Home, version: Version) -> RiskModel:
    """The model of a version, from its run.

    Raises RefusalError or InputError where it cannot be asked any more.
    """
    with _client(home) as client, tempfile.TemporaryDirectory() as scratch:
        return RiskModel.load(Path(client.download_artifacts(version.run_id, "model", scratch)))


def export_champion(home: Home, task: str) -> Path:
    """Put the champion's files into `home.models/<task>` in one step; gives that folder.

    Raises InputError where no champion is registered.
    """
    with _client(home) as client, tempfile.TemporaryDirectory() as scratch:
        version = client.get_model_version_by_alias(registered_name(task), CHAMPION)
        fetched = client.download_artifacts(version.run_id or "", "model", scratch)
        text, metadata = read_model_files(Path(fetched))
        cost = read_cost_text(Path(fetched), metadata)
        return publish_model(home.models, task, text, metadata, cost)
