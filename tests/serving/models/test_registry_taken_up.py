"""Models taken up from a real MLflow server, under a stream of requests."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError

import httpx
import pytest
import sqlalchemy as sa

from data.home import Home
from serving.api.app import create_app
from serving.model import write_model
from serving.models.in_use import ModelsInUse
from serving.settings import RegistrySettings, ServiceSettings
from serving.store.database import Database, database_url
from serving.store.record_tables import audit
from tests.serving.client import Client
from tests.serving.models.pairs import TASKS, asked, body, files, promoted, version, versions
from tests.serving.served import OURS, running, token_of
from training.release.registry import move_champion, record

BIN = Path(sys.executable).parent


class MlflowServer:
    """A real server over a SQLite database, which hands out the files itself."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(BIN / "mlflow"), "server", "--host", "127.0.0.1", "--port", str(self.port),
                 "--workers", "1", "--artifacts-destination", str(self.folder / "artifacts")],
                cwd=self.folder, stdout=log, stderr=subprocess.STDOUT,
                env={**os.environ, "DO_NOT_TRACK": "true", "MLFLOW_DISABLE_TELEMETRY": "true",
                     "MLFLOW_BACKEND_STORE_URI": f"sqlite:///{self.folder / 'mlflow.db'}",
                     "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            )  # fmt: skip
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{self.address}/health", timeout=5)
                return
            except (URLError, OSError):
                assert self.process.poll() is None, (self.folder / "log").read_text()
                time.sleep(0.2)
        pytest.fail((self.folder / "log").read_text())

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(60)
            self.process = None


@pytest.fixture(scope="module", autouse=True)
def without_settings() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("MLFLOW_"):
                patch.delenv(name)
        yield


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    server = MlflowServer(tmp_path_factory.mktemp("server"))
    server.start()
    yield server
    server.stop()


LABELS = ("one", "two", "three", "misfit", "stranger")
CHANGED: dict[str, dict[str, str]] = {
    "misfit": {"fingerprint": "0" * 64}, "stranger": {"origin": "invented"},
}  # fmt: skip
"""What is recorded: of "own" people and fitting, but for these."""


@pytest.fixture(scope="module")
def numbers(server: MlflowServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The number of each label's version, the same for both tasks: recorded by the very functions
    that a training and `firstcall promote` call."""
    made: dict[str, str] = {}
    home = Home(tmp_path_factory.mktemp("trainer"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", server.address)
        for label in LABELS:
            for task in TASKS:
                folder = tmp_path_factory.mktemp("run")
                text, metadata = files(task, label, **{"origin": "own"} | CHANGED.get(label, {}))
                write_model(folder / "model", text, metadata)
                (folder / "card.md").write_text(f"# Card of {label}")
                made[label] = record(home, task, {}, {}, {}, folder, {}).version
    return made


@pytest.fixture
def champion(server: MlflowServer, numbers: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    def move(label: str, *tasks: str) -> None:
        with monkeypatch.context() as patch:
            patch.setenv("MLFLOW_TRACKING_URI", server.address)
            for task in tasks or TASKS:
                move_champion(Home(server.folder), task, numbers[label])

    return move


def of(label: str) -> dict[str, str]:
    return {task: version(task, label, origin="own") for task in TASKS}


def settings(server: MlflowServer, **more: object) -> ServiceSettings:
    registry = RegistrySettings(uri=server.address, every_seconds=1)
    return ServiceSettings.model_validate({"registry": registry.model_dump(), **more})


def models_of(home: Home, server: MlflowServer) -> ModelsInUse:
    return ModelsInUse(home, settings(server))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


class Stream(threading.Thread):
    """Asks for scores without a pause, and keeps what answered, and what was told to answer."""

    def __init__(self, models: ModelsInUse) -> None:
        super().__init__(daemon=True)
        self.models, self.over = models, threading.Event()
        self.answered: list[dict[str, str]] = []
        self.told: list[dict[str, str]] = []
        self.failed: list[BaseException] = []

    def run(self) -> None:
        try:
            while not self.over.is_set():
                self.told.append(self.models.versions)
                self.answered.append(dict(self.models.scorer().answer(asked()).models))
                self.told.append(self.models.versions)
        except BaseException as error:
            self.failed.append(error)

    def end(self) -> None:
        self.over.set()
        self.join(60)


def eventually(done) -> None:
    for _ in range(900):
        if done():
            return
        time.sleep(0.1)
    pytest.fail("it was not taken up")


def test_the_champion_moves_twice_under_a_stream_of_requests_and_none_fails(server, champion, home):
    champion("one")
    models = models_of(home, server)
    models.start()
    stream = Stream(models)
    try:
        assert models.versions == of("one")
        stream.start()
        for label in ("two", "three"):
            champion(label)
            eventually(lambda label=label: models.versions == of(label))
            enough = len(stream.answered) + 20
            eventually(lambda enough=enough: stream.failed or len(stream.answered) > enough)
    finally:
        stream.end()
        models.stop()
    assert stream.failed == []
    assert (models.remark, models.why_not) == (None, None)
    assert stream.answered[0] == of("one")
    assert stream.answered[-1] == of("three")
    seen = [pair for n, pair in enumerate(stream.answered) if pair not in stream.answered[:n]]
    assert [pair for pair in seen if pair in (of("one"), of("two"), of("three"))] == [
        of("one"), of("two"), of("three"),
    ]  # fmt: skip
    # between the moves of two aliases the registry itself holds a pair of both; it was told too
    assert all(pair in stream.told for pair in seen)


def test_the_service_itself_drops_no_request_while_the_champion_moves_twice(
    server, champion, home, tmp_path
):
    champion("one")
    home.make()
    (home.root / "service.toml").write_text(
        f'other_origin = true\n[registry]\nuri = "{server.address}"\nevery_seconds = 1\n'
    )
    over, answered, told = threading.Event(), [], []

    def stream() -> None:
        while not over.is_set():
            told.append(told_by(client))
            answer = client.post("/v1/score", json=body())
            answered.append((answer.status_code, answer.json().get("models")))
            told.append(told_by(client))

    with (
        running(OURS, home.root, tmp_path) as service,
        httpx.Client(base_url=service.address, timeout=60, headers=token_of(home)) as client,
    ):
        asking = threading.Thread(target=stream, daemon=True)
        asking.start()
        try:
            for label in ("two", "three"):
                champion(label)
                eventually(lambda label=label: (200, of(label)) in answered[-1:])
        finally:
            over.set()
            asking.join(60)
    assert {status for status, _ in answered} == {200}
    seen = [pair for n, (_, pair) in enumerate(answered) if (200, pair) not in answered[:n]]
    assert [pair for pair in seen if pair in (of("one"), of("two"), of("three"))] == [
        of("one"), of("two"), of("three"),
    ]  # fmt: skip
    assert all(pair in told for pair in seen)
    database = Database.open(database_url(home))
    with database.reading() as connection:
        rows = connection.scalars(sa.select(audit.c.detail).where(audit.c.what == "score")).all()
    database.close()
    assert [json.loads(row)["models"] for row in rows] == [pair for _, pair in answered]


def told_by(client: httpx.Client) -> dict[str, str]:
    return {m["task"]: m["version"] for m in client.get("/v1/model").json()["models"]}


def test_what_is_told_names_the_registry_and_the_version_and_the_card_comes_along(
    server, champion, home, numbers
):
    champion("two")
    service = settings(server, other_origin=True)
    with Client(create_app(home, service)) as client:
        health = client.get("/health").json()
        told = f"registry {server.address} version {numbers['two']}"
        assert health["sources"] == dict.fromkeys(TASKS, told)
        assert (health["status"], health["models"], health["remark"]) == ("ok", of("two"), None)
        models = client.get("/v1/model").json()["models"]
        assert [(m["source"], m["card"]) for m in models] == [(told, "# Card of two")] * 2


def test_a_version_that_does_not_fit_is_refused_and_the_old_one_answers_on(server, champion, home):
    champion("one")
    models = models_of(home, server)
    assert models.look()
    champion("misfit", "high-cost")
    assert not models.look()
    assert models.versions == of("one")
    assert models.remark is not None
    assert "was trained with other feature definitions" in models.remark
    assert server.address in models.remark
    champion("stranger")  # these were trained on made-up people, and those in use on real ones
    assert not models.look()
    assert models.remark is not None
    assert "origin invented and must not score real people" in models.remark
    assert models.scorer().answer(asked()).models == of("one")
    champion("two")
    assert models.look()
    assert (models.versions, models.remark) == (of("two"), None)


def test_files_that_were_damaged_on_the_way_are_not_taken(server, champion, home, numbers):
    champion("one")
    models = models_of(home, server)
    models.look()
    kept = [p for p in server.folder.glob("artifacts/*/*/artifacts/model/model.txt")
            if files("high-cost", "two", origin="own")[0] == p.read_text()]  # fmt: skip
    champion("two")
    for path in kept:
        path.write_text(path.read_text()[:-30])
    try:
        assert not models.look()
        assert models.remark is not None
        assert "is not the one that model.json was written with" in models.remark
        assert models.versions == of("one")
    finally:
        for path in kept:
            path.write_text(files("high-cost", "two", origin="own")[0])


def test_while_the_registry_is_down_the_old_pair_stays_and_a_start_takes_the_last_copy(
    server, champion, home, numbers
):
    champion("three")
    models = models_of(home, server)
    assert models.look()
    server.stop()
    try:
        down = f"The registry at {server.address} does not answer (ConnectError)."
        assert not models.look()
        assert (models.versions, models.remark) == (of("three"), down)

        again = models_of(home, server)
        assert again.look()
        assert (again.versions, again.remark, again.why_not) == (of("three"), down, None)
        told = f"registry {server.address} version {numbers['three']}"
        assert again.sources == dict.fromkeys(TASKS, f"{told}, the last fetched copy")

        other = Home(home.root.parent / "other")
        without = models_of(other, server)
        assert not without.look()
        assert str(without.why_not).startswith(down)
        promoted(other, "one")
        assert without.look()
        assert (without.versions, without.remark) == (versions("one"), down)
        assert without.sources == dict.fromkeys(TASKS, "home")
    finally:
        server.start()
    scorer = again.scorer()
    assert not again.look(), "it is the same pair"
    assert (again.sources, again.remark) == (dict.fromkeys(TASKS, told), None)
    assert again.scorer() is scorer
    assert without.look(), "the registry counts for more than the home"
    assert without.versions == of("three")


def test_a_copy_that_was_killed_half_way_is_not_taken_for_one(server, champion, home):
    champion("one")
    models_of(home, server).look()
    kept = home.root / "registry-models"
    (folder,) = [p for p in kept.iterdir() if p.is_dir() and not p.is_symlink()]
    (folder / "registry.json").unlink()
    (folder / "high-cost" / "model.txt").write_text("half")
    models = models_of(home, server)
    assert models.look()
    assert models.versions == of("one")
    about = json.loads((folder / "registry.json").read_text())
    assert set(about["versions"]) == set(TASKS)


def test_copies_that_nobody_needs_are_removed(server, champion, home):
    models = models_of(home, server)
    for label in ("one", "two", "three", "one", "two"):
        champion(label)
        assert models.look()
        champion("three", "readmission")
        models.look()
    kept = home.root / "registry-models"
    assert len([p for p in kept.iterdir() if p.is_dir() and not p.is_symlink()]) == 3
    assert (kept / "current").resolve().is_dir()
    assert models_of(home, server).look()


def test_an_alias_that_nobody_has_is_said_and_the_home_answers(server, numbers, home):
    promoted(home, "one")
    registry = {"uri": server.address, "alias": "reviewed"}
    models = ModelsInUse(home, ServiceSettings.model_validate({"registry": registry}))
    assert models.look()
    assert models.versions == versions("one")
    assert models.remark == "The registry has no version with the alias reviewed of any model."
    shutil.rmtree(home.models)
    assert not models.look()
    assert models.versions == versions("one")
