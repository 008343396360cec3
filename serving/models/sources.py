"""Where models come from: a registry where one is configured, else the models inside the Bento,
else the home's own folder. A source is taken whole: its pair, not one model of each."""

from __future__ import annotations

from typing import Protocol

from data.home import Home
from serving.model_json import CARD
from serving.models.bento_store import inside
from serving.models.placed import TASKS, Placed, key_of, name_of
from serving.models.registry_client import RegistryClient, shown
from serving.models.registry_copy import RegistryCopy
from serving.settings import RegistrySettings, ServiceSettings


class Source(Protocol):
    """One place that models come from."""

    def find(self) -> Placed | None:
        """The pair that this source holds now, None where it holds none. Raises InputError where
        that cannot be told."""
        ...

    def took(self, placed: Placed) -> None:
        """Is told that a pair of it answers now."""
        ...


class HomeModels:
    """FIRSTCALL_HOME/models, where `firstcall promote` puts them."""

    def __init__(self, home: Home) -> None:
        self._models = home.models
        self._versions: tuple[str, dict[str, str]] = ("", {})

    def versions(self) -> dict[str, str]:
        """The version of each model that is here, by task; read where it is another pair than the
        last time. Raises what `Placed.versions` raises."""
        placed = self.find()
        if placed is None:
            return {}
        if self._versions[0] != placed.key:
            self._versions = placed.key, placed.versions()
        return self._versions[1]

    def find(self) -> Placed | None:
        folders = {task: self._models / task for task in TASKS if (self._models / task).exists()}
        if not folders:
            return None
        named = {task: str(folder) for task, folder in folders.items()}
        held = {task: folder.resolve() for task, folder in folders.items()}  # links may move
        seen = []
        for task, folder in held.items():
            for name in ("model.json", "model.txt", "cost.txt", CARD):
                file = folder / name
                about = file.stat() if file.is_file() else None
                seen.append((task, name, about and (about.st_ino, about.st_mtime_ns)))
        return Placed(held, dict.fromkeys(held, "home"), named, key_of(held, seen))

    def took(self, placed: Placed) -> None:
        pass


class BentoModels:
    """The models inside the Bento that is served; none where none is."""

    def find(self) -> Placed | None:
        return inside()

    def took(self, placed: Placed) -> None:
        pass


class Registry:
    """The versions of an MLflow registry that have the alias."""

    def __init__(self, home: Home, settings: RegistrySettings) -> None:
        self._home = home
        self._settings = settings
        self.copy = RegistryCopy(home, shown(settings.uri))

    def find(self) -> Placed | None:
        with RegistryClient(self._home, self._settings) as client:
            found = {task: client.version(name_of(task)) for task in TASKS}
            versions = {task: version for task, version in found.items() if version is not None}
            return self.copy.fetched(client, versions) if versions else None

    def took(self, placed: Placed) -> None:
        self.copy.keep(placed)


class LastFetched:
    """The pair that a registry's service took into use last."""

    def __init__(self, copy: RegistryCopy) -> None:
        self._copy = copy

    def find(self) -> Placed | None:
        return self._copy.last()

    def took(self, placed: Placed) -> None:
        pass


def sources(home: Home, settings: ServiceSettings) -> list[Source]:
    """Every source of a service, the one that counts most first."""
    own: list[Source] = [BentoModels(), HomeModels(home)]
    if settings.registry is None:
        return own
    registry = Registry(home, settings.registry)
    return [registry, LastFetched(registry.copy), *own]


def at_hand(home: Home, settings: ServiceSettings) -> Placed | None:
    """The pair that a service is going to begin with where its registry tells nothing new; None
    where there is none. Asks nobody over the network."""
    for source in sources(home, settings):
        placed = None if isinstance(source, Registry) else source.find()
        if placed is not None:
            return placed
    return None


def refuse_misfits(home: Home, settings: ServiceSettings) -> None:
    """Asks whether the models that a service is going to begin with fit this code: those inside
    the Bento, else, where no registry is configured, those of the home.

    Raises InputError or RefusalError (see `Placed.refuse_misfits`); does nothing where there is no
    model at all.
    """
    placed = inside()
    if placed is None and settings.registry is None:
        placed = HomeModels(home).find()
    if placed is not None:
        placed.refuse_misfits()
