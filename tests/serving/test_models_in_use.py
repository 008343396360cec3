"""Which models the night takes: of the task's own kind, and of the days that it asks about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from data.errors import RefusalError
from data.home import Home
from serving.model import RiskModel
from serving.scoring import Models
from tests.serving.quick import write_quick_model

TAKEN = [
    # the folder's task, what model.json says otherwise
    ("readmission", {}),
    ("high-cost", {}),
    ("high-cost", {"horizon_days": 180}),
]
REFUSED = [
    ("readmission", {"kind": "encounter"}, "answers a question of another kind: run "
     "`firstcall train --task readmission`."),
    ("readmission", {"kind": "high-cost"}, "answers a question of another kind: run "
     "`firstcall train --task readmission`."),
    ("high-cost", {"kind": ["high-cost"]}, "answers a question of another kind: run "
     "`firstcall train --task high-cost`."),
    ("readmission", {"kind": None}, "does not say which kind of question it answers, because it "
     "was trained by an earlier release: run `firstcall train --task readmission`."),
    ("readmission", {"horizon_days": 90}, "is about 90 days after a discharge, and the night asks "
     "about 30: run `firstcall train --task readmission`."),
    ("readmission", {"horizon_days": 14}, "is about 14 days after a discharge, and the night asks "
     "about 30: run `firstcall train --task readmission`."),
]  # fmt: skip


@pytest.mark.parametrize(("task", "changed"), TAKEN)
def test_a_model_of_the_question_is_taken(
    task: str, changed: dict[str, Any], tmp_path: Path
) -> None:
    home = Home(tmp_path)
    write_quick_model(home.models / task, task, **changed)
    assert list(Models.load(home).by_task) == [task]


@pytest.mark.parametrize(("task", "changed", "said"), REFUSED)
def test_a_model_of_another_question_is_refused(
    task: str, changed: dict[str, Any], said: str, tmp_path: Path
) -> None:
    home = Home(tmp_path)
    folder = home.models / task
    write_quick_model(folder, task, **changed)
    with pytest.raises(RefusalError) as refused:
        Models.load(home)
    assert str(refused.value) == f"The model in {folder} {said}"
    assert RiskModel.load(folder, task).task == task, "others than the night may read it"


def test_a_model_of_an_earlier_release_says_no_kind(tmp_path: Path) -> None:
    home = Home(tmp_path)
    write_quick_model(home.models / "readmission", "readmission")
    path = home.models / "readmission" / "model.json"
    told = json.loads(path.read_text())
    del told["kind"]
    path.write_text(json.dumps(told))
    with pytest.raises(RefusalError, match="trained by an earlier release"):
        Models.load(home)
