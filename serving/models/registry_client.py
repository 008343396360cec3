"""An MLflow server's registry over its documented REST API: which version has an alias, and its
files. Plain files are fetched, nothing that runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, urlsplit

from data.errors import InputError
from data.home import Home
from serving.model_json import CARD
from serving.settings import RegistrySettings

if TYPE_CHECKING:
    import httpx

_API = "api/2.0/mlflow"
_FILES = "api/2.0/mlflow-artifacts/artifacts"
NEEDED = ("model.txt", "model.json")
WANTED = (*NEEDED, "cost.txt")
"""The files of a model; a version holds nothing else that is read."""
_LARGEST_FILE = 2**30
_SECONDS = 30.0
_CONNECT_SECONDS = 5.0


@dataclass(frozen=True)
class RegisteredVersion:
    """One version of a registered model. `run_id` tells it from one of the same number in a
    registry that was begun anew."""

    name: str
    number: str
    run_id: str


class RegistryClient:
    """A connection to one MLflow server. Raises InputError in one sentence wherever the server
    does not answer, does not let this service in, or answers something else."""

    def __init__(self, home: Home, settings: RegistrySettings) -> None:
        import httpx

        self.place = shown(settings.uri)
        self._alias = settings.alias
        self._base = settings.uri.rstrip("/")
        headers = {}
        if settings.token_file:
            headers["authorization"] = f"Bearer {_token(home.root / settings.token_file)}"
        patience = httpx.Timeout(_SECONDS, connect=_CONNECT_SECONDS)
        self._http = httpx.Client(headers=headers, timeout=patience)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def version(self, name: str) -> RegisteredVersion | None:
        """The version of a registered model that has the alias; None where none has."""
        asked = {"name": name, "alias": self._alias}
        answer = self._json(f"{_API}/registered-models/alias", asked)
        if answer is None:
            return None
        found = answer.get("model_version")
        number = str(found.get("version", "")) if isinstance(found, dict) else ""
        if not isinstance(found, dict) or not number.isdigit():
            raise self._unexpected()
        return RegisteredVersion(name, number, str(found.get("run_id", "")))

    def fetch(self, version: RegisteredVersion, into: Path) -> None:
        """Writes the files of a version into the folder `into`, its card beside them where its run
        has one."""
        place = self._place_of_files(version)
        there = self._listed(place)
        for name in WANTED:
            if name in there:
                self._download(f"{place}/{name}", into / name)
            elif name in NEEDED:
                raise InputError(
                    f"Version {version.number} of {version.name} in the registry at {self.place} "
                    f"has no {name}."
                )
        run, _, _ = place.rpartition("/")
        if run and CARD in self._listed(run):
            self._download(f"{run}/{CARD}", into / CARD)

    def _place_of_files(self, version: RegisteredVersion) -> str:
        asked = {"name": version.name, "version": version.number}
        answer = self._json(f"{_API}/model-versions/get-download-uri", asked) or {}
        uri = urlsplit(str(answer.get("artifact_uri", "")))
        if uri.scheme == "runs":  # a folder of a run, as trainings are registered here
            run_id, _, folder = uri.path.strip("/").partition("/")
            uri = urlsplit(f"{self._place_of_run(run_id)}/{folder}")
        place = uri.path.strip("/")
        if uri.scheme != "mlflow-artifacts":
            raise InputError(
                f"The registry at {self.place} does not hand out the files of version "
                f"{version.number} of {version.name} itself: start `mlflow server` with "
                "--serve-artifacts and --artifacts-destination, and record the model anew."
            )
        if ".." in place.split("/"):
            raise self._unexpected()
        return place

    def _place_of_run(self, run_id: str) -> str:
        answer = self._json(f"{_API}/runs/get", {"run_id": run_id}) or {}
        try:
            return str(answer["run"]["info"]["artifact_uri"]).rstrip("/")
        except (KeyError, TypeError):
            return ""

    def _listed(self, place: str) -> set[str]:
        answer = self._json(_FILES, {"path": place}) or {}
        files = answer.get("files", [])
        if not isinstance(files, list) or not all(isinstance(file, dict) for file in files):
            raise self._unexpected()
        return {str(file.get("path", "")) for file in files if not file.get("is_dir")}

    def _download(self, place: str, into: Path) -> None:
        url, held = f"{self._base}/{_FILES}/{quote(place)}", 0
        with self._sentences(), self._http.stream("GET", url) as answer:
            self._refuse_status(answer)
            with into.open("wb") as file:
                for part in answer.iter_bytes():
                    held += len(part)
                    if held > _LARGEST_FILE:
                        raise InputError(f"A file in the registry at {self.place} is too large.")
                    file.write(part)

    def _json(self, path: str, asked: dict[str, str]) -> dict[str, Any] | None:
        """What the server answers; None where it says that there is nothing of that name."""
        with self._sentences():
            answer = self._http.get(f"{self._base}/{path}", params=asked)
            said: Any = None
            try:
                said = answer.json()
            except ValueError:
                if answer.is_success:
                    raise self._unexpected() from None
            if not isinstance(said, dict):
                said = {}
            if said.get("error_code") in ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"):
                return None
            if said.get("error_code") == "INVALID_PARAMETER_VALUE" and "alias" in asked:
                return None  # how MLflow says that no version has the alias
            self._refuse_status(answer)
            return said

    def _refuse_status(self, answer: httpx.Response) -> None:
        if answer.status_code in (401, 403):
            raise InputError(
                f"The registry at {self.place} does not let this service in: see "
                "registry.token_file in service.toml."
            )
        if not answer.is_success:
            raise InputError(
                f"The registry at {self.place} answered with status {answer.status_code}."
            )

    def _unexpected(self) -> InputError:
        return InputError(f"What answers at {self.place} is no MLflow server.")

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        import httpx

        try:
            yield
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise InputError(
                f"The registry at {self.place} does not answer ({type(error).__name__})."
            ) from None


def shown(uri: str) -> str:
    """An address without user, password and options."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"


def _token(file: Path) -> str:
    try:
        token = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        token = ""
    if not token.isprintable() or not token:
        raise InputError("The file that registry.token_file names cannot be read, or is no token.")
    return token
