"""What the client of a registry makes of a server that is down, closed, odd or hostile."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from data.errors import InputError
from data.home import Home
from serving.models.placed import name_of
from serving.models.registry_client import RegisteredVersion, RegistryClient, shown
from serving.settings import RegistrySettings
from training.release.registry import registered_name

API = "/api/2.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts/artifacts"
NAME = "firstcall-readmission"
THIRD = RegisteredVersion(NAME, "3", "run")


class _Server(BaseHTTPRequestHandler):
    """Answers as it is told, by path: a status and a body; keeps what it was asked."""

    answers: ClassVar[dict[str, tuple[int, Any]]] = {}
    asked: ClassVar[list[tuple[str, dict[str, list[str]], str | None]]] = []

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.asked.append(
            (parts.path, parse_qs(parts.query), self.headers.get("authorization"))
        )  # fmt: skip
        status, said = self.answers.get(parts.path, (404, {"error_code": "NOT_FOUND"}))
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        self.send_response(status)
        if status == 302:
            self.send_header("location", "/elsewhere")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    _Server.answers, _Server.asked = {}, []
    with ThreadingHTTPServer(("127.0.0.1", 0), _Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def uri(server: ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}"


def client(tmp_path: Path, uri: str, **more: str) -> RegistryClient:
    return RegistryClient(Home(tmp_path), RegistrySettings(uri=uri, **more))


def whole(**changed: tuple[int, Any]) -> dict[str, tuple[int, Any]]:
    """A server that holds version 3 whole."""
    of = "1/run/artifacts"
    files = [{"path": name, "is_dir": False} for name in ("model.txt", "model.json", "cost.txt")]
    return {
        f"{API}/registered-models/alias": (
            200, {"model_version": {"version": "3", "run_id": "run"}},
        ),
        f"{API}/model-versions/get-download-uri": (
            200, {"artifact_uri": "runs:/run/model"},
        ),
        f"{API}/runs/get": (
            200, {"run": {"info": {"artifact_uri": f"mlflow-artifacts:/{of}"}}},
        ),
        FILES: (200, {"files": [*files, {"path": "extra.pkl"}, {"path": "card.md"}]}),
        **{f"{FILES}/{of}/model/{file['path']}": (200, b"of " + file["path"].encode())
           for file in files},
        f"{FILES}/{of}/card.md": (200, b"# Card"),
    } | changed  # fmt: skip


def test_the_name_is_the_one_that_trainings_are_registered_under():
    assert name_of("readmission") == registered_name("readmission") == NAME


def test_known_files_are_fetched_and_nothing_else(uri, tmp_path):
    _Server.answers = whole()
    (tmp_path / "into").mkdir()
    with client(tmp_path, uri, alias="reviewed") as asking:
        assert asking.version(NAME) == THIRD
        asking.fetch(THIRD, tmp_path / "into")
    assert {p.name: p.read_bytes() for p in (tmp_path / "into").iterdir()} == {
        "model.txt": b"of model.txt", "model.json": b"of model.json", "cost.txt": b"of cost.txt",
        "card.md": b"# Card",
    }  # fmt: skip
    assert [query for path, query, _ in _Server.asked if path == f"{API}/runs/get"] == [
        {"run_id": ["run"]}
    ]
    asked = [(path, query) for path, query, _ in _Server.asked]
    assert asked[0] == (
        f"{API}/registered-models/alias", {"name": [NAME], "alias": ["reviewed"]},
    )  # fmt: skip
    assert not any("extra.pkl" in path for path, _ in asked)


@pytest.mark.parametrize("code", ["RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"])
def test_no_such_model_or_alias_is_none(uri, tmp_path, code):
    _Server.answers = {f"{API}/registered-models/alias": (404, {"error_code": code})}
    with client(tmp_path, uri) as asking:
        assert asking.version(NAME) is None


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (500, {}, "The registry at {} answered with status 500."),
        (503, b"<html>", "The registry at {} answered with status 503."),
        (302, b"", "The registry at {} answered with status 302."),
        (401, {}, "The registry at {} does not let this service in: see registry.token_file in "
         "service.toml."),
        (403, b"no", "The registry at {} does not let this service in: see registry.token_file in "
         "service.toml."),
        (200, b"<html>", "What answers at {} is no MLflow server."),
        (200, [], "What answers at {} is no MLflow server."),
        (200, {"model_version": 3}, "What answers at {} is no MLflow server."),
        (200, {"model_version": {"version": "../3"}}, "What answers at {} is no MLflow server."),
    ],
)  # fmt: skip
def test_whatever_else_is_answered_is_one_sentence(uri, tmp_path, status, body, said):
    _Server.answers = {f"{API}/registered-models/alias": (status, body)}
    with client(tmp_path, uri) as asking, pytest.raises(InputError) as refused:
        asking.version(NAME)
    assert str(refused.value) == said.format(uri)
    assert all(path != "/elsewhere" for path, *_ in _Server.asked), "no redirect is followed"


@pytest.mark.parametrize(
    ("path", "answer", "said"),
    [
        ("get-download-uri", (200, {"artifact_uri": "s3://bucket/1/run/artifacts/model"}),
         "does not hand out the files of version 3 of firstcall-readmission itself"),
        ("get-download-uri", (200, {"artifact_uri": "mlflow-artifacts:/../../etc"}),
         "is no MLflow server"),
        ("get-download-uri", (404, {"error_code": "RESOURCE_DOES_NOT_EXIST"}),
         "does not hand out the files"),
        ("get-download-uri", (200, {"artifact_uri": "models:/m-1"}), "does not hand out the files"),
        ("runs/get", (404, {"error_code": "RESOURCE_DOES_NOT_EXIST"}), "does not hand out"),
        ("runs/get", (200, {"run": {"info": {"artifact_uri": "/srv/mlruns/1/run/artifacts"}}}),
         "does not hand out the files"),
        ("", (200, {"files": [{"path": "model.txt"}]}), "has no model.json."),
        ("", (200, {"files": {}}), "is no MLflow server"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_had_are_one_sentence(uri, tmp_path, path, answer, said):
    key = {"": FILES, "runs/get": f"{API}/runs/get"}.get(path, f"{API}/model-versions/{path}")
    _Server.answers = whole(**{key: answer})
    with client(tmp_path, uri) as asking, pytest.raises(InputError, match=said):
        asking.fetch(THIRD, tmp_path)


def test_a_server_that_is_not_there_is_one_sentence_without_any_secret(tmp_path):
    uri = "http://bob:hunter2@127.0.0.1:1/mlflow/"
    assert shown(f"{uri}?token=hunter2") == shown(uri) == "http://127.0.0.1:1/mlflow"
    with client(tmp_path, uri) as asking, pytest.raises(InputError) as refused:
        asking.version(NAME)
    assert str(refused.value) == (
        "The registry at http://127.0.0.1:1/mlflow does not answer (ConnectError)."
    )


def test_a_token_is_read_from_its_file_and_sent(uri, tmp_path):
    (tmp_path / "token").write_text("s3cret\n")
    with client(tmp_path, uri, token_file="token") as asking:
        assert asking.version(NAME) is None
    assert [header for *_, header in _Server.asked] == ["Bearer s3cret"]
    for unusable in (None, b"\xff", b"two\nlines"):
        (tmp_path / "token").unlink()
        if unusable:
            (tmp_path / "token").write_bytes(unusable)
        with (
            pytest.raises(InputError, match=r"registry\.token_file"),
            client(tmp_path, uri, token_file="token") as asking,
        ):
            asking.version(NAME)
        (tmp_path / "token").write_text("x")
