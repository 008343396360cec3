"""MLflow: runs, pictures, model files, and which version is champion and which challenger. The only
mlflow import.

Only plain files go in: `model.txt`, `cost.txt` and `model.json`, no pickle, nothing that runs on
load.
"""

from __future__ import annotations

import fcntl
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit
from urllib.request import url2pathname

from data.errors import FirstcallError, InputError, RefusalError
from data.home import Home
from serving.expected_cost import read_cost_text
from serving.model import RiskModel, read_model_files
from serving.model_json import CARD
from training.release.nested_runs import NestedRun
from training.release.tracking import (
    ASKING,
    RECORDING,
    artifact_place,
    is_embedded,
    kind_of_database,
    patient,
    registry_uri,
    shown,
    sqlite_file,
    tracking_uri,
    words_of,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION, CHALLENGER = "champion", "challenger"
"""Aliases of a version: the one that scores people, and the one that was trained last."""
MODEL_VERSION = "model.version"
"""The tag of a run that holds `serving.model.version_of` its model."""
_LONGEST_VALUE = 6000
_LONGEST_LOCK = 120
_NEWEST = 100
_QUIET = ("mlflow", "alembic", "urllib3", "botocore")
_UNDER_MLFLOW = ("sqlalchemy", "requests", "urllib3", "botocore", "boto3", "azure", "google")
_REACHED: set[tuple[str, str]] = set()
"""Where this process has met MLflow's tables: tracking and registry."""


class Registered(NamedTuple):
    """Where a model is kept: its run, its version under the registered name, and the place of the
    run's files, its report and card among them."""

    run_id: str
    name: str
    version: str
    files: str = ""


class Version(NamedTuple):
    """A registered version: its number, its tags, the settings that it was trained by
    (`tasks.flat`), and the version of its model's files."""

    number: str
    run_id: str
    tags: Mapping[str, str]
    settings: Mapping[str, str]
    model_version: str


def registered_name(task: str) -> str:
    """The name of a task's model in the registry."""
    return f"firstcall-{task}"


@contextmanager
def _client(home: Home, waiting: dict[str, str] = ASKING) -> Iterator[MlflowClient]:
    """A client of the tracking store and registry; telemetry stays off.

    mlflow warns about its own internals on import and on first use (pydantic, sqlalchemy); no
    warning of ours can arise in here, so they are kept off the screen. Raises InputError for
    whatever goes wrong there, without what lies under it: that may hold a password.
    """
    uris = tracking_uri(home), registry_uri(home)
    place = " and ".join(dict.fromkeys(map(shown, uris)))
    with patient(waiting), _quiet():
        try:
            yield _reached(home)
        except FirstcallError:
            raise
        except Exception as error:
            if not _is_of_mlflow(error):
                raise
            raise InputError(f"MLflow at {place} refused: {words_of(error, *uris)}.") from None


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow  # noqa: F401  (it sets the levels of its loggers)

        levels = {name: logging.getLogger(name).level for name in _QUIET}
        for name in _QUIET:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)


def _is_of_mlflow(error: Exception) -> bool:
    """Whether MLflow raised it, or what lies under it: files, network, database, object storage."""
    from mlflow.exceptions import MlflowException

    of_others = type(error).__module__.partition(".")[0] in _UNDER_MLFLOW
    return of_others or isinstance(error, (MlflowException, OSError, ImportError))


def _reached(home: Home) -> MlflowClient:
    """The client; on first use by this process, after the tables are there.

    Raises InputError where the place does not answer, or is none.
    """
    from mlflow import MlflowClient

    uris = tracking_uri(home), registry_uri(home)
    if uris in _REACHED:
        return MlflowClient(*uris)
    try:
        with ExitStack() as alone:
            for uri in sorted(set(uris)):
                alone.enter_context(_alone_at(uri))
            client = MlflowClient(*uris)
            client.search_experiments(max_results=1)
            client.search_registered_models(max_results=1)
    except Exception as error:
        place = " and ".join(dict.fromkeys(map(shown, uris)))
        words = "no valid address" if type(error) is ValueError else words_of(error, *uris)
        advice = "" if is_embedded() else "; it must run, and MLFLOW_TRACKING_URI must be right"
        raise InputError(f"MLflow at {place} cannot be used: {words}{advice}.") from None
    _REACHED.add(uris)
    return client


