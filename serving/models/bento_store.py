"""BentoML's model store: the promoted models of a home put into it, and those that a Bento names
found in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from data.errors import InputError, RefusalError
from data.home import Home
from serving.model_json import CARD
from serving.models.placed import TASKS, Placed, key_of, name_of

MODELS = "FIRSTCALL_BENTO_MODELS"
"""Names the models that `bentoml build` puts in, by tag, with blanks between."""
FILES = ("model.txt", "model.json", "cost.txt", CARD)
"""What a model in the store consists of, but for BentoML's own model.yaml. No pickle."""


def save(home: Home) -> dict[str, str]:
    """Puts the promoted models of a home into the store; gives their tags by task. One that is
    there already stays.

    Raises InputError where the home has no model, and what `Placed.refuse_misfits` raises.
    """
    import bentoml

    from serving.model import read_model_files, version_of
    from serving.models.sources import HomeModels

    placed = HomeModels(home).find()
    if placed is None:
        raise InputError(
            f"There is no model in {home.models}: `firstcall train --task readmission`, then "
            "`firstcall promote --task readmission`, and so with high-cost."
        )
    placed.refuse_misfits()
    tags = {}
    for task, folder in placed.folders.items():
        text, metadata = read_model_files(folder)
        tag = f"{name_of(task)}:{version_of(text, metadata)}"
        tags[task] = tag
        labels = {"task": task, "origin": str(metadata["origin"])}
        if not _is_there(tag):
            with bentoml.models.create(tag, labels=labels) as made:
                for name in FILES:
                    if (folder / name).is_file():
                        shutil.copyfile(folder / name, made.path_of(name))
    return tags


def _is_there(tag: str) -> bool:
    return _stored(tag) is not None


def _stored(tag: str) -> Any | None:
    import bentoml
    from bentoml.exceptions import NotFound

    try:
        return bentoml.models.get(tag)
    except NotFound:
        return None


def tags_to_build() -> dict[str, str]:
    """The models that a Bento is built with, by task: those that FIRSTCALL_BENTO_MODELS names,
    else the newest of each task in the store.

    Raises InputError where one that is named is not in the store, or of no task.
    """
    named = os.environ.get(MODELS, "").split()
    if not named:
        newest = {task: _stored(f"{name_of(task)}:latest") for task in TASKS}
        return {task: str(stored.tag) for task, stored in newest.items() if stored is not None}
    of_name = {name_of(task): task for task in TASKS}
    tags = {}
    for tag in named:
        task = of_name.get(tag.partition(":")[0])
        if task is None or ":" not in tag or not _is_there(tag):
            raise InputError(f"{MODELS}: {tag} is not in BentoML's model store: firstcall bento.")
        tags[task] = tag
    return tags


def tags_inside() -> dict[str, str]:
    """The models that the Bento which this code lies in was built with, by task; none elsewhere."""
    about = bento_folder() / "bento.yaml"
    if not about.is_file():
        return {}
    import yaml

    told = yaml.safe_load(about.read_text(encoding="utf-8"))
    models = [m for part in (told, *told.get("services", [])) for m in part.get("models", [])]
    of_name = {name_of(task): task for task in TASKS}
    tags = (str(model["tag"]) for model in models)
    found = {of_name.get(tag.partition(":")[0]): tag for tag in tags}
    return {task: found[task] for task in TASKS if task in found}


def bento_folder() -> Path:
    """The folder of the Bento that this code lies in; elsewhere it holds no bento.yaml."""
    return Path(__file__).resolve().parents[3]


def is_in_bento() -> bool:
    """Whether this code was loaded from a Bento."""
    return (bento_folder() / "bento.yaml").is_file()


@cache
def inside() -> Placed | None:
    """The models inside the Bento that this code lies in; None where there are none.

    Raises RefusalError where the model store lacks one of them.
    """
    return placed_of(tags_inside())


def placed_of(tags: Mapping[str, str]) -> Placed | None:
    """Models of the store; None where no tag is given. Raises RefusalError where one is lacking."""
    folders = {}
    for task, tag in tags.items():
        stored = _stored(tag)
        if stored is None:
            raise RefusalError(
                f"The Bento was built with the model {tag}, which is not in this model store: "
                "bring it with `bentoml export` and `bentoml import`."
            )
        folders[task] = Path(stored.path)
    told = {task: f"bento {tag}" for task, tag in tags.items()}
    return Placed(folders, told, told, key_of(sorted(tags.items()))) if folders else None
