"""What the rooms' tests share: one small invented home, made once a run, and who goes first."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings

from data.home import Home
from tests.once_a_run import OnceARun
from tests.training.small import NO_LAB

# Nothing of the tests is told to anybody, and no child process either.
os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
# Whoever works on a database of his own does not find tests in it.
os.environ.pop("FIRSTCALL_DATABASE", None)

# A test is about an answer: how long it takes depends on who else is at work.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

SMALL_MEMBERS = 3000
SMALL_SEED = 20240601

SLOWEST = (
    "test_real_claims", "test_recalibrate", "test_walk", "test_notebooks", "test_train",
    "test_promotion", "test_registry_on_postgresql", "test_gate_on_trainings",
    "test_synthesise_difficulty", "test_labels_equal_oracle", "test_bento",
    "test_registry_taken_up", "test_answer_together",
)  # fmt: skip
"""Files of a minute or so, the slowest first: with several processes each takes whole files, and
one that came last would be waited for by all others."""


def pytest_configure(config: pytest.Config) -> None:
    # else pytest-xdist begins with the files of many tests, which are the quick ones here
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(SLOWEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


@pytest.fixture(scope="session")
def once_a_run(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> OnceARun:
    return OnceARun.of(request, tmp_path_factory)


@pytest.fixture(scope="session")
def small_home(once_a_run: OnceARun) -> Home:
    """A home with an invented population taken in, its histories, and both models, quickly fitted.

    Read it only, as other processes of the run do meanwhile: copy it
    (`shutil.copytree(home.root, ..., symlinks=True)`) before writing to it.
    """
    return Home(once_a_run.folder("small", make_small_home) / "home")


def make_small_home(folder: Path) -> None:
    from data.intake import take_in
    from data.synthesise import synthesise
    from features.writing import write_histories
    from tests.training.unrendered import unrendered
    from training.release.promotion import promote
    from training.settings.tasks import HIGH_COST, READMISSION
    from training.train import train

    home = Home(folder / "home")
    synthesise(home.invented, SMALL_MEMBERS, years=4, seed=SMALL_SEED)
    take_in(home, "canonical", home.invented)
    write_histories(home)
    for task in (READMISSION, replace(HIGH_COST, months_between=6)):
        quick = replace(task.fit, rounds=40, folds=1, threads=1)
        few = replace(task.evaluation, replicates=10)
        with unrendered(".png"):  # a page shows the .svg beside it
            train(home, task.name, replace(task, fit=quick, evaluation=few, lab=NO_LAB))
        promote(home, task.name, override="quickly fitted for tests")