@contextmanager
def _alone_at(uri: str) -> Iterator[None]:
    """One process at a time: where two make MLflow's tables at once, both fail. It is also asked
    once whether a database answers, where MLflow asks ten times, in a hundred seconds or more."""
    file = sqlite_file(uri)
    if file is not None:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)
        return
    if not kind_of_database(uri):
        yield
        return
    from mlflow.store.db.utils import create_sqlalchemy_engine

    engine = create_sqlalchemy_engine(uri)
    try:
        with engine.connect() as connection:
            if kind_of_database(uri) == "postgresql":
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_LONGEST_LOCK}s'")
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('firstcall'))")
            yield
    finally:
        engine.dispose()


def _experiment(client: MlflowClient, home: Home, task: str) -> str:
    """The experiment of a task, made where there is none.

    Raises RefusalError where the files of its runs lie in a folder that is not here.
    """
    name, place = registered_name(task), artifact_place(home, task)
    found = client.get_experiment_by_name(name)
    if found is None:
        if place is not None and place.startswith("file:"):
            _folder(place).mkdir(parents=True, exist_ok=True)
        with _by_another_process():
            return client.create_experiment(name, artifact_location=place)
        found = client.get_experiment_by_name(name)
        assert found is not None
    kept = found.artifact_location
    if place is None or kept == place:
        return found.experiment_id
    in_home = (home.root / "mlflow-artifacts" / task).as_uri()
    if is_embedded() and kept != in_home:
        raise RefusalError(
            f"The trainings kept in {home.tracking_database} have their files in another folder, "
            "because this one was copied or moved, or MLFLOW_DEFAULT_ARTIFACT_ROOT was another: "
            "move it back, or remove mlflow.db here to begin anew."
        )
    if kept.startswith("file:") and not _folder(kept).is_dir():
        raise RefusalError(
            f"The trainings of {task} at {shown(tracking_uri(home))} have their files in "
            f"{_folder(kept)}, which is not on this machine: train where it is."
        )
    return found.experiment_id


def _folder(place: str) -> Path:
    return Path(url2pathname(urlsplit(place).path))


