"""A model that was trained on invented or public synthetic people does not score real ones, unless
somebody says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data.errors import RefusalError
from data.home import Home

if TYPE_CHECKING:
    from serving.scoring import Models

REAL = "own"
"""The origin of data about real people; any other is of people whom somebody made up."""
_TRAIN = "train it on your own data with `firstcall train --task {task}`."
SAY_SO = (
    'send "origin" with rows of made-up people, or allow it for all rows with other_origin = true '
    "in service.toml."
)
"""What to do about rows that a program sends."""


def origin_of_home(home: Home) -> str | None:
    """Whose data were taken in there: own, invented or public_synthetic; None where none were."""
    from data.generation import find_current

    taken = find_current(home)
    return None if taken is None else str(taken.manifest["origin"])


def origin_of_rows(home: Home, said: str | None) -> str:
    """The origin of rows that are sent: what is said of them, else that of the home's own data.
    Where neither tells, they are taken for those of real people."""
    return said or origin_of_home(home) or REAL


def made_on_strangers(models: Models) -> bool:
    """Whether one of these models was trained on people whom somebody made up."""
    return any(model.metadata["origin"] != REAL for model in models.by_task.values())


def refuse_strangers(
    models: Models, origin_of_rows: str, other_origin: bool, advice: str = _TRAIN
) -> None:
    """Raises RefusalError where real people would be scored by a model that was trained on others,
    unless `other_origin` allows that. `advice` is what to do instead; {task} in it is the model's.
    """
    if other_origin or origin_of_rows != REAL:
        return
    for task, model in models.by_task.items():
        origin = model.metadata["origin"]
        if origin != REAL:
            raise RefusalError(
                f"The {task} model was trained on data of origin {origin} and must not score real "
                f"people: {advice.replace('{task}', task)}"
            )
