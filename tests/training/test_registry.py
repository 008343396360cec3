"""The registry where it is kept at home, at other addresses, and by several processes at once."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from data.errors import InputError, RefusalError
from data.home import Home
from tests.training.at_once import assert_whole, at_once, client_of, record_one, record_some
from training.release import registry
from training.release.registry import CHALLENGER, CHAMPION, registered_name, version_at
from training.release.tracking import (
    ASKING,
    RECORDING,
    artifact_place,
    patient,
    registry_uri,
    shown,
    tracking_uri,
    words_of,
)

ROOT = Path(__file__).parents[2]
SECRET = "hunter2"
READMISSION = registered_name("readmission")


@pytest.fixture(autouse=True)
def without_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("MLFLOW_", "PG")):
            monkeypatch.delenv(name)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def begun(home: Home, mlflow_tables: Path) -> Home:
    home.root.mkdir()
    shutil.copy(mlflow_tables, home.tracking_database)
    return home


@pytest.mark.parametrize(
    ("address", "root", "place"),
    [
        (None, None, "{home}/mlflow-artifacts/readmission"),
        ("sqlite:////srv/m.db", None, "{home}/mlflow-artifacts/readmission"),
        ("postgresql://host/db", None, "{home}/mlflow-artifacts/readmission"),
        ("postgresql+psycopg2://host/db", "/srv/files", "file:///srv/files/readmission"),
        ("postgresql://host/db", "file:///srv/files/", "file:///srv/files/readmission"),
        ("postgresql://host/db", "s3://bucket/firstcall", "s3://bucket/firstcall/readmission"),
        (None, "s3://bucket/firstcall", "s3://bucket/firstcall/readmission"),
        ("http://host:5000", None, None),
        ("https://host", "/srv/files", None),
        ("databricks", "/srv/files", None),
    ],
)  # fmt: skip
def test_files_of_runs_go_where_the_variable_says_else_home_and_a_server_decides_itself(
    home, monkeypatch, address, root, place
):
    if address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    if root:
        monkeypatch.setenv("MLFLOW_DEFAULT_ARTIFACT_ROOT", root)
    expected = None if place is None else place.replace("{home}", home.root.as_uri())
    assert artifact_place(home, "readmission") == expected


def test_a_place_that_mlflow_s_tables_cannot_hold_is_refused(home, monkeypatch):
    longest = "/" + (200 - 43 - len("file:////readmission")) * "a"
    monkeypatch.setenv("MLFLOW_DEFAULT_ARTIFACT_ROOT", longest)
    place = artifact_place(home, "readmission")
    assert place is not None
    assert len(f"{place}/{'0' * 32}/artifacts") == 200
    monkeypatch.setenv("MLFLOW_DEFAULT_ARTIFACT_ROOT", f"{longest}a")
    with pytest.raises(InputError, match="set MLFLOW_DEFAULT_ARTIFACT_ROOT to a shorter one"):
        artifact_place(home, "readmission")


def test_an_address_names_the_driver_that_the_project_brings_unless_it_names_one(home, monkeypatch):
    for given, used in [
        ("postgresql://h/db", "postgresql+psycopg2://h/db"),
        ("postgresql+psycopg://h/db", "postgresql+psycopg://h/db"),
        ("http://h", "http://h"),
    ]:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", given)
        assert (tracking_uri(home), registry_uri(home)) == (used, used)
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "postgresql://other/db")
    assert registry_uri(home) == "postgresql+psycopg2://other/db"


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("postgresql://bob:hunter2@host:5432/db", "postgresql://host:5432/db"),
        ("postgresql://bob:hunter2@/db?host=/run&sslpassword=x", "postgresql:///db"),
        ("postgresql://bob:hunter2?x@host/db", "postgresql://…"),
        ("postgresql://bob:hunter2@x@host/db", "postgresql://…"),
        ("postgresql://host/db?password=hunter2@x", "postgresql://…"),
        ("https://bob:hunter2@host/mlflow", "https://host/mlflow"),
        ("sqlite:////home/a/mlflow.db", "sqlite:////home/a/mlflow.db"),
        ("databricks", "databricks"),
    ],
)  # fmt: skip
def test_an_address_is_told_without_user_password_and_options(address, told):
    assert shown(address) == told


@pytest.mark.parametrize(
    ("address", "said", "told"),
    [
        ("postgres://bob:hunter2@h/db", "got URI 'postgres://bob:hunter2@h/db' for data.\nMore",
         "got URI 'postgres://h/db' for data"),
        ("http://bob:hunter2@h", "API request to http://bob:hunter2@h/api failed with exception "
         "Pool(host='h'): Max (Caused by New('[Errno 111] Connection refused'))",
         "Connection refused"),
        ("http://h", "see http://bob:other@h/api", "see http://h/api"),
        ("mysql://bob:hun%40ter2@h/db", "password hun@ter2, hun%40ter2", "password ***, ***"),
        ("postgresql://h/db?password=hunter2", "option hunter2 is wrong", "option *** is wrong"),
        ("http://h", "", "ValueError"),
    ],
)  # fmt: skip
def test_what_an_error_says_is_told_in_a_line_without_the_password(address, said, told):
    assert words_of(ValueError(said), address) == told


def test_a_module_that_object_storage_needs_is_named(begun, monkeypatch):
    """The project does not bring it."""
    monkeypatch.setitem(sys.modules, "boto3", None)
    monkeypatch.setenv("MLFLOW_DEFAULT_ARTIFACT_ROOT", "s3://bucket/firstcall")
    with pytest.raises(InputError, match="it needs the module boto3, which is not installed here"):
        record_one(begun, "one")


def test_a_password_of_the_environment_is_not_told_either(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t0ken")
    monkeypatch.setenv("PGPASSWORD", SECRET)
    assert words_of(ValueError("t0ken and hunter2"), "http://h") == "*** and ***"


def test_a_server_is_waited_for_as_the_user_says_and_else_not_for_minutes(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "7")
    for waiting in (ASKING, RECORDING):
        with patient(waiting):
            assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "7"
            retries = os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"]
            assert retries == waiting["MLFLOW_HTTP_REQUEST_MAX_RETRIES"]
            assert os.environ["PGCONNECT_TIMEOUT"] == "10"
        assert "MLFLOW_HTTP_REQUEST_MAX_RETRIES" not in os.environ
        assert "PGCONNECT_TIMEOUT" not in os.environ


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://bob:hunter2@127.0.0.1:9/sub", "http://127.0.0.1:9/sub cannot be used: Connection"),
        ("postgresql://bob:hunter2@127.0.0.1:9/db", "port 9 failed: Connection refused"),
        ("postgresql://bob:hunter2@127.0.0.1:9/db?foo=hunter2", 'invalid connection option "foo"'),
        ("postgres://bob:hunter2@127.0.0.1/db", "unsupported URI 'postgres://127.0.0.1/db'"),
        ("postgresql://bob:hunter2@x@::y/db", "no valid address"),
        ("sqlite:////proc/none/mlflow.db", "cannot be used: "),
    ],
)  # fmt: skip
def test_where_nothing_answers_the_answer_is_one_sentence_without_the_password(
    home, monkeypatch, capfd, address, said
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    for call in (lambda: version_at(home, "readmission", CHAMPION), lambda: record_one(home, "a")):
        with pytest.raises(InputError) as refused:
            call()
        told = str(refused.value)
        assert said in told
        assert told.startswith("MLflow at ")
        assert told.endswith("; it must run, and MLFLOW_TRACKING_URI must be right.")
        assert "\n" not in told
        whole = "".join(traceback.format_exception(refused.value))
        assert SECRET not in whole
        assert "bob" not in whole
    assert capfd.readouterr() == ("", "")


def test_the_command_ends_with_the_sentence_and_its_exit_code(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", "import firstcall; firstcall.main()", "promote", "--task", "a"],
        cwd=ROOT, check=False, capture_output=True, text=True,
        env={**os.environ, "FIRSTCALL_HOME": str(tmp_path), "FIRSTCALL_TRACE": "1",
             "MLFLOW_TRACKING_URI": f"postgresql://bob:{SECRET}@127.0.0.1:9/db"},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("firstcall: MLflow at postgresql+psycopg2://127.0.0.1:9/db cann")
    assert done.stderr.count("\n") == 1
    assert SECRET not in done.stderr


class _Guarded(BaseHTTPRequestHandler):
    """A server that lets nobody in, and remembers how they asked."""

    asked: list[str | None] = []  # noqa: RUF012

    def do_POST(self) -> None:
        self.asked.append(self.headers["Authorization"])
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.send_response(401)
        self.end_headers()
        self.wfile.write(b"You are not authenticated.\nAsk somebody.")

    def do_GET(self) -> None:
        self.do_POST()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def guarded() -> Iterator[str]:
    _Guarded.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), _Guarded) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_user_and_password_or_token_reach_the_server_and_a_refusal_is_told(
    home, monkeypatch, guarded
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", guarded)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t0ken")
    with pytest.raises(InputError, match=r"cannot be used: .* 401 .*You are not authenticated"):
        version_at(home, "readmission", CHAMPION)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "bob")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", SECRET)
    with pytest.raises(InputError):
        version_at(home, "readmission", CHAMPION)
    basic = base64.b64encode(f"bob:{SECRET}".encode()).decode()
    assert _Guarded.asked == ["Bearer t0ken", f"Basic {basic}"]


def test_another_registry_than_the_tracking_store_is_used(
    begun, mlflow_tables, tmp_path, monkeypatch
):
    from mlflow import MlflowClient

    shutil.copy(mlflow_tables, tmp_path / "registry.db")
    other = f"sqlite:///{tmp_path / 'registry.db'}"
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", other)
    made = record_one(begun, "one")
    challenger = version_at(begun, "readmission", CHALLENGER)
    assert challenger is not None
    assert (challenger.number, challenger.run_id) == ("1", made.run_id)
    held = {
        uri: [model.name for model in MlflowClient(uri, uri).search_registered_models()]
        for uri in (other, tracking_uri(begun))
    }
    assert held == {other: [READMISSION], tracking_uri(begun): []}


def test_a_database_that_is_named_gets_its_files_in_the_home_and_not_where_one_stands(
    home, mlflow_tables, tmp_path, monkeypatch
):
    shutil.copy(mlflow_tables, tmp_path / "named.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'named.db'}")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    made = record_one(home, "one")
    run = client_of(home).get_run(made.run_id)
    assert run.info.artifact_uri == (
        (home.root / "mlflow-artifacts" / "readmission" / made.run_id / "artifacts").as_uri()
    )
    assert (home.root / "mlflow-artifacts" / "readmission").is_dir()
    assert list((tmp_path / "here").iterdir()) == []
    assert not home.tracking_database.exists()


def test_files_in_a_folder_that_is_not_on_this_machine_are_not_written_to_another_one(
    home, mlflow_tables, tmp_path, monkeypatch
):
    shutil.copy(mlflow_tables, tmp_path / "shared.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'shared.db'}")
    record_one(home, "one")
    (home.root / "mlflow-artifacts").rename(tmp_path / "elsewhere")
    with pytest.raises(RefusalError, match="which is not on this machine: train where it is"):
        record_one(Home(tmp_path / "other"), "two")
    (tmp_path / "elsewhere").rename(home.root / "mlflow-artifacts")
    assert record_one(Home(tmp_path / "other"), "two").version == "2"


def test_processes_that_begin_a_home_together_and_record_at_once_lose_nothing(home, tmp_path):
    labels = [[f"{process}-{run}" for run in range(4)] for process in range(2)]
    made = at_once([(record_some, home.root, each) for each in labels])
    runs = [run for each in made for run in each]
    client = client_of(home)
    assert len({run.run_id for run in runs}) == 8
    assert assert_whole(client, runs, tmp_path / "fetched") == list(range(1, 9))
    assert client.get_registered_model(READMISSION).aliases == {CHALLENGER: 8}
    assert len(client.search_experiments(filter_string=f"name = '{READMISSION}'")) == 1
    assert len(client.search_runs([client.get_run(runs[0].run_id).info.experiment_id])) == 8


def test_whoever_moves_the_alias_last_leaves_it_with_the_latest_whole_version(begun):
    for label in ("one", "two"):
        record_one(begun, label)
    client = client_of(begun)
    experiment = client.get_experiment_by_name(READMISSION)
    assert experiment is not None
    half = client.create_run(experiment.experiment_id)
    client.create_model_version(READMISSION, "runs:/x/model", half.info.run_id)
    registry._make_challenger(client, READMISSION, 1)  # as the slower of two would
    assert client.get_registered_model(READMISSION).aliases == {CHALLENGER: 2}


def test_what_another_process_made_meanwhile_is_taken_as_it_is(begun):
    from mlflow.exceptions import MlflowException

    record_one(begun, "one")
    client = client_of(begun)
    with registry._by_another_process():
        client.create_experiment(READMISSION)
    with registry._by_another_process():
        client.create_registered_model(READMISSION)
    with pytest.raises(MlflowException), registry._by_another_process():
        client.create_registered_model("")


def test_an_alias_that_another_process_adds_first_is_moved(begun):
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

    for label in ("one", "two"):
        record_one(begun, label)
    client = client_of(begun)

    class Overtaken(MlflowClient):
        """As MLflow's own, once another process has been quicker: what its database then says."""

        overtaken = 0

        def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
            if not self.overtaken:
                self.overtaken += 1
                super().set_registered_model_alias(name, alias, "1")
                raise MlflowException("UNIQUE constraint failed: registered_model_aliases.alias")
            super().set_registered_model_alias(name, alias, version)

    late = Overtaken(tracking_uri=client.tracking_uri)
    registry._move_alias(late, READMISSION, "reviewed", "2")
    assert client.get_registered_model(READMISSION).aliases["reviewed"] == 2
    with pytest.raises(MlflowException):
        registry._move_alias(client, READMISSION, "reviewed", "7")  # there is no such version