@contextmanager
def _by_another_process() -> Iterator[None]:
    """What is to be made may have been made by another process since it was looked for."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def record(
    home: Home,
    task: str,
    parameters: Mapping[str, str],
    metrics: Mapping[str, float],
    tags: Mapping[str, str],
    files: Path,
    about: Mapping[str, str],
    nested: Sequence[NestedRun] = (),
) -> Registered:
    """One finished run with everything in it, registered, and made challenger.

    `nested` are the trials of a search, each a run of its own below this one.
    `files` is a folder: `model/` holds the model's files, the rest are pictures and tables. `about`
    are tags of the version. The alias moves last: a run that dies before leaves the old challenger.
    Others may record at the same time.
    """
    with _client(home, RECORDING) as client:
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
            for one in nested:
                _record_nested(client, run.info.experiment_id, run_id, one)
            name = registered_name(task)
            if not client.search_registered_models(f"name = '{name}'"):
                with _by_another_process():
                    client.create_registered_model(name, description=f"firstcall: {task}")
            version = client.create_model_version(
                name, source=f"runs:/{run_id}/model", run_id=run_id, tags=dict(about)
            ).version
            client.set_terminated(run_id, "FINISHED")
        except BaseException:
            with suppress(Exception):  # what went wrong first is told
                client.set_terminated(run_id, "FAILED")
            raise
        _make_challenger(client, name, int(version))
        return Registered(run_id, name, str(version), shown(run.info.artifact_uri or ""))


def _record_nested(client: MlflowClient, experiment: str, parent: str, one: NestedRun) -> None:
    from mlflow.entities import Metric, Param

    tags = {"mlflow.parentRunId": parent}
    run_id = client.create_run(experiment, tags=tags, run_name=one.name).info.run_id
    client.log_batch(
        run_id,
        metrics=[Metric(k, v, 0, 0) for k, v in one.metrics.items()],
        params=[Param(k, v) for k, v in one.params.items()],
    )
    client.set_terminated(run_id, one.state)


def _make_challenger(client: MlflowClient, name: str, number: int) -> None:
    """Of two that are recorded at once the later version is challenger, whichever moves the alias
    last: whoever moves it looks then whether a later one is whole."""
    later: int | None = number
    while later is not None:
        number = later
        _move_alias(client, name, CHALLENGER, str(number))
        later = _whole_after(client, name, number)


def _move_alias(client: MlflowClient, name: str, alias: str, number: str) -> None:
    """MLflow looks for an alias and, where there is none, adds it: one that another process added
    in between is moved."""
    from mlflow.exceptions import MlflowException

    try:
        client.set_registered_model_alias(name, alias, number)
    except MlflowException:
        if alias not in client.get_registered_model(name).aliases:
            raise
        client.set_registered_model_alias(name, alias, number)


def _whole_after(client: MlflowClient, name: str, number: int) -> int | None:
    """The latest version after `number` whose run is finished."""
    found = client.search_model_versions(
        f"name = '{name}'", max_results=_NEWEST, order_by=["version_number DESC"]
    )
    for version in found:
        if int(version.version) <= number:
            return None
        if client.get_run(version.run_id or "").info.status == "FINISHED":
            return int(version.version)
    return None


def version_at(home: Home, task: str, alias: str, number: int | None = None) -> Version | None:
    """The version that has the alias, or the one of that `number`; None where there is none."""
    name = registered_name(task)
    with _client(home) as client:
        if not client.search_registered_models(f"name = '{name}'"):
            return None
        named = number or client.get_registered_model(name).aliases.get(alias)
        if named is None or not client.search_model_versions(
            f"name = '{name}' and version_number = '{named}'"
        ):
            return None
        found = client.get_model_version(name, str(named))
        run = client.get_run(found.run_id or "")
        return Version(
            str(found.version), run.info.run_id, dict(found.tags), dict(run.data.params),
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
        _move_alias(client, registered_name(task), CHAMPION, number)


def fetch_model(home: Home, version: Version, into: Path) -> Path:
    """Copy the files of a version's model into the folder `into`, its card beside them where its
    run has one; gives where they lie.

    Raises InputError where they cannot be fetched, or are damaged.
    """
    folder = fetch_run(home, version.run_id, into, "model")
    with _client(home) as client:
        if CARD in (one.path for one in client.list_artifacts(version.run_id)):
            client.download_artifacts(version.run_id, CARD, str(folder))
    try:
        _, metadata = read_model_files(folder)
        read_cost_text(folder, metadata)
    except RefusalError:
        raise InputError(f"The files of version {version.number} are damaged.") from None
    return folder


def champion_model(home: Home, version: Version) -> RiskModel:
    """The model of a version. Raises as `fetch_model`, and RefusalError where it cannot be asked
    any more, because features are declared otherwise now."""
    with tempfile.TemporaryDirectory() as scratch:
        return RiskModel.load(fetch_model(home, version, Path(scratch)))


def fetch_run(home: Home, run_id: str, into: Path, part: str = "") -> Path:
    """Copy the files of a run, or one folder of them, into the folder `into`; gives where they lie.

    Raises InputError where they cannot be fetched.
    """
    with _client(home) as client:
        return Path(client.download_artifacts(run_id, part, str(into)))


def add_to_run(home: Home, run_id: str, files: Sequence[Path]) -> None:
    """Put files into a run that is recorded, in the place of those of the same names."""
    with _client(home, RECORDING) as client:
        for path in files:
            client.log_artifact(run_id, str(path))
