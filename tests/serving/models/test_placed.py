"""Whether models fit is asked before any worker starts, in the words of whoever loads them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data.errors import FirstcallError, InputError, RefusalError
from data.home import Home
from serving.models.placed import Placed
from serving.models.sources import HomeModels
from serving.scoring import Models
from tests.serving.quick import write_quick_model
from tests.serving.test_models_in_use import REFUSED, TAKEN

ROOT = Path(__file__).resolve().parents[3]


def changed(**values: Any) -> Callable[[Path], None]:
    """Writes these values into model.json."""

    def change(folder: Path) -> None:
        path = folder / "model.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | values))

    return change


def damaged(folder: Path) -> None:
    (folder / "model.txt").write_text((folder / "model.txt").read_text()[:-20])


MISFITS = [
    (changed(fingerprint="0" * 64), RefusalError, "was trained with other feature definitions"),
    (changed(features=["age", "no_such"]), RefusalError, "uses a feature that is no longer decl"),
    (changed(asked_on="Easter"), RefusalError, "is asked on days that are not known"),
    (changed(task="high-cost"), RefusalError, "answers another question"),
    (changed(kind="high-cost"), RefusalError, "answers a question of another kind"),
    (changed(kind=None), RefusalError, "does not say which kind of question it answers"),
    (changed(horizon_days=90), RefusalError, "is about 90 days after a discharge"),
    (changed(format=2), InputError, "is not of format 1"),
    (changed(cuts=3), InputError, "holds no usable cuts"),
    (damaged, RefusalError, "is not the one that model.json was written with"),
    (lambda folder: (folder / "model.txt").unlink(), InputError, "There is no model.txt in"),
    (lambda folder: (folder / "model.json").write_text("{"), InputError, "cannot be read"),
]


def placed(home: Home) -> Placed:
    found = HomeModels(home).find()
    assert found is not None
    return found


@pytest.mark.parametrize(("damage", "kind", "words"), MISFITS)
def test_what_cannot_be_loaded_is_refused_before_in_the_same_words(
    damage: Callable[[Path], object], kind: type[FirstcallError], words: str, tmp_path: Path
) -> None:
    home = Home(tmp_path)
    write_quick_model(home.models / "readmission", "readmission")
    damage(home.models / "readmission")
    with pytest.raises(kind) as loading:
        Models.load(home)
    with pytest.raises(kind) as asking:
        placed(home).refuse_misfits()
    assert str(asking.value) == str(loading.value)
    assert words in str(asking.value)


@pytest.mark.parametrize(("task", "values", "said"), REFUSED)
def test_a_model_of_another_question_is_refused_before(
    task: str, values: dict[str, Any], said: str, tmp_path: Path
) -> None:
    home = Home(tmp_path)
    write_quick_model(home.models / task, task, **values)
    with pytest.raises(RefusalError) as refused:
        placed(home).refuse_misfits()
    assert str(refused.value) == f"The model in {home.models / task} {said}"


@pytest.mark.parametrize(("task", "values"), TAKEN)
def test_a_model_that_can_be_loaded_is_not_refused(
    task: str, values: dict[str, Any], tmp_path: Path
) -> None:
    home = Home(tmp_path)
    write_quick_model(home.models / task, task, **values)
    found = placed(home)
    found.refuse_misfits()
    assert found.models().versions == Models.load(home).versions


def test_an_error_speaks_of_where_models_come_from_and_never_of_a_folder_in_between(
    tmp_path: Path,
) -> None:
    write_quick_model(tmp_path / "fetched", "readmission", fingerprint="0" * 64)
    told = {"readmission": "registry http://host:5000 version 3"}
    found = Placed({"readmission": tmp_path / "fetched"}, told, told, "key")
    said = (
        "The model in registry http://host:5000 version 3 was trained with other feature "
        "definitions: run `firstcall train --task readmission`."
    )
    for ask in (found.models, found.refuse_misfits):
        with pytest.raises(RefusalError) as refused:
            ask()
        assert str(refused.value) == said


def test_whoever_starts_the_workers_asks_without_lightgbm(tmp_path: Path) -> None:
    home = Home(tmp_path)
    write_quick_model(home.models / "readmission", "readmission")
    code = (
        "import sys; from pathlib import Path; from data.home import Home;"
        "from serving.models.sources import refuse_misfits; from serving.settings import *;"
        f"refuse_misfits(Home(Path({str(tmp_path)!r})), ServiceSettings());"
        "print('features.as_of' in sys.modules, 'lightgbm' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["True", "False"]


def test_a_card_is_told_where_there_is_one(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for task in ("readmission", "high-cost"):
        write_quick_model(home.models / task, task)
    (home.models / "readmission" / "card.md").write_text("# Card")
    (home.models / "high-cost" / "card.md").write_bytes(b"\xff")
    assert placed(home).cards() == {"readmission": "# Card"}
