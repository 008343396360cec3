"""The home is for its owner alone, whoever makes it and whatever the umask of the process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from data.demo_folder import begin_anew
from data.generation import workbench_folder
from data.home import Home
from data.synthesise import synthesise
from serving.store import Store
from training.fitting.checkpoints import checkpoints
from training.release.registry import CHAMPION, version_at


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(folder: Path) -> int:
    return folder.stat().st_mode & 0o777


def take_in(home: Home) -> None:
    with workbench_folder(home):
        pass


def train(home: Home) -> None:
    with checkpoints(home.root / "unfinished", "readmission", {}, False, lambda _: None):
        pass


MAKERS: dict[str, Callable[[Home], object]] = {
    "by itself": Home.make,
    "an intake": take_in,
    "an invented population": lambda home: synthesise(home.invented, 20, years=2, seed=1),
    "the store": lambda home: Store.of_home(home).close(),
    "a training": train,
    "the registry": lambda home: version_at(home, "readmission", CHAMPION),
    "a demo": lambda home: begin_anew(home.root),
}


@pytest.mark.parametrize("maker", MAKERS)
def test_a_home_is_made_for_its_owner_alone(tmp_path: Path, open_umask: None, maker: str) -> None:
    home = Home(tmp_path / "deeper" / "home")
    MAKERS[maker](home)
    assert mode(home.root) == 0o700


@pytest.mark.parametrize("maker", [name for name in MAKERS if name != "a demo"])
def test_a_home_that_is_there_keeps_its_mode(tmp_path: Path, open_umask: None, maker: str) -> None:
    home = Home(tmp_path / "home")
    home.root.mkdir(mode=0o750)
    MAKERS[maker](home)
    assert mode(home.root) == 0o750
