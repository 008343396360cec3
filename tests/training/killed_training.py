"""A small training with all its stages, in processes that are killed one after another.

`python -m tests.training.killed_training FOLDER` imports once and forks each process: LightGBM has
run no thread of its own before.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.training.synthetic_learner import BAD, learner
from training.fitting.checkpoints import checkpoints
from training.fitting.search import search
from training.fitting.selection import select
from training.fitting.stage_files import (
    read_fitted,
    read_matrix,
    read_selected,
    write_fitted,
    write_matrix,
    write_selected,
)
from training.settings.search_settings import SearchSettings, SelectionSettings

STAGES = ("matrix", "trial 0", "trial 1", "selection", "fit")
KEY = {"settings fit.seed": "1", "data as taken in": "a"}
SEARCH = SearchSettings(trials=2, folds=2, startup=2)
SELECTION = SelectionSettings(drop_unhelpful=True, folds=2, rows=100)


def training(home: Path, resume: bool, killed: str = "") -> None:
    """One training into `home/model.txt`. `killed`: after "made", "written" or "kept" of a stage
    (`fit written`: its files are there, and not yet in their place). What is made is told in
    `home/made`."""

    def at(point: str) -> None:
        if point == killed:
            os.kill(os.getpid(), signal.SIGKILL)

    def made(stage: str) -> None:
        with (home / "made").open("a") as file:
            file.write(f"{stage}\n")
        at(f"{stage} made")

    def staged(stage: str, make: Callable[[], Any], write: Any, read: Any) -> Any:
        def making() -> Any:
            value = make()
            made(stage)
            return value

        def writing(folder: Path, value: Any) -> None:
            write(folder, value)
            at(f"{stage} written")

        value = kept.kept(stage, making, writing, read)
        at(f"{stage} kept")
        return value

    def tell(sentence: str) -> None:
        with (home / "told").open("a") as file:
            file.write(f"{sentence}\n")

    with checkpoints(home / "unfinished", "readmission", KEY, resume, tell) as kept:
        here = learner(400, fit=BAD)
        rows = here.matrix.rows.assign(as_of=here.matrix.rows["as_of"] + 20_000)
        matrix = staged(
            "matrix", lambda: replace(here.matrix, rows=rows, cuts={"x0": [0.1, 0.7]}),
            write_matrix, lambda folder: read_matrix(folder, rows),
        )  # fmt: skip
        here = replace(here, matrix=matrix)
        searched = search(here, SEARCH, kept.search_storage, resume=True,
                          on_trial=lambda trial: made(f"trial {trial.number}"))  # fmt: skip
        here = replace(here, task=replace(here.task, fit=searched.settings))
        selected = staged("selection", lambda: select(here, SELECTION), write_selected,
                          read_selected)  # fmt: skip
        here = replace(here, names=selected.names)
        fitted = staged("fit", here.fit, write_fitted, read_fitted)
        about = [fitted.rounds, fitted.stopped_at, selected.to_json(), searched.words, matrix.cuts,
                 searched.table.to_csv()]  # fmt: skip
        (home / "model.txt").write_text(fitted.text + json.dumps(about))
        at("recorded")
        kept.recorded()


def in_a_process(home: Path, resume: bool, killed: str = "") -> int:
    """How a training in a process of its own ended: 0, or minus the signal."""
    home.mkdir(exist_ok=True)
    process = os.fork()
    if process == 0:
        try:
            training(home, resume, killed)
        except BaseException as error:
            print(repr(error), file=sys.stderr)  # noqa: T201
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


POINTS = [
    f"{stage} {point}"
    for stage in STAGES
    for point in (("made",) if stage.startswith("trial") else ("made", "written", "kept"))
] + ["recorded"]


def main(folder: Path) -> None:
    """One training that nothing stops into `whole`; one that is killed at each of POINTS, and each
    time gone on with, into `killed`. How the processes ended into `ended.json`."""
    import lightgbm  # noqa: F401
    import optuna

    assert optuna.storages.RDBStorage  # it imports SQLAlchemy when it is asked for
    ended = [in_a_process(folder / "whole", resume=False)]
    ended += [in_a_process(folder / "killed", n > 0, point) for n, point in enumerate(POINTS)]
    ended += [in_a_process(folder / "killed", resume=True)]
    (folder / "ended.json").write_text(json.dumps(ended))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
