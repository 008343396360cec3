"""What the rooms' tests share: one small invented home, made once a session."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from hypothesis import settings

from data.home import Home
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


@pytest.fixture(scope="session")
def small_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with an invented population taken in, its histories, and both models, quickly fitted.

    Read it only: copy it (`shutil.copytree(home.root, ..., symlinks=True)`) before writing to it.
    """
    from data.intake import take_in
    from data.synthesise import synthesise
    from features.writing import write_histories
    from training.release.promotion import promote
    from training.settings.tasks import HIGH_COST, READMISSION
    from training.train import train

    home = Home(tmp_path_factory.mktemp("small") / "home")
    synthesise(home.invented, SMALL_MEMBERS, years=4, seed=SMALL_SEED)
    take_in(home, "canonical", home.invented)
    write_histories(home)
    for task in (READMISSION, replace(HIGH_COST, months_between=6)):
        quick = replace(task.fit, rounds=40, folds=1, threads=1)
        few = replace(task.evaluation, replicates=10)
        train(home, task.name, replace(task, fit=quick, evaluation=few, lab=NO_LAB))
        promote(home, task.name, override="quickly fitted for tests")
    return home
